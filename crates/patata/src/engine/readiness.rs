//! When the sockets that an event loop reads became readable: what comes after is the client's own delay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// A thread that wants to sleep for less than this has not slept: what it was woken by was there already.
const ASLEEP: Duration = Duration::from_micros(50);

/// Watches when the thread of an event loop goes to sleep and wakes up.
///
/// A busy client must not take itself for a slow server. A response that is read right after the thread has slept
/// has come just then. One that was there when the thread wanted to sleep has come at some time since it woke up
/// before; the earliest is taken for it.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// Whether anybody wants to know.
    is_wanted: AtomicBool,
    base: Instant,
    asleep: AtomicU64,
    awake: AtomicU64,
    readable: AtomicU64,
}

impl Readiness {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            is_wanted: AtomicBool::new(false),
            base: clock::now(),
            asleep: AtomicU64::new(0),
            awake: AtomicU64::new(0),
            readable: AtomicU64::new(0),
        })
    }

    /// Watches from now on.
    pub(crate) fn watch(&self) {
        if !self.is_wanted.load(Ordering::Relaxed) {
            let now = self.passed();
            self.awake.store(now, Ordering::Relaxed);
            self.readable.store(now, Ordering::Relaxed);
            self.is_wanted.store(true, Ordering::Relaxed);
        }
    }

    fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// The thread goes to sleep.
    pub(crate) fn park(&self) {
        if !self.is_wanted() {
            return;
        }
        self.asleep.store(self.passed(), Ordering::Relaxed);
    }

    /// The thread has woken up.
    pub(crate) fn unpark(&self) {
        if !self.is_wanted() {
            return;
        }
        let now = self.passed();
        let slept = now.saturating_sub(self.asleep.load(Ordering::Relaxed));
        let before = self.awake.swap(now, Ordering::Relaxed);
        let readable = if u128::from(slept) > ASLEEP.as_nanos() { now } else { before };
        self.readable.store(readable, Ordering::Relaxed);
    }

    /// The earliest moment at which what is read now may have come.
    pub(crate) fn readable(&self) -> Instant {
        self.base + Duration::from_nanos(self.readable.load(Ordering::Relaxed))
    }

    fn passed(&self) -> u64 {
        let passed = clock::now().saturating_duration_since(self.base);
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_a_sleep_has_come_then_and_what_was_there_may_have_come_before() {
        let readiness = Readiness::new();
        readiness.watch();
        readiness.park();
        std::thread::sleep(Duration::from_millis(2));
        readiness.unpark();
        let woken = readiness.readable();
        assert!(woken >= readiness.base + Duration::from_millis(2));
        std::thread::sleep(Duration::from_millis(2));
        readiness.park();
        readiness.unpark();
        assert_eq!(readiness.readable(), woken);
    }
}
