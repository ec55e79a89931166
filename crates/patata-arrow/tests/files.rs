//! Tables in files: what is written is read again, and what cannot be is told by file and fix.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, LargeStringArray, ListArray, RecordBatch, RecordBatchIterator, StringArray, StringViewArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Schema};
use patata_arrow::files::{FileWriter, JsonLines, open};
use patata_arrow::type_of;
use proptest::prelude::*;

fn read(path: &Path) -> Vec<RecordBatch> {
    open(path).unwrap().map(Result::unwrap).collect()
}

fn one(path: &Path) -> RecordBatch {
    let batches = read(path);
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn write(path: &Path, batches: &[RecordBatch]) {
    let mut writer = FileWriter::create(path, batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
}

/// The file's name, and what is wrong.
fn refused(path: &Path) -> String {
    let error = open(path).map(drop).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    error
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn text(value: Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from(vec![value, Some("x"), None]))
}

/// A column of every kind, with nulls.
fn mixed() -> RecordBatch {
    let inner: Vec<(_, ArrayRef)> = vec![
        ("a", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("b", text(Some("ü, \"q\"\n"))),
    ];
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
    table(vec![
        ("text", text(Some("a,b"))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("")]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("more than twelve bytes"), None, Some("")]))),
        ("dictionary", Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("a"), None, Some("a")]))),
        ("whole", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(0)]))),
        ("fraction", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(-1e300)]))),
        ("truth", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("day", Arc::new(Date32Array::from(vec![Some(0), None, Some(20_000)]))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(2)]).with_timezone("UTC")),
        ),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(1250), None, Some(-1)])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        ("nested", Arc::new(StructArray::try_from(inner).unwrap())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ("map", Arc::new(map.finish())),
    ])
}

#[test]
fn parquet_gives_back_every_column_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let batch = mixed();
    write(&path, &[batch.clone(), batch.slice(1, 2), batch.slice(0, 0)]);
    assert_eq!(
        one(&path),
        arrow_select::concat::concat_batches(&batch.schema(), &[batch.clone(), batch.slice(1, 2)]).unwrap()
    );
    // An empty table has its columns.
    write(&path, &[batch.slice(0, 0)]);
    assert_eq!(read(&path).iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    assert_eq!(open(&path).unwrap().schema(), batch.schema());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn csv_has_what_is_nested_as_json_and_nulls_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.csv", "a.csv.gz", "a.CSV.zst", "a.tsv"] {
        let path = folder.path().join(name);
        write(&path, &[mixed(), mixed().slice(0, 0)]);
        let batch = one(&path);
        let column =
            |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(batch.column_by_name("whole").unwrap().data_type(), &DataType::Int64);
        assert_eq!(batch.column_by_name("truth").unwrap().data_type(), &DataType::Boolean);
        assert_eq!(column("text"), [Some("a,b"), Some("x"), None]);
        let nested = [r#"{"a":1,"b":"ü, \"q\"\n"}"#, r#"{"b":"x"}"#, r#"{"a":3}"#];
        assert_eq!(column("nested"), nested.map(Some));
        assert_eq!(column("list"), [Some("[1,null]"), None, Some("[]")]);
        assert_eq!(column("price"), [Some("12.50"), None, Some("-0.01")]);
        assert_eq!(column("time")[0], Some("1970-01-01T00:00:00.000001Z"));
    }
    let path = folder.path().join("none.csv");
    write(&path, &[mixed().slice(0, 0).project(&[0, 4]).unwrap()]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text,whole\n");
    assert_eq!(open(&path).unwrap().schema().fields().len(), 2);
}

#[test]
fn jsonl_has_all_members_in_every_row() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.jsonl", "a.ndjson.gz", "a.jsonl.zst"] {
        let path = folder.path().join(name);
        write(&path, &[mixed()]);
        let batch = one(&path);
        let names = |batch: &RecordBatch| {
            batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
        };
        let (mut found, mut expected) = (names(&batch), names(&mixed()));
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(batch.column_by_name("nested").unwrap().as_struct().num_columns(), 2);
        assert_eq!(batch.column_by_name("list").unwrap().data_type(), &type_of("list<int64>").unwrap());
        assert!(batch.column_by_name("large").unwrap().is_null(1));
    }
}

