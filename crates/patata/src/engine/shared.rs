//! What the event loops of one engine, and the callers of its calls, have in common.

use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::address::target::Origin;
use crate::clock;
use crate::config::Config;
use crate::config::allotment::{Allotment, Lessee, Wanted};
use crate::config::limits::Limits;
use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::engine::routes::{Route, Routes};
use crate::job::Job;
use crate::job::call::Call;
use crate::report::progress::{Bottleneck, CallerNews, Progress};
use crate::report::stall::InputWait;
use crate::report::stop::Stop;
use crate::schedule::trouble::Refused;
use crate::schedule::{Release, Room, Schedule};

/// The schedule, and the flags by which threads tell each other what happens.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The client's.
    pub(crate) config: Arc<Config>,
    pub(crate) hasher: RandomState,
    pub(crate) routes: Routes,
    /// Connections that each event loop may keep for further requests.
    pub(crate) kept_by_each: usize,
    state: Mutex<State>,
    event_loops: Vec<Mailbox>,
    /// Connections that may be in use, over all event loops.
    connections: AtomicUsize,
    /// Calls that have begun.
    begun: AtomicU64,
    /// Calls that have ended before all of their jobs had: event loops look for these when there is one more.
    cut_short: AtomicU64,
    /// Whether the engine goes, and its event loops with it.
    is_closing: AtomicBool,
    /// Whether event loops end as soon as there is no call, instead of waiting for the next one.
    is_resting: AtomicBool,
    /// Whether there is a host of which something has failed since its last answer.
    has_suspects: AtomicBool,
}

/// What is under the lock.
#[derive(Debug)]
struct State {
    schedule: Schedule,
    stages: Vec<Stage>,
    /// Why one of the event loops could not begin, and whether another one could.
    false_start: Option<String>,
    has_begun: bool,
}

/// How far an event loop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has no thread.
    Absent,
    /// Its thread is being started.
    Starting,
    Running,
}

/// By what others reach an event loop, and what they see of it.
#[derive(Debug, Default)]
struct Mailbox {
    wake_up: Notify,
    /// Connections that it has.
    connections: AtomicUsize,
}

/// What an event loop has taken, and what it should know.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Jobs that cannot be sent any more, as their time is over.
    pub(crate) expired: Vec<Box<Job>>,
    /// Jobs of hosts that are not there, and those that cannot be paid.
    pub(crate) refused: Vec<Refused>,
    /// When there may be more.
    pub(crate) due: Option<Instant>,
}

impl State {
    /// Whether no event loop is there, nor comes.
    fn is_dead(&self) -> bool {
        self.stages.iter().all(|stage| *stage == Stage::Absent)
    }

    /// An event loop has no thread any more: others do its work.
    fn note_gone(&mut self, event_loop: usize) {
        self.stages[event_loop] = Stage::Absent;
        self.schedule.note_gone(event_loop);
    }
}

impl Shared {
    pub(crate) fn new(config: Arc<Config>, route: Route) -> Self {
        let event_loops = config.event_loops();
        let schedule = Schedule::new(config.limits.clone(), config.default_connections(), event_loops);
        Self {
            hasher: RandomState::new(),
            routes: Routes::new(route),
            kept_by_each: config.most_kept() / event_loops,
            connections: AtomicUsize::new(schedule.connections()),
            state: Mutex::new(State {
                schedule,
                stages: vec![Stage::Absent; event_loops],
                false_start: None,
                has_begun: false,
            }),
            event_loops: (0..event_loops).map(|_| Mailbox::default()).collect(),
            begun: AtomicU64::new(0),
            cut_short: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            is_resting: AtomicBool::new(false),
            has_suspects: AtomicBool::new(false),
            config,
        }
    }

