//! The caller's side of a run, whichever way its requests come: plans them, keeps the accounts, hands out what
//! is done.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock;
use crate::config::Config;
use crate::config::retry_policy::Ending;
use crate::engine::event_loop;
use crate::engine::shared::Shared;
use crate::error::Error;
use crate::job::planner::Planner;
use crate::job::{Authorization, Job};
use crate::report::progress::CallerNews;
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished;
use crate::report::unfinished::{Left, Unfinished};
use crate::request::Request;
use crate::request::auth::Authorize;
use crate::response::Outcome;
use crate::run::control::Control;
use crate::run::destinations::Destinations;
use crate::run::outbox::Outbox;
use crate::run::read_ahead::ReadAhead;
use crate::schedule::retry_after::retry_after;
use crate::transport::connect::Connector;
use crate::transport::connect::burst::Bursts;
use crate::transport::connect::tls::Tls;

/// So often, in outcomes, it is said how far the run has come: what threads share is costly to write.
const PUBLISHED: u64 = 64;

/// A job with the header that the user's function gives, where there is one.
fn authorized<T>(mut job: Box<Job<T>>, default: Option<&Authorize>) -> Result<Box<Job<T>>, (T, Error)> {
    match job.authorize(default) {
        Ok(()) => Ok(job),
        Err(error) => Err((job.tag, error.at(job.target))),
    }
}

/// A job whose response goes to no other's file.
fn claimed<T>(
    job: Box<Job<T>>,
    destinations: &mut Destinations,
    label: Option<Box<str>>,
    number: u64,
) -> Result<Box<Job<T>>, (T, Error)> {
    let Some(path) = &job.stream_to else { return Ok(job) };
    let label = label.unwrap_or_else(|| number.to_string().into());
    match destinations.claim(path, &label) {
        Ok(()) => Ok(job),
        Err(error) => Err((job.tag, error.at(job.target))),
    }
}

/// What a run can say without waiting.
#[derive(Debug)]
pub enum Step<T> {
    /// One request is done.
    Outcome(Outcome<T>),
    /// Nothing is done yet: [`Run::wait`](crate::Run::wait), then ask again.
    Wait,
    /// All requests are done and the input has ended, or the run has been cancelled.
    End,
}

/// What [`Run`](crate::Run) and [`PushedRun`](crate::PushedRun) are made of.
#[derive(Debug)]
pub(crate) struct Caller<T> {
    planner: Planner,
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
    /// What has ended and has not been handed out.
    waiting: Outbox<T>,
    receipt: Receipt,
    /// What came too late to be sent.
    given_up: Vec<Left<T>>,
    unfinished: Unfinished<T>,
    input_open: bool,
    /// Outcomes that the caller has taken and not yet handed on.
    held: usize,
    read_ahead: ReadAhead,
    /// Whether a job may come back for a fresh header.
    refreshes: bool,
    /// Whether one may come back to be judged by the user's `retry_if`.
    questions: bool,
    random: fastrand::Rng,
    /// Where responses go that are saved.
    destinations: Destinations,
}

impl<T: Send + 'static> Caller<T> {
    pub(crate) fn start(config: Arc<Config>, tls: Tls, bursts: &Bursts) -> Self {
        let connections = config.connections_by_worker();
        let connector = Connector::new(tls, bursts, &config);
        let shared = Arc::new(Shared::new(config, connections.len()));
        let threads = connections
            .into_iter()
            .enumerate()
            // A thread that cannot be started counts as one that has ended: the others do its work.
            .filter_map(|(index, connections)| {
                let spawned = event_loop::spawn(&shared, index, connections, connector.clone());
                spawned.inspect_err(|cause| shared.begin_falsely(cause)).ok()
            })
            .collect();
        Self::over(shared, threads)
    }

    /// The caller's side of a run whose event loops are there.
    pub(crate) fn over(shared: Arc<Shared<T>>, threads: Vec<JoinHandle<()>>) -> Self {
        let config = &shared.config;
        let read_ahead = ReadAhead::new(config.connections(), config.input_chunk_size);
        let waiting = Outbox::new(config.ordered);
        let random = config.random(config.num_workers);
        Self {
            planner: Planner::new(shared.hasher.clone()),
            shared,
            threads,
            waiting,
            receipt: Receipt::default(),
            given_up: Vec::new(),
            unfinished: Unfinished::default(),
            input_open: true,
            held: 0,
            read_ahead,
            refreshes: false,
            questions: false,
            random,
            destinations: Destinations::default(),
        }
    }

    pub(crate) fn control(&self) -> Control {
        Control::new(self.shared.clone())
    }
}

impl<T> Caller<T> {
    /// The next outcome, of those that have been collected.
    pub(crate) fn step(&mut self) -> Step<T> {
        if let Some(outcome) = self.waiting.pop() {
            return self.hand_out(outcome);
        }
        if self.is_cancelled() {
            self.stop();
            return self.step_to_the_end();
        }
        self.publish();
        if !self.input_open && self.receipt.outstanding == 0 {
            self.note_files();
            return Step::End;
        }
        self.refuse_loss();
        Step::Wait
    }

