//! So much in any time of a given length: a pure state machine of bounded size.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The parts that a window is divided into. What was used in a part is remembered as a sum and the moment of the
/// last: so the memory is bounded whatever the rate, and a request is forgotten at most a part later than it could be.
const PARTS: u32 = 256;

/// What sums may be wrong by, as a share of the quota.
const ROUNDING: f64 = 1e-9;

/// A sliding window. It may be used up at once; then the next request waits until enough of those before are as old
/// as the window is long.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    most: f64,
    window: Duration,
    /// From old to new, of at most [`PARTS`] and two more.
    parts: VecDeque<Part>,
    /// What the parts add up to.
    used: f64,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    began: Instant,
    last: Instant,
    used: f64,
}

impl Quota {
    pub(crate) fn new(most: f64, window: Duration) -> Self {
        Self { most, window, parts: VecDeque::new(), used: 0.0 }
    }

    /// Until when not so much may be used; `None` where it may. What is more than the whole quota waits for all of it.
    pub(crate) fn closed_until(&self, now: Instant, amount: f64) -> Option<Instant> {
        let rounding = self.most * ROUNDING;
        let mut excess = self.used + amount.min(self.most) - self.most;
        if excess <= rounding {
            return None;
        }
        // It opens when enough of what was used first has left the window.
        for part in &self.parts {
            excess -= part.used;
            if excess <= rounding {
                let opens = part.last + self.window;
                return (opens > now).then_some(opens);
            }
        }
        None
    }

    /// Whether nothing that was used counts any more.
    pub(crate) fn is_unused(&self, now: Instant) -> bool {
        self.parts.back().is_none_or(|part| part.last + self.window <= now)
    }

    /// Counts what is used now.
    pub(crate) fn count(&mut self, now: Instant, amount: f64) {
        while let Some(oldest) = self.parts.front().filter(|part| part.last + self.window <= now) {
            self.used -= oldest.used;
            self.parts.pop_front();
        }
        if self.parts.is_empty() {
            // Whatever rounding has left.
            self.used = 0.0;
        }
        self.used += amount;
        match self.parts.back_mut() {
            Some(part) if now < part.began + self.window / PARTS => {
                part.used += amount;
                part.last = part.last.max(now);
            }
            _ => self.parts.push_back(Part { began: now, last: now, used: amount }),
        }
    }

    /// Gives back what was counted at a moment and has not been used after all.
    pub(crate) fn give_back(&mut self, counted: Instant, amount: f64) {
        let holds = |part: &&mut Part| part.began <= counted && counted <= part.last;
        if let Some(part) = self.parts.iter_mut().rev().find(holds) {
            let amount = amount.min(part.used);
            part.used -= amount;
            self.used -= amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_quota_may_be_used_up_at_once_and_opens_a_window_later() {
        let mut quota = Quota::new(3.0, DAY);
        let now = clock::now();
        for _ in 0..3 {
            assert_eq!(quota.closed_until(now, 1.0), None);
            quota.count(now, 1.0);
        }
        assert_eq!(quota.closed_until(now, 1.0), Some(now + DAY));
        assert_eq!(quota.closed_until(now + DAY, 1.0), None);
    }

    #[test]
    fn a_million_a_day_takes_no_more_memory_than_a_few() {
        let mut quota = Quota::new(1e6, DAY);
        let now = clock::now();
        for request in 0..1_000_000 {
            let at = now + DAY * request / 900_000;
            if quota.closed_until(at, 1.0).is_none() {
                quota.count(at, 1.0);
            }
            assert!(quota.parts.len() <= PARTS as usize + 2);
        }
    }

    proptest! {
        /// Whatever the moments at which somebody wants to send: no window holds more than the quota, and what could be
        /// sent is held back by at most a part of the window.
        #[test]
        fn no_window_holds_more_and_little_is_held_back(
            most in 1..40_u32,
            gaps in prop::collection::vec(0..3_000_u64, 1..400),
        ) {
            let window = Duration::from_secs(10);
            let begin = clock::now();
            let mut quota = Quota::new(f64::from(most), window);
            let mut passed = Duration::ZERO;
            let mut sent: Vec<Duration> = Vec::new();
            for gap in gaps {
                passed += Duration::from_millis(gap);
                let within = |length| sent.iter().filter(|at| passed - **at < length).count();
                if quota.closed_until(begin + passed, 1.0).is_none() {
                    prop_assert!(within(window) < most as usize);
                    quota.count(begin + passed, 1.0);
                    sent.push(passed);
                } else {
                    prop_assert!(within(window + window / PARTS) >= most as usize);
                }
                prop_assert!(quota.parts.len() <= PARTS as usize + 2);
            }
        }

        /// Whatever the amounts, and whatever is given back: no window holds more, and what is refused has no room.
        #[test]
        fn amounts_are_held_and_what_is_given_back_has_room_again(
            steps in prop::collection::vec((0..3_000_u64, 1..50_u32, 0..100_u32), 1..300),
        ) {
            let (most, window) = (100.0, Duration::from_secs(10));
            let begin = clock::now();
            let mut quota = Quota::new(most, window);
            let mut passed = Duration::ZERO;
            let mut used: Vec<(Duration, f64)> = Vec::new();
            for (gap, amount, kept) in steps {
                passed += Duration::from_millis(gap);
                let (now, amount) = (begin + passed, f64::from(amount));
                let within = |length, used: &[(Duration, f64)]| -> f64 {
                    used.iter().filter(|(at, _)| passed - *at < length).map(|(_, amount)| amount).sum()
                };
                match quota.closed_until(now, amount) {
                    None => {
                        prop_assert!(within(window, &used) + amount <= most + 1e-6);
                        quota.count(now, amount);
                        let part = f64::from(kept) / 100.0 * amount;
                        quota.give_back(now, amount - part);
                        used.push((passed, part));
                    }
                    Some(opens) => {
                        prop_assert!(opens > now);
                        prop_assert!(within(window + window / PARTS, &used) + amount > most - 1e-6);
                    }
                }
            }
        }
    }
}
