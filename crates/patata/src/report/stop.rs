//! Why a run ended before its input did.

use std::fmt;
use std::time::Duration;

use crate::report::failures::TooManyFailures;

/// Why a run ended early by itself: see [`Run::stopped`](crate::Run::stopped).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// More failed than [`max_failures`](crate::Builder::max_failures) or
    /// [`abort_on`](crate::Builder::abort_on) put up with. What was not done is cancelled.
    TooManyFailures(TooManyFailures),
    /// The [`deadline`](crate::Builder::deadline), which was so long, passed while there was still input. What
    /// had been taken and was not done has failed.
    Deadline(Duration),
    /// No event loop could be started, for the reason that is given: memory, threads or file descriptors have run
    /// out. Nothing was sent, and what had been taken is cancelled.
    CannotStart(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyFailures(stop) => stop.fmt(formatter),
            Self::Deadline(limit) => write!(
                formatter,
                "the run's deadline of {} s passed before all of its input had been taken",
                limit.as_secs_f64()
            ),
            Self::CannotStart(cause) => write!(formatter, "no event loop could be started: {cause}"),
        }
    }
}

impl std::error::Error for Stop {}
