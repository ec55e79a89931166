//! How long requests took: percentiles in a few kilobytes, however many there are.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart: a day.
const MOST: u64 = 24 * 60 * 60 * 1_000_000;
/// Significant decimal digits: 1 % is told apart.
const DIGITS: u8 = 2;

/// The times that requests took, as a histogram: each is known to 1 %.
#[derive(Clone, PartialEq, Default)]
pub struct Latency(Option<Histogram<u64>>);

impl Latency {
    pub(crate) fn record(&mut self, elapsed: Duration) {
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, MOST, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The time within which this percentage of requests, 0 to 100, were done. Zero where there were none.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let mut run = client.run((0..100).map(|id| patata::Request::get(id, format!("{url}/delay/{}", id % 2 * 50))));
    /// run.by_ref().for_each(drop);
    /// let latency = &run.receipt().latency;
    /// assert_eq!(latency.count(), 100);
    /// assert!(latency.percentile(90.0).as_millis() >= 49);
    /// assert!(latency.percentile(50.0) <= latency.max());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn percentile(&self, percentage: f64) -> Duration {
        self.micros(|histogram| histogram.value_at_percentile(percentage))
    }

    /// The longest time.
    pub fn max(&self) -> Duration {
        self.micros(Histogram::max)
    }

    fn micros(&self, value: impl FnOnce(&Histogram<u64>) -> u64) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |histogram| Duration::from_micros(value(histogram)))
    }
}

impl fmt::Debug for Latency {
    /// What is asked of it, and not the hundreds of counts that it is made of.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Latency")
            .field("count", &self.count())
            .field("p50", &self.percentile(50.0))
            .field("p90", &self.percentile(90.0))
            .field("p99", &self.percentile(99.0))
            .field("max", &self.max())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_percent() {
        let mut latency = Latency::default();
        assert_eq!(
            (latency.count(), latency.percentile(50.0), latency.max()),
            (0, Duration::ZERO, Duration::ZERO)
        );
        for milliseconds in 1..=1000 {
            latency.record(Duration::from_millis(milliseconds));
        }
        assert_eq!(latency.count(), 1000);
        for (percentage, milliseconds) in [(50.0, 500.0), (90.0, 900.0), (99.0, 990.0), (100.0, 1000.0)] {
            let share = latency.percentile(percentage).as_secs_f64() * 1000.0 / milliseconds;
            assert!((0.99..1.01).contains(&share), "{percentage}: {share}");
        }
    }

    #[test]
    fn a_person_reads_what_it_says_and_no_counts() {
        let mut latency = Latency::default();
        latency.record(Duration::from_millis(2));
        assert_eq!(
            format!("{latency:?}"),
            "Latency { count: 1, p50: 2.007ms, p90: 2.007ms, p99: 2.007ms, max: 2.007ms }"
        );
    }

    #[test]
    fn no_time_is_too_short_or_too_long() {
        let mut latency = Latency::default();
        latency.record(Duration::ZERO);
        latency.record(Duration::MAX);
        assert_eq!(latency.count(), 2);
    }
}
