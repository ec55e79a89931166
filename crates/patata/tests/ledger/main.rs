//! The no-loss ledger: against servers that delay, reset, refuse and go away by seed, every request comes out
//! once, with the answer to itself, and none that must not be repeated is.
//!
//! A failure names the seed. `PATATA_LEDGER_REQUESTS` is how many requests each test of one call
//! sends; default 10,000.

#![allow(clippy::unwrap_used, reason = "a failure in a helper fails the test, as it should")]

mod book;
mod calls;
mod http1;
mod http2;
mod items;
mod server;
#[path = "../support/watchdog.rs"]
mod watchdog;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use book::{Answered, Book, Ending, Failed};
use patata::{Client, HttpVersion, Outcome, Receipt, Unfinished};
use server::{Protocol, Server};
use watchdog::{Watchdog, wait_until};

/// The most requests that are taken from the input and have not come out.
const QUEUE: u64 = 1000;
/// Outcomes for which a watchdog waits.
const WATCHED: usize = 1000;

/// Whoever measures the process's memory holds it alone.
static MEMORY: RwLock<()> = RwLock::new(());

fn requests() -> u64 {
    std::env::var("PATATA_LEDGER_REQUESTS").map_or(10_000, |count| count.parse().unwrap())
}

fn client(protocol: Protocol) -> Client {
    let version = match protocol {
        Protocol::Http1 => HttpVersion::Http1,
        Protocol::Http2 => HttpVersion::Http2,
    };
    Client::builder()
        .http_version(version)
        .num_workers(2)
        .concurrency(64)
        .queue_max_size(QUEUE as usize)
        .retries(items::ATTEMPTS)
        .backoff(Duration::from_millis(5))
        // Far more is to be tried again than politeness would.
        .retry_budget(None)
        // Far more than an answer takes: what reaches it was not answered.
        .timeout(Duration::from_secs(1))
        .without_proxy()
        .build()
        .unwrap()
}

/// What a run gave, and what its servers saw.
struct Accounts {
    seed: u64,
    endings: Vec<Ending>,
    receipt: Receipt,
    unfinished: Unfinished<u64>,
    book: Arc<Book>,
}

/// Sends requests to two servers, and takes what comes out with stalls in between. The run is cancelled once
/// so many have arrived.
fn run(protocol: Protocol, seed: u64, count: u64, cancel_at: Option<usize>) -> Accounts {
    let book = Arc::<Book>::default();
    let servers = [0, 1].map(|_| Server::start(protocol, seed, book.clone()));
    let origins = servers.each_ref().map(Server::origin);
    let taken = Cell::new(0);
    let input = (0..count).map(|id| {
        taken.set(id + 1);
        items::request(seed, id, &origins[(id % 2) as usize])
    });
    let mut run = client(protocol).run(input);
    if let Some(arrivals) = cancel_at {
        let (control, book) = (run.control(), book.clone());
        std::thread::spawn(move || {
            wait_until(|| book.count() >= arrivals);
            control.cancel();
        });
    }
    let mut random = items::random(seed, 0, u64::MAX);
    let mut endings = Vec::new();
    let mut watchdog = Watchdog::new();
    for outcome in run.by_ref() {
        endings.push(ending(outcome));
        assert!(
            taken.get() - endings.len() as u64 <= QUEUE,
            "seed {seed}: more are taken than the queue holds"
        );
        if endings.len() % WATCHED == 0 {
            watchdog = Watchdog::new();
        }
        if random.u32(..500) == 0 {
            std::thread::sleep(Duration::from_millis(random.u64(..50)));
        }
    }
    let (receipt, unfinished) = (run.receipt().clone(), run.unfinished().clone());
    drop(run);
    for server in &servers {
        server.wait_for_the_end();
    }
    drop(watchdog);
    Accounts { seed, endings, receipt, unfinished, book }
}

fn ending(outcome: Outcome<u64>) -> Ending {
    let result = match outcome.result {
        Ok(response) => {
            let text = response.text();
            let mut parts = text.split(' ');
            let mut next = || parts.next().unwrap().parse::<u64>().unwrap();
            let (id, arrival, hash) = (next(), next() as usize, next());
            Ok(Answered { status: response.status.as_u16(), id, arrival, hash })
        }
        Err(error) => Err(Failed { kind: error.kind(), request_sent: error.request_sent() }),
    };
    Ending { id: outcome.tag, attempts: outcome.attempts, result }
}

