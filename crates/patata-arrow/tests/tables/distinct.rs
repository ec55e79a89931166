//! Equal requests that are sent once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use patata::{Client, Method, Request, Step};
use patata_arrow::{BodyAs, Columns, Earlier, Fetch, FetchStep, Output, Plan, Requests, Results, fetch};
use patata_testserver::Server;

use crate::{Input, client, input, statuses, table, texts};

/// Rows that ask for these paths, each with its number.
fn rows<P: AsRef<str>>(server: &Server, paths: impl IntoIterator<Item = P>) -> RecordBatch {
    let urls: Vec<_> = paths.into_iter().map(|path| format!("{}{}", server.url(), path.as_ref())).collect();
    let numbers = Int64Array::from_iter_values(0..i64::try_from(urls.len()).unwrap());
    table(vec![("link", Arc::new(StringArray::from(urls))), ("n", Arc::new(numbers))])
}

fn output() -> Output {
    Output::new().body(BodyAs::Text).with_url(true).distinct(true)
}

fn fetched(client: &Client, batches: Vec<RecordBatch>, output: &Output) -> Fetch<Input> {
    let batches = input(batches.into_iter().map(Ok).collect());
    fetch(client, batches, &Columns::new().url("link"), output).unwrap()
}

fn numbers(batch: &RecordBatch) -> Vec<i64> {
    batch["n"].as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn equal_rows_share_an_answer_in_their_own_places() {
    let server = Server::start().unwrap();
    let paths: Vec<_> = (0..5000_u64).map(|row| format!("/echo?key={}", row * row % 97)).collect();
    let distinct = paths.iter().collect::<std::collections::BTreeSet<_>>().len();
    for ordered in [true, false] {
        let sent_before = server.requests();
        let client = Client::builder().num_workers(2).ordered(ordered).concurrency(20).build().unwrap();
        let mut found = fetched(&client, vec![rows(&server, &paths)], &output().batch_rows(700));
        let mut seen = Vec::new();
        for batch in found.by_ref() {
            let batch = batch.unwrap();
            assert!(batch.num_rows() <= 700);
            for ((number, url), body) in
                numbers(&batch).into_iter().zip(texts(&batch, "url")).zip(texts(&batch, "body"))
            {
                let path = &paths[usize::try_from(number).unwrap()];
                assert!(url.unwrap().ends_with(path));
                assert!(body.unwrap().contains(&path["/echo?".len()..]));
                seen.push(number);
            }
        }
        assert!(!ordered || seen.is_sorted());
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..5000));
        assert_eq!(server.requests() - sent_before, distinct as u64);
        assert_eq!((found.receipt().submitted, found.receipt().ok), (distinct as u64, distinct as u64));
        assert_eq!(found.unanswered(), 0);
    }
}

#[test]
fn any_number_of_rows_wait_for_no_more_memory_than_some() {
    let server = Server::start().unwrap();
    // More than may wait, of one kind, of a few, and with one that is slow among them.
    for (ordered, kinds) in [(true, 1), (false, 1), (true, 7), (false, 7)] {
        let sent_before = server.requests();
        let client = Client::builder().num_workers(1).ordered(ordered).build().unwrap();
        let path = |row: u64| if row == 3 { "/delay/50".into() } else { format!("/?{}", row % kinds) };
        let batch = rows(&server, (0..10_000).map(path));
        let url = batch.column(0).clone();
        let batch = table(vec![("link", url)]);
        let mut found = fetched(&client, vec![batch; 10], &output().body(BodyAs::None));
        let counted: usize = found.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!((counted, server.requests() - sent_before), (100_000, kinds + 1));
    }
}

