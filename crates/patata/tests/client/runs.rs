//! Runs as a whole: every request accounted for, the input pulled lazily, several hosts at once, and
//! ends that come early.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use patata::{Client, ErrorKind, Method, Outcome, Receipt, Request};
use patata_testserver::Server;

use crate::support::{Port, RawServer, Watchdog, all, wait_until};

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// `count` GETs of a URL, tagged from 0.
fn gets(url: &str, count: usize) -> impl Iterator<Item = Request<usize>> + Send + 'static {
    let url = url.to_owned();
    (0..count).map(move |tag| Request::get(tag, &url))
}

/// Whether the outcomes are all 200, one for each tag from 0 to `count`.
#[track_caller]
fn assert_complete(outcomes: &[Outcome<usize>], count: usize) {
    assert_eq!(outcomes.len(), count);
    let tags: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.tag).collect();
    assert!(tags.into_iter().eq(0..count), "every tag once");
    for outcome in outcomes {
        assert_eq!(outcome.result.as_ref().unwrap().status, 200);
    }
}

#[track_caller]
fn assert_adds_up(receipt: &Receipt) {
    assert_eq!(receipt.submitted, receipt.ok + receipt.failed + receipt.cancelled + receipt.outstanding);
}

#[test]
fn twenty_thousand_requests_come_back_once_each() {
    const COUNT: usize = 20_000;
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client().run(gets(server.url(), COUNT));
    let outcomes: Vec<_> = run.by_ref().collect();
    assert_complete(&outcomes, COUNT);
    let receipt = run.receipt();
    assert_eq!((receipt.submitted, receipt.ok, receipt.attempts), (20_000, 20_000, 20_000));
    assert_eq!((receipt.failed, receipt.cancelled, receipt.outstanding), (0, 0, 0));
    assert_eq!(receipt.body_bytes, 26 * 20_000);
    assert_eq!(server.requests(), 20_000);
}

#[test]
fn a_run_that_is_over_stays_over() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client().run(gets(server.url(), 3));
    assert_eq!(run.by_ref().count(), 3);
    assert!(run.next().is_none() && run.next().is_none());
    assert_eq!(client().run(gets(server.url(), 0)).count(), 0);
}

#[test]
fn an_endless_input_is_left_when_the_run_is_dropped() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client().run(gets(server.url(), usize::MAX));
    assert_eq!(run.by_ref().take(1000).count(), 1000);
    assert_adds_up(run.receipt());
    let receipt = run.cancel();
    assert_eq!((receipt.ok, receipt.outstanding), (1000, 0));
    assert_adds_up(&receipt);
}

#[test]
fn no_more_is_pulled_than_the_queue_may_hold() {
    let server = Server::start().unwrap();
    for (queue, submit, chunk) in
        [(1, 1000, 10_000), (100, 1, 10_000), (50, 1000, 10), (1, 1, 1), (7, 3, 100_000)]
    {
        let builder = Client::builder().queue_max_size(queue).pool_submit_size(submit);
        let client = builder.input_chunk_size(chunk).build().unwrap();
        let (pulled, handed) = (Cell::new(0), Cell::new(0));
        let input = gets(server.url(), 500).inspect(|_| {
            pulled.set(pulled.get() + 1);
            assert!(pulled.get() <= handed.get() + queue, "{} for {}", pulled.get(), handed.get());
        });
        let _watchdog = Watchdog::new();
        let mut outcomes = Vec::new();
        for outcome in client.run(input) {
            handed.set(handed.get() + 1);
            outcomes.push(outcome);
        }
        assert_complete(&outcomes, 500);
    }
}

#[test]
fn what_the_caller_holds_counts_against_the_queue() {
    let server = Server::start().unwrap();
    let client = Client::builder().queue_max_size(10).build().unwrap();
    let pulled = Cell::new(0);
    let _watchdog = Watchdog::new();
    let mut run = client.run(gets(server.url(), 100).inspect(|_| pulled.set(pulled.get() + 1)));
    for taken in 1..=9 {
        assert!(run.next().is_some());
        run.hold(taken);
        assert!(pulled.get() <= 10);
    }
    run.hold(0);
    assert_eq!(run.count(), 91);
}

#[test]
fn nothing_is_pulled_before_the_first_outcome_is_asked_for() {
    let server = Server::start().unwrap();
    let run = client().run(gets(server.url(), 10).inspect(|_| panic!("pulled")));
    assert_eq!(run.receipt().submitted, 0);
    drop(run);
}

