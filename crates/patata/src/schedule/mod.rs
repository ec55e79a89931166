//! Which job is next: hosts in fair turn, each within its limits, and what is delayed until it is due.

pub(crate) mod adaptive;
pub(crate) mod budget;
mod ease_in;
pub(crate) mod health;
pub(crate) mod host;
mod pace;
mod quota;
mod ready;
pub(crate) mod retry_after;
mod slowdown;
#[cfg(test)]
mod tests;
mod timed;
pub(crate) mod trouble;

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::target::{ByOrigin, Origin};
use crate::clock;
use crate::config::limits::Limits;
use crate::job::Job;
use crate::report::progress::Bottleneck;
use adaptive::Gate;
use budget::RetryBudget;
use host::{Answered, Host, Key, Lesson, Standing};
use pace::Pace;
use timed::Timed;
use trouble::{Refused, Sign};

/// Hosts remembered before those are looked for that may be forgotten.
const SWEEP_AT: usize = 4096;

/// How late a job may hear that its time is over. Thousands have thousands of deadlines; so they are looked
/// through now and then, and not for each of them.
const GRAIN: Duration = Duration::from_millis(20);

/// A host may have so many times its even share of the connections before it has to give way.
const SHARES: usize = 2;
/// This part of an event loop's connections is kept from hosts that have more.
const RESERVED_PART: usize = 4;

/// The jobs of one run that no event loop holds. Shared by all event loops behind a lock, so every
/// operation is short and jobs are taken in batches.
///
/// The host with the fewest requests in flight is always next. So hosts share the connections evenly, and one that
/// is slow or dead has no more of them than the others leave: the jobs of such a one do not keep the input from
/// being read on, and a part of the connections is kept free of them.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    limits: Limits,
    /// Connections, over all event loops.
    connections: usize,
    hosts: ByOrigin<Host<T>>,
    /// Hosts with ready jobs that may be sent, as far as is known.
    line: BTreeMap<Key, Arc<Origin>>,
    sequence: u64,
    /// Hosts with ready jobs whose time has yet to come.
    waiting: BinaryHeap<Timed<Arc<Origin>>>,
    delayed: BinaryHeap<Timed<Box<Job<T>>>>,
    tally: Tally,
    /// Of all hosts together.
    pace: Pace,
    budget: Option<RetryBudget>,
    /// When the first of the jobs in here that have a time of their own must be over.
    expiry: Option<Instant>,
    sweep_at: usize,
    /// Hosts that have ever answered.
    answered: ByOrigin<()>,
    /// How many hosts there are of which something has failed since their last answer.
    suspects: usize,
    /// Jobs of hosts that are not there.
    refused: Vec<Refused<T>>,
    /// Event loops that found nothing to do and wait to be woken.
    idle: Vec<usize>,
    /// How often a job was made ready.
    pushed: u64,
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

/// What an event loop is told when it has taken jobs.
#[derive(Debug, Default)]
pub(crate) struct Prospect {
    /// When there may be more.
    pub(crate) due: Option<Instant>,
    /// Another event loop that should have a look.
    pub(crate) wake: Option<usize>,
    /// Whether nothing is left that could be sent, so that more input is wanted.
    pub(crate) is_dry: bool,
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
    /// What it says of the host.
    pub(crate) sign: Sign,
}

/// How much there is to do.
#[derive(Debug, Default)]
struct Tally {
    /// Hosts that have jobs here or requests in flight.
    active_hosts: usize,
    /// Ready jobs of hosts that may be sent more.
    sendable: usize,
    /// Ready jobs of hosts that have reached a limit, or have more in flight than their share.
    blocked: usize,
}

impl Tally {
    fn of(&mut self, is_sendable: bool) -> &mut usize {
        if is_sendable { &mut self.sendable } else { &mut self.blocked }
    }

    /// Counts all jobs of a host as such from now on.
    fn move_all<T>(&mut self, host: &mut Host<T>, is_sendable: bool) {
        *self.of(host.is_sendable) -= host.ready.len();
        *self.of(is_sendable) += host.ready.len();
        host.is_sendable = is_sendable;
    }

