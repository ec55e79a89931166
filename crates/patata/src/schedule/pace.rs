//! When the next request may go under one or several rates: a pure state machine.

use std::time::{Duration, Instant};

use crate::rate::Rate;

/// How late a request may be sent and still be counted as sent in time, so that the next one keeps its own.
/// Timers are a millisecond late, and busy threads some more; without it, each delay would slow the rate.
const LENIENCY: Duration = Duration::from_millis(20);

/// Spreads requests evenly, as the strictest of its rates says. A pause is not made up for: after it, requests
/// go on at their pace, and never in a burst of what was missed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    lines: Vec<Line>,
}

/// The even spacing of one rate.
#[derive(Debug, Clone)]
struct Line {
    interval: Duration,
    /// When the next request is due; `None` before the first.
    next: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        Self { lines: rates.iter().map(|rate| Line { interval: rate.interval(), next: None }).collect() }
    }

    /// Until when nothing more may be sent; `None` where something may.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.lines.iter().filter_map(|line| line.next).filter(|next| *next > now).max()
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, now: Instant) {
        for line in &mut self.lines {
            let due = line.next.filter(|due| *due + LENIENCY >= now).unwrap_or(now);
            line.next = Some(due + line.interval);
        }
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
    fn the_strictest_of_several_rates_counts() {
        let moments =
            sent(&mut pace(&["100/s", "600/min"]), Duration::from_millis(1), Duration::from_secs(3));
        assert_eq!(moments.len(), 30);
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
    }
}
