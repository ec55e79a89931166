//! Outcomes in the order of the input: whatever holds one up, none overtakes, and memory stays bounded.

use std::cell::Cell;
use std::time::Duration;

use futures_util::StreamExt;
use patata::{Client, Request};
use patata_testserver::Server;

use crate::support::{RawServer, Watchdog, all, ok, wait_until};

fn client() -> Client {
    Client::builder().num_workers(2).concurrency(20).ordered(true).build().unwrap()
}

/// Requests that end in anything but their order: some wait, some cannot be planned, some are redirected.
fn mixed(url: &str, count: usize) -> impl Iterator<Item = Request<usize>> + Send + 'static {
    let url = url.to_owned();
    (0..count).map(move |tag| match tag % 7 {
        0 => Request::get(tag, format!("{url}/delay/{}", tag % 13)),
        1 => Request::get(tag, "no url"),
        2 => Request::get(tag, format!("{url}/redirect/2")),
        _ => Request::get(tag, &url),
    })
}

#[test]
fn outcomes_come_in_the_order_of_the_input() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client().run(mixed(server.url(), 3000));
    for (expected, outcome) in run.by_ref().enumerate() {
        assert_eq!(outcome.tag, expected);
        assert_eq!(outcome.result.is_ok(), expected % 7 != 1);
    }
    let receipt = run.receipt();
    assert_eq!((receipt.submitted, receipt.ok + receipt.failed, receipt.outstanding), (3000, 3000, 0));
}

#[test]
fn an_input_of_unusable_requests_alone_keeps_its_order() {
    let outcomes = all(&client(), (0..5000).map(|tag| Request::get(tag, "")));
    assert!(outcomes.iter().map(|outcome| outcome.tag).eq(0..5000));
}

#[test]
fn a_request_that_is_tried_again_keeps_its_place() {
    let server = Server::start().unwrap();
    let client = client().to_builder().retries(3).backoff(Duration::from_millis(20)).build().unwrap();
    let url = |tag| format!("{}/flaky/{tag}/{}", server.url(), if tag % 10 == 0 { 2 } else { 0 });
    let outcomes = all(&client, (0..200).map(|tag| Request::get(tag, url(tag))));
    assert!(outcomes.iter().map(|outcome| outcome.tag).eq(0..200));
    assert!(outcomes.iter().all(|outcome| outcome.result.as_ref().unwrap().status == 200));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.attempts == 3).count(), 20);
}

#[test]
fn what_waits_for_its_turn_counts_against_the_queue() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if request.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_millis(100));
            }
            peer.send(ok(""));
        }
    });
    for queue in [1, 2, 25] {
        let client = client().to_builder().queue_max_size(queue).build().unwrap();
        let (pulled, handed) = (Cell::new(0), Cell::new(0));
        let path = |tag| if tag % 50 == 0 { "slow" } else { "" };
        let input = (0..101).map(|tag| Request::get(tag, format!("{}/{}", server.url(), path(tag))));
        let input = input.inspect(|_| {
            pulled.set(pulled.get() + 1);
            assert!(pulled.get() <= handed.get() + queue, "{} for {}", pulled.get(), handed.get());
        });
        let _watchdog = Watchdog::new();
        for outcome in client.run(input) {
            assert_eq!((outcome.tag, outcome.result.unwrap().status.as_u16()), (handed.get(), 200));
            handed.set(handed.get() + 1);
        }
        assert_eq!(handed.get(), 101);
    }
}

#[test]
fn what_waits_for_its_turn_when_the_run_ends_is_cancelled() {
    let (silent, good) = (RawServer::silent(), Server::start().unwrap());
    let url = |tag| if tag == 3 { silent.url() } else { good.url().to_owned() };
    let _watchdog = Watchdog::new();
    let mut run = client().run((0..100).map(|tag| Request::get(tag, url(tag))));
    assert!(run.by_ref().take(3).map(|outcome| outcome.tag).eq(0..3));
    while good.requests() < 99 {
        assert!(matches!(run.step(), patata::Step::Wait));
        run.wait(Duration::from_millis(100));
    }
    let receipt = run.cancel();
    assert_eq!((receipt.submitted, receipt.ok, receipt.cancelled), (100, 3, 97));
    wait_until(|| silent.ended() == silent.connections());
}

#[test]
fn another_thread_may_end_a_run_while_outcomes_wait_for_their_turn() {
    let (silent, good) = (RawServer::silent(), Server::start().unwrap());
    let url = |tag| if tag == 0 { silent.url() } else { good.url().to_owned() };
    let _watchdog = Watchdog::new();
    let mut run = client().run((0..50).map(|tag| Request::get(tag, url(tag))));
    let control = run.control();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| good.requests() == 49);
            control.cancel();
        });
        assert!(run.next().is_none());
    });
    assert_eq!((run.receipt().cancelled, run.receipt().outstanding), (50, 0));
}

#[test]
fn a_stream_keeps_the_order_too() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let stream = client().run(mixed(server.url(), 500)).into_stream();
    let tags: Vec<_> = runtime.block_on(stream.map(|outcome| outcome.tag).collect());
    assert!(tags.into_iter().eq(0..500));
}
