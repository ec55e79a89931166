//! How much of each unit of the budgets was used in a second, and how much was granted.

use std::collections::BTreeMap;

use patata::Granted;
use serde::{Deserialize, Serialize};

use super::costs::Costs;

/// What was used of a unit in some time, and granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Use {
    /// What the requests have cost that ended in it, settled as far as that was told. Below 0 where more was given back of
    /// earlier ones.
    pub used: f64,
    /// What the budgets allowed: the run's own by their rates, a shared one by what it has granted to this process; of
    /// several the least. None where that is not known, as with budgets of each host alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<f64>,
}

/// By unit.
pub(crate) type Uses = BTreeMap<String, Use>;

/// What had been used and granted at the end of the last second.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    spent: Costs,
    /// By unit that there was a budget of: so much of a shared one.
    shared: BTreeMap<String, Option<f64>>,
}

impl Meters {
    /// What was used and granted since. Where nobody tells of budgets any more, it is the rest of what was used.
    pub(crate) fn uses(&self, costs: &Costs, granted: Option<&[Granted]>, seconds: f64) -> Uses {
        let used = |unit: &str| rounded(costs.of(unit).settled - self.spent.of(unit).settled);
        let Some(granted) = granted else {
            let rest = self.shared.keys().map(|unit| (unit.clone(), Use { used: used(unit), granted: None }));
            return rest.filter(|(_, rest)| rest.used != 0.0).collect();
        };
        let of_unit = |of: &Granted| {
            let granted = self.granted(of, seconds).map(rounded);
            (of.unit.clone(), Use { used: used(&of.unit), granted })
        };
        granted.iter().map(of_unit).collect()
    }

    fn granted(&self, granted: &Granted, seconds: f64) -> Option<f64> {
        let local = granted.per_second.map(|per_second| per_second * seconds);
        let Some(shared) = granted.shared else { return local };
        // What it had granted before the first second may have been for somebody else.
        let since = shared - self.shared.get(&granted.unit).copied().flatten()?;
        Some(local.map_or(since, |local| local.min(since)))
    }

    /// A second has ended.
    pub(crate) fn turn(&mut self, costs: &Costs, granted: Option<&[Granted]>) {
        self.spent.clone_from(costs);
        if let Some(granted) = granted {
            self.shared = granted.iter().map(|of| (of.unit.clone(), of.shared)).collect();
        }
    }
}

/// To a thousandth: a timeline is read by people as well. What is infinite could not be written down.
fn rounded(amount: f64) -> f64 {
    ((amount * 1000.0).round() / 1000.0).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Cost;

    fn costs(tokens: f64) -> Costs {
        [("tokens".to_owned(), Cost { estimated: 0.0, settled: tokens })].into_iter().collect()
    }

    fn granted(per_second: Option<f64>, shared: Option<f64>) -> [Granted; 1] {
        [Granted { unit: "tokens".to_owned(), per_second, shared }]
    }

    #[test]
    fn what_came_since_the_last_second_is_told() {
        let mut meters = Meters::default();
        let local = granted(Some(100.0), None);
        let uses = meters.uses(&costs(80.0), Some(&local), 1.5);
        assert_eq!(uses["tokens"], Use { used: 80.0, granted: Some(150.0) });
        meters.turn(&costs(80.0), Some(&local));
        assert_eq!(meters.uses(&costs(75.0), Some(&local), 1.0)["tokens"].used, -5.0);
        let rest = meters.uses(&costs(99.0), None, 0.2);
        assert_eq!(rest["tokens"], Use { used: 19.0, granted: None });
        assert!(meters.uses(&costs(80.0), None, 0.2).is_empty());
    }

    #[test]
    fn a_shared_budget_grants_by_what_it_has_granted_and_the_least_of_several_counts() {
        let mut meters = Meters::default();
        let uses =
            |meters: &Meters, of: &[Granted]| meters.uses(&costs(0.0), Some(of), 1.0)["tokens"].granted;
        assert_eq!(uses(&meters, &granted(Some(100.0), Some(7000.0))), None, "it may be an earlier run's");
        meters.turn(&costs(0.0), Some(&granted(None, Some(7000.0))));
        assert_eq!(uses(&meters, &granted(None, Some(7090.0))), Some(90.0));
        assert_eq!(uses(&meters, &granted(Some(50.0), Some(7090.0))), Some(50.0));
        assert_eq!(uses(&meters, &granted(None, None)), None);
    }
}
