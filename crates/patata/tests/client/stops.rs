//! Runs that end by themselves before their input does: too many failures, a status that ends all, a deadline.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use patata::{Builder, Client, ErrorKind, Outcome, Phase, Receipt, Request, Step, Stop, TooManyFailures};
use patata_testserver::Server;

use crate::support::{RawServer, Watchdog, wait_until};

/// What came of an endless input, where each tenth request fails with a 404 and the others do not.
fn run(builder: Builder) -> (Vec<Outcome<u64>>, Receipt, Option<Stop>) {
    let server = Server::start().unwrap();
    let url = server.url().to_owned();
    let _watchdog = Watchdog::new();
    let requests = (0..).map(|tag| {
        let path = if tag % 10 == 9 { "/status/404" } else { "/" };
        Request::get(tag, format!("{url}{path}"))
    });
    let mut run = builder.build().unwrap().run(requests);
    let outcomes = run.by_ref().collect();
    (outcomes, run.receipt().clone(), run.stopped().cloned())
}

fn too_many(stop: Option<Stop>) -> TooManyFailures {
    match stop {
        Some(Stop::TooManyFailures(stop)) => stop,
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_failures_than_are_put_up_with_end_the_run() {
    let (outcomes, receipt, stop) = run(Client::builder().concurrency(8).max_failures(5));
    let stop = too_many(stop);
    assert_eq!(stop.failures, 6);
    assert_eq!(stop.reasons, [("status 404".to_owned(), 6)]);
    assert_eq!(stop.examples.len(), 3);
    let text = Stop::TooManyFailures(stop).to_string();
    assert!(text.contains("max_failures=5") && text.contains("/status/404"), "{text}");
    assert_eq!(receipt.ok + receipt.failed, outcomes.len() as u64, "what is done is handed out");
    assert!(receipt.failed >= 6);
    assert_eq!(receipt.submitted, receipt.ok + receipt.failed + receipt.cancelled);
}

#[test]
fn no_failure_at_all_may_be_put_up_with() {
    let (_, receipt, stop) = run(Client::builder().concurrency(1).num_workers(1).max_failures(0));
    assert_eq!(too_many(stop).failures, 1);
    assert_eq!((receipt.ok, receipt.failed), (9, 1));
}

#[test]
fn a_share_is_judged_after_a_hundred() {
    let (_, receipt, stop) = run(Client::builder().concurrency(4).max_failures(0.05));
    let stop = too_many(stop);
    assert!((100..200).contains(&stop.requests), "{stop:?}");
    assert!(receipt.failed_statuses[&404] >= 5);
}

#[test]
fn what_counts_as_success_is_no_failure() {
    let builder = Client::builder().max_failures(0).ok_statuses([200, 404]);
    // Nor is what the deadline ends, which is the reason then.
    let builder = builder.deadline(Duration::from_millis(300));
    let (outcomes, receipt, stop) = run(builder);
    assert!(matches!(stop, Some(Stop::Deadline(_))), "{stop:?}");
    assert!(outcomes.len() > 10 && receipt.failed_statuses.is_empty(), "{receipt:?}");
    assert_eq!(receipt.failed, receipt.unsent + receipt.unknown);
}

#[test]
fn a_status_to_abort_on_ends_the_run_whatever_counts_as_success() {
    for builder in [Client::builder(), Client::builder().ok_statuses([200, 404])] {
        let (_, _, stop) = run(builder.concurrency(2).abort_on([401, 404]));
        let stop = too_many(stop);
        assert!(stop.to_string().contains("abort_on has 404"), "{stop}");
    }
}

#[test]
fn in_order_what_is_done_is_handed_out_without_what_is_missing() {
    let server = Server::start().unwrap();
    let silent = RawServer::silent();
    let client = Client::builder().ordered(true).concurrency(4).max_failures(0).build().unwrap();
    let _watchdog = Watchdog::new();
    let ok = format!("{}/", server.url());
    let urls = [ok.clone(), silent.url(), ok.clone(), ok, format!("{}/delay/200", server.url())];
    let bad = format!("{}/delay/300/none", server.url());
    let requests = urls.into_iter().chain([bad]).enumerate().map(|(tag, url)| Request::get(tag, url));
    let mut run = client.run(requests);
    let tags: Vec<_> = run.by_ref().map(|outcome| outcome.tag).collect();
    assert!(tags.is_sorted() && !tags.contains(&1) && tags.contains(&5), "{tags:?}");
    assert_eq!(run.receipt().cancelled, 6 - tags.len() as u64);
}

#[test]
fn a_stream_and_a_pushed_run_end_as_well() {
    let server = Server::start().unwrap();
    let url = format!("{}/status/500", server.url());
    let client = Client::builder().max_failures(3).build().unwrap();
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let endless = stream::iter(0..).map(|tag| Request::get(tag, url.clone()));
        let mut run = client.run_stream(endless);
        while run.next().await.is_some() {}
        assert_eq!(too_many(run.stopped().cloned()).failures, 4);
    });
    let mut run = client.run_pushed();
    for tag in 0..10 {
        // Once the run has ended, it takes no more.
        let _ = run.push(Request::get(tag, url.clone()));
    }
    loop {
        match run.step() {
            Step::Outcome(_) => {}
            Step::Wait => run.wait(Duration::from_millis(100)),
            Step::End => break,
        }
    }
    assert_eq!(too_many(run.stopped().cloned()).failures, 4);
}