#[test]
fn requests_that_differ_in_anything_that_is_sent_are_not_equal() {
    let server = Server::start().unwrap();
    let texts_of = |values: [Option<&'static str>; 4]| Arc::new(StringArray::from_iter(values)) as ArrayRef;
    let (a, b) = (Some("{\"a\": \"1\"}"), Some("{\"a\": \"2\"}"));
    for (part, values, distinct) in [
        ("method", [Some("GET"), Some("POST"), Some("get"), Some("PUT")], 3),
        ("headers", [a, b, None, a], 3),
        ("params", [a, b, None, a], 3),
        ("json", [a, b, None, a], 3),
        ("form", [a, b, None, a], 3),
        ("content", [a, b, None, a], 3),
        ("id", [a, b, None, a], 1),
        ("cost", [None; 4], 1),
        // An empty body is one.
        ("content", [Some(""), None, None, None], 2),
    ] {
        let sent_before = server.requests();
        let batch = table(vec![(part, texts_of(values))]);
        let columns = Columns::new().url(format!("{}/echo", server.url())).method(Method::POST);
        let found = fetch(&client(), input(vec![Ok(batch)]), &columns, &output()).unwrap();
        let found: Vec<_> = found.map(Result::unwrap).collect();
        assert_eq!(statuses(&found[0]), [Some(200); 4], "{part}");
        assert_eq!(server.requests() - sent_before, distinct, "{part} {values:?}");
    }
    // What stands in one part is not taken for what stands in another.
    let sent_before = server.requests();
    let form = [Some("{\"a\": \"1\"}"), None];
    let content = [None, Some("a=1")];
    let batch = table(vec![
        ("form", Arc::new(StringArray::from_iter(form)) as ArrayRef),
        ("content", Arc::new(StringArray::from_iter(content)) as ArrayRef),
    ]);
    let columns = Columns::new().url(format!("{}/echo", server.url())).method(Method::POST);
    assert_eq!(fetch(&client(), input(vec![Ok(batch)]), &columns, &output()).unwrap().count(), 1);
    assert_eq!(server.requests() - sent_before, 2);
}

#[test]
fn what_is_wrong_is_told_in_each_row() {
    let server = Server::start().unwrap();
    let base = server.url();
    let urls = [Some("http://127.0.0.1:1/"), None, Some(base), Some("http://127.0.0.1:1/"), None];
    let batch = table(vec![("link", Arc::new(StringArray::from_iter(urls)) as ArrayRef)]);
    let mut found = fetched(&client(), vec![batch], &output());
    let batch = found.next().unwrap().unwrap();
    let kinds = texts(&batch, "error_kind");
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_deref()).collect();
    assert_eq!(
        kinds,
        [Some("connect"), Some("invalid request"), None, Some("connect"), Some("invalid request")]
    );
    assert!(found.next().is_none());
    // Of the row that was sent, that of the failure, and those that never were requests.
    assert_eq!((found.receipt().submitted, found.receipt().failed), (4, 3));
}

#[test]
fn rows_whose_answer_never_comes_are_counted_as_those_asked_are() {
    let server = Server::start().unwrap();
    for ordered in [true, false] {
        let client = Client::builder().ordered(ordered).concurrency(10).abort_on([403]).build().unwrap();
        let paths = ["/", "/delay/60000", "/", "/delay/60000", "/delay/60000", "/", "/status/403", "/"];
        let mut found = fetched(&client, vec![rows(&server, paths)], &output());
        let mut rows = Vec::new();
        for batch in found.by_ref() {
            rows.extend(numbers(&batch.unwrap()));
        }
        assert!(found.stopped().is_some());
        // The slow one is in the receipt, and the two that are equal to it are not given up otherwise. Whether the first
        // was quicker than what ended the run, nobody knows.
        assert_eq!(found.unanswered(), 8 - rows.len() as u64);
        rows.sort_unstable();
        assert!([&[0, 2, 5, 6, 7][..], &[6]].contains(&&rows[..]), "{rows:?}");
        assert_eq!(found.receipt().cancelled, if rows.len() == 1 { 2 } else { 1 });
    }
}

#[test]
fn a_fetch_that_is_cancelled_or_dropped_ends() {
    let server = Server::start().unwrap();
    let paths = || (0..100_000).map(|row| if row % 2 == 0 { "/delay/60000" } else { "/" });
    let mut found = fetched(&client(), vec![rows(&server, paths())], &output());
    while server.requests() < 2 {
        assert!(matches!(found.step().unwrap(), FetchStep::Wait));
        found.wait(Duration::from_millis(10));
    }
    found.control().cancel();
    assert_eq!(found.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 0);
    assert_eq!(found.receipt().cancelled, 2);
    assert!(found.unanswered() > 2);
    let mut dropped = fetched(&client(), vec![rows(&server, paths())], &output());
    assert!(matches!(dropped.step().unwrap(), FetchStep::Wait));
    drop(dropped);
}

#[test]
fn earlier_answers_are_shared_too() {
    let server = Server::start().unwrap();
    let batch = rows(&server, ["/a", "/status/201", "/a", "/b", "/status/201", "/a"]);
    let output = output().plan(&batch.schema()).unwrap();
    let plan = Plan::new(&Columns::new().url("link"), &batch.schema()).unwrap();
    let mut results = Results::new(output.clone()).unwrap();
    let requests = Requests::new(input(vec![Ok(batch)]), plan, &output).answered_by(&results, true);
    let client = client();
    for request in requests {
        if request.url().ends_with("/status/201") {
            let mut run = client.run([request]);
            results.push(run.next().unwrap());
        } else {
            let earlier = Earlier { status: Some(299), body: "then".into(), ..Earlier::default() };
            results.push_earlier(request.tag, earlier);
        }
    }
    results.finish().unwrap();
    let found = results.take().unwrap().unwrap();
    let expected = [299, 201, 299, 299, 201, 299];
    assert_eq!(statuses(&found), expected.map(Some));
    assert_eq!(numbers(&found), [0, 1, 2, 3, 4, 5]);
    assert_eq!((results.take().unwrap(), results.unanswered()), (None, 0));
}

