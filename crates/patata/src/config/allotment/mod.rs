//! What a client may use of a budget that is shared with others: topped up by whoever leases it, and used up by the
//! schedule. Nothing in here waits for a network.

mod state;
mod stock;
mod used;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;
use crate::config::allotment::state::State;
use crate::config::allotment::stock::Stock;
use crate::cost::unit::Unit;

/// The most slots that are taken at once: nobody grants more who means well.
const MOST_SLOTS: u64 = 100_000;

/// A client's part of a budget that others use too: in other processes, or on other machines.
///
/// Whoever leases the budget makes one, gives it to [`Builder::allotment`](crate::Builder::allotment), and tops it up:
/// with slots, which are moments at which so much of a unit may be used; with permits for requests in flight; and it tells
/// the client when all are to be left alone, or that the budget has been lost. The client uses up what there is, besides
/// its own limits, and without any it sends nothing: it asks no more of servers than was granted, however slow the leasing
/// is. It tells what it [wants](Self::wanted), and wakes the one who leases when there is [demand](Self::demand).
///
/// Clones are the same allotment. Any thread may use it.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let allotment = patata::Allotment::new(["requests"]);
/// let client = patata::Client::builder().allotment(&allotment).build()?;
/// let leasing = std::thread::spawn(move || {
///     let mut granted = 0;
///     while granted < 10 {
///         if allotment.wait_for_demand(Duration::from_secs(1)) {
///             // Here a holder would be asked for so many.
///             for amount in allotment.wanted().amounts("requests") {
///                 allotment.grant("requests", Instant::now(), *amount);
///                 granted += 1;
///             }
///         }
///     }
/// });
/// let requests = (0..10).map(|id| patata::Request::get(id, url));
/// assert_eq!(client.run(requests).filter(|outcome| outcome.result.is_ok()).count(), 10);
/// leasing.join().unwrap();
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Allotment(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// For threads and for tasks that wait for demand.
    thread: Condvar,
    task: Notify,
    /// The process that it is of: a child of a fork has one of its own.
    process: u32,
    /// Begins to lease, where it is not leased from the beginning; and what has come of that.
    opener: Option<Arc<Opener>>,
    lease: Mutex<Option<Box<dyn Lease>>>,
}

type Opener = dyn Fn(&Allotment) -> Option<Box<dyn Lease>> + Send + Sync;

/// Whoever leases a budget for an [`Allotment`], for as long as that is used: see [`Allotment::leased`].
pub trait Lease: Send {
    /// There is [demand](Allotment::demand). Called under a lock of the client's: must neither wait nor use the allotment.
    fn look(&self);
}

/// An [`Allotment`] that does not keep it: for the one who leases it, and is kept by it.
#[derive(Clone)]
pub struct WeakAllotment(Weak<Inner>);

impl fmt::Debug for WeakAllotment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WeakAllotment").finish_non_exhaustive()
    }
}

impl WeakAllotment {
    /// The allotment, while anybody uses it.
    pub fn upgrade(&self) -> Option<Allotment> {
        self.0.upgrade().map(Allotment)
    }
}

/// A client that uses an allotment, as that sees it.
pub(crate) trait Lessee: Send + Sync {
    /// There may be something to use.
    fn wake(&self);

    /// Adds what the requests cost that wait, those that are next first.
    fn add_wanted(&self, wanted: &mut Wanted);

    /// Nothing is sent to a server before this moment, as another client knows.
    fn leave_alone(&self, server: &str, until: Instant);
}

/// What the requests cost that wait for an [`Allotment`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Requests that wait and could be sent.
    pub(crate) requests: usize,
    pub(crate) amounts: Vec<(Unit, Vec<f64>)>,
}

impl Wanted {
    /// How many requests wait that nothing keeps from being sent but this budget: not more than the client's own
    /// `concurrency` lets it send besides those in flight.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// What each of them costs in a unit, those that are next first; the first thousand, and none that cost nothing.
    pub fn amounts(&self, unit: &str) -> &[f64] {
        let unit = Unit::new(unit);
        self.amounts.iter().find(|(known, _)| *known == unit).map_or(&[], |(_, amounts)| amounts)
    }
}

