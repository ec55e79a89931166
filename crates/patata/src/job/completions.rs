//! The hand-over from the event loops to the caller: ended jobs in batches, one wake-up a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::job::Job;

/// Where jobs that have ended wait for the caller.
///
/// It has no bound of its own: the caller takes no more requests from the input than may be waiting here.
#[derive(Debug)]
pub(crate) struct CompletionQueue {
    waiting: Mutex<Waiting>,
    wake_up: Condvar,
    /// Whether there is something to look at, readable without the lock.
    news: AtomicBool,
}

#[derive(Debug)]
struct Waiting {
    jobs: Vec<Box<Job>>,
    /// The caller's task, where the caller is one.
    waker: Option<Waker>,
    /// Whether the caller's thread is asleep on the condition variable.
    asleep: bool,
}

impl CompletionQueue {
    pub(crate) fn new() -> Self {
        let waiting = Waiting { jobs: Vec::new(), waker: None, asleep: false };
        Self { waiting: Mutex::new(waiting), wake_up: Condvar::new(), news: AtomicBool::new(false) }
    }

    /// Hands over a batch, and wakes the caller if it sleeps.
    pub(crate) fn send(&self, batch: impl IntoIterator<Item = Box<Job>>) {
        let mut waiting = self.lock();
        waiting.jobs.extend(batch);
        self.wake(waiting);
    }

    /// Wakes the caller without a job, so that it looks for more input.
    pub(crate) fn nudge(&self) {
        self.wake(self.lock());
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        self.news.store(true, Ordering::Release);
        let asleep = std::mem::take(&mut waiting.asleep);
        let waker = waiting.waker.take();
        drop(waiting);
        if asleep {
            self.wake_up.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether something came since the last [`take_into`](Self::take_into).
    pub(crate) fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    /// Whether ended jobs wait for the caller.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.lock().jobs.is_empty()
    }

    /// Takes all that has come into `jobs`, which is empty.
    pub(crate) fn take_into(&self, jobs: &mut Vec<Box<Job>>) {
        if self.has_news() {
            let mut waiting = self.lock();
            self.news.store(false, Ordering::Release);
            // The two take turns, so that neither has to grow again.
            std::mem::swap(&mut waiting.jobs, jobs);
        }
    }

    /// All that has come.
    #[cfg(any(test, feature = "benching"))]
    pub(crate) fn take(&self) -> Vec<Box<Job>> {
        let mut jobs = Vec::new();
        self.take_into(&mut jobs);
        jobs
    }

    /// Sleeps until something comes, or for `limit`.
    pub(crate) fn wait(&self, limit: Duration) {
        let mut waiting = self.lock();
        if self.has_news() {
            return;
        }
        waiting.asleep = true;
        let awake = self.wake_up.wait_timeout_while(waiting, limit, |waiting| waiting.asleep);
        awake.unwrap_or_else(PoisonError::into_inner).0.asleep = false;
    }

    /// Has `waker` woken when something comes. `false` where something is there already.
    pub(crate) fn register(&self, waker: &Waker) -> bool {
        let mut waiting = self.lock();
        if self.has_news() {
            return false;
        }
        waiting.waker = Some(waker.clone());
        true
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here can be left half done by a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
