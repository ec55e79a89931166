//! What the caller and the event loops of one run have in common.

use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::config::Config;
use crate::cookies::Jar;
use crate::deliver::Delivery;
use crate::plan::Job;
use crate::schedule::Schedule;

/// The schedule, the delivery, and the flags by which threads tell each other what happens.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) config: Arc<Config>,
    pub(crate) delivery: Delivery<T>,
    pub(crate) hasher: RandomState,
    /// The cookies that servers have set, where they are kept.
    pub(crate) jar: Option<Jar>,
    schedule: Mutex<Schedule<T>>,
    /// One for each event loop.
    wake_ups: Vec<Notify>,
    /// Event loops that have not ended.
    alive: AtomicUsize,
    cancelled: AtomicBool,
    /// Whether the input may hold more: then an event loop without work asks for it.
    input_open: AtomicBool,
}

impl<T> Shared<T> {
    pub(crate) fn new(config: Arc<Config>, event_loops: usize) -> Self {
        Self {
            jar: config.keeps_cookies.then(Jar::default),
            config,
            delivery: Delivery::new(),
            hasher: RandomState::new(),
            schedule: Mutex::new(Schedule::new()),
            wake_ups: (0..event_loops).map(|_| Notify::new()).collect(),
            alive: AtomicUsize::new(event_loops),
            cancelled: AtomicBool::new(false),
            input_open: AtomicBool::new(true),
        }
    }

    /// Makes a job ready, and wakes an event loop that has room for it.
    pub(crate) fn push(&self, job: Box<Job<T>>) {
        let idle = self.schedule().push(job);
        self.after_push(idle);
    }

    /// The same at a later time.
    pub(crate) fn push_at(&self, due: Instant, job: Box<Job<T>>) {
        let idle = self.schedule().push_at(due, job);
        self.after_push(idle);
    }

    fn after_push(&self, idle: Option<usize>) {
        if let Some(event_loop) = idle {
            self.wake(event_loop);
        }
        if self.is_dead() && !self.is_cancelled() {
            self.fail_scheduled();
        }
    }

    /// At most `limit` jobs for an event loop, in `taken`, and when the next delayed one is due. One that
    /// gets fewer is woken as soon as there is another, and the caller is asked for more input.
    pub(crate) fn take(
        &self,
        event_loop: usize,
        limit: usize,
        now: Instant,
        taken: &mut Vec<Box<Job<T>>>,
    ) -> Option<Instant> {
        let due = {
            let mut schedule = self.schedule();
            schedule.take(limit, now, event_loop, taken);
            schedule.next_due()
        };
        if taken.len() < limit && self.input_open.load(Ordering::Relaxed) {
            self.delivery.nudge();
        }
        due
    }

    /// Jobs that no event loop has taken yet.
    pub(crate) fn ready(&self) -> usize {
        self.schedule().ready()
    }

    /// States that the input has ended.
    pub(crate) fn close_input(&self) {
        self.input_open.store(false, Ordering::Relaxed);
    }

    /// Ends all event loops. What they hold is dropped, and becomes no outcome.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        for wake_up in &self.wake_ups {
            wake_up.notify_one();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether no event loop is left, so that nothing more will come.
    pub(crate) fn is_dead(&self) -> bool {
        self.alive.load(Ordering::Acquire) == 0
    }

    /// Counts an event loop as ended. The last one hands over what nobody is left to send: without an end,
    /// which the caller reads as a failure.
    pub(crate) fn depart(&self) {
        let was_last = self.alive.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && !self.is_cancelled() {
            self.fail_scheduled();
        }
    }

    /// Asks an event loop for a turn.
    pub(crate) fn wake(&self, event_loop: usize) {
        if let Some(wake_up) = self.wake_ups.get(event_loop) {
            wake_up.notify_one();
        }
    }

    /// Waits until an event loop is asked for a turn.
    pub(crate) async fn woken(&self, event_loop: usize) {
        if let Some(wake_up) = self.wake_ups.get(event_loop) {
            wake_up.notified().await;
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule<T>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail_scheduled(&self) {
        let mut jobs = self.schedule().drain();
        self.delivery.send(&mut jobs);
    }
}
