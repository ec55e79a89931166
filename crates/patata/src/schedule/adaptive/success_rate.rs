//! Successes a second, of late.

/// Seconds that are counted together, at least.
const LEAST_WIDTH: f64 = 0.05;
/// Successes that say anything.
const LEAST_SUCCESSES: f64 = 4.0;

/// Counts in two spans of time, of which the older is forgotten when the newer is full.
#[derive(Debug, Default)]
pub(crate) struct SuccessRate {
    older: Span,
    newer: Span,
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    began: f64,
    successes: f64,
}

impl SuccessRate {
    pub(crate) fn count(&mut self, time: f64, mean_latency: f64) {
        if time - self.newer.began > mean_latency.max(LEAST_WIDTH) {
            self.older = self.newer;
            self.newer = Span { began: time, successes: 0.0 };
        }
        self.newer.successes += 1.0;
    }

    /// After a pause, what was before it does not count.
    pub(crate) fn restart(&mut self, time: f64) {
        self.older = Span { began: time, successes: 0.0 };
        self.newer = self.older;
    }

    /// The rate, where there is enough to tell.
    pub(crate) fn per_second(&self, time: f64, mean_latency: f64) -> Option<f64> {
        let span = time - self.older.began;
        let successes = self.older.successes + self.newer.successes;
        (span >= 0.9 * mean_latency && span > 0.0 && successes >= LEAST_SUCCESSES).then(|| successes / span)
    }
}
