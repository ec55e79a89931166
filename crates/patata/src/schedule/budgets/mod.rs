//! Budgets of several units in one scope: a client, a call, a host, or a call at a host.

pub(crate) mod allotted;
mod granted;
mod hold;
mod meter;
mod spending;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::address::target::Origin;
use crate::config::budget::Budget;
use crate::cost::Costs;
use crate::cost::unit::Unit;
use crate::schedule::budgets::meter::Meter;

pub(crate) use allotted::Allotted;
pub(crate) use hold::Hold;
pub(crate) use spending::{Refusal, Scope, refusal, refuse};

/// What there is of each unit, and who waits for it.
#[derive(Debug)]
pub(crate) struct Budgets(Vec<OfUnit>);

/// The budget of one unit.
#[derive(Debug)]
struct OfUnit {
    unit: Unit,
    meter: Meter,
    /// Hosts of which jobs wait for it, with the number of the call of each, in the order in which they came.
    waiting: VecDeque<(Arc<Origin>, u64)>,
}

impl Budgets {
    /// `None` where there are none.
    pub(crate) fn new(budgets: &[Budget]) -> Option<Box<Self>> {
        let of_unit = |budget: &Budget| OfUnit {
            unit: budget.unit.clone(),
            meter: Meter::new(&budget.rates),
            waiting: VecDeque::new(),
        };
        (!budgets.is_empty()).then(|| Box::new(Self(budgets.iter().map(of_unit).collect())))
    }

    /// Whether there is something of each unit for who costs so much.
    #[inline]
    pub(crate) fn are_open(&self, costs: &Costs, now: Instant) -> bool {
        self.0.iter().all(|of_unit| {
            let cost = costs.of(&of_unit.unit);
            cost <= 0.0 || of_unit.meter.closed_until(now, cost).is_none()
        })
    }

    /// The unit that is used up for who costs so much, and until when; the one that is so for the longest.
    pub(crate) fn closed_until(&self, costs: &Costs, now: Instant) -> Option<(&Unit, Instant)> {
        let mut closed: Option<(&Unit, Instant)> = None;
        for of_unit in &self.0 {
            let cost = costs.of(&of_unit.unit);
            let until = if cost > 0.0 { of_unit.meter.closed_until(now, cost) } else { None };
            if let Some(until) = until.filter(|until| closed.is_none_or(|(_, last)| last <= *until)) {
                closed = Some((&of_unit.unit, until));
            }
        }
        closed
    }

    /// Somebody who costs so much is to have what there is of a unit next.
    pub(crate) fn hold(&mut self, unit: &Unit, costs: &Costs, now: Instant) {
        if let Some(of_unit) = self.0.iter_mut().find(|of_unit| of_unit.unit == *unit) {
            of_unit.meter.hold(now, costs.of(unit));
        }
    }

    /// A host waits for a unit, for the sake of a call's jobs.
    pub(crate) fn wait(&mut self, unit: &Unit, origin: &Arc<Origin>, call: u64) {
        if let Some(of_unit) = self.0.iter_mut().find(|of_unit| of_unit.unit == *unit) {
            of_unit.waiting.push_back((origin.clone(), call));
        }
    }

    /// A host that has waited for a unit of which there is something now, and the call for whose sake it did.
    pub(crate) fn unpark(&mut self, now: Instant) -> Option<(Arc<Origin>, u64)> {
        let is_open = |of_unit: &&mut OfUnit| {
            !of_unit.waiting.is_empty() && of_unit.meter.closed_until(now, 0.0).is_none()
        };
        self.0.iter_mut().find(is_open)?.waiting.pop_front()
    }

    /// Whether a host waits.
    pub(crate) fn has_waiting(&self) -> bool {
        self.0.iter().any(|of_unit| !of_unit.waiting.is_empty())
    }

    /// When the first of the units that hosts wait for will be there again; a moment that has passed where it is.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let waited_for = self.0.iter().filter(|of_unit| !of_unit.waiting.is_empty());
        waited_for.map(|of_unit| of_unit.meter.closed_until(now, 0.0).unwrap_or(now)).min()
    }

    /// Whoever waits may be gone: those that are left look again. Adds the hosts that have waited.
    pub(crate) fn let_go(&mut self, waited: &mut Vec<(Arc<Origin>, u64)>) {
        for of_unit in &mut self.0 {
            of_unit.meter.let_go();
            waited.extend(of_unit.waiting.drain(..));
        }
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, costs: &Costs, now: Instant) {
        for of_unit in &mut self.0 {
            let cost = costs.of(&of_unit.unit);
            if cost > 0.0 {
                of_unit.meter.count(now, cost);
            }
        }
    }

    /// Sets right what a request that was counted at a moment did cost, in the units that `actual` says.
    pub(crate) fn settle(&mut self, estimate: &Costs, actual: &Costs, counted: Instant, now: Instant) {
        for of_unit in &mut self.0 {
            if let Some(actual) = actual.stated(&of_unit.unit) {
                of_unit.meter.settle(now, counted, estimate.of(&of_unit.unit), actual);
            }
        }
    }

    /// Gives back what a request was counted for that was not sent.
    pub(crate) fn give_back(&mut self, estimate: &Costs, counted: Instant, now: Instant) {
        for of_unit in &mut self.0 {
            let cost = estimate.of(&of_unit.unit);
            if cost > 0.0 {
                of_unit.meter.settle(now, counted, cost, 0.0);
            }
        }
    }

    /// Whether fresh ones in their place would behave the same.
    pub(crate) fn are_unused(&self, now: Instant) -> bool {
        self.0.iter().all(|of_unit| of_unit.meter.is_unused(now))
    }

    /// Goes on with other rates: of units whose rates are the same, with what was used of them.
    pub(crate) fn carry_over(&mut self, old: Self, before: &[Budget], after: &[Budget]) {
        let is_same =
            |unit: &Unit| before.iter().any(|budget| budget.unit == *unit && after.contains(budget));
        for kept in old.0.into_iter().filter(|of_unit| is_same(&of_unit.unit)) {
            if let Some(of_unit) = self.0.iter_mut().find(|of_unit| of_unit.unit == kept.unit) {
                of_unit.meter = kept.meter;
            }
        }
    }
}

/// The most that a request may cost in a unit by its budgets; `None` where there are none of that unit.
pub(crate) fn most(budgets: &[Budget], unit: &Unit) -> Option<f64> {
    Some(budgets.iter().find(|budget| budget.unit == *unit)?.most())
}
