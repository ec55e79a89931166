//! An allotment as the schedule sees it: what may be sent now, and what was.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::config::allotment::{Allotment, Lessee, State};
use crate::cost::Costs;
use crate::cost::unit::Unit;

/// For the schedule.
impl Allotment {
    /// A client uses it from now on.
    pub(crate) fn attach(&self, lessee: Weak<dyn Lessee>) {
        let mut state = self.state();
        state.lessees.retain(|lessee| lessee.strong_count() > 0);
        state.lessees.push(lessee);
    }

    /// That of this process: a child of a fork has another one, as nobody leases for it there, and perhaps a lock of its
    /// parent's is held for ever.
    pub(crate) fn of_this_process(&self) -> Option<Self> {
        let is_ours = self.0.process == std::process::id();
        if is_ours { None } else { self.0.opener.clone().map(|opener| Self::with(Some(opener))) }
    }

    /// A run begins: it is to be leased, where it is not.
    pub(crate) fn open(&self) {
        let Some(opener) = &self.0.opener else { return };
        let mut lease = self.0.lease.lock().unwrap_or_else(PoisonError::into_inner);
        if lease.is_some() && self.state().failure.is_none() {
            return;
        }
        // One that has failed, whose end is waited for, may be waiting for this lock.
        let before = lease.take();
        drop(lease);
        drop(before);
        self.recover();
        let begun = opener(self);
        let mut lease = self.0.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let other = std::mem::replace(&mut *lease, begun);
        drop(lease);
        drop(other);
    }

    /// The units that it has slots of, once they are known.
    pub(crate) fn known_units(&self) -> Option<Vec<Unit>> {
        if self.0.process != std::process::id() {
            return None;
        }
        self.state().units.as_ref().map(|units| units.iter().map(|stock| stock.unit.clone()).collect())
    }

    /// What a request can cost of a unit at most, where it has that unit; nothing at all before its units are known.
    ///
    /// Both by one look, as it may be told of them between two.
    pub(crate) fn most(&self, unit: &Unit) -> Option<Option<f64>> {
        let state = self.state();
        let units = state.units.as_ref()?;
        Some(units.iter().find(|stock| stock.unit == *unit).map(|stock| stock.most))
    }

    /// What there is too little of for a request that costs so much; where there is enough, and all are to be left alone, the
    /// first that it costs something of.
    pub(crate) fn lacking(&self, costs: &Costs, now: Instant) -> Option<Unit> {
        let state = self.state();
        if state.is_unheard() {
            return Some(Unit::Answer);
        }
        if state.is_full() {
            return Some(Unit::Concurrency);
        }
        let needed = || state.stocks().filter(|stock| costs.of(&stock.unit) > 0.0);
        let lacking = needed().find(|stock| !stock.holds(costs.of(&stock.unit), now));
        lacking.or_else(|| needed().next()).map(|stock| stock.unit.clone())
    }

    /// How much of each unit was granted so far.
    pub(crate) fn granted(&self) -> Vec<(Unit, f64)> {
        self.state().stocks().map(|stock| (stock.unit.clone(), stock.granted)).collect()
    }

    /// How often its units were stated.
    pub(crate) fn stated(&self) -> u64 {
        self.state().stated
    }

    /// Why the budget is lost, where it is.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.state().failure.clone()
    }

    /// Uses what a request costs that is sent now. If there is not enough, puts by what there is, and tells the one who
    /// leases, unless enough is on its way. Whether there is.
    pub(crate) fn take(&self, costs: &Costs, now: Instant) -> bool {
        let mut state = self.state();
        if !state.is_enough(costs, now) {
            if state.runs_dry(now) {
                self.call_for_more(state);
            }
            return false;
        }
        state.in_flight += 1;
        for stock in state.stocks_mut() {
            let cost = costs.of(&stock.unit);
            stock.use_up(cost);
        }
        true
    }

    /// Whether there may be something for who waits.
    pub(crate) fn may_have_some(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.turn(now);
        !state.is_closed(now)
            && state.units.as_ref().is_some_and(|units| {
                units.is_empty() || units.iter().any(|stock| stock.is_due(now) || stock.is_filled())
            })
    }

    /// When more falls due of what has been granted.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let state = self.state();
        let moments = state.stocks().filter_map(|stock| stock.next_due(now));
        let due = moments.chain(state.left_alone_until).filter(|moment| *moment > now).min()?;
        Some(state.left_alone_until.map_or(due, |until| due.max(until)))
    }

    /// A request is no longer in flight.
    pub(crate) fn returned(&self) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
    }

    /// Notes what a request was estimated to cost, and did.
    pub(crate) fn settle(&self, estimate: &Costs, actual: impl Fn(&Unit) -> Option<f64>) {
        for stock in self.state().stocks_mut() {
            if let Some(actual) = actual(&stock.unit) {
                stock.settled += actual - estimate.of(&stock.unit);
            }
        }
    }

    /// A server has asked to be left alone.
    pub(crate) fn note_asked(&self, server: Option<String>, until: Instant) {
        let mut state = self.state();
        state.asked_until = state.asked_until.max(Some(until));
        state.asked.extend(server.map(|server| (server, until)));
        self.call_for_more(state);
    }

    fn call_for_more(&self, mut state: MutexGuard<'_, State>) {
        if !std::mem::replace(&mut state.has_demand, true) {
            drop(state);
            self.0.thread.notify_all();
            self.0.task.notify_one();
            if let Some(lease) = &*self.0.lease.lock().unwrap_or_else(PoisonError::into_inner) {
                lease.look();
            }
        }
    }
}