#[test]
fn dropping_a_run_closes_the_sockets_of_what_hangs() {
    let server = RawServer::silent();
    let _watchdog = Watchdog::new();
    for concurrency in [1, 10] {
        let before = server.connections();
        let client = Client::builder().concurrency(concurrency).build().unwrap();
        let mut run = client.run(gets(&server.url(), 50));
        assert!(matches!(run.step(), patata::Step::Wait));
        wait_until(|| server.connections() == before + concurrency);
        let receipt = run.cancel();
        assert_eq!((receipt.submitted, receipt.cancelled), (50, 50));
        wait_until(|| server.ended() == server.connections());
    }
}

#[test]
fn dropping_a_run_waits_for_no_delay() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let slow = format!("{}/delay/600000", server.url());
    let requests = gets(server.url(), 5).chain(gets(&slow, 500));
    let mut run = client().run(requests);
    assert_eq!(run.by_ref().take(5).count(), 5);
    drop(run);
}

#[test]
fn a_slow_input_holds_back_no_answer_by_more_than_an_item() {
    let server = Server::start().unwrap();
    let (pulled, mut handed) = (Cell::new(0), 0);
    let slow = gets(server.url(), 12).inspect(|_| {
        // What was pulled before has been answered before this item is there.
        wait_until(|| server.requests() == pulled.get());
        std::thread::sleep(Duration::from_millis(200));
        pulled.set(pulled.get() + 1);
    });
    let _watchdog = Watchdog::new();
    for outcome in client().run(slow) {
        handed += 1;
        assert!(outcome.result.is_ok());
        assert!(pulled.get() <= handed + 1, "{handed} handed out, {} pulled", pulled.get());
    }
    assert_eq!(handed, 12);
}

#[test]
fn unusable_requests_among_good_ones_end_alone_and_cause_no_traffic() {
    let server = Server::start().unwrap();
    let url = server.url();
    let bad = |tag| match tag % 5 {
        0 => Request::get(tag, "no url"),
        1 => Request::get(tag, "ftp://127.0.0.1/"),
        2 => Request::get(tag, url).header("bad name", "x"),
        3 => Request::get(tag, url).header("x", "line\nbreak"),
        _ => Request::new(tag, Method::CONNECT, url),
    };
    let requests = (0..600).map(|tag| if tag % 3 == 0 { bad(tag) } else { Request::get(tag, url) });
    let _watchdog = Watchdog::new();
    let mut run = client().run(requests);
    let outcomes: Vec<_> = run.by_ref().collect();
    assert_eq!(outcomes.len(), 600);
    for outcome in outcomes {
        match outcome.result {
            Ok(response) => assert!(outcome.tag % 3 != 0 && response.status == 200),
            Err(error) => {
                assert_eq!((outcome.tag % 3, error.kind()), (0, ErrorKind::InvalidRequest));
                assert_eq!((outcome.attempts, error.request_sent()), (0, false));
            }
        }
    }
    assert_eq!((run.receipt().ok, run.receipt().failed, run.receipt().attempts), (400, 200, 400));
    assert_eq!(server.requests(), 400);
}

#[test]
fn an_input_of_unusable_requests_alone_ends() {
    let outcomes = all(&client(), (0..30_000).map(|tag| Request::get(tag, "")));
    assert_eq!(outcomes.len(), 30_000);
}

#[test]
fn one_client_serves_four_threads_at_once() {
    let server = Server::start().unwrap();
    let client = client();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                let url = format!("{}/status/200?body={thread}", server.url());
                let outcomes = all(client, gets(&url, 1000));
                assert_complete(&outcomes, 1000);
                let own = thread.to_string();
                assert!(outcomes.iter().all(|outcome| outcome.result.as_ref().unwrap().body == own));
            });
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn two_hundred_origins_share_ten_connections() {
    let server = Server::builder().address("0.0.0.0:0".parse().unwrap()).start().unwrap();
    let port = server.address().port();
    let client = Client::builder().concurrency(10).build().unwrap();
    let requests =
        (0..2000).map(|tag| Request::get(tag, format!("http://127.0.0.{}:{port}/", tag % 200 + 1)));
    assert_complete(&all(&client, requests), 2000);
    let one_after_the_other =
        (0..2000).map(|tag| Request::get(tag, format!("http://127.0.0.{}:{port}/", tag / 10 + 1)));
    assert_complete(&all(&client, one_after_the_other), 2000);
}

