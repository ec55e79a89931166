//! Which job a host sends when it has its turn: calls take turns, and each keeps to the limits of all and to its own.

use std::sync::Arc;
use std::time::Instant;

use crate::address::target::Origin;
use crate::config::limits::Limits;
use crate::job::Job;
use crate::schedule::adaptive::Gate;
use crate::schedule::budgets::{Allotted, Budgets, Hold, Refusal, Scope, refuse};
use crate::schedule::calls::{Admission, Calls, Entry};
use crate::schedule::health::Access;
use crate::schedule::host::{Host, Manner, Standing};
use crate::schedule::ready::Block;
use crate::schedule::{Schedule, counted};

/// Whether the call whose turn it is may send a job to a host.
enum Permit {
    /// Now, in this manner.
    Go(Manner),
    /// Once something has ended.
    Full,
    /// At this moment.
    Until(Instant),
    /// The host is not there, and the call's jobs have been refused.
    Refused,
}

/// How a call asks hosts, where the client has these limits and so many connections.
#[inline]
fn manner(limits: &Limits, connections: usize, entry: &Entry) -> Manner {
    let config = &entry.call.config;
    let per_host = config.limits.concurrency_per_host.or(limits.concurrency_per_host).unwrap_or(usize::MAX);
    let adaptive = config.limits.adaptive.or(limits.adaptive);
    Manner {
        gentle_below: config.is_gentle().then_some(connections),
        adaptive: adaptive.map(|most| most.min(per_host)),
        is_paced: limits.is_rate_auto || entry.is_rate_auto(),
    }
}

/// What keeps the next job of a host from being sent for the sake of a budget, where one does, and which: the client's own
/// and its calls' are asked first, as what is taken of a shared one is used up by that.
fn unpaid(
    budgets: &mut Option<Box<Budgets>>,
    allotted: &mut Option<Box<Allotted>>,
    calls: &mut Calls,
    host: &mut Host,
    origin: &Arc<Origin>,
    now: Instant,
) -> Option<(Block, Permit, Option<Hold>)> {
    if let Some(refusal) = refuse(budgets, calls, host, origin, now) {
        let hold = Some(refusal.hold(now));
        return Some(match refusal {
            Refusal { scope: Scope::Host, until, .. } => (Block::AtHost, Permit::Until(until), hold),
            _ => (Block::Budget, Permit::Full, hold),
        });
    }
    let allotted = allotted.as_mut()?;
    if !allotted.refuse(&mut host.ready, origin, now) {
        return None;
    }
    let hold = host.ready.next().and_then(|queue| allotted.hold(queue, now));
    Some((Block::Budget, Permit::Full, hold))
}

impl Schedule {
    /// The host that is next sends a job, or all it has where it is alone. `false` where there is none that may.
    pub(crate) fn take_turn(
        &mut self,
        event_loop: usize,
        room: usize,
        is_reserved: bool,
        now: Instant,
        taken: &mut Vec<Box<Job>>,
    ) -> bool {
        let Some(((in_flight, _), origin)) = self.lines.first(event_loop) else { return false };
        let is_new = self.is_new_among_others(origin);
        let awaits_first_answer = is_new && in_flight > 0;
        if is_reserved && in_flight > self.share() {
            // All others have more in flight, too.
            self.note_shares();
            return false;
        }
        let Some(origin) = self.lines.pop(event_loop) else { return false };
        if is_reserved && awaits_first_answer {
            // It goes on once it has answered.
            self.stand_aside(&origin, Standing::Full);
        } else if is_new || !self.take_all(&origin, room, now, taken) {
            self.take_one(&origin, now, taken);
        }
        true
    }

    /// Takes all that a host has, where it is alone, of one call, and nothing needs to be counted. Whether that is so.
    fn take_all(
        &mut self,
        origin: &Arc<Origin>,
        room: usize,
        now: Instant,
        taken: &mut Vec<Box<Job>>,
    ) -> bool {
        if self.active_hosts > 1 || self.is_counting || self.calls.are_limited() {
            return false;
        }
        let Some(host) = self.hosts.get_mut(origin).filter(|host| host.ready.calls() == 1) else {
            return false;
        };
        let Some(queue) = host.ready.next() else { return false };
        let (place, number, counted, count) = (queue.place, queue.call, queue.counted, queue.len().min(room));
        let Some(entry) = self.calls.at(place, number) else { return false };
        // As nothing is limited, all that there may be is how gently it is begun.
        let gentle_below = entry.call.config.is_gentle().then_some(self.connections);
        if !host.is_unlimited(gentle_below, now) {
            return false;
        }
        entry.call.sent(count);
        self.calls.uncount(place, counted, count);
        host.ready.take(count, taken);
        self.line_up(origin);
        true
    }

