//! Budgets within the schedule: who has to wait for one, what is charged, given back and settled.

use std::sync::Arc;
use std::time::Instant;

use crate::address::target::Origin;
use crate::clock;
use crate::config::allotment::Allotment;
use crate::config::budget::{Budget, BudgetLimits};
use crate::cost::Costs;
use crate::cost::awaited::{Awaited, Whose};
use crate::cost::charge::{Charge, Sending};
use crate::cost::unit::Unit;
use crate::job::Job;
use crate::job::call::Call;
use crate::schedule::Schedule;
use crate::schedule::budgets::{Budgets, Hold, most};
use crate::schedule::calls::{Calls, Entry};
use crate::schedule::host::Host;
use crate::schedule::ready::Queue;

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The client's, for all hosts.
    Client,
    /// A call's, for all hosts.
    Call,
    /// One that is for each host by itself.
    Host,
}

/// A budget that has nothing left for a job.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) unit: Unit,
    pub(crate) scope: Scope,
    pub(crate) until: Instant,
}

impl Refusal {
    /// Who waits because of it, since now.
    pub(crate) fn hold(&self, now: Instant) -> Hold {
        // What the others wait for has others before them, perhaps.
        let until = (self.scope == Scope::Host).then_some(self.until);
        Hold::new(self.awaited(), until, now)
    }

    /// The budget.
    pub(crate) fn awaited(&self) -> Awaited {
        let whose = if self.scope == Scope::Host { Whose::PerHost } else { Whose::Own };
        Awaited { unit: self.unit.clone(), whose }
    }
}

/// What a job costs.
#[inline]
pub(super) fn costs(job: &Job) -> &Costs {
    job.ticket.charge.as_ref().map_or(Costs::usual(), |charge| &charge.estimate)
}

/// The budget that keeps the next job of a queue from being sent, where there is one: of several, the one that does so
/// for the longest.
pub(crate) fn refusal(
    client: Option<&Budgets>,
    calls: &Calls,
    host: &Host,
    queue: &Queue,
    now: Instant,
) -> Option<Refusal> {
    let job = queue.peek()?;
    let costs = costs(job);
    let [of_call, of_call_at_host] = calls.budgets(queue.place, queue.call, &job.target.origin);
    let mut found: Option<(Scope, &Unit, Instant)> = None;
    let scopes = [
        (Scope::Client, client),
        (Scope::Call, of_call),
        (Scope::Host, host.budgets.as_deref()),
        (Scope::Host, of_call_at_host),
    ];
    for (scope, budgets) in scopes {
        if let Some(budgets) = budgets
            && let Some((unit, until)) = budgets.closed_until(costs, now)
            && found.is_none_or(|(.., latest)| latest <= until)
        {
            found = Some((scope, unit, until));
        }
    }
    found.map(|(scope, unit, until)| Refusal { unit: unit.clone(), scope, until })
}

/// Has the call whose turn it is at a host wait for a budget, where one has nothing left for its next job.
#[inline]
pub(crate) fn refuse(
    client: &mut Option<Box<Budgets>>,
    calls: &mut Calls,
    host: &mut Host,
    origin: &Arc<Origin>,
    now: Instant,
) -> Option<Refusal> {
    let queue = host.ready.queues().next()?;
    // As nearly always.
    if !calls.have_budgets() && host.budgets.is_none() {
        let costs = costs(queue.peek()?);
        if client.as_ref().is_none_or(|budgets| budgets.are_open(costs, now)) {
            return None;
        }
    }
    let found = refusal(client.as_deref(), calls, host, queue, now)?;
    Some(wait(found, client, calls, host, origin, now))
}

