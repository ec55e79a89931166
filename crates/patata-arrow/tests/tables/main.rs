//! Tables in, tables out, against a server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure in here fails the test, as it should")]

mod distinct;
mod earlier;
mod round_trips;
mod types;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray,
    RecordBatch, RecordBatchIterator, RunArray, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampSecondArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType};
use bytes::Bytes;
use patata::Client;
use patata_arrow::{BodyAs, Columns, Output, TableError, fetch, struct_type};
use patata_testserver::Server;

fn client() -> Client {
    Client::builder().num_workers(1).ordered(true).build().unwrap()
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

type Batches = Vec<Result<RecordBatch, ArrowError>>;

type Input = RecordBatchIterator<std::vec::IntoIter<Result<RecordBatch, ArrowError>>>;

fn input(batches: Batches) -> Input {
    let schema = batches.iter().find_map(|batch| batch.as_ref().ok()).unwrap().schema();
    RecordBatchIterator::new(batches.into_iter(), schema)
}

fn results(batch: &RecordBatch, columns: &Columns, output: &Output) -> Vec<RecordBatch> {
    fetch(&client(), input(vec![Ok(batch.clone())]), columns, output).unwrap().map(Result::unwrap).collect()
}

/// The results where they are one batch.
fn result(batch: &RecordBatch, columns: &Columns, output: &Output) -> RecordBatch {
    let mut batches = results(batch, columns, output);
    assert_eq!(batches.len(), 1);
    batches.remove(0)
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let values = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

fn statuses(batch: &RecordBatch) -> Vec<Option<i16>> {
    batch.column_by_name("status").unwrap().as_primitive::<Int16Type>().iter().collect()
}

#[test]
fn every_layout_of_urls_goes_in_and_comes_back() {
    let server = Server::start().unwrap();
    let urls =
        ["/status/201", "/status/202", "/status/203"].map(|path| Some(format!("{}{path}", server.url())));
    let urls = [urls[0].as_deref(), None, urls[1].as_deref(), urls[2].as_deref(), urls[1].as_deref()];
    let layouts: [ArrayRef; 6] = [
        Arc::new(StringArray::from_iter(urls)),
        Arc::new(LargeStringArray::from_iter(urls)),
        Arc::new(StringViewArray::from_iter(urls)),
        Arc::new(DictionaryArray::<Int8Type>::from_iter(urls)),
        Arc::new(DictionaryArray::<Int32Type>::from_iter(urls)),
        Arc::new(RunArray::<Int32Type>::from_iter(urls)),
    ];
    for layout in layouts {
        for (begin, length) in [(0, 5), (1, 3), (3, 1)] {
            let column = layout.slice(begin, length);
            let batch = table(vec![("url", column.clone())]);
            let found = result(&batch, &Columns::new(), &Output::new().body(BodyAs::None));
            assert_eq!(found.column(0).to_data(), column.to_data(), "{}", layout.data_type());
            let expected = [Some(201), None, Some(202), Some(203), Some(202)];
            assert_eq!(statuses(&found), expected[begin..begin + length], "{}", layout.data_type());
            let errors = texts(&found, "error");
            assert_eq!(
                errors.iter().map(|error| error.as_deref()).collect::<Vec<_>>(),
                expected[begin..begin + length]
                    .iter()
                    .map(|status| status.is_none().then_some("url: the column \"url\" is null"))
                    .collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn empty_tables_and_empty_batches_are_answered_by_none() {
    let empty = table(vec![("url", Arc::new(StringArray::from(Vec::<&str>::new())))]);
    for batches in [vec![Ok(empty.clone())], vec![Ok(empty.clone()), Ok(empty.clone())]] {
        let mut found = fetch(&client(), input(batches), &Columns::new(), &Output::new()).unwrap();
        assert!(found.schema().is_none());
        assert!(found.next().is_none() && found.next().is_none());
        // Nothing has told what bodies are: they are text.
        let schema = found.schema().unwrap();
        assert_eq!(schema.field_with_name("body").unwrap().data_type(), &DataType::Utf8);
        assert_eq!(found.receipt().submitted, 0);
    }
    let none = RecordBatchIterator::new(Batches::new().into_iter(), empty.schema());
    assert!(fetch(&client(), none, &Columns::new(), &Output::new()).unwrap().next().is_none());
}

#[test]
fn each_part_of_a_request_comes_from_its_column() {
    let server = Server::start().unwrap();
    let headers: Vec<(_, ArrayRef)> = vec![
        ("x-one", Arc::new(StringArray::from(vec![Some("1"), None]))),
        ("x-two", Arc::new(Int64Array::from(vec![2, 22]))),
    ];
    let params = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
    let params: Vec<(_, ArrayRef)> = vec![("p", Arc::new(params))];
    let json: Vec<(_, ArrayRef)> = vec![("a", Arc::new(Float64Array::from(vec![Some(1.5), Some(2.0)])))];
    let json = StructArray::try_from(json).unwrap().into_parts();
    let batch = table(vec![
        ("id", Arc::new(Int64Array::from(vec![7, 8]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("UTC"))),
        ("method", Arc::new(StringArray::from(vec![None, Some("put")]))),
        ("headers", Arc::new(StructArray::try_from(headers).unwrap())),
        ("params", Arc::new(StructArray::try_from(params).unwrap())),
        ("json", Arc::new(StructArray::new(json.0, json.1, Some(NullBuffer::from(vec![true, false]))))),
        ("form", Arc::new(StringArray::from(vec![None, Some(r#"{"f": ["x", 2]}"#)]))),
        ("timeout", Arc::new(Float64Array::from(vec![Some(30.0), None]))),
    ]);
    let url = format!("{}/echo?at={{at}}", server.url());
    let echo =
        [("method", "string"), ("query", "string"), ("headers", "map<string, string>"), ("body", "string")];
    let output = Output::new().keep(["id"]).body(BodyAs::Json(struct_type(echo).unwrap()));
    let found = result(&batch, &Columns::new().url(url).method(patata::Method::POST), &output);
    assert_eq!(texts(&found, "error"), [None, None]);
    let bodies = found.column_by_name("body").unwrap().as_struct();
    let column = |name: &str| bodies.column_by_name(name).unwrap().as_string::<i32>().clone();
    assert_eq!(column("method").iter().flatten().collect::<Vec<_>>(), ["POST", "PUT"]);
    let queries = ["at=1970-01-01T00%3A00%3A00Z&p=1&p=2", "at=1970-01-01T00%3A00%3A01.500Z"];
    assert_eq!(column("query").iter().flatten().collect::<Vec<_>>(), queries);
    assert_eq!(column("body").iter().flatten().collect::<Vec<_>>(), [r#"{"a":1.5}"#, "f=x&f=2"]);
    let headers = bodies.column_by_name("headers").unwrap().as_map();
    let headers = |row: usize| -> BTreeMap<String, String> {
        let entries = headers.value(row);
        let (names, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        names.iter().zip(values.iter()).map(|(n, v)| (n.unwrap().to_owned(), v.unwrap().to_owned())).collect()
    };
    assert_eq!((headers(0)["x-one"].as_str(), headers(0)["x-two"].as_str()), ("1", "2"));
    assert_eq!((headers(1).get("x-one"), headers(1)["x-two"].as_str()), (None, "22"));
    assert_eq!(headers(0)["content-type"], "application/json");
    assert_eq!(headers(1)["content-type"], "application/x-www-form-urlencoded");
}

#[test]
fn a_row_that_makes_no_request_is_told_in_its_row() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    let null: Option<&str> = None;
    let cases = [
        ("method", vec![Some("GE T")], "no method of HTTP"),
        ("headers", vec![Some("[1]")], "headers: the column \"headers\" is no JSON of an object"),
        ("params", vec![Some("{\"a\": {}}")], "params: the column \"params\" has a member \"a\""),
        ("json", vec![Some("{a}")], "json: the column \"json\" is no JSON"),
        ("form", vec![Some("x")], "form: the column \"form\" is no JSON of an object"),
        ("cost", vec![Some("{\"tokens\": \"many\"}")], "cost: \"many\" of tokens is no number"),
        ("method", vec![null], ""),
        ("json", vec![Some("[1]")], ""),
    ];
    for (part, values, problem) in cases {
        let batch = table(vec![(part, Arc::new(StringArray::from(values)))]);
        let found = result(&batch, &Columns::new().url(&url), &Output::new().body(BodyAs::None));
        let error = texts(&found, "error").remove(0).unwrap_or_default();
        assert!(error.contains(problem) && error.is_empty() == problem.is_empty(), "{part}: {error}");
        let kind = texts(&found, "error_kind").remove(0);
        assert_eq!(kind.as_deref(), (!problem.is_empty()).then_some("invalid request"));
    }
    let batch = table(vec![
        ("json", Arc::new(StringArray::from(vec!["1"]))),
        ("content", Arc::new(StringArray::from(vec!["x"]))),
    ]);
    let found = result(&batch, &Columns::new().url(&url), &Output::new().body(BodyAs::None));
    assert!(texts(&found, "error")[0].as_deref().unwrap().contains("the row has json and content"));
    for seconds in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
        let batch = table(vec![("timeout", Arc::new(Float64Array::from(vec![seconds])))]);
        let found = result(&batch, &Columns::new().url(&url), &Output::new().body(BodyAs::None));
        assert!(texts(&found, "error")[0].as_deref().unwrap().contains("no time to wait"));
    }
}

#[test]
fn a_value_that_cannot_be_sent_is_told_in_its_row_and_stops_no_other() {
    let server = Server::start().unwrap();
    let far = |rows: usize, bad: &[usize]| -> ArrayRef {
        let seconds = (0..rows).map(|row| if bad.contains(&row) { i64::MAX } else { 0 });
        Arc::new(TimestampSecondArray::from_iter_values(seconds))
    };
    let structs = |rows: usize, bad: &[usize]| -> ArrayRef {
        Arc::new(StructArray::try_from(vec![("at", far(rows, bad))]).unwrap())
    };
    let echo = format!("{}/echo", server.url());
    let template = format!("{echo}?at={{at}}");
    for (part, rows, bad) in [
        ("at", 1, &[0][..]),
        ("at", 3000, &[0, 1, 1700, 2999]),
        ("params", 3000, &[1500]),
        ("json", 3000, &[0, 2100]),
        ("id", 3, &[0, 1, 2]),
    ] {
        let column = if ["params", "json"].contains(&part) { structs(rows, bad) } else { far(rows, bad) };
        let url = if part == "at" { &template } else { &echo };
        let batch = table(vec![(part, column)]);
        let columns = Columns::new().url(url).method(patata::Method::POST);
        let found = results(&batch, &columns, &Output::new().body(BodyAs::None).batch_rows(5000));
        let errors = texts(&found[0], "error");
        assert_eq!((found.len(), errors.len()), (1, rows));
        let part = if part == "at" { "url: the column \"at\"" } else { part };
        for (row, error) in errors.into_iter().enumerate() {
            let is_told = error.is_some_and(|error| {
                error.starts_with(part)
                    && error.contains("cannot be sent: ")
                    && error.contains("9223372036854775807")
            });
            assert_eq!(is_told, bad.contains(&row), "{part} {row}");
        }
    }
}

#[test]
fn bodies_are_values_of_the_schema_and_what_does_not_fit_is_told() {
    let server = Server::start().unwrap();
    let sent = [
        Some(r#"{"name": "a", "tags": ["x"]}"#),
        Some(r#"{"name": "b", "tags": 5}"#),
        Some("<html>"),
        None,
        Some(r#"{"tags": []}"#),
    ];
    let batch = table(vec![("content", Arc::new(StringArray::from_iter(sent)))]);
    let columns = Columns::new().url(format!("{}/echo-body", server.url())).method(patata::Method::POST);
    let body = struct_type([("name", "string"), ("tags", "list<string>")]).unwrap();
    let found = result(&batch, &columns, &Output::new().body(BodyAs::Json(body)));
    let bodies = found.column_by_name("body").unwrap().as_struct();
    assert_eq!((0..5).map(|row| bodies.is_valid(row)).collect::<Vec<_>>(), [true, true, false, false, true]);
    let names: Vec<_> = bodies.column(0).as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("a"), Some("b"), None, None, None]);
    let tags = bodies.column(1).as_list::<i32>();
    assert_eq!((0..5).map(|row| tags.is_valid(row)).collect::<Vec<_>>(), [true, false, false, false, true]);
    let kinds = texts(&found, "error_kind");
    assert_eq!(
        kinds.iter().map(|kind| kind.as_deref()).collect::<Vec<_>>(),
        [None, Some("schema"), Some("json"), None, None]
    );
    let errors = texts(&found, "error");
    assert!(errors[1].as_deref().unwrap().starts_with("the body does not fit the schema: "), "{errors:?}");
    assert!(errors[2].as_deref().unwrap().starts_with("the body is no JSON: "), "{errors:?}");
}

#[test]
fn the_type_of_bodies_is_that_of_the_first_good_ones() {
    let server = Server::start().unwrap();
    let paths = ["/status/404", "/", "/"].map(|path| format!("{}{path}", server.url()));
    let batch = table(vec![("url", Arc::new(StringArray::from(paths.to_vec())))]);
    let found = result(&batch, &Columns::new(), &Output::new());
    let expected = struct_type([("message", "string")]).unwrap();
    assert_eq!(found.column_by_name("body").unwrap().data_type(), &expected);
    let messages = found.column_by_name("body").unwrap().as_struct().column(0).as_string::<i32>().clone();
    assert_eq!(messages.iter().collect::<Vec<_>>(), [None, Some("Hello world!"), Some("Hello world!")]);
    assert_eq!(texts(&found, "error"), [None, None, None]);
}

#[test]
fn bodies_are_texts_bytes_or_left_out() {
    let server = Server::start().unwrap();
    let urls = [format!("{}/bytes/3", server.url()), "http://127.0.0.1:1/".to_owned()];
    let batch = table(vec![("link", Arc::new(StringArray::from(urls.to_vec())))]);
    let columns = Columns::new().url("link");
    let text = result(&batch, &columns, &Output::new().body(BodyAs::Text).with_url(true).with_headers(true));
    assert_eq!(texts(&text, "body")[0].as_deref().map(str::len), Some(3));
    assert_eq!(texts(&text, "url"), [Some(urls[0].clone()), None]);
    assert_eq!(texts(&text, "error_kind"), [None, Some("connect".into())]);
    let headers = text.column_by_name("headers").unwrap().as_list::<i32>();
    assert!(headers.is_valid(0) && headers.is_null(1));
    let first = headers.value(0);
    let names: Vec<_> =
        first.as_struct().column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert!(names.contains(&"content-length".to_owned()), "{names:?}");
    let attempts = text.column_by_name("attempts").unwrap().as_primitive::<Int32Type>();
    assert_eq!(attempts.values(), &[1, 1]);
    let elapsed = text.column_by_name("elapsed_ms").unwrap().as_primitive::<Float64Type>();
    assert!(elapsed.values().iter().all(|elapsed| *elapsed >= 0.0));
    let binary = result(&batch, &columns, &Output::new().body(BodyAs::Binary));
    assert_eq!(binary.column_by_name("body").unwrap().as_binary::<i32>().value(0).len(), 3);
    let none = result(&batch, &columns, &Output::new().body(BodyAs::None));
    assert!(none.column_by_name("body").is_none());
}

#[test]
fn an_input_that_breaks_off_is_an_error_behind_what_it_gave() {
    let server = Server::start().unwrap();
    let batch = table(vec![("url", Arc::new(StringArray::from(vec![format!("{}/", server.url()); 3])))]);
    let other = table(vec![("link", Arc::new(StringArray::from(vec!["http://h/"])))]);
    for (fault, part) in [
        (Err(ArrowError::IoError("gone".into(), std::io::Error::other("gone"))), "the input cannot be read"),
        (Ok(other), "a batch has other columns"),
    ] {
        let batches = vec![Ok(batch.clone()), fault, Ok(batch.clone())];
        let mut found = fetch(&client(), input(batches), &Columns::new(), &Output::new()).unwrap();
        assert_eq!(found.next().unwrap().unwrap().num_rows(), 3);
        let error: TableError = found.next().unwrap().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(found.next().is_none());
    }
}

#[test]
fn rows_come_with_what_they_brought_in_whatever_order_they_are_done() {
    let server = Server::start().unwrap();
    // Long enough for views to have buffers, and in several pieces and batches.
    let text = |row: i64| format!("the text of the row that has the number {row}");
    let batch = |from: i64, count: i64| {
        let rows: Vec<_> = (from..from + count).collect();
        let nested: Vec<(_, ArrayRef)> = vec![(
            "text",
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| text(*row)))) as ArrayRef,
        )];
        let names = rows.iter().map(|row| if row % 3 == 0 { None } else { Some(text(row % 50)) });
        let names: DictionaryArray<Int8Type> =
            names.collect::<Vec<_>>().iter().map(|name| name.as_deref()).collect();
        let lists = rows.iter().map(|row| (row % 7 != 0).then(|| vec![Some(*row), None]));
        table(vec![
            ("n", Arc::new(Int64Array::from(rows.clone()))),
            ("nested", Arc::new(StructArray::try_from(nested).unwrap())),
            ("name", Arc::new(names)),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ])
    };
    let columns = Columns::new().url(format!("{}/status/200?n={{n}}", server.url()));
    for ordered in [true, false] {
        let client = Client::builder().num_workers(2).ordered(ordered).concurrency(50).build().unwrap();
        let output = Output::new().body(BodyAs::None).with_url(true).batch_rows(1000);
        let batches = vec![Ok(batch(0, 2500)), Ok(batch(2500, 1)), Ok(batch(2501, 0)), Ok(batch(2501, 499))];
        let mut seen = Vec::new();
        for found in fetch(&client, input(batches), &columns, &output).unwrap() {
            let found = found.unwrap();
            assert!(found.num_rows() <= 1000);
            let urls = texts(&found, "url");
            let column = |name: &str| found.column_by_name(name).unwrap().clone();
            let (nested, names, lists) = (column("nested"), column("name"), column("list"));
            let names = names.downcast_dict_texts();
            for (place, row) in column("n").as_primitive::<Int64Type>().values().iter().enumerate() {
                assert!(urls[place].as_deref().unwrap().ends_with(&format!("?n={row}")));
                assert_eq!(nested.as_struct().column(0).as_string_view().value(place), text(*row));
                assert_eq!(names[place], (row % 3 != 0).then(|| text(row % 50)));
                assert_eq!(lists.is_null(place), row % 7 == 0);
                seen.push(*row);
            }
        }
        if ordered {
            assert!(seen.is_sorted());
        }
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..3000));
    }
}

trait DictTexts {
    fn downcast_dict_texts(&self) -> Vec<Option<String>>;
}

impl DictTexts for ArrayRef {
    fn downcast_dict_texts(&self) -> Vec<Option<String>> {
        let texts = self.as_dictionary::<Int8Type>().downcast_dict::<StringArray>().unwrap();
        texts.into_iter().map(|text| text.map(str::to_owned)).collect()
    }
}

/// Bytes that tell whether they are still there.
struct Tracked {
    bytes: Vec<u8>,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A column of the same text in all rows, and what dies with it.
fn tracked(text: &str, rows: usize) -> (StringArray, Weak<()>) {
    let alive = Arc::new(());
    let watched = Arc::downgrade(&alive);
    let bytes = Bytes::from_owner(Tracked { bytes: text.repeat(rows).into_bytes(), _alive: alive });
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(text.len(), rows));
    (StringArray::new(offsets, Buffer::from(bytes), None), watched)
}

#[test]
fn only_the_rows_that_are_awaited_are_in_memory() {
    const BATCHES: usize = 300;
    const ROWS: usize = 100;
    let server = Server::start().unwrap();
    let url = format!("{}/", server.url());
    let given: Arc<Mutex<Vec<Weak<()>>>> = Arc::default();
    let alive = || given.lock().unwrap().iter().filter(|column| column.strong_count() > 0).count();
    let schema = table(vec![("url", Arc::new(StringArray::from(vec![""])))]).schema();
    let batches = (0..BATCHES).map({
        let (given, schema) = (given.clone(), schema.clone());
        move |_| {
            let (column, watched) = tracked(&url, ROWS);
            given.lock().unwrap().push(watched);
            RecordBatch::try_new(schema.clone(), vec![Arc::new(column)])
        }
    });
    let client = Client::builder().num_workers(1).queue_max_size(500).input_chunk_size(100).build().unwrap();
    let output = Output::new().body(BodyAs::None).batch_rows(200);
    let mut rows = 0;
    for batch in fetch(&client, RecordBatchIterator::new(batches, schema), &Columns::new(), &output).unwrap()
    {
        rows += batch.unwrap().num_rows();
        let read = given.lock().unwrap().len() * ROWS;
        assert!(read <= rows + 500 + 200 + ROWS, "{read} rows were read when {rows} had been given back");
        assert!(alive() * ROWS <= 500 + 200 + 20 * ROWS, "{} batches are in memory", alive());
    }
    assert_eq!((rows, alive()), (BATCHES * ROWS, 0));
}

#[test]
fn large_bodies_make_small_batches() {
    let server = Server::start().unwrap();
    let size = 30 << 20;
    let batch =
        table(vec![("url", Arc::new(StringArray::from(vec![format!("{}/bytes/{size}", server.url()); 5])))]);
    let found = results(&batch, &Columns::new(), &Output::new().body(BodyAs::Binary));
    assert_eq!(found.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn columns_that_together_are_too_large_for_their_layout_come_in_several_batches() {
    let server = Server::start().unwrap();
    // Zeros that nobody has written take no memory.
    let blob = Buffer::from(Bytes::from(vec![0_u8; 1200 << 20]));
    let column = BinaryArray::new(OffsetBuffer::from_lengths([blob.len()]), blob, None);
    let batch = table(vec![("blob", Arc::new(column))]);
    let columns = Columns::new().url(format!("{}/", server.url()));
    let batches = vec![Ok(batch.clone()), Ok(batch)];
    let found = fetch(&client(), input(batches), &columns, &Output::new().body(BodyAs::None)).unwrap();
    let found: Vec<_> = found.map(Result::unwrap).collect();
    assert_eq!(found.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1, 1]);
    assert!(found.iter().all(|batch| batch.column(0).as_binary::<i32>().value(0).len() == 1200 << 20));
}