    /// Looks whether a host that has changed has anything to do.
    fn note_activity<T>(&mut self, host: &mut Host<T>) {
        let is_active = host.in_flight > 0 || !host.ready.is_empty();
        self.active_hosts += usize::from(is_active);
        self.active_hosts -= usize::from(host.is_active);
        host.is_active = is_active;
    }
}

impl<T> Schedule<T> {
    pub(crate) fn new(limits: Limits, connections: usize, budget: Option<RetryBudget>) -> Self {
        Self {
            connections,
            pace: Pace::new(&limits.rates),
            limits,
            hosts: ByOrigin::default(),
            line: BTreeMap::new(),
            sequence: 0,
            waiting: BinaryHeap::new(),
            delayed: BinaryHeap::new(),
            tally: Tally::default(),
            budget,
            expiry: None,
            sweep_at: SWEEP_AT,
            answered: ByOrigin::default(),
            suspects: 0,
            refused: Vec::new(),
            idle: Vec::new(),
            pushed: 0,
        }
    }

    /// How often a job was made ready.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Jobs that could be sent now, were there room: those of hosts that have reached a limit or their share do
    /// not count, since others may be behind them in the input.
    pub(crate) fn sendable(&self) -> usize {
        self.tally.sendable
    }

    /// Adds a job: one that is new behind the others of its host. Returns an idle event loop to wake, if there is one and the
    /// job may be sent.
    pub(crate) fn push(&mut self, job: Box<Job<T>>) -> Option<usize> {
        self.pushed += 1;
        self.enqueue(job).then(|| self.idle.pop()).flatten()
    }

    /// Adds a job that becomes ready at `due`. Returns an idle event loop to wake, so that one of them
    /// waits for the new time.
    pub(crate) fn push_at(&mut self, due: Instant, job: Box<Job<T>>) -> Option<usize> {
        self.note_expiry(&job);
        let sequence = self.next_number();
        self.delayed.push(Timed { due, sequence, what: job });
        self.idle.pop()
    }

    /// Whether a retry is within the budget, in which it then counts.
    pub(crate) fn allows_retry(&mut self, now: Instant) -> bool {
        self.budget.as_mut().is_none_or(|budget| budget.allows(now))
    }

    /// Moves as many jobs into `taken` as there is room for, hosts taking turns. An event loop that gets fewer than it
    /// could use is remembered as idle, and woken by the next push.
    pub(crate) fn take(
        &mut self,
        room: Room,
        now: Instant,
        event_loop: usize,
        taken: &mut Vec<Box<Job<T>>>,
    ) -> Prospect {
        self.ripen(now);
        let begin = taken.len();
        while taken.len() - begin < room.limit && self.pace.closed_until(now).is_none() {
            let is_reserved = room.is_reserved(taken.len() - begin);
            if !self.take_turn(room.limit + begin - taken.len(), is_reserved, now, taken) {
                break;
            }
        }
        if let Some(budget) = self.budget.as_mut().filter(|budget| budget.is_counting()) {
            budget.count(taken[begin..].iter().filter(|job| job.attempts == 0).count(), now);
        }
        let is_sated = taken.len() - begin == room.limit;
        self.idle.retain(|idle| *idle != event_loop);
        let is_dry = self.tally.sendable == 0;
        if !is_sated && is_dry {
            self.idle.push(event_loop);
        }
        let due = self.next_due(now);
        // What this event loop has no room for, or will have none for at that time, may be for another.
        let wake = (is_sated && (!is_dry || due.is_some())).then(|| self.idle.pop()).flatten();
        Prospect { due, wake, is_dry: is_dry && !is_sated }
    }

