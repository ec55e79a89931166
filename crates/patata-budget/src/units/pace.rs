//! When the next slot of a rate is: one number, the next free time to send.

use crate::units::rate::Rate;
use crate::units::{Amount, Nanos, SECOND};

/// What was given back is granted again by that part more than the rate: a burst of it would look like none was kept.
const CATCH_UP: Nanos = 125;
/// The most time's worth of budget that is remembered as given back.
const MOST_CREDIT: Nanos = SECOND;

/// Slots that follow each other evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// When the first one is.
    pub(crate) at: Nanos,
    /// The time from one to the next.
    pub(crate) every: Nanos,
    /// How many.
    pub(crate) pieces: u64,
}

impl Run {
    pub(crate) fn last(&self) -> Nanos {
        self.at + self.every * self.pieces.saturating_sub(1)
    }
}

/// Spreads what is granted evenly. What nobody asked for in its time is gone, but for a burst where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    rate: Rate,
    /// When the next piece would be, were there no burst.
    next: Nanos,
    /// How much sooner it may be.
    tolerance: Nanos,
    /// The time that what was given back would have taken.
    credit: Nanos,
}

impl Pace {
    /// One that grants nothing before a moment, and has no burst left then.
    pub(crate) fn new(rate: Rate, opens: Nanos) -> Self {
        let tolerance = rate.time_of(rate.burst());
        Self { rate, next: opens.saturating_add(tolerance), tolerance, credit: 0 }
    }

    /// From when on something may be granted.
    pub(crate) fn opens(&self) -> Nanos {
        self.next.saturating_sub(self.tolerance)
    }

    /// The time that an amount takes.
    pub(crate) fn time_of(&self, amount: Amount) -> Nanos {
        self.rate.time_of(amount)
    }

    /// The next slots of a piece each, at most so many, of which the last is not behind a moment.
    pub(crate) fn run(&mut self, now: Nanos, piece: Amount, most: u64, until: Nanos) -> Option<Run> {
        let at = self.opens().max(now);
        if most == 0 || at > until {
            return None;
        }
        let time = self.rate.time_of(piece).max(1);
        self.next = self.next.max(now);
        // With a burst, several may be due at once.
        let due = (at + self.tolerance).saturating_sub(self.next) / time + 1;
        let run = if due > 1 {
            Run { at, every: 0, pieces: due.min(most) }
        } else {
            let pieces = most.min((until - at) / time + 1);
            let saved = (time / CATCH_UP).min(self.credit / pieces);
            self.credit -= saved * pieces;
            Run { at, every: time - saved, pieces }
        };
        let taken = if run.every == 0 { time } else { run.every };
        self.next = self.next.saturating_add(taken.saturating_mul(run.pieces));
        Some(run)
    }

    /// Takes back what was not used.
    pub(crate) fn give_back(&mut self, amount: Amount) {
        self.credit = self.credit.saturating_add(self.rate.time_of(amount)).min(MOST_CREDIT);
    }

    /// Counts what was used beyond what was granted.
    pub(crate) fn owe(&mut self, now: Nanos, amount: Amount) {
        self.next = self.next.max(now).saturating_add(self.rate.time_of(amount));
    }

    /// Grants nothing before a moment.
    pub(crate) fn close_until(&mut self, moment: Nanos) {
        self.next = self.next.max(moment.saturating_add(self.tolerance));
    }

    /// When the next piece would be, were there no burst: all that another holder needs to go on.
    pub(crate) fn next(&self) -> Nanos {
        self.next
    }

    /// Goes on from what [`Pace::next`] has said.
    pub(crate) fn resume(&mut self, next: Nanos) {
        self.next = self.next.max(next);
    }

    /// What was used of it and has not come back by a moment.
    pub(crate) fn used(&self, at: Nanos) -> Amount {
        self.rate.amount_in(self.next.saturating_sub(at))
    }

    /// One with another rate, of which so much is used at a moment. That is over at the latest when it would have been before.
    pub(crate) fn used_up(rate: Rate, used: Amount, at: Nanos, before: Nanos) -> Self {
        Self { next: at.saturating_add(rate.time_of(used)).min(before.max(at)), ..Self::new(rate, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{HORIZON, MILLISECOND};

    fn pace(rate: &str) -> Pace {
        Pace::new(rate.parse().unwrap(), 0)
    }

    #[test]
    fn slots_are_spread_evenly_and_not_far_ahead() {
        let mut pace = pace("100/s");
        let ten = 10 * MILLISECOND;
        assert_eq!(pace.run(0, 1, 50, HORIZON), Some(Run { at: 0, every: ten, pieces: 11 }));
        assert_eq!(pace.run(0, 1, 50, HORIZON), None);
        assert_eq!(
            pace.run(ten, 1, 50, ten + HORIZON),
            Some(Run { at: HORIZON + ten, every: ten, pieces: 1 })
        );
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let mut pace = pace("10/s");
        assert_eq!(pace.run(0, 1, 1, HORIZON).unwrap().at, 0);
        assert_eq!(pace.run(60 * SECOND, 1, 5, 60 * SECOND + HORIZON).unwrap().pieces, 2);
    }

    #[test]
    fn a_burst_is_granted_at_once_and_comes_back_at_the_rate() {
        let mut pace = pace("10/s;burst=5");
        // It begins with none left.
        assert_eq!(pace.run(0, 1, 9, 0).unwrap().pieces, 1);
        assert_eq!(pace.run(SECOND, 1, 9, SECOND), Some(Run { at: SECOND, every: 0, pieces: 6 }));
        assert_eq!(pace.run(SECOND, 1, 9, SECOND), None);
    }

    #[test]
    fn what_is_given_back_is_granted_again_a_little_faster() {
        let mut pace = pace("100/s");
        pace.run(0, 1, 11, HORIZON);
        pace.give_back(5);
        let mut count = 0;
        for step in 1..=1000 {
            let now = step * 10 * MILLISECOND;
            count += pace.run(now, 1, 50, now + HORIZON).map_or(0, |run| run.pieces);
        }
        assert_eq!(count, 1005);
    }

    #[test]
    fn a_large_piece_is_granted_at_once_and_paid_for_afterwards() {
        let mut pace = pace("60/min");
        assert_eq!(pace.run(0, 30, 2, HORIZON).unwrap().pieces, 1);
        assert_eq!(pace.opens(), 30 * SECOND);
        pace.owe(0, 5);
        assert_eq!(pace.opens(), 35 * SECOND);
    }
}
