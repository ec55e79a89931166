//! How fast a host that is not known yet is given all that there is: a pure state machine.
//!
//! What is in flight when a host first says "too many" has all been for nothing, and must be sent again. So hosts
//! get their first requests a few more at a time. Where an answer takes longer than a moment, nothing is waited for.

use std::time::{Duration, Instant};

/// Requests in flight from the beginning.
const FIRST: usize = 64;
/// Each so many answers, there may be one more.
const ANSWERS: usize = 4;
/// The longest without an answer.
const MOMENT: Duration = Duration::from_millis(100);
/// How often one looks again.
const LOOK: Duration = Duration::from_millis(2);

/// The beginning with one host.
#[derive(Debug)]
pub(crate) struct EaseIn {
    answers: usize,
    /// When it was sent the first one, or has last answered.
    heard: Option<Instant>,
    is_over: bool,
}

impl EaseIn {
    /// With so many requests at most in flight in all; `None` where hosts need not be eased in.
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { answers: 0, heard: None, is_over: most.is_none_or(|most| most <= FIRST) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// When to look again, where nothing more may be sent before.
    pub(crate) fn closed_until(&mut self, now: Instant, in_flight: usize) -> Option<Instant> {
        if self.is_over || in_flight < FIRST + self.answers / ANSWERS {
            return None;
        }
        let patience = *self.heard.get_or_insert(now) + MOMENT;
        self.is_over = patience <= now;
        (!self.is_over).then(|| patience.min(now + LOOK))
    }

    /// Takes account of an answer, where there may be so many in flight in all.
    pub(crate) fn answered(&mut self, now: Instant, most: usize) {
        self.answers += 1;
        self.heard = Some(now);
        self.is_over |= FIRST + self.answers / ANSWERS >= most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// How many may be in flight.
    fn room(ease_in: &mut EaseIn, now: Instant) -> usize {
        (0..1000).find(|in_flight| ease_in.closed_until(now, *in_flight).is_some()).unwrap_or(1000)
    }

    #[test]
    fn a_host_that_is_new_gets_more_with_each_answer() {
        let now = clock::now();
        let mut ease_in = EaseIn::new(Some(100));
        assert_eq!(room(&mut ease_in, now), 64);
        for _ in 0..100 {
            ease_in.answered(now, 100);
        }
        assert_eq!(room(&mut ease_in, now), 89);
        for _ in 0..44 {
            ease_in.answered(now, 100);
        }
        assert!(ease_in.is_over());
        assert_eq!(room(&mut ease_in, now), 1000);
    }

    #[test]
    fn one_that_is_silent_for_a_moment_gets_all_there_is() {
        let now = clock::now();
        let mut ease_in = EaseIn::new(Some(1000));
        assert_eq!(ease_in.closed_until(now, 64), Some(now + LOOK));
        assert!(!ease_in.is_over());
        assert_eq!(ease_in.closed_until(now + MOMENT, 64), None);
        assert!(ease_in.is_over());
    }

    #[test]
    fn where_few_are_in_flight_nothing_is_eased_in() {
        assert!(EaseIn::new(Some(64)).is_over() && EaseIn::new(None).is_over());
    }
}
