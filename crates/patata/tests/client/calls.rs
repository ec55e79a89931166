//! Several calls of one client at once: what they share, what each has to itself, and how they end.

#![allow(clippy::disallowed_methods, reason = "only the engine has one clock and one seed")]

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, stream};
use patata::{Client, Control, HttpVersion, Request, Step};

use crate::support::{Peer, RawServer, Watchdog, wait_until};

/// `count` GETs of a URL, tagged from 0.
fn gets(url: &str, count: usize) -> impl Iterator<Item = Request<usize>> + Send + Sync + 'static {
    let url = url.to_owned();
    (0..count).map(move |tag| Request::get(tag, &url))
}

/// Performs so many requests in each of four threads at once.
fn in_four_threads(client: &Client, url: &str, count: usize) {
    let _watchdog = Watchdog::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let outcomes = client.run(gets(url, count));
                assert_eq!(outcomes.filter(|outcome| outcome.result.is_ok()).count(), count);
            });
        }
    });
}

/// How many requests of each path a server has in flight, and the most it has had.
#[derive(Default)]
struct InFlight(Mutex<BTreeMap<String, (usize, usize)>>);

impl InFlight {
    fn enter(&self, path: &str) {
        let mut paths = self.0.lock().unwrap();
        for path in [path, ""] {
            let (now, most) = paths.entry(path.to_owned()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
    }

    fn leave(&self, path: &str) {
        let mut paths = self.0.lock().unwrap();
        for path in [path, ""] {
            paths.get_mut(path).unwrap().0 -= 1;
        }
    }

    /// The most of one path; of all where that is "".
    fn most(&self, path: &str) -> usize {
        self.0.lock().unwrap()[path].1
    }

    /// Forgets the most so far.
    fn reset(&self) {
        self.0.lock().unwrap().values_mut().for_each(|(now, most)| *most = *now);
    }
}

fn path(request: &str) -> String {
    request.split(' ').nth(1).unwrap().to_owned()
}

/// A server that takes its time.
fn busy() -> (RawServer, Arc<InFlight>) {
    let in_flight = Arc::<InFlight>::default();
    let record = in_flight.clone();
    let server = RawServer::start(move |peer| {
        while let Some(request) = peer.request() {
            let path = path(&request);
            record.enter(&path);
            thread::sleep(Duration::from_millis(3));
            record.leave(&path);
            peer.answer("{}");
        }
    });
    (server, in_flight)
}

/// A server that never answers to `/hang`, and to all else at once.
fn hanging() -> RawServer {
    RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if path(&request) == "/hang" {
                return peer.wait_for_the_end();
            }
            peer.answer("{}");
        }
    })
}

fn hung(server: &RawServer) -> usize {
    server.requests().iter().filter(|request| path(request) == "/hang").count()
}

#[test]
fn a_rate_of_the_client_holds_for_the_calls_of_four_threads_together() {
    let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
    let notes = arrivals.clone();
    let server = RawServer::start(move |peer| {
        while peer.request().is_some() {
            notes.lock().unwrap().push(Instant::now());
            peer.answer("{}");
        }
    });
    let client = Client::builder().rate("100/s").build().unwrap();
    let begun = Instant::now();
    in_four_threads(&client, &server.url(), 75);
    let arrivals = arrivals.lock().unwrap();
    assert_eq!(arrivals.len(), 300);
    for (number, arrival) in (0..).zip(&*arrivals) {
        let due = begun + number * Duration::from_millis(10);
        assert!(*arrival + Duration::from_millis(1) >= due, "request {number} is {:?} early", due - *arrival);
    }
    for second in arrivals.windows(111) {
        assert!(second[110] - second[0] >= Duration::from_secs(1), "more than 110 in a second");
    }
}

#[test]
fn a_concurrency_of_the_client_holds_for_the_calls_of_four_threads_together() {
    let (server, in_flight) = busy();
    let client = Client::builder().num_workers(2).concurrency(10).build().unwrap();
    in_four_threads(&client, &server.url(), 75);
    assert_eq!(in_flight.most(""), 10);
}

