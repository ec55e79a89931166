//! What the caller and the event loops of one run have in common.

use std::hash::RandomState;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::address::target::Origin;
use crate::clock;
use crate::config::Config;
use crate::cookies::Jar;
use crate::engine::completions::CompletionQueue;
use crate::error::Error;
use crate::job::{Job, Timeouts};
use crate::report::failures::FailureTally;
use crate::report::progress::{Board, Bottleneck, CallerNews, Progress};
use crate::report::stall::InputWait;
use crate::report::stop::Stop;
use crate::schedule::budget::RetryBudget;
use crate::schedule::trouble::{Refused, Sign};
use crate::schedule::{Release, Room, Schedule};
use crate::transport::part_file::Parts;

/// The schedule, the completions, and the flags by which threads tell each other what happens.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) config: Arc<Config>,
    pub(crate) timeouts: Timeouts,
    pub(crate) completions: CompletionQueue<T>,
    pub(crate) hasher: RandomState,
    /// The cookies that servers have set, where they are kept.
    pub(crate) jar: Option<Jar>,
    /// Requests that were not sent again, as their bodies could be read only once.
    pub(crate) not_resent: AtomicU64,
    /// The files that responses are being saved to.
    pub(crate) parts: Parts,
    schedule: Mutex<Schedule<T>>,
    /// What the event loops held when the run was ended.
    left: Mutex<Vec<Box<Job<T>>>>,
    /// What has failed, where the run may end by it.
    failures: Option<Mutex<FailureTally>>,
    /// What is seen from outside.
    pub(crate) board: Board,
    /// Why the run has ended by itself.
    stop: OnceLock<Stop>,
    /// One for each event loop.
    wake_ups: Vec<Notify>,
    /// Event loops that have not ended.
    alive: AtomicUsize,
    /// Why one of them could not begin.
    false_start: OnceLock<String>,
    /// Whether one of them has begun.
    has_begun: AtomicBool,
    cancelled: AtomicBool,
    /// Whether the input may hold more: then an event loop without work asks for it.
    input_open: AtomicBool,
    /// Whether there is a host of which something has failed since its last answer.
    has_suspects: AtomicBool,
}

/// What an event loop has taken, and what it should know.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    pub(crate) jobs: Vec<Box<Job<T>>>,
    /// Jobs that cannot be sent any more, as their time is over.
    pub(crate) expired: Vec<Box<Job<T>>>,
    /// Jobs of hosts that are not there.
    pub(crate) refused: Vec<Refused<T>>,
    /// When there may be more.
    pub(crate) due: Option<Instant>,
}

