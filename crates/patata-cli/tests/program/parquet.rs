//! Tables of Parquet in and out, by the program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use patata_arrow::files::{FileWriter, open};
use patata_testserver::Server;
use serde_json::json;

use super::support::{Place, ended, send, wait_until};

/// Writes a table with the columns `id`, `url` and `user.name`, and gives its name.
fn table<'n>(place: &Place, name: &'n str, count: i64, url: impl Fn(i64) -> String) -> &'n str {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let urls: ArrayRef = Arc::new(StringArray::from_iter_values((0..count).map(url)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..count).map(|id| format!("n{id}"))));
    let user: ArrayRef = Arc::new(StructArray::try_from(vec![("name", names)]).unwrap());
    let batch = RecordBatch::try_from_iter([("id", ids), ("url", urls), ("user", user)]).unwrap();
    let mut writer = FileWriter::create(place.path(name), batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    name
}

/// All parts of a folder as one table.
fn out(place: &Place, run: &str) -> RecordBatch {
    let batches: Vec<_> = open(place.path(run).join("out")).unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn parts(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|part| part.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let texts = batch.column_by_name(column).unwrap().as_string::<i32>();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

/// How often each id is there.
fn ids(batch: &RecordBatch) -> BTreeMap<u64, usize> {
    let mut ids = BTreeMap::new();
    texts(batch, "id").into_iter().for_each(|id| *ids.entry(id.unwrap().parse().unwrap()).or_default() += 1);
    ids
}

#[test]
fn a_table_comes_back_as_a_table_with_bodies_of_the_schema() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = |id| format!("{}{}", server.url(), if id == 3 { "/status/503" } else { "/echo" });
    let input = table(&place, "in.parquet", 10, url);
    let schema = "--schema=method=string,query=string,headers=map<string, string>,body=int64";
    let url = "{url}?name={user.name}";
    let run = ["run", input, url, "-o", "run", "--format", "parquet", "--part-rows", "4", schema];
    let dry = place.run(&[&run[..], &["--dry-run"]].concat()).ended(0);
    assert!(dry.stdout.contains("10 requests"), "{}", dry.stdout);
    assert!(!place.path("run").exists());
    place.run(&[&run[..], &["--canary", "2", "--max-failures", "3"]].concat()).ended(1);

    assert!(parts(&place.path("run/out")).iter().all(|name| name.ends_with(".parquet")));
    assert_eq!(parts(&place.path("run/live")), [] as [&str; 0]);
    let table = out(&place, "run");
    assert_eq!(ids(&table), (0..10).map(|id| (id, 1)).collect());
    let (queries, errors) = (table.column_by_name("body").unwrap().as_struct(), texts(&table, "body_error"));
    let queries = queries.column_by_name("query").unwrap().as_string::<i32>();
    let statuses = table.column_by_name("status").unwrap().as_primitive::<Int16Type>();
    for (row, id) in texts(&table, "id").into_iter().enumerate() {
        let id = id.unwrap();
        match &*id {
            "3" => assert_eq!((statuses.value(row), queries.is_null(row)), (503, true)),
            id => assert_eq!((statuses.value(row), queries.value(row)), (200, &*format!("name=n{id}"))),
        }
        // What the schema has no number for is told; bodies without one are as good.
        assert_eq!(errors[row].is_some(), id != "3", "{errors:?}");
    }

    let row = place.run(&["show", "run", "7"]).ended(0).json();
    assert_eq!(
        (&row["id"], &row["status"], &row["body"]["query"]),
        (&7.into(), &200.into(), &"name=n7".into())
    );
    let status = place.run(&["status", "run", "--json"]).ended(0).json();
    assert_eq!((&status["ok"], &status["failed"], &status["errors"]), (&9.into(), &1.into(), &json!({})));
    place.run(&["report", "run"]).ended(0);
    assert!(place.read("run/report.html").contains("503"));
    assert!(place.run(&["resume", "run"]).ended(0).stderr.contains("nothing is left to do"));
    // What is sent again has one row in the end, in parts that are made anew.
    place.run(&["retry", "run"]).ended(1);
    let table = out(&place, "run");
    assert_eq!(ids(&table), (0..10).map(|id| (id, 1)).collect());
    assert_eq!(server.requests(), 11);
    let row = place.run(&["show", "run", "7"]).ended(0).json();
    assert_eq!(row["id"], 7);
}

#[test]
fn chosen_columns_and_requests_that_rows_state_themselves() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let bodies: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let json: ArrayRef = Arc::new(StructArray::try_from(vec![("n", bodies)]).unwrap());
    let urls: ArrayRef = Arc::new(StringArray::from(vec![format!("{}/echo", server.url()); 3]));
    let methods: ArrayRef = Arc::new(StringArray::from(vec![Some("POST"), Some("PUT"), None]));
    let batch = RecordBatch::try_from_iter([("url", urls), ("method", methods), ("json", json)]).unwrap();
    let mut writer = FileWriter::create(place.path("in.parquet"), batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let columns = "index,body.method,body.body";
    place.run(&["run", "in.parquet", "-o", "run", "--format", "parquet", "--columns", columns]).ended(0);
    let table = out(&place, "run");
    let names: Vec<_> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names.join(","), columns);
    let mut rows = BTreeMap::new();
    for row in 0..3 {
        let text = |column: &str| texts(&table, column)[row].clone().unwrap();
        let index = table.column(0).as_primitive::<Int64Type>().value(row);
        rows.insert(index, (text("body.method"), text("body.body")));
    }
    assert_eq!(rows[&0], ("POST".into(), "\"{\\\"n\\\":1}\"".into()));
    assert_eq!(rows[&1], ("PUT".into(), "\"{\\\"n\\\":null}\"".into()));
    let row = place.run(&["show", "run", "0"]).ended(0).json();
    assert_eq!(row, json!({"index": 0, "body": {"method": "POST", "body": "{\"n\":1}"}}));
}

