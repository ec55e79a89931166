//! Times in buckets whose width grows with the time: cheap to fill, merged by adding, written as text.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Each power of two is divided into 2^6 buckets: a bucket is at most 1.6 % wide, and its middle at most 0.8 % off.
const BITS: u32 = 6;
const WIDTH: u64 = 1 << BITS;
/// Longer times, past twelve days, count as so many microseconds.
const MOST: u64 = (1 << 40) - 1;
const BUCKETS: usize = index_of(MOST) + 1;

/// How often each time was measured, to 1 %.
///
/// It is written as JSON with the figures that a person asks for, and with its buckets, each as the first microsecond
/// that falls into it and a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Histogram {
    counts: Box<[u64]>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), count: 0, sum: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub(crate) fn record(&mut self, elapsed: Duration) {
        let micros = microseconds(elapsed).min(MOST);
        if let Some(count) = self.counts.get_mut(index_of(micros)) {
            *count += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(micros);
        self.max = self.max.max(micros);
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        if self.count > 0 {
            self.counts.fill(0);
            (self.count, self.sum, self.max) = (0, 0, 0);
        }
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest of them.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// Their mean. Zero where there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.sum.checked_div(self.count).unwrap_or_default())
    }

    /// The time within which this percentage, 0 to 100, were done. Zero where there are none.
    pub fn percentile(&self, percentage: f64) -> Duration {
        let wanted = (percentage / 100.0 * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let (first, width) = bucket(index);
                return Duration::from_micros((first + (width - 1) / 2).min(self.max));
            }
        }
        self.max()
    }

    /// The buckets that are not empty: the first microsecond of each, the first one past it, and the count.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(index, count)| {
            let (first, width) = bucket(index);
            (first, first + width, *count)
        })
    }
}

const fn index_of(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(BITS + 1);
    (shift as u64 * WIDTH + (micros >> shift)) as usize
}

/// The first microsecond of a bucket, and its width.
fn bucket(index: usize) -> (u64, u64) {
    let index = index as u64;
    let shift = (index / WIDTH).saturating_sub(1);
    ((index - shift * WIDTH) << shift, 1 << shift)
}

/// The histogram as it stands in a file.
#[derive(Serialize, Deserialize)]
struct Written {
    count: u64,
    mean_ms: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    sum_us: u64,
    max_us: u64,
    buckets: Vec<(u64, u64)>,
}

/// Whole microseconds, without the wide division that the standard library's way takes.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()))
}

/// Milliseconds to three places, as times are written everywhere.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

impl From<Histogram> for Written {
    fn from(histogram: Histogram) -> Self {
        let percentile = |percentage| milliseconds(histogram.percentile(percentage));
        Self {
            count: histogram.count,
            mean_ms: milliseconds(histogram.mean()),
            p50_ms: percentile(50.0),
            p90_ms: percentile(90.0),
            p99_ms: percentile(99.0),
            max_ms: milliseconds(histogram.max()),
            sum_us: histogram.sum,
            max_us: histogram.max,
            buckets: histogram.buckets().map(|(first, _, count)| (first, count)).collect(),
        }
    }
}

impl TryFrom<Written> for Histogram {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let mut histogram = Self { sum: written.sum_us, max: written.max_us.min(MOST), ..Self::default() };
        for (first, count) in written.buckets {
            let slot = histogram.counts.get_mut(index_of(first.min(MOST)));
            let slot = slot.ok_or("a time of a histogram is too long")?;
            *slot = slot.checked_add(count).ok_or("a count of a histogram is too large")?;
            histogram.count =
                histogram.count.checked_add(count).ok_or("the counts of a histogram are too large")?;
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_time_falls_into_the_bucket_that_begins_at_or_before_it() {
        let mut micros = 1_u64;
        while micros < MOST {
            for micros in [micros - 1, micros, micros + 1] {
                let (first, width) = bucket(index_of(micros));
                assert!((first..first + width).contains(&micros), "{micros}: {first} {width}");
                assert!(width * 64 <= first.max(64), "{micros}: {width}");
            }
            micros = micros * 9 / 8 + 1;
        }
    }

    #[test]
    fn percentiles_are_right_to_a_percent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), Duration::ZERO);
        (1..=1000).for_each(|milliseconds| histogram.record(Duration::from_millis(milliseconds)));
        for (percentage, expected) in [(50.0, 500.0), (90.0, 900.0), (99.0, 990.0), (100.0, 1000.0)] {
            let share = milliseconds(histogram.percentile(percentage)) / expected;
            assert!((0.99..1.01).contains(&share), "{percentage}: {share}");
        }
        assert_eq!(histogram.mean(), Duration::from_micros(500_500));
        assert_eq!(histogram.max(), Duration::from_secs(1));
    }

    #[test]
    fn no_time_is_too_short_or_too_long() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::MAX);
        assert_eq!((histogram.count(), histogram.max()), (2, Duration::from_micros(MOST)));
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused() {
        let text = r#"{"count":1,"mean_ms":1,"p50_ms":1,"p90_ms":1,"p99_ms":1,"max_ms":1,"sum_us":1,"max_us":1,
                       "buckets":[[1,18446744073709551615],[1,1]]}"#;
        assert!(serde_json::from_str::<Histogram>(text).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(times in prop::collection::vec(0_u64..1 << 41, 0..50)) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|micros| histogram.record(Duration::from_micros(*micros)));
            let text = serde_json::to_string(&histogram).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        }

        #[test]
        fn two_that_are_merged_are_as_one_that_has_counted_all(
            times in prop::collection::vec(0_u64..1 << 41, 0..50), cut in 0_usize..50
        ) {
            let filled = |times: &[u64]| {
                let mut histogram = Histogram::default();
                times.iter().for_each(|micros| histogram.record(Duration::from_micros(*micros)));
                histogram
            };
            let (before, after) = times.split_at(cut.min(times.len()));
            let mut merged = filled(before);
            merged.merge(&filled(after));
            prop_assert_eq!(merged, filled(&times));
        }
    }
}
