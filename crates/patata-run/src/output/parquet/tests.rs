//! What is written is read again, and what does not fit is told.

use std::io::Read;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::manifest::{Compression, Format, OutputOptions};

fn options(columns: &[&str], schema: Option<&str>) -> OutputOptions {
    OutputOptions {
        format: Format::Parquet,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        schema: schema.map(str::to_owned),
        headers: true,
        ..OutputOptions::default()
    }
}

fn written(rows: &[Value], options: &OutputOptions) -> Bytes {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    convert(lines.as_bytes(), options, Vec::new()).unwrap().into()
}

fn read(file: &Bytes) -> Vec<Value> {
    let mut text = String::new();
    Lines::new(file.clone()).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn batch(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// A row that came, with this id and body.
fn row(index: u64, id: Value, body: Value) -> Value {
    json!({
        "id": id, "index": index, "status": 200, "ok": true, "url": format!("http://h/{index}"), "method": "GET",
        "attempts": 1, "ms": 12.3, "body": body, "error": null,
    })
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let texts = batch.column_by_name(column).unwrap().as_string::<i32>();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

fn rows() -> Vec<Value> {
    let mut rows = vec![
        row(0, json!("a"), json!({"name": "one", "tags": [1, 2.5, null]})),
        row(1, json!(7), json!("not JSON")),
        row(2, json!("7"), json!("7")),
        row(3, Value::Null, Value::Null),
        row(4, json!(-1), json!(7)),
        row(5, json!("b"), json!({"base64": "/wAB"})),
        row(6, json!("c"), json!("")),
    ];
    rows[1]["headers"] = json!({"content-type": "text/plain", "x": "1, 2"});
    rows[2]["path"] = json!("files/7.bin");
    rows[4]["changed"] = json!(true);
    rows[3]["status"] = Value::Null;
    rows[3]["ok"] = json!(false);
    rows[3]["error"] = json!({"kind": "timeout", "message": "no answer in 1 s"});
    rows
}

#[test]
fn rows_come_back_as_they_were() {
    for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
        let options = OutputOptions { compression, ..options(&[], None) };
        let file = written(&rows(), &options);
        assert_eq!(read(&file), rows());
        let batch = batch(&file);
        assert_eq!(texts(&batch, "id")[..4], [Some("a".into()), Some("7".into()), Some("7".into()), None]);
        assert_eq!(texts(&batch, "body")[1..4], [Some("not JSON".into()), Some("\"7\"".into()), None]);
    }
}

#[test]
fn a_part_without_rows_has_its_columns() {
    let (file, full) = (written(&[], &options(&[], None)), written(&rows(), &options(&[], None)));
    assert_eq!(read(&file), [] as [Value; 0]);
    let schema = |file: &Bytes| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
        builder.schema().fields().clone()
    };
    assert_eq!(schema(&file), schema(&full));
}

#[test]
fn bodies_have_the_types_of_the_schema_and_what_does_not_fit_is_told() {
    let schema = Some("struct<name: string, tags: list<int64>>");
    let bodies = [
        json!({"name": "one", "tags": [1, 2], "more": 1}),
        json!({"name": "two", "tags": "none"}),
        json!("<html>"),
        json!({"base64": "/wAB"}),
        Value::Null,
    ];
    let given: Vec<_> = (0..).zip(bodies).map(|(index, body)| row(index, Value::Null, body)).collect();
    let file = written(&given, &options(&[], schema));
    let batch = batch(&file);
    let body = batch.column_by_name("body").unwrap().as_struct();
    assert_eq!(body.column(0).as_string::<i32>().iter().collect::<Vec<_>>()[..2], [Some("one"), Some("two")]);
    let errors = texts(&batch, "body_error");
    assert_eq!((&errors[0], &errors[4]), (&None, &None));
    for (row, part) in [(1, "expected a list"), (2, "expected an object"), (3, "not in UTF-8")] {
        assert!(errors[row].as_deref().unwrap().contains(part), "{errors:?}");
    }
    let again: Vec<_> = read(&file).into_iter().map(|mut row| row["body"].take()).collect();
    assert_eq!(again[..3], [json!({"name": "one", "tags": [1, 2]}), json!({"name": "two"}), Value::Null]);
    // A text by the schema is one, whatever it looks like.
    let file = written(&[row(0, json!(1), json!({"name": "7"}))], &options(&["body.name"], schema));
    assert_eq!(read(&file), [json!({"body": {"name": "7"}})]);
}

#[test]
fn chosen_columns_are_there_and_no_others() {
    let columns = ["index", "id", "body.name", "body.tags", "error.kind", "headers.Content-Type"];
    let file = written(&rows(), &options(&columns, None));
    let found = batch(&file);
    let schema = found.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, columns);
    assert_eq!(texts(&found, "body.tags")[0].as_deref(), Some("[1,2.5,null]"));
    assert_eq!(texts(&found, "headers.Content-Type")[1].as_deref(), Some("text/plain"));
    let again = read(&file);
    assert_eq!(again[0]["body"], json!({"name": "one", "tags": [1, 2.5, null]}));
    assert_eq!(
        again[3],
        json!({"index": 3, "id": null, "body": {}, "error": {"kind": "timeout"}, "headers": {}})
    );
}