#[test]
fn limits_of_some_calls_hold_besides_the_clients() {
    let (server, in_flight) = busy();
    let client = Client::builder().num_workers(2).concurrency(8).build().unwrap();
    let gentle = client.to_builder().concurrency(3).build().unwrap();
    let _watchdog = Watchdog::new();
    assert_eq!(gentle.run(gets(&server.url(), 100)).count(), 100);
    assert_eq!(in_flight.most(""), 3);
    thread::scope(|scope| {
        for (client, path) in [(&client, "/all"), (&gentle, "/few"), (&client, "/all"), (&gentle, "/few2")] {
            let url = format!("{}{path}", server.url());
            scope.spawn(move || assert_eq!(client.run(gets(&url, 150)).count(), 150));
        }
    });
    // Each call has its own.
    assert!(in_flight.most("/few") <= 3 && in_flight.most("/few2") <= 3);
    assert_eq!(in_flight.most(""), 8);
}

#[test]
fn a_rate_of_some_calls_holds_besides_the_clients() {
    let (server, _) = busy();
    let client = Client::builder().rate("1000/s").build().unwrap();
    let slow = client.to_builder().rate("50/s").build().unwrap();
    let url = server.url();
    let _watchdog = Watchdog::new();
    let begun = Instant::now();
    let mut others = client.run(gets(&url, usize::MAX));
    let mut run = slow.run_pushed();
    gets(&url, 11).for_each(|request| run.push(request).unwrap());
    run.close_input();
    let (mut done, mut beside) = (0, 0);
    loop {
        match run.step() {
            Step::Outcome(_) => done += 1,
            Step::Wait => beside += usize::from(others.next().is_some()),
            Step::End => break,
        }
    }
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(done == 11 && beside > 20, "{beside} of the other call's meanwhile");
}

#[test]
fn fifty_calls_of_one_request_in_turn_share_their_connections() {
    let server = hanging();
    let url = server.url();
    let client = Client::builder().num_workers(2).build().unwrap();
    let _watchdog = Watchdog::new();
    for number in 0..50 {
        match number % 3 {
            0 => assert_eq!(client.run(gets(&url, 1)).count(), 1),
            1 => {
                let mut run = client.run_pushed();
                run.push(Request::get(0, &url)).unwrap();
                run.close_input();
                while !matches!(run.step(), Step::Outcome(_)) {
                    run.wait(Duration::from_secs(1));
                }
                assert!(matches!(run.step(), Step::End));
            }
            _ => {
                let outcomes = client.run_stream(stream::iter(gets(&url, 1)));
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                assert_eq!(runtime.block_on(outcomes.count()), 1);
            }
        }
    }
    assert!(server.connections() <= 3, "{} connections", server.connections());
}

#[test]
fn a_call_of_one_request_does_not_wait_for_one_of_many() {
    let (server, _) = busy();
    let client = Client::builder().num_workers(2).concurrency(4).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut large = client.run(gets(&format!("{}/large", server.url()), 100_000));
    assert!(large.next().is_some());
    large.feed();
    let mut small = client.run(gets(&format!("{}/small", server.url()), 1));
    let before = server.requests().len();
    assert!(small.next().unwrap().result.is_ok());
    let requests = server.requests();
    let place = requests.iter().position(|request| path(request) == "/small").unwrap();
    // Those that were under way or taken already go before it, and each event loop's turn.
    assert!(place < before + 50, "{} were before it", place - before);
}

/// How a call may go on, and be dropped where it is.
type Begun = Box<dyn Any + Send>;

fn pulled(client: &Client, url: &str) -> Begun {
    let mut run = client.run(gets(url, usize::MAX));
    assert!(matches!(run.step(), Step::Wait));
    Box::new(run)
}

fn pushed(client: &Client, url: &str) -> Begun {
    let mut run = client.run_pushed();
    gets(url, 50).for_each(|request| run.push(request).unwrap());
    assert!(matches!(run.step(), Step::Wait));
    Box::new(run)
}

