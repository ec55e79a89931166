//! The results' own columns: what rows were answered with, a column at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, BinaryBuilder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{Array, ArrayRef, Float64Array, Int16Array, Int32Array, StringArray};
use arrow_schema::ArrowError;

use crate::output::{OutputPlan, header_members};
use crate::results::bodies::BodyReader;
use crate::rows::answer::{Answer, Failure};

/// How bodies are read.
#[derive(Debug)]
pub(crate) enum Reading {
    Json(BodyReader),
    Text,
    Binary,
    None,
}

/// What went wrong, by row: most rows are in here not at all.
type Failures<'a> = BTreeMap<usize, Cow<'a, Failure>>;

/// The columns behind those of the input, in their order.
///
/// # Errors
/// Where bodies make no column.
pub(crate) fn own_columns(
    plan: &OutputPlan,
    reading: &Reading,
    answers: &[Answer],
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut failures = failures(answers);
    let mut columns = vec![statuses(answers)];
    match reading {
        Reading::None => {}
        Reading::Text => columns.push(text_bodies(answers, &mut failures)),
        Reading::Binary => columns.push(binary_bodies(answers, &mut failures)),
        Reading::Json(reader) => columns.push(json_bodies(reader, answers, &mut failures)?),
    }
    columns.push(texts_by_row(answers.len(), &failures, |failure| &failure.message));
    columns.push(texts_by_row(answers.len(), &failures, |failure| &failure.kind));
    let attempts = answers.iter().map(|answer| i32::try_from(answer.attempts()).unwrap_or(i32::MAX));
    columns.push(Int32Array::from_iter_values(attempts).into_ref());
    let elapsed = answers.iter().map(|answer| answer.elapsed().as_secs_f64() * 1e3);
    columns.push(Float64Array::from_iter_values(elapsed).into_ref());
    if plan.has_url() {
        columns.push(urls(answers));
    }
    if plan.has_headers() {
        columns.push(headers(answers));
    }
    if plan.has_path() {
        let path = |answer: &Answer| answer.path().map(|path| path.to_string_lossy().into_owned());
        columns.push(answers.iter().map(path).collect::<StringArray>().into_ref());
    }
    Ok(columns)
}

/// An array among others.
trait IntoRef {
    fn into_ref(self) -> ArrayRef;
}

impl<A: Array + 'static> IntoRef for A {
    fn into_ref(self) -> ArrayRef {
        Arc::new(self)
    }
}

fn statuses(answers: &[Answer]) -> ArrayRef {
    let status = |answer: &Answer| answer.status().and_then(|status| i16::try_from(status).ok());
    answers.iter().map(status).collect::<Int16Array>().into_ref()
}

fn failures(answers: &[Answer]) -> Failures<'_> {
    let rows = answers.iter().enumerate();
    rows.filter_map(|(row, answer)| Some((row, Cow::Borrowed(answer.failure()?)))).collect()
}

/// A text of each failure in its row.
fn texts_by_row(rows: usize, failures: &Failures<'_>, text: impl Fn(&Failure) -> &str) -> ArrayRef {
    if failures.is_empty() {
        return StringArray::new_null(rows).into_ref();
    }
    (0..rows).map(|row| failures.get(&row).map(|failure| text(failure))).collect::<StringArray>().into_ref()
}

/// Whether a column can hold a body; else it is null, and told.
fn holds(row: usize, bytes: usize, failures: &mut Failures<'_>) -> bool {
    let is_small = i32::try_from(bytes).is_ok();
    if !is_small {
        let message = format!("the body has {bytes} bytes, a value of a table 2147483647 at most");
        failures.insert(row, Cow::Owned(Failure { message, kind: "too large".into() }));
    }
    is_small
}

fn text_bodies(answers: &[Answer], failures: &mut Failures<'_>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(answers.len(), bytes_in_all(answers));
    for (row, answer) in answers.iter().enumerate() {
        let text = answer.body().map(|body| body.text());
        builder.append_option(text.filter(|text| holds(row, text.len(), failures)));
    }
    builder.finish().into_ref()
}

fn binary_bodies(answers: &[Answer], failures: &mut Failures<'_>) -> ArrayRef {
    let mut builder = BinaryBuilder::with_capacity(answers.len(), bytes_in_all(answers));
    for (row, answer) in answers.iter().enumerate() {
        let body = answer.body().map(|body| body.bytes);
        builder.append_option(body.filter(|body| holds(row, body.len(), failures)));
    }
    builder.finish().into_ref()
}

/// Of all bodies that a column can hold, as they were received.
fn bytes_in_all(answers: &[Answer]) -> usize {
    let sizes = answers.iter().filter_map(Answer::body).map(|body| body.bytes.len());
    sizes.filter(|bytes| i32::try_from(*bytes).is_ok()).sum()
}

fn json_bodies(
    reader: &BodyReader,
    answers: &[Answer],
    failures: &mut Failures<'_>,
) -> Result<ArrayRef, ArrowError> {
    let mut bodies = Vec::with_capacity(answers.len());
    for (row, answer) in answers.iter().enumerate() {
        let body = answer.body().map(|body| body.json());
        bodies.push(body.filter(|body| holds(row, body.len(), failures)));
    }
    let (values, faults) = reader.read(&bodies)?;
    for fault in faults {
        let (message, kind) = match fault.is_json {
            true => (format!("the body does not fit the schema: {}", fault.text), "schema"),
            false => (format!("the body is no JSON: {}", fault.text), "json"),
        };
        failures.insert(fault.row, Cow::Owned(Failure { message, kind: kind.into() }));
    }
    Ok(values)
}

fn urls(answers: &[Answer]) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(answers.len(), 0);
    let mut url = Vec::new();
    for answer in answers {
        url.clear();
        if answer.write_url(&mut url) {
            builder.append_value(String::from_utf8_lossy(&url));
        } else {
            builder.append_null();
        }
    }
    builder.finish().into_ref()
}

fn headers(answers: &[Answer]) -> ArrayRef {
    let members: Vec<Box<dyn ArrayBuilder>> =
        vec![Box::new(StringBuilder::new()), Box::new(StringBuilder::new())];
    let mut builder = ListBuilder::new(StructBuilder::new(header_members(), members));
    for answer in answers {
        let has_response = answer.each_header(|name, value| {
            let header = builder.values();
            if let Some(names) = header.field_builder::<StringBuilder>(0) {
                names.append_value(name);
            }
            if let Some(values) = header.field_builder::<StringBuilder>(1) {
                values.append_value(String::from_utf8_lossy(value));
            }
            header.append(true);
        });
        builder.append(has_response);
    }
    builder.finish().into_ref()
}
