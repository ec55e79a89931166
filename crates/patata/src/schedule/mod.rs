//! Which job is next: hosts in fair turn, each within its limits, and what is delayed until it is due.

pub(crate) mod adaptive;
pub(crate) mod budget;
pub(crate) mod budgets;
mod calls;
mod ease_in;
pub(crate) mod health;
mod hindrance;
pub(crate) mod host;
mod lines;
mod pace;
pub(crate) mod pacer;
mod quota;
mod ready;
mod removal;
pub(crate) mod retry_after;
mod slowdown;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_budgets;
#[cfg(test)]
mod tests_of_calls;
mod timed;
pub(crate) mod told;
pub(crate) mod trouble;
mod turns;

use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::target::{ByOrigin, Origin};
use smallvec::SmallVec;

use crate::clock;
use crate::config::limits::Limits;
use crate::job::Job;
use crate::job::call::Call;
use adaptive::Verdict;
use budget::RetryBudget;
use budgets::{Allotted, Budgets};
use calls::Calls;
use host::{Answered, Host, Lesson, Standing};
use lines::Lines;
use pace::Pace;
use pacer::Heard;
use ready::{Block, Counted};
use timed::Timed;
use trouble::{Refused, Sign};

/// Hosts remembered before those are looked for that may be forgotten.
const SWEEP_AT: usize = 4096;

/// The share of requests that may be sent again, where neither client nor call says anything of it.
const USUAL_RETRY_BUDGET: f64 = 0.1;

/// A host may have so many times its even share of the connections before it has to give way.
const SHARES: usize = 2;
/// This part of an event loop's connections is kept from hosts that have more.
const RESERVED_PART: usize = 4;

/// The jobs of a client's calls that no event loop holds. Shared by all event loops behind a lock, so every
/// operation is short and jobs are taken in batches.
///
/// Hosts take turns, and within a host calls do. What the client is limited to holds for all calls together, and what
/// a call is limited to for that call besides.
///
/// The host with the fewest requests in flight is always next. So hosts share the connections evenly, and one that
/// is slow or dead has no more of them than the others leave: the jobs of such a one do not keep the input from
/// being read on, and a part of the connections is kept free of them.
#[derive(Debug)]
pub(crate) struct Schedule {
    limits: Limits,
    /// Whether it is counted for them what is sent to hosts that are well.
    is_counting: bool,
    /// Connections, over all event loops, and what is usual where nobody says how many.
    connections: usize,
    usual: usize,
    calls: Calls,
    hosts: ByOrigin<Host>,
    /// Hosts with ready jobs that may be sent, as far as is known.
    lines: Lines,
    sequence: u64,
    /// Hosts with ready jobs whose time has yet to come.
    waiting: BinaryHeap<Timed<Arc<Origin>>>,
    delayed: BinaryHeap<Timed<Box<Job>>>,
    /// Hosts that have jobs here or requests in flight.
    active_hosts: usize,
    /// Of all hosts together.
    pace: Pace,
    /// The same in other units.
    budgets: Option<Box<Budgets>>,
    /// What there is of a budget that others use too.
    allotted: Option<Box<Allotted>>,
    budget: Option<RetryBudget>,
    /// When the first of the jobs in here that have a time of their own must be over.
    expiry: Option<Instant>,
    sweep_at: usize,
    /// Hosts that have ever answered.
    answered: ByOrigin<()>,
    /// How many hosts there are of which something has failed since their last answer.
    suspects: usize,
    /// Jobs that are not sent.
    refused: Vec<Refused>,
}

/// The connections of an event loop, as far as they matter to what it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// As many jobs at the most.
    pub(crate) limit: usize,
    /// Free connections beyond these.
    pub(crate) spare: usize,
    /// Connections, free or not.
    pub(crate) connections: usize,
}

impl Room {
    /// Whether these are the last free connections, which are not for everyone, once so many jobs have been taken.
    fn is_reserved(self, taken: usize) -> bool {
        self.limit - taken + self.spare <= self.connections.div_ceil(RESERVED_PART)
    }
}

impl Release {
    /// Of which nothing is known.
    pub(crate) fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            was_counted: false,
            retry_after: None,
            answered: None,
            lesson: None,
            heard: None,
            sign: Sign::None,
            counted_by: None,
        }
    }
}