impl<T> Shared<T> {
    pub(crate) fn new(config: Arc<Config>, event_loops: usize) -> Self {
        let has_retries = config.retry.attempts > 1;
        let budget = if has_retries { RetryBudget::new } else { RetryBudget::dormant };
        let budget = config.retry.budget.map(budget);
        Self {
            timeouts: Timeouts {
                attempt: config.timeout,
                total: config.total_timeout,
                run: config.deadline.and_then(|limit| clock::now().checked_add(limit)),
            },
            jar: (config.keeps_cookies == Some(true)).then(Jar::default),
            not_resent: AtomicU64::new(0),
            parts: Parts::default(),
            completions: CompletionQueue::new(),
            hasher: RandomState::new(),
            schedule: Mutex::new(Schedule::new(config.limits(), config.connections(), budget)),
            left: Mutex::default(),
            failures: config.failures.is_set().then(Mutex::default),
            board: Board::new(event_loops),
            stop: OnceLock::new(),
            config,
            wake_ups: (0..event_loops).map(|_| Notify::new()).collect(),
            alive: AtomicUsize::new(event_loops),
            false_start: OnceLock::new(),
            has_begun: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            input_open: AtomicBool::new(true),
            has_suspects: AtomicBool::new(false),
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

    /// Whether a job may be sent again at `due`: its time is not over by then, and the retry budget, in which it
    /// then counts unless the server wishes for it, has room for it. Notes where the budget has none.
    pub(crate) fn allows_retry(&self, job: &mut Job<T>, now: Instant, due: Instant, is_wish: bool) -> bool {
        let is_over = |limit: Option<Instant>| limit.is_some_and(|limit| limit <= due);
        if is_over(job.expires) || is_over(self.timeouts.run) {
            return false;
        }
        job.is_retry_denied = !is_wish && !self.schedule().allows_retry(now);
        !job.is_retry_denied
    }

    /// Counts a request that is sent once more without going through the schedule. Says until when it must wait.
    pub(crate) fn count_anew(&self, origin: &Arc<Origin>, now: Instant) -> Option<Instant> {
        let has_rates = !self.config.limits.rates.is_empty() || !self.config.limits.rates_per_host.is_empty();
        has_rates.then(|| self.schedule().count_anew(origin, now)).flatten()
    }

    /// A host is left alone for as long as it asks.
    pub(crate) fn hold(&self, origin: &Arc<Origin>, wait: Duration, now: Instant) {
        let origin = origin.clone();
        self.schedule().release(
            Release {
                origin,
                was_counted: false,
                retry_after: Some(wait),
                answered: None,
                lesson: None,
                sign: Sign::None,
            },
            now,
        );
    }

    fn after_push(&self, idle: Option<usize>) {
        if let Some(event_loop) = idle {
            self.wake(event_loop);
        }
        if self.is_dead() && !self.is_cancelled() {
            self.fail_scheduled();
        }
    }

    /// As many jobs as an event loop has room for, which first gives back what is no longer in flight. One that
    /// gets fewer is woken as soon as there is another, and the caller is asked for more input.
    pub(crate) fn take(
        &self,
        event_loop: usize,
        room: Room,
        now: Instant,
        released: &mut Vec<Release>,
    ) -> Taken<T> {
        let mut jobs = Vec::new();
        let (prospect, expired, refused) = {
            let mut schedule = self.schedule();
            self.release_all(&mut schedule, released, now);
            let expired = if self.is_overdue(now) { schedule.drain() } else { schedule.expire(now) };
            let prospect = schedule.take(room, now, event_loop, &mut jobs);
            (prospect, expired, schedule.take_refused())
        };
        if let Some(other) = prospect.wake {
            self.wake(other);
        }
        if prospect.is_dry && self.input_open.load(Ordering::Relaxed) {
            self.completions.nudge();
        }
        let deadline = self.timeouts.run.filter(|deadline| *deadline > now);
        Taken { jobs, expired, refused, due: prospect.due.into_iter().chain(deadline).min() }
    }

    fn release_all(&self, schedule: &mut Schedule<T>, released: &mut Vec<Release>, now: Instant) {
        for release in released.drain(..) {
            schedule.release(release, now);
        }
        if self.has_suspects() && !schedule.has_suspects() {
            self.has_suspects.store(false, Ordering::Relaxed);
        }
    }

    /// A request has failed to connect or timed out. Returns whether a request to its host that was not sent may
    /// wait. What was released before it is told first, as it was before.
    pub(crate) fn note_failure(
        &self,
        origin: &Arc<Origin>,
        now: Instant,
        was_probe: bool,
        cause: Arc<str>,
        released: &mut Vec<Release>,
    ) -> bool {
        let mut schedule = self.schedule();
        self.release_all(&mut schedule, released, now);
        let may_wait = schedule.note_failure(origin, now, was_probe, cause);
        self.has_suspects.store(true, Ordering::Relaxed);
        may_wait
    }

    /// Whether answers are to be told of: there is a host of which something has failed since its last one.
    pub(crate) fn has_suspects(&self) -> bool {
        self.has_suspects.load(Ordering::Relaxed)
    }

    /// Whether the run's deadline has passed.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.timeouts.run.is_some_and(|deadline| deadline <= now)
    }

    /// Looks at how jobs have ended: the run ends where too many have failed.
    pub(crate) fn judge(&self, ended: &[Box<Job<T>>]) {
        let Some(failures) = &self.failures else { return };
        let Config { failures: policy, ok_statuses, .. } = &*self.config;
        let mut tally = failures.lock().unwrap_or_else(PoisonError::into_inner);
        for job in ended.iter().filter(|job| !job.is_questioned) {
            let Some(end) = &job.end else { continue };
            let result = end.result.as_ref().map(|answer| answer.status);
            if result.is_err_and(Error::is_run_deadline) {
                // It has ended the run already.
                continue;
            }
            if let Some(stop) = tally.count(policy, ok_statuses, &job.target, result) {
                self.stop(Stop::TooManyFailures(stop));
                self.cancel();
                return;
            }
        }
    }

    /// States why the run ends by itself; the first reason counts.
    pub(crate) fn stop(&self, reason: Stop) {
        self.stop.get_or_init(|| reason);
    }

    /// How far the run has come.
    pub(crate) fn progress(&self) -> Progress {
        let news = self.board.news();
        let outstanding = usize::try_from(news.submitted - news.done).unwrap_or(usize::MAX);
        let bottleneck = match self.schedule().hindrance(clock::now()) {
            Some(hindrance) => hindrance,
            None if self.board.is_taking() => Bottleneck::Input,
            None if news.has_outcome || self.completions.has_jobs() => Bottleneck::Consumer,
            None if self.input_open.load(Ordering::Relaxed) && outstanding < self.config.queue_max_size => {
                Bottleneck::Input
            }
            None => Bottleneck::Server,
        };
        let CallerNews { submitted, done, failed, .. } = news;
        let troubled_hosts = self.schedule().troubled();
        Progress { submitted, done, failed, in_flight: self.board.busy(), bottleneck, troubled_hosts }
    }

    /// Which wait for the input it is, where the run waits for nothing else.
    pub(crate) fn input_wait(&self, now: Instant) -> Option<InputWait> {
        let turns = self.board.taking().filter(|_| self.board.busy() == 0)?;
        let schedule = self.schedule();
        schedule.hindrance(now).is_none().then(|| InputWait { turns, jobs: schedule.pushed() })
    }

    /// Why the run has ended by itself.
    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.stop.get()
    }

