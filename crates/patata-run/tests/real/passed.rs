//! What a run gives of requests that an earlier process has dealt with: in their places where the input's order counts,
//! at once where it does not.

use std::path::Path;

use patata::{Client, Request};
use patata_run::{Id, Manifest, RecordOptions, Recorded, RecordedRun, RunFolder, Summary, Why};

/// What came of a row of the input.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Answer(i64),
    Passed(i64, Why),
}

/// Sends the requests of these rows, of which the odd ones take a moment each.
fn run(path: &Path, url: &str, client: &Client, rows: impl Iterator<Item = i64>) -> (Vec<Came>, Summary) {
    let recording =
        RunFolder::create_or_resume(path, Manifest::new("test"), RecordOptions::default()).unwrap();
    let request = |row: i64| {
        let url = format!("{url}/delay/{}", if row % 2 == 0 { 0 } else { 30 });
        (Id::from(row), Request::get(row, url))
    };
    let mut run = RecordedRun::start(client, recording, rows.map(request));
    let came = run.by_ref().map(|recorded| match recorded.unwrap() {
        Recorded::Outcome { outcome, ticket } => {
            assert_eq!((ticket.id(), outcome.result.is_ok()), (&Id::from(outcome.tag), true));
            Came::Answer(outcome.tag)
        }
        Recorded::Passed(passed) => Came::Passed(passed.tag, passed.why),
    });
    let came = came.collect();
    (came, run.finish(None).unwrap())
}

fn client(is_ordered: bool) -> Client {
    Client::builder().ordered(is_ordered).build().unwrap()
}

#[test]
fn an_ordered_run_gives_what_was_done_before_in_its_place() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let is_done = |row: &i64| row % 3 != 1;
    run(&path, server.url(), &client(false), (0..60).filter(is_done));
    let (came, summary) = run(&path, server.url(), &client(true), 0..60);
    let expected = (0..60).map(|row| match is_done(&row) {
        true => Came::Passed(row, Why::Skipped),
        false => Came::Answer(row),
    });
    assert!(came.into_iter().eq(expected));
    assert_eq!((summary.ok, summary.total, server.requests()), (60, Some(60), 60));
}

#[test]
fn an_unordered_run_does_not_hold_back_what_was_done_before() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    run(&path, server.url(), &client(false), 10..20);
    let (came, _) = run(&path, server.url(), &client(false), 0..20);
    let first_answer = came.iter().position(|came| matches!(came, Came::Answer(_))).unwrap();
    let passed = |came: &Came| matches!(came, Came::Passed(..));
    assert!(came[..first_answer].iter().filter(|came| passed(came)).count() == 10, "{came:?}");
    assert_eq!(came.iter().filter(|came| !passed(came)).count(), 10);
}

#[test]
fn a_long_input_of_which_all_is_done_is_gone_through() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let request = |row: i64| (Id::from(row), Request::get(row, format!("{}/", server.url())));
    for (is_ordered, expected) in [(false, 0), (true, 5_000)] {
        let recording =
            RunFolder::create_or_resume(&path, Manifest::new("test"), RecordOptions::default()).unwrap();
        let mut run = RecordedRun::start(&client(is_ordered), recording, (0..5_000).map(request));
        let is_passed = |recorded: &Result<Recorded<i64>, _>| matches!(recorded, Ok(Recorded::Passed(_)));
        assert_eq!(run.by_ref().filter(is_passed).count(), expected);
        assert_eq!(run.finish(None).unwrap().ok, 5_000);
    }
    assert_eq!(server.requests(), 5_000);
}

#[test]
fn what_nobody_knows_is_given_as_such() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    // It is sent, and not waited for.
    let hurried = Client::builder().deadline(std::time::Duration::from_millis(200)).build().unwrap();
    for why in [None, Some(Why::Unknown)] {
        let recording =
            RunFolder::create_or_resume(&path, Manifest::new("test"), RecordOptions::default()).unwrap();
        let post = Request::post("row", format!("{}/delay/60000", server.url()));
        let mut run = RecordedRun::start(&hurried, recording, [(Id::from(1), post)]);
        let came = run.next().unwrap().unwrap();
        let passed = if let Recorded::Passed(passed) = &came {
            Some((passed.tag, passed.position, passed.why))
        } else {
            None
        };
        assert_eq!(passed, why.map(|why| ("row", 0, why)));
        assert!(run.next().is_none());
        assert_eq!(run.finish(None).unwrap().unknown, 1);
    }
    assert_eq!(server.requests(), 1);
}