#[test]
fn a_dead_and_a_hanging_origin_do_not_keep_a_good_ones_answers() {
    let dead = Port::reserve();
    let (hanging, good) = (RawServer::silent(), Server::start().unwrap());
    let url = |tag: usize| match tag % 10 {
        0 => format!("http://{}/", dead.address()),
        1 => hanging.url(),
        _ => good.url().to_owned(),
    };
    let limit = |tag| Duration::from_millis(if tag % 10 == 1 { 200 } else { 60_000 });
    let requests = (0..1000).map(|tag| Request::get(tag, url(tag)).timeout(limit(tag)));
    let client = Client::builder().concurrency(20).build().unwrap();
    let mut kinds = [0; 3];
    for outcome in all(&client, requests) {
        match (outcome.tag % 10, outcome.result) {
            // Nobody waits for a host that has never answered.
            (0, Err(error)) if matches!(error.kind(), ErrorKind::Connect | ErrorKind::HostUnavailable) => {
                kinds[0] += 1;
            }
            (1, Err(error)) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::HostUnavailable) => {
                kinds[1] += 1;
            }
            (2.., Ok(_)) => kinds[2] += 1,
            (_, other) => panic!("{}: {other:?}", outcome.tag),
        }
    }
    assert_eq!(kinds, [100, 100, 800]);
}

/// Checks that `good` requests, tagged from 0, are done before the first of those that hang gives up.
#[track_caller]
fn assert_not_held_back(client: &Client, requests: Vec<Request<usize>>, good: usize, case: &str) {
    let _watchdog = Watchdog::new();
    let outcomes: Vec<_> = client.run(requests).take(good).collect();
    let late = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    assert_eq!(late, 0, "{case}: of {good} requests, some waited for those that hang");
}

/// A request that hangs for long enough that all others could be done many times.
fn hanging(server: &RawServer) -> Request<usize> {
    Request::get(usize::MAX, server.url()).timeout(Duration::from_secs(15))
}

#[test]
fn hanging_requests_do_not_hold_back_those_behind_them_while_a_connection_is_free() {
    let (silent, good) = (RawServer::silent(), Server::start().unwrap());
    for workers in [1, 2] {
        let client = Client::builder().num_workers(workers).concurrency(10).build().unwrap();
        let requests = (0..9).map(|_| hanging(&silent)).chain(gets(good.url(), 500)).collect();
        assert_not_held_back(&client, requests, 500, &format!("{workers} event loops"));
    }
}

#[test]
fn hanging_requests_do_not_hold_back_those_around_them_while_a_connection_is_free() {
    let (silent, good) = (RawServer::silent(), Server::start().unwrap());
    for (workers, distance) in [(1, 100), (2, 100), (2, 10), (2, 200), (3, 50)] {
        let client = Client::builder().num_workers(workers).concurrency(10).build().unwrap();
        let mut requests: Vec<_> = gets(good.url(), 2000).collect();
        for number in (1..=9).rev() {
            requests.insert(number * distance, hanging(&silent));
        }
        let case = format!("{workers} event loops, one that hangs every {distance} requests");
        assert_not_held_back(&client, requests, 2000, &case);
    }
}

#[test]
fn the_last_request_finds_the_connection_that_is_free() {
    let (silent, good) = (RawServer::silent(), Server::start().unwrap());
    let client = Client::builder().num_workers(3).concurrency(6).build().unwrap();
    for round in 0..200 {
        let mut requests: Vec<_> = (0..5).map(|_| hanging(&silent)).collect();
        requests.insert(round % 6, Request::get(0, good.url()));
        assert_not_held_back(&client, requests, 1, &format!("round {round}"));
    }
}

#[test]
fn a_stream_gives_what_the_iterator_gives() {
    let server = Server::start().unwrap();
    let client = client();
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcomes = runtime.block_on(async {
        let mut stream = client.run(gets(server.url(), 5000)).into_stream();
        let mut outcomes = Vec::new();
        while let Some(outcome) = stream.next().await {
            outcomes.push(outcome);
        }
        assert_eq!(stream.receipt().ok, 5000);
        assert!(stream.next().await.is_none());
        outcomes
    });
    assert_complete(&outcomes, 5000);
}