fn assert_right(accounts: &Accounts, is_cancelled: bool) {
    let Accounts { seed, endings, receipt, unfinished, book } = accounts;
    let faults = book.faults(*seed, 0..receipt.submitted, endings, is_cancelled);
    let beyond = book.ids().split_off(&receipt.submitted);
    assert!(beyond.is_empty(), "seed {seed}: {beyond:?} were never handed in");
    let shown = faults[..faults.len().min(5)].join("\n");
    assert!(faults.is_empty(), "seed {seed}: {} faults, of which the first are\n{shown}", faults.len());
    let is_ok = |ending: &&Ending| ending.result.as_ref().is_ok_and(|answered| answered.status < 400);
    let ok = endings.iter().filter(is_ok).count() as u64;
    assert_eq!((receipt.ok, receipt.failed), (ok, endings.len() as u64 - ok), "seed {seed}");
    assert_eq!(receipt.submitted, receipt.ok + receipt.failed + receipt.cancelled, "seed {seed}");
    assert_eq!(receipt.cancelled, receipt.unsent + receipt.unknown, "seed {seed}");
    let Unfinished { unsent, unknown, .. } = unfinished;
    // The queue is no longer than what is kept of each.
    assert_eq!((unsent.len() as u64, unknown.len() as u64), (receipt.unsent, receipt.unknown), "seed {seed}");
    assert!(unsent.is_sorted() && unknown.is_sorted(), "seed {seed}");
    let arrived: Vec<_> = unsent.iter().filter(|id| book.knows(**id)).collect();
    assert!(arrived.is_empty(), "seed {seed}: {arrived:?} are said not to have been sent");
    let handed_out = endings.iter().map(|ending| ending.id);
    let accounted: BTreeSet<_> = handed_out.chain(unsent.iter().chain(unknown).copied()).collect();
    assert!(accounted.into_iter().eq(0..receipt.submitted), "seed {seed}");
}

fn assert_nothing_is_lost_or_repeated(protocol: Protocol, seed: u64) {
    let _beside = MEMORY.read();
    let count = requests();
    let accounts = run(protocol, seed, count, None);
    assert_right(&accounts, false);
    assert_eq!((accounts.receipt.submitted, accounts.receipt.cancelled), (count, 0), "seed {seed}");
    // Nearly all are idempotent, or met nothing that was final.
    assert!(accounts.receipt.ok * 10 > count * 9, "seed {seed}: {:?}", accounts.receipt);
    if count >= 10_000 {
        let fates = accounts.book.fates();
        for fate in ["Answered(200)", "Answered(503)", "Dropped", "Broken", "Silent"] {
            assert!(fates.contains_key(fate), "seed {seed}: {fates:?}");
        }
        assert_eq!(fates.contains_key("Undone"), matches!(protocol, Protocol::Http2), "seed {seed}");
    }
}

macro_rules! nothing_is_lost_or_repeated {
    ($($name:ident: $protocol:ident, $seed:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_nothing_is_lost_or_repeated(Protocol::$protocol, $seed);
        })*
    };
}

nothing_is_lost_or_repeated! {
    nothing_is_lost_or_repeated_over_http1_with_seed_1: Http1, 1;
    nothing_is_lost_or_repeated_over_http1_with_seed_2: Http1, 2;
    nothing_is_lost_or_repeated_over_http1_with_seed_3: Http1, 3;
    nothing_is_lost_or_repeated_over_http1_with_seed_4: Http1, 4;
    nothing_is_lost_or_repeated_over_http1_with_seed_5: Http1, 5;
    nothing_is_lost_or_repeated_over_http2_with_seed_1: Http2, 1;
    nothing_is_lost_or_repeated_over_http2_with_seed_2: Http2, 2;
    nothing_is_lost_or_repeated_over_http2_with_seed_3: Http2, 3;
    nothing_is_lost_or_repeated_over_http2_with_seed_4: Http2, 4;
    nothing_is_lost_or_repeated_over_http2_with_seed_5: Http2, 5;
}

#[test]
fn a_run_that_is_cancelled_in_the_middle_repeats_nothing_and_accounts_for_all() {
    let _beside = MEMORY.read();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for seed in 11..14 {
            let accounts = run(protocol, seed, 10_000, Some(2_000));
            assert_right(&accounts, true);
            let receipt = accounts.receipt;
            assert!(receipt.cancelled > 0 && receipt.submitted < 10_000, "seed {seed}: {receipt:?}");
            assert!(receipt.ok > 0, "seed {seed}: {receipt:?}");
        }
    }
}
