//! What a budget is: pure state machines over moments, which know nothing of networks.

pub(crate) mod budget;
pub(crate) mod pace;
pub(crate) mod pauses;
pub(crate) mod permits;
pub(crate) mod quota;
pub(crate) mod rate;
pub(crate) mod sharer;
pub(crate) mod terms;
#[cfg(test)]
mod tests;
pub(crate) mod unit;

use std::time::Duration;

/// How much of a unit.
pub(crate) type Amount = u64;
/// A moment, or a time, in nanoseconds. Moments count from any zero that their user keeps to.
pub(crate) type Nanos = u64;

pub(crate) const MILLISECOND: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// How far ahead of their time slots are handed out. What dies with who got them is no more than this.
pub(crate) const HORIZON: Nanos = 100 * MILLISECOND;
/// How late a slot may be used. One that is later is dropped.
pub(crate) const LATENESS: Nanos = 30 * MILLISECOND;

pub(crate) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}
