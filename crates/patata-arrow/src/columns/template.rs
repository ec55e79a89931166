//! URLs from columns: a text with the names of columns in braces.

use arrow_array::{RecordBatch, StringViewArray};
use arrow_schema::{ArrowError, Schema};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{TableError, plain};
use crate::values::layouts::texts;
use crate::values::path::Path;
use crate::values::scalars::{is_scalar, text};

/// What stands in a URL's path or query for something else: all but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL with places for columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Column {
        name: String,
        path: Path,
        /// Whether a value stands as it is, as it is part of a URL already.
        is_raw: bool,
    },
}

impl Template {
    /// Reads a template over the columns of a schema.
    ///
    /// # Errors
    /// Braces that are wrong, columns that are not there, and columns without a text form.
    pub(crate) fn new(template: &str, schema: &Schema) -> Result<Self, TableError> {
        let wrong = |problem: String, fix: String| {
            Err(TableError::unusable(format!("url={template:?}"), problem, fix))
        };
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let tail = &rest[at..];
            if tail.starts_with("{{") || tail.starts_with("}}") {
                text.push_str(&tail[..1]);
                rest = &tail[2..];
                continue;
            }
            let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) else {
                return wrong(
                    "its braces do not match".into(),
                    "write {column} for a column, and {{ or }} for a brace".into(),
                );
            };
            let (name, is_marked) = name.strip_prefix('+').map_or((name, false), |name| (name, true));
            let Some((path, data_type)) = Path::find(schema, name) else {
                return wrong(format!("the input has no column {name:?}"), columns_there(schema));
            };
            if !is_scalar(data_type) {
                let fix = "name a column of texts, numbers, dates or times, or a member of a struct as {column.member}";
                return wrong(
                    format!("the column {name:?} is {data_type}, which has no text form"),
                    fix.into(),
                );
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            let is_raw = is_marked || pieces.is_empty();
            pieces.push(Piece::Column { name: name.into(), path, is_raw });
            rest = after;
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(Self(pieces))
    }

    /// The columns of a batch, as the template needs them.
    ///
    /// # Errors
    /// A value that has no text form: says where.
    pub(crate) fn read(&self, batch: &RecordBatch) -> Result<Vec<StringViewArray>, String> {
        let mut columns = Vec::new();
        for piece in &self.0 {
            if let Piece::Column { name, path, .. } = piece {
                let values = path.column(batch).and_then(|column| texts(&column));
                columns.push(values.map_err(|cause| unreadable("url", name, cause))?);
            }
        }
        Ok(columns)
    }

    /// The URL of a row, of the columns that were [read](Self::read).
    ///
    /// # Errors
    /// Where a column is null: a URL without it would be another one.
    pub(crate) fn url(&self, columns: &[StringViewArray], row: usize) -> Result<String, String> {
        let mut url = String::new();
        let mut columns = columns.iter();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Column { name, is_raw, .. } => {
                    let value = columns.next().and_then(|column| text(column, row));
                    let value = value.ok_or_else(|| format!("url: the column {name:?} is null"))?;
                    if *is_raw {
                        url.push_str(value);
                    } else {
                        url.extend(utf8_percent_encode(value, RESERVED));
                    }
                }
            }
        }
        Ok(url)
    }
}

/// Says that a part of a request cannot be read from its column.
pub(crate) fn unreadable(part: &str, column: &str, cause: ArrowError) -> String {
    format!("{part}: the column {column:?} has a value that cannot be sent: {}", plain(cause))
}

/// Says what could have been named.
pub(crate) fn columns_there(schema: &Schema) -> String {
    /// More are no help.
    const SHOWN: usize = 20;
    let names: Vec<_> = schema.fields().iter().map(|field| format!("{:?}", field.name())).collect();
    match names.len() {
        0 => "it has no columns at all".into(),
        count if count > SHOWN => format!("it has {} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => format!("it has {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, StringArray, StructArray, TimestampMillisecondArray};
    use arrow_buffer::NullBuffer;

    use super::*;

    fn batch() -> RecordBatch {
        let members: Vec<(_, ArrayRef)> =
            vec![("id", Arc::new(Int64Array::from(vec![Some(7), Some(8), None])))];
        let (fields, members, _) = StructArray::try_from(members).unwrap().into_parts();
        let user = StructArray::new(fields, members, Some(NullBuffer::from(vec![true, false, true])));
        RecordBatch::try_from_iter([
            ("base", Arc::new(StringArray::from(vec!["http://a/b?c"; 3])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec![Some("a b/é"), None, Some("")]))),
            ("at", Arc::new(TimestampMillisecondArray::from(vec![0, 1, 1_700_000_000_000]))),
            ("user", Arc::new(user)),
        ])
        .unwrap()
    }

    fn urls(template: &str) -> Result<Vec<Result<String, String>>, String> {
        let batch = batch();
        let template = Template::new(template, &batch.schema()).map_err(|error| error.to_string())?;
        let columns = template.read(&batch).unwrap();
        Ok((0..3).map(|row| template.url(&columns, row)).collect())
    }

    #[test]
    fn columns_are_filled_in_and_encoded() {
        for (template, row, expected) in [
            ("http://h/{name}", 0, Ok("http://h/a%20b%2F%C3%A9")),
            ("http://h/{+name}", 0, Ok("http://h/a b/é")),
            ("http://h/{name}", 1, Err("url: the column \"name\" is null")),
            ("http://h/{name}", 2, Ok("http://h/")),
            ("{base}&d={name}", 0, Ok("http://a/b?c&d=a%20b%2F%C3%A9")),
            ("http://h/{{{user.id}}}", 0, Ok("http://h/{7}")),
            ("http://h/{user.id}", 1, Err("url: the column \"user.id\" is null")),
            ("http://h/{user.id}", 2, Err("url: the column \"user.id\" is null")),
            ("http://h/?at={at}", 2, Ok("http://h/?at=2023-11-14T22%3A13%3A20")),
            ("http://h/", 1, Ok("http://h/")),
        ] {
            let found = urls(template).unwrap().swap_remove(row);
            assert_eq!(found.as_deref().map_err(|problem| problem.as_str()), expected, "{template}");
        }
    }

    #[test]
    fn an_unusable_template_is_told_with_the_columns_that_are_there() {
        for (template, part) in [
            ("http://h/{id}", "no column \"id\"; it has \"base\", \"name\", \"at\", \"user\""),
            ("http://h/{user.x}", "no column \"user.x\""),
            ("http://h/{}", "no column \"\""),
            ("http://h/{name", "braces do not match"),
            ("http://h/name}", "braces do not match"),
            ("http://h/{user}", "no text form"),
        ] {
            let error = urls(template).unwrap_err();
            assert!(error.contains(part) && error.contains(&format!("{template:?}")), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_encoded_value_stays_within_its_place(value in ".{0,20}") {
            let batch = RecordBatch::try_from_iter([("v", Arc::new(StringArray::from(vec![value.clone()])) as ArrayRef)]);
            let batch = batch.unwrap();
            let template = Template::new("http://h/a/{v}?b", &batch.schema()).unwrap();
            let url = template.url(&template.read(&batch).unwrap(), 0).unwrap();
            let place = url.strip_prefix("http://h/a/").unwrap().strip_suffix("?b").unwrap();
            proptest::prop_assert!(place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            let decoded = percent_encoding::percent_decode_str(place).decode_utf8().unwrap();
            proptest::prop_assert_eq!(decoded, value);
        }

        #[test]
        fn no_template_breaks_the_parser(template in "[a{}+é.]{0,12}") {
            let _ = urls(&template);
        }
    }
}
