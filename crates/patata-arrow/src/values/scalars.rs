//! Which types hold texts, bytes, numbers, or any scalars, whatever they are packed into; and a row's value, once its
//! column is brought into one layout (layouts.rs).

use arrow_array::timezone::Tz;
use arrow_array::{Array, StringViewArray};
use arrow_schema::DataType;

/// The type of the values, whatever they are packed into.
pub(crate) fn unpacked(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => unpacked(values),
        DataType::RunEndEncoded(_, values) => unpacked(values.data_type()),
        other => other,
    }
}

/// Whether the values are texts.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    unpacked(data_type).is_string()
}

/// Whether the values have a text form: texts, numbers, truth values, dates and times; and columns of nulls only.
pub(crate) fn is_scalar(data_type: &DataType) -> bool {
    let values = unpacked(data_type);
    let is_plain =
        values.is_string() || values.is_primitive() || matches!(values, DataType::Boolean | DataType::Null);
    is_plain && has_known_zone(values)
}

/// Whether moments of a type can be told: not where nobody knows their time zone.
fn has_known_zone(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => zone.parse::<Tz>().is_ok(),
        _ => true,
    }
}

/// Whether the values are bytes or texts.
pub(crate) fn is_bytes(data_type: &DataType) -> bool {
    let values = unpacked(data_type);
    values.is_string()
        || values.is_binary()
        || matches!(values, DataType::FixedSizeBinary(_) | DataType::Null)
}

/// Whether the values are numbers, of seconds among others.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    let values = unpacked(data_type);
    values.is_numeric() || matches!(values, DataType::Null)
}

/// The value of a row, where it is not null.
pub(crate) fn text(texts: &StringViewArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Int8Type, Int32Type};
    use arrow_array::{
        ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
        DurationMillisecondArray, FixedSizeBinaryArray, Float32Array, Int64Array, LargeBinaryArray,
        LargeStringArray, NullArray, RunArray, StringArray, TimestampMicrosecondArray, UInt8Array,
    };

    use arrow_schema::TimeUnit;

    use super::*;
    use crate::values::layouts::{bytes, numbers, texts};

    fn read(array: ArrayRef) -> Vec<Option<String>> {
        assert!(is_scalar(array.data_type()), "{}", array.data_type());
        let texts = texts(&array).unwrap();
        (0..texts.len()).map(|row| text(&texts, row).map(str::to_owned)).collect()
    }

    #[test]
    fn every_layout_of_texts_reads_the_same() {
        let long = "a text that is too long for a view to hold it by itself";
        let values = [Some("a"), None, Some(""), Some(long), Some("é")];
        let layouts: [ArrayRef; 6] = [
            Arc::new(StringArray::from_iter(values)),
            Arc::new(LargeStringArray::from_iter(values)),
            Arc::new(StringViewArray::from_iter(values)),
            Arc::new(DictionaryArray::<Int32Type>::from_iter(values)),
            Arc::new(DictionaryArray::<Int8Type>::from_iter(values)),
            Arc::new(RunArray::<Int32Type>::from_iter(values)),
        ];
        let expected: Vec<_> = values.iter().map(|value| value.map(str::to_owned)).collect();
        for array in layouts {
            assert!(is_text(array.data_type()) && is_bytes(array.data_type()));
            assert_eq!(read(array.clone()), expected, "{}", array.data_type());
            assert_eq!(read(array.slice(1, 3)), expected[1..4], "{}", array.data_type());
            assert_eq!(read(array.slice(0, 0)), [], "{}", array.data_type());
        }
    }

    #[test]
    fn numbers_dates_and_times_have_a_text_form() {
        let columns: [(ArrayRef, &str); 8] = [
            (Arc::new(Int64Array::from(vec![-7])), "-7"),
            (Arc::new(UInt8Array::from(vec![255])), "255"),
            (Arc::new(Float32Array::from(vec![1.5])), "1.5"),
            (Arc::new(BooleanArray::from(vec![true])), "true"),
            (Arc::new(Date32Array::from(vec![1])), "1970-01-02"),
            (Arc::new(TimestampMicrosecondArray::from(vec![1_500_000])), "1970-01-01T00:00:01.500"),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Madrid")),
                "1970-01-01T01:00:00+01:00",
            ),
            (Arc::new(Decimal128Array::from(vec![1234]).with_precision_and_scale(10, 2).unwrap()), "12.34"),
        ];
        for (array, expected) in columns {
            assert_eq!(read(array.clone()), [Some(expected.to_owned())], "{}", array.data_type());
        }
        assert_eq!(read(Arc::new(NullArray::new(2))), [None, None]);
        assert!(!is_scalar(&DataType::Timestamp(TimeUnit::Second, Some("Mars/Phobos".into()))));
    }

    #[test]
    fn bytes_come_from_every_layout() {
        let values: [&[u8]; 2] = [b"\xff\0", b""];
        let layouts: [ArrayRef; 3] = [
            Arc::new(BinaryArray::from_iter_values(values)),
            Arc::new(LargeBinaryArray::from_iter_values(values)),
            Arc::new(BinaryViewArray::from_iter_values(values)),
        ];
        for array in layouts {
            let read = bytes(&array).unwrap();
            assert!(is_bytes(array.data_type()));
            assert_eq!((read.value(0), read.value(1)), (values[0], values[1]), "{}", array.data_type());
        }
        let fixed: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([b"ab"].into_iter()).unwrap());
        assert_eq!(bytes(&fixed).unwrap().value(0), b"ab");
    }

    #[test]
    fn lengths_of_time_are_seconds() {
        let lengths: ArrayRef = Arc::new(DurationMillisecondArray::from(vec![Some(1500), None]));
        let read = numbers(&lengths).unwrap();
        assert_eq!((read.value(0), read.is_null(1)), (1.5, true));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![30]));
        assert_eq!(numbers(&counts).unwrap().value(0), 30.0);
    }
}