    /// Jobs that could be sent and that no event loop has taken yet.
    pub(crate) fn sendable(&self) -> usize {
        self.schedule().sendable()
    }

    /// States that the input has ended.
    pub(crate) fn close_input(&self) {
        self.input_open.store(false, Ordering::Relaxed);
    }

    /// Ends all event loops. What they hold becomes no outcome, and is [left](Self::take_left).
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        for wake_up in &self.wake_ups {
            wake_up.notify_one();
        }
    }

    /// Takes what an event loop holds that ends with the run.
    pub(crate) fn leave(&self, jobs: impl IntoIterator<Item = Box<Job<T>>>) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).extend(jobs);
    }

    /// All that is left in a run that was ended: in the schedule, with its event loops, and on its way from
    /// there.
    pub(crate) fn take_left(&self) -> Vec<Box<Job<T>>> {
        let mut left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        left.append(&mut self.schedule().drain());
        left.append(&mut self.completions.take());
        left
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Whether no event loop is left, so that nothing more will come.
    pub(crate) fn is_dead(&self) -> bool {
        self.alive.load(Ordering::Acquire) == 0
    }

    /// States that an event loop has begun.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
    }

    /// States why an event loop does not begin; the others do its work, where there are any.
    pub(crate) fn begin_falsely(&self, cause: &io::Error) {
        self.false_start.get_or_init(|| cause.to_string());
        self.end_without_beginning();
    }

    /// Ends a run of which no event loop has begun, nor will: whether it was that.
    fn end_without_beginning(&self) -> bool {
        let Some(cause) = self.false_start.get().filter(|_| self.is_dead()) else { return false };
        if self.has_begun.load(Ordering::Acquire) {
            return false;
        }
        self.stop(Stop::CannotStart(cause.clone()));
        self.cancel();
        self.completions.nudge();
        true
    }

    /// Counts an event loop as ended. The last one hands over what nobody is left to send: without an end,
    /// which the caller reads as a failure. Where none has ever begun, the run ends at once.
    pub(crate) fn depart(&self) {
        let was_last = self.alive.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && !self.is_cancelled() && !self.end_without_beginning() {
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
        self.completions.send(&mut jobs);
    }
}
