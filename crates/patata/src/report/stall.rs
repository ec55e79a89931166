//! When a run has waited so long for its input, with nothing in flight, that somebody is told: a pure policy.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked at in the time after which it is told.
const LOOKS: u32 = 4;

/// Who is told of it: see [`Builder::on_input_stall`](crate::Builder::on_input_stall).
#[derive(Clone)]
pub(crate) struct StallReport {
    pub(crate) after: Duration,
    pub(crate) tell: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for StallReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StallReport").field("after", &self.after).finish_non_exhaustive()
    }
}

/// Which wait for the input it is: another one where either number is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InputWait {
    /// How often the caller has turned to its input, and away.
    pub(crate) turns: u64,
    /// How many jobs there have been.
    pub(crate) jobs: u64,
}

/// What was seen at the last looks.
#[derive(Debug, Default)]
pub(crate) struct StallWatch {
    next: Option<Instant>,
    seen: Option<(InputWait, Instant)>,
    is_told: bool,
}

impl StallWatch {
    /// Whether it is time for a look.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// When that is.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Looks at what the run waits for: its input, or something else. Returns whether it is to be told now, which
    /// it is once a wait.
    pub(crate) fn look(&mut self, now: Instant, after: Duration, wait: Option<InputWait>) -> bool {
        self.next = now.checked_add(after / LOOKS);
        let since = match (wait, self.seen) {
            (Some(wait), Some((seen, since))) if wait == seen => since,
            _ => {
                self.seen = wait.map(|wait| (wait, now));
                self.is_told = false;
                return false;
            }
        };
        let is_stalled = now.saturating_duration_since(since) >= after;
        is_stalled && !std::mem::replace(&mut self.is_told, is_stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(30);
    const WAIT: InputWait = InputWait { turns: 1, jobs: 5 };

    /// At which second a wait is told of, where this is seen each second.
    fn told(seen: impl Fn(u64) -> Option<InputWait>) -> Vec<u64> {
        let begin = crate::clock::now();
        let mut watch = StallWatch::default();
        let look = |second: &u64| {
            let now = begin + Duration::from_secs(*second);
            watch.is_due(now) && watch.look(now, AFTER, seen(*second))
        };
        (0..200).filter(look).collect()
    }

    #[test]
    fn a_wait_is_told_of_once() {
        assert_eq!(told(|_| Some(WAIT)), [32]);
    }

    #[test]
    fn a_run_that_waits_for_something_else_is_not_told_of() {
        assert!(told(|_| None).is_empty());
        assert!(told(|second| (second % 40 < 20).then_some(WAIT)).is_empty());
    }

    #[test]
    fn a_slow_input_is_not_told_of() {
        assert!(told(|second| Some(InputWait { jobs: second / 25, ..WAIT })).is_empty());
    }

    #[test]
    fn each_wait_is_told_of() {
        assert_eq!(told(|second| Some(InputWait { turns: second / 100, ..WAIT })).len(), 2);
    }
}
