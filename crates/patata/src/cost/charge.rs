//! What a request has been charged, and how that is set right once it is known what it did cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::address::target::Origin;
use crate::cost::Costs;
use crate::cost::awaited::{Awaited, BindingBudget};
use crate::cost::unit::Unit;

/// What a request has cost by the estimate that was made before it was sent: once for each time that it was.
///
/// An [`Outcome`](crate::Outcome) has one where [budgets](crate::Builder::budget) have counted its request, and
/// [`Run::settle`](crate::Run::settle) takes it to set right what the last time did cost.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().budget("tokens", "90000/min").build()?;
/// let mut run = client.run([patata::Request::get((), url).cost("tokens", 1200.0)]);
/// let charge = run.next().unwrap().charge.unwrap();
/// assert_eq!(charge.estimate("tokens"), 1200.0);
/// assert_eq!(charge.sendings(), 1);
/// run.settle(charge, [("tokens", 950.0)]).unwrap();
/// assert_eq!(run.receipt().costs["tokens"].settled, 950.0);
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Charge {
    /// Of each time that it is sent.
    pub(crate) estimate: Costs,
    /// How often it was charged, without what was given back.
    pub(crate) sendings: u32,
    /// The last time, where that was not given back.
    pub(crate) last: Option<Sending>,
    /// The budgets that it has waited for.
    waits: SmallVec<[(Awaited, Duration); 1]>,
}

/// One time that a request was charged.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) at: Instant,
    pub(crate) origin: Arc<Origin>,
}

impl Charge {
    /// Of a request that costs so much each time that it is sent.
    pub(crate) fn new(estimate: Costs) -> Self {
        Self { estimate, ..Self::default() }
    }

    /// What the request was to cost in a unit, each time that it was sent.
    pub fn estimate(&self, unit: &str) -> f64 {
        self.estimate.of(&Unit::new(unit))
    }

    /// The units that it costs something in, and how much of each, each time that it was sent. Requests are among them.
    pub fn amounts(&self) -> impl Iterator<Item = (&str, f64)> {
        let unsaid = self.estimate.stated(&Unit::Requests).is_none().then_some(("requests", 1.0));
        unsaid.into_iter().chain(self.estimate.iter().map(|(unit, amount)| (unit.as_str(), amount)))
    }

    /// How often it was sent: with retries and redirects, and without what failed before it was sent.
    pub fn sendings(&self) -> u32 {
        self.sendings
    }

    /// The budgets that it had to wait for, and for how long each kept it from being sent: the time in which it was next, and
    /// only that budget had too little left. What it has waited for its turn, behind others, does not count; with retries
    /// and redirects, all times that it was sent do.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().budget("requests", "20/s").build()?;
    /// let requests = (0..2).map(|id| patata::Request::get(id, url));
    /// let waited: Vec<_> = client.run(requests).flat_map(|outcome| {
    ///     let charge = outcome.charge.unwrap();
    ///     charge.waits().map(|(budget, time)| (outcome.tag, budget.to_string(), time)).collect::<Vec<_>>()
    /// }).collect();
    /// assert_eq!((waited.len(), waited[0].0, waited[0].1.as_str()), (1, 1, "requests"));
    /// assert!(waited[0].2.as_millis() > 10);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn waits(&self) -> impl Iterator<Item = (BindingBudget, Duration)> {
        self.waits.iter().map(|(awaited, time)| (awaited.into(), *time))
    }

    /// Notes that it has waited for a budget.
    pub(crate) fn note_wait(&mut self, awaited: Awaited, time: Duration) {
        if time.is_zero() {
            return;
        }
        match self.waits.iter_mut().find(|(known, _)| *known == awaited) {
            Some((_, total)) => *total += time,
            None => self.waits.push((awaited, time)),
        }
    }

    /// Counts that it is sent now.
    pub(crate) fn note_sent(&mut self, at: Instant, origin: &Arc<Origin>) {
        self.sendings += 1;
        self.last = Some(Sending { at, origin: origin.clone() });
    }

    /// Takes back the last time, which did not take place.
    pub(crate) fn take_back(&mut self) -> Option<Sending> {
        let last = self.last.take()?;
        self.sendings -= 1;
        Some(last)
    }
}
