//! How many retries a run may make, so that an outage is not amplified: a pure state machine.

use std::time::{Duration, Instant};

/// A part of the window, which is forgotten at a time.
const SLICE: Duration = Duration::from_secs(1);
/// The window of ten and one more: requests are counted in the latest ten, which are never more than the window,
/// and retries in all, which are never less. So it holds for any ten seconds.
const SLICES: usize = 11;
/// Retries in a window that are allowed however few requests there are: small runs need no protection.
const FLOOR: u32 = 100;

/// Allows retries as a share of the first attempts of the last ten seconds.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    share: f64,
    slices: [Slice; SLICES],
    /// The slice that is counted in, from the beginning.
    current: u64,
    began: Option<Instant>,
    /// Whether first attempts need not be counted yet.
    is_dormant: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    first: u32,
    retries: u32,
}

impl RetryBudget {
    pub(crate) fn new(share: f64) -> Self {
        Self { share, slices: [Slice::default(); SLICES], current: 0, began: None, is_dormant: false }
    }

    /// One for a run without retries: it counts from the first time that it is asked, as few such runs ever ask.
    pub(crate) fn dormant(share: f64) -> Self {
        Self { is_dormant: true, ..Self::new(share) }
    }

    /// Counts from now on.
    pub(crate) fn wake(&mut self) {
        self.is_dormant = false;
    }

    /// Whether first attempts are to be counted.
    pub(crate) fn is_counting(&self) -> bool {
        !self.is_dormant
    }

    /// Counts first attempts.
    pub(crate) fn count(&mut self, first_attempts: usize, now: Instant) {
        let first_attempts = u32::try_from(first_attempts).unwrap_or(u32::MAX);
        let slice = self.slice(now);
        slice.first = slice.first.saturating_add(first_attempts);
    }

    /// Whether there may be another retry.
    pub(crate) fn has_room(&mut self, now: Instant) -> bool {
        self.is_dormant = false;
        self.slice(now);
        let oldest = place(self.current + 1);
        let total: u64 = self.slices.iter().map(|slice| u64::from(slice.first)).sum();
        let first = total - u64::from(self.slices[oldest].first);
        let retries: u64 = self.slices.iter().map(|slice| u64::from(slice.retries)).sum();
        let most = (first as f64 * self.share).max(f64::from(FLOOR));
        (retries + 1) as f64 <= most
    }

    /// Counts a retry.
    pub(crate) fn count_retry(&mut self, now: Instant) {
        self.slice(now).retries += 1;
    }

    /// The slice of this moment; those in between are emptied.
    fn slice(&mut self, now: Instant) -> &mut Slice {
        let passed = now.saturating_duration_since(*self.began.get_or_insert(now));
        let number =
            u64::try_from(passed.as_nanos() / SLICE.as_nanos()).unwrap_or(u64::MAX).max(self.current);
        let skipped = (number - self.current).min(SLICES as u64);
        for step in 1..=skipped {
            self.slices[place(self.current + step)] = Slice::default();
        }
        self.current = number;
        &mut self.slices[place(number)]
    }
}

fn place(number: u64) -> usize {
    (number % SLICES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    fn allowed(budget: &mut RetryBudget, wanted: usize, now: Instant) -> usize {
        let mut allowed = 0;
        while allowed < wanted && budget.has_room(now) {
            budget.count_retry(now);
            allowed += 1;
        }
        allowed
    }

    #[test]
    fn retries_are_a_share_of_first_attempts() {
        let mut budget = RetryBudget::new(0.1);
        let now = clock::now();
        budget.count(10_000, now);
        assert_eq!(allowed(&mut budget, 10_000, now), 1000);
    }

    #[test]
    fn a_small_run_has_a_floor() {
        let now = clock::now();
        let mut budget = RetryBudget::new(0.1);
        budget.count(1, now);
        assert_eq!(allowed(&mut budget, 10_000, now), 100);
    }

    #[test]
    fn one_that_is_dormant_wakes_when_it_is_asked_and_knows_nothing_of_what_was_before() {
        let now = clock::now();
        let mut budget = RetryBudget::dormant(0.1);
        assert!(!budget.is_counting());
        assert_eq!(allowed(&mut budget, 10_000, now), 100);
        assert!(budget.is_counting());
        budget.count(2000, now);
        assert_eq!(allowed(&mut budget, 10_000, now), 100);
    }

    #[test]
    fn the_window_slides() {
        let mut budget = RetryBudget::new(0.1);
        let now = clock::now();
        assert_eq!(allowed(&mut budget, 500, now), 100);
        assert_eq!(allowed(&mut budget, 500, now + Duration::from_secs(9)), 0);
        assert_eq!(allowed(&mut budget, 500, now + Duration::from_secs(11)), 100);
        assert_eq!(allowed(&mut budget, 500, now + Duration::from_secs(3600)), 100);
    }

    #[test]
    fn first_attempts_are_forgotten_too() {
        let mut budget = RetryBudget::new(0.5);
        let now = clock::now();
        budget.count(10_000, now);
        assert_eq!(allowed(&mut budget, 10_000, now + Duration::from_secs(11)), 100);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
        let mut budget = RetryBudget::new(0.1);
        let now = clock::now() + Duration::from_secs(60);
        assert_eq!(allowed(&mut budget, 500, now), 100);
        assert_eq!(allowed(&mut budget, 500, now - Duration::from_secs(30)), 0);
    }

    proptest! {
        #[test]
        fn whenever_one_is_allowed_the_last_ten_seconds_are_within_the_budget(
            steps in prop::collection::vec((0..400_usize, 0..200_usize, 0..3000_u64), 1..60),
        ) {
            let begin = clock::now();
            let mut budget = RetryBudget::new(0.2);
            let mut passed = Duration::ZERO;
            let mut log = Vec::new();
            for (first, wanted, milliseconds) in steps {
                passed += Duration::from_millis(milliseconds);
                budget.count(first, begin + passed);
                let allowed = allowed(&mut budget, wanted, begin + passed);
                log.push((passed, first, allowed));
                let window = || log.iter().filter(|entry| passed - entry.0 < Duration::from_secs(10));
                let first: usize = window().map(|entry| entry.1).sum();
                let retries: usize = window().map(|entry| entry.2).sum();
                prop_assert!(allowed == 0 || retries as f64 <= (first as f64 * 0.2).max(100.0));
            }
        }
    }
}