#[test]
fn a_text_is_a_number_only_where_it_is_written_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let cells = "\u{feff}zip,version,n,x,b,big,none,mixed\n007,1.10,1,1,true,9223372036854775808,,1\n1,1.2,-5,2.5,false,1,,a\n";
    std::fs::write(&path, cells).unwrap();
    let schema = open(&path).unwrap().schema();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let expected = ["string", "string", "int64", "double", "bool", "string", "string", "string"];
    assert_eq!(types, expected.map(|text| type_of(text).unwrap()));
    assert_eq!(schema.field(0).name(), "zip");
    assert_eq!(one(&path).column(0).as_string::<i32>().value(0), "007");
}

#[test]
fn files_longer_than_a_batch_come_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 400_000;
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("text, of {row}"))));
    let batch = table(vec![("n", column.clone()), ("text", texts)]);
    for name in ["a.parquet", "a.csv", "a.jsonl", "a.csv.zst"] {
        let path = folder.path().join(name);
        write(&path, std::slice::from_ref(&batch));
        let batches = read(&path);
        assert!(batches.iter().all(|batch| batch.num_rows() <= 8192), "{name}");
        let whole = arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap();
        assert_eq!(whole.column_by_name("n").unwrap(), &column, "{name}");
    }
}

#[test]
fn a_folder_of_parquet_is_one_table() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(folder.path()).contains("without files of Parquet"));
    let batch = mixed();
    write(&folder.path().join("b.parquet"), &[batch.slice(1, 2)]);
    write(&folder.path().join("a.parquet"), &[batch.slice(0, 1)]);
    std::fs::write(folder.path().join("readme"), "none").unwrap();
    assert_eq!(one(folder.path()), batch);
    let path = folder.path().join("c.pq");
    std::fs::rename(folder.path().join("b.parquet"), &path).unwrap();
    write(&folder.path().join("d.parquet"), &[batch.project(&[4, 0]).unwrap()]);
    let error = open(folder.path()).map(drop).unwrap_err().to_string();
    assert!(error.contains("d.parquet: it has other columns than"), "{error}");
    assert!(error.contains("\"whole\" of Int64 where that has \"text\" of Utf8"), "{error}");
}

#[test]
fn what_is_no_table_is_told_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(path(name), bytes).unwrap();
        refused(&path(name))
    };
    assert!(refused(&path("none.csv")).ends_with("name a file that is there"));
    assert!(file("a.parquet", b"PAR1 and then nothing").contains("no whole file of Parquet"));
    assert!(file("b.parquet", b"id,url\n").contains("no Parquet"));
    assert!(file("a.csv", b"").contains("no columns"));
    assert!(file("b.csv", b"id,,url\n").contains("no name for column 2"));
    assert!(file("c.csv", b"id,id\n").contains("names \"id\" twice"));
    assert!(file("a.jsonl", b"{\"a\": 1}\n{\n").contains("line 2 is no JSON"));
    assert!(file("b.jsonl", b"{\"a\": 1}\n\n5\n").contains("line 3 is no object"));
    assert!(file("c.jsonl", b"{}\n").contains("no members"));
    assert!(file("a.json", b"[{\"a\": 1}]").contains("jq -c"));
    assert!(file("a.bin", b"\x00\x01\x02").contains("name a file of Parquet, CSV"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&b"id,n\n1,2\n".repeat(1000)).unwrap();
    let packed = packed.finish().unwrap();
    assert!(file("a.csv.gz", &packed[..packed.len() - 12]).contains("fetch it anew"));
}

