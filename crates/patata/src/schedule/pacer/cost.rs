//! What a request costs of a limit: one; what it states itself, of which it is seen by what remains how far it is off; or a
//! mean that is learnt from that.

use crate::schedule::pacer::scale::{Anchor, Scale};
use crate::schedule::pacer::taken::Sum;

/// Requests between two answers that are compared.
const SPAN: u32 = 8;
/// What each comparison leaves of those before it.
const MEMORY: f64 = 0.8;
/// Before the first comparison a request is taken to cost at most this part of the limit.
const FIRST_PART: f64 = 0.05;
/// How fast it is followed which part of the answers tells of a limit.
const WEIGHT: f64 = 0.05;

/// Learns from what remains.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    /// Whether each request counts as one.
    is_one: bool,
    first: f64,
    spent: f64,
    requests: f64,
    /// The part of requests that count at all, as far as answers tell.
    share: f64,
    pub(crate) scale: Scale,
    anchor: Option<Anchor>,
}

impl Cost {
    pub(crate) fn new(is_one: bool) -> Self {
        Self {
            is_one,
            first: 1.0,
            spent: 0.0,
            requests: 0.0,
            share: 1.0,
            scale: Scale::default(),
            anchor: None,
        }
    }

    /// What a request is taken to cost.
    pub(crate) fn mean(&self) -> f64 {
        if self.is_one {
            return self.share.max(0.01);
        }
        if self.requests > 0.0 { (self.spent / self.requests).max(self.first * 0.01) } else { self.first }
    }

    /// What a request is taken to cost that states so much.
    pub(crate) fn of(&self, stated: Option<f64>) -> f64 {
        stated.map_or_else(|| self.mean(), |stated| stated * self.scale.get())
    }

    /// What all of these are taken to cost.
    pub(crate) fn of_all(&self, sum: Sum) -> f64 {
        sum.stated * self.scale.get() + f64::from(sum.unstated) * self.mean()
    }

    /// The first that is known of a limit: so much of it is used after so many requests of ours.
    pub(crate) fn begin(&mut self, limit: f64, used: f64, requests: u32) {
        self.first = (used / f64::from(requests.max(1))).clamp(limit * 1e-6, limit * FIRST_PART);
    }

    /// An answer tells of the limit, or not.
    pub(crate) fn note_told(&mut self, is_told: bool) {
        self.share += WEIGHT * (f64::from(u8::from(is_told)) - self.share);
    }

    /// Compares an answer to one before it, where so much comes back in a second. Of a limit that is full something may
    /// have been lost: then a request costs at most what the comparison says.
    pub(crate) fn learn(&mut self, now: Anchor, refill: f64, is_full: bool) {
        let Some(before) = self.anchor else {
            self.anchor = Some(now);
            return;
        };
        // One that was overtaken is further off than all that there may be between two.
        let requests = now.number.wrapping_sub(before.number);
        if !(SPAN..u32::MAX / 2).contains(&requests) {
            return;
        }
        self.anchor = Some(now);
        let spent = before.remaining - now.remaining + refill * (now.at - before.at);
        let requests = f64::from(requests);
        if is_full {
            let most = (spent / requests).max(self.first * 0.01);
            if most < self.mean() && !self.is_one {
                (self.first, self.spent, self.requests) = (most, 0.0, 0.0);
            }
        } else if spent > 0.0 {
            self.spent = MEMORY * self.spent + spent;
            self.requests = MEMORY * self.requests + requests;
        }
    }

    /// What comes now cannot be compared to what was before: the limit was reset.
    pub(crate) fn restart(&mut self) {
        self.anchor = None;
        self.scale.restart();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anchor(number: u32, remaining: f64) -> Anchor {
        Anchor { number, remaining, at: f64::from(number) }
    }

    #[test]
    fn a_request_is_a_request_of_those_that_count() {
        let mut cost = Cost::new(true);
        cost.learn(anchor(1, 1000.0), 0.0, false);
        cost.learn(anchor(20, 1.0), 0.0, false);
        assert_eq!(cost.mean(), 1.0);
        for number in 0..400 {
            cost.note_told(number % 4 == 0);
        }
        assert!((0.15..0.4).contains(&cost.mean()), "{cost:?}");
    }

    #[test]
    fn what_stays_full_costs_at_most_what_comes_back() {
        let mut cost = Cost::new(false);
        cost.begin(1000.0, 900.0, 1);
        assert_eq!(cost.mean(), 50.0);
        cost.learn(anchor(0, 1000.0), 5.0, true);
        cost.learn(anchor(10, 1000.0), 5.0, true);
        assert_eq!(cost.mean(), 5.0);
    }

    #[test]
    fn what_is_stated_is_what_it_costs() {
        let mut cost = Cost::new(false);
        cost.begin(1000.0, 20.0, 1);
        assert_eq!((cost.of(Some(700.0)), cost.of(None)), (700.0, 20.0));
        assert_eq!(cost.of_all(Sum { stated: 700.0, unstated: 3 }), 760.0);
    }

    proptest! {
        #[test]
        fn the_mean_is_found(
            costs in prop::collection::vec(10.0..8000.0_f64, 200..400),
            refill in 0.0..5000.0_f64,
        ) {
            let mut cost = Cost::new(false);
            let mut remaining = 0.0;
            cost.begin(90_000.0, 45_000.0, 1);
            for (number, spent) in costs.iter().enumerate() {
                remaining += refill - spent;
                cost.learn(anchor(number as u32, remaining), refill, false);
            }
            let late = &costs[costs.len() - 80..];
            let mean = late.iter().sum::<f64>() / late.len() as f64;
            prop_assert!((cost.mean() / mean - 1.0).abs() < 0.5, "{} of {mean}", cost.mean());
        }
    }
}
