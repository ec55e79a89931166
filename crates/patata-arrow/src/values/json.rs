//! Rows as JSON: texts that are JSON already, and values of every other type, which are written as it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringViewArray, new_empty_array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{EncoderOptions, make_encoder};
use arrow_schema::{ArrowError, DataType, Field};
use bytes::Bytes;
use memchr::memmem::Finder;
use serde::de::IgnoredAny;

use crate::error::plain;
use crate::values::layouts::texts;
use crate::values::scalars::{is_bytes, is_text, text};

/// What the encoder writes in the place of a value that it has no form for.
const ERROR: &[u8] = b"\"ERROR: ";

/// A column of JSON.
#[derive(Debug)]
pub(crate) enum Json {
    Texts(StringViewArray),
    /// All rows behind one another, with each one's end; `None` for nulls.
    Written {
        text: Bytes,
        rows: Vec<Option<(usize, usize)>>,
    },
}

impl Json {
    /// Whether a column of this type can be written: else what keeps it from that.
    pub(crate) fn check(data_type: &DataType) -> Result<(), String> {
        if is_text(data_type) {
            return Ok(());
        }
        if is_bytes(data_type) && *data_type != DataType::Null {
            return Err(format!("it is {data_type}, which JSON has no form for"));
        }
        let field = Arc::new(Field::new("json", data_type.clone(), true));
        match make_encoder(&field, &new_empty_array(data_type), &EncoderOptions::default()) {
            Ok(_) => Ok(()),
            Err(cause) => Err(plain(cause)),
        }
    }

    /// A column of a type that has passed the [check](Self::check).
    ///
    /// # Errors
    /// A value that has no form in JSON, such as a time that is in no calendar.
    pub(crate) fn read(array: &ArrayRef) -> Result<Self, ArrowError> {
        if is_text(array.data_type()) {
            return Ok(Self::Texts(texts(array)?));
        }
        let field = Arc::new(Field::new("json", array.data_type().clone(), true));
        let options = EncoderOptions::default();
        let mut encoder = make_encoder(&field, array, &options)?;
        let shown = FormatOptions::new().with_display_error(false);
        let shown = ArrayFormatter::try_new(array, &shown)?;
        let error = Finder::new(ERROR);
        let mut text = Vec::new();
        let mut rows = Vec::with_capacity(array.len());
        for row in 0..array.len() {
            if encoder.is_null(row) {
                rows.push(None);
                continue;
            }
            let begin = text.len();
            encoder.encode(row, &mut text);
            // It may be a text that reads so.
            if let Some(at) = error.find(&text[begin..])
                && shown.value(row).try_to_string().is_err()
            {
                let told = String::from_utf8_lossy(&text[begin + at + ERROR.len()..]);
                return Err(ArrowError::CastError(told.split('"').next().unwrap_or_default().to_owned()));
            }
            rows.push(Some((begin, text.len())));
        }
        Ok(Self::Written { text: text.into(), rows })
    }

    /// The JSON of a row; `None` where it is null.
    ///
    /// # Errors
    /// Where a text is no JSON.
    pub(crate) fn of(&self, row: usize) -> Result<Option<Bytes>, String> {
        match self {
            Self::Texts(texts) => {
                let Some(text) = text(texts, row) else { return Ok(None) };
                match serde_json::from_str::<IgnoredAny>(text) {
                    Ok(_) => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
                    Err(cause) => Err(format!("is no JSON: {cause}")),
                }
            }
            Self::Written { text, rows } => {
                Ok(rows.get(row).copied().flatten().map(|(begin, end)| text.slice(begin..end)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{
        DictionaryArray, Float64Array, Int64Array, ListArray, StringArray, StructArray, TimestampSecondArray,
    };

    use super::*;

    fn written(array: ArrayRef) -> Vec<Option<String>> {
        Json::check(array.data_type()).unwrap();
        let json = Json::read(&array).unwrap();
        let row = |row| json.of(row).unwrap().map(|text| String::from_utf8(text.to_vec()).unwrap());
        (0..array.len()).map(row).collect()
    }

    #[test]
    fn structs_lists_and_scalars_are_written_and_nulls_left_out() {
        let members: Vec<(_, ArrayRef)> = vec![
            ("name", Arc::new(StringArray::from(vec![Some("a \"b\""), None]))),
            ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        ];
        let array: ArrayRef = Arc::new(StructArray::try_from(members).unwrap());
        let expected = [Some(r#"{"name":"a \"b\"","id":1}"#.into()), Some(r#"{"id":2}"#.into())];
        assert_eq!(written(array.clone()), expected);
        assert_eq!(written(array.slice(1, 1)), expected[1..]);
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        assert_eq!(written(Arc::new(lists)), [Some("[1,null]".into()), None, Some("[]".into())]);
        assert_eq!(
            written(Arc::new(Float64Array::from(vec![1.5, f64::NAN]))),
            [Some("1.5".into()), Some("null".into())]
        );
    }

    #[test]
    fn texts_are_json_already_or_their_row_is_told() {
        let texts: ArrayRef =
            Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("[1]"), None, Some("{a}")]));
        let json = Json::read(&texts).unwrap();
        assert_eq!(json.of(0).unwrap().unwrap(), "[1]");
        assert_eq!(json.of(1), Ok(None));
        assert!(json.of(2).unwrap_err().contains("no JSON"));
    }

    #[test]
    fn a_value_without_a_form_is_told_and_one_that_only_looks_like_it_is_sent() {
        let moments = Arc::new(TimestampSecondArray::from(vec![Some(1), Some(i64::MAX), None]));
        let texts = Arc::new(StringArray::from(vec!["ERROR: a", "b", "c"]));
        let members: Vec<(_, ArrayRef)> = vec![("at", moments), ("text", texts)];
        let array: ArrayRef = Arc::new(StructArray::try_from(members).unwrap());
        let error = Json::read(&array).unwrap_err().to_string();
        assert!(error.contains("9223372036854775807"), "{error}");
        let sent = r#"{"at":"1970-01-01T00:00:01","text":"ERROR: a"}"#;
        assert_eq!(written(array.slice(0, 1)), [Some(sent.into())]);
        assert_eq!(written(array.slice(2, 1)), [Some(r#"{"text":"c"}"#.into())]);
    }

    #[test]
    fn types_without_a_form_in_json_are_refused() {
        for data_type in [DataType::Binary, DataType::LargeBinary, DataType::FixedSizeBinary(2)] {
            assert!(Json::check(&data_type).unwrap_err().contains("no form"), "{data_type}");
        }
    }
}