#[test]
fn an_input_that_waits_for_its_results_pauses() {
    let server = Server::start().unwrap();
    let batch = rows(&server, vec!["/"; 200_000]);
    let output = output().plan(&batch.schema()).unwrap();
    let plan = Plan::new(&Columns::new().url("link"), &batch.schema()).unwrap();
    let mut results = Results::new(output.clone()).unwrap();
    let requests = Requests::new(input(vec![Ok(batch)]), plan, &output).answered_by(&results, true);
    let mut run = client().run(requests);
    let (mut counted, mut most) = (0, 0);
    loop {
        while let Some(batch) = results.take().unwrap() {
            counted += batch.num_rows();
        }
        match run.step() {
            Step::Outcome(outcome) => results.push(outcome),
            Step::Wait if results.has_more() => most = most.max(results.unanswered()),
            Step::Wait => run.wait(Duration::from_secs(1)),
            Step::End if results.has_more() => {}
            Step::End => break,
        }
    }
    results.finish().unwrap();
    counted += results.take().unwrap().map_or(0, |batch| batch.num_rows());
    assert_eq!((counted, most), (200_000, 1 << 16));
    assert_eq!(run.receipt().submitted, 1);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 40, ..Default::default() })]

    #[test]
    fn every_row_has_the_answer_of_its_own_request(
        kinds in proptest::collection::vec(0_usize..6, 0..60),
        ordered: bool,
        batch_rows in 1_usize..20,
    ) {
        let server = Server::start().unwrap();
        let paths = ["/status/201", "/delay/3", "/status/404", "/", "relative", "/bytes/5"];
        let expected = [Some(201), Some(200), Some(404), Some(200), None, Some(200)];
        let urls = kinds.iter().map(|kind| match paths[*kind] {
            "relative" => None,
            path => Some(format!("{}{path}", server.url())),
        });
        let urls: StringArray = urls.collect();
        let numbered = Int64Array::from_iter_values(0..i64::try_from(kinds.len()).unwrap());
        let batch = table(vec![("link", Arc::new(urls) as ArrayRef), ("n", Arc::new(numbered))]);
        let client = Client::builder().num_workers(1).ordered(ordered).build().unwrap();
        let mut found = BTreeMap::new();
        let mut order = Vec::new();
        for batch in fetched(&client, vec![batch], &output().batch_rows(batch_rows)) {
            let batch = batch.unwrap();
            for (number, status) in numbers(&batch).into_iter().zip(statuses(&batch)) {
                order.push(number);
                found.insert(usize::try_from(number).unwrap(), status);
            }
        }
        proptest::prop_assert!(!ordered || order.is_sorted());
        proptest::prop_assert_eq!(order.len(), kinds.len());
        for (row, kind) in kinds.iter().enumerate() {
            proptest::prop_assert_eq!(found[&row], expected[*kind]);
        }
        let asked: std::collections::BTreeSet<_> = kinds.iter().filter(|kind| **kind != 4).collect();
        proptest::prop_assert_eq!(server.requests(), asked.len() as u64);
    }
}

#[test]
fn a_pause_is_no_request() {
    let client = client();
    let server = Server::start().unwrap();
    let mut pushed = client.run_pushed();
    assert!(pushed.push(Request::pause(0)).is_ok());
    assert!(pushed.push(Request::get(1, server.url())).is_ok());
    pushed.close_input();
    let outcome = loop {
        match pushed.step() {
            Step::Outcome(outcome) => break outcome,
            Step::Wait => pushed.wait(Duration::from_secs(1)),
            Step::End => panic!("one request has one outcome"),
        }
    };
    assert_eq!((outcome.tag, pushed.receipt().submitted), (1, 1));
}

#[test]
fn an_input_that_breaks_off_is_told_behind_all_rows_that_share_an_answer() {
    let server = Server::start().unwrap();
    for ordered in [true, false] {
        let batch = rows(&server, (0..5000).map(|row| format!("/?{}", row % 3)));
        let gone = ArrowError::IoError("gone".into(), std::io::Error::other("gone"));
        let batches = input(vec![Ok(batch.clone()), Ok(batch.slice(0, 10)), Err(gone), Ok(batch)]);
        let client = Client::builder().ordered(ordered).build().unwrap();
        let mut found = fetch(&client, batches, &Columns::new().url("link"), &output()).unwrap();
        let batch = found.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 5010);
        assert!(found.next().unwrap().unwrap_err().to_string().contains("gone"));
        assert!(found.next().is_none());
        assert_eq!((found.receipt().ok, found.unanswered()), (3, 0));
    }
}

#[test]
fn a_server_that_is_gone_is_asked_once_for_all_rows() {
    let urls = StringArray::from(vec!["http://127.0.0.1:1/"; 20_000]);
    let batch = table(vec![("link", Arc::new(urls) as ArrayRef)]);
    let mut found = fetched(&client(), vec![batch], &output().batch_rows(20_000));
    let batch = found.next().unwrap().unwrap();
    assert!(texts(&batch, "error_kind").iter().all(|kind| kind.as_deref() == Some("connect")));
    assert_eq!((batch.num_rows(), found.receipt().attempts, found.receipt().failed), (20_000, 1, 1));
}
