//! How much budgets allow of each unit, for who draws that beside what is used.

use crate::config::budget::Budget;
use crate::cost::unit::Unit;
use crate::job::call::Call;
use crate::report::progress::Granted;
use crate::schedule::Schedule;
use crate::schedule::budgets::meter::Meter;

impl Schedule {
    /// What there is of each unit that a call has budgets of.
    pub(crate) fn granted(&self, call: &Call) -> Vec<Granted> {
        if !self.calls.are_budgeted() {
            return Vec::new();
        }
        let limits = [self.limits.budgets.as_deref(), self.calls.stated_budgets(call)];
        let limits = || limits.into_iter().flatten();
        let in_all = || limits().flat_map(|limits| &limits.in_all);
        let shared = self.allotted.as_ref().map_or_else(Vec::new, |allotted| allotted.allotment().granted());
        let local = in_all().chain(limits().flat_map(|limits| &limits.per_host)).map(|budget| &budget.unit);
        let mut units: Vec<&Unit> = local.chain(shared.iter().map(|(unit, _)| unit)).collect();
        units.sort_unstable();
        units.dedup();
        let of_unit = |unit: &Unit| Granted {
            unit: unit.to_string(),
            per_second: in_all().filter(|budget| budget.unit == *unit).map(per_second).min_by(f64::total_cmp),
            shared: shared.iter().find(|(known, _)| known == unit).map(|(_, amount)| *amount),
        };
        units.into_iter().map(of_unit).collect()
    }
}

fn per_second(budget: &Budget) -> f64 {
    Meter::new(&budget.rates).per_second()
}