    /// A run that has ended by itself yields what is done; one that was cancelled is not asked for that.
    fn step_to_the_end(&mut self) -> Step<T> {
        if self.stopped().is_some() {
            self.collect();
            self.waiting.give_up_order();
            if let Some(outcome) = self.waiting.pop() {
                return self.hand_out(outcome);
            }
        }
        self.write_off();
        self.publish();
        Step::End
    }

    fn hand_out(&mut self, outcome: Outcome<T>) -> Step<T> {
        self.receipt.settle(&outcome, &self.shared.config.ok_statuses);
        if (self.receipt.ok + self.receipt.failed).is_multiple_of(PUBLISHED) {
            self.publish();
        }
        Step::Outcome(outcome)
    }

    /// Whether there is an outcome to hand out, of those that have been collected.
    pub(crate) fn has_outcome(&self) -> bool {
        self.waiting.is_ready()
    }

    /// Whether something has come that was not collected: outcomes, or an event loop's call for more input.
    pub(crate) fn has_news(&self) -> bool {
        self.shared.completions.has_news()
    }

    /// Takes over what the event loops have done.
    pub(crate) fn collect(&mut self) {
        if self.input_open && self.shared.is_overdue(clock::now()) {
            // What is left of the input stays there.
            self.close_input();
            let limit = self.shared.config.deadline.unwrap_or_default();
            self.shared.stop(Stop::Deadline(limit));
        }
        let mut jobs = self.shared.completions.take();
        if self.refreshes {
            jobs = self.refresh(jobs);
        }
        if self.questions {
            jobs = self.question(jobs);
        }
        self.waiting.extend(jobs);
        self.publish();
    }

    /// Says whether this thread is with the input just now.
    pub(crate) fn note_taking(&self, is_taking: bool) {
        self.shared.board.publish_taking(is_taking);
    }

    /// Whether all that was taken has been handed out, and there may be more.
    pub(crate) fn is_without_work(&self) -> bool {
        self.input_open && self.receipt.outstanding == 0 && self.held == 0
    }

    /// Says how far the run has come.
    fn publish(&self) {
        let Receipt { submitted, ok, failed, .. } = self.receipt;
        let news = CallerNews { submitted, done: ok + failed, failed, has_outcome: self.waiting.is_ready() };
        self.shared.board.publish(news);
    }

    /// The same, after having been away: adapts how far the input goes ahead.
    pub(crate) fn come_back(&mut self) {
        self.collect();
        let left = self.shared.sendable();
        self.read_ahead.adapt(left, left == 0 && self.has_outcome());
    }

    /// How many requests may be taken from the input now.
    pub(crate) fn room(&self) -> usize {
        self.free().min(self.read_ahead.room(self.shared.sendable()))
    }

    /// How many requests `queue_max_size` allows.
    pub(crate) fn free(&self) -> usize {
        if !self.input_open || self.is_cancelled() {
            return 0;
        }
        let outstanding =
            usize::try_from(self.receipt.outstanding).unwrap_or(usize::MAX).saturating_add(self.held);
        self.shared.config.queue_max_size.saturating_sub(outstanding)
    }

    pub(crate) fn submit(&mut self, mut request: Request<T>) {
        let number = self.receipt.submit();
        let config = &self.shared.config;
        request.complete(&config.params, &config.body);
        let label = request.label.take();
        let planned = self
            .planner
            .plan(request)
            .and_then(|job| claimed(job, &mut self.destinations, label, number))
            .and_then(|job| authorized(job, config.authorize.as_ref()));
        match planned {
            Ok(mut job) => {
                job.number = number;
                if config.idempotency_keys {
                    job.add_idempotency_key(&mut self.random);
                }
                self.refreshes |= job.is_refreshable();
                self.questions |= job.retry_if(config.retry_if.as_ref()).is_some();
                self.shared.push(job);
            }
            Err((tag, error)) => {
                let result = Err(error);
                let outcome =
                    Outcome { tag, attempts: 0, retry_denied: false, elapsed: Duration::ZERO, result };
                self.waiting.refuse(number, outcome);
            }
        }
    }

    /// Takes a request that came out of the input too late, as the run has ended early: it ends as those that
    /// were taken before it, by the deadline, or cancelled.
    pub(crate) fn give_up(&mut self, request: Request<T>) {
        if matches!(self.stopped(), Some(Stop::Deadline(_))) && !self.is_cancelled() {
            return self.submit(request);
        }
        let number = self.receipt.cancel_unsent();
        if self.given_up.len() < unfinished::KEPT {
            self.given_up.push(Left { number, tag: request.tag, was_sent: false });
        }
    }

    /// Says that there is something to look at.
    pub(crate) fn nudge(&self) {
        self.shared.completions.nudge();
    }