/// What an event loop is told when it has taken jobs.
#[derive(Debug, Default)]
pub(crate) struct Prospect {
    /// When there may be more.
    pub(crate) due: Option<Instant>,
    /// Other event loops that should have a look.
    pub(crate) wake: Vec<usize>,
    /// Calls of which nothing is left that could be sent, so that more of their input is wanted.
    pub(crate) hungry: SmallVec<[Arc<Call>; 1]>,
}

/// A request that is no longer in flight, and what its server said.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) origin: Arc<Origin>,
    /// Whether it was counted as in flight.
    pub(crate) was_counted: bool,
    /// How long the server asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// What the server has answered, where it has.
    pub(crate) answered: Option<Answered>,
    /// How it went, where that is learned from.
    pub(crate) lesson: Option<Box<Lesson>>,
    /// What the answer tells of the host's limits, where that is followed.
    pub(crate) heard: Option<Box<Heard>>,
    /// What it says of the host.
    pub(crate) sign: Sign,
    /// The place and number of its call, where that has counted it too.
    pub(crate) counted_by: Option<(usize, u64)>,
}

impl Schedule {
    /// Of a client with these limits, or else so many connections, and so many event loops.
    pub(crate) fn new(limits: Limits, usual: usize, event_loops: usize) -> Self {
        Self {
            is_counting: limits.are_counted(),
            connections: limits.most().unwrap_or(usual),
            usual,
            calls: Calls::new(limits.is_budgeted()),
            budget: limits.retry_budget.unwrap_or(Some(USUAL_RETRY_BUDGET)).map(RetryBudget::dormant),
            pace: Pace::new(&limits.rates),
            budgets: limits.budgets.as_ref().and_then(|budgets| Budgets::new(&budgets.in_all)),
            allotted: limits.allotment.as_ref().map(|allotment| Box::new(Allotted::new(allotment))),
            limits,
            hosts: ByOrigin::default(),
            lines: Lines::new(event_loops),
            sequence: 0,
            waiting: BinaryHeap::new(),
            delayed: BinaryHeap::new(),
            active_hosts: 0,
            expiry: None,
            sweep_at: SWEEP_AT,
            answered: ByOrigin::default(),
            suspects: 0,
            refused: Vec::new(),
        }
    }

    /// Takes a call in, which `make` makes for its place.
    pub(crate) fn begin(&mut self, make: impl FnOnce(usize) -> Arc<Call>) -> Arc<Call> {
        let call = make(self.calls.vacancy());
        self.calls.add(call.clone());
        if let Some(budget) = self.budget.as_mut().filter(|_| call.config.is_gentle()) {
            budget.wake();
        }
        self.note_expiry(call.timeouts.run);
        self.resize();
        call
    }

    /// A call is over, of which no job is left: no host is looked at for its sake.
    pub(crate) fn finish(&mut self, call: &Call) {
        debug_assert!(self.remove_jobs(call).is_empty(), "a call that is over has no jobs");
        self.calls.remove(call);
        self.resize();
    }

    /// A call has ended: takes out its jobs.
    pub(crate) fn end(&mut self, call: &Call) -> Vec<Box<Job>> {
        let jobs = self.remove_jobs(call);
        self.calls.remove(call);
        if let Some(mut waits) = call.waits() {
            waits.close(clock::now());
        }
        self.look_at_all_waiting();
        self.resize();
        jobs
    }

