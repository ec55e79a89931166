//! The buckets of durations, as the conventions advise them.

/// The upper bounds of all buckets but the last, in seconds.
pub const BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// How many buckets there are.
pub(crate) const BUCKETS: usize = BOUNDARIES.len() + 1;

/// The bucket of a duration in seconds: the first whose bound it does not pass.
pub(crate) fn bucket(seconds: f64) -> usize {
    BOUNDARIES.partition_point(|bound| *bound < seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        for (seconds, expected) in [(0.0, 0), (0.005, 0), (0.005_01, 1), (0.2, 6), (10.0, 13), (10.1, 14)] {
            assert_eq!(bucket(seconds), expected, "{seconds}");
        }
    }
}
