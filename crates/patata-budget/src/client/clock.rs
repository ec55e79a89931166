//! When a holder has said something, by our own clock: what was held up on the way, or while we were stopped, is seen by it.

use std::time::{Duration, Instant};

/// For how long the quickest way is believed. Clocks drift apart, by some 50 µs a second at worst.
const BELIEVED: Duration = Duration::from_secs(10);

/// The clock of a holder, as far as it is known from the lines that took the least time to come.
#[derive(Debug, Default)]
pub(crate) struct HolderClock {
    /// When the holder's clock was at zero, by the quickest line of this time and of the one before.
    zero: Option<Instant>,
    zero_before: Option<Instant>,
    began: Option<Instant>,
}

impl HolderClock {
    /// When something was said: now, less by what it took longer than the quickest.
    pub(crate) fn moment(&mut self, heard: Instant, sent_us: u64) -> Instant {
        let sent = Duration::from_micros(sent_us);
        let Some(zero) = heard.checked_sub(sent) else { return heard };
        if self.began.is_none_or(|began| heard.saturating_duration_since(began) > BELIEVED) {
            (self.zero_before, self.zero, self.began) = (self.zero, None, Some(heard));
        }
        self.zero = Some(self.zero.map_or(zero, |quickest| quickest.min(zero)));
        let quickest = self.zero_before.into_iter().chain(self.zero).min().unwrap_or(zero);
        quickest + sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_up_is_as_old_as_it_is() {
        let begin = Instant::now() + Duration::from_secs(100);
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut clock = HolderClock::default();
        assert_eq!(clock.moment(at(5), 1_000_000), at(5));
        // A quicker one shows that the first was late.
        assert_eq!(clock.moment(at(11), 1_010_000), at(11));
        assert_eq!(clock.moment(at(2011), 1_020_000), at(21));
        // Also where that took so long that it is another time.
        assert_eq!(clock.moment(at(30_011), 1_030_000), at(31));
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let begin = Instant::now() + Duration::from_secs(100);
        let mut clock = HolderClock::default();
        for second in 0..100 {
            let heard = begin + Duration::from_micros(second * 1_000_100);
            let off = heard.saturating_duration_since(clock.moment(heard, second * 1_000_000));
            assert!(off <= Duration::from_millis(3), "{off:?}");
        }
    }
}
