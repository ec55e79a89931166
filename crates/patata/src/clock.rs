//! The engine's one clock. Nothing else in it asks for the time, so that a simulation can say what time it is.

use std::time::{Duration, Instant, SystemTime};

/// Time-outs beyond this are none, and clocks can add it.
pub(crate) const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Now: tokio's clock, which is the machine's own but where a simulation drives it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The date and time of day, for what servers say in dates.
#[expect(clippy::disallowed_methods, reason = "this is where it is asked for")]
pub(crate) fn date() -> SystemTime {
    SystemTime::now()
}
