//! The caller's side of a run, whichever way its requests come: plans them, keeps the accounts, hands out what
//! is done.

mod hops;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use crate::address::redacted::redacted;
use crate::clock;
use crate::config::retry_policy::Ending;
use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::engine::shared::Shared;
use crate::engine::{CallOptions, Engine};
use crate::error::Error;
use crate::job::call::Call;
use crate::job::planner::Planner;
use crate::job::{Authorization, Job};
use crate::report::progress::CallerNews;
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished::{self, Left, Unfinished};
use crate::request::Request;
use crate::request::priced::PricedRequest;
use crate::response::Outcome;
use crate::run::caching::Caching;
use crate::run::control::Control;
use crate::run::destinations::Destinations;
use crate::run::outbox::Outbox;
use crate::run::read_ahead::ReadAhead;
use crate::run::robots::RobotsGate;
use crate::schedule::retry_after::retry_after;

/// So often, in outcomes, it is said how far the run has come: what threads share is costly to write.
const PUBLISHED: u64 = 64;

/// How long the end of a run may wait for files that are being written.
const PARTS_GO: Duration = Duration::from_secs(5);
/// How often a caller that waits for its jobs looks whether anybody is there to give them back.
const LOOK: Duration = Duration::from_secs(1);

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
    engine: Arc<Shared>,
    call: Arc<Call>,
    /// The client's engine, which stays as long as its calls.
    _owner: Option<Arc<Engine>>,
    /// The tags of the jobs that are not here.
    tags: Slab<T>,
    /// What has just come back; empty between calls of methods.
    taken: Vec<Box<Job>>,
    /// What has ended and has not been handed out.
    outbox: Outbox<T>,
    receipt: Receipt,
    /// What comes to no outcome: as it was taken in too late to be sent, or as the call had ended.
    late: Vec<Left<T>>,
    left: Vec<Left<T>>,
    unfinished: Unfinished<T>,
    input_open: bool,
    /// Outcomes that the caller has taken and not yet handed on.
    held: usize,
    read_ahead: ReadAhead,
    /// Whether a job may come back for a fresh header.
    refreshes: bool,
    /// Whether one may come back to be judged by the user's `retry_if`.
    questions: bool,
    /// Whether each costs something, by the user's function or as there are budgets.
    prices: bool,
    random: fastrand::Rng,
    /// Where responses go that are saved.
    destinations: Destinations,
    /// What may answer requests before they are sent.
    caching: Option<Box<Caching>>,
    /// What `robots.txt` allows.
    robots: Option<Box<RobotsGate>>,
    /// Whether the engine has been told that the call is over.
    is_finished: bool,
}

impl<T> Caller<T> {
    /// Begins a call of an engine.
    pub(crate) fn start(owner: &Arc<Engine>, options: &CallOptions) -> Self {
        let (engine, call) = owner.begin_call(options);
        Self::over(engine, call, Some(owner.clone()))
    }

    /// The caller's side of a call that has begun.
    pub(crate) fn over(engine: Arc<Shared>, call: Arc<Call>, owner: Option<Arc<Engine>>) -> Self {
        let config = &call.config;
        Self {
            planner: Planner::new(engine.hasher.clone()),
            tags: Slab::new(),
            taken: Vec::new(),
            outbox: Outbox::new(config.ordered),
            receipt: Receipt::default(),
            late: Vec::new(),
            left: Vec::new(),
            unfinished: Unfinished::default(),
            input_open: true,
            held: 0,
            read_ahead: ReadAhead::new(engine.connections_for(&call), config.input_chunk_size),
            refreshes: false,
            questions: false,
            prices: config.estimate.is_some()
                || config.limits.budgets.is_some()
                || engine.config.limits.is_budgeted(),
            random: config.random(config.num_workers + usize::try_from(call.number).unwrap_or_default()),
            destinations: Destinations::default(),
            caching: Caching::new(config),
            robots: RobotsGate::new(config),
            is_finished: false,
            engine,
            call,
            _owner: owner,
        }
    }

