//! How far what requests state that they cost is off, all to one side: who states the most that an answer may use states too
//! much.

/// Of two answers it is not known which of the requests in flight they count. So much more must have been stated between
/// them for that to matter little.
const BEYOND_DOUBT: f64 = 4.0;
/// What each comparison leaves of those before it.
const MEMORY: f64 = 0.5;
/// How far statements may be off.
const LEAST: f64 = 0.02;
const MOST: f64 = 3.0;

/// What an answer said, to which a later one is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    /// That of its request.
    pub(crate) number: u32,
    pub(crate) remaining: f64,
    /// When, in seconds.
    pub(crate) at: f64,
}

/// By what a statement is multiplied.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    scale: f64,
    anchor: Option<(Anchor, f64)>,
}

impl Default for Scale {
    fn default() -> Self {
        Self { scale: 1.0, anchor: None }
    }
}

impl Scale {
    pub(crate) fn get(&self) -> f64 {
        self.scale
    }

    /// The answer that the next comparison begins with.
    pub(crate) fn anchor(&self) -> Option<u32> {
        self.anchor.map(|(anchor, _)| anchor.number)
    }

    /// Compares an answer to the anchor, where so much comes back in a second, so much was stated between the two, all else
    /// was spent by others, and so much is stated by what is in flight. Of a limit that is full, something may have been lost
    /// of what came back.
    pub(crate) fn learn(&mut self, now: Anchor, refill: f64, stated: f64, in_flight: f64, is_full: bool) {
        let Some((before, doubt)) = self.anchor else {
            self.anchor = Some((now, in_flight));
            return;
        };
        if stated <= 0.0 || stated < BEYOND_DOUBT * (doubt + in_flight) {
            return;
        }
        self.anchor = Some((now, in_flight));
        let spent = before.remaining - now.remaining + refill * (now.at - before.at);
        let found = (spent / stated).clamp(LEAST, MOST);
        if !is_full {
            self.scale = MEMORY * self.scale + (1.0 - MEMORY) * found;
        } else if found < self.scale {
            self.scale = found;
        }
    }

    /// What comes now cannot be compared to what was before: the limit was reset.
    pub(crate) fn restart(&mut self) {
        self.anchor = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(number: u32, remaining: f64) -> Anchor {
        Anchor { number, remaining, at: f64::from(number) }
    }

    #[test]
    fn what_is_stated_too_much_is_found_and_doubt_changes_nothing() {
        let mut scale = Scale::default();
        scale.learn(anchor(0, 1000.0), 0.0, 0.0, 10.0, false);
        scale.learn(anchor(1, 500.0), 0.0, 79.0, 10.0, false);
        assert_eq!((scale.get(), scale.anchor()), (1.0, Some(0)));
        for number in 1..20 {
            scale.learn(anchor(number, 1000.0 - 20.0 * f64::from(number)), 0.0, 100.0, 10.0, false);
        }
        assert!((scale.get() - 0.2).abs() < 0.01, "{scale:?}");
    }

    #[test]
    fn what_is_lost_of_a_limit_that_is_full_was_not_spent() {
        let mut scale = Scale::default();
        scale.learn(anchor(0, 1000.0), 10.0, 0.0, 0.0, true);
        scale.learn(anchor(10, 1000.0), 10.0, 50.0, 0.0, true);
        assert_eq!(scale.get(), 1.0, "so much may have come back, and that was spent at the most");
        scale.learn(anchor(20, 1000.0), 10.0, 400.0, 0.0, true);
        assert_eq!(scale.get(), 0.25);
    }
}
