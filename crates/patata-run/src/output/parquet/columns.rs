//! Some rows as columns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::ArrowError;
use patata_arrow::BodyReader;
use serde_json::value::RawValue;

use crate::output::csv::within;
use crate::output::parquet::cells::cell;
use crate::output::parquet::layout::{Layout, Part, error_members};
use crate::output::parquet::row::{Row, text_of};

impl Layout {
    /// The columns of some rows.
    pub(super) fn batch(&self, rows: &[Row<'_>]) -> Result<RecordBatch, ArrowError> {
        let mut faults = Faults::new();
        let mut columns = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            columns.push(column(part, rows, &mut faults)?);
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// What does not fit, by row.
type Faults = BTreeMap<usize, String>;

fn column(part: &Part, rows: &[Row<'_>], faults: &mut Faults) -> Result<ArrayRef, ArrowError> {
    let each = rows.iter();
    Ok(match part {
        Part::Id => texts(rows, |row| row.id()),
        Part::Index => Arc::new(each.map(|row| i64::try_from(row.index).ok()).collect::<Int64Array>()),
        Part::Status => Arc::new(each.map(|row| i16::try_from(row.status?).ok()).collect::<Int16Array>()),
        Part::Ok => Arc::new(each.map(|row| Some(row.ok)).collect::<BooleanArray>()),
        Part::Url => texts(rows, |row| Some(Cow::Borrowed(&row.url))),
        Part::Method => texts(rows, |row| Some(Cow::Borrowed(&row.method))),
        Part::Attempts => Arc::new(each.map(|row| i32::try_from(row.attempts).ok()).collect::<Int32Array>()),
        Part::Ms => Arc::new(Float64Array::from_iter_values(each.map(|row| row.ms))),
        Part::Headers => headers(rows)?,
        Part::Header(name) => texts(rows, |row| {
            let (_, value) =
                headers_of(row).into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(value)
        }),
        Part::Path => texts(rows, |row| row.path.as_deref().map(Cow::Borrowed)),
        Part::Body { within, reader: None } => texts(rows, |row| Some(cell(body(row, within)?.get()))),
        Part::Body { within, reader: Some(reader) } => typed(rows, within, reader, faults)?,
        Part::Error => errors(rows),
        Part::ErrorKind => texts(rows, |row| Some(Cow::Borrowed(&*row.error.as_ref()?.kind))),
        Part::ErrorMessage => texts(rows, |row| Some(Cow::Borrowed(&*row.error.as_ref()?.message))),
        Part::Changed => Arc::new(each.map(|row| row.changed.then_some(true)).collect::<BooleanArray>()),
        Part::BodyError => Arc::new((0..rows.len()).map(|row| faults.get(&row)).collect::<StringArray>()),
    })
}

fn texts<'a, 'r>(rows: &'a [Row<'r>], text: impl Fn(&'a Row<'r>) -> Option<Cow<'a, str>>) -> ArrayRef {
    Arc::new(rows.iter().map(text).collect::<StringArray>())
}

/// The body of a row, or what is within it; none for null.
fn body<'a>(row: &Row<'a>, path: &[String]) -> Option<&'a RawValue> {
    within(row.body?, path.iter().map(String::as_str)).filter(|value| value.get() != "null")
}

/// Bodies by a type. What does not fit is null.
fn typed(
    rows: &[Row<'_>],
    path: &[String],
    reader: &BodyReader,
    faults: &mut Faults,
) -> Result<ArrayRef, ArrowError> {
    let mut bodies = Vec::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        let body = body(row, path).map(RawValue::get);
        if path.is_empty() && body.is_some_and(|body| body.starts_with("{\"base64\":")) {
            // So rows have what is no text. Members of a schema would all be null, and nobody would know why.
            faults.insert(place, "the body is no JSON: it is not in UTF-8".into());
            bodies.push(None);
        } else {
            bodies.push(body.map(|body| Cow::Borrowed(body.as_bytes())));
        }
    }
    let (values, misfits) = reader.read(&bodies)?;
    for misfit in misfits {
        let of = path.iter().map(|member| format!(", at {member:?}")).collect::<String>();
        let text = format!("the body does not fit the schema{of}: {}", misfit.text);
        faults.entry(misfit.row).or_insert(text);
    }
    Ok(values)
}

fn headers_of<'a>(row: &Row<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let Some(headers) = row.headers else { return Vec::new() };
    let members: BTreeMap<Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(headers.get()).unwrap_or_default();
    members.into_iter().map(|(name, value)| (name, text_of(value.get()))).collect()
}

fn headers(rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
    let mut headers = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in rows {
        for (name, value) in headers_of(row) {
            headers.keys().append_value(name);
            headers.values().append_value(value);
        }
        headers.append(row.headers.is_some())?;
    }
    Ok(Arc::new(headers.finish()))
}

fn errors(rows: &[Row<'_>]) -> ArrayRef {
    let nulls = NullBuffer::from_iter(rows.iter().map(|row| row.error.is_some()));
    let columns = vec![
        texts(rows, |row| Some(Cow::Borrowed(&*row.error.as_ref()?.kind))),
        texts(rows, |row| Some(Cow::Borrowed(&*row.error.as_ref()?.message))),
    ];
    Arc::new(StructArray::new(error_members(), columns, Some(nulls)))
}
