//! What a run's requests have cost, by unit.

use std::collections::BTreeMap;

use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::cost::unit::Unit;

/// What requests have cost in one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Spent {
    /// By the estimates that were made before they were sent.
    pub estimated: f64,
    /// What they did cost, as far as it was told ([`Builder::settle`](crate::Builder::settle)); the estimate of all others.
    pub settled: f64,
}

/// Counts what a request that has ended was charged.
pub(crate) fn count(spent: &mut BTreeMap<String, Spent>, charge: &Charge) {
    let times = f64::from(charge.sendings);
    let mut add = |unit: &str, amount: f64| {
        change(spent, unit, |spent| {
            spent.estimated += amount;
            spent.settled += amount;
        });
    };
    if charge.estimate.stated(&Unit::Requests).is_none() {
        add(Unit::Requests.as_str(), times);
    }
    charge.estimate.iter().for_each(|(unit, amount)| add(unit.as_str(), amount * times));
}

/// Sets right what the last sending of a request that was counted did cost.
pub(crate) fn settle(spent: &mut BTreeMap<String, Spent>, charge: &Charge, actual: &Costs) {
    for (unit, amount) in actual.iter() {
        let estimate = if charge.sendings > 0 { charge.estimate.of(unit) } else { 0.0 };
        change(spent, unit.as_str(), |spent| spent.settled += amount - estimate);
    }
}

/// Does something to what was spent of a unit.
fn change(spent: &mut BTreeMap<String, Spent>, unit: &str, change: impl FnOnce(&mut Spent)) {
    // Nearly always it is there, and its name need not be made.
    match spent.get_mut(unit) {
        Some(spent) => change(spent),
        None => change(spent.entry(unit.to_owned()).or_default()),
    }
}
