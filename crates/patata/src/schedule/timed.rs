//! An entry of a queue by time.

use std::cmp::Ordering;
use std::time::Instant;

/// What waits for a moment; ordered so that the heap's greatest is the one due first.
#[derive(Debug)]
pub(crate) struct Timed<W> {
    pub(crate) due: Instant,
    /// Keeps those of the same moment in their order.
    pub(crate) sequence: u64,
    pub(crate) what: W,
}

impl<W> Ord for Timed<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.sequence).cmp(&(self.due, self.sequence))
    }
}

impl<W> PartialOrd for Timed<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> PartialEq for Timed<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<W> Eq for Timed<W> {}