#[test]
fn at_the_deadline_what_was_taken_fails_and_nothing_more_is_taken() {
    let silent = RawServer::silent();
    let url = silent.url();
    let client = Client::builder().concurrency(2).queue_max_size(10).retries(9);
    let client = client.deadline(Duration::from_millis(200)).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run((0..).map(|tag| Request::get(tag, url.clone())));
    let outcomes: Vec<_> = run.by_ref().collect();
    assert_eq!(outcomes.len(), 10);
    for outcome in &outcomes {
        let error = outcome.result.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("deadline"), "{error}");
    }
    let waited = outcomes.iter().filter(|outcome| outcome.attempts == 0);
    for outcome in waited.clone() {
        let error = outcome.result.as_ref().unwrap_err();
        assert_eq!((error.phase(), error.request_sent()), (Phase::Schedule, false));
    }
    assert_eq!(waited.count(), 8);
    assert_eq!((run.receipt().unsent, run.receipt().unknown), (8, 2));
    assert!(matches!(run.stopped(), Some(Stop::Deadline(limit)) if limit.as_millis() == 200));
    assert_eq!(run.receipt().cancelled, 0);
}

#[test]
fn what_a_run_ends_without_is_known_by_its_tags() {
    let silent = RawServer::silent();
    let client = Client::builder().num_workers(1).concurrency(3).queue_max_size(10).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run((0..).map(|tag| Request::get(tag, silent.url())));
    assert!(matches!(run.step(), Step::Wait));
    wait_until(|| run.control().progress().in_flight == 3 && silent.requests().len() == 3);
    run.end();
    assert_eq!(run.unfinished().unknown, [0, 1, 2]);
    assert_eq!(run.unfinished().unsent, [3, 4, 5, 6, 7, 8, 9]);
    let receipt = run.receipt();
    assert_eq!((receipt.cancelled, receipt.unknown, receipt.unsent), (10, 3, 7));
    run.end();
    assert_eq!(run.receipt().cancelled, 10, "a run that is over stays over");
}

#[test]
fn a_request_that_comes_too_late_ends_as_those_before_it() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let client = Client::builder().deadline(Duration::from_millis(50)).build().unwrap();
    let mut run = client.run_pushed();
    while matches!(run.step(), Step::Wait) {
        run.wait(Duration::from_millis(10));
    }
    assert!(matches!(run.stopped(), Some(Stop::Deadline(_))));
    let late = run.push(Request::get("late", format!("{}/", server.url()))).unwrap_err();
    run.give_up(late);
    let error = loop {
        match run.step() {
            Step::Outcome(outcome) => break outcome.result.unwrap_err(),
            Step::Wait => run.wait(Duration::from_millis(10)),
            Step::End => panic!("its outcome is missing"),
        }
    };
    assert!(error.is_run_deadline() && !error.request_sent(), "{error}");
    assert!(matches!(run.step(), Step::End));
    assert_eq!((run.receipt().submitted, run.receipt().failed, run.receipt().unsent), (1, 1, 1));
}

#[test]
fn a_deadline_after_the_end_of_the_input_is_no_early_end() {
    let silent = RawServer::silent();
    let client = Client::builder().deadline(Duration::from_millis(100)).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run([Request::get((), silent.url())]);
    assert_eq!(run.next().unwrap().result.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(run.next().is_none());
    assert_eq!(run.stopped(), None);
}