/// Has the call whose turn it is at a host wait for a budget.
#[cold]
fn wait(
    found: Refusal,
    client: &mut Option<Box<Budgets>>,
    calls: &mut Calls,
    host: &mut Host,
    origin: &Arc<Origin>,
    now: Instant,
) -> Refusal {
    let Some(queue) = host.ready.next() else { return found };
    let (place, call) = (queue.place, queue.call);
    let costs = queue.peek().map(costs).cloned().unwrap_or_default();
    let is_parked = queue.is_parked;
    let [of_call, of_call_at_host] = calls.budgets_mut(place, call, origin);
    let holder = match found.scope {
        Scope::Client => client.as_deref_mut(),
        Scope::Call => of_call,
        Scope::Host => {
            let both = [host.budgets.as_deref_mut(), of_call_at_host];
            for budgets in both.into_iter().flatten() {
                budgets.hold(&found.unit, &costs, now);
            }
            return found;
        }
    };
    if let Some(budgets) = holder {
        budgets.hold(&found.unit, &costs, now);
        if !is_parked {
            budgets.wait(&found.unit, origin, call);
            if let Some(queue) = host.ready.next() {
                queue.is_parked = true;
            }
            if found.scope == Scope::Call {
                calls.note_parked(place);
            }
        }
    }
    found
}

impl Schedule {
    /// Charges a job that is sent now.
    pub(in crate::schedule) fn charge(&mut self, job: &mut Job, now: Instant) {
        let (origin, charge) = (&job.target.origin, job.ticket.charge.get_or_insert_default());
        charge.note_sent(now, origin);
        let estimate = &charge.estimate;
        self.each_budget(&job.call, origin, |budgets| budgets.count(estimate, now));
    }

    /// Gives back what a job was charged that was not sent. Returns an idle event loop to wake.
    pub(crate) fn give_back(
        &mut self,
        call: &Call,
        estimate: &Costs,
        sending: &Sending,
        now: Instant,
    ) -> Option<usize> {
        self.each_budget(call, &sending.origin, |budgets| budgets.give_back(estimate, sending.at, now));
        if let Some(allotted) = &self.allotted {
            allotted.allotment().settle(estimate, |_| Some(0.0));
        }
        self.look_again(&sending.origin);
        self.lines.wake_any()
    }

    /// Sets right what a request did cost that has been charged. Returns an idle event loop to wake.
    pub(crate) fn settle_costs(
        &mut self,
        call: &Call,
        charge: &Charge,
        actual: &Costs,
        now: Instant,
    ) -> Option<usize> {
        let sending = charge.last.as_ref()?;
        self.each_budget(call, &sending.origin, |budgets| {
            budgets.settle(&charge.estimate, actual, sending.at, now);
        });
        if let Some(allotted) = &self.allotted {
            allotted.allotment().settle(&charge.estimate, |unit| actual.stated(unit));
        }
        let is_given_back = actual.iter().any(|(unit, amount)| amount < charge.estimate.of(unit));
        if !is_given_back {
            return None;
        }
        // Its own budget may be what it waits for.
        self.look_again(&sending.origin);
        self.lines.wake_any()
    }

    /// Whether hosts are asked at the pace of their own limits, whose units they name themselves.
    fn is_rate_auto(&self, call: &Call) -> bool {
        self.limits.is_rate_auto || self.calls.get(call).is_some_and(Entry::is_rate_auto)
    }

    /// Whether what a request costs can be paid at all.
    ///
    /// # Errors
    /// Names the unit that there is no budget of, or that does not hold so much.
    pub(crate) fn check_costs(&self, call: &Call, costs: &Costs) -> Result<(), String> {
        let (of_client, of_call) = (self.limits.budgets.as_deref(), self.calls.stated_budgets(call));
        let shared = self.limits.allotment.as_ref();
        for (unit, cost) in costs.iter() {
            let of = |limits: &BudgetLimits| least(most(&limits.in_all, unit), most(&limits.per_host, unit));
            let own = least(of_client.and_then(of), of_call.and_then(of));
            let of_shared = shared.map_or(Some(None), |allotment| allotment.most(unit));
            match least(own, of_shared.flatten()) {
                Some(most) if cost > most => {
                    return Err(format!(
                        "the request costs {cost} {unit}, and the budget of {unit} never holds more than {most}; make \
                         the request smaller or the budget larger"
                    ));
                }
                Some(_) => {}
                // It may be one that a server names.
                None if self.is_rate_auto(call) => {}
                // It may be one of a shared budget that has not said yet which it has.
                None if of_shared.is_none() => {}
                None => {
                    let units = shared.and_then(Allotment::known_units).unwrap_or_default();
                    let both = of_client.into_iter().chain(of_call);
                    let all = both.flat_map(|limits| limits.in_all.iter().chain(&limits.per_host));
                    return Err(unknown(unit, all, &units));
                }
            }
        }
        Ok(())
    }

