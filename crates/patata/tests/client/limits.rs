//! How much is asked of servers at once and in a time, and how hosts share what there is.

#![allow(clippy::disallowed_methods, reason = "only the engine has one clock and one seed")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use patata::{Builder, Client, Request};
use patata_testserver::Server;

use crate::support::{RawServer, Watchdog, all, ok};

/// A server that takes its time, and the most requests it has had in flight.
fn busy() -> (RawServer, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let (now, record) = (AtomicUsize::new(0), most.clone());
    let server = RawServer::start(move |peer| {
        while peer.request().is_some() {
            record.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            peer.answer("{}");
        }
    });
    (server, most)
}

/// A server that notes when requests arrive.
fn noting(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> (RawServer, Arc<Mutex<Vec<Instant>>>) {
    let arrivals = Arc::<Mutex<Vec<Instant>>>::default();
    let notes = arrivals.clone();
    let server = RawServer::start(move |peer| {
        while peer.request().is_some() {
            let number = {
                let mut notes = notes.lock().unwrap();
                notes.push(Instant::now());
                notes.len()
            };
            peer.send(answer(number));
        }
    });
    (server, arrivals)
}

fn gets(urls: &[String], count: usize) -> Vec<Request<usize>> {
    (0..count).map(|tag| Request::get(tag, urls[tag % urls.len()].clone())).collect()
}

/// From the run's beginning to the last arrival. The first arrival may be noted late on a busy machine.
fn span(begun: Instant, arrivals: &Mutex<Vec<Instant>>) -> Duration {
    *arrivals.lock().unwrap().last().unwrap() - begun
}

/// Names that all lead to this machine: each is a host of its own.
fn hosts(builder: Builder, count: usize) -> Builder {
    let here: IpAddr = [127, 0, 0, 1].into();
    (0..count).fold(builder, |builder, host| builder.resolve(format!("host{host}.example"), [here]))
}

#[test]
fn no_host_has_more_in_flight_than_it_may() {
    let servers = [busy(), busy()];
    let urls = servers.each_ref().map(|(server, _)| server.url());
    let client = Client::builder().num_workers(2).concurrency(20).concurrency_per_host(3).build().unwrap();
    assert_eq!(all(&client, gets(&urls, 300)).len(), 300);
    for (_, most) in servers {
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn a_rate_spreads_requests_evenly_over_all_hosts() {
    let (server, arrivals) = noting(|_| ok("{}"));
    let port = server.address().port();
    let client = hosts(Client::builder().rate("200/s"), 4).build().unwrap();
    let urls: Vec<_> = (0..4).map(|host| format!("http://host{host}.example:{port}/")).collect();
    let begun = Instant::now();
    assert_eq!(all(&client, gets(&urls, 101)).len(), 101);
    // 100 intervals.
    let span = span(begun, &arrivals);
    assert!(span >= Duration::from_millis(500), "{span:?}");
}

#[test]
fn several_rates_hold_at_once_and_each_host_has_its_own() {
    let servers = [noting(|_| ok("{}")), noting(|_| ok("{}"))];
    let urls = servers.each_ref().map(|(server, _)| server.url());
    let client = Client::builder().rate_per_host("100/s").rate_per_host("20/2s").build().unwrap();
    let begun = Instant::now();
    assert_eq!(all(&client, gets(&urls, 42)).len(), 42);
    for (_, arrivals) in servers {
        let arrivals = arrivals.lock().unwrap();
        let spread = arrivals[19] - begun;
        assert!(spread >= Duration::from_millis(190), "the shortest is spread evenly: {spread:?}");
        let quota = arrivals[20] - begun;
        assert!(quota >= Duration::from_millis(2000), "the longer one is a quota: {quota:?}");
    }
}

#[test]
fn retries_count_in_the_rate() {
    let (server, arrivals) = noting(|_| "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned());
    let client = Client::builder().rate("50/s").retries(3).backoff(Duration::ZERO).build().unwrap();
    let begun = Instant::now();
    assert_eq!(all(&client, gets(&[server.url()], 7)).len(), 7);
    assert_eq!(arrivals.lock().unwrap().len(), 21);
    let span = span(begun, &arrivals);
    assert!(span >= Duration::from_millis(400), "{span:?}");
}

#[test]
fn a_host_that_says_retry_after_is_left_alone_by_all_requests_while_others_go_on() {
    let busy = "HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let (asking, arrivals) = noting(move |number| if number == 1 { busy.to_owned() } else { ok("{}") });
    let (other, others) = noting(|_| ok("{}"));
    let client = Client::builder().num_workers(1).concurrency(1).retries(2).build().unwrap();
    let urls = [asking.url(), other.url()];
    let outcomes = all(&client, gets(&urls, 20));
    assert!(outcomes.iter().all(|outcome| outcome.result.as_ref().unwrap().status == 200));
    let arrivals = arrivals.lock().unwrap();
    assert_eq!(arrivals.len(), 11);
    assert!(arrivals[1] - arrivals[0] > Duration::from_millis(990), "{:?}", arrivals[1] - arrivals[0]);
    assert!(*others.lock().unwrap().last().unwrap() < arrivals[1]);
}

#[test]
fn a_dead_host_among_a_thousand_takes_nothing_from_the_others() {
    let server = Server::start().unwrap();
    let dead = RawServer::silent();
    let port = server.address().port();
    let client = hosts(Client::builder().num_workers(2).concurrency(40), 1000).build().unwrap();
    let requests = (0..22_000).map(|tag| match tag % 11 {
        0 => Request::get(tag, dead.url()),
        _ => Request::get(tag, format!("http://host{}.example:{port}/", tag % 1000)),
    });
    let _watchdog = Watchdog::new();
    // Those to the dead host never end by themselves.
    let mut run = client.run(requests);
    assert!(run.by_ref().take(20_000).all(|outcome| outcome.result.unwrap().status == 200));
    assert_eq!(run.cancel().cancelled, 2_000);
}