    /// What most of the jobs in here wait for; `None` where there are none.
    pub(crate) fn hindrance(&self, now: Instant) -> Option<Bottleneck> {
        let connections =
            if self.pace.closed_until(now).is_some() { Bottleneck::Rate } else { Bottleneck::Concurrency };
        let of_host = |host: &Host<T>| match host.place {
            Standing::Waiting | Standing::Full if host.is_shy(now) => Bottleneck::Server,
            Standing::Waiting => Bottleneck::Rate,
            Standing::Full if self.limits.adaptive.is_some() => Bottleneck::Server,
            Standing::Full => Bottleneck::Concurrency,
            Standing::InLine(_) | Standing::Away => connections,
        };
        let ready = self.hosts.values().filter(|host| !host.ready.is_empty());
        let delayed = (Bottleneck::Server, self.delayed.len());
        let waits = ready.map(|host| (of_host(host), host.ready.len())).chain([delayed]);
        let counted = waits.fold([0; 3], |mut counts, (bottleneck, jobs)| {
            counts[bottleneck as usize] += jobs;
            counts
        });
        let kinds = [Bottleneck::Rate, Bottleneck::Concurrency, Bottleneck::Server];
        kinds
            .into_iter()
            .zip(counted)
            .filter(|(_, jobs)| *jobs > 0)
            .max_by_key(|(_, jobs)| *jobs)
            .map(|(kind, _)| kind)
    }

    /// Takes account of a request that is no longer in flight.
    pub(crate) fn release(&mut self, release: Release, now: Instant) {
        let Release { origin, was_counted, retry_after, answered, lesson, sign } = release;
        self.note_sign(&origin, sign, now);
        let is_shy = retry_after.is_some() || matches!(answered, Some(Answered::TooMany { .. }));
        if is_shy && !self.hosts.contains_key(&origin) {
            self.hosts.insert(origin.clone(), Host::new(&self.limits));
        }
        let Some(host) = self.hosts.get_mut(&origin) else { return };
        if was_counted {
            host.uncount(now, lesson.map(|lesson| *lesson));
            self.tally.note_activity(host);
        }
        if let Some(answered) = answered {
            host.hear(&self.limits, now, answered);
        }
        if let Some(wait) = retry_after.filter(|wait| !wait.is_zero()) {
            host.hold(now + wait);
        }
        match host.place {
            Standing::InLine(key) if was_counted => {
                self.line.remove(&key);
                self.line_up(&origin);
            }
            Standing::Full => self.line_up(&origin),
            Standing::Away if host.is_forgettable(now) => {
                self.suspects -= usize::from(host.health.is_some());
                self.hosts.remove(&origin);
            }
            _ => {}
        }
    }

    /// Counts a request in the rates that goes out once more beside the line. Says until when it must wait.
    pub(crate) fn count_anew(&mut self, origin: &Arc<Origin>, now: Instant) -> Option<Instant> {
        let due = self.pace.closed_until(now);
        self.pace.count(now);
        let of_host = self.hosts.get_mut(origin).and_then(|host| host.count_anew(now));
        due.max(of_host)
    }