    pub(crate) fn control(&self) -> Control {
        Control::new(self.engine.clone(), self.call.clone())
    }

    /// The next outcome, of those that have been collected.
    pub(crate) fn step(&mut self) -> Step<T> {
        if let Some(outcome) = self.outbox.pop() {
            return self.hand_out(outcome);
        }
        if self.is_cancelled() {
            self.stop();
            return self.step_to_the_end();
        }
        self.publish();
        if !self.input_open && self.receipt.outstanding == 0 {
            self.finish();
            return Step::End;
        }
        self.refuse_loss();
        Step::Wait
    }

    /// A run that has ended by itself yields what is done; one that was cancelled is not asked for that.
    fn step_to_the_end(&mut self) -> Step<T> {
        if self.stopped().is_some() {
            self.outbox.give_up_order();
            if let Some(outcome) = self.outbox.pop() {
                return self.hand_out(outcome);
            }
        }
        self.write_off();
        self.publish();
        Step::End
    }

    fn hand_out(&mut self, outcome: Outcome<T>) -> Step<T> {
        self.receipt.settle(&outcome, &self.call.config.ok_statuses);
        if self.call.config.settle.is_some() {
            // Apart, as what is to be changed is copied once more.
            return self.hand_out_settled(outcome);
        }
        self.publish_now_and_then();
        Step::Outcome(outcome)
    }

    #[cold]
    fn hand_out_settled(&mut self, mut outcome: Outcome<T>) -> Step<T> {
        self.settle_by_function(&mut outcome);
        self.publish_now_and_then();
        Step::Outcome(outcome)
    }

    fn publish_now_and_then(&mut self) {
        if (self.receipt.ok + self.receipt.failed).is_multiple_of(PUBLISHED) {
            self.publish();
        }
    }

    /// Has the user's function say what a request did cost, where there is one. It is called here because it may belong to
    /// this thread.
    fn settle_by_function(&mut self, outcome: &mut Outcome<T>) {
        let Some(settle) = &self.call.config.settle else { return };
        let Ok(response) = &outcome.result else { return };
        let actual = settle.of(response);
        match &mut outcome.charge {
            Some(charge) => self.settle_charge(charge, &actual),
            None => self.settle_charge(&mut Charge::default(), &actual),
        }
    }

    /// Sets right what a request did cost; done once, whoever says it first.
    pub(crate) fn settle(&mut self, mut charge: Box<Charge>, actual: &Costs) {
        self.settle_charge(&mut charge, actual);
    }

    fn settle_charge(&mut self, charge: &mut Charge, actual: &Costs) {
        if charge.last.is_some() {
            self.engine.settle_costs(&self.call, charge, actual);
        }
        // Where no budget has counted it, it is still in the accounts.
        if charge.last.take().is_some() || charge.sendings == 0 {
            self.receipt.settle_costs(charge, actual);
        }
    }

    /// Whether there is an outcome to hand out, of those that have been collected.
    pub(crate) fn has_outcome(&self) -> bool {
        self.outbox.is_ready()
    }

    /// Whether something has come that was not collected: outcomes, or an event loop's call for more input.
    pub(crate) fn has_news(&self) -> bool {
        self.call.completions.has_news()
    }

    /// Takes over what the event loops have done.
    pub(crate) fn collect(&mut self) {
        if self.input_open && self.call.timeouts.run.is_some() && self.call.is_overdue(clock::now()) {
            // What is left of the input stays there.
            self.close_input();
            let limit = self.call.config.deadline.unwrap_or_default();
            self.call.stop(Stop::Deadline(limit));
        }
        self.take();
        if !self.is_cancelled() {
            if self.refreshes {
                self.refresh();
            }
            if self.questions {
                self.question();
            }
            if self.caching.is_some() {
                self.learn();
            }
            if self.robots.is_some() {
                self.obey();
            }
            for job in self.taken.drain(..) {
                let tag = self.tags.remove(job.asked.slot);
                self.outbox.insert(job, tag);
            }
        }
        self.publish();
    }

