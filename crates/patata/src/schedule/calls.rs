//! The calls that the schedule serves: how much of each is ready, and the limits that it has besides the client's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use smallvec::SmallVec;

use crate::address::target::{ByOrigin, Origin};
use crate::config::budget::{Budget, BudgetLimits};
use crate::config::limits::Limits;
use crate::job::Job;
use crate::job::call::Call;
use crate::schedule::budget::RetryBudget;
use crate::schedule::budgets::Budgets;
use crate::schedule::pace::Pace;
use crate::schedule::ready::{Counted, Queue};

/// All that are under way, each at its place.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    entries: Vec<Option<Entry>>,
    /// Places that nobody has.
    free: Vec<usize>,
    /// Ready jobs, of all calls, of hosts that may be sent more.
    pub(crate) sendable: usize,
    /// Calls with limits of their own.
    limited: usize,
    /// Calls with budgets of their own, and whether the client has some.
    budgeted: usize,
    is_client_budgeted: bool,
    /// Places of calls whose own limits keep jobs of theirs waiting.
    parked: VecDeque<usize>,
    /// How often it was looked whether one of these has room, for tests to count.
    #[cfg(test)]
    pub(crate) looks: usize,
}

/// What is known of one.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) call: Arc<Call>,
    pub(crate) allowance: Option<Box<Allowance>>,
    /// Jobs that could be sent but for limits of the whole call: others behind them in its input could not be either.
    pub(crate) ahead: usize,
    /// How often a job was made ready.
    pub(crate) pushed: u64,
    /// Whether its time is over.
    pub(crate) is_overdue: bool,
    /// Whether its caller should have a look at its input.
    is_hungry: bool,
}

/// The limits of one call.
#[derive(Debug)]
pub(crate) struct Allowance {
    limits: Limits,
    pace: Pace,
    budget: Option<RetryBudget>,
    budgets: Option<Box<Budgets>>,
    hosts: ByOrigin<AtHost>,
    /// Hosts that wait until the whole call has room.
    parked: VecDeque<Arc<Origin>>,
}

/// What a call has at one host.
#[derive(Debug)]
struct AtHost {
    in_flight: usize,
    pace: Pace,
    budgets: Option<Box<Budgets>>,
}

/// Whether a call may send a job to a host, as far as the call's own limits go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Go,
    /// Once one of its requests to this host has ended.
    HostFull,
    /// At this moment.
    HostUntil(Instant),
    /// Once the whole call has room.
    Closed,
}

impl Entry {
    /// Whether its hosts are asked at the pace that what they tell of their limits bears.
    pub(crate) fn is_rate_auto(&self) -> bool {
        self.allowance.as_ref().is_some_and(|allowance| allowance.limits.is_rate_auto)
    }
}

impl Allowance {
    fn new(limits: Limits) -> Self {
        Self {
            pace: Pace::new(&limits.rates),
            budget: limits.retry_budget.flatten().map(RetryBudget::new),
            budgets: limits.budgets.as_ref().and_then(|budgets| Budgets::new(&budgets.in_all)),
            hosts: ByOrigin::default(),
            parked: VecDeque::new(),
            limits,
        }
    }

    /// Whether the whole call may send something.
    fn is_open(&self, call: &Call, now: Instant) -> bool {
        let has_room = self.limits.most().is_none_or(|most| call.in_flight() < most);
        !self.limits.is_paused && has_room && self.pace.closed_until(now).is_none()
    }

    fn is_by_host(&self) -> bool {
        self.limits.concurrency_per_host.is_some()
            || !self.limits.rates_per_host.is_empty()
            || self.limits.budgets.as_ref().is_some_and(|budgets| !budgets.per_host.is_empty())
    }

    fn admission(&self, call: &Call, origin: &Arc<Origin>, now: Instant) -> Admission {
        if !self.is_open(call, now) {
            return Admission::Closed;
        }
        let Some(host) = self.hosts.get(origin) else { return Admission::Go };
        if self.limits.concurrency_per_host.is_some_and(|most| host.in_flight >= most) {
            return Admission::HostFull;
        }
        host.pace.closed_until(now).map_or(Admission::Go, Admission::HostUntil)
    }

    /// Counts a request that is sent now. Whether it must be told when it has ended.
    fn count(&mut self, origin: &Arc<Origin>, now: Instant) -> bool {
        self.pace.count(now);
        if !self.is_by_host() {
            return false;
        }
        if !self.hosts.contains_key(origin) {
            let pace = Pace::new(&self.limits.rates_per_host);
            let budgets = self.limits.budgets.as_ref().and_then(|budgets| Budgets::new(&budgets.per_host));
            self.hosts.insert(origin.clone(), AtHost { in_flight: 0, pace, budgets });
        }
        if let Some(host) = self.hosts.get_mut(origin) {
            host.in_flight += 1;
            host.pace.count(now);
        }
        true
    }

