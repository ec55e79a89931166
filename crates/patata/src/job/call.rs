//! A call under way: what its caller and the event loops that its jobs are with have in common.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use http::StatusCode;

use crate::clock;
use crate::config::Config;
use crate::cookies::Jar;
use crate::error::Error;
use crate::job::completions::CompletionQueue;
use crate::job::{Job, Timeouts};
use crate::report::failures::FailureTally;
use crate::report::parts::Parts;
use crate::report::progress::Board;
use crate::report::stop::Stop;
use crate::report::waits::Waits;

/// How far a call has come. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Its input may hold more: then an event loop without work asks for it.
    Open,
    /// All of its input has been taken.
    InputClosed,
    /// What is left of it becomes no outcome.
    Ended,
}

/// What the threads of one call share. A job leads to it.
///
/// Callers count their jobs in and out here, next to nothing that event loops read: hence the alignment.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Call {
    /// Unlike that of any other call of its engine.
    pub(crate) number: u64,
    /// Where the schedule keeps what it knows of it.
    pub(crate) place: usize,
    pub(crate) config: Arc<Config>,
    /// By which ways its connections are opened: a number that the engine knows.
    pub(crate) route: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) completions: CompletionQueue,
    /// The cookies that servers have set, where they are kept.
    pub(crate) jar: Option<Arc<Jar>>,
    /// The files that responses are being saved to.
    pub(crate) parts: Parts,
    /// What is seen from outside.
    pub(crate) board: Board,
    /// Requests that were not sent again, as their bodies could be read only once.
    pub(crate) not_resent: AtomicU64,
    /// What has failed, where the call may end by it.
    failures: Option<Mutex<FailureTally>>,
    /// For how long budgets have kept it waiting, once one has.
    waits: OnceLock<Mutex<Waits>>,
    /// Why it has ended by itself.
    stop: OnceLock<Stop>,
    stage: AtomicU8,
    /// Whether it has limits of its own, which may come while it is under way.
    pub(crate) is_limited: AtomicBool,
    in_flight: Aside<AtomicUsize>,
}

/// Kept from sharing a line of the cache with anything else, as all event loops write it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Aside<T>(T);

impl Call {
    pub(crate) fn new(number: u64, place: usize, route: usize, config: Arc<Config>) -> Self {
        Self {
            number,
            place,
            route,
            timeouts: Timeouts {
                attempt: config.timeout,
                total: config.total_timeout,
                run: config.deadline.and_then(|limit| clock::now().checked_add(limit)),
            },
            completions: CompletionQueue::new(),
            jar: config.cookies.jar(),
            parts: Parts::default(),
            board: Board::default(),
            not_resent: AtomicU64::new(0),
            failures: config.failures.is_set().then(Mutex::default),
            waits: OnceLock::new(),
            stop: OnceLock::new(),
            stage: AtomicU8::new(Stage::Open as u8),
            is_limited: AtomicBool::new(!config.limits.is_empty()),
            in_flight: Aside::default(),
            config,
        }
    }

    fn stage(&self) -> u8 {
        self.stage.load(Ordering::Acquire)
    }

    /// Whether its input may hold more.
    pub(crate) fn is_open(&self) -> bool {
        self.stage() == Stage::Open as u8
    }

    /// States that its input has ended.
    pub(crate) fn close_input(&self) {
        self.stage.fetch_max(Stage::InputClosed as u8, Ordering::AcqRel);
    }

    /// Whether what is left of it becomes no outcome.
    pub(crate) fn is_ended(&self) -> bool {
        self.stage() == Stage::Ended as u8
    }

    /// Ends it. Whoever has jobs of it hands them over as they are. Whether it had not ended before.
    pub(crate) fn end(&self) -> bool {
        self.stage.fetch_max(Stage::Ended as u8, Ordering::AcqRel) != Stage::Ended as u8
    }

    /// States why it ends by itself; the first reason counts.
    pub(crate) fn stop(&self, reason: Stop) {
        self.stop.get_or_init(|| reason);
    }

    /// Why it has ended by itself.
    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.stop.get()
    }

    /// Notes for which budgets its jobs wait.
    pub(crate) fn note_waiting(&self, note: impl FnOnce(&mut Waits)) {
        note(&mut self.waits.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// For how long budgets have kept it waiting; `None` where none has.
    pub(crate) fn waits(&self) -> Option<MutexGuard<'_, Waits>> {
        Some(self.waits.get()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether its deadline has passed.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.timeouts.run.is_some_and(|deadline| deadline <= now)
    }

    /// Requests that connections are busy with.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.0.load(Ordering::Relaxed)
    }

    /// Counts requests that an event loop takes.
    pub(crate) fn sent(&self, count: usize) {
        self.in_flight.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts one that no connection is busy with any more.
    pub(crate) fn returned(&self) {
        self.in_flight.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks at how jobs have ended: the call stops where too many have failed. Whether it does so now.
    pub(crate) fn judge<'j>(&self, ended: impl IntoIterator<Item = &'j Job>) -> bool {
        let Some(failures) = &self.failures else { return false };
        let Config { failures: policy, ok_statuses, .. } = &*self.config;
        let mut tally = failures.lock().unwrap_or_else(PoisonError::into_inner);
        for job in ended.into_iter().filter(|job| !job.attempt.is_undecided() && !job.asked.is_internal()) {
            let Some(end) = &job.end else { continue };
            let result = end.result.as_ref().map(|answer| answer.status);
            if self.config.cache.is_some() && matches!(result, Ok(StatusCode::NOT_MODIFIED)) {
                // It is the cache that has asked whether something has changed.
                continue;
            }
            if result.is_err_and(Error::is_run_deadline) {
                // It has ended the call already.
                continue;
            }
            if let Some(stop) = tally.count(policy, ok_statuses, &job.target, result) {
                self.stop(Stop::TooManyFailures(stop));
                return true;
            }
        }
        false
    }
}

#[cfg(any(test, feature = "fuzzing", feature = "benching"))]
impl Default for Call {
    /// One with the usual options, of no engine.
    fn default() -> Self {
        Self::new(0, 0, 0, Arc::default())
    }
}