    /// Takes over what has come back. Once the call has ended, nothing more is done with it.
    fn take(&mut self) {
        self.call.completions.take_into(&mut self.taken);
        if self.is_cancelled() {
            self.set_apart();
        }
    }

    /// Takes over what comes back once the call has ended: what had come to its end by itself may be an outcome, and the
    /// rest is left.
    fn set_apart(&mut self) {
        if let Some(caching) = &mut self.caching {
            self.taken.append(&mut caching.take_waiting());
        }
        if let Some(robots) = &mut self.robots {
            self.taken.append(&mut robots.take_waiting());
            self.taken.extract_if(.., |job| job.asked.is_internal()).for_each(|job| robots.forget(&job));
        }
        for job in self.taken.drain(..) {
            let tag = self.tags.remove(job.asked.slot);
            if job.end.is_some() && !job.attempt.is_undecided() {
                self.outbox.insert(job, tag);
            } else {
                self.left.push(Left { number: job.asked.number, tag, was_sent: job.attempt.was_sent });
            }
        }
    }

    /// Says whether this thread is with the input just now.
    pub(crate) fn note_taking(&self, is_taking: bool) {
        self.call.board.publish_taking(is_taking);
    }

    /// Whether all that was taken has been handed out, and there may be more.
    pub(crate) fn is_without_work(&self) -> bool {
        self.input_open && self.receipt.outstanding == 0 && self.held == 0
    }

    /// Says how far the run has come.
    fn publish(&mut self) {
        self.note_waits();
        let Receipt { submitted, ok, failed, .. } = self.receipt;
        let news = CallerNews { submitted, done: ok + failed, failed, has_outcome: self.outbox.is_ready() };
        self.call.board.publish(news);
    }

    /// Takes over for how long budgets have kept the call waiting.
    fn note_waits(&mut self) {
        if let Some(waits) = self.call.waits() {
            self.receipt.budget_waits = waits.totals(clock::now());
        }
    }

    /// Says how far the run has come, after having been away: adapts how far the input goes ahead.
    pub(crate) fn come_back(&mut self) {
        self.collect();
        let left = self.engine.ahead(&self.call);
        self.read_ahead.adapt(left, left == 0 && self.has_outcome());
    }

    /// How many requests may be taken from the input now.
    pub(crate) fn room(&self) -> usize {
        self.free().min(self.read_ahead.room(self.engine.ahead(&self.call)))
    }

    /// How many requests `queue_max_size` allows.
    pub(crate) fn free(&self) -> usize {
        if !self.input_open || self.is_cancelled() {
            return 0;
        }
        let outstanding =
            usize::try_from(self.receipt.outstanding).unwrap_or(usize::MAX).saturating_add(self.held);
        self.call.config.queue_max_size.saturating_sub(outstanding)
    }

    pub(crate) fn submit(&mut self, mut request: Request<T>) {
        let number = self.receipt.submit();
        let config = &self.call.config;
        request.complete(&config.params, &config.body);
        let label = request.label.take();
        let planned = self.planner.plan(request, &self.call).and_then(|(tag, mut job)| {
            job.asked.number = number;
            match self.prepare(&mut job, label) {
                Ok(()) => Ok((tag, job)),
                Err(error) => Err((tag, error.at(job.target))),
            }
        });
        match planned {
            Ok((tag, mut job)) => {
                job.asked.slot = self.tags.insert(tag);
                match self.caching.is_some() || self.robots.is_some() {
                    false => self.engine.push(job),
                    true => self.consult(job, true),
                }
            }
            Err((tag, error)) => self.refuse(number, tag, error),
        }
    }

