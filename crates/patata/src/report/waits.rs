//! For how long budgets have kept a call's requests waiting.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cost::awaited::{Awaited, BindingBudget};

/// By budget, the time in which there was a request that nothing else kept from being sent. However many hosts wait for
/// the same one at the same time, that is counted once.
#[derive(Debug, Default)]
pub(crate) struct Waits(Vec<OfBudget>);

#[derive(Debug)]
struct OfBudget {
    awaited: Awaited,
    /// Hosts that wait for it now, and since when there is one.
    hosts: usize,
    since: Instant,
    total: Duration,
}

impl OfBudget {
    fn total(&self, now: Instant) -> Duration {
        let under_way = now.saturating_duration_since(self.since);
        self.total + if self.hosts > 0 { under_way } else { Duration::ZERO }
    }
}

impl Waits {
    /// The next request of one more host waits for a budget.
    pub(crate) fn begin(&mut self, awaited: &Awaited, now: Instant) {
        match self.0.iter_mut().find(|of_budget| of_budget.awaited == *awaited) {
            Some(of_budget) => {
                if of_budget.hosts == 0 {
                    of_budget.since = now;
                }
                of_budget.hosts += 1;
            }
            None => {
                let total = Duration::ZERO;
                self.0.push(OfBudget { awaited: awaited.clone(), hosts: 1, since: now, total });
            }
        }
    }

    /// That of a host no longer does.
    pub(crate) fn end(&mut self, awaited: &Awaited, at: Instant) {
        let found = self.0.iter_mut().find(|of_budget| of_budget.awaited == *awaited && of_budget.hosts > 0);
        if let Some(of_budget) = found {
            if of_budget.hosts == 1 {
                of_budget.total = of_budget.total(at);
            }
            of_budget.hosts -= 1;
        }
    }

    /// None does any more: the call has ended.
    pub(crate) fn close(&mut self, now: Instant) {
        for of_budget in &mut self.0 {
            of_budget.total = of_budget.total(now);
            of_budget.hosts = 0;
        }
    }

    /// How long it was so far, by budget.
    pub(crate) fn totals(&self, now: Instant) -> BTreeMap<String, Duration> {
        let named = |of_budget: &OfBudget| {
            (BindingBudget::from(&of_budget.awaited).to_string(), of_budget.total(now))
        };
        self.0.iter().map(named).filter(|(_, total)| !total.is_zero()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::cost::awaited::Whose;
    use crate::cost::unit::Unit;

    fn awaited(unit: &str, whose: Whose) -> Awaited {
        Awaited { unit: Unit::new(unit), whose }
    }

    #[test]
    fn time_in_which_several_hosts_wait_is_counted_once() {
        let begun = clock::now();
        let at = |second| begun + Duration::from_secs(second);
        let (tokens, permits) = (awaited("tokens", Whose::Own), awaited("concurrency", Whose::Shared));
        let mut waits = Waits::default();
        waits.begin(&tokens, at(0));
        waits.begin(&tokens, at(2));
        waits.end(&tokens, at(3));
        waits.begin(&permits, at(3));
        waits.end(&tokens, at(5));
        assert_eq!(waits.totals(at(5))["tokens"], Duration::from_secs(5));
        waits.begin(&tokens, at(7));
        assert_eq!(waits.totals(at(8))["tokens"], Duration::from_secs(6));
        waits.close(at(9));
        let totals = [("tokens", 7), ("concurrency of the shared budget", 6)];
        let totals = totals.map(|(name, seconds)| (name.to_owned(), Duration::from_secs(seconds)));
        assert_eq!(waits.totals(at(100)), totals.into());
        waits.end(&tokens, at(101));
        assert_eq!(waits.totals(at(101))["tokens"], Duration::from_secs(7));
    }

    #[test]
    fn what_nobody_has_waited_for_is_not_named() {
        let now = clock::now();
        let mut waits = Waits::default();
        let per_host = awaited("tokens", Whose::PerHost);
        waits.begin(&per_host, now);
        waits.end(&per_host, now);
        assert!(waits.totals(now).is_empty());
    }
}