    /// Takes out the jobs whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Box<Job<T>>> {
        if self.expiry.is_none_or(|expiry| expiry > now) {
            return Vec::new();
        }
        let is_over = |job: &Job<T>| job.expires.is_some_and(|expiry| expiry <= now);
        let mut expired = Vec::new();
        for host in self.hosts.values_mut() {
            let over = host.ready.extract(is_over);
            *self.tally.of(host.is_sendable) -= over.len();
            expired.extend(over);
            self.tally.note_activity(host);
        }
        let delayed = std::mem::take(&mut self.delayed).into_iter();
        let (over, delayed): (Vec<_>, _) = delayed.partition(|delayed| is_over(&delayed.what));
        self.delayed = delayed.into();
        expired.extend(over.into_iter().map(|delayed| delayed.what));
        let ready = self.hosts.values().flat_map(|host| host.ready.iter());
        let all = ready.chain(self.delayed.iter().map(|one| &*one.what));
        self.expiry = all.filter_map(|job| job.expires).min().map(|expiry| expiry.max(now + GRAIN));
        expired
    }

    /// Empties the schedule, for a run that ends early.
    pub(crate) fn drain(&mut self) -> Vec<Box<Job<T>>> {
        self.line.clear();
        self.waiting.clear();
        (self.tally, self.expiry, self.suspects) = (Tally::default(), None, 0);
        let ready = self.hosts.drain().flat_map(|(_, host)| host.ready.into_jobs());
        ready.chain(self.delayed.drain().map(|delayed| delayed.what)).collect()
    }

    /// When a delayed job, a host or all of them may be sent next.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let paced = if self.line.is_empty() { None } else { self.pace.closed_until(now) };
        let delayed = self.delayed.peek().map(|delayed| delayed.due);
        let waiting = self.waiting.peek().map(|waiting| waiting.due);
        [paced, delayed, waiting, self.expiry].into_iter().flatten().min()
    }

    /// Whether the job may be sent as far as is known.
    fn enqueue(&mut self, job: Box<Job<T>>) -> bool {
        self.note_expiry(&job);
        if !self.hosts.contains_key(&job.target.origin) {
            self.sweep();
            self.hosts.insert(job.target.origin.clone(), Host::new(&self.limits));
        }
        let Some(host) = self.hosts.get_mut(&job.target.origin) else { return false };
        let newcomer = (host.place == Standing::Away).then(|| job.target.origin.clone());
        host.ready.push(job);
        *self.tally.of(host.is_sendable) += 1;
        self.tally.note_activity(host);
        match (host.place, newcomer) {
            (Standing::Full | Standing::Waiting, _) => return false,
            (_, Some(origin)) => self.line_up(&origin),
            _ => {}
        }
        true
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

    /// The host that is next sends a job, or all it has where it is alone. `false` where there is none that may.
    fn take_turn(
        &mut self,
        room: usize,
        is_reserved: bool,
        now: Instant,
        taken: &mut Vec<Box<Job<T>>>,
    ) -> bool {
        let Some(((in_flight, _), origin)) = self.line.first_key_value() else { return false };
        let is_new = self.is_new_among_others(origin);
        let is_alone = self.limits.is_empty() && self.hosts.len() == 1 && !is_new;
        let awaits_first_answer = is_new && *in_flight > 0;
        if is_reserved && *in_flight > self.share() {
            // All others have more in flight, too.
            self.note_shares();
            return false;
        }
        let Some((_, origin)) = self.line.pop_first() else { return false };
        if is_reserved && awaits_first_answer {
            // It goes on once it has answered.
            self.stand_aside(&origin, Standing::Full);
            return true;
        }
        let Some(host) = self.hosts.get_mut(&origin) else { return true };
        if is_alone && host.is_unlimited(now) {
            // Nothing needs to be counted.
            let count = host.ready.len().min(room);
            host.ready.take(count, taken);
            *self.tally.of(host.is_sendable) -= count;
            self.line_up(&origin);
            return true;
        }
        if host.health.is_some() && self.turn_away(&origin, now) {
            return true;
        }
        let Some(host) = self.hosts.get_mut(&origin) else { return true };
        match host.gate(&self.limits, now) {
            Gate::Go => {
                if let Some(mut job) = host.ready.pop() {
                    *self.tally.of(host.is_sendable) -= 1;
                    job.ticket = host.count(now);
                    self.pace.count(now);
                    job.is_counted = true;
                    job.is_probe = host.health.as_mut().is_some_and(|health| health.sent(now));
                    taken.push(job);
                }
                self.line_up(&origin);
            }
            Gate::Full => self.stand_aside(&origin, Standing::Full),
            Gate::Until(due) => self.wait_until(&origin, due),
        }
        true
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
        self.tally.note_activity(host);
        if !host.ready.is_empty() {
            let key = (host.in_flight, sequence);
            self.tally.move_all(host, host.in_flight <= share);
            host.place = Standing::InLine(key);
            self.line.insert(key, origin.clone());
        } else if host.in_flight == 0
            && self.limits.is_empty()
            && self.limits.gentle_below.is_none()
            && host.is_plain()
        {
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
        if self.tally.sendable == 0 {
            return;
        }
        for origin in self.line.values() {
            if let Some(host) = self.hosts.get_mut(origin).filter(|host| host.is_sendable) {
                self.tally.move_all(host, false);
            }
        }
    }

    /// A host that has reached a limit.
    fn stand_aside(&mut self, origin: &Arc<Origin>, place: Standing) {
        if let Some(host) = self.hosts.get_mut(origin) {
            self.tally.move_all(host, false);
            host.place = place;
        }
    }

    /// How many requests a host may have in flight before it has to give way to others.
    fn share(&self) -> usize {
        (self.connections / self.tally.active_hosts.max(1)).saturating_mul(SHARES).max(1)
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

    fn note_expiry(&mut self, job: &Job<T>) {
        if job.expires.is_some() && (self.expiry.is_none() || job.expires < self.expiry) {
            self.expiry = job.expires;
        }
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