    /// Whether there is no call under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls that are under way.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Arc<Call>> {
        self.calls.iter().map(|entry| &entry.call)
    }

    /// Gives a call other limits. `false` where it has ended.
    pub(crate) fn limit(&mut self, call: &Call, change: impl FnOnce(&mut Limits)) -> bool {
        self.look_at_all_waiting();
        let is_there = self.calls.limit(call, change);
        self.resize();
        is_there
    }

    /// Connections, over all event loops.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Where the client says nothing of it, there are as many connections as its calls want.
    fn resize(&mut self) {
        if self.limits.most().is_none() {
            self.connections = self.calls.connections(self.usual);
        }
    }

    /// How often a job of a call was made ready.
    pub(crate) fn pushed(&self, call: &Call) -> u64 {
        self.calls.get(call).map_or(0, |entry| entry.pushed)
    }

    /// Jobs of a call that could be sent now, were there room and had the whole call: those of hosts that have reached a
    /// limit or their share do not count, since others may be behind them in the input.
    pub(crate) fn ahead(&self, call: &Call) -> usize {
        self.calls.get(call).map_or(0, |entry| entry.ahead)
    }

    /// Adds a job: one that is new behind the others of its call at its host. Returns an idle event loop to wake, if
    /// there is one and the job may be sent.
    ///
    /// # Errors
    /// The job, where its call has ended.
    pub(crate) fn push(&mut self, job: Box<Job>) -> Result<Option<usize>, Box<Job>> {
        match self.calls.get_mut(&job.call) {
            Some(entry) => entry.pushed += 1,
            None => return Err(job),
        }
        let home = self.enqueue(job);
        Ok(home.and_then(|home| self.lines.wake_for(home)))
    }

    /// Adds a job that becomes ready at `due`. Returns an idle event loop to wake, so that one of them
    /// waits for the new time.
    ///
    /// # Errors
    /// The job, where its call has ended.
    pub(crate) fn push_at(&mut self, due: Instant, job: Box<Job>) -> Result<Option<usize>, Box<Job>> {
        if self.calls.get(&job.call).is_none() {
            return Err(job);
        }
        self.note_expiry(job.attempt.expires);
        let sequence = self.next_number();
        self.delayed.push(Timed { due, sequence, what: job });
        Ok(self.lines.wake_any())
    }

    /// Whether a retry is within the client's budget and its call's own, in both of which it then counts.
    pub(crate) fn allows_retry(&mut self, call: &Call, now: Instant) -> bool {
        // What a client has without saying so gives way to what a call says.
        let is_calls_own = call.config.limits.retry_budget.is_some() && self.limits.retry_budget.is_none();
        let of_client = self.budget.as_mut().filter(|_| !is_calls_own);
        let mut budgets = [self.calls.budget(call), of_client];
        // What one of them denies does not count in the other.
        let allows = budgets.iter_mut().flatten().all(|budget| budget.has_room(now));
        if allows {
            budgets.into_iter().flatten().for_each(|budget| budget.count_retry(now));
        }
        allows
    }

    /// Moves as many jobs into `taken` as there is room for, hosts taking turns. An event loop that gets fewer than it
    /// could use is remembered as idle, and woken by the next push.
    pub(crate) fn take(
        &mut self,
        room: Room,
        now: Instant,
        event_loop: usize,
        taken: &mut Vec<Box<Job>>,
    ) -> Prospect {
        self.ripen(now);
        for _ in 0..self.calls.parked() + self.client_budgets() {
            if !self.unpark(now) {
                break;
            }
        }
        let begin = taken.len();
        while taken.len() - begin < room.limit && self.pace.closed_until(now).is_none() {
            let is_reserved = room.is_reserved(taken.len() - begin);
            let has_turn =
                self.take_turn(event_loop, room.limit + begin - taken.len(), is_reserved, now, taken);
            if !has_turn && !self.unpark(now) {
                break;
            }
        }
        if let Some(budget) = self.budget.as_mut().filter(|budget| budget.is_counting()) {
            budget.count(taken[begin..].iter().filter(|job| job.attempt.number == 0).count(), now);
        }
        self.calls.count_first_attempts(&taken[begin..], now);
        let is_sated = taken.len() - begin == room.limit;
        let is_dry = self.calls.sendable == 0;
        // What it could not take for the sake of the rates is taken when they allow it: that moment is due.
        let is_idle = !is_sated && (is_dry || self.pace.closed_until(now).is_none());
        self.lines.note_taken(event_loop, is_sated, is_idle);
        let due = self.next_due(now);
        let mut wake = self.lines.wake_those_with_news();
        if is_sated && (!is_dry || due.is_some() || self.budgets_due(now).is_some()) {
            // What this event loop has no room for, or will have none for at that time, may be for another.
            wake.extend(self.lines.wake_any());
        }
        Prospect { due, wake, hungry: self.calls.take_hungry(is_dry && !is_sated) }
    }

    /// An event loop is not there: others do its work.
    pub(crate) fn note_gone(&mut self, event_loop: usize) {
        self.lines.note_gone(event_loop);
    }

    /// Takes account of a request that is no longer in flight.
    pub(crate) fn release(&mut self, release: Release, now: Instant) {
        let Release { origin, was_counted, retry_after, mut answered, mut lesson, heard, sign, counted_by } =
            release;
        if let Some((place, number)) = counted_by {
            self.calls.note_returned(place, number, &origin, now);
        }
        self.note_sign(&origin, sign, now);
        let is_shy = retry_after.is_some() || matches!(answered, Some(Answered::TooMany { .. }));
        if is_shy && !self.hosts.contains_key(&origin) {
            self.add_host(&origin);
        }
        let Some(host) = self.hosts.get_mut(&origin) else { return };
        if heard.is_some_and(|heard| host.hear_limits(now, &heard)) {
            // The pace is to blame, which has learnt from it: neither are there too many at once, nor is all too fast.
            answered = answered.map(Answered::explained);
            if let Some(lesson) = &mut lesson {
                lesson.report.verdict = Verdict::Neutral;
            }
        }
        if was_counted {
            if let Some(allotted) = &self.allotted {
                allotted.allotment().returned();
            }
            host.uncount(now, lesson.map(|lesson| *lesson));
            note_activity(&mut self.active_hosts, host);
        }
        let mut shunned = None;
        if let Some(answered) = answered {
            let most = self.limits.concurrency_per_host.unwrap_or(usize::MAX).min(self.connections);
            shunned = host.hear(now, answered, most);
        }
        if let Some(wait) = retry_after.filter(|wait| !wait.is_zero()) {
            host.hold(now + wait);
            shunned = shunned.max(Some(now + wait));
        }
        if let (Some(until), Some(allotted)) = (shunned, &self.allotted) {
            allotted.allotment().note_asked(origin.server(), until);
        }
        match host.place {
            Standing::InLine(key) if was_counted => {
                self.lines.remove(host.home, key);
                self.line_up(&origin);
            }
            Standing::Full => self.line_up(&origin),
            Standing::Waiting if host.ready.queues().any(|queue| queue.block == Block::AtHost) => {
                self.line_up(&origin);
            }
            Standing::Away if host.is_forgettable(now) => {
                self.suspects -= usize::from(host.health.take().is_some());
                if !host.has_taught() {
                    self.hosts.remove(&origin);
                }
            }
            _ => {}
        }
    }

    /// Requests to a host are so far apart from now on, whosever they are.
    pub(crate) fn keep_apart(&mut self, origin: &Arc<Origin>, interval: Duration) {
        if !self.hosts.contains_key(origin) {
            self.add_host(origin);
        }
        if let Some(host) = self.hosts.get_mut(origin) {
            host.keep_apart(interval);
        }
    }

    /// Counts a request in the rates that goes out once more beside the line. Says until when it must wait.
    pub(crate) fn count_anew(&mut self, call: &Call, origin: &Arc<Origin>, now: Instant) -> Option<Instant> {
        let of_host = self.hosts.get_mut(origin).and_then(|host| host.count_anew(now));
        self.pace.count_anew(now).max(of_host).max(self.calls.count_anew(call, origin, now))
    }

    /// When a delayed job, a host or all of them may be sent next.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let paced = if self.lines.is_empty() { None } else { self.pace.closed_until(now) };
        let delayed = self.delayed.peek().map(|delayed| delayed.due);
        let waiting = self.waiting.peek().map(|waiting| waiting.due);
        let due =
            [paced, delayed, waiting, self.expiry, self.calls.next_due(now)].into_iter().flatten().min();
        if !self.calls.are_budgeted() {
            return due;
        }
        // One that is there already is no reason to look: who looks has no room for it.
        let budgeted = self.budgets_due(now).filter(|due| *due > now);
        due.into_iter().chain(budgeted).min()
    }

    /// The home of its host, if the job may be sent as far as is known.
    fn enqueue(&mut self, job: Box<Job>) -> Option<usize> {
        self.note_expiry(job.attempt.expires);
        let origin = job.target.origin.clone();
        if !self.hosts.contains_key(&origin) {
            self.sweep();
            self.add_host(&origin);
        }
        let host = self.hosts.get_mut(&origin)?;
        let (is_sendable, home) = (host.is_sendable, host.home);
        let (queue, is_new) = host.ready.push(job);
        if is_new {
            queue.counted = counted(is_sendable, queue.block);
        }
        self.calls.count(queue.place, queue.counted, 1);
        note_activity(&mut self.active_hosts, host);
        match host.place {
            Standing::Full | Standing::Waiting if !(is_new && host.awaits_calls) => return None,
            Standing::InLine(_) => {}
            _ => self.line_up(&origin),
        }
        Some(home)
    }

    /// A host of which nothing is known yet.
    fn add_host(&mut self, origin: &Arc<Origin>) {
        let home = self.lines.home(origin);
        self.hosts.insert(origin.clone(), Host::new(&self.limits, home));
    }

    /// What has become due is ready.
    fn ripen(&mut self, now: Instant) {
        while self.delayed.peek().is_some_and(|delayed| delayed.due <= now) {
            if let Some(delayed) = self.delayed.pop() {
                // It wakes nobody: it is found by the event loop that is taking just now.
                self.enqueue(delayed.what);
            }
        }
        while self.waiting.peek().is_some_and(|waiting| waiting.due <= now) {
            // One that was let out before its time may wait for another by now: then it is looked at twice.
            if let Some(Timed { what: origin, .. }) = self.waiting.pop()
                && self.hosts.get(&origin).is_some_and(|host| host.place == Standing::Waiting)
            {
                self.line_up(&origin);
            }
        }
    }

    /// A host that may not be sent anything before then.
    fn wait_until(&mut self, origin: &Arc<Origin>, due: Instant) {
        self.stand_aside(origin, Standing::Waiting);
        let sequence = self.next_number();
        self.waiting.push(Timed { due, sequence, what: origin.clone() });
    }

    /// Gives a host its place: in the line where it has ready jobs.
    fn line_up(&mut self, origin: &Arc<Origin>) {
        let share = self.share();
        let sequence = self.next_number();
        let Some(host) = self.hosts.get_mut(origin) else { return };
        note_activity(&mut self.active_hosts, host);
        host.awaits_calls = false;
        if !host.ready.is_empty() {
            let key = (host.in_flight, sequence);
            // What calls' own limits have kept here is looked at anew: an event loop without room for it wakes another.
            for queue in host.ready.queues_mut().filter(|queue| queue.block == Block::AtHost) {
                queue.block = Block::None;
            }
            set_sendable(&mut self.calls, host, host.in_flight <= share);
            host.place = Standing::InLine(key);
            self.lines.insert(host.home, key, origin.clone());
        } else if host.in_flight == 0 && !self.is_counting && host.is_plain() {
            self.hosts.remove(origin);
        } else {
            host.is_sendable = true;
            host.place = Standing::Away;
        }
    }

    /// Whether a host has not answered yet where others have: it may never do so, and others may come.
    fn is_new_among_others(&self, origin: &Arc<Origin>) -> bool {
        !self.answered.is_empty() && !self.answered.contains_key(origin)
    }

    /// Shares have become smaller since hosts came into the line: all of them have more by now. Were their jobs still
    /// counted as those that could be sent, nobody would ask for more input, or wake an event loop for it.
    fn note_shares(&mut self) {
        if self.calls.sendable == 0 {
            return;
        }
        for origin in self.lines.iter() {
            if let Some(host) = self.hosts.get_mut(origin).filter(|host| host.is_sendable) {
                set_sendable(&mut self.calls, host, false);
            }
        }
    }

    /// A host that has reached a limit.
    fn stand_aside(&mut self, origin: &Arc<Origin>, place: Standing) {
        if let Some(host) = self.hosts.get_mut(origin) {
            set_sendable(&mut self.calls, host, false);
            host.place = place;
        }
    }

    /// How many requests a host may have in flight before it has to give way to others.
    fn share(&self) -> usize {
        (self.connections / self.active_hosts.max(1)).saturating_mul(SHARES).max(1)
    }

    /// Forgets hosts, where there are many, of which nothing needs to be known.
    fn sweep(&mut self) {
        if self.hosts.len() >= self.sweep_at {
            let now = clock::now();
            self.hosts.retain(|_, host| !host.is_forgettable(now));
            self.suspects = self.hosts.values().filter(|host| host.health.is_some()).count();
            self.sweep_at = (self.hosts.len() * 2).max(SWEEP_AT);
        }
    }

    fn note_expiry(&mut self, expiry: Option<Instant>) {
        if expiry.is_some() && (self.expiry.is_none() || expiry < self.expiry) {
            self.expiry = expiry;
        }
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// As what a queue's jobs are counted.
fn counted(is_sendable: bool, block: Block) -> Counted {
    let sendable = is_sendable && block == Block::None;
    Counted { sendable, ahead: sendable || matches!(block, Block::InAll | Block::Budget) }
}

/// Counts all jobs of a host as such from now on.
fn set_sendable(calls: &mut Calls, host: &mut Host, is_sendable: bool) {
    host.is_sendable = is_sendable;
    for queue in host.ready.queues_mut() {
        let counted = counted(is_sendable, queue.block);
        calls.recount(queue, counted);
    }
}

/// Looks whether a host that has changed has anything to do.
fn note_activity(active_hosts: &mut usize, host: &mut Host) {
    let is_active = host.in_flight > 0 || !host.ready.is_empty();
    *active_hosts += usize::from(is_active);
    *active_hosts -= usize::from(host.is_active);
    host.is_active = is_active;
}
