//! What was leased and is not used yet, for those who only want to wait until they may send.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::client::lessee::{Lessee, Needs, Slots, UnitNeeds};
use crate::client::{Client, ClientOptions};
use crate::error::BudgetError;
use crate::handle::Handle;
use crate::units::LATENESS;
use crate::units::terms::Terms;

const LATE: Duration = Duration::from_nanos(LATENESS);

/// A budget as a gate: [`Purse::take`] waits until a request may be sent. For any number of threads; the engine, which waits
/// for many requests at once, has its own.
///
/// ```no_run
/// let purse = patata_budget::Purse::open("budget://127.0.0.1:7077/?secret=…".parse()?, Default::default())?;
/// let permit = purse.take(&[("requests", 1), ("tokens", 1200)])?;
/// // … send, and when the answer is there:
/// drop(permit);
/// # Ok::<(), patata_budget::BudgetError>(())
/// ```
#[derive(Debug)]
pub struct Purse {
    inner: Arc<Inner>,
    client: Client,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    terms: Option<Terms>,
    units: Vec<Stock>,
    /// Those who wait, from the first to the last: what each needs, by unit.
    waiting: VecDeque<(u64, Vec<u64>)>,
    tickets: u64,
    /// How many may be in flight; `None` where that is not limited.
    may: Option<u32>,
    in_flight: u32,
    paused_until: Option<Instant>,
    left_alone: Vec<(Option<String>, Duration)>,
    failed: Option<BudgetError>,
}

/// What there is of one unit.
#[derive(Debug, Default)]
struct Stock {
    slots: VecDeque<Slots>,
    /// What the slots are good for together.
    ahead: u64,
    /// What is put by for the first one who waits: it may need several slots, or wait for another unit.
    put_by: u64,
    given_back: u64,
    owed: u64,
}

