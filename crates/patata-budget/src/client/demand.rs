//! From what somebody needs to what its holder is to be told, and nothing twice: a pure state machine.

use std::time::{Duration, Instant};

use crate::client::lessee::Needs;
use crate::units::terms::Terms;
use crate::units::{HORIZON, nanos};
use crate::wire::ToHolder;

/// How long fewer permits are kept than could be used: requests come and go, and nobody may be waiting.
const KEPT: Duration = Duration::from_millis(50);

/// How many times what is handed out ahead is asked for at most: what is granted to one that is held up is lost to the others.
const ASKED: u64 = 3;

/// What a holder knows of our needs.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    units: Vec<UnitDemand>,
    permits: Option<PermitDemand>,
}

#[derive(Debug, Clone)]
struct UnitDemand {
    /// The sum that was granted since we have joined.
    granted: u64,
    /// The sum that we have said that we want.
    target: u64,
    piece: u64,
    /// What is granted ahead: so much must have been asked for, or we run dry.
    ahead: u64,
}

#[derive(Debug, Clone)]
struct PermitDemand {
    most: u32,
    /// How many we may have.
    may: u32,
    serial: u64,
    /// What we have said last: how many we could use, how many we hold, and which telling we had heard.
    said: (u32, u32, u64),
    said_at: Option<Instant>,
}

impl Demand {
    pub(crate) fn new(terms: &Terms, holds: u32) -> Self {
        let unit = |unit: &crate::units::terms::UnitTerms| UnitDemand {
            granted: 0,
            target: 0,
            piece: 1,
            ahead: unit.rates.iter().map(|rate| rate.amount_in(HORIZON) + 1).min().unwrap_or(1),
        };
        let permits = |most| PermitDemand { most, may: holds, serial: 0, said: (0, holds, 0), said_at: None };
        Self { units: terms.units().iter().map(unit).collect(), permits: terms.most_in_flight().map(permits) }
    }

    /// The budget allows something else, of the same units: what is wanted is said anew.
    pub(crate) fn change(&mut self, terms: &Terms) {
        let fresh = Self::new(terms, 0);
        for (unit, fresh) in self.units.iter_mut().zip(fresh.units) {
            *unit = UnitDemand { granted: unit.granted, target: unit.granted, ..fresh };
        }
        if let (Some(permits), Some(fresh)) = (&mut self.permits, fresh.permits) {
            permits.most = fresh.most;
        }
    }

    pub(crate) fn granted(&mut self, unit: usize, amount: u64) {
        if let Some(unit) = self.units.get_mut(unit) {
            unit.granted = unit.granted.saturating_add(amount);
        }
    }

    pub(crate) fn permits(&mut self, count: u32, serial: u64) {
        if let Some(permits) = &mut self.permits {
            (permits.may, permits.serial) = (count, serial);
        }
    }

    /// What is to be said. Whether fewer permits are kept from now on, and how many.
    pub(crate) fn say(&mut self, needs: &Needs, now: Instant, said: &mut Vec<ToHolder>) -> Option<u32> {
        for (at, unit) in needs.units.iter().enumerate().take(self.units.len()) {
            if unit.given_back > 0 {
                said.push(ToHolder::GiveBack { unit: at, amount: unit.given_back });
            }
            if unit.owed > 0 {
                said.push(ToHolder::Owe { unit: at, amount: unit.owed });
            }
        }
        for (host, time) in &needs.left_alone {
            let ms = nanos(*time).div_ceil(1_000_000);
            said.push(ToHolder::LeaveAlone { host: host.clone(), ms });
        }
        if self.want(needs) {
            said.push(ToHolder::Want {
                units: self.units.iter().map(|unit| (unit.target, unit.piece)).collect(),
            });
        }
        self.permits.as_mut()?.say(needs, now, said)
    }

    /// Whether what we want is to be said anew.
    fn want(&mut self, needs: &Needs) -> bool {
        let mut is_news = false;
        for (at, unit) in self.units.iter_mut().enumerate() {
            let needs = needs.units.get(at).copied().unwrap_or_default();
            let piece = if needs.amount == 0 { unit.piece } else { needs.piece.max(1) };
            let wanted = unit.granted.saturating_add(needs.amount.min((unit.ahead * ASKED).max(piece)));
            let outstanding = unit.target.saturating_sub(unit.granted);
            let runs_dry = wanted > unit.target && outstanding < needs.amount.min(unit.ahead.max(piece));
            if runs_dry || wanted < unit.target || piece != unit.piece {
                (unit.target, unit.piece) = (wanted, piece);
                is_news = true;
            }
        }
        is_news
    }
}