/// A stream that is polled by one runtime and then by another: what a task of a multi-threaded one meets.
#[test]
fn a_stream_may_go_on_in_another_thread() {
    let server = Server::start().unwrap();
    let slow = format!("{}/delay/20", server.url());
    let client = Client::builder().concurrency(4).build().unwrap();
    let mut stream = client.run(gets(&slow, 80)).into_stream();
    let _watchdog = Watchdog::new();
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        let part = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let part: Vec<_> = runtime.block_on(stream.by_ref().take(10).collect());
            // Leaves a waker behind that nobody listens to.
            let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
            let early = match stream.poll_next_unpin(context) {
                std::task::Poll::Ready(outcome) => outcome,
                std::task::Poll::Pending => None,
            };
            (part.into_iter().chain(early).collect::<Vec<_>>(), stream)
        });
        let (part, rest) = part.join().unwrap();
        outcomes.extend(part);
        stream = rest;
    }
    assert_complete(&outcomes, 80);
}

#[test]
fn several_streams_share_a_runtime_with_other_tasks() {
    let server = Server::start().unwrap();
    let client = client();
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let ticked = Arc::new(AtomicBool::new(false));
        let tick = ticked.clone();
        let other = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tick.store(true, Ordering::SeqCst);
        });
        let streams = (0..4).map(|_| {
            let slow = format!("{}/delay/50", server.url());
            tokio::spawn(client.run(gets(&slow, 300)).into_stream().collect::<Vec<_>>())
        });
        for stream in streams.collect::<Vec<_>>() {
            assert_complete(&stream.await.unwrap(), 300);
            assert!(ticked.load(Ordering::SeqCst), "the runtime was free while the stream waited");
        }
        other.await.unwrap();
    });
}

#[test]
fn dropping_a_stream_early_is_clean() {
    let server = RawServer::silent();
    let good = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let requests = gets(good.url(), 10).chain(gets(&server.url(), 10));
        let mut stream = client().run(requests).into_stream();
        assert_eq!(stream.by_ref().take(10).count().await, 10);
        let next = tokio::time::timeout(Duration::from_millis(50), stream.next()).await;
        assert!(next.is_err(), "the others hang");
        let receipt = stream.cancel();
        assert_eq!((receipt.ok, receipt.cancelled), (10, 10));
    });
    wait_until(|| server.ended() == server.connections());
}

#[test]
fn another_thread_may_end_a_run_that_waits() {
    let server = RawServer::silent();
    let _watchdog = Watchdog::new();
    let mut run = client().run(gets(&server.url(), 10));
    let control = run.control();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| server.requests().len() == 10);
            control.cancel();
        });
        assert!(run.next().is_none());
    });
    assert_eq!(run.receipt().cancelled, 10);
}

#[test]
fn another_thread_may_end_a_run_while_the_input_takes_its_time() {
    let server = Server::start().unwrap();
    let _watchdog = Watchdog::new();
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let slow = gets(&format!("{}/delay/60000", server.url()), 2).inspect(|_| {
        begun.store(true, Ordering::SeqCst);
        wait_until(|| ended.load(Ordering::SeqCst));
        // Long enough for the event loops to have ended too.
        std::thread::sleep(Duration::from_millis(100));
    });
    let mut run = client().run(slow);
    let control = run.control();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| begun.load(Ordering::SeqCst));
            control.cancel();
            ended.store(true, Ordering::SeqCst);
        });
        assert!(run.next().is_none());
    });
    let receipt = run.receipt();
    assert_eq!((receipt.cancelled, receipt.ok + receipt.failed), (receipt.submitted, 0));
}

#[test]
fn tags_are_handed_back_as_they_came_and_dropped_once() {
    struct Tag(Arc<AtomicUsize>);
    impl Drop for Tag {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (server, silent) = (Server::start().unwrap(), RawServer::silent());
    let dropped = Arc::new(AtomicUsize::new(0));
    let _watchdog = Watchdog::new();
    let request = |url: &str| Request::get(Tag(dropped.clone()), url);
    let requests = (0..100).map(|number| request(if number < 50 { server.url() } else { "no url" }));
    assert_eq!(client().run(requests).count(), 100);
    assert_eq!(dropped.load(Ordering::SeqCst), 100);
    let mut run = client().run((0..100).map(|_| request(&silent.url())));
    assert!(matches!(run.step(), patata::Step::Wait));
    drop(run);
    assert_eq!(dropped.load(Ordering::SeqCst), 200, "what was cancelled is not kept");
}
