//! The engine as one who shares a budget: what its requests want is leased, and what was leased is theirs to use.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use patata::{Allotment, Lease, WeakAllotment};

use crate::client::lessee::{Lessee, Needs, Slots, UnitNeeds};
use crate::client::{Client, ClientOptions};
use crate::error::BudgetError;
use crate::handle::Handle;
use crate::units::terms::{REQUESTS, Terms};

/// How long what is given back makes up for what is owed, before it is told.
const KEPT: Duration = Duration::from_secs(1);

/// Has a client share a budget, with all others that have its handle: give what this returns to
/// [`Builder::allotment`](patata::Builder::allotment).
///
/// Nothing is connected before the client's first run. From then on one thread leases, for all runs of the client, until
/// the client is dropped; the child of a fork has a lease of its own. Where the holder is lost, requests wait, and end after
/// [`ClientOptions::budget_timeout`] with an error of kind [`Budget`](patata::ErrorKind::Budget), as they do at once with
/// a wrong secret; the next run tries anew.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// use patata_budget::{HolderBuilder, Terms, join};
///
/// let holder = HolderBuilder::new(Terms::new().rate("requests", "200/s")?).serve()?;
/// // The handle goes to any number of processes, each of which says:
/// let client = patata::Client::builder().allotment(&join(holder.handle().clone(), Default::default())).build()?;
/// let requests = (0..20).map(|id| patata::Request::get(id, url));
/// assert_eq!(client.run(requests).filter(|outcome| outcome.result.is_ok()).count(), 20);
/// assert_eq!(holder.status().units[0].used, 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn join(handle: Handle, options: ClientOptions) -> Allotment {
    Allotment::leased(move |allotment| {
        let lessee = OfEngine { allotment: allotment.downgrade(), state: Mutex::default() };
        match Client::start(handle.clone(), options.clone(), std::sync::Arc::new(lessee)) {
            Ok(client) => Some(Box::new(client)),
            Err(error) => {
                allotment.fail(error.to_string());
                None
            }
        }
    })
}

impl Lease for Client {
    fn look(&self) {
        Client::look(self);
    }
}

/// An allotment, as its lease sees it. It does not keep it: with the client that uses it, the lease ends.
struct OfEngine {
    allotment: WeakAllotment,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    units: Vec<Settling>,
    is_concurrency_limited: bool,
}

/// A unit by its number, and what is to be given back or owed of it: until that is a whole, and until what is given back
/// has had its time to make up for what is owed, as what was given back is granted again only slowly.
struct Settling {
    name: String,
    /// Below 0 where it is to be given back.
    amount: f64,
    /// Since when it is.
    since: Option<Instant>,
}

impl OfEngine {
    fn with_state<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Settling {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), amount: 0.0, since: None }
    }

    /// What is to be given back, and what is owed.
    fn take(&mut self, now: Instant) -> (u64, u64) {
        let whole = self.amount.trunc();
        if whole >= 0.0 {
            self.since = None;
        } else if self.name != REQUESTS && now < *self.since.get_or_insert(now) + KEPT {
            return (0, 0);
        } else {
            self.since = None;
        }
        self.amount -= whole;
        // A cast of a float saturates.
        ((-whole).max(0.0) as u64, whole.max(0.0) as u64)
    }
}

impl Lessee for OfEngine {
    fn begun(&self, terms: &Terms) {
        let Some(allotment) = self.allotment.upgrade() else { return };
        self.with_state(|state| {
            let units = terms.units().iter();
            state.units = units.map(|unit| Settling::new(&unit.name)).collect();
            state.is_concurrency_limited = terms.most_in_flight().is_some();
        });
        allotment.set_permits(terms.most_in_flight().map(|_| 0));
        allotment.set_units(terms.units().iter().map(|unit| (&unit.name, unit.most() as f64)));
    }

    fn changed(&self, terms: &Terms) {
        if let Some(allotment) = self.allotment.upgrade() {
            allotment.set_units(terms.units().iter().map(|unit| (&unit.name, unit.most() as f64)));
        }
    }

