//! So much in any time of a given length: a pure state machine of bounded size.

use std::collections::VecDeque;

use crate::units::{Amount, Nanos};

/// The parts that a window is divided into. What was granted in a part is forgotten when the last of it is as old as the
/// window is long: at most a part later than it could be.
const PARTS: u64 = 256;

/// A sliding window, which may be used up at once.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    most: Amount,
    window: Nanos,
    /// From old to new.
    parts: VecDeque<Part>,
    used: Amount,
}

/// What was granted for a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) began: Nanos,
    pub(crate) last: Nanos,
    pub(crate) amount: Amount,
}

impl Quota {
    pub(crate) fn new(most: Amount, window: Nanos) -> Self {
        Self { most, window, parts: VecDeque::new(), used: 0 }
    }

    /// How much may be granted for a moment.
    pub(crate) fn room(&mut self, at: Nanos) -> Amount {
        while let Some(oldest) = self.parts.front().filter(|part| part.last + self.window <= at) {
            self.used -= oldest.amount;
            self.parts.pop_front();
        }
        self.most.saturating_sub(self.used)
    }

    /// When there is room for an amount, which is no more than it ever holds.
    pub(crate) fn opens(&self, amount: Amount) -> Nanos {
        let mut used = self.used;
        let mut opens = 0;
        for part in &self.parts {
            if used + amount <= self.most {
                break;
            }
            used -= part.amount;
            opens = part.last + self.window;
        }
        opens
    }

    /// Counts what is granted for the time from one moment to another.
    pub(crate) fn count(&mut self, from: Nanos, to: Nanos, amount: Amount) {
        self.used += amount;
        match self.parts.back_mut() {
            Some(part) if from < part.began + self.window / PARTS => {
                part.amount += amount;
                part.last = part.last.max(to);
            }
            _ => self.parts.push_back(Part { began: from, last: to, amount }),
        }
    }

    /// Takes back what was counted last and is not used.
    pub(crate) fn uncount(&mut self, mut amount: Amount) {
        while let Some(part) = self.parts.back_mut().filter(|_| amount > 0) {
            let taken = part.amount.min(amount);
            part.amount -= taken;
            self.used -= taken;
            amount -= taken;
            if part.amount == 0 {
                self.parts.pop_back();
            }
        }
    }

    /// What is remembered, and how to remember it again.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        self.parts.iter().copied()
    }

    pub(crate) fn window(&self) -> Nanos {
        self.window
    }

    #[cfg(test)]
    fn used(&self) -> Amount {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quota_may_be_used_up_at_once_and_opens_a_window_later() {
        let mut quota = Quota::new(3, 1000);
        quota.count(5, 7, 3);
        assert_eq!((quota.room(8), quota.opens(1)), (0, 1007));
        assert_eq!((quota.room(1006), quota.room(1007)), (0, 3));
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_the_quota(steps in proptest::collection::vec((1..200_u64, 1..20_u64), 1..300)) {
            let mut quota = Quota::new(50, 1000);
            let mut granted = Vec::new();
            let mut now = 0;
            for (wait, amount) in steps {
                now += wait;
                if quota.room(now) >= amount {
                    quota.count(now, now, amount);
                    granted.push((now, amount));
                } else {
                    let opens = quota.opens(amount);
                    prop_assert!(opens > now);
                    prop_assert!(quota.clone().room(opens) >= amount);
                }
            }
            for (from, _) in &granted {
                let within = granted.iter().filter(|(at, _)| (*from..from + 1000).contains(at));
                prop_assert!(within.map(|(_, amount)| amount).sum::<u64>() <= 50);
            }
            let all = quota.used();
            quota.uncount(all + 5);
            prop_assert_eq!(quota.used(), 0);
        }
    }
}
