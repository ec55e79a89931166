//! When the next request may go under one or several rates: a pure state machine.

use std::time::{Duration, Instant};

use crate::config::rate::Rate;
use crate::schedule::quota::Quota;

/// How late a request may be sent and still be counted as sent in time, so that the next one keeps its own.
/// Timers are a millisecond late, and busy threads some more; without it, each delay would slow the rate.
pub(super) const LENIENCY: Duration = Duration::from_millis(20);

/// Spreads requests evenly over the shortest window of its rates; the longer ones are quotas over a sliding
/// window, which may be used up at once. Of several rates with the shortest window, the strictest counts.
///
/// A pause is not made up for: after it, requests go on at their pace, and never in a burst of what was missed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    /// The even spacing; `None` without any rate.
    interval: Option<Duration>,
    /// When the next request is due; `None` before the first.
    next: Option<Instant>,
    quotas: Vec<Quota>,
}

impl Pace {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let Some(shortest) = rates.iter().map(|rate| rate.window()).min() else { return Self::default() };
        let (even, longer): (Vec<&Rate>, Vec<&Rate>) =
            rates.iter().partition(|rate| rate.window() == shortest);
        Self {
            interval: even.into_iter().map(|rate: &Rate| rate.interval()).max(),
            next: None,
            quotas: longer
                .into_iter()
                .map(|rate| Quota::new(f64::from(rate.count()), rate.window()))
                .collect(),
        }
    }

    /// Spreads requests by an interval, where they are not spread wider.
    pub(crate) fn widen(&mut self, interval: Duration) {
        self.interval = self.interval.max(Some(interval));
    }

    /// Until when nothing more may be sent; `None` where something may.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        let quotas = self.quotas.iter().filter_map(|quota| quota.closed_until(now, 1.0));
        self.next.filter(|next| *next > now).into_iter().chain(quotas).max()
    }

    /// Whether a fresh one in its place would behave the same.
    pub(crate) fn is_unused(&self, now: Instant) -> bool {
        self.closed_until(now).is_none() && self.quotas.iter().all(|quota| quota.is_unused(now))
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, now: Instant) {
        let Some(interval) = self.interval else { return };
        let due = self.next.filter(|due| *due + LENIENCY >= now).unwrap_or(now);
        self.next = Some(due + interval);
        for quota in &mut self.quotas {
            quota.count(now, 1.0);
        }
    }

    /// Counts a request that is in flight already and goes out once more. Says until when it must wait.
    pub(crate) fn count_anew(&mut self, now: Instant) -> Option<Instant> {
        let due = self.closed_until(now);
        self.count(now);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    fn pace(rates: &[&str]) -> Pace {
        Pace::new(&rates.iter().map(|rate| rate.parse().unwrap()).collect::<Vec<_>>())
    }

    /// The moments, in seconds, at which a sender that looks every `step` sends.
    fn sent(pace: &mut Pace, step: Duration, duration: Duration) -> Vec<f64> {
        let begin = clock::now();
        let mut passed = Duration::ZERO;
        let mut moments = Vec::new();
        while passed < duration {
            while pace.closed_until(begin + passed).is_none() {
                pace.count(begin + passed);
                moments.push(passed.as_secs_f64());
            }
            passed += step;
        }
        moments
    }

    #[test]
    fn requests_are_spread_evenly() {
        let moments = sent(&mut pace(&["10/s"]), Duration::from_millis(1), Duration::from_secs(2));
        assert_eq!(moments.len(), 20);
        assert!(moments.windows(2).all(|pair| (pair[1] - pair[0] - 0.1).abs() < 0.0011), "{moments:?}");
    }

    #[test]
    fn of_equal_windows_the_strictest_counts() {
        let moments = sent(&mut pace(&["100/s", "10/s"]), Duration::from_millis(1), Duration::from_secs(3));
        assert_eq!(moments.len(), 30);
    }

    #[test]
    fn the_shortest_window_is_spread_evenly_and_a_longer_one_is_a_quota() {
        let day =
            sent(&mut pace(&["100/s", "1000000/day"]), Duration::from_millis(1), Duration::from_secs(5));
        assert_eq!(day.len(), 500);
        let minute =
            sent(&mut pace(&["100/min", "10/s"]), Duration::from_millis(10), Duration::from_secs(200));
        assert!((minute[59] - 5.9).abs() < 0.1, "{}", minute[59]);
        assert_eq!(minute.iter().filter(|at| **at < 60.0).count(), 100);
        assert!((minute[99] - 9.9).abs() < 0.1 && minute[100] >= 60.0, "{:?}", &minute[99..=100]);
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let mut pace = pace(&["10/s"]);
        let begin = clock::now();
        pace.count(begin);
        let later = begin + Duration::from_secs(60);
        assert_eq!(pace.closed_until(later), None);
        pace.count(later);
        assert_eq!(pace.closed_until(later), Some(later + Duration::from_millis(100)));
    }

    #[test]
    fn without_a_rate_it_is_always_open() {
        let mut pace = Pace::default();
        pace.count(clock::now());
        assert_eq!(pace.closed_until(clock::now()), None);
    }

    proptest! {
        /// However coarse the looks, the rate is held within 1 % over ten seconds.
        #[test]
        fn a_rate_is_held(per_second in 1..5000_u32, step in 1..15_u64) {
            let mut pace = pace(&[&format!("{per_second}/s")]);
            let count = sent(&mut pace, Duration::from_millis(step), Duration::from_secs(10)).len();
            let ideal = f64::from(per_second) * 10.0;
            prop_assert!((count as f64 - ideal).abs() <= (ideal * 0.01).max(1.0), "{count} of {ideal}");
        }

        /// In no time of the length of a window are there more than its rate says, but for what leniency lets be
        /// sent late; and the shortest is spread evenly until a longer one is used up.
        #[test]
        fn several_windows_all_hold(
            per_second in 1..200_u32,
            per_minute in 1..3000_u32,
            step in 5..15_u64,
        ) {
            let mut pace = pace(&[&format!("{per_minute}/min"), &format!("{per_second}/s")]);
            let moments = sent(&mut pace, Duration::from_millis(step), Duration::from_secs(70));
            let most = per_minute as usize;
            for window in moments.windows(most + 1) {
                prop_assert!(window[most] - window[0] >= 60.0 - 1e-6, "{:?}", (window[0], window[most]));
            }
            let at_once = most.min(per_second as usize * 30);
            let ideal = at_once as f64 / f64::from(per_second);
            prop_assert!(moments[at_once - 1] <= ideal * 1.01 + 0.5, "{} for {at_once}", moments[at_once - 1]);
        }
    }
}
