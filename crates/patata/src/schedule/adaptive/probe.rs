//! When more may be tried than is known to be good: paid from a budget that rejections use up.

/// Successes that pay for one rejection: 1.2 % of all are rejected at most.
const PRICE: f64 = 80.0;
const MOST_DEBT: f64 = 1000.0;
const MOST_SAVED: f64 = 600.0;
/// Cohorts without rejections before the next probe; doubled while probing finds nothing new.
const FIRST_HOLD: u32 = 8;
const LONGEST_HOLD: u32 = 128;
/// Two limits that differ by less are the same find.
const SAME: f64 = 0.12;
/// A pause that a probe brought about keeps from probing for so many times its length.
const PAUSE_PRICE: f64 = 30.0;

/// The budget, and the probe that is under way.
#[derive(Debug)]
pub(crate) struct Probe {
    /// In successes.
    debt: f64,
    hold: u32,
    /// Cohorts in a row without rejections.
    pub(crate) clean: u32,
    pub(crate) is_probing: bool,
    /// Where it began.
    pub(crate) top: f64,
    /// How far the next step goes.
    pub(crate) step: f64,
    /// Where the one before began.
    settled: f64,
    not_before: f64,
    /// Times in a row that less had to be asked of the server.
    pub(crate) streak: u32,
    /// Seconds that the server has asked for meanwhile.
    pub(crate) pauses: f64,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            debt: 0.0,
            hold: FIRST_HOLD,
            clean: 99,
            is_probing: false,
            top: f64::INFINITY,
            step: 0.5,
            settled: f64::INFINITY,
            not_before: 0.0,
            streak: 0,
            pauses: 0.0,
        }
    }
}

impl Probe {
    /// A success.
    pub(crate) fn earn(&mut self) {
        self.debt = (self.debt - 1.0).max(-MOST_SAVED);
    }

    /// A rejection.
    pub(crate) fn pay(&mut self) {
        self.debt = (self.debt + PRICE).min(MOST_DEBT);
    }

    /// Whether more may be tried now. `value` is what has been found to be good, and `limit` where it begins.
    pub(crate) fn may_probe(&mut self, time: f64, value: f64, limit: f64) -> bool {
        let may = self.debt <= 0.0 && self.clean >= self.hold && time >= self.not_before;
        if may && !self.is_probing {
            self.is_probing = true;
            self.top = limit;
            let is_same = (value / self.settled - 1.0).abs() < SAME;
            self.hold = if is_same { (2 * self.hold).min(LONGEST_HOLD) } else { FIRST_HOLD };
            self.settled = value;
        }
        may
    }

    /// Rejections after a quiet time: what was known may be out of date.
    pub(crate) fn restart(&mut self, is_settled: bool) {
        self.streak = 0;
        self.pauses = 0.0;
        if !self.is_probing && is_settled {
            self.hold = FIRST_HOLD;
        }
    }

    /// Too much was tried.
    pub(crate) fn end(&mut self, time: f64) {
        self.clean = 0;
        self.is_probing = false;
        self.not_before = time + PAUSE_PRICE * self.pauses;
    }

    /// What is owed, in successes.
    #[cfg(test)]
    pub(crate) fn debt(&self) -> f64 {
        self.debt
    }
}