    /// What uses the client's part of a shared budget, where it has one.
    pub(crate) fn attached(mut config: Arc<Config>, route: Route) -> Arc<Self> {
        let other = config.limits.allotment.as_ref().and_then(Allotment::of_this_process);
        if other.is_some() {
            Arc::make_mut(&mut config).limits.allotment = other;
        }
        let shared = Arc::new(Self::new(config, route));
        if let Some(allotment) = &shared.config.limits.allotment {
            let lessee: Weak<Self> = Arc::downgrade(&shared);
            allotment.attach(lessee);
        }
        shared
    }

    /// Begins a call. Returns it, and the event loops that must be started for it.
    pub(crate) fn begin_call(&self, config: Arc<Config>, route: usize) -> (Arc<Call>, Vec<usize>) {
        if let Some(allotment) = &self.config.limits.allotment {
            allotment.open();
        }
        let mut state = self.state();
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let call = state.schedule.begin(|place| Arc::new(Call::new(number, place, route, config)));
        self.is_resting.store(false, Ordering::Relaxed);
        self.note_connections(&state);
        if state.is_dead() {
            (state.false_start, state.has_begun) = (None, false);
        }
        let absent = |(_, stage): &(usize, &mut Stage)| **stage == Stage::Absent;
        let missing = state.stages.iter_mut().enumerate().filter(absent);
        let missing = missing.map(|(index, stage)| {
            *stage = Stage::Starting;
            index
        });
        (call, missing.collect())
    }

    /// Counts a call as over, of which no job is left.
    pub(crate) fn finish_call(&self, call: &Call) {
        self.change(|schedule| schedule.finish(call));
    }

    /// Ends a call: what is left of its jobs is handed to its caller as it is.
    pub(crate) fn end_call(&self, call: &Call) {
        if !call.end() {
            return;
        }
        call.completions.send(self.change(|schedule| schedule.end(call)));
        self.cut_short.fetch_add(1, Ordering::Release);
        self.wake_all();
    }

    /// Gives a call other limits, which hold at once. `false` where it has ended.
    pub(crate) fn limit(&self, call: &Call, change: impl FnOnce(&mut Limits)) -> bool {
        let is_there = self.change(|schedule| schedule.limit(call, change));
        self.wake_all();
        is_there
    }

    /// Does what may change how many connections there may be.
    fn change<R>(&self, change: impl FnOnce(&mut Schedule) -> R) -> R {
        let mut state = self.state();
        let result = change(&mut state.schedule);
        self.note_connections(&state);
        result
    }

    /// Publishes how many connections there may be. Where these are others than before, all event loops have a look:
    /// one that had none was not told of jobs.
    fn note_connections(&self, state: &State) {
        let connections = state.schedule.connections();
        if self.connections.swap(connections, Ordering::Relaxed) != connections {
            self.wake_all();
        }
    }

    /// How many connections an event loop may have in use: all of them together have what there may be in all.
    pub(crate) fn connections_of(&self, event_loop: usize) -> usize {
        let (total, count) = (self.connections.load(Ordering::Relaxed), self.event_loops.len());
        total / count + usize::from(event_loop < total % count)
    }

    /// How many connections a call may have in use, by what it says itself, or else with all others.
    pub(crate) fn connections_for(&self, call: &Call) -> usize {
        call.config.limits.most().unwrap_or_else(|| self.connections.load(Ordering::Relaxed))
    }

    /// How many calls have been cut short so far.
    pub(crate) fn cut_short(&self) -> u64 {
        self.cut_short.load(Ordering::Acquire)
    }