fn streamed(client: &Client, url: &str) -> Begun {
    let mut run = client.run_stream(stream::iter(gets(url, 50)));
    // It takes its input for a moment each time that it is polled.
    while run.receipt().submitted < 50 {
        let polled = Pin::new(&mut run).poll_next(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    }
    Box::new(run)
}

/// A call whose input panics once it has given some requests.
fn panicking(client: &Client, url: &str) -> Begun {
    let input = gets(url, 50).chain(std::iter::once_with(|| panic!("the input is broken")));
    let mut run = client.run(input);
    assert!(catch_unwind(AssertUnwindSafe(|| run.step())).is_err());
    Box::new(run)
}

/// How a call is dropped.
type Drops = fn(Begun);

fn here(run: Begun) {
    drop(run);
}

fn in_another_thread(run: Begun) {
    thread::spawn(move || drop(run)).join().unwrap();
}

fn by_a_panic(run: Begun) {
    let panicked = thread::spawn(move || {
        let _run = run;
        panic!("the thread that has the run is broken");
    });
    assert!(panicked.join().is_err());
}

#[test]
fn a_call_that_is_dropped_anywhere_cancels_its_own_requests_and_no_others() {
    let begins: [fn(&Client, &str) -> Begun; 4] = [pulled, pushed, streamed, panicking];
    let drops: [Drops; 3] = [here, in_another_thread, by_a_panic];
    for (begin, dropping) in begins.into_iter().flat_map(|begin| drops.map(|dropping| (begin, dropping))) {
        let server = hanging();
        let client = Client::builder().num_workers(2).concurrency(8).build().unwrap();
        let narrow = client.to_builder().concurrency(5).build().unwrap();
        let _watchdog = Watchdog::new();
        let mut other = client.run(gets(&server.url(), 2000));
        assert_eq!(other.by_ref().take(100).count(), 100);
        let call = begin(&narrow, &format!("{}/hang", server.url()));
        wait_until(|| hung(&server) == 5);
        assert_eq!(other.by_ref().take(100).count(), 100);
        dropping(call);
        wait_until(|| server.ended() == 5);
        let rest: Vec<_> = other.by_ref().collect();
        assert_eq!(rest.len(), 1800);
        assert!(rest.iter().all(|outcome| outcome.result.is_ok() && outcome.attempts == 1));
        assert_eq!((other.receipt().ok, other.receipt().cancelled), (2000, 0));
        assert_eq!((hung(&server), server.ended()), (5, 5), "nothing more of the call is sent or closed");
    }
}

#[test]
fn a_call_that_is_dropped_while_hundreds_of_its_connections_open_is_over_at_once() {
    let silent = RawServer::silent();
    let client = Client::builder().num_workers(1).concurrency(600).build().unwrap();
    for _ in 0..20 {
        let _watchdog = Watchdog::new();
        let mut run = client.run_pushed();
        gets(&silent.url(), 600).for_each(|request| run.push(request).unwrap());
        let receipt = run.cancel();
        assert_eq!((receipt.submitted, receipt.cancelled), (600, 600));
    }
    wait_until(|| silent.ended() == silent.connections());
}

#[test]
fn a_thousand_calls_may_be_begun_and_dropped_unused() {
    let server = hanging();
    let client = Client::builder().num_workers(2).build().unwrap();
    let _watchdog = Watchdog::new();
    let url = server.url();
    let runs: Vec<_> = (0..1000).map(|_| client.run([Request::get(0, &url)])).collect();
    drop(runs);
    assert_eq!(client.run(gets(&server.url(), 10)).count(), 10);
    assert_eq!(server.requests().len(), 10);
}

#[test]
fn a_call_uses_all_connections_though_one_before_it_was_limited_to_one() {
    let server = hanging();
    let client = Client::builder().num_workers(2).build().unwrap();
    let narrow = client.to_builder().concurrency(1).build().unwrap();
    let _watchdog = Watchdog::new();
    assert_eq!(narrow.run(gets(&server.url(), 20)).count(), 20);
    let mut run = client.run(gets(&format!("{}/hang", server.url()), 200));
    assert!(matches!(run.step(), Step::Wait));
    wait_until(|| hung(&server) == 200);
}

#[test]
fn tags_need_not_be_fit_for_other_threads() {
    let server = hanging();
    let client = Client::builder().num_workers(2).build().unwrap();
    let _watchdog = Watchdog::new();
    let tags: Vec<_> = (0..100).map(Rc::new).collect();
    let requests = tags.iter().map(|tag| Request::get(tag.clone(), server.url()));
    let mut numbers: Vec<_> = client.run(requests).map(|outcome| *outcome.tag).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..100));
    assert!(tags.iter().all(|tag| Rc::strong_count(tag) == 1), "a tag goes with its outcome");
    let mut run = client.run_pushed();
    for tag in &tags {
        run.push(Request::get(tag.clone(), format!("{}/hang", server.url()))).unwrap();
    }
    drop(run);
    assert!(tags.iter().all(|tag| Rc::strong_count(tag) == 1), "a tag goes with its call");
}