    fn uncount(&mut self, origin: &Arc<Origin>, now: Instant) {
        if let Some(host) = self.hosts.get_mut(origin) {
            host.in_flight = host.in_flight.saturating_sub(1);
            let are_unused = host.budgets.as_ref().is_none_or(|budgets| budgets.are_unused(now));
            if host.in_flight == 0 && host.pace.is_unused(now) && are_unused {
                self.hosts.remove(origin);
            }
        }
    }
}

impl Allowance {
    /// Goes on with other budgets than before, of which those that are the same keep what was used of them. Nobody waits.
    fn renew_budgets(&mut self, before: Option<&BudgetLimits>) {
        let (none, now) = (BudgetLimits::default(), self.limits.budgets.as_deref());
        let (before, after) = (before.unwrap_or(&none), now.unwrap_or(&none));
        self.budgets = renewed(self.budgets.take(), &before.in_all, &after.in_all);
        for host in self.hosts.values_mut() {
            host.budgets = renewed(host.budgets.take(), &before.per_host, &after.per_host);
        }
    }
}

fn renewed(old: Option<Box<Budgets>>, before: &[Budget], after: &[Budget]) -> Option<Box<Budgets>> {
    let mut budgets = Budgets::new(after);
    if let (Some(budgets), Some(old)) = (&mut budgets, old) {
        budgets.carry_over(*old, before, after);
    }
    budgets
}

impl Calls {
    /// Those of a client that has budgets, or has none.
    pub(crate) fn new(is_client_budgeted: bool) -> Self {
        Self { is_client_budgeted, ..Self::default() }
    }

    /// Whether anything is counted in budgets.
    pub(crate) fn are_budgeted(&self) -> bool {
        self.is_client_budgeted || self.budgeted > 0
    }

    /// Whether any has budgets of its own.
    pub(crate) fn have_budgets(&self) -> bool {
        self.budgeted > 0
    }

    /// A place for one more.
    pub(crate) fn vacancy(&mut self) -> usize {
        self.free.pop().unwrap_or(self.entries.len())
    }

    /// Takes a call in, at the place that it says.
    pub(crate) fn add(&mut self, call: Arc<Call>) {
        let limits = &call.config.limits;
        let allowance = (!limits.is_empty()).then(|| Box::new(Allowance::new(limits.clone())));
        self.limited += usize::from(allowance.is_some());
        self.budgeted += usize::from(limits.budgets.is_some());
        let place = call.place;
        let entry = Entry { call, allowance, ahead: 0, pushed: 0, is_overdue: false, is_hungry: false };
        if self.entries.len() <= place {
            self.entries.resize_with(place + 1, || None);
        }
        self.entries[place] = Some(entry);
    }

    pub(crate) fn remove(&mut self, call: &Call) -> Option<Entry> {
        self.get(call)?;
        let entry = self.entries[call.place].take()?;
        self.free.push(call.place);
        self.limited -= usize::from(entry.allowance.is_some());
        let is_budgeted =
            entry.allowance.as_ref().is_some_and(|allowance| allowance.limits.budgets.is_some());
        self.budgeted -= usize::from(is_budgeted);
        self.parked.retain(|place| *place != call.place);
        Some(entry)
    }

    /// Gives a call other limits.
    pub(crate) fn limit(&mut self, call: &Call, change: impl FnOnce(&mut Limits)) -> bool {
        let Some(entry) = self.get_mut(call) else { return false };
        let allowance = entry.allowance.get_or_insert_with(|| Box::new(Allowance::new(Limits::default())));
        let (rates, budgets) = (allowance.limits.rates.clone(), allowance.limits.budgets.clone());
        change(&mut allowance.limits);
        if allowance.limits.rates != rates {
            allowance.pace = Pace::new(&allowance.limits.rates);
        }
        let (was_budgeted, is_budgeted) = (budgets.is_some(), allowance.limits.budgets.is_some());
        if allowance.limits.budgets != budgets {
            allowance.renew_budgets(budgets.as_deref());
        }
        self.budgeted = self.budgeted + usize::from(is_budgeted) - usize::from(was_budgeted);
        if !call.is_limited.swap(true, Ordering::Relaxed) {
            self.limited += 1;
        }
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(crate) fn are_limited(&self) -> bool {
        self.limited > 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().flatten()
    }

    pub(crate) fn get(&self, call: &Call) -> Option<&Entry> {
        self.at(call.place, call.number)
    }

    pub(crate) fn get_mut(&mut self, call: &Call) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(call.place)?.as_mut()?;
        (entry.call.number == call.number).then_some(entry)
    }

