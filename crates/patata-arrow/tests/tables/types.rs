//! Bodies of every kind, read as every type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};
use bytes::Bytes;
use patata_arrow::{BodyAs, Columns, Earlier, Output, Plan, Requests, Results, TableError, struct_type};

use crate::{input, table, texts};

/// What these bodies give, as if a server had sent them.
fn read(body: BodyAs, bodies: Vec<Bytes>) -> Result<RecordBatch, TableError> {
    let batch = table(vec![("url", Arc::new(StringArray::from(vec!["http://h/"; bodies.len()])))]);
    let output = Output::new().body(body).plan(&batch.schema())?;
    let plan = Plan::new(&Columns::new(), &batch.schema())?;
    let mut results = Results::new(output.clone())?;
    for (request, body) in Requests::new(input(vec![Ok(batch)]), plan, &output).zip(bodies) {
        results.push_earlier(request.tag, Earlier { status: Some(200), body, ..Earlier::default() });
    }
    results.finish()?;
    Ok(results.take()?.unwrap())
}

fn field(name: &str, data_type: &DataType, is_nullable: bool) -> FieldRef {
    Arc::new(Field::new(name, data_type.clone(), is_nullable))
}

fn map(key: &DataType, value: &DataType) -> DataType {
    let entries = DataType::Struct(Fields::from(vec![field("k", key, false), field("v", value, true)]));
    DataType::Map(field("entries", &entries, false), false)
}

/// Types that JSON is read as, and some that it is not.
fn scalars() -> Vec<DataType> {
    use DataType as T;
    let zone = |zone: &str| T::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    vec![
        T::Null,
        T::Boolean,
        T::Int8,
        T::Int64,
        T::UInt64,
        T::Float16,
        T::Float32,
        T::Float64,
        T::Utf8,
        T::LargeUtf8,
        T::Utf8View,
        T::Binary,
        T::LargeBinary,
        T::BinaryView,
        T::FixedSizeBinary(2),
        T::Date32,
        T::Date64,
        T::Time32(TimeUnit::Second),
        T::Time32(TimeUnit::Millisecond),
        T::Time64(TimeUnit::Microsecond),
        T::Time64(TimeUnit::Nanosecond),
        T::Timestamp(TimeUnit::Second, None),
        T::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        zone("Europe/Madrid"),
        zone("Mars/Phobos"),
        T::Duration(TimeUnit::Nanosecond),
        T::Interval(IntervalUnit::YearMonth),
        T::Decimal32(5, 2),
        T::Decimal64(10, 2),
        T::Decimal128(38, -2),
        T::Decimal256(76, 3),
        T::Dictionary(Box::new(T::Int8), Box::new(T::Utf8)),
        T::RunEndEncoded(field("run_ends", &T::Int32, false), field("values", &T::Utf8, true)),
        T::Struct(Fields::empty()),
        T::Struct(vec![field("a", &T::Int8, true), field("a", &T::Utf8, true)].into()),
        map(&T::Utf8, &T::Int8),
        map(&T::Int64, &T::Utf8),
        T::Map(field("entries", &T::Utf8, false), false),
    ]
}

/// Each type by itself, and in lists and structs.
fn types() -> Vec<DataType> {
    let mut types = scalars();
    for inner in scalars() {
        let item = || field("item", &inner, true);
        types.push(DataType::List(item()));
        types.push(DataType::LargeList(item()));
        types.push(DataType::ListView(item()));
        types.push(DataType::LargeListView(item()));
        types.push(DataType::FixedSizeList(item(), 2));
        types.push(DataType::FixedSizeList(item(), 0));
        types.push(DataType::Struct(vec![field("a", &inner, false)].into()));
        let list = DataType::List(item());
        types.push(DataType::Struct(vec![field("a", &inner, true), field("b", &list, true)].into()));
    }
    types
}

const BODIES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "255",
    "1e3",
    "1.5",
    "1e400",
    "-9223372036854775808",
    "18446744073709551615",
    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
    r#""""#,
    r#""a""#,
    r#""abcd""#,
    r#""zz""#,
    r#""2024-01-01""#,
    r#""2024-01-01T00:00:00Z""#,
    r#""2024-01-01T00:00:00+99:99""#,
    r#""9999999-01-01""#,
    r#""24:61""#,
    r#""12:00:00""#,
    r#""1.234567""#,
    r#""NaN""#,
    r#""\ud800""#,
    r#""\u0000""#,
    "[]",
    "[1]",
    "[1, 2]",
    "[1, 2, 3]",
    "[null, null]",
    r#"["a", "b"]"#,
    "[[1], [2]]",
    "{}",
    r#"{"a": 1}"#,
    r#"{"a": 1, "a": 2}"#,
    r#"{"a": null}"#,
    r#"{"a": "x"}"#,
    r#"{"a": [1, 2]}"#,
    r#"{"a": {"a": 1}}"#,
    r#"{"b": [1.5, "x"]}"#,
    r#"{"a": [{"a": [1]}]}"#,
    "{",
    "",
    "<html>",
];

#[test]
fn no_body_breaks_a_table_whatever_its_type() {
    let mut refused = Vec::new();
    for data_type in types() {
        let bodies = BODIES.iter().map(|body| Bytes::from_static(body.as_bytes())).collect();
        match read(BodyAs::Json(data_type.clone()), bodies) {
            Ok(batch) => {
                batch["body"].to_data().validate_full().unwrap();
                let kinds = texts(&batch, "error_kind");
                for ((row, kind), body) in kinds.iter().enumerate().zip(BODIES) {
                    let kind = kind.as_deref();
                    assert!([None, Some("json"), Some("schema")].contains(&kind), "{data_type} {body}");
                    if ["{", "<html>"].contains(body) {
                        let nulls = batch["body"].logical_nulls();
                        let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
                        assert!(kind == Some("json") && is_null, "{data_type} {body}");
                    }
                }
            }
            // What is refused is refused before anything is sent, with the type.
            Err(error) => {
                assert!(error.to_string().starts_with(&format!("schema {data_type}: ")), "{error}");
                refused.push(data_type);
            }
        }
    }
    // Those of bytes of a fixed size, an unknown zone, an interval, a dictionary and a map that is none, in all forms.
    assert_eq!(refused.len(), 5 * 9, "{refused:?}");
}

#[test]
fn a_body_that_no_column_holds_is_null_and_told() {
    // Zeros that nobody has written take no memory.
    let huge = Bytes::from(vec![0_u8; (1 << 31) + 1]);
    let schema = struct_type([("a", "string")]).unwrap();
    for body in [BodyAs::Binary, BodyAs::Json(schema)] {
        let found = read(body, vec![huge.clone()]).unwrap();
        assert!(found["body"].is_null(0));
        assert_eq!(texts(&found, "error_kind"), [Some("too large".into())]);
        assert!(texts(&found, "error")[0].as_deref().unwrap().contains("2147483649 bytes"));
    }
    let found = read(BodyAs::Binary, vec!["a".into(), huge, "b".into()]).unwrap();
    assert_eq!(found["body"].as_binary::<i32>().value(0), b"a");
}