    /// How many calls have begun so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether no call is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.state().schedule.is_idle()
    }

    /// Whether event loops end now, unless there is a call.
    pub(crate) fn is_resting(&self) -> bool {
        self.is_resting.load(Ordering::Relaxed)
    }

    /// Ends the event loops now, unless there is a call.
    pub(crate) fn rest(&self) {
        {
            // As long as there is a call, nobody rests.
            let state = self.state();
            self.is_resting.store(state.schedule.is_idle(), Ordering::Relaxed);
        }
        self.wake_all();
    }

    /// The calls that are under way.
    pub(crate) fn calls(&self) -> Vec<Arc<Call>> {
        self.state().schedule.calls().cloned().collect()
    }

    /// Makes a job ready, and wakes an event loop that has room for it.
    pub(crate) fn push(&self, job: Box<Job>) {
        let mut state = self.state();
        let pushed = state.schedule.push(job);
        self.after_push(state, pushed);
    }

    /// The same at a later time.
    pub(crate) fn push_at(&self, due: Instant, job: Box<Job>) {
        let mut state = self.state();
        let pushed = state.schedule.push_at(due, job);
        self.after_push(state, pushed);
    }

    fn after_push(&self, mut state: MutexGuard<'_, State>, pushed: Result<Option<usize>, Box<Job>>) {
        let mut lost = if state.is_dead() { state.schedule.drain() } else { Vec::new() };
        drop(state);
        match pushed {
            Ok(Some(event_loop)) => self.wake(event_loop),
            Ok(None) => {}
            Err(job) => lost.push(job),
        }
        hand_back(&mut lost, |_, _| ());
    }

    /// Whether a job may be sent again at `due`: its time is not over by then, and the retry budgets, in which it
    /// then counts unless the server wishes for it, have room for it. Notes where a budget has none.
    pub(crate) fn allows_retry(&self, job: &mut Job, now: Instant, due: Instant, is_wish: bool) -> bool {
        let is_over = |limit: Option<Instant>| limit.is_some_and(|limit| limit <= due);
        if is_over(job.attempt.expires) || is_over(job.call.timeouts.run) {
            return false;
        }
        job.attempt.is_retry_denied = !is_wish && !self.state().schedule.allows_retry(&job.call, now);
        !job.attempt.is_retry_denied
    }

    /// Counts a request that is sent once more without going through the schedule. Says until when it must wait.
    pub(crate) fn count_anew(&self, job: &Job, now: Instant) -> Option<Instant> {
        let has_rates = |limits: &Limits| !limits.rates.is_empty() || !limits.rates_per_host.is_empty();
        let is_counted = has_rates(&self.config.limits) || job.call.is_limited.load(Ordering::Relaxed);
        is_counted.then(|| self.state().schedule.count_anew(&job.call, &job.target.origin, now)).flatten()
    }

    /// Whether what a request costs can be paid at all.
    ///
    /// # Errors
    /// Names the unit that there is no budget of, or that does not hold so much.
    pub(crate) fn check_costs(&self, call: &Call, costs: &Costs) -> Result<(), String> {
        self.state().schedule.check_costs(call, costs)
    }

    /// Sets right what a request did cost that has been charged.
    pub(crate) fn settle_costs(&self, call: &Call, charge: &Charge, actual: &Costs) {
        let woken = self.state().schedule.settle_costs(call, charge, actual, clock::now());
        if let Some(event_loop) = woken {
            self.wake(event_loop);
        }
    }

    /// Gives back what a job was charged the last time, which did not take place.
    pub(crate) fn give_back(&self, job: &mut Job, now: Instant) {
        let Some(charge) = &mut job.ticket.charge else { return };
        let Some(sending) = charge.take_back() else { return };
        let woken = self.state().schedule.give_back(&job.call, &charge.estimate, &sending, now);
        if let Some(event_loop) = woken {
            self.wake(event_loop);
        }
    }

    /// A host is left alone for as long as it asks.
    pub(crate) fn hold(&self, origin: &Arc<Origin>, wait: Duration, now: Instant) {
        let release = Release { retry_after: Some(wait), ..Release::new(origin.clone()) };
        self.state().schedule.release(release, now);
    }

    /// A host is sent requests so far apart from now on.
    pub(crate) fn keep_apart(&self, origin: &Arc<Origin>, interval: Duration) {
        self.state().schedule.keep_apart(origin, interval);
    }

    /// Adds as many jobs to `jobs` as an event loop has room for, which first gives back what is no longer in flight. One that
    /// gets fewer is woken as soon as there is another, and callers are asked for more input.
    pub(crate) fn take(
        &self,
        event_loop: usize,
        room: Room,
        now: Instant,
        released: &mut Vec<Release>,
        jobs: &mut Vec<Box<Job>>,
    ) -> Taken {
        let mut overdue = Vec::new();
        let (prospect, expired, refused) = {
            let mut state = self.state();
            self.release_all(&mut state.schedule, released, now);
            let expired = state.schedule.expire(now, &mut overdue);
            state.schedule.refuse_unpaid();
            let mut prospect = state.schedule.take(room, now, event_loop, jobs);
            let refused = state.schedule.take_refused();
            if state.schedule.has_unpayable() {
                // They are taken out with the next take.
                prospect.wake.push(event_loop);
            }
            (prospect, expired, refused)
        };
        for other in prospect.wake {
            self.wake(other);
        }
        // One whose time is over takes no more input.
        for call in prospect.hungry.iter().chain(&overdue) {
            call.completions.nudge();
        }
        Taken { expired, refused, due: prospect.due }
    }

    fn release_all(&self, schedule: &mut Schedule, released: &mut Vec<Release>, now: Instant) {
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
        job: &Job,
        now: Instant,
        was_probe: bool,
        cause: Arc<str>,
        released: &mut Vec<Release>,
    ) -> bool {
        let schedule = &mut self.state().schedule;
        self.release_all(schedule, released, now);
        let patience = job.call.config.patience;
        let may_wait = schedule.note_failure(&job.target.origin, now, was_probe, patience, cause);
        self.has_suspects.store(true, Ordering::Relaxed);
        may_wait
    }

    /// Whether answers are to be told of: there is a host of which something has failed since its last one.
    pub(crate) fn has_suspects(&self) -> bool {
        self.has_suspects.load(Ordering::Relaxed)
    }

    /// How far a call has come.
    pub(crate) fn progress(&self, call: &Call) -> Progress {
        let news = call.board.news();
        let outstanding = usize::try_from(news.submitted - news.done).unwrap_or(usize::MAX);
        let (hindrance, server_limit, granted, troubled_hosts) = {
            let (schedule, now) = (&self.state().schedule, clock::now());
            let hindrance = schedule.hindrance(call, now);
            let is_paced = matches!(hindrance, Some((Bottleneck::Rate, _)));
            let server_limit = if is_paced { schedule.binding_limit(call, now) } else { None };
            (hindrance, server_limit, schedule.granted(call), schedule.troubled())
        };
        let (hindrance, budget) = hindrance.unzip();
        let bottleneck = match hindrance {
            Some(hindrance) => hindrance,
            None if call.board.is_taking() => Bottleneck::Input,
            None if news.has_outcome || call.completions.has_jobs() => Bottleneck::Consumer,
            None if call.is_open() && outstanding < call.config.queue_max_size => Bottleneck::Input,
            None => Bottleneck::Server,
        };
        let CallerNews { submitted, done, failed, .. } = news;
        let (in_flight, budget) = (call.in_flight(), budget.flatten());
        Progress {
            submitted,
            done,
            failed,
            in_flight,
            bottleneck,
            server_limit,
            budget,
            granted,
            troubled_hosts,
        }
    }

    /// Which wait for its input it is, where a call waits for nothing else.
    pub(crate) fn input_wait(&self, call: &Call, now: Instant) -> Option<InputWait> {
        let turns = call.board.taking().filter(|_| call.in_flight() == 0)?;
        let schedule = &self.state().schedule;
        let jobs = schedule.pushed(call);
        schedule.hindrance(call, now).is_none().then_some(InputWait { turns, jobs })
    }

    /// Jobs of a call that could be sent and that no event loop has taken yet.
    pub(crate) fn ahead(&self, call: &Call) -> usize {
        self.state().schedule.ahead(call)
    }

    /// Whether no event loop is there, nor comes, so that nothing more will come.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().is_dead()
    }

    /// States that an event loop has begun.
    pub(crate) fn begin(&self, event_loop: usize) {
        let mut state = self.state();
        state.stages[event_loop] = Stage::Running;
        state.has_begun = true;
    }

    /// States why an event loop does not begin; the others do its work, where there are any.
    pub(crate) fn begin_falsely(&self, event_loop: usize, cause: &std::io::Error) {
        self.state().false_start = Some(cause.to_string());
        self.depart(event_loop);
    }

    /// Ends an event loop that has nothing to do. `false` where it has.
    pub(crate) fn retire(&self, event_loop: usize) -> bool {
        let mut state = self.state();
        let may = state.schedule.is_idle();
        if may {
            state.note_gone(event_loop);
        }
        may
    }

    /// Counts an event loop as ended. The last one hands over what nobody is left to send: without an end, which the
    /// caller reads as a failure. Where none has been able to begin, calls end at once.
    pub(crate) fn depart(&self, event_loop: usize) {
        let mut state = self.state();
        state.note_gone(event_loop);
        if !state.is_dead() || self.is_closing() {
            return;
        }
        let mut lost = state.schedule.drain();
        let calls: Vec<_> = state.schedule.calls().cloned().collect();
        let has_begun = state.has_begun;
        let false_start = state.false_start.take().filter(|_| !has_begun);
        drop(state);
        hand_back(&mut lost, |_, _| ());
        for call in &calls {
            if let Some(cause) = &false_start {
                call.stop(Stop::CannotStart(cause.clone()));
                self.end_call(call);
            }
            call.completions.nudge();
        }
    }

    /// Publishes how many connections an event loop has.
    pub(crate) fn publish_connections(&self, event_loop: usize, connections: usize) {
        self.event_loops[event_loop].connections.store(connections, Ordering::Relaxed);
    }

    /// Whether another event loop has connections.
    pub(crate) fn has_connections_beside(&self, event_loop: usize) -> bool {
        let mut others = self.event_loops.iter().enumerate().filter(|(index, _)| *index != event_loop);
        others.any(|(_, other)| other.connections.load(Ordering::Relaxed) > 0)
    }

    /// Ends all event loops.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.wake_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Asks an event loop for a turn.
    pub(crate) fn wake(&self, event_loop: usize) {
        self.event_loops[event_loop].wake_up.notify_one();
    }

    fn wake_all(&self) {
        for event_loop in &self.event_loops {
            event_loop.wake_up.notify_one();
        }
    }

    /// Waits until an event loop is asked for a turn.
    pub(crate) async fn woken(&self, event_loop: usize) {
        self.event_loops[event_loop].wake_up.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lessee for Shared {
    fn wake(&self) {
        self.wake_all();
    }

    fn add_wanted(&self, wanted: &mut Wanted) {
        self.state().schedule.add_wanted(wanted);
    }

    fn leave_alone(&self, server: &str, until: Instant) {
        let origin = url::Url::parse(server).ok().and_then(|url| Origin::of(&url, &self.hasher).ok());
        if let Some(origin) = origin {
            self.state().schedule.leave_alone(&Arc::new(origin), until);
        }
    }
}

/// Gives jobs to the callers of their calls, once `look` has seen those of each. None is left.
pub(crate) fn hand_back(jobs: &mut Vec<Box<Job>>, look: impl Fn(&Call, &[Box<Job>])) {
    jobs.sort_by_key(|job| job.call.number);
    while let Some(first) = jobs.first() {
        let call = first.call.clone();
        let count = jobs.partition_point(|job| job.call.number <= call.number);
        look(&call, &jobs[..count]);
        call.completions.send(jobs.drain(..count));
    }
}