#[test]
fn what_is_wrong_further_on_ends_the_batches_with_the_file_and_the_row() {
    let folder = tempfile::tempdir().unwrap();
    for (name, first, bad, part) in [
        ("a.csv", "n,m\n", "x,1\n", "column 0. Row data: '[x,1]'"),
        ("b.csv", "n,m\n", "1\n", "behind its first 16384 rows"),
        ("a.jsonl", "", "{\"n\": [1]}\n", "behind its first 16384 rows"),
        ("b.jsonl", "", "{\"n\":\n", "behind its first 16384 rows"),
    ] {
        let path = folder.path().join(name);
        let row = if first.is_empty() { "{\"n\": 1}\n" } else { "1,1\n" };
        std::fs::write(&path, first.to_owned() + &row.repeat(20_000) + bad + row).unwrap();
        let mut batches = open(&path).unwrap();
        assert_eq!(batches.by_ref().take(2).map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 16384);
        let error = batches.next().unwrap().unwrap_err();
        assert!(matches!(error, ArrowError::ExternalError(_)));
        let error = patata_arrow::TableError::Input(error).to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains(part), "{error}");
        assert!(error.contains("mend that row"), "{error}");
        assert!(batches.next().is_none());
    }
}

#[test]
fn a_file_has_its_name_only_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let names = || {
        std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    };
    for name in ["a.parquet", "a.csv.gz", "a.jsonl"] {
        let path = folder.path().join(name);
        let mut writer = FileWriter::create(&path, mixed().schema()).unwrap();
        writer.write(&mixed()).unwrap();
        assert_eq!(names(), [format!("{name}.tmp")]);
        drop(writer);
        assert!(names().is_empty());
        std::fs::write(&path, "older").unwrap();
        write(&path, &[mixed()]);
        assert_eq!(names(), [name]);
        assert_eq!(one(&path).num_rows(), 3);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_cannot_be_written_is_told_before_it_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, schema: &Arc<Schema>| {
        let path = folder.path().join(name);
        let error = FileWriter::create(&path, schema.clone()).map(drop).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(!path.exists() || path.is_dir());
        error
    };
    let schema = mixed().schema();
    assert!(refused("a.xlsx", &schema).contains("let its name end in .parquet"));
    assert!(refused("a.parquet.gz", &schema).contains("tells no format"));
    assert!(refused("none/a.csv", &schema).ends_with("make its folder first"));
    std::fs::create_dir(folder.path().join("b.csv")).unwrap();
    assert!(refused("b.csv", &schema).contains("name a file in it"));
    let bytes = Arc::new(Schema::new(vec![arrow_schema::Field::new("b", DataType::Binary, true)]));
    assert!(refused("a.jsonl", &bytes).contains("the column \"b\" cannot be written there"));
    assert!(FileWriter::create(folder.path().join("a.parquet"), bytes).is_ok());
    let mut writer = FileWriter::create(folder.path().join("c.csv"), schema).unwrap();
    assert!(writer.write(&mixed().project(&[0]).unwrap()).unwrap_err().to_string().contains("c.csv"));
}

