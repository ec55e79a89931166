//! Rows that an earlier process has dealt with.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch, StringArray};
use patata::{Outcome, Request};
use patata_arrow::{BodyAs, Columns, Earlier, Output, Plan, Requests, Results, Row, struct_type};
use patata_testserver::Server;

use crate::{client, input, statuses, table, texts};

/// The rows of a batch as requests, and where results of them go.
fn requests(batch: &RecordBatch, columns: &Columns, output: &Output) -> (Vec<Request<Row>>, Results) {
    let output = output.plan(&batch.schema()).unwrap();
    let plan = Plan::new(columns, &batch.schema()).unwrap();
    let requests = Requests::new(input(vec![Ok(batch.clone())]), plan, &output);
    (requests.collect(), Results::new(output).unwrap())
}

/// What a process that has written an outcome down knows of it later.
fn written_down<T>(outcome: &Outcome<T>) -> Earlier {
    let (attempts, elapsed) = (outcome.attempts, outcome.elapsed);
    match &outcome.result {
        Ok(response) => {
            let header =
                |(name, value): (&str, &[u8])| (name.into(), String::from_utf8_lossy(value).into_owned());
            Earlier {
                status: Some(response.status.as_u16()),
                body: response.body.clone(),
                error: None,
                attempts,
                elapsed,
                url: response.url.to_string(),
                headers: response.headers.iter().map(header).collect(),
                path: response.saved_to.as_deref().map(Into::into),
            }
        }
        Err(error) => Earlier {
            error: Some((error.kind().name().to_owned(), error.to_string())),
            attempts,
            elapsed,
            ..Earlier::default()
        },
    }
}

#[test]
fn an_earlier_answer_gives_the_columns_of_a_fresh_one() {
    let server = Server::start().unwrap();
    let base = server.url();
    let urls = ["/", "/status/404", "/redirect/1", "/bytes/7"].map(|path| Some(format!("{base}{path}")));
    let more = [Some("http://127.0.0.1:1/".to_owned()), None, Some(format!("{base}/"))];
    let urls: StringArray = urls.into_iter().chain(more).collect();
    let batch = table(vec![("link", Arc::new(urls))]);
    let schema = struct_type([("message", "string")]).unwrap();
    for body in [BodyAs::Json(schema), BodyAs::Inferred, BodyAs::Text, BodyAs::Binary, BodyAs::None] {
        let output = Output::new().body(body).with_url(true).with_headers(true);
        let (sent, mut fresh) = requests(&batch, &Columns::new().url("link"), &output);
        let (rows, mut restored) = requests(&batch, &Columns::new().url("link"), &output);
        for (outcome, row) in client().run(sent).zip(rows) {
            restored.push_earlier(row.tag, written_down(&outcome));
            fresh.push(outcome);
        }
        fresh.finish().unwrap();
        restored.finish().unwrap();
        assert_eq!(fresh.take().unwrap().unwrap(), restored.take().unwrap().unwrap());
    }
}

#[test]
fn an_earlier_body_is_read_in_its_charset_and_what_does_not_fit_is_told() {
    let batch = table(vec![("url", Arc::new(StringArray::from(vec!["http://h/"; 3])))]);
    let output = Output::new().body(BodyAs::Json(struct_type([("a", "int64")]).unwrap()));
    let (rows, mut results) = requests(&batch, &Columns::new(), &output);
    let bodies: [(&[u8], &str); 3] =
        [(b"{\"a\": 1}", "utf-8"), (b"{\0\"\0a\0\"\0:\x002\0}\0", "utf-16le"), (b"{\"a\": \"x\"}", "utf-8")];
    for (request, (body, charset)) in rows.into_iter().zip(bodies) {
        let headers = vec![("Content-Type".to_owned(), format!("application/json; charset={charset}"))];
        let earlier =
            Earlier { status: Some(200), body: body.to_vec().into(), headers, ..Earlier::default() };
        results.push_earlier(request.tag, earlier);
    }
    results.finish().unwrap();
    let found = results.take().unwrap().unwrap();
    let numbers = found["body"].as_struct().column(0).as_primitive::<arrow_array::types::Int64Type>().clone();
    assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1), Some(2), None]);
    assert_eq!(texts(&found, "error_kind"), [None, None, Some("schema".into())]);
}

#[test]
fn a_row_of_which_nobody_knows_what_became_has_an_error_and_no_response() {
    let batch = table(vec![("url", Arc::new(StringArray::from(vec!["http://h/"])))]);
    let output = Output::new().body(BodyAs::Text).with_url(true).with_headers(true);
    let (rows, mut results) = requests(&batch, &Columns::new(), &output.keep::<&str>([]));
    for request in rows {
        let earlier = Earlier {
            status: Some(200),
            body: "half of it".into(),
            error: Some(("unknown".into(), "sent, and no answer".into())),
            attempts: 2,
            elapsed: Duration::from_millis(1500),
            url: "http://h/".into(),
            headers: vec![("a".into(), "b".into())],
            path: None,
        };
        results.push_earlier(request.tag, earlier);
    }
    results.finish().unwrap();
    let found = results.take().unwrap().unwrap();
    assert_eq!((statuses(&found), texts(&found, "body")), (vec![None], vec![None]));
    assert_eq!(texts(&found, "error"), [Some("sent, and no answer".into())]);
    assert_eq!(texts(&found, "error_kind"), [Some("unknown".into())]);
    assert_eq!(texts(&found, "url"), [None]);
    assert!(found["headers"].is_null(0));
    assert_eq!(found["attempts"].as_primitive::<Int32Type>().value(0), 2);
    assert_eq!(found["elapsed_ms"].as_primitive::<Float64Type>().value(0), 1500.0);
}