    /// Sends those jobs back that want a fresh header of the user's function, which is called here because
    /// it may belong to this thread. Returns the others.
    fn refresh(&mut self, jobs: Vec<Box<Job<T>>>) -> Vec<Box<Job<T>>> {
        let (stale, mut ended): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.authorization == Authorization::Stale && job.end.is_none());
        for mut job in stale {
            match job.authorize(self.shared.config.authorize.as_ref()) {
                Ok(()) => self.shared.push(job),
                Err(error) => {
                    job.end(clock::now(), Err(error));
                    ended.push(job);
                }
            }
        }
        ended
    }

    /// Sends those jobs back of whose answer the user's function says so, which is called here because it may
    /// belong to this thread. Returns the others.
    fn question(&mut self, jobs: Vec<Box<Job<T>>>) -> Vec<Box<Job<T>>> {
        let (questioned, mut ended): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.is_questioned);
        let mut judged = Vec::new();
        for mut job in questioned {
            job.is_questioned = false;
            // Nobody is left to send anything once the run has ended.
            let said = !self.shared.is_cancelled();
            match said.then(|| job.asks_for_another(self.shared.config.retry_if.as_ref())) {
                Some(Ok(true)) => judged.extend(self.send_again(job)),
                None | Some(Ok(false)) => judged.push(job),
                Some(Err(error)) => {
                    job.end(clock::now(), Err(error));
                    judged.push(job);
                }
            }
        }
        self.shared.judge(&judged);
        ended.extend(judged);
        ended
    }

    /// Sends a job again after its answer, and gives it back where its time is over or the retry budget is.
    fn send_again(&mut self, mut job: Box<Job<T>>) -> Option<Box<Job<T>>> {
        let now = clock::now();
        let Some(Ok(answer)) = job.end.as_ref().map(|end| &end.result) else { return Some(job) };
        let asked = retry_after(&answer.headers, clock::date);
        let ending = Ending::Answered { status: answer.status, says_when: asked.is_some() };
        let wait = self.shared.config.retry.wait(job.attempts, self.random.f64());
        let due = now + wait.max(asked.unwrap_or_default());
        if !self.shared.allows_retry(&mut job, now, due, ending.is_wish_to_wait()) {
            return Some(job);
        }
        if let Some(wait) = asked {
            self.shared.hold(&job.target.origin, wait, now);
        }
        job.end = None;
        job.end_attempt();
        self.shared.push_at(due, job);
        None
    }

    pub(crate) fn close_input(&mut self) {
        self.input_open = false;
        self.shared.close_input();
    }

    /// Nothing is done and no event loop is left: had they not handed over all they held, waiting would
    /// never end.
    fn refuse_loss(&self) {
        let lost = self.shared.is_dead() && self.receipt.outstanding > 0 && !self.has_news();
        // One that was cancelled just now has no event loop either.
        assert!(!lost || self.is_cancelled(), "patata lost {} requests", self.receipt.outstanding);
    }

    pub(crate) fn wait(&self, limit: Duration) {
        self.shared.completions.wait(limit);
    }

    pub(crate) fn register(&self, waker: &Waker) -> bool {
        self.shared.completions.register(waker)
    }

    pub(crate) fn hold(&mut self, outcomes: usize) {
        self.held = outcomes;
    }

    pub(crate) fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Why the run has ended by itself.
    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.shared.stopped()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    /// Ends the run and waits for its threads.
    pub(crate) fn stop(&mut self) {
        self.shared.cancel();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on stderr, and its jobs have become outcomes.
            let _ = thread.join();
        }
        self.input_open = false;
    }

    /// Ends the run and returns its accounts: what was not done counts as cancelled.
    pub(crate) fn cancel(&mut self) -> Receipt {
        self.end();
        std::mem::take(&mut self.receipt)
    }

    /// Ends the run: what was not done counts as cancelled.
    pub(crate) fn end(&mut self) {
        self.stop();
        self.write_off();
    }

    /// Gathers what a run that has ended leaves, for the accounts.
    fn write_off(&mut self) {
        if self.receipt.outstanding == 0 && self.given_up.is_empty() {
            return;
        }
        let mut left = self.waiting.drain();
        left.extend(self.shared.take_left().into_iter().map(|job| Left::from(*job)));
        let unsent = left.iter().filter(|left| !left.was_sent).count() as u64;
        left.append(&mut self.given_up);
        self.unfinished.add(left);
        self.receipt.cancel_rest(unsent);
        self.note_files();
    }

    /// Takes over what the event loops say of bodies and files.
    fn note_files(&mut self) {
        self.receipt.not_resent = self.shared.not_resent.load(Ordering::Relaxed);
        let removed = self.shared.parts.take_removed();
        self.receipt.removed_parts += removed.count;
        if removed.count > 0 {
            self.receipt.removed_parts_in = Some(removed.folder);
        }
    }

    /// What the run has ended without.
    pub(crate) fn unfinished(&self) -> &Unfinished<T> {
        &self.unfinished
    }
}

impl<T> Drop for Caller<T> {
    fn drop(&mut self) {
        self.stop();
    }
}
