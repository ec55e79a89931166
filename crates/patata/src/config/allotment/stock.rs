//! What there is of one unit of a shared budget: slots by their time, and what is put by for who waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::cost::unit::Unit;

/// How late a slot may be used that nobody has waited for. Then it is somebody else's time.
const LATENESS: Duration = Duration::from_millis(30);

/// How long what has been granted must last, that nobody need be asked for more just now.
const ENOUGH: Duration = Duration::from_millis(50);

/// How long what has been put by for a request that waits stays so, once nothing more comes.
const PUT_BY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Stock {
    pub(super) unit: Unit,
    /// What a request can cost at most, where that is known.
    pub(super) most: f64,
    /// By time.
    slots: VecDeque<(Instant, f64)>,
    /// What has been taken out of slots in their time, for a request that waits; and when last.
    put_by: f64,
    put_by_at: Option<Instant>,
    /// What the request costs that has waited since it found too little.
    awaited: f64,
    /// What was used more or less than was taken, since somebody asked.
    pub(super) settled: f64,
    /// What was granted so far.
    pub(super) granted: f64,
}

impl Stock {
    pub(super) fn new(unit: Unit, most: f64) -> Self {
        let slots = VecDeque::new();
        Self { unit, most, slots, put_by: 0.0, put_by_at: None, awaited: 0.0, settled: 0.0, granted: 0.0 }
    }

    pub(super) fn grant(&mut self, at: Instant, amount: f64) {
        if amount > 0.0 && amount.is_finite() {
            self.granted += amount;
            let place = self.slots.partition_point(|(other, _)| *other <= at);
            self.slots.insert(place, (at, amount));
        }
    }

    /// What was granted and is neither used nor over.
    pub(super) fn ahead(&self) -> f64 {
        self.put_by + self.slots.iter().map(|(_, amount)| amount).sum::<f64>()
    }

    /// What a moment comes to that has passed: slots that somebody has waited for are put by, as if somebody had looked in
    /// their time, and others that are late are given back.
    pub(super) fn turn(&mut self, now: Instant) {
        self.put_by(self.awaited, now);
        while let Some((_, amount)) = self.slots.front().filter(|(at, _)| *at + LATENESS < now) {
            self.settled -= amount;
            self.slots.pop_front();
        }
        if self.put_by_at.is_some_and(|at| at + PUT_BY < now) {
            self.settled -= std::mem::take(&mut self.put_by);
            (self.put_by_at, self.awaited) = (None, 0.0);
        }
    }

    /// Takes out of slots whose time has come what a request costs, as far as there is. Whether that is enough.
    fn put_by(&mut self, cost: f64, now: Instant) -> bool {
        // Sums of many small amounts are not exact.
        let rounding = cost * 1e-9;
        while self.put_by + rounding < cost
            && let Some((_, amount)) = self.slots.front_mut().filter(|(at, _)| *at <= now)
        {
            let taken = amount.min(cost - self.put_by);
            self.put_by += taken;
            *amount -= taken;
            self.put_by_at = Some(now);
            if *amount <= 0.0 {
                self.slots.pop_front();
            }
        }
        self.put_by + rounding >= cost
    }

    /// Whether there is enough for a request that is next. What there is of it is put by, and what comes will be.
    pub(super) fn is_enough(&mut self, cost: f64, now: Instant) -> bool {
        let is_enough = self.put_by(cost, now);
        self.awaited = cost;
        is_enough
    }

    /// Whether there is enough for a request, whoever is next.
    pub(super) fn holds(&self, cost: f64, now: Instant) -> bool {
        let due = self.slots.iter().take_while(|(at, _)| *at <= now).map(|(_, amount)| amount).sum::<f64>();
        self.put_by + due + cost * 1e-9 >= cost
    }

    /// Whether more is to be asked for: the request that is next lacks something, and what has been granted beyond this
    /// moment does not suffice, or does not last for a while.
    pub(super) fn runs_dry(&self, now: Instant) -> bool {
        let lacks = |sum: f64| sum + self.awaited * 1e-9 < self.awaited;
        let mut sum = self.put_by;
        if !lacks(sum) {
            return false;
        }
        if self.slots.back().is_none_or(|(last, _)| *last < now + ENOUGH) {
            return true;
        }
        for (_, amount) in &self.slots {
            sum += amount;
            if !lacks(sum) {
                return false;
            }
        }
        true
    }

    /// The request has been sent.
    pub(super) fn use_up(&mut self, cost: f64) {
        self.put_by = (self.put_by - cost).max(0.0);
        self.awaited = 0.0;
    }

    /// Whether all is put by that the request costs that waits.
    pub(super) fn is_filled(&self) -> bool {
        self.awaited > 0.0 && self.put_by >= self.awaited
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.slots.front().is_some_and(|(at, _)| *at <= now)
    }

    /// When more falls due.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.slots.iter().map(|(at, _)| *at).find(|at| *at > now)
    }
}