#[test]
fn what_no_part_could_have_is_refused_with_the_fix() {
    let schema = Some("struct<name: string>");
    for (columns, schema, part) in [
        (&["id", "id"][..], None, "\"id\" is there twice"),
        (&["size"], None, "rows have no \"size\""),
        (&["id.x"], None, "rows have no \"id.x\""),
        (&["error.code"], None, "rows have no \"error.code\""),
        (&["body.tags"], schema, "no member \"tags\" there; add it"),
        (&["body.name.x"], schema, "no member \"x\" there"),
        (&["id"], schema, "no column has them"),
        (&[], Some("struct<name: strin>"), "\"strin\" is no type"),
    ] {
        let error = Layout::new(&options(columns, schema)).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    let bare = OutputOptions { headers: false, ..options(&["headers"], None) };
    assert!(Layout::new(&bare).unwrap_err().contains("ask for headers too"));
}

#[test]
fn rows_are_left_out_by_their_places() {
    let options = options(&[], Some("struct<name: string>"));
    let file = written(&rows(), &options);
    let mut left = Vec::new();
    assert_eq!(copy(file.clone(), &options, |place| place % 2 == 0, &mut left).unwrap(), 7);
    let (before, after) = (read(&file), read(&Bytes::from(left)));
    assert_eq!(after, [before[1].clone(), before[3].clone(), before[5].clone()]);
    assert_eq!(after[0]["id"], json!(7));
    let mut none = Vec::new();
    assert_eq!(copy(file, &options, |_| true, &mut none).unwrap(), 7);
    assert_eq!(read(&Bytes::from(none)), [] as [Value; 0]);
}

#[test]
fn parts_of_many_rows_come_back_in_order() {
    let given: Vec<_> = (0..20_000).map(|index| row(index, json!(index), json!({"n": index}))).collect();
    assert_eq!(read(&written(&given, &options(&[], None))), given);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_back(
        given in proptest::collection::vec(
            (
                prop_oneof![any::<i64>().prop_map(Value::from), "\\PC{0,8}".prop_map(Value::from), Just(Value::Null)],
                prop_oneof![
                    "\\PC{0,20}|[0-9\"{}\\[\\]]{0,4}".prop_map(Value::from),
                    any::<i64>().prop_map(Value::from),
                    Just(Value::Null),
                    any::<bool>().prop_map(|truth| json!({"a": [truth, null], "b": "x"})),
                ],
            ),
            0..40,
        )
    ) {
        let rows: Vec<_> = (0..).zip(given).map(|(index, (id, body))| row(index, id, body)).collect();
        prop_assert_eq!(read(&written(&rows, &options(&[], None))), rows);
    }

    #[test]
    fn a_file_that_was_cut_off_is_an_error(place in any::<prop::sample::Index>()) {
        let file = written(&rows(), &options(&[], None));
        prop_assert!(Lines::new(file.slice(..place.index(file.len()))).is_err());
    }
}
