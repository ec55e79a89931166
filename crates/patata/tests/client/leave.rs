//! What is waited for before a request is sent, and runs that are told to send nothing for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use patata::{Client, ErrorKind, HttpVersion, Request};
use patata_testserver::Server;

use crate::support::{Watchdog, one, wait_until};

#[test]
fn a_request_is_sent_once_it_has_leave_over_either_version() {
    let _watchdog = Watchdog::new();
    for version in [HttpVersion::Http1, HttpVersion::Http2] {
        let server = Arc::new(Server::builder().tls().start().unwrap());
        let client = Client::builder().http_version(version).verify(false).build().unwrap();
        let seen = Arc::new(AtomicUsize::new(usize::MAX));
        let (observer, counter) = (server.clone(), seen.clone());
        let request = Request::post((), server.url()).before_send(move || {
            let (observer, counter) = (observer.clone(), counter.clone());
            async move {
                counter.store(usize::try_from(observer.requests()).unwrap(), Ordering::Relaxed);
                Ok::<(), String>(())
            }
        });
        one(&client, request).result.unwrap();
        assert_eq!((seen.load(Ordering::Relaxed), server.requests()), (0, 1));
    }
}

#[test]
fn leave_is_asked_for_once_however_often_a_request_is_sent() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let builder = Client::builder().retries(3).backoff(Duration::ZERO).retry_non_idempotent(true);
    let client = builder.retry_statuses([503]).build().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let request = Request::post((), format!("{}/status/503", server.url())).before_send(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok::<(), String>(()) }
    });
    assert_eq!(one(&client, request).attempts, 3);
    assert_eq!((asked.load(Ordering::Relaxed), server.requests()), (1, 3));
}

#[test]
fn a_request_without_leave_is_never_sent_and_others_go_on() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let client = Client::builder().retries(3).backoff(Duration::ZERO).concurrency(2).build().unwrap();
    let requests = (0..20).map(|tag| {
        Request::post(tag, server.url()).before_send(move || async move {
            if tag % 2 == 0 { Ok(()) } else { Err(format!("no room for {tag}")) }
        })
    });
    for outcome in client.run(requests) {
        assert_eq!(outcome.attempts, 1);
        match outcome.result {
            Ok(_) => assert_eq!(outcome.tag % 2, 0),
            Err(error) => {
                assert_eq!((error.kind(), error.request_sent()), (ErrorKind::Cancelled, false));
                assert_eq!(
                    error.to_string(),
                    format!("The request was not sent: no room for {}", outcome.tag)
                );
            }
        }
    }
    assert_eq!(server.requests(), 10);
}

#[test]
fn a_leave_that_never_comes_ends_with_the_attempts_time() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let client = Client::builder().timeout(Duration::from_millis(50)).build().unwrap();
    let request = Request::post((), server.url()).before_send(std::future::pending::<Result<(), String>>);
    let error = one(&client, request).result.unwrap_err();
    assert_eq!((error.kind(), error.request_sent()), (ErrorKind::Timeout, false), "{error}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_paused_run_sends_nothing_more_until_it_is_told_to_go_on() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let client = Client::builder().concurrency(4).build().unwrap();
    let url = server.url();
    let mut run = client.run((0..200).map(|tag| Request::get(tag, format!("{url}/delay/5"))));
    run.next().unwrap();
    let control = run.control();
    control.set_paused(true).unwrap();
    let mut done = 1;
    wait_until(|| control.progress().in_flight == 0);
    let sent = server.requests();
    assert!(sent < 50, "{sent}");
    while !matches!(run.step(), patata::Step::Wait) {
        done += 1;
    }
    assert_eq!((done, server.requests()), (sent, sent));
    // Other limits do not undo it.
    control.set_concurrency(8).unwrap();
    control.set_rates(["1000/s"]).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(server.requests(), sent);
    control.set_paused(false).unwrap();
    assert_eq!(run.by_ref().count() as u64, 200 - done);
}
