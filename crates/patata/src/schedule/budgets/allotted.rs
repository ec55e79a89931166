//! A budget that is shared with others, within the schedule: who waits for it, and what becomes of them if it is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::address::target::Origin;
use crate::config::allotment::{Allotment, Wanted};
use crate::cost::Costs;
use crate::cost::awaited::{Awaited, Whose};
use crate::cost::unit::Unit;
use crate::schedule::Schedule;
use crate::schedule::budgets::Hold;
use crate::schedule::budgets::spending::costs;
use crate::schedule::ready::{Queue, Ready};
use crate::schedule::trouble::{Refusal, Refused};

/// The most requests that are told of as waiting.
const TOLD: usize = 1000;

/// What a client has of it.
#[derive(Debug)]
pub(crate) struct Allotted {
    allotment: Allotment,
    /// Hosts of which jobs wait for it, with the number of the call of each, in the order in which they came.
    waiting: VecDeque<(Arc<Origin>, u64)>,
    /// The one that was let out last: if it finds nothing, it is still the first.
    first: Option<(Arc<Origin>, u64)>,
    /// When somebody last found nothing: at that moment nobody else does.
    refused: Option<Instant>,
    /// Whether some that wait cost more than there ever is; and which statement of the units was looked at for that.
    has_unpayable: bool,
    stated: u64,
}

impl Allotted {
    pub(crate) fn new(allotment: &Allotment) -> Self {
        Self {
            allotment: allotment.clone(),
            waiting: VecDeque::new(),
            first: None,
            refused: None,
            has_unpayable: false,
            stated: allotment.stated(),
        }
    }

    pub(crate) fn allotment(&self) -> &Allotment {
        &self.allotment
    }

    /// Has the call whose turn it is at a host wait where there is nothing for its next job. Else it is used up. Whether
    /// it waits.
    pub(crate) fn refuse(&mut self, ready: &mut Ready, origin: &Arc<Origin>, now: Instant) -> bool {
        let Some(queue) = ready.next() else { return false };
        let Some(job) = queue.peek() else { return false };
        let refused = !self.allotment.take(costs(job), now);
        if refused {
            self.refused = Some(now);
            self.has_unpayable |= job.ticket.charge.is_some() && self.is_too_dear(costs(job));
        }
        if refused && !std::mem::replace(&mut queue.is_parked, true) {
            let one = (origin.clone(), queue.call);
            match self.first.take_if(|first| *first == one) {
                Some(first) => self.waiting.push_front(first),
                None => self.waiting.push_back(one),
            }
        }
        refused
    }

    /// What keeps the next job of a queue from being sent.
    pub(crate) fn lacking(&self, queue: &Queue, now: Instant) -> Option<Awaited> {
        let unit = self.allotment.lacking(costs(queue.peek()?), now)?;
        Some(Awaited { unit, whose: Whose::Shared })
    }

    /// Who waits because of that, since now.
    pub(crate) fn hold(&self, queue: &Queue, now: Instant) -> Option<Hold> {
        Some(Hold::new(self.lacking(queue, now)?, None, now))
    }

    /// The first of those who wait, where there may be something for it now.
    pub(crate) fn unpark(&mut self, now: Instant) -> Option<(Arc<Origin>, u64)> {
        if self.waiting.is_empty() || self.refused == Some(now) || !self.allotment.may_have_some(now) {
            return None;
        }
        self.first = self.waiting.pop_front();
        self.first.clone()
    }

    /// When the first of those who wait should look again, where that is known.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() { None } else { self.allotment.next_due(now) }
    }

    /// Whether a request costs more than there ever is.
    fn is_too_dear(&self, costs: &Costs) -> bool {
        costs.iter().any(|(unit, cost)| self.allotment.most(unit).flatten().is_some_and(|most| cost > most))
    }

    /// Whether it is to be seen that some who wait can never be paid.
    fn has_unpayable(&mut self) -> bool {
        let stated = self.allotment.stated();
        let is_news = std::mem::replace(&mut self.stated, stated) != stated;
        std::mem::take(&mut self.has_unpayable) || is_news
    }

    /// All who wait look again.
    pub(crate) fn let_go(&mut self, waited: &mut Vec<(Arc<Origin>, u64)>) {
        waited.extend(self.waiting.drain(..));
    }
}

impl Schedule {
    /// Refuses the jobs that wait and cannot be paid, as the shared budget is lost, or never holds what they cost.
    #[inline]
    pub(crate) fn refuse_unpaid(&mut self) {
        if self.allotted.is_some() {
            self.refuse_what_cannot_be_paid();
        }
    }

    fn refuse_what_cannot_be_paid(&mut self) {
        let Some(allotted) = &mut self.allotted else { return };
        if let Some(cause) = allotted.allotment().failure() {
            let jobs = self.extract_ready();
            self.look_at_all_waiting();
            let refuse = |job| Refused { job, why: Refusal::Unpaid(cause.clone()) };
            return self.refused.extend(jobs.into_iter().map(refuse));
        }
        if !allotted.has_unpayable() {
            return;
        }
        // Those that are left wait as they did.
        let jobs = self.extract_ready();
        self.look_at_all_waiting();
        for job in jobs {
            let checked =
                job.ticket.charge.as_ref().map(|charge| self.check_costs(&job.call, &charge.estimate));
            match checked {
                Some(Err(why)) => self.refused.push(Refused { job, why: Refusal::TooDear(why) }),
                // By the event loop that is taking just now.
                _ => _ = self.enqueue(job),
            }
        }
    }

    /// Whether some that wait have been found to cost more than there ever is.
    pub(crate) fn has_unpayable(&self) -> bool {
        self.allotted.as_ref().is_some_and(|allotted| allotted.has_unpayable)
    }

    /// Adds what the jobs cost that wait for the shared budget.
    pub(crate) fn add_wanted(&self, wanted: &mut Wanted) {
        let Some(allotted) = &self.allotted else { return };
        // With no room for more, nothing would come of it.
        let room = self.connections().saturating_sub(allotted.allotment().in_flight());
        if room == 0 {
            return;
        }
        // Once for all of them, as it takes a lock.
        let units = allotted.allotment().known_units().unwrap_or_default().into_iter();
        let mut amounts: Vec<(Unit, Vec<f64>)> = units.map(|unit| (unit, Vec::with_capacity(TOLD))).collect();
        let (mut told, mut waiting) = (0, 0);
        for (origin, call) in allotted.first.iter().chain(&allotted.waiting) {
            let queues = self.hosts.get(origin).map(|host| host.ready.queues());
            let queue = queues.and_then(|mut queues| queues.find(|queue| queue.call == *call));
            let Some(queue) = queue.filter(|queue| queue.is_parked) else { continue };
            waiting += queue.len();
            for job in queue.iter().take(TOLD - told) {
                told += 1;
                let costs = costs(job);
                for (unit, amounts) in &mut amounts {
                    let amount = costs.of(unit);
                    if amount > 0.0 {
                        amounts.push(amount);
                    }
                }
            }
        }
        wanted.requests += waiting.min(room);
        for (unit, more) in amounts.into_iter().filter(|(_, more)| !more.is_empty()) {
            match wanted.amounts.iter_mut().find(|(known, _)| *known == unit) {
                Some((_, amounts)) => amounts.extend(more),
                None => wanted.amounts.push((unit, more)),
            }
        }
    }
}
