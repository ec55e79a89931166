//! Hosts that are not there, for a while or for good: what waits for them, for how long, and how it ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use patata::{Builder, Client, ErrorKind, Outcome, Request};

use crate::support::{Port, Watchdog, all};

/// Answers so many requests, each on a connection of its own.
fn answer(listener: &TcpListener, count: usize) {
    for stream in listener.incoming().take(count) {
        let mut stream = stream.unwrap();
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
                _ => break,
            }
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    }
}

/// A server that answers 50 requests and is gone; after `outage`, which may have no end, it is there again.
fn failing(outage: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        answer(&listener, 50);
        drop(listener);
        // Meanwhile no other test is given it.
        let port = Port::reserve_at(address);
        std::thread::sleep(outage);
        answer(&port.listen(128), usize::MAX);
    });
    address
}

fn four_at_once() -> Builder {
    Client::builder().num_workers(1).concurrency(4)
}

fn gets(address: SocketAddr, count: usize) -> impl Iterator<Item = Request<usize>> {
    (0..count).map(move |id| Request::get(id, format!("http://{address}/")))
}

fn failed(outcomes: &[Outcome<usize>], kind: ErrorKind) -> usize {
    outcomes.iter().filter(|outcome| matches!(&outcome.result, Err(error) if error.kind() == kind)).count()
}

#[test]
fn an_outage_costs_those_who_meet_it_and_the_others_wait() {
    let address = failing(Duration::from_secs(2));
    let outcomes = all(&four_at_once().build().unwrap(), gets(address, 400));
    assert_eq!(outcomes.len(), 400);
    let lost = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    // Ten until it is noticed, those whose connections broke, and one each time that it is tried.
    assert!((1..=25).contains(&lost), "{lost}");
    assert_eq!(failed(&outcomes, ErrorKind::HostUnavailable), 0);
    let waited = outcomes.iter().filter(|outcome| outcome.result.is_ok());
    assert!(waited.into_iter().all(|outcome| outcome.attempts == 1));
}

#[test]
fn a_host_that_stays_away_is_given_up_after_the_host_timeout() {
    let address = failing(Duration::MAX);
    let client = four_at_once().host_timeout(Duration::from_secs(1)).build().unwrap();
    let mut run = client.run(gets(address, 1000));
    let _watchdog = Watchdog::new();
    let outcomes: Vec<_> = run.by_ref().collect();
    let given_up = failed(&outcomes, ErrorKind::HostUnavailable);
    assert!((900..=940).contains(&given_up), "{given_up}");
    for outcome in outcomes {
        if let Err(error) = outcome.result
            && error.kind() == ErrorKind::HostUnavailable
        {
            assert_eq!(error.unavailable_host(), Some(&*address.to_string()));
            assert!(error.to_string().starts_with(&format!("Cannot connect to {address}: ")), "{error}");
            assert!(error.to_string().contains("refused"), "{error}");
            assert!(!error.request_sent() && outcome.attempts == 0);
        }
    }
    let named = &run.receipt().unavailable_hosts;
    assert!(named.iter().eq([(&address.to_string(), &(given_up as u64))]), "{named:?}");
}

#[test]
fn a_host_that_has_never_answered_is_given_up_at_once_and_takes_nothing_from_others() {
    let (nobody, there) = (Port::reserve(), failing(Duration::MAX));
    let both = gets(nobody.address(), 1000).chain(gets(there, 50));
    let outcomes = all(&four_at_once().build().unwrap(), both);
    let (tried, given_up) =
        (failed(&outcomes, ErrorKind::Connect), failed(&outcomes, ErrorKind::HostUnavailable));
    assert!((10..=13).contains(&tried) && tried + given_up == 1000, "{tried} and {given_up}");
}

#[test]
fn without_a_host_timeout_each_request_tries_for_itself() {
    let client = four_at_once().host_timeout(Duration::ZERO).build().unwrap();
    let nobody = Port::reserve();
    let outcomes = all(&client, gets(nobody.address(), 200));
    assert_eq!(failed(&outcomes, ErrorKind::Connect), 200);
}

#[test]
fn a_host_in_trouble_is_named_while_the_run_goes_on() {
    let address = failing(Duration::from_secs(3));
    let client = four_at_once().build().unwrap();
    let mut run = client.run(gets(address, 200));
    let control = run.control();
    let watcher = std::thread::spawn(move || {
        while control.progress().troubled_hosts.is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        control.progress().troubled_hosts
    });
    let _watchdog = Watchdog::new();
    assert_eq!(run.by_ref().count(), 200);
    assert_eq!(watcher.join().unwrap(), [address.to_string()]);
    assert!(run.control().progress().troubled_hosts.is_empty(), "it has answered");
}
