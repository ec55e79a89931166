//! What a budget allows: rates by unit, and how many may be in flight. As given by a person, and checked.

use serde::{Deserialize, Serialize};

use crate::error::BudgetError;
use crate::units::rate::{ALLOWED, Rate};

/// The unit that counts requests.
pub const REQUESTS: &str = "requests";
/// The most units, and rates of a unit, that a budget has: what is said of it fits into one short line.
const MOST_UNITS: usize = 16;
/// The longest name of a unit.
const LONGEST_NAME: usize = 64;

/// What a budget allows, to all who share it together.
///
/// ```
/// use patata_budget::Terms;
///
/// let terms = Terms::new().rate("requests", "100/s")?.rate("tokens", "90000/min")?.concurrency(50);
/// assert_eq!(terms.to_string(), "requests 100/s, tokens 90000/min, concurrency 50");
/// assert!(Terms::new().rate("tokens", "many").unwrap_err().to_string().contains("90000/min"));
/// # Ok::<(), patata_budget::BudgetError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TermsText", into = "TermsText")]
pub struct Terms {
    units: Vec<UnitTerms>,
    concurrency: Option<u32>,
}

/// What is allowed of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTerms {
    /// Its name, as "requests" or "tokens".
    pub name: String,
    /// All of these hold together. There is one at least.
    pub rates: Vec<Rate>,
}

impl UnitTerms {
    /// What one request can cost at most: one that costs more could never be sent.
    ///
    /// ```
    /// let terms = patata_budget::Terms::new().rate("tokens", "90000/min")?;
    /// assert_eq!(terms.units()[0].most(), 90_000);
    /// # Ok::<(), patata_budget::BudgetError>(())
    /// ```
    #[must_use]
    pub fn most(&self) -> u64 {
        self.rates.iter().map(|rate| rate.amount()).min().unwrap_or(u64::MAX)
    }
}

impl Terms {
    /// A budget that allows anything, until it is told what not.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits a unit to a rate besides those that it has.
    ///
    /// # Errors
    /// A name of no letters, a rate that is none, or more than a budget holds.
    pub fn rate(mut self, unit: &str, rate: &str) -> Result<Self, BudgetError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if unit.is_empty() || unit.len() > LONGEST_NAME || !unit.chars().all(is_allowed) {
            return Err(BudgetError::Terms(format!(
                "{unit:?} is no name of a unit: write letters, digits, _, - and ., as in tokens"
            )));
        }
        // No request would ever cost anything of it.
        let is_almost = |meant: &&str| unit.eq_ignore_ascii_case(meant);
        if unit != REQUESTS && [REQUESTS, "request"].iter().any(is_almost) {
            return Err(BudgetError::Terms(format!(
                "{unit:?} is no name of a unit that requests are counted in; write {REQUESTS}"
            )));
        }
        let parsed = rate.parse().map_err(|()| {
            BudgetError::Terms(format!("the rate of {unit} must be {ALLOWED}, got {rate:?}"))
        })?;
        let count = self.units.len();
        match self.units.iter_mut().find(|known| known.name == unit) {
            Some(known) if known.rates.len() < MOST_UNITS => known.rates.push(parsed),
            None if count < MOST_UNITS => {
                self.units.push(UnitTerms { name: unit.to_owned(), rates: vec![parsed] });
            }
            _ => {
                return Err(BudgetError::Terms(format!(
                    "a budget has at most {MOST_UNITS} units, with as many rates each; leave out some"
                )));
            }
        }
        Ok(self)
    }

    /// Limits how many requests are in flight at once; 0 is no limit.
    #[must_use]
    pub fn concurrency(mut self, most: u32) -> Self {
        self.concurrency = (most > 0).then_some(most);
        self
    }

    /// The units, in the order in which they are numbered.
    #[must_use]
    pub fn units(&self) -> &[UnitTerms] {
        &self.units
    }

    /// The number of a unit, if there is such a one.
    #[must_use]
    pub fn unit(&self, name: &str) -> Option<usize> {
        self.units.iter().position(|unit| unit.name == name)
    }

    /// How many may be in flight, where that is limited.
    #[must_use]
    pub fn most_in_flight(&self) -> Option<u32> {
        self.concurrency
    }

    /// What keeps a budget that is under way from going on with other terms; `None` where nothing does. Its units are known
    /// by their numbers, and those who share it know whether they need permits.
    pub(crate) fn misfit(&self, other: &Self) -> Option<String> {
        let names = |terms: &Self| terms.units.iter().map(|unit| unit.name.clone()).collect::<Vec<_>>();
        let (mine, others) = (names(self), names(other));
        if mine != others {
            let listed =
                |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let (mine, others) = (listed(mine), listed(others));
            return Some(format!(
                "a budget that is held keeps its units, in their order: {mine}, not {others}; start another one"
            ));
        }
        match (self.concurrency, other.concurrency) {
            (Some(_), None) => Some("a budget of permits goes on being one; give a concurrency".to_owned()),
            (None, Some(_)) => Some(
                "a budget without a concurrency cannot be given one while it is held; start another one"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.concurrency.is_none()
    }
}

impl std::fmt::Display for Terms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for unit in &self.units {
            parts.extend(unit.rates.iter().map(|rate| format!("{} {rate}", unit.name)));
        }
        parts.extend(self.concurrency.map(|most| format!("concurrency {most}")));
        formatter.write_str(&parts.join(", "))
    }
}

/// As it is said on the wire and kept on the disk.
#[derive(Serialize, Deserialize)]
struct TermsText {
    units: Vec<(String, Vec<String>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
}

impl From<Terms> for TermsText {
    fn from(terms: Terms) -> Self {
        let texts = |unit: UnitTerms| (unit.name, unit.rates.iter().map(ToString::to_string).collect());
        Self { units: terms.units.into_iter().map(texts).collect(), concurrency: terms.concurrency }
    }
}

impl TryFrom<TermsText> for Terms {
    type Error = BudgetError;

    fn try_from(text: TermsText) -> Result<Self, BudgetError> {
        let mut terms = Terms::new().concurrency(text.concurrency.unwrap_or(0));
        for (name, rates) in &text.units {
            for rate in rates {
                terms = terms.rate(name, rate)?;
            }
        }
        Ok(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_they_are_written() {
        let terms = Terms::new().rate("requests", "100/s").and_then(|terms| terms.rate("requests", "9/min"));
        let terms = terms.and_then(|terms| terms.rate("tokens", "5MB/s")).unwrap().concurrency(5);
        let text = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<Terms>(&text).unwrap(), terms);
        assert_eq!((terms.unit("tokens"), terms.unit("bytes")), (Some(1), None));
        assert_eq!(terms.units()[0].most(), 9);
    }

    #[test]
    fn what_is_no_unit_is_refused() {
        for name in ["", "a b", "tökens", &"x".repeat(65)] {
            assert!(Terms::new().rate(name, "1/s").unwrap_err().to_string().contains("no name of a unit"));
        }
        for name in ["request", "Requests", "REQUEST"] {
            assert!(Terms::new().rate(name, "1/s").unwrap_err().to_string().contains("write requests"));
        }
        let many = (0..17).try_fold(Terms::new(), |terms, at| terms.rate(&format!("u{at}"), "1/s"));
        assert!(many.unwrap_err().to_string().contains("at most 16 units"));
    }
}