    /// Takes a job of a host, of the first call that may send it one.
    fn take_one(&mut self, origin: &Arc<Origin>, now: Instant, taken: &mut Vec<Box<Job>>) {
        let Some(host) = self.hosts.get_mut(origin) else { return };
        match host.gate(&self.limits, now) {
            Gate::Go => {}
            Gate::Full => return self.stand_aside(origin, Standing::Full),
            Gate::Until(due) => return self.wait_until(origin, due),
        }
        let mut due: Option<Instant> = None;
        for _ in 0..host.ready.calls() {
            match self.permit(origin, now) {
                Permit::Go(manner) => return self.send(origin, manner, now, taken),
                Permit::Until(moment) => due = Some(due.map_or(moment, |due| due.min(moment))),
                Permit::Full | Permit::Refused => {}
            }
        }
        let Some(host) = self.hosts.get_mut(origin) else { return };
        if host.ready.is_empty() {
            return self.line_up(origin);
        }
        host.awaits_calls = true;
        match due {
            Some(due) => self.wait_until(origin, due),
            None => self.stand_aside(origin, Standing::Full),
        }
    }

    /// Whether the call whose turn it is may send a job to a host. If it may not, it is the next one's turn.
    fn permit(&mut self, origin: &Arc<Origin>, now: Instant) -> Permit {
        let Some(host) = self.hosts.get_mut(origin) else { return Permit::Full };
        let Some(queue) = host.ready.next() else { return Permit::Full };
        let Some(entry) = self.calls.at(queue.place, queue.call) else { return Permit::Full };
        let manner = manner(&self.limits, self.connections, entry);
        if let Some(health) = host.health.as_mut().filter(|_| entry.call.config.patience.is_on()) {
            match health.access(now) {
                Access::Open => {}
                Access::Until(due) => {
                    host.ready.rotate();
                    return Permit::Until(due);
                }
                Access::Unavailable => {
                    self.refuse_next(origin);
                    return Permit::Refused;
                }
            }
        }
        let mut hold = None;
        let (block, permit) = match self.calls.admission(queue, origin, now) {
            Admission::Closed => (Block::InAll, Permit::Full),
            Admission::HostFull => (Block::AtHost, Permit::Full),
            Admission::HostUntil(due) => (Block::AtHost, Permit::Until(due)),
            Admission::Go => match host.gate_for(manner, now) {
                Gate::Full => (Block::None, Permit::Full),
                Gate::Until(due) => (Block::None, Permit::Until(due)),
                Gate::Go if self.calls.are_budgeted() => {
                    let (budgets, allotted) = (&mut self.budgets, &mut self.allotted);
                    match unpaid(budgets, allotted, &mut self.calls, host, origin, now) {
                        Some((block, permit, for_what)) => {
                            hold = for_what;
                            (block, permit)
                        }
                        None => (Block::None, Permit::Go(manner)),
                    }
                }
                Gate::Go => (Block::None, Permit::Go(manner)),
            },
        };
        if let Some(queue) = host.ready.next() {
            queue.block = block;
            if hold.is_some() || queue.hold.is_some() {
                queue.note_hold(hold, now);
            }
            let counted = counted(host.is_sendable, block);
            self.calls.recount(queue, counted);
            if block == Block::InAll {
                self.calls.park(queue, origin);
            }
        }
        if !matches!(permit, Permit::Go(_)) {
            host.ready.rotate();
        }
        permit
    }

    /// Takes the job that is next at a host.
    fn send(&mut self, origin: &Arc<Origin>, manner: Manner, now: Instant, taken: &mut Vec<Box<Job>>) {
        let Some(host) = self.hosts.get_mut(origin) else { return };
        let Some((place, counted)) = host.ready.next().map(|queue| (queue.place, queue.counted)) else {
            return;
        };
        if let Some(mut job) = host.ready.pop() {
            self.calls.uncount(place, counted, 1);
            job.ticket.sample = host.count(manner, now);
            job.ticket.paced = host.count_paced(now, job.ticket.charge.as_deref());
            self.pace.count(now);
            self.calls.note_sent(&mut job, now);
            job.ticket.is_counted = true;
            let is_probe = host.health.as_mut().is_some_and(|health| health.sent(now));
            job.ticket.is_probe = is_probe;
            if self.calls.are_budgeted() {
                self.charge(&mut job, now);
            } else if manner.is_paced
                && let Some(charge) = &mut job.ticket.charge
            {
                charge.note_sent(now, origin);
            }
            taken.push(job);
        }
        self.line_up(origin);
    }

    /// A host that waits for a call which has room now comes into the line. `false` where there is none.
    pub(crate) fn unpark(&mut self, now: Instant) -> bool {
        let of_client = |schedule: &mut Self| {
            let own = schedule.budgets.as_mut().and_then(|budgets| budgets.unpark(now));
            own.or_else(|| schedule.allotted.as_mut()?.unpark(now))
        };
        while let Some((origin, call)) = self.calls.unpark(now).or_else(|| of_client(self)) {
            if self.stop_waiting(&origin, call, now) {
                return true;
            }
        }
        false
    }

    /// A host no longer waits for the sake of a call's jobs. Whether it comes into the line by that.
    pub(crate) fn stop_waiting(&mut self, origin: &Arc<Origin>, call: u64, now: Instant) -> bool {
        let Some(host) = self.hosts.get_mut(origin) else { return false };
        let is_sendable = host.is_sendable;
        let Some(queue) = host.ready.of_call(call) else { return false };
        // It counts again as what could be sent: an event loop that has no room for it wakes another.
        (queue.is_parked, queue.block) = (false, Block::None);
        queue.let_go(now);
        self.calls.recount(queue, counted(is_sendable, Block::None));
        let is_next = host.awaits_calls;
        if is_next {
            self.line_up(origin);
        }
        is_next
    }
}
