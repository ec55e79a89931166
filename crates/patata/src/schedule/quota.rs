//! So many requests in any time of a given length: a pure state machine of bounded size.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The parts that a window is divided into. What was sent in a part is remembered as a count and the moment of the
/// last: so the memory is bounded whatever the rate, and a request is forgotten at most a part later than it could be.
const PARTS: u32 = 256;

/// A sliding window. It may be used up at once; then the next request waits until enough of those before are as old
/// as the window is long.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    most: u32,
    window: Duration,
    /// From old to new, of at most [`PARTS`] and two more.
    parts: VecDeque<Part>,
    /// What the parts add up to.
    sent: u32,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    began: Instant,
    last: Instant,
    count: u32,
}

impl Quota {
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        Self { most, window, parts: VecDeque::new(), sent: 0 }
    }

    /// Until when nothing more may be sent; `None` where something may.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        if self.sent < self.most {
            return None;
        }
        // All parts together are the quota: it opens when the first of them has left the window.
        let opens = self.parts.front()?.last + self.window;
        (opens > now).then_some(opens)
    }

    /// Whether nothing that was sent counts any more.
    pub(crate) fn is_unused(&self, now: Instant) -> bool {
        self.parts.back().is_none_or(|part| part.last + self.window <= now)
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, now: Instant) {
        while let Some(oldest) = self.parts.front().filter(|part| part.last + self.window <= now) {
            self.sent -= oldest.count;
            self.parts.pop_front();
        }
        self.sent = self.sent.saturating_add(1);
        match self.parts.back_mut() {
            Some(part) if now < part.began + self.window / PARTS => {
                part.count = part.count.saturating_add(1);
                part.last = part.last.max(now);
            }
            _ => self.parts.push_back(Part { began: now, last: now, count: 1 }),
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
        let mut quota = Quota::new(3, DAY);
        let now = clock::now();
        for _ in 0..3 {
            assert_eq!(quota.closed_until(now), None);
            quota.count(now);
        }
        assert_eq!(quota.closed_until(now), Some(now + DAY));
        assert_eq!(quota.closed_until(now + DAY), None);
    }

    #[test]
    fn a_million_a_day_takes_no_more_memory_than_a_few() {
        let mut quota = Quota::new(1_000_000, DAY);
        let now = clock::now();
        for request in 0..1_000_000 {
            let at = now + DAY * request / 900_000;
            if quota.closed_until(at).is_none() {
                quota.count(at);
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
            let mut quota = Quota::new(most, window);
            let mut passed = Duration::ZERO;
            let mut sent: Vec<Duration> = Vec::new();
            for gap in gaps {
                passed += Duration::from_millis(gap);
                let within = |length| sent.iter().filter(|at| passed - **at < length).count();
                if quota.closed_until(begin + passed).is_none() {
                    prop_assert!(within(window) < most as usize);
                    quota.count(begin + passed);
                    sent.push(passed);
                } else {
                    prop_assert!(within(window + window / PARTS) >= most as usize);
                }
                prop_assert!(quota.parts.len() <= PARTS as usize + 2);
            }
        }
    }
}