#[test]
fn what_cannot_be_is_told_before_the_first_request() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let input = table(&place, "in.parquet", 3, |_| server.url().to_owned());
    let refused = |arguments: &[&str]| place.run(&[&["run"], arguments].concat()).ended(2).stderr;
    let url = |field: &str| format!("{}/{{{field}}}", server.url());
    let missing = refused(&[input, &url("user.nam"), "-o", "run"]);
    assert!(missing.contains("in.parquet: has no column \"user.nam\""), "{missing}");
    let piped = std::fs::read(place.path(input)).unwrap();
    let mut child = place.command(&["run", "-", &url("id")]);
    let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
    // It need not be read to its end.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), &piped);
    let piped = ended(child).ended(2).stderr;
    assert!(piped.contains("cannot be piped; name the file instead"), "{piped}");
    let schema = refused(&[input, &url("id"), "-o", "run", "--format", "parquet", "--schema", "a=strin"]);
    assert!(schema.contains("--schema: schema, member \"a\": \"strin\" is no type"), "{schema}");
    assert!(!place.path("run").exists());
    assert_eq!(server.requests(), 0);
}

/// Each is there exactly once, whatever kills the process, and how often.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_goes_on_from_table_to_table() {
    const ROWS: i64 = 100_000;
    let (place, server) = (Place::new(), Server::start().unwrap());
    let input = table(&place, "in.parquet", ROWS, |_| server.url().to_owned());
    let run = ["run", input, "-o", "run", "--format", "parquet", "--part-rows", "7000", "-c", "50"];
    let schema = ["--schema", "message=string"];
    let first = [&run[..], &schema].concat();
    for (killed, arguments) in (1..).zip([&*first, &["resume", "run"]]) {
        let child = place.spawn(arguments);
        wait_until("a quarter of it", || server.requests() as i64 > killed * ROWS / 4);
        send(&child, "-KILL");
        ended(child).ended(-9);
    }
    place.run(&["resume", "run"]).ended(0);
    let table = out(&place, "run");
    assert_eq!(table.num_rows() as i64, ROWS);
    assert_eq!(ids(&table), (0..ROWS as u64).map(|id| (id, 1)).collect());
    let messages = table.column_by_name("body").unwrap().as_struct().column(0).as_string::<i32>();
    assert!(messages.iter().all(|message| message == Some("Hello world!")));
    assert_eq!(texts(&table, "body_error").iter().flatten().count(), 0);
}
