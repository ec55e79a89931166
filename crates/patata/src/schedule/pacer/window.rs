//! When a limit is reset that comes back at once, and what is found where a reset is not when it was expected.

use std::time::{Duration, Instant};

/// A reset that is later by no more than this part of the window is the same one: servers round.
const SAME: f64 = 0.2;
const SAME_AT_LEAST: Duration = Duration::from_millis(1500);
/// So often a reset moves before its time has come, and it is none.
const MOST_MOVES: u32 = 2;

/// From one reset to the next.
#[derive(Debug)]
pub(crate) struct Window {
    /// The next one.
    pub(crate) resets: Instant,
    /// The longest that was heard of, where it is not known how long it is.
    pub(crate) length: Duration,
    is_known: bool,
    /// When this one began, where that has not been told of but was expected.
    expected: Option<Instant>,
    moves: u32,
}

/// What an answer says of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is of this one.
    Current {
        /// That is another one than was heard of before.
        is_new: bool,
    },
    /// It is of one that is over.
    Over,
    /// There is no window: what was used comes back bit by bit, all of it in this time.
    Rolling(Duration),
}

impl Window {
    pub(crate) fn new(now: Instant, reset: Duration, length: Option<Duration>) -> Self {
        let is_known = length.is_some();
        let length = length.unwrap_or(reset).max(Duration::from_millis(1));
        Self { resets: now + reset, length, is_known, expected: None, moves: 0 }
    }

    /// Whether there has been a reset by now: until it is told of, the next one is expected after as long.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        if self.resets > now {
            return false;
        }
        let late = now.saturating_duration_since(self.resets).as_nanos() / self.length.as_nanos();
        let began = self.resets + self.length.saturating_mul(u32::try_from(late).unwrap_or(u32::MAX));
        self.expected = Some(began);
        self.resets = (began + self.length).max(now);
        true
    }

    /// An answer to what was sent at `sent` says how long it is until the reset.
    pub(crate) fn hear(&mut self, now: Instant, reset: Duration, sent: Instant) -> Finding {
        let told = now + reset;
        // It was said at any time between.
        let latency = now.saturating_duration_since(sent);
        let same = reset.max(self.length).mul_f64(SAME).max(SAME_AT_LEAST) + latency;
        let is_same = told <= self.resets + same && self.resets <= told + same;
        if let Some(began) = self.expected {
            if sent < began && !is_same {
                return Finding::Over;
            }
            if !self.is_known {
                self.length = reset.max(self.length);
                self.is_known = sent >= began;
            }
            (self.expected, self.resets) = (None, told);
            return Finding::Current { is_new: true };
        }
        if is_same {
            self.resets = self.resets.min(told);
            return Finding::Current { is_new: false };
        }
        if told < self.resets {
            return Finding::Over;
        }
        self.moves += 1;
        if self.moves > MOST_MOVES {
            return Finding::Rolling(reset.max(Duration::from_millis(1)));
        }
        (self.resets, self.length) = (told, self.length.max(reset));
        Finding::Current { is_new: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_next_window_is_expected_and_its_length_is_learnt() {
        let begin = clock::now();
        let mut window = Window::new(begin, 10 * SECOND, None);
        assert_eq!(window.hear(begin + SECOND, 9 * SECOND, begin), Finding::Current { is_new: false });
        assert!(!window.advance(begin + 9 * SECOND) && window.advance(begin + 10 * SECOND));
        let late = window.hear(begin + 10 * SECOND, SECOND / 2, begin + 9 * SECOND);
        assert_eq!(late, Finding::Over, "it was sent in the one before");
        let now = begin + 11 * SECOND;
        assert_eq!(window.hear(now, 59 * SECOND, begin + 10 * SECOND), Finding::Current { is_new: true });
        assert_eq!((window.resets, window.length), (begin + 70 * SECOND, 59 * SECOND));
        assert!(window.advance(begin + 70 * SECOND));
        assert_eq!(window.resets, begin + 129 * SECOND);
    }

    #[test]
    fn a_reset_that_never_comes_nearer_is_none() {
        let begin = clock::now();
        let mut window = Window::new(begin, 60 * SECOND, None);
        let found: Vec<_> = (1..60)
            .map(|second| begin + second * SECOND)
            .map(|now| window.hear(now, 60 * SECOND, now))
            .collect();
        assert!(found.contains(&Finding::Rolling(60 * SECOND)), "{found:?}");
    }

    #[test]
    fn an_hour_without_a_request_makes_nothing_of_what_was_expected() {
        let begin = clock::now();
        let mut window = Window::new(begin, 60 * SECOND, Some(60 * SECOND));
        let now = begin + 3615 * SECOND;
        assert!(window.advance(now));
        assert_eq!(window.hear(now + SECOND, 59 * SECOND, now), Finding::Current { is_new: true });
        assert_eq!(window.resets, begin + 3675 * SECOND);
    }
}
