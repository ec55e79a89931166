//! What the fuzz target and a property test call: what people write and what servers say, as far in as it comes.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{ArrowError, DataType};
use patata::Request;

use crate::columns::{Columns, Plan};
use crate::output::Output;
use crate::requests::Requests;
use crate::results::bodies::BodyReader;
use crate::results::infer::Shape;
use crate::rows::Row;
use crate::type_text::type_of;

/// Lines: a template of URLs, the text of a type, what columns have, and then bodies.
///
/// # Panics
/// Where a row makes no request, or a body no value, or one that depends on what stands beside it.
pub fn table(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (template, schema, value) = (text(), text(), text());
    rows(&template, &value);
    let bodies: Vec<_> = lines.take(64).collect();
    if let Ok(data_type) = type_of(&schema) {
        read(&data_type, &bodies);
    }
    let mut shape = Shape::default();
    bodies.iter().filter_map(|body| serde_json::from_slice(body).ok()).for_each(|body| shape.see(&body));
    if let Some(data_type) = shape.data_type() {
        assert!(read(&data_type, &bodies), "{data_type} was inferred, and cannot be read");
    }
}

/// Rows whose columns have this text, each for another part.
fn rows(template: &str, value: &str) {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(value), None, Some("a")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-1), Some(2), None]));
    let Ok(user) = StructArray::try_from(vec![("id", numbers.clone())]) else { return };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("a", texts, true),
        ("n", numbers, true),
        ("user", Arc::new(user) as ArrayRef, true),
    ]);
    let Ok(batch) = batch else { return };
    for part in ["id", "method", "headers", "params", "json", "form", "content", "cost"] {
        let Ok(columns) = Columns::new().url(template).rename(part, "a") else { return };
        let Ok(plan) = Plan::new(&columns, &batch.schema()) else { return };
        let Ok(output) = Output::new().plan(&batch.schema()) else { return };
        let made = Requests::new([Ok::<_, ArrowError>(batch.clone())].into_iter(), plan, &output);
        let made: Vec<Request<Row>> = made.collect();
        assert_eq!(made.len(), batch.num_rows(), "each row makes a request");
        let begin = template.split(['{', '}']).next().unwrap_or_default();
        let strays = |request: &&Request<Row>| {
            !request.is_invalid() && begin.contains("://") && !request.url().starts_with(begin.trim())
        };
        assert!(!made.iter().any(|request| strays(&request)), "a value leads elsewhere");
    }
}

/// Reads bodies by a type. Whether it is one that JSON is read as.
fn read(data_type: &DataType, bodies: &[&[u8]]) -> bool {
    let Ok(reader) = BodyReader::new(data_type) else { return false };
    let given: Vec<_> = bodies.iter().map(|body| Some(Cow::Borrowed(*body))).collect();
    let (together, faults) = reader.read(&given).unwrap_or_else(|error| panic!("{data_type}: {error}"));
    assert_eq!((together.len(), together.data_type()), (bodies.len(), reader.data_type()));
    assert!(faults.is_sorted_by_key(|fault| fault.row) && faults.len() <= bodies.len());
    for (row, body) in given.iter().enumerate() {
        let alone = reader.read(std::slice::from_ref(body));
        let (alone, fault) = alone.unwrap_or_else(|error| panic!("{data_type}: {error}"));
        assert_eq!(
            alone.to_data(),
            together.slice(row, 1).to_data(),
            "a body is read by what stands beside it"
        );
        let told = faults.iter().find(|fault| fault.row == row).map(|fault| &fault.text);
        assert_eq!(told, fault.first().map(|fault| &fault.text));
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_written_and_said_comes_to_an_end(
            template in "(http://h/)?[an{}+é.]{0,8}",
            schema in "(list<|struct<a:|map<string,){0,2}(string|int64|double|bool|date32|timestamp|decimal\\(5,2\\))>{0,2}",
            value in "[{}\\[\\]\":,a1]{0,10}",
            bodies in proptest::collection::vec("(\\{\"a\": ?)?(\\[)?[{}\\[\\]\":,a1.e-]{0,6}(\\])?(\\})?", 0..8),
        ) {
            table([template, schema, value, bodies.join("\n")].join("\n").as_bytes());
        }
    }
}
