//! What has ended since the controller last asked less of the server.

/// Ended requests past which both counts are halved, so that they follow.
const REMEMBERED: f64 = 200.0;
/// Rejections that are put up with, as a share.
const PUT_UP_WITH: f64 = 0.01;

/// Counts of what was sent after one moment.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// What was sent before this does not count.
    pub(crate) began: f64,
    first_sequence: u64,
    pub(crate) rejected: f64,
    succeeded: f64,
    /// The fewest requests that were in flight when one was sent that was rejected.
    pub(crate) least_in_flight: f64,
}

impl Default for Epoch {
    fn default() -> Self {
        Self::new(-1.0, 0)
    }
}

impl Epoch {
    pub(crate) fn new(began: f64, first_sequence: u64) -> Self {
        Self { began, first_sequence, rejected: 0.0, succeeded: 0.0, least_in_flight: f64::INFINITY }
    }

    pub(crate) fn success(&mut self) {
        self.succeeded += 1.0;
        if self.succeeded >= REMEMBERED {
            self.succeeded /= 2.0;
            self.rejected /= 2.0;
        }
    }

    pub(crate) fn rejection(&mut self, in_flight: u32) {
        self.rejected += 1.0;
        self.least_in_flight = self.least_in_flight.min(f64::from(in_flight));
    }

    pub(crate) fn ended(&self) -> f64 {
        self.rejected + self.succeeded
    }

    /// Whether there are more rejections than chance explains.
    pub(crate) fn is_rejected_too_often(&self) -> bool {
        let expected = PUT_UP_WITH * self.ended();
        self.rejected >= 2.0 && self.rejected > expected + 2.0 * expected.sqrt()
    }

    /// Of those sent up to this one, about the share that was accepted.
    pub(crate) fn accepted_share(&self, sequence: u64) -> f64 {
        let sent = sequence.saturating_sub(self.first_sequence) as f64;
        1.0 - self.rejected / sent.max(self.rejected)
    }
}
