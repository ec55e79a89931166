//! Columns of any layout brought into one: what is packed is unpacked, texts and bytes become views, lists large lists.
//!
//! `arrow_cast::cast` does it all, between any two types: so many that it alone is a tenth of what Python's wheel may
//! have.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::cast::{AsArray, as_run_array};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, Float64Array, GenericListViewArray, LargeListArray, OffsetSizeTrait,
    RunArray, StringViewArray, UInt64Array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer, i256};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use arrow_select::take::take;

use crate::type_text::nullable;

/// Takes values out of what they are packed into: a dictionary, or runs of equal ones.
///
/// # Errors
/// None that is known, where the column is whole.
pub(crate) fn unpack(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let taken = match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            take(&shared(dictionary.values()), dictionary.keys(), None)?
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => unrolled(as_run_array::<Int16Type>(array))?,
            DataType::Int32 => unrolled(as_run_array::<Int32Type>(array))?,
            _ => unrolled(as_run_array::<Int64Type>(array))?,
        },
        _ => return Ok(array.clone()),
    };
    unpack(&taken)
}

fn unrolled<R: RunEndIndexType>(runs: &RunArray<R>) -> Result<ArrayRef, ArrowError> {
    let places = (0..runs.len()).map(|row| runs.get_physical_index(row) as u64);
    take(&shared(runs.values()), &UInt64Array::from_iter_values(places), None)
}

/// Texts as views, which share what a copy for each row would repeat; all else as it is.
fn shared(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8 => Arc::new(StringViewArray::from(values.as_string::<i32>())),
        DataType::LargeUtf8 => Arc::new(StringViewArray::from(values.as_string::<i64>())),
        _ => values.clone(),
    }
}

/// The values as texts: numbers in decimal, dates and times as in RFC 3339.
///
/// # Errors
/// For values that have no text form.
pub(crate) fn texts(array: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    let array = shared(&unpack(array)?);
    match array.data_type() {
        DataType::Utf8View => Ok(array.as_string_view().clone()),
        DataType::Null => Ok(StringViewArray::new_null(array.len())),
        _ => formatted(&array),
    }
}

fn formatted(array: &dyn Array) -> Result<StringViewArray, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    let mut texts = StringViewBuilder::with_capacity(array.len());
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        formatter.value(row).write(&mut text)?;
        texts.append_value(&text);
    }
    Ok(texts.finish())
}

/// The values as bytes.
///
/// # Errors
/// For values that are neither bytes nor texts, and have no text form.
pub(crate) fn bytes(array: &ArrayRef) -> Result<BinaryViewArray, ArrowError> {
    let array = unpack(array)?;
    Ok(match array.data_type() {
        DataType::Binary => BinaryViewArray::from(array.as_binary::<i32>()),
        DataType::LargeBinary => BinaryViewArray::from(array.as_binary::<i64>()),
        DataType::BinaryView => array.as_binary_view().clone(),
        DataType::FixedSizeBinary(_) => {
            let mut bytes = BinaryViewBuilder::with_capacity(array.len());
            array.as_fixed_size_binary().iter().for_each(|value| bytes.append_option(value));
            bytes.finish()
        }
        _ => texts(&array)?.to_binary_view(),
    })
}

/// The values as numbers; of lengths of time their seconds.
///
/// # Errors
/// Where they are no numbers.
#[expect(clippy::cast_precision_loss, reason = "a number of more than 53 bits is rounded, as by any cast")]
pub(crate) fn numbers(array: &ArrayRef) -> Result<Float64Array, ArrowError> {
    let array = unpack(array)?;
    Ok(match array.data_type() {
        DataType::Int8 => numbers_of::<Int8Type>(&array, f64::from),
        DataType::Int16 => numbers_of::<Int16Type>(&array, f64::from),
        DataType::Int32 => numbers_of::<Int32Type>(&array, f64::from),
        DataType::Int64 => numbers_of::<Int64Type>(&array, |number| number as f64),
        DataType::UInt8 => numbers_of::<UInt8Type>(&array, f64::from),
        DataType::UInt16 => numbers_of::<UInt16Type>(&array, f64::from),
        DataType::UInt32 => numbers_of::<UInt32Type>(&array, f64::from),
        DataType::UInt64 => numbers_of::<UInt64Type>(&array, |number| number as f64),
        DataType::Float16 => numbers_of::<Float16Type>(&array, f64::from),
        DataType::Float32 => numbers_of::<Float32Type>(&array, f64::from),
        DataType::Float64 => array.as_primitive::<Float64Type>().clone(),
        DataType::Decimal32(_, scale) => {
            numbers_of::<Decimal32Type>(&array, |digits| f64::from(digits) / ten(*scale))
        }
        DataType::Decimal64(_, scale) => {
            numbers_of::<Decimal64Type>(&array, |digits| digits as f64 / ten(*scale))
        }
        DataType::Decimal128(_, scale) => {
            numbers_of::<Decimal128Type>(&array, |digits| digits as f64 / ten(*scale))
        }
        DataType::Decimal256(_, scale) => {
            numbers_of::<Decimal256Type>(&array, |digits| wide(digits) / ten(*scale))
        }
        DataType::Duration(TimeUnit::Second) => {
            numbers_of::<DurationSecondType>(&array, |count| count as f64)
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            numbers_of::<DurationMillisecondType>(&array, |count| count as f64 / 1e3)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            numbers_of::<DurationMicrosecondType>(&array, |count| count as f64 / 1e6)
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            numbers_of::<DurationNanosecondType>(&array, |count| count as f64 / 1e9)
        }
        DataType::Null => Float64Array::new_null(array.len()),
        other => return Err(ArrowError::CastError(format!("{other} is no number"))),
    })
}