impl PermitDemand {
    fn say(&mut self, needs: &Needs, now: Instant, said: &mut Vec<ToHolder>) -> Option<u32> {
        let wants = needs.could_be_in_flight.min(self.most);
        let (wanted, held, seen) = self.said;
        let holds = needs.in_flight.max(self.may.min(wants));
        // More is wanted at once, and what was called back is given back at once; what is only not needed just now later.
        let is_called_back = self.may < held && holds < held;
        let is_rested = self.said_at.is_none_or(|at| now.saturating_duration_since(at) >= KEPT);
        let is_news = wants > wanted && wants > self.may || is_called_back || seen != self.serial;
        if !(is_news || is_rested && (wants, holds) != (wanted, held)) {
            return None;
        }
        self.said = (wants, holds, self.serial);
        self.said_at = Some(now);
        said.push(ToHolder::WantPermits { wants, holds, seen: self.serial });
        if holds < self.may {
            self.may = holds;
            return Some(holds);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::lessee::UnitNeeds;

    fn needs(amount: u64) -> Needs {
        Needs { units: vec![UnitNeeds { amount, piece: 1, ..UnitNeeds::default() }], ..Needs::default() }
    }

    fn said(demand: &mut Demand, needs: &Needs) -> Vec<ToHolder> {
        let mut said = Vec::new();
        demand.say(needs, Instant::now(), &mut said);
        said
    }

    #[test]
    fn a_wish_is_said_once_and_again_when_it_runs_out() {
        let terms = Terms::new().rate("requests", "100/s").unwrap();
        let mut demand = Demand::new(&terms, 0);
        let want = |target| vec![ToHolder::Want { units: vec![(target, 1)] }];
        // Eleven are handed out ahead, and three times as many are asked for.
        assert_eq!(said(&mut demand, &needs(50)), want(33));
        assert_eq!(said(&mut demand, &needs(50)), []);
        // As long as enough is asked for, nothing need be said.
        demand.granted(0, 20);
        assert_eq!(said(&mut demand, &needs(50)), []);
        demand.granted(0, 5);
        assert_eq!(said(&mut demand, &needs(50)), want(58));
        // Who needs less says so at once.
        assert_eq!(said(&mut demand, &needs(0)), want(25));
        assert_eq!(said(&mut demand, &needs(0)), []);
    }

    #[test]
    fn what_is_wanted_is_said_anew_when_the_budget_allows_something_else() {
        let terms = |rate, most| Terms::new().rate("requests", rate).unwrap().concurrency(most);
        let mut demand = Demand::new(&terms("100/s", 5), 0);
        let wants = Needs { could_be_in_flight: 20, ..needs(50) };
        let said_of = |target, wants| {
            let units = vec![(target, 1)];
            vec![ToHolder::Want { units }, ToHolder::WantPermits { wants, holds: 0, seen: 0 }]
        };
        assert_eq!(said(&mut demand, &wants), said_of(33, 5));
        demand.granted(0, 20);
        demand.change(&terms("200/s", 9));
        assert_eq!(said(&mut demand, &wants), said_of(70, 9));
    }

    #[test]
    fn permits_that_are_called_back_go_as_requests_end() {
        let mut demand = Demand::new(&Terms::new().concurrency(10), 0);
        let flight =
            |could_be_in_flight, in_flight| Needs { could_be_in_flight, in_flight, ..Needs::default() };
        let holds = |wants, holds, seen| vec![ToHolder::WantPermits { wants, holds, seen }];
        assert_eq!(said(&mut demand, &flight(50, 0)), holds(10, 0, 0));
        demand.permits(10, 1);
        assert_eq!(said(&mut demand, &flight(50, 10)), holds(10, 10, 1));
        demand.permits(5, 2);
        assert_eq!(said(&mut demand, &flight(50, 10)), holds(10, 10, 2));
        assert_eq!(said(&mut demand, &flight(50, 8)), holds(10, 8, 2));
        assert_eq!(said(&mut demand, &flight(50, 3)), holds(10, 5, 2));
    }
}