impl Stock {
    /// Puts by what is due, up to a need, and drops what is too late for anybody.
    fn turn(&mut self, need: u64, now: Instant) {
        while let Some(slots) = self.slots.front_mut().filter(|slots| slots.first <= now) {
            let (is_needed, is_late) = (self.put_by < need, slots.first + LATE < now);
            // One that is late is gone, but for one that was late only as the one before has not been used in time.
            if is_late {
                self.given_back += slots.piece;
            } else if is_needed {
                self.put_by += slots.piece;
            } else {
                break;
            }
            self.ahead -= slots.piece;
            slots.count -= 1;
            slots.first += slots.every;
            if slots.count == 0 {
                self.slots.pop_front();
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        self.slots.front().map(|slots| slots.first)
    }

    /// Nothing of it is used.
    fn clear(&mut self) {
        self.given_back += self.ahead + std::mem::take(&mut self.put_by);
        self.ahead = 0;
        self.slots.clear();
    }
}

impl State {
    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Whether the first one may go now; if not, when to look again.
    fn turn(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        if self.is_paused(now) {
            return Err(self.paused_until);
        }
        if self.may.is_some_and(|may| self.in_flight >= may) {
            self.units.iter_mut().for_each(|stock| stock.turn(0, now));
            return Err(None);
        }
        let need = self.waiting.front().map(|(_, need)| need.clone()).unwrap_or_default();
        let mut again = None;
        for (stock, need) in self.units.iter_mut().zip(&need) {
            stock.turn(*need, now);
            if stock.put_by < *need {
                again = again.max(stock.next());
            }
        }
        let is_ready = !self.units.is_empty() || self.may.is_some();
        let has_all = self.units.iter().zip(&need).all(|(stock, need)| stock.put_by >= *need);
        if is_ready && has_all { Ok(()) } else { Err(again) }
    }

    /// The first one goes.
    fn go(&mut self) {
        let Some((_, need)) = self.waiting.pop_front() else { return };
        for (stock, need) in self.units.iter_mut().zip(&need) {
            // A piece may have been more than the last of its need.
            stock.put_by -= need;
        }
        self.in_flight += 1;
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Purse {
    /// Begins to share a budget.
    ///
    /// # Errors
    /// As of [`Client::start`].
    pub fn open(handle: Handle, options: ClientOptions) -> Result<Self, BudgetError> {
        let inner = Arc::new(Inner::default());
        let client = Client::start(handle, options, inner.clone())?;
        Ok(Self { inner, client })
    }

    /// Waits until a request may be sent that costs so much. It counts as in flight until the permit is dropped.
    ///
    /// # Errors
    /// A unit that the budget does not have, a cost that it never holds; or it cannot be shared any longer.
    pub fn take(&self, cost: &[(&str, u64)]) -> Result<Permit, BudgetError> {
        let mut state = self.inner.lock();
        while state.terms.is_none() && state.failed.is_none() {
            state = self.inner.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let needed = need(state.terms.as_ref(), cost)?;
        state.tickets += 1;
        let ticket = state.tickets;
        state.waiting.push_back((ticket, needed));
        self.client.look();
        loop {
            // Its terms may have changed meanwhile.
            let never = need(state.terms.as_ref(), cost).err();
            if let Some(error) = state.failed.clone().or(never) {
                state.waiting.retain(|(waiting, _)| *waiting != ticket);
                return Err(error);
            }
            let is_first = state.waiting.front().is_some_and(|(first, _)| *first == ticket);
            let again = if is_first { state.turn(Instant::now()) } else { Err(None) };
            match again {
                Ok(()) => {
                    state.go();
                    self.inner.changed.notify_all();
                    return Ok(Permit { inner: Arc::downgrade(&self.inner) });
                }
                Err(again) => {
                    let wait = again.map(|again| again.saturating_duration_since(Instant::now()));
                    let wait = wait.unwrap_or(Duration::from_secs(1)).max(Duration::from_micros(20));
                    let waited = self.inner.changed.wait_timeout(state, wait);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// A server has asked to be left alone: all who share the budget are told. Without a host, nothing is sent at all.
    pub fn leave_alone(&self, host: Option<&str>, time: Duration) {
        let mut state = self.inner.lock();
        if host.is_none() {
            let until = Instant::now() + time;
            state.paused_until = state.paused_until.max(Some(until));
            state.units.iter_mut().for_each(Stock::clear);
        }
        state.left_alone.push((host.map(str::to_owned), time));
        drop(state);
        self.client.look();
    }

    /// What a request has really cost is more, or less, than was said.
    pub fn settle(&self, unit: &str, said: u64, used: u64) {
        let mut state = self.inner.lock();
        let Some(at) = state.terms.as_ref().and_then(|terms| terms.unit(unit)) else { return };
        let stock = &mut state.units[at];
        stock.given_back += said.saturating_sub(used);
        stock.owed += used.saturating_sub(said);
    }

    /// Whether it is of this process. One that was forked opens its own.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.client.is_of_this_process()
    }
}

/// A request in flight.
#[derive(Debug)]
pub struct Permit {
    inner: Weak<Inner>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.lock().in_flight -= 1;
            inner.changed.notify_all();
        }
    }
}

/// What is needed, by unit.
fn need(terms: Option<&Terms>, cost: &[(&str, u64)]) -> Result<Vec<u64>, BudgetError> {
    let Some(terms) = terms else { return Ok(Vec::new()) };
    let mut need = vec![0; terms.units().len()];
    for (unit, cost) in cost {
        let Some(at) = terms.unit(unit) else {
            let known: Vec<_> = terms.units().iter().map(|unit| unit.name.as_str()).collect();
            let known = known.join(", ");
            return Err(BudgetError::Terms(format!(
                "the budget has no unit {unit:?}, only {known}; give it a rate"
            )));
        };
        let most = terms.units()[at].most();
        if *cost > most {
            return Err(BudgetError::TooDear { unit: (*unit).to_owned(), cost: *cost, most });
        }
        need[at] += cost;
    }
    Ok(need)
}

impl Lessee for Inner {
    fn begun(&self, terms: &Terms) {
        let mut state = self.lock();
        if state.terms.as_ref() != Some(terms) {
            state.units = terms.units().iter().map(|_| Stock::default()).collect();
            state.may = terms.most_in_flight().map(|_| 0);
            state.terms = Some(terms.clone());
        }
        drop(state);
        self.changed.notify_all();
    }

    fn changed(&self, terms: &Terms) {
        self.lock().terms = Some(terms.clone());
        self.changed.notify_all();
    }

    fn needs(&self) -> Needs {
        let now = Instant::now();
        let mut state = self.lock();
        let state = &mut *state;
        let first = state.waiting.front().map(|(_, need)| need.clone()).unwrap_or_default();
        let unit = |(at, stock): (usize, &mut Stock)| {
            let first = first.get(at).copied().unwrap_or_default();
            stock.turn(first, now);
            let all: u64 =
                state.waiting.iter().map(|(_, need)| need.get(at).copied().unwrap_or_default()).sum();
            let lacks = first.saturating_sub(stock.put_by + stock.ahead);
            UnitNeeds {
                amount: all.saturating_sub(stock.put_by + stock.ahead),
                // The first one is served as a whole; if it has all, the second one is.
                piece: if lacks > 0 {
                    lacks
                } else {
                    state.waiting.get(1).map_or(1, |(_, need)| need.get(at).copied().unwrap_or(1))
                },
                given_back: std::mem::take(&mut stock.given_back),
                owed: std::mem::take(&mut stock.owed),
            }
        };
        Needs {
            units: state.units.iter_mut().enumerate().map(unit).collect(),
            could_be_in_flight: state.in_flight + state.waiting.len() as u32,
            in_flight: state.in_flight,
            left_alone: std::mem::take(&mut state.left_alone),
        }
    }

    fn granted(&self, unit: usize, slots: Slots) {
        let mut state = self.lock();
        let is_paused = state.is_paused(Instant::now());
        if let Some(stock) = state.units.get_mut(unit) {
            stock.ahead += slots.count * slots.piece;
            stock.slots.push_back(slots);
            if is_paused {
                stock.clear();
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn permits(&self, count: u32) {
        let mut state = self.lock();
        state.may = state.may.map(|_| count);
        drop(state);
        self.changed.notify_all();
    }

    fn leave_alone(&self, host: Option<&str>, until: Instant) {
        if host.is_none() {
            let mut state = self.lock();
            state.paused_until = state.paused_until.max(Some(until));
            state.units.iter_mut().for_each(Stock::clear);
        }
    }

    fn failed(&self, error: &BudgetError) {
        self.lock().failed = Some(error.clone());
        self.changed.notify_all();
    }
}