fn numbers_of<T: ArrowPrimitiveType>(array: &ArrayRef, number: impl Fn(T::Native) -> f64) -> Float64Array {
    array.as_primitive::<T>().unary(number)
}

/// A number of 256 bits, of which two halves are made.
#[expect(clippy::cast_precision_loss, reason = "as of all other numbers")]
fn wide(digits: i256) -> f64 {
    let (low, high) = digits.wrapping_abs().to_parts();
    let magnitude = high as f64 * 2_f64.powi(128) + low as f64;
    if digits.is_negative() { -magnitude } else { magnitude }
}

fn ten(scale: i8) -> f64 {
    10_f64.powi(scale.into())
}

/// Lists of scalars, of any layout, as lists of texts.
///
/// # Errors
/// Where they are no lists, or of items that have no text form.
pub(crate) fn text_lists(array: &ArrayRef) -> Result<LargeListArray, ArrowError> {
    let (offsets, items) = match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let offsets = lists.value_offsets().iter().map(|offset| i64::from(*offset)).collect();
            (offsets, texts(lists.values())?)
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            (lists.value_offsets().to_vec(), texts(lists.values())?)
        }
        DataType::FixedSizeList(_, length) => {
            let offsets = (0..).step_by(usize::try_from(*length).unwrap_or_default().max(1));
            let offsets =
                if *length == 0 { vec![0; array.len() + 1] } else { offsets.take(array.len() + 1).collect() };
            (offsets, texts(array.as_fixed_size_list().values())?)
        }
        DataType::ListView(_) => one_after_another(array.as_list_view::<i32>())?,
        DataType::LargeListView(_) => one_after_another(array.as_list_view::<i64>())?,
        other => return Err(ArrowError::CastError(format!("{other} is no list"))),
    };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let item = nullable("item", DataType::Utf8View);
    LargeListArray::try_new(item, offsets, Arc::new(items), array.nulls().cloned())
}

/// The items of lists that may lie anywhere, in the order of the lists, and where each list's begin.
fn one_after_another<O: OffsetSizeTrait>(
    lists: &GenericListViewArray<O>,
) -> Result<(Vec<i64>, StringViewArray), ArrowError> {
    let (mut offsets, mut places) = (vec![0], Vec::new());
    for row in 0..lists.len() {
        if lists.is_valid(row) {
            let begin = lists.value_offset(row).as_usize();
            places.extend((begin..begin + lists.value_size(row).as_usize()).map(|place| place as u64));
        }
        offsets.push(i64::try_from(places.len()).unwrap_or(i64::MAX));
    }
    let items: ArrayRef = Arc::new(texts(lists.values())?);
    let items = take(&items, &UInt64Array::from(places), None)?;
    Ok((offsets, items.as_string_view().clone()))
}

#[cfg(test)]
mod tests {
    //! `arrow_cast` says what is right.

    use arrow_array::builder::{FixedSizeListBuilder, Int32Builder, ListBuilder, StringBuilder};
    use arrow_array::{
        BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal32Array, Decimal64Array, Decimal128Array,
        Decimal256Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, Int8Array, Int16Array,
        Int32Array, Int64Array, LargeBinaryArray, LargeListViewArray, LargeStringArray, ListViewArray,
        NullArray, RunArray, StringArray, Time32SecondArray, Time64NanosecondArray, TimestampNanosecondArray,
        UInt8Array, UInt16Array, UInt32Array,
    };
    use arrow_cast::cast;

    use super::*;

    const LONG: &str = "a text that is too long for a view to hold it by itself";

    /// A column, and what is left of it without its ends.
    fn whole_and_sliced(array: ArrayRef) -> [ArrayRef; 2] {
        let within = array.slice(1, array.len() - 2);
        [array, within]
    }