impl fmt::Debug for Allotment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.known_units().unwrap_or_default();
        let units: Vec<_> = units.iter().map(Unit::as_str).collect();
        formatter.debug_struct("Allotment").field("units", &units).finish_non_exhaustive()
    }
}

/// For who leases it.
impl Allotment {
    /// One of a budget of these units, with nothing in it. A request needs slots of each unit that it costs something
    /// in: of `"requests"` one, unless it says otherwise. Without any unit, there are only permits.
    pub fn new<U: AsRef<str>>(units: impl IntoIterator<Item = U>) -> Self {
        let allotment = Self::with(None);
        allotment.set_units(units.into_iter().map(|unit| (unit, f64::INFINITY)));
        allotment
    }

    /// One of a budget that is leased when it is needed, and of which the units are not known before: until they are
    /// [stated](Self::set_units), nothing is sent.
    ///
    /// `begin` is called with it at the beginning of a run, on the thread that begins it, and must not wait. What it returns
    /// is kept until the allotment is no longer used. It is called again where the budget has been [lost](Self::fail)
    /// before another run, and in the child of a fork with another allotment, in which there is nothing yet. Where there is
    /// no lease to be had, it says so by [`fail`](Self::fail) and returns `None`.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// struct Unlimited;
    ///
    /// impl patata::Lease for Unlimited {
    ///     fn look(&self) {}
    /// }
    ///
    /// let allotment = patata::Allotment::leased(|allotment| {
    ///     allotment.set_units([] as [(&str, f64); 0]);
    ///     Some(Box::new(Unlimited))
    /// });
    /// let client = patata::Client::builder().allotment(&allotment).build()?;
    /// assert!(client.run([patata::Request::get((), url)]).next().unwrap().result.is_ok());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn leased(begin: impl Fn(&Self) -> Option<Box<dyn Lease>> + Send + Sync + 'static) -> Self {
        Self::with(Some(Arc::new(begin)))
    }

    fn with(opener: Option<Arc<Opener>>) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            thread: Condvar::new(),
            task: Notify::new(),
            process: std::process::id(),
            opener,
            lease: Mutex::default(),
        }))
    }

    /// The same, without keeping it.
    pub fn downgrade(&self) -> WeakAllotment {
        WeakAllotment(Arc::downgrade(&self.0))
    }

    /// States the units of the budget, each with what a request can cost of it at most: one that costs more ends with an
    /// error, as does one that costs a unit that there is neither here nor among the client's own budgets. What there is
    /// of a unit that was there before stays.
    pub fn set_units<U: AsRef<str>>(&self, units: impl IntoIterator<Item = (U, f64)>) {
        let mut state = self.state();
        let mut before = state.units.take().unwrap_or_default();
        let mut stocks: Vec<Stock> = Vec::new();
        for (unit, most) in units {
            let unit = Unit::new(unit.as_ref());
            if stocks.iter().any(|stock| stock.unit == unit) {
                continue;
            }
            let known = before.iter().position(|stock| stock.unit == unit).map(|at| before.swap_remove(at));
            let mut stock = known.unwrap_or_else(|| Stock::new(unit, most));
            stock.most = most;
            stocks.push(stock);
        }
        state.units = Some(stocks);
        state.is_silent = false;
        state.stated += 1;
        self.wake(state);
    }

    /// From this moment on, so much of a unit may be used, once. What has not been used 30 ms later is dropped, but what
    /// a request waits for that costs more than one slot has. Nothing happens for a unit that it does not have, and for
    /// an amount that is not above 0.
    pub fn grant(&self, unit: &str, at: Instant, amount: f64) {
        self.grant_evenly(unit, at, Duration::ZERO, 1, amount);
    }

    /// Grants so many times the same amount, each so long after the one before.
    pub fn grant_evenly(&self, unit: &str, first: Instant, every: Duration, count: u64, amount: f64) {
        let (unit, now) = (Unit::new(unit), clock::now());
        let mut state = self.state();
        let Some(stock) = state.stocks_mut().find(|stock| stock.unit == unit) else { return };
        let due = stock.next_due(now);
        let mut at = first;
        for _ in 0..count.min(MOST_SLOTS) {
            stock.grant(at, amount);
            at += every;
        }
        // Whoever waits looks again when the slot falls due that was the first before.
        if due.is_none_or(|due| first < due) {
            self.wake(state);
        }
    }

    /// What was granted of a unit and is neither used nor over: no more than that need be granted as long as no request
    /// [wants](Self::wanted) more.
    pub fn ahead(&self, unit: &str) -> f64 {
        let (unit, now) = (Unit::new(unit), clock::now());
        let mut state = self.state();
        let stock = state.stocks_mut().find(|stock| stock.unit == unit);
        stock.map_or(0.0, |stock| {
            stock.turn(now);
            stock.ahead()
        })
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// So many requests may be in flight; `None` for any number. Where there are more, nothing is sent until there are
    /// fewer. Default: any number.
    pub fn set_permits(&self, permits: Option<usize>) {
        let mut state = self.state();
        state.permits = permits;
        self.wake(state);
    }

    /// Nothing is sent before this moment, whatever was granted.
    pub fn leave_alone(&self, until: Instant) {
        let mut state = self.state();
        state.left_alone_until = state.left_alone_until.max(Some(until));
        self.wake(state);
    }

    /// Nothing is sent to a server before this moment, whatever was granted. It is named as by
    /// [`take_asked`](Self::take_asked); what is no name of a server changes nothing.
    pub fn leave_server_alone(&self, server: &str, until: Instant) {
        for lessee in self.lessees() {
            lessee.leave_alone(server, until);
            lessee.wake();
        }
    }

    /// The budget does not answer just now: what limits a run is told to be that, until the units are
    /// [stated](Self::set_units) again. What was granted may be used.
    pub fn note_silence(&self) {
        self.state().is_silent = true;
    }

    /// The budget is lost: requests that wait end with an error of kind [`ErrorKind::Budget`](crate::ErrorKind::Budget)
    /// that says why, and so do those that come, until it is [there again](Self::recover).
    pub fn fail(&self, cause: impl Into<String>) {
        let mut state = self.state();
        state.failure = Some(cause.into().into());
        self.wake(state);
    }

    /// The budget is there again.
    pub fn recover(&self) {
        let mut state = self.state();
        state.failure = None;
        self.wake(state);
    }

    /// What the requests cost that wait just now, of all clients that use it.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for lessee in self.lessees() {
            lessee.add_wanted(&mut wanted);
        }
        wanted
    }

    /// Waits until requests find nothing of what they need, and what has been granted ahead is too little for them or lasts
    /// for less than 50 ms; or until a server has asked to be left alone. What has happened since the last time counts.
    pub async fn demand(&self) {
        loop {
            let notified = self.0.task.notified();
            if std::mem::take(&mut self.state().has_demand) {
                return;
            }
            notified.await;
        }
    }

    /// The same on a thread, for so long at most. Whether there is demand.
    pub fn wait_for_demand(&self, limit: Duration) -> bool {
        let state = self.state();
        let waited = self.0.thread.wait_timeout_while(state, limit, |state| !state.has_demand);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.has_demand)
    }

    /// How much more of each unit was used than was taken from slots, since this was asked last: below 0 where some of it
    /// is to be given back, as slots were not used, or a request cost less than was estimated, or was not sent.
    pub fn take_settled(&self) -> Vec<(String, f64)> {
        let now = clock::now();
        let mut state = self.state();
        state.turn(now);
        let settled = state.stocks_mut().filter(|stock| stock.settled != 0.0);
        settled.map(|stock| (stock.unit.to_string(), std::mem::take(&mut stock.settled))).collect()
    }

    /// Until when a server has asked this client to be left alone, the latest so far: by a `Retry-After`, or, where requests
    /// are tried again, by a "too many" without one, upon which it is left alone until it is asked at half its pace.
    pub fn asked_until(&self) -> Option<Instant> {
        self.state().asked_until
    }

    /// Which servers have asked this client to be left alone, as `https://host:port`, and until when; since this was asked
    /// last. A server behind a unix socket is not among them.
    pub fn take_asked(&self) -> Vec<(String, Instant)> {
        std::mem::take(&mut self.state().asked)
    }

    fn lessees(&self) -> Vec<Arc<dyn Lessee>> {
        self.state().lessees.iter().filter_map(Weak::upgrade).collect()
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let lessees: Vec<_> = state.lessees.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        for lessee in lessees {
            lessee.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