#[test]
fn a_table_is_lines_of_json_with_all_columns() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"\xff\x00"[..]), None, Some(b"")]));
    let batch =
        table(vec![("bytes", bytes), ("nan", Arc::new(Float64Array::from(vec![f64::NAN, 1.0, 0.5])))]);
    let batch = RecordBatch::try_new(
        Arc::new(
            Schema::try_merge([mixed().schema().as_ref().clone(), batch.schema().as_ref().clone()]).unwrap(),
        ),
        [mixed().columns(), batch.columns()].concat(),
    )
    .unwrap();
    let lines = |batches: Vec<RecordBatch>| {
        let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), batch.schema());
        let mut text = String::new();
        JsonLines::new(reader).unwrap().read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let rows = lines(vec![batch.clone()]);
    assert!(rows.iter().all(|row| row.as_object().unwrap().len() == batch.num_columns()), "{rows:?}");
    assert_eq!((&rows[0]["text"], &rows[1]["whole"]), (&"a,b".into(), &serde_json::Value::Null));
    assert_eq!(rows[0]["nested"], serde_json::json!({"a": 1, "b": "ü, \"q\"\n"}));
    assert_eq!(rows[0]["time"], "1970-01-01T00:00:00.000001Z");
    assert_eq!((&rows[0]["bytes"]["base64"], &rows[1]["bytes"]), (&"/wA=".into(), &serde_json::Value::Null));
    assert_eq!((&rows[0]["nan"], &rows[2]["nan"]), (&serde_json::Value::Null, &0.5.into()));
    assert_eq!(lines(vec![batch.slice(0, 0), batch.slice(1, 1), batch.slice(2, 1)]), rows[1..]);
    let many: Vec<_> = std::iter::repeat_n(batch.clone(), 900).collect();
    let many = arrow_select::concat::concat_batches(&batch.schema(), &many).unwrap();
    assert_eq!(lines(vec![many]).len(), 2700);

    let deep = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    let twice = RecordBatch::try_new(
        Arc::new(Schema::new(vec![arrow_schema::Field::new("a", deep.data_type().clone(), true); 2])),
        vec![Arc::new(deep.clone()), Arc::new(deep)],
    )
    .unwrap();
    let error =
        JsonLines::new(RecordBatchIterator::new([Ok(twice.clone())], twice.schema())).map(drop).unwrap_err();
    assert!(error.to_string().contains("\"a\": it is there twice"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a file has in it: there are batches or an error that names it, and both come to an end.
    #[test]
    fn any_bytes_are_a_table_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        begin in prop_oneof![Just("PAR1"), Just("{\"a\":1}\n"), Just("a,b\n1,2\n"), Just("\x1f\u{fffd}"), Just("")],
        name in prop_oneof![Just("f.csv"), Just("f.jsonl"), Just("f.parquet"), Just("f")],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, [begin.as_bytes(), &bytes].concat()).unwrap();
        match open(&path) {
            Err(error) => prop_assert!(error.to_string().contains(name)),
            Ok(batches) => for batch in batches {
                if let Err(error) = batch {
                    prop_assert!(error.to_string().contains(name));
                }
            }
        }
    }

    /// Texts of any characters come back from every format.
    #[test]
    fn any_texts_come_back(texts in proptest::collection::vec(proptest::option::of("\\PC{1,20}"), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        // With one that is a text in any case, and makes the column one.
        let column: ArrayRef = Arc::new(StringArray::from_iter(texts.into_iter().chain([Some("text".to_owned())])));
        let batch = table(vec![("n", Arc::new(Int64Array::from_iter_values(0..column.len() as i64))), ("text", column)]);
        for name in ["a.parquet", "a.csv", "a.tsv.gz", "a.jsonl.zst"] {
            let path = folder.path().join(name);
            write(&path, std::slice::from_ref(&batch));
            let found = one(&path);
            prop_assert_eq!(found.column_by_name("text"), batch.column_by_name("text"));
        }
    }
}

#[test]
fn large_rows_come_in_small_batches() {
    let folder = tempfile::tempdir().unwrap();
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..100).map(|row| format!("{row} ").repeat(1 << 18))));
    let batch = table(vec![("text", texts)]);
    for name in ["a.parquet", "a.csv", "a.jsonl.zst"] {
        let path = folder.path().join(name);
        let mut writer = FileWriter::create(&path, batch.schema()).unwrap();
        (0..100).for_each(|row| writer.write(&batch.slice(row, 1)).unwrap());
        writer.finish().unwrap();
        let rows: Vec<_> = read(&path).iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows.iter().sum::<usize>(), 100);
        assert!(rows.iter().all(|rows| *rows < 100), "{name}: {rows:?}");
    }
}