    fn packed(values: ArrayRef) -> Vec<ArrayRef> {
        let keys = Int8Array::from(vec![Some(1), None, Some(0), Some(1), Some(2)]);
        let dictionary = DictionaryArray::try_new(keys, values.clone()).unwrap();
        let ends = Int32Array::from(vec![2, 3, 7]);
        let runs = RunArray::try_new(&ends, &values.slice(0, 3)).unwrap();
        vec![values, Arc::new(dictionary), Arc::new(runs)]
    }

    fn columns() -> Vec<ArrayRef> {
        let decimal = |array: Decimal128Array| array.with_precision_and_scale(10, 2).unwrap();
        let plain: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("a"), None, Some(LONG), Some("")])),
            Arc::new(LargeStringArray::from(vec![Some("a"), None, Some(LONG), Some("")])),
            Arc::new(StringViewArray::from(vec![Some("a"), None, Some(LONG), Some("")])),
            Arc::new(Int8Array::from(vec![Some(-1), None, Some(i8::MAX), Some(0)])),
            Arc::new(Int16Array::from(vec![Some(-1), None, Some(i16::MAX), Some(0)])),
            Arc::new(Int32Array::from(vec![Some(-1), None, Some(i32::MAX), Some(0)])),
            Arc::new(Int64Array::from(vec![Some(-1), None, Some(i64::MAX), Some(0)])),
            Arc::new(UInt8Array::from(vec![Some(1), None, Some(u8::MAX), Some(0)])),
            Arc::new(UInt16Array::from(vec![Some(1), None, Some(u16::MAX), Some(0)])),
            Arc::new(UInt32Array::from(vec![Some(1), None, Some(u32::MAX), Some(0)])),
            Arc::new(UInt64Array::from(vec![Some(1), None, Some(u64::MAX), Some(0)])),
            cast(&Float32Array::from(vec![Some(0.5), None, Some(-2.0), Some(0.0)]), &DataType::Float16)
                .unwrap(),
            Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::NAN), Some(-1e30)])),
            Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::INFINITY), Some(-1e300)])),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
            Arc::new(Date32Array::from(vec![Some(1), None, Some(-1), Some(0)])),
            Arc::new(Date64Array::from(vec![Some(86_400_000), None, Some(-1), Some(0)])),
            Arc::new(Time32SecondArray::from(vec![Some(1), None, Some(86_399), Some(0)])),
            Arc::new(Time64NanosecondArray::from(vec![Some(1), None, Some(86_399_000_000_000), Some(0)])),
            Arc::new(
                TimestampNanosecondArray::from(vec![Some(1), None, Some(-1), Some(0)])
                    .with_timezone("+01:00"),
            ),
            Arc::new(decimal(Decimal128Array::from(vec![Some(1234), None, Some(-5), Some(0)]))),
            Arc::new(
                Decimal32Array::from(vec![Some(12), None, Some(-5), Some(0)])
                    .with_precision_and_scale(5, 1)
                    .unwrap(),
            ),
            Arc::new(
                Decimal64Array::from(vec![Some(12), None, Some(-5), Some(0)])
                    .with_precision_and_scale(5, 1)
                    .unwrap(),
            ),
            Arc::new(
                Decimal256Array::from(vec![
                    Some(i256::from_i128(i128::MAX).checked_mul(i256::from_i128(1000)).unwrap()),
                    None,
                    Some(i256::from_i128(-5)),
                    Some(i256::ZERO),
                ])
                .with_precision_and_scale(70, 3)
                .unwrap(),
            ),
        ];
        let packed = plain.into_iter().flat_map(packed).chain([Arc::new(NullArray::new(4)) as ArrayRef]);
        packed.flat_map(whole_and_sliced).collect()
    }

    #[test]
    fn texts_are_those_of_a_cast() {
        for column in columns() {
            let unpacked = cast(&unpack(&column).unwrap(), &DataType::Utf8View).unwrap();
            assert_eq!(&texts(&column).unwrap(), unpacked.as_string_view(), "{}", column.data_type());
        }
    }

    #[test]
    fn what_is_packed_is_what_a_cast_unpacks() {
        for column in columns() {
            let (DataType::Dictionary(_, plain), column) = (column.data_type().clone(), column) else {
                continue;
            };
            let expected = cast(&cast(&column, &plain).unwrap(), &DataType::Utf8View).unwrap();
            assert_eq!(&texts(&column).unwrap(), expected.as_string_view(), "{plain}");
        }
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(LONG)]));
        let runs = RunArray::try_new(&Int16Array::from(vec![2, 3, 5]), &values).unwrap();
        let expected = StringViewArray::from(vec![Some("a"), Some("a"), None, Some(LONG), Some(LONG)]);
        let runs: ArrayRef = Arc::new(runs);
        assert_eq!(texts(&runs).unwrap(), expected);
        assert_eq!(texts(&runs.slice(1, 3)).unwrap(), expected.slice(1, 3));
    }

    #[test]
    fn numbers_are_those_of_a_cast() {
        let mut count = 0;
        for column in columns() {
            let plain = unpack(&column).unwrap();
            if !plain.data_type().is_numeric() {
                continue;
            }
            count += 1;
            let expected = cast(&plain, &DataType::Float64).unwrap();
            let expected = expected.as_primitive::<Float64Type>();
            let read = numbers(&column).unwrap();
            assert_eq!(read.nulls(), expected.nulls());
            for row in (0..read.len()).filter(|row| read.is_valid(*row)) {
                let (own, theirs) = (read.value(row), expected.value(row));
                let is_near = own == theirs || (own - theirs).abs() <= theirs.abs() * 1e-15;
                assert!(
                    is_near || (own.is_nan() && theirs.is_nan()),
                    "{}: {own} {theirs}",
                    column.data_type()
                );
            }
        }
        assert!(count > 60);
        assert!(numbers(&(Arc::new(StringArray::from(vec!["1"])) as ArrayRef)).is_err());
    }

    #[test]
    fn bytes_are_those_of_a_cast() {
        let values: [Option<&[u8]>; 4] = [Some(b"\xff\0"), None, Some(b""), Some(LONG.as_bytes())];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(BinaryArray::from_iter(values)),
            Arc::new(LargeBinaryArray::from_iter(values)),
            Arc::new(BinaryViewArray::from_iter(values)),
            Arc::new(StringArray::from(vec![Some("a"), None, Some(LONG), Some("")])),
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    [Some(b"ab"), None, Some(b"cd"), None].into_iter(),
                    2,
                )
                .unwrap(),
            ),
        ];
        for column in columns.into_iter().flat_map(packed).flat_map(whole_and_sliced) {
            let expected = cast(&unpack(&column).unwrap(), &DataType::BinaryView).unwrap();
            assert_eq!(&bytes(&column).unwrap(), expected.as_binary_view(), "{}", column.data_type());
        }
    }

    #[test]
    fn lists_are_those_of_a_cast() {
        let mut lists = ListBuilder::new(Int32Builder::new());
        lists.append_value([Some(1), None, Some(3)]);
        lists.append_null();
        lists.append_value([]);
        lists.append_value([Some(4)]);
        let lists: ArrayRef = Arc::new(lists.finish());
        let mut fixed = FixedSizeListBuilder::new(StringBuilder::new(), 2);
        for row in [Some(["a", "b"]), None, Some(["c", LONG]), Some(["", "e"])] {
            let is_there = row.is_some();
            row.unwrap_or_default().iter().for_each(|text| fixed.values().append_value(text));
            fixed.append(is_there);
        }
        let fixed: ArrayRef = Arc::new(fixed.finish());
        let wanted = DataType::LargeList(nullable("item", DataType::Utf8View));
        let large = cast(&lists, &DataType::LargeList(nullable("item", DataType::Int32))).unwrap();
        for column in [lists.clone(), large, fixed].into_iter().flat_map(whole_and_sliced) {
            let expected = cast(&column, &wanted).unwrap();
            assert_eq!(&text_lists(&column).unwrap(), expected.as_list::<i64>(), "{}", column.data_type());
        }
        // Views may lie in any order, and on one another.
        let items: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        let item = nullable("item", DataType::Int32);
        let nulls = Some(vec![true, false, true, true].into());
        let (offsets, sizes) = (vec![1, 0, 0, 3], vec![2, 1, 2, 0]);
        let views =
            ListViewArray::new(item.clone(), offsets.into(), sizes.into(), items.clone(), nulls.clone());
        let (offsets, sizes) = (vec![1_i64, 0, 0, 3], vec![2_i64, 1, 2, 0]);
        let large = LargeListViewArray::new(item, offsets.into(), sizes.into(), items, nulls);
        for column in [Arc::new(views) as ArrayRef, Arc::new(large)] {
            let read = text_lists(&column).unwrap();
            let rows: Vec<_> = read.iter().map(|row| row.map(|row| texts(&row).unwrap())).collect();
            let texts = |texts: &[&str]| Some(StringViewArray::from(texts.to_vec()));
            assert_eq!(rows, [texts(&["2", "3"]), None, texts(&["1", "2"]), texts(&[])]);
        }
        assert!(text_lists(&(Arc::new(Int32Array::from(vec![1])) as ArrayRef)).is_err());
    }
}