/// One request, which succeeds.
fn one(client: &Client, url: &str) {
    let _watchdog = Watchdog::new();
    assert!(client.run(gets(url, 1)).all(|outcome| outcome.result.is_ok()));
}

#[test]
fn connections_are_shared_by_those_calls_alone_whose_options_agree_on_them() {
    let server = hanging();
    let port = server.address().port();
    let url = format!("http://name.example:{port}/");
    let here = || ["127.0.0.1".parse().unwrap()];
    let client = Client::builder().num_workers(1).resolve("name.example", here()).build().unwrap();
    one(&client, &url);
    assert_eq!(server.connections(), 1);
    // What says nothing of connections, or the same.
    for same in [
        client.to_builder().timeout(Duration::from_secs(9)).rate("1000/s").header("x-name", "value"),
        client.to_builder().resolve("name.example", here()),
        client.to_builder().verify(true).http_version(HttpVersion::Auto),
        client.to_builder().min_tls_version(patata::TlsVersion::default()),
    ] {
        one(&same.build().unwrap(), &url);
    }
    assert_eq!(server.connections(), 1);
    let differing: [fn(patata::Builder) -> patata::Builder; 4] = [
        |builder| builder.verify(false),
        |builder| builder.http_version(HttpVersion::Http1),
        |builder| builder.resolve("other.example", ["127.0.0.2".parse().unwrap()]),
        |builder| builder.without_proxy(),
    ];
    for (number, change) in (2..).zip(differing) {
        one(&change(client.to_builder()).build().unwrap(), &url);
        assert_eq!(server.connections(), number, "they differ");
        one(&change(client.to_builder()).timeout(Duration::from_secs(8)).build().unwrap(), &url);
        assert_eq!(server.connections(), number, "they are the same as the last ones");
        one(&client, &url);
        assert_eq!(server.connections(), number, "the client's own is still there");
    }
}

#[test]
#[cfg(unix)]
fn a_unix_socket_for_some_calls_is_for_these_alone() {
    use std::io::{Read, Write};

    let folder = tempfile::tempdir().unwrap();
    let listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let accepted = Arc::<AtomicUsize>::default();
    let count = accepted.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    stream.write_all(crate::support::ok("{}").as_bytes()).unwrap();
                }
            });
        }
    });
    let server = hanging();
    let client = Client::builder().num_workers(1).build().unwrap();
    let through_socket = || client.to_builder().unix_socket(folder.path().join("socket")).build().unwrap();
    for _ in 0..3 {
        one(&client, &server.url());
        one(&through_socket(), &server.url());
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn a_jar_of_the_client_lives_across_calls_and_one_of_a_call_as_long_as_it() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            let sets = if path(&request) == "/set" { "set-cookie: name=value\r\n" } else { "" };
            peer.send(format!("HTTP/1.1 200 OK\r\n{sets}content-length: 0\r\n\r\n"));
        }
    });
    let has_cookie = |client: &Client| {
        let _watchdog = Watchdog::new();
        let urls = ["/set", "/look"].map(|path| format!("{}{path}", server.url()));
        // In turn, so that the second is sent when the first has been answered.
        let in_turn = client.to_builder().concurrency(1).build().unwrap();
        assert_eq!(in_turn.run(urls.iter().map(|url| Request::get((), url))).count(), 2);
        let within = server.requests().last().unwrap().contains("cookie: name=value");
        one(client, &format!("{}/look", server.url()));
        (within, server.requests().last().unwrap().contains("cookie: name=value"))
    };
    let client = Client::builder().num_workers(1).build().unwrap();
    assert_eq!(has_cookie(&client), (false, false));
    assert_eq!(has_cookie(&client.to_builder().cookie_jar(true).build().unwrap()), (true, false));
    let keeping = Client::builder().num_workers(1).cookie_jar(true).build().unwrap();
    assert_eq!(has_cookie(&keeping), (true, true));
    assert_eq!(has_cookie(&keeping.to_builder().cookie_jar(false).build().unwrap()), (false, false));
}

