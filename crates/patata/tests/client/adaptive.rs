//! `concurrency_auto` against real servers that can take so much and no more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use patata::{Client, Request};

use crate::support::{RawServer, Watchdog, all, ok};

/// What a server has seen.
#[derive(Default)]
struct Seen {
    in_flight: AtomicUsize,
    rejected: AtomicUsize,
    /// How many were in flight when each arrived.
    arrivals: Mutex<Vec<usize>>,
}

impl Seen {
    /// Counts a request in. Returns how many there are.
    fn arrive(&self) -> usize {
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.arrivals.lock().unwrap().push(in_flight);
        in_flight
    }

    fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    /// Once it has settled: of the second half of all requests.
    fn settled(&self) -> f64 {
        let arrivals = self.arrivals.lock().unwrap();
        let late = &arrivals[arrivals.len() / 2..];
        late.iter().sum::<usize>() as f64 / late.len() as f64
    }
}

/// Answers after 20 ms, and to more than so many at once with 503.
fn rejecting(most: usize, seen: Arc<Seen>) -> RawServer {
    RawServer::start(move |peer| {
        while peer.request().is_some() {
            if seen.arrive() > most {
                seen.rejected.fetch_add(1, Ordering::SeqCst);
                peer.send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
            } else {
                std::thread::sleep(Duration::from_millis(20));
                peer.answer("{}");
            }
            seen.leave();
        }
    })
}

/// So many workers, each of which takes 10 ms; the others wait.
fn queueing(workers: usize, seen: Arc<Seen>) -> RawServer {
    let free = (Mutex::new(workers), Condvar::new());
    RawServer::start(move |peer| {
        while peer.request().is_some() {
            seen.arrive();
            let (count, changed) = &free;
            *changed.wait_while(count.lock().unwrap(), |count| *count == 0).unwrap() -= 1;
            std::thread::sleep(Duration::from_millis(10));
            *count.lock().unwrap() += 1;
            changed.notify_one();
            peer.send(ok("{}"));
            seen.leave();
        }
    })
}

#[test]
fn a_server_that_rejects_above_a_number_is_given_about_that_many() {
    const MOST: usize = 16;
    let seen = Arc::new(Seen::default());
    let server = rejecting(MOST, seen.clone());
    let client = Client::builder().num_workers(2).concurrency_auto().build().unwrap();
    let outcomes = all(&client, (0..4000).map(|tag| Request::get(tag, server.url())));
    assert_eq!(outcomes.len(), 4000);
    let rejected = seen.rejected.load(Ordering::SeqCst);
    assert!(rejected < 120, "{rejected} of 4000 are rejected");
    let settled = seen.settled() / MOST as f64;
    // The timers and threads of a machine blur it; how close it comes in undisturbed time, the simulation tells.
    assert!((0.6..=1.2).contains(&settled), "{settled}");
}

#[test]
fn a_server_with_a_knee_is_kept_by_it() {
    const WORKERS: usize = 8;
    let seen = Arc::new(Seen::default());
    let server = queueing(WORKERS, seen.clone());
    let client = Client::builder().num_workers(2).concurrency_auto().build().unwrap();
    let outcomes = all(&client, (0..3000).map(|tag| Request::get(tag, server.url())));
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let settled = seen.settled() / WORKERS as f64;
    assert!((0.8..=2.0).contains(&settled), "{settled}");
}

#[test]
fn each_host_has_a_limit_of_its_own() {
    let (small, large) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let servers = [rejecting(4, small.clone()), rejecting(32, large.clone())];
    let urls = servers.each_ref().map(RawServer::url);
    let client = Client::builder().num_workers(1).concurrency_auto().build().unwrap();
    let requests = (0..6000).map(|tag| Request::get(tag, &urls[usize::from(tag % 6 != 0)]));
    let _watchdog = Watchdog::new();
    assert_eq!(client.run(requests).count(), 6000);
    assert!(small.settled() < 6.0, "{}", small.settled());
    // Twice what the other one bears, and more. How close it comes in undisturbed time, the simulation tells.
    assert!(large.settled() > 10.0, "{}", large.settled());
}

/// Answers after 5 ms, and closes two of five connections instead, by a seed.
fn flaky(seen: Arc<Seen>) -> RawServer {
    let random = Mutex::new(fastrand::Rng::with_seed(1));
    RawServer::start(move |peer| {
        while peer.request().is_some() {
            seen.arrive();
            std::thread::sleep(Duration::from_millis(5));
            seen.leave();
            // Not each time in turn: while there are one or two connections, the server's rhythm and the client's
            // could lock.
            if random.lock().unwrap().u32(..5) < 2 {
                return;
            }
            peer.answer("{}");
        }
    })
}

#[test]
fn connections_that_are_closed_unanswered_however_few_there_are_slow_nothing_down() {
    let seen = Arc::new(Seen::default());
    let server = flaky(seen.clone());
    let client = Client::builder().num_workers(1).concurrency_auto().build().unwrap();
    let outcomes = all(&client, (0..2000).map(|tag| Request::get(tag, server.url())));
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    assert!(failed > 200, "{failed} are closed unanswered");
    assert!(seen.settled() >= 8.0, "{}", seen.settled());
}

#[test]
fn a_limit_for_each_host_holds_here_too() {
    let seen = Arc::new(Seen::default());
    let server = rejecting(1000, seen.clone());
    let client = Client::builder().concurrency_auto().concurrency_per_host(5).build().unwrap();
    assert_eq!(all(&client, (0..500).map(|tag| Request::get(tag, server.url()))).len(), 500);
    assert_eq!(*seen.arrivals.lock().unwrap().iter().max().unwrap(), 5);
}
