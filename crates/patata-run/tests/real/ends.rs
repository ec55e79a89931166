//! Runs that end before their input does: what was not done is left to the next process.

use std::time::Duration;

use patata::{Client, MaxFailures, Request};
use patata_run::{Ending, Id, Manifest, RecordOptions, Recorded, RecordedRun, RunError, RunFolder, Summary};

const REQUESTS: i64 = 20;

/// Whether there is an answer; `None` for what an earlier process has dealt with.
fn is_ok(recorded: Result<Recorded<()>, RunError>) -> Option<bool> {
    match recorded.unwrap() {
        Recorded::Outcome { outcome, .. } => Some(outcome.result.is_ok()),
        Recorded::Passed(_) => None,
    }
}

/// Sends the requests, which are POSTs where their ids are even. Those behind the tenth are not answered in time.
fn go_on(path: &std::path::Path, url: &str, client: &Client) -> (Vec<bool>, Summary) {
    let request = |id: i64| {
        let url = format!("{url}{}", if id < 10 { "/" } else { "/delay/60000" });
        (Id::from(id), if id % 2 == 0 { Request::post((), url) } else { Request::get((), url) })
    };
    let recording =
        RunFolder::create_or_resume(path, Manifest::new("test"), RecordOptions::default()).unwrap();
    let mut run = RecordedRun::start(client, recording, (0..REQUESTS).map(request));
    let results = (&mut run).filter_map(is_ok).collect();
    (results, run.finish(None).unwrap())
}

#[test]
fn what_the_deadline_ends_is_left_and_is_unknown_where_it_may_have_had_an_effect() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let hurried = Client::builder().deadline(Duration::from_secs(1)).build().unwrap();
    let (results, summary) = go_on(&path, server.url(), &hurried);
    assert_eq!(results.iter().filter(|is_ok| **is_ok).count(), 10);
    assert_eq!(results.len(), 20, "each is handed out");
    assert_eq!((summary.ok, summary.failed, summary.cancelled, summary.unknown), (10, 0, 10, 5));
    assert_eq!(summary.submitted, 20);
    let folder = RunFolder::open(&path).unwrap();
    assert_eq!((folder.rows().unwrap().count(), folder.counts().unwrap()), (10, (10, 0, 5)));
    assert!(folder.failed().unwrap().is_empty());
    assert_eq!(folder.unknown().unwrap().len(), 5);
    // Of the others, those that can be sent again are.
    let sent = server.requests();
    let (results, summary) = go_on(&path, server.url(), &hurried);
    assert_eq!((results.len(), server.requests() - sent), (5, 5));
    assert_eq!((summary.ok, summary.failed, summary.unknown), (10, 0, 5));
}

#[test]
fn what_was_not_sent_before_the_deadline_is_left() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    // One is sent every two seconds.
    let hurried = Client::builder().rate("30/min").deadline(Duration::from_millis(500)).build().unwrap();
    go_on(&path, server.url(), &hurried);
    let (ended, failed, unknown) = RunFolder::open(&path).unwrap().counts().unwrap();
    assert_eq!((failed, ended + unknown), (0, server.requests()));
}

/// What is under way when the run stops has not failed: it is given up, as far as anybody knows what became of it.
#[test]
fn what_too_many_failures_end_is_left_too() {
    for is_abort in [true, false] {
        let server = patata_testserver::Server::start().unwrap();
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run");
        let client = Client::builder().concurrency(3);
        let client =
            if is_abort { client.abort_on([404]) } else { client.max_failures(MaxFailures::Count(0)) };
        let client = client.build().unwrap();
        let request = |id: i64| match id {
            0 => Request::post((), format!("{}/delay/60000", server.url())),
            1 => Request::get((), format!("{}/delay/60000", server.url())),
            2 => Request::get((), format!("{}/delay/500", server.url())),
            3 => Request::get((), format!("{}/status/404", server.url())),
            _ => Request::post((), server.url()),
        };
        let recording =
            RunFolder::create_or_resume(&path, Manifest::new("test"), RecordOptions::default()).unwrap();
        let mut run = RecordedRun::start(&client, recording, (0..50).map(|id| (Id::from(id), request(id))));
        assert_eq!((&mut run).filter_map(is_ok).count(), 2);
        let summary = run.finish(None).unwrap();
        assert_eq!((summary.ok, summary.failed, summary.unknown), (1, 1, 1), "{is_abort}");
        let folder = RunFolder::open(&path).unwrap();
        assert_eq!((folder.counts().unwrap(), folder.failed().unwrap().len()), ((2, 1, 1), 1));
        assert!(summary.stopped.is_some() && summary.submitted == summary.done() + summary.cancelled);
    }
}

#[test]
fn who_follows_no_responses_goes_on_with_no_run_in_which_they_have_led_to_requests() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let open =
        || RunFolder::create_or_resume(&path, Manifest::new("test"), RecordOptions::default()).unwrap();
    let mut recording = open();
    recording.found.note(None, 0, Id::from(7), &Request::get((), server.url())).unwrap();
    recording.recorder.finish(&Ending::default()).unwrap();
    drop(recording.gate);
    let client = Client::builder().build().unwrap();
    let mut run = RecordedRun::start(&client, open(), [(Id::from(1), Request::get((), server.url()))]);
    let error = run.next().unwrap().unwrap_err();
    assert!(
        error.to_string().ends_with("go on with it as it was begun, by what follows responses"),
        "{error}"
    );
    assert!(run.next().is_none());
    assert_eq!((run.finish(None).unwrap().done(), server.requests()), (0, 0));
}