    /// A request comes to its end before any I/O.
    fn refuse(&mut self, number: u64, tag: T, error: Error) {
        let result = Err(error);
        let (elapsed, charge) = (Duration::ZERO, None);
        let outcome = Outcome { tag, attempts: 0, retry_denied: false, elapsed, charge, result };
        self.outbox.refuse(number, outcome);
    }

    /// Gives a job what it needs besides the plan.
    ///
    /// # Errors
    /// Its response would go to another one's file, or the user's auth function fails.
    fn prepare(&mut self, job: &mut Job, label: Option<Box<str>>) -> Result<(), Error> {
        if let Some(path) = &job.asked.stream_to {
            let label = label.unwrap_or_else(|| job.asked.number.to_string().into());
            self.destinations.claim(path, &label)?;
        }
        job.authorize()?;
        if self.prices || job.ticket.charge.is_some() {
            self.price(job)?;
        }
        if job.call.config.idempotency_keys {
            job.add_idempotency_key(&mut self.random);
        }
        self.refreshes |= job.is_refreshable();
        self.questions |= job.retry_if().is_some();
        Ok(())
    }

    /// Finds out what a job costs, and whether there is a budget that holds so much.
    ///
    /// # Errors
    /// There is none, or the user's function fails.
    fn price(&self, job: &mut Job) -> Result<(), Error> {
        let charge = match (&mut job.ticket.charge, &job.call.config.estimate) {
            (Some(charge), _) => charge,
            (none, Some(estimate)) => {
                let request = PricedRequest {
                    method: &job.message.method,
                    body: job.message.body.as_bytes().map(|body| &**body),
                    target: &job.target,
                };
                none.insert(Box::new(Charge::new(estimate.of(&request)?)))
            }
            // Made by the thread that lets go of it, which takes half as long as between two threads.
            (none, None) => {
                *none = Some(Box::default());
                return Ok(());
            }
        };
        self.engine.check_costs(&self.call, &charge.estimate).map_err(Error::invalid)
    }

    /// Takes a request that came out of the input too late, as the run has ended early: it ends as those that
    /// were taken before it, by the deadline, or cancelled.
    pub(crate) fn give_up(&mut self, request: Request<T>) {
        if matches!(self.stopped(), Some(Stop::Deadline(_))) && !self.is_cancelled() {
            let number = self.receipt.submit();
            let error = Error::too_late().at_deadline().at(redacted(&request.url));
            return self.refuse(number, request.tag, error);
        }
        let number = self.receipt.cancel_unsent();
        self.late.push(Left { number, tag: request.tag, was_sent: false });
        self.late.truncate(unfinished::KEPT);
    }

    /// Says that there is something to look at.
    pub(crate) fn nudge(&self) {
        self.call.completions.nudge();
    }

    /// Sends those jobs back that want a fresh header of the user's function, which is called here because
    /// it may belong to this thread.
    fn refresh(&mut self) {
        let is_stale =
            |job: &mut Box<Job>| job.attempt.authorization == Authorization::Stale && job.end.is_none();
        let stale: Vec<_> = self.taken.extract_if(.., is_stale).collect();
        for mut job in stale {
            match job.authorize() {
                Ok(()) => self.engine.push(job),
                Err(error) => {
                    job.end(clock::now(), Err(error));
                    self.taken.push(job);
                }
            }
        }
    }

    /// Sends those jobs back of whose answer the user's function says so, which is called here because it may
    /// belong to this thread.
    fn question(&mut self) {
        let questioned: Vec<_> = self.taken.extract_if(.., |job| job.attempt.is_questioned).collect();
        let mut judged = Vec::new();
        for mut job in questioned {
            job.attempt.is_questioned = false;
            // Nobody is left to send anything once the run has ended; and what the user has not asked is no question.
            let is_asked_by_cache = self.caching.as_ref().is_some_and(|caching| caching.has_asked(&job));
            let said = !(self.is_cancelled() || is_asked_by_cache || job.asked.is_internal());
            match said.then(|| job.asks_for_another()) {
                Some(Ok(true)) => judged.extend(self.send_again(job)),
                None | Some(Ok(false)) => judged.push(job),
                Some(Err(error)) => {
                    job.end(clock::now(), Err(error));
                    judged.push(job);
                }
            }
        }
        if self.call.judge(judged.iter().map(|job| &**job)) {
            self.engine.end_call(&self.call);
        }
        self.taken.append(&mut judged);
    }