    fn needs(&self) -> Needs {
        let Some(allotment) = self.allotment.upgrade() else { return Needs::default() };
        // Demand from now on is news.
        allotment.wait_for_demand(Duration::ZERO);
        let wanted = allotment.wanted();
        let in_flight = allotment.in_flight();
        let now = Instant::now();
        let asked = allotment.take_asked().into_iter();
        let left_alone = asked.map(|(server, until)| (Some(server), until.saturating_duration_since(now)));
        let left_alone = left_alone.collect();
        let units = self.with_state(|state| {
            // What is late is over as soon as somebody looks at what is ahead.
            let aheads: Vec<_> = state.units.iter().map(|unit| allotment.ahead(&unit.name)).collect();
            for (name, amount) in allotment.take_settled() {
                if let Some(unit) = state.units.iter_mut().find(|unit| unit.name == name) {
                    unit.amount += amount;
                }
            }
            let needs = |(unit, ahead): (&mut Settling, f64)| {
                let (amount, piece) = lacking(wanted.amounts(&unit.name), ahead);
                let (given_back, owed) = unit.take(now);
                UnitNeeds { amount, piece: if unit.name == REQUESTS { 1 } else { piece }, given_back, owed }
            };
            state.units.iter_mut().zip(aheads).map(needs).collect()
        });
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Needs {
            units,
            could_be_in_flight: count(in_flight.saturating_add(wanted.requests())),
            in_flight: count(in_flight),
            left_alone,
        }
    }

    fn granted(&self, unit: usize, slots: Slots) {
        let Some(allotment) = self.allotment.upgrade() else { return };
        let name = self.with_state(|state| state.units.get(unit).map(|unit| unit.name.clone()));
        let Some(name) = name else { return };
        let Slots { first, every, count, piece } = slots;
        if every.is_zero() {
            allotment.grant(&name, first, count as f64 * piece as f64);
        } else {
            allotment.grant_evenly(&name, first, every, count, piece as f64);
        }
    }

    fn permits(&self, count: u32) {
        let Some(allotment) = self.allotment.upgrade() else { return };
        if self.with_state(|state| state.is_concurrency_limited) {
            allotment.set_permits(usize::try_from(count).ok());
        }
    }

    fn leave_alone(&self, host: Option<&str>, until: Instant) {
        let Some(allotment) = self.allotment.upgrade() else { return };
        match host {
            Some(host) => allotment.leave_server_alone(host, until),
            None => allotment.leave_alone(until),
        }
    }

    fn lost(&self) {
        if let Some(allotment) = self.allotment.upgrade() {
            allotment.note_silence();
        }
    }

    fn failed(&self, error: &BudgetError) {
        if let Some(allotment) = self.allotment.upgrade() {
            allotment.fail(error.to_string());
        }
    }
}

/// How much requests lack that cost so much, besides what is ahead; and how much of it the first one does that lacks
/// anything, as each is best granted what it needs in one piece.
fn lacking(amounts: &[f64], ahead: f64) -> (u64, u64) {
    let (mut sum, mut piece) = (0.0, None);
    for amount in amounts {
        sum += amount;
        if sum > ahead && piece.is_none() {
            piece = Some((sum - ahead).min(*amount));
        }
    }
    let whole = |amount: f64| amount.ceil().max(0.0) as u64;
    (whole(sum - ahead), piece.map_or(1, whole).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ahead_serves_those_that_are_first() {
        assert_eq!(lacking(&[], 5.0), (0, 1));
        assert_eq!(lacking(&[10.0, 20.0, 30.0], 0.0), (60, 10));
        assert_eq!(lacking(&[10.0, 20.0, 30.0], 12.5), (48, 18));
        assert_eq!(lacking(&[10.0, 20.0, 30.0], 30.0), (30, 30));
        assert_eq!(lacking(&[10.0], 30.0), (0, 1));
        assert_eq!(lacking(&[0.25, 0.25], 0.0), (1, 1));
    }

    #[test]
    fn parts_are_kept_until_they_are_a_whole() {
        let mut settling = Settling::new(REQUESTS);
        settling.amount = -2.5;
        let now = Instant::now();
        assert_eq!(settling.take(now), (2, 0));
        settling.amount += 2.75;
        assert_eq!(settling.take(now), (0, 2));
        assert!((settling.amount - 0.25).abs() < 1e-9);
    }

    #[test]
    fn what_was_estimated_too_much_makes_up_for_what_was_too_little_for_a_second() {
        let mut settling = Settling::new("tokens");
        let now = Instant::now();
        settling.amount = -30.0;
        assert_eq!(settling.take(now), (0, 0));
        settling.amount += 20.0;
        assert_eq!(settling.take(now + KEPT / 2), (0, 0));
        assert_eq!(settling.take(now + KEPT), (10, 0));
        settling.amount += 20.0;
        assert_eq!(settling.take(now + KEPT), (0, 20));
    }
}
