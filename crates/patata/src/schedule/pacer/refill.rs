//! How fast a limit comes back that is refilled all the time: learnt from what is used of it and how long that takes.

use std::time::Duration;

/// Times in which limits are usually refilled.
const USUAL: [f64; 4] = [1.0, 60.0, 3600.0, 86_400.0];
/// What is so near to one of them is it: servers round.
const NEAR: f64 = 0.06;
/// What is taken before anything is known: most limits are by the minute.
const FIRST: f64 = 60.0;
/// Of the smallest uses the time is mostly rounding.
const LEAST_USED: f64 = 0.02;
const LEAST_TIME: f64 = 5.0;
const MEMORY: f64 = 0.98;

/// Learns how long it takes from empty to full.
#[derive(Debug, Clone)]
pub(crate) struct RefillTime {
    stated: Option<f64>,
    /// Sums, so that the long times, of which rounding takes least, count most.
    parts: f64,
    seconds: f64,
}

impl RefillTime {
    /// Where the server may have said how long it takes.
    pub(crate) fn new(stated: Option<Duration>) -> Self {
        let stated = stated.map(|time| time.as_secs_f64()).filter(|time| *time > 0.0);
        Self { stated, parts: 0.0, seconds: 0.0 }
    }

    /// This part of the limit comes back in such a time.
    pub(crate) fn learn(&mut self, part: f64, time: Duration) {
        let seconds = time.as_secs_f64();
        if seconds > 0.0 && part > 0.0 && (part >= LEAST_USED || seconds >= LEAST_TIME) {
            self.parts = MEMORY * self.parts + part;
            self.seconds = MEMORY * self.seconds + seconds;
        }
    }

    /// In seconds.
    pub(crate) fn seconds(&self) -> f64 {
        if let Some(stated) = self.stated {
            return stated;
        }
        if self.parts <= 0.0 {
            return FIRST;
        }
        let seconds = (self.seconds / self.parts).clamp(0.01, 1e7);
        USUAL.into_iter().find(|usual| (seconds / usual - 1.0).abs() < NEAR).unwrap_or(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(period: f64, round: fn(f64) -> f64, parts: &[f64]) -> f64 {
        let mut refill = RefillTime::new(None);
        for part in parts {
            refill.learn(*part, Duration::from_secs_f64(round(period * part)));
        }
        refill.seconds()
    }

    #[test]
    fn the_time_is_found_however_it_is_rounded() {
        let parts: Vec<_> = (1..100).map(|part| f64::from(part) / 100.0).collect();
        for period in [60.0, 45.0, 3600.0, 86_400.0] {
            for round in [|time| time, f64::ceil, f64::floor, f64::round] {
                let found = learnt(period, round, &parts);
                assert!((found / period - 1.0).abs() < 0.03, "{found} for {period}");
            }
        }
        assert_eq!(learnt(86_400.0, |time| time, &[1.0 / 14_400.0]), 86_400.0, "six seconds say enough");
    }

    #[test]
    fn what_is_mostly_rounding_says_nothing() {
        assert_eq!(learnt(60.0, f64::ceil, &[1e-7, 1e-6, 1e-5]), FIRST);
        assert_eq!(learnt(60.0, f64::floor, &[0.001; 10]), FIRST);
        assert_eq!(RefillTime::new(Some(Duration::from_secs(20))).seconds(), 20.0);
    }
}