    /// Sends a job again after its answer, and gives it back where its time is over or the retry budget is.
    fn send_again(&mut self, mut job: Box<Job>) -> Option<Box<Job>> {
        let now = clock::now();
        let Some(Ok(answer)) = job.end.as_ref().map(|end| &end.result) else { return Some(job) };
        let asked = retry_after(&answer.headers, clock::date);
        let says_when = asked.is_some();
        let ending = Ending::Answered { status: answer.status, says_when, should_retry: None };
        let wait = self.call.config.retry.wait(job.attempt.number, self.random.f64());
        let due = now + wait.max(asked.unwrap_or_default());
        if !self.engine.allows_retry(&mut job, now, due, ending.is_wish_to_wait()) {
            return Some(job);
        }
        if let Some(wait) = asked {
            self.engine.hold(&job.target.origin, wait, now);
        }
        job.end = None;
        job.end_attempt();
        self.engine.push_at(due, job);
        None
    }

    pub(crate) fn close_input(&mut self) {
        self.input_open = false;
        self.call.close_input();
    }

    /// Nothing is done and no event loop is left: had they not handed over all they held, waiting would
    /// never end.
    fn refuse_loss(&self) {
        let lost = self.engine.is_dead() && self.receipt.outstanding > 0 && !self.has_news();
        // One that was cancelled just now has no event loop either.
        assert!(!lost || self.is_cancelled(), "patata lost {} requests", self.receipt.outstanding);
    }

    pub(crate) fn wait(&self, limit: Duration) {
        self.call.completions.wait(limit);
    }

    pub(crate) fn register(&self, waker: &Waker) -> bool {
        self.call.completions.register(waker)
    }

    pub(crate) fn hold(&mut self, outcomes: usize) {
        self.held = outcomes;
    }

    /// States how many of the requests that were taken have joined the run while it was under way.
    pub(crate) fn note_followed(&mut self, followed: u64) {
        self.receipt.followed = followed;
    }

    pub(crate) fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Why the run has ended by itself.
    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.call.stopped()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.call.is_ended()
    }

    /// Ends the call, and waits until all of its jobs are here.
    pub(crate) fn stop(&mut self) {
        self.input_open = false;
        if std::mem::replace(&mut self.is_finished, true) {
            return;
        }
        self.engine.end_call(&self.call);
        loop {
            self.take();
            let is_fetching = self.robots.as_ref().is_some_and(|robots| robots.is_fetching());
            if (self.tags.is_empty() && !is_fetching) || self.engine.is_dead() {
                break;
            }
            self.call.completions.wait(LOOK);
        }
        self.note_waits();
        // What was being saved goes, before the process may end.
        self.call.parts.wait(PARTS_GO);
    }

    /// All is done.
    fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) {
            self.engine.finish_call(&self.call);
            self.note_waits();
            self.note_files();
            self.receipt.cache_trouble = self.caching.as_ref().and_then(|caching| caching.take_trouble());
        }
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
        if self.receipt.outstanding == 0 && self.late.is_empty() {
            return;
        }
        let mut left = self.outbox.drain();
        left.append(&mut self.left);
        let unsent = left.iter().filter(|left| !left.was_sent).count() as u64;
        left.append(&mut self.late);
        self.unfinished.add(left);
        self.receipt.cancel_rest(unsent);
        self.note_files();
    }

    /// Takes over what the event loops say of bodies and files.
    fn note_files(&mut self) {
        self.receipt.not_resent = self.call.not_resent.load(Ordering::Relaxed);
        let removed = self.call.parts.take_removed();
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
