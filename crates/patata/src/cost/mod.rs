//! What requests cost: amounts of units, as callers state them and as budgets count them.

pub(crate) mod awaited;
pub(crate) mod charge;
pub(crate) mod unit;

use std::fmt;
use std::sync::LazyLock;

use smallvec::SmallVec;

use crate::cost::unit::Unit;

/// What is allowed as an amount.
const ALLOWED: &str = "a number that is neither negative nor infinite";

/// So much of each of some units: a request costs one of [`Unit::Requests`] unless something else is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Costs(SmallVec<[(Unit, f64); 2]>);

impl Costs {
    /// Those of a request that says nothing.
    pub(crate) fn usual() -> &'static Self {
        static USUAL: LazyLock<Costs> = LazyLock::new(Costs::default);
        &USUAL
    }

    /// What is said, of which the last of a unit counts.
    ///
    /// # Errors
    /// Names the unit whose amount is no amount.
    pub(crate) fn new<U: AsRef<str>>(stated: impl IntoIterator<Item = (U, f64)>) -> Result<Self, String> {
        let mut costs = Self::default();
        for (unit, amount) in stated {
            costs.set(Unit::new(unit.as_ref()), amount)?;
        }
        Ok(costs)
    }

    /// Says what something costs in a unit.
    ///
    /// # Errors
    /// Names the unit, where the amount is none.
    pub(crate) fn set(&mut self, unit: Unit, amount: f64) -> Result<(), String> {
        if !(amount >= 0.0 && amount.is_finite()) {
            return Err(format!("cost in {unit} must be {ALLOWED}, it is {amount}"));
        }
        match self.0.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, known)) => *known = amount,
            None => self.0.push((unit, amount)),
        }
        Ok(())
    }

    /// What is stated of a unit.
    pub(crate) fn stated(&self, unit: &Unit) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == unit).map(|(_, amount)| *amount)
    }

    /// What it costs in a unit.
    pub(crate) fn of(&self, unit: &Unit) -> f64 {
        let unsaid = if *unit == Unit::Requests { 1.0 } else { 0.0 };
        self.stated(unit).unwrap_or(unsaid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Unit, f64)> {
        self.0.iter().map(|(unit, amount)| (unit, *amount))
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (unit, amount)) in self.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(formatter, "{separator}{unit} {amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_costs_one_request_and_nothing_else_unless_it_is_said() {
        let costs = Costs::default();
        assert_eq!((costs.of(&Unit::Requests), costs.of(&Unit::Tokens)), (1.0, 0.0));
        let costs = Costs::new([("tokens", 7.0), ("requests", 3.0), ("tokens", 8.5)]).unwrap();
        assert_eq!((costs.of(&Unit::Requests), costs.of(&Unit::Tokens)), (3.0, 8.5));
        assert_eq!(costs.to_string(), "tokens 8.5, requests 3");
    }

    #[test]
    fn what_is_no_amount_is_refused_and_named() {
        for amount in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = Costs::new([("pages", amount)]).unwrap_err();
            assert!(error.contains("cost in pages") && error.contains(&amount.to_string()), "{error}");
        }
        assert!(Costs::new([("pages", 0.0), ("pages", f64::MAX)]).is_ok());
    }
}
