//! What the requests of a run have cost, by unit, over all of its processes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures;

/// The unit that a request costs one of, unless it says something else: that is told by how many attempts there were.
const REQUESTS: &str = "requests";

/// What requests have cost in one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// By the estimates that were made before they were sent.
    pub estimated: f64,
    /// What they did cost, as far as it was told; the estimate of all others.
    pub settled: f64,
}

/// What the requests of a run have cost, by unit.
///
/// ```
/// use patata_run::{Cost, Costs};
///
/// let mut costs: Costs = [("tokens".to_owned(), Cost { estimated: 900.0, settled: 1234.0 })].into_iter().collect();
/// costs.add(&costs.clone());
/// assert_eq!(costs.of("tokens").settled, 2468.0);
/// assert_eq!(costs.told().unwrap(), "2,468 tokens (estimated 1,800)");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Costs(BTreeMap<String, Cost>);

impl Costs {
    /// Those that the engine has counted.
    pub fn of_receipt(receipt: &patata::Receipt) -> Self {
        let cost = |spent: &patata::Spent| Cost { estimated: spent.estimated, settled: spent.settled };
        receipt.costs.iter().map(|(unit, spent)| (unit.clone(), cost(spent))).collect()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was spent of a unit.
    pub fn of(&self, unit: &str) -> Cost {
        self.0.get(unit).copied().unwrap_or_default()
    }

    /// The units, in order, and what was spent of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cost)> {
        self.0.iter().map(|(unit, cost)| (unit.as_str(), *cost))
    }

    /// Adds what others have cost.
    pub fn add(&mut self, others: &Self) {
        // What is infinite could not be written down.
        let sum = |one: f64, other: f64| (one + other).clamp(f64::MIN, f64::MAX);
        for (unit, other) in &others.0 {
            let cost = self.0.entry(unit.clone()).or_default();
            cost.estimated = sum(cost.estimated, other.estimated);
            cost.settled = sum(cost.settled, other.settled);
        }
    }

    /// In words; `None` where nothing but requests was counted.
    pub fn told(&self) -> Option<String> {
        let units = self.iter().filter(|(unit, _)| *unit != REQUESTS);
        let told = |(unit, cost): (&str, Cost)| {
            let (settled, estimated) = (figures::number(cost.settled), figures::number(cost.estimated));
            match settled == estimated {
                true => format!("{settled} {unit}"),
                false => format!("{settled} {unit} (estimated {estimated})"),
            }
        };
        let all: Vec<_> = units.map(told).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

impl FromIterator<(String, Cost)> for Costs {
    fn from_iter<I: IntoIterator<Item = (String, Cost)>>(costs: I) -> Self {
        Self(costs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs<const N: usize>(costs: [(&str, f64, f64); N]) -> Costs {
        let cost =
            |(unit, estimated, settled): (&str, f64, f64)| (unit.to_owned(), Cost { estimated, settled });
        costs.into_iter().map(cost).collect()
    }

    #[test]
    fn requests_are_counted_and_not_told() {
        assert_eq!(costs([("requests", 3.0, 3.0)]).told(), None);
        let two = costs([("requests", 3.0, 3.0), ("pages", 0.5, 0.5), ("tokens", 90_000.0, 71_234.0)]);
        assert_eq!(two.told().unwrap(), "0.5 pages, 71,234 tokens (estimated 90,000)");
    }

    #[test]
    fn sums_stay_numbers_that_can_be_written_and_read() {
        let mut sum = costs([("tokens", f64::MAX, 1.0)]);
        sum.add(&costs([("tokens", f64::MAX, 2.0), ("pages", 1.0, 1.0)]));
        let written = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Costs>(&written).unwrap(), sum);
        assert_eq!(
            (sum.of("tokens").settled, sum.of("pages").settled, sum.of("none")),
            (3.0, 1.0, Cost::default())
        );
    }
}
