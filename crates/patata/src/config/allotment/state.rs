//! What an allotment has, behind its lock.

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::config::allotment::Lessee;
use crate::config::allotment::stock::Stock;
use crate::cost::Costs;

#[derive(Default)]
pub(super) struct State {
    /// By unit, once they are known.
    pub(super) units: Option<Vec<Stock>>,
    /// Whether the budget has not answered since they were.
    pub(super) is_silent: bool,
    /// How often units were stated.
    pub(super) stated: u64,
    /// The most requests in flight; `None` for no limit.
    pub(super) permits: Option<usize>,
    pub(super) in_flight: usize,
    pub(super) left_alone_until: Option<Instant>,
    /// Why the budget is lost.
    pub(super) failure: Option<Arc<str>>,
    /// Until when servers have asked this client to be left alone; and which of them, since somebody asked for it.
    pub(super) asked_until: Option<Instant>,
    pub(super) asked: Vec<(String, Instant)>,
    pub(super) has_demand: bool,
    pub(super) lessees: Vec<Weak<dyn Lessee>>,
}

impl State {
    pub(super) fn is_full(&self) -> bool {
        self.permits.is_some_and(|permits| self.in_flight >= permits)
    }

    /// Whether nothing is heard of the budget, or has been yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.is_silent || self.units.is_none()
    }

    /// Whether nothing may be sent, whatever there is.
    pub(super) fn is_closed(&self, now: Instant) -> bool {
        self.failure.is_some() || self.is_full() || self.left_alone_until.is_some_and(|until| until > now)
    }

    pub(super) fn stocks(&self) -> impl Iterator<Item = &Stock> {
        self.units.iter().flatten()
    }

    pub(super) fn stocks_mut(&mut self) -> impl Iterator<Item = &mut Stock> {
        self.units.iter_mut().flatten()
    }

    pub(super) fn turn(&mut self, now: Instant) {
        self.stocks_mut().for_each(|stock| stock.turn(now));
    }

    /// Whether the request that has just been refused waits for what is yet to be granted, or allowed.
    pub(super) fn runs_dry(&self, now: Instant) -> bool {
        let units = self.units.as_ref().filter(|_| !self.is_closed(now));
        units.is_none_or(|units| units.iter().any(|stock| stock.runs_dry(now)))
    }

    /// Whether there is enough for a request that costs so much. What there is of it is put by.
    pub(super) fn is_enough(&mut self, costs: &Costs, now: Instant) -> bool {
        self.turn(now);
        if self.is_closed(now) || self.units.is_none() {
            return false;
        }
        let mut is_enough = true;
        for stock in self.stocks_mut() {
            let cost = costs.of(&stock.unit);
            is_enough &= stock.is_enough(cost, now);
        }
        is_enough
    }
}
