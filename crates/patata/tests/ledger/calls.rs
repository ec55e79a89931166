//! Many calls of one client from several threads: none of their requests is lost, crossed or repeated, whichever way
//! they come and however the calls end, and memory stays flat.
//!
//! A fiftieth as many calls as `PATATA_LEDGER_REQUESTS`, each of a two-hundredth: 2,000 of 500 where that is 100,000.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use patata::{Client, Outcome, Receipt, Request, Step};

use crate::book::{Book, Ending};
use crate::server::{Protocol, Server};
use crate::watchdog::Watchdog;
use crate::{MEMORY, client, ending, items, requests};

const SEED: u64 = 21;
const THREADS: usize = 8;
/// What allocators and tables may grow by once all threads have been at it for a while, in KiB.
const GROWTH: u64 = 32 << 10;

/// What a call gave.
struct Call {
    ids: Range<u64>,
    endings: Vec<Ending>,
    receipt: Receipt,
}

/// What all threads work on.
struct Soak {
    client: Client,
    /// For some of the calls.
    gentle: Client,
    servers: [Server; 2],
    book: Arc<Book>,
    calls: u64,
    of_each: u64,
    next: AtomicU64,
}

impl Soak {
    fn new(protocol: Protocol) -> Self {
        let book = Arc::<Book>::default();
        let client = client(protocol);
        Self {
            gentle: client.to_builder().concurrency(7).rate("5000/s").build().unwrap(),
            client,
            servers: [0, 1].map(|_| Server::start(protocol, SEED, book.clone())),
            book,
            calls: requests() / 50,
            of_each: requests() / 200,
            next: AtomicU64::new(0),
        }
    }

    /// Calls in turn, until all are done. Says how many there were when so much of memory was in use.
    fn work(&self, remember: impl Fn(u64)) {
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= self.calls {
                return;
            }
            let _watchdog = Watchdog::new();
            remember(number);
            let ids = number * self.of_each..(number + 1) * self.of_each;
            let call = match number % 4 {
                0 => self.pull(&self.client, ids),
                1 => self.pull(&self.gentle, ids),
                2 => self.push(ids),
                _ => self.cancel(ids),
            };
            self.check(&call, number % 4 == 3);
        }
    }

    fn request(&self, id: u64) -> Request<u64> {
        items::request(SEED, id, &self.servers[(id % 2) as usize].origin())
    }

    fn pull(&self, client: &Client, ids: Range<u64>) -> Call {
        let mut run = client.run(ids.clone().map(|id| self.request(id)));
        let endings = run.by_ref().map(ending).collect();
        Call { ids, endings, receipt: run.receipt().clone() }
    }

    fn push(&self, ids: Range<u64>) -> Call {
        let mut run = self.client.run_pushed();
        for id in ids.clone() {
            run.push(self.request(id)).unwrap();
        }
        run.close_input();
        let mut endings = Vec::new();
        loop {
            match run.step() {
                Step::Outcome(outcome) => endings.push(ending(outcome)),
                Step::Wait => run.wait(Duration::from_secs(1)),
                Step::End => return Call { ids, endings, receipt: run.receipt().clone() },
            }
        }
    }

    /// Takes half of the outcomes, and cancels.
    fn cancel(&self, ids: Range<u64>) -> Call {
        let mut run = self.client.run(ids.clone().map(|id| self.request(id)));
        let half = (self.of_each / 2) as usize;
        let outcomes: Vec<Outcome<u64>> = run.by_ref().take(half).collect();
        let receipt = run.cancel();
        // What has not been taken from the input was never handed in.
        let ids = ids.start..ids.start + receipt.submitted;
        Call { ids, endings: outcomes.into_iter().map(ending).collect(), receipt }
    }

    fn check(&self, call: &Call, is_cancelled: bool) {
        let Call { ids, endings, receipt } = call;
        let faults = self.book.faults(SEED, ids.clone(), endings, is_cancelled);
        let shown = faults[..faults.len().min(5)].join("\n");
        assert!(faults.is_empty(), "{} faults, of which the first are\n{shown}", faults.len());
        let done = receipt.ok + receipt.failed;
        assert_eq!((receipt.submitted, done), (ids.end - ids.start, endings.len() as u64));
        assert_eq!((receipt.submitted, receipt.outstanding), (done + receipt.cancelled, 0));
        self.book.forget(ids.clone());
    }
}

/// What this process has in memory, in KiB, where the system says so.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn assert_nothing_is_lost_or_crossed(protocol: Protocol) {
    let _alone = MEMORY.write();
    let soak = Soak::new(protocol);
    let after_a_quarter = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                soak.work(|number| {
                    if number == soak.calls / 4 {
                        after_a_quarter.store(memory().unwrap_or_default(), Ordering::SeqCst);
                    }
                });
            });
        }
    });
    let (before, after) = (after_a_quarter.into_inner(), memory().unwrap_or_default());
    assert!(after <= before + GROWTH, "{before} KiB after a quarter of all calls, {after} KiB after all");
    let Soak { client, gentle, servers, book, calls, of_each, .. } = soak;
    drop((client, gentle));
    for server in &servers {
        server.wait_for_the_end();
    }
    let beyond = book.ids().split_off(&(calls * of_each));
    assert!(beyond.is_empty(), "{beyond:?} were never handed in");
}

#[test]
fn calls_of_eight_threads_lose_and_cross_nothing_over_http1() {
    assert_nothing_is_lost_or_crossed(Protocol::Http1);
}

#[test]
fn calls_of_eight_threads_lose_and_cross_nothing_over_http2() {
    assert_nothing_is_lost_or_crossed(Protocol::Http2);
}