    pub(crate) fn at(&self, place: usize, number: u64) -> Option<&Entry> {
        self.entries.get(place)?.as_ref().filter(|entry| entry.call.number == number)
    }

    fn at_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)?.as_mut()
    }

    /// Counts so many jobs as these.
    pub(crate) fn count(&mut self, place: usize, counted: Counted, jobs: usize) {
        if counted.sendable {
            self.sendable += jobs;
        }
        if let Some(entry) = self.at_mut(place).filter(|_| counted.ahead) {
            entry.ahead += jobs;
            entry.is_hungry = false;
        }
    }

    /// No longer counts them.
    pub(crate) fn uncount(&mut self, place: usize, counted: Counted, jobs: usize) {
        if counted.sendable {
            self.sendable -= jobs;
        }
        if let Some(entry) = self.at_mut(place).filter(|_| counted.ahead) {
            entry.ahead -= jobs;
            entry.is_hungry = entry.ahead == 0;
        }
    }

    /// Counts all jobs of a queue as these from now on.
    pub(crate) fn recount(&mut self, queue: &mut Queue, counted: Counted) {
        if queue.counted != counted {
            self.uncount(queue.place, queue.counted, queue.len());
            self.count(queue.place, counted, queue.len());
            queue.counted = counted;
        }
    }

    /// Whether a call may send a job to a host, as far as its own limits go.
    pub(crate) fn admission(&self, queue: &Queue, origin: &Arc<Origin>, now: Instant) -> Admission {
        let Some(entry) = self.at(queue.place, queue.call) else { return Admission::Go };
        let Some(allowance) = &entry.allowance else { return Admission::Go };
        allowance.admission(&entry.call, origin, now)
    }

    /// Counts a job that is sent now.
    pub(crate) fn note_sent(&mut self, job: &mut Job, now: Instant) {
        job.call.sent(1);
        if let Some(allowance) = self.get_mut(&job.call).and_then(|entry| entry.allowance.as_mut()) {
            job.ticket.is_counted_by_call = allowance.count(&job.target.origin, now);
        }
    }

    /// Counts a request in a call's rates that goes out once more beside the line. Says until when it must wait.
    pub(crate) fn count_anew(&mut self, call: &Call, origin: &Arc<Origin>, now: Instant) -> Option<Instant> {
        let allowance = self.get_mut(call)?.allowance.as_mut()?;
        let of_host = allowance.hosts.get_mut(origin).and_then(|host| host.pace.count_anew(now));
        allowance.pace.count_anew(now).max(of_host)
    }

    /// Counts a request of a call as no longer in flight at a host.
    pub(crate) fn note_returned(&mut self, place: usize, number: u64, origin: &Arc<Origin>, now: Instant) {
        if let Some(entry) = self.at_mut(place).filter(|entry| entry.call.number == number)
            && let Some(allowance) = &mut entry.allowance
        {
            allowance.uncount(origin, now);
        }
    }

    /// A call's own retry budget, where it has one.
    pub(crate) fn budget(&mut self, call: &Call) -> Option<&mut RetryBudget> {
        self.get_mut(call)?.allowance.as_mut()?.budget.as_mut()
    }

    /// Counts first attempts in the budgets of the calls that have one.
    pub(crate) fn count_first_attempts(&mut self, taken: &[Box<Job>], now: Instant) {
        if self.limited == 0 {
            return;
        }
        for job in taken.iter().filter(|job| job.attempt.number == 0) {
            if let Some(budget) = self.budget(&job.call) {
                budget.count(1, now);
            }
        }
    }

    /// A host waits until the whole call has room.
    pub(crate) fn park(&mut self, queue: &mut Queue, origin: &Arc<Origin>) {
        let place = queue.place;
        if std::mem::replace(&mut queue.is_parked, true) {
            return;
        }
        if let Some(allowance) = self.at_mut(place).and_then(|entry| entry.allowance.as_mut()) {
            allowance.parked.push_back(origin.clone());
            self.note_parked(place);
        }
    }

    /// Hosts wait for what the call at a place has.
    pub(crate) fn note_parked(&mut self, place: usize) {
        if !self.parked.contains(&place) {
            self.parked.push_back(place);
        }
    }

    /// A call's own budgets, where it has some: those for all hosts, and those at a host.
    #[inline]
    pub(crate) fn budgets(&self, place: usize, number: u64, origin: &Arc<Origin>) -> [Option<&Budgets>; 2] {
        if self.budgeted == 0 {
            return [None, None];
        }
        let entry = self.at(place, number).and_then(|entry| entry.allowance.as_ref());
        let Some(allowance) = entry else { return [None, None] };
        let at_host = allowance.hosts.get(origin).and_then(|host| host.budgets.as_deref());
        [allowance.budgets.as_deref(), at_host]
    }

    /// The same, to be counted in.
    #[inline]
    pub(crate) fn budgets_mut(
        &mut self,
        place: usize,
        number: u64,
        origin: &Arc<Origin>,
    ) -> [Option<&mut Budgets>; 2] {
        if self.budgeted == 0 {
            return [None, None];
        }
        let entry = self.at_mut(place).filter(|entry| entry.call.number == number);
        let Some(allowance) = entry.and_then(|entry| entry.allowance.as_mut()) else { return [None, None] };
        let at_host = allowance.hosts.get_mut(origin).and_then(|host| host.budgets.as_deref_mut());
        [allowance.budgets.as_deref_mut(), at_host]
    }

    /// All budgets of all calls.
    pub(crate) fn all_budgets(&mut self) -> impl Iterator<Item = &mut Budgets> {
        let allowances = self.iter_mut().filter_map(|entry| entry.allowance.as_mut());
        allowances.flat_map(|allowance| {
            let at_hosts = allowance.hosts.values_mut().filter_map(|host| host.budgets.as_deref_mut());
            allowance.budgets.as_deref_mut().into_iter().chain(at_hosts)
        })
    }

    /// What a call says of its budgets.
    pub(crate) fn stated_budgets(&self, call: &Call) -> Option<&BudgetLimits> {
        if !self.have_budgets() {
            return None;
        }
        self.get(call)?.allowance.as_ref()?.limits.budgets.as_deref()
    }

    /// When there is something again of what hosts wait for, as far as it is calls' own.
    pub(crate) fn budgets_due(&self, now: Instant) -> Option<Instant> {
        let entries = self.parked.iter().filter_map(|place| self.entries.get(*place)?.as_ref());
        entries.filter_map(|entry| entry.allowance.as_ref()?.budgets.as_ref()?.next_due(now)).min()
    }

    /// A host that waits for a call which has room now, with that call's number; such calls take turns.
    pub(crate) fn unpark(&mut self, now: Instant) -> Option<(Arc<Origin>, u64)> {
        for _ in 0..self.parked.len() {
            let place = self.parked.pop_front()?;
            #[cfg(test)]
            {
                self.looks += 1;
            }
            let Some(entry) = self.at_mut(place) else { continue };
            let number = entry.call.number;
            let Some(allowance) = &mut entry.allowance else { continue };
            let is_open = allowance.is_open(&entry.call, now);
            let origin = if is_open { allowance.parked.pop_front() } else { None };
            let origin = origin.or_else(|| Some(allowance.budgets.as_mut()?.unpark(now)?.0));
            let is_waited_for = allowance.budgets.as_ref().is_some_and(|budgets| budgets.has_waiting());
            if is_waited_for || !allowance.parked.is_empty() {
                self.parked.push_back(place);
            }
            if let Some(origin) = origin {
                return Some((origin, number));
            }
        }
        None
    }

    /// How many calls keep hosts waiting.
    pub(crate) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// When the first of the calls that keep hosts waiting may send again, where it is known.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let entries = self.parked.iter().filter_map(|place| self.entries.get(*place)?.as_ref());
        let paces = entries.filter_map(|entry| entry.allowance.as_ref()?.pace.closed_until(now));
        paces.min()
    }

    /// Whether the whole call may send nothing now for the sake of its own rates.
    pub(crate) fn is_paced(&self, call: &Call, now: Instant) -> bool {
        let allowance = self.get(call).and_then(|entry| entry.allowance.as_ref());
        allowance.is_some_and(|allowance| allowance.pace.closed_until(now).is_some())
    }

    /// The calls whose callers should look at their inputs: of which nothing is left that could be sent. Where
    /// nothing at all is left, they are told again.
    pub(crate) fn take_hungry(&mut self, is_dry: bool) -> SmallVec<[Arc<Call>; 1]> {
        let mut hungry = SmallVec::new();
        for entry in self.entries.iter_mut().flatten() {
            let was_emptied = std::mem::take(&mut entry.is_hungry);
            if entry.ahead == 0 && (was_emptied || is_dry) && entry.call.is_open() {
                hungry.push(entry.call.clone());
            }
        }
        hungry
    }

    /// Connections that all of them may have in use, where the client says nothing of it: each what it says itself,
    /// and all that say nothing what is usual.
    pub(crate) fn connections(&self, usual: usize) -> usize {
        let is_stated = |entry: &&Entry| self.most(entry).is_some();
        let stated: usize = self.iter().filter_map(|entry| self.most(entry)).fold(0, usize::saturating_add);
        let rest = if self.iter().all(|entry| is_stated(&entry)) { 0 } else { usual };
        match stated.saturating_add(rest) {
            0 => usual,
            connections => connections,
        }
    }

    fn most(&self, entry: &Entry) -> Option<usize> {
        entry.allowance.as_ref()?.limits.most()
    }
}