#[test]
fn the_number_of_event_loops_is_the_clients() {
    let client = Client::builder().num_workers(2).build().unwrap();
    assert!(client.to_builder().num_workers(2).build().is_ok());
    let error = client.to_builder().num_workers(3).build().unwrap_err();
    assert_eq!((error.option, error.value.as_str()), ("num_workers", "3"));
}

#[test]
fn a_concurrency_that_is_set_under_way_holds_at_once() {
    let (server, in_flight) = busy();
    let client = Client::builder().num_workers(2).concurrency(20).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run(gets(&server.url(), 2000));
    assert_eq!(run.by_ref().take(100).count(), 100);
    assert_eq!(in_flight.most(""), 20);
    run.control().set_concurrency(2).unwrap();
    // What was in flight ends first.
    assert_eq!(run.by_ref().take(100).count(), 100);
    in_flight.reset();
    assert_eq!(run.by_ref().take(100).count(), 100);
    assert_eq!(in_flight.most(""), 2);
    run.control().set_concurrency(None).unwrap();
    assert_eq!(run.by_ref().count(), 1700);
    assert_eq!(in_flight.most(""), 20);
}

#[test]
fn a_rate_that_is_set_under_way_holds_at_once() {
    let (server, _) = busy();
    let client = Client::builder().num_workers(2).concurrency(4).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run(gets(&server.url(), 600));
    assert_eq!(run.by_ref().take(100).count(), 100);
    run.control().set_rates(["100/s", "10000/h"]).unwrap();
    // Of these, some were under way or done before.
    let before = server.requests().len();
    let begun = Instant::now();
    while server.requests().len() < before + 34 {
        run.feed();
        run.wait(Duration::from_millis(1));
    }
    let span = begun.elapsed();
    assert!(span >= Duration::from_millis(290), "{span:?}");
    run.control().set_rates::<&str>([]).unwrap();
    assert_eq!(run.by_ref().count(), 500);
}

#[test]
fn a_limit_that_cannot_be_set_is_named_with_its_value() {
    let server = hanging();
    let client = Client::builder().build().unwrap();
    let _watchdog = Watchdog::new();
    let mut run = client.run(gets(&server.url(), 10));
    let control = run.control();
    let told = |result: Result<(), patata::ConfigError>| {
        let error = result.unwrap_err();
        (error.option, error.value)
    };
    assert_eq!(told(control.set_concurrency(0)), ("concurrency", "0".to_owned()));
    assert_eq!(told(control.set_rates(["10/s", "fast"])), ("rate", "\"fast\"".to_owned()));
    assert_eq!(run.by_ref().count(), 10);
    let assert_ended = |control: &Control| {
        assert_eq!(told(control.set_concurrency(1)), ("set", "a run that has ended".to_owned()));
        assert_eq!(told(control.set_rates(["10/s"])), ("set", "a run that has ended".to_owned()));
    };
    assert_ended(&control);
    let cancelled = client.run(gets(&format!("{}/hang", server.url()), 10));
    cancelled.control().cancel();
    assert_ended(&cancelled.control());
}

#[test]
fn responses_of_calls_at_once_are_not_mixed() {
    let server = RawServer::start(|peer: &mut Peer| {
        while let Some(request) = peer.request() {
            peer.answer(&path(&request));
        }
    });
    let client = Client::builder().num_workers(2).concurrency(16).build().unwrap();
    let _watchdog = Watchdog::new();
    thread::scope(|scope| {
        for call in 0..8 {
            let (client, url) = (&client, server.url());
            scope.spawn(move || {
                let requests = (0..300).map(|id| Request::get(id, format!("{url}/{call}/{id}")));
                let mut seen = BTreeSet::new();
                for outcome in client.run(requests) {
                    let response = outcome.result.unwrap();
                    assert_eq!(response.text(), format!("/{call}/{}", outcome.tag));
                    assert!(seen.insert(outcome.tag));
                }
                assert_eq!(seen.len(), 300);
            });
        }
    });
}