    /// Whoever has waited for a budget may be gone: all that do look again.
    pub(in crate::schedule) fn look_at_all_waiting(&mut self) {
        if !self.calls.are_budgeted() {
            return;
        }
        let (mut waited, now) = (Vec::new(), clock::now());
        let of_hosts = self.hosts.values_mut().filter_map(|host| host.budgets.as_deref_mut());
        let all = self.budgets.as_deref_mut().into_iter().chain(of_hosts).chain(self.calls.all_budgets());
        for budgets in all {
            budgets.let_go(&mut waited);
        }
        if let Some(allotted) = &mut self.allotted {
            allotted.let_go(&mut waited);
        }
        for (origin, call) in waited {
            self.stop_waiting(&origin, call, now);
        }
    }

    /// How many budgets of the client's own may have let somebody go.
    #[inline]
    pub(in crate::schedule) fn client_budgets(&self) -> usize {
        if !self.is_waited_for() {
            return 0;
        }
        usize::from(self.budgets.is_some()) + usize::from(self.allotted.is_some())
    }

    /// When there is something again of what hosts wait for; a moment that has passed where there is.
    #[inline]
    pub(in crate::schedule) fn budgets_due(&self, now: Instant) -> Option<Instant> {
        if self.is_waited_for() { self.first_due(now) } else { None }
    }

    /// Whether any host waits for a budget, or for a call.
    #[inline]
    pub(in crate::schedule) fn is_waited_for(&self) -> bool {
        self.calls.are_budgeted()
            && (self.calls.parked() > 0
                || self.allotted.is_some()
                || self.budgets.as_ref().is_some_and(|budgets| budgets.has_waiting()))
    }

    fn first_due(&self, now: Instant) -> Option<Instant> {
        let waited_for = self.budgets.as_ref().filter(|budgets| budgets.has_waiting());
        let of_client = waited_for.and_then(|budgets| budgets.next_due(now));
        let shared = self.allotted.as_ref().and_then(|allotted| allotted.next_due(now));
        of_client.into_iter().chain(shared).chain(self.calls.budgets_due(now)).min()
    }

    /// Does something to all budgets that a request of a call to a host counts in.
    fn each_budget(&mut self, call: &Call, origin: &Arc<Origin>, mut change: impl FnMut(&mut Budgets)) {
        if let Some(budgets) = &mut self.budgets {
            change(budgets);
        }
        // A host need not be looked for where none has budgets.
        let are_of_hosts = self.limits.budgets.as_ref().is_some_and(|budgets| !budgets.per_host.is_empty());
        let host = if are_of_hosts { self.hosts.get_mut(origin) } else { None };
        if let Some(budgets) = host.and_then(|host| host.budgets.as_deref_mut()) {
            change(budgets);
        }
        for budgets in self.calls.budgets_mut(call.place, call.number, origin).into_iter().flatten() {
            change(budgets);
        }
    }
}

/// The smaller one of two amounts, as far as there are any.
fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Says that there is no budget of a unit.
fn unknown<'a>(unit: &Unit, known: impl Iterator<Item = &'a Budget>, shared: &[Unit]) -> String {
    let units = known.map(|budget| &budget.unit).chain(shared);
    let mut names: Vec<_> = units.map(Unit::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let known =
        if names.is_empty() { "there is none".into() } else { format!("there are: {}", names.join(", ")) };
    format!("the request costs {unit}, of which there is no budget ({known}); add {unit} to budgets")
}
