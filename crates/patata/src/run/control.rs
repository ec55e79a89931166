//! Wakes or ends a run from another thread.

use std::sync::Arc;

use crate::config::budget;
use crate::config::budget::{Budget, BudgetLimits};
use crate::config::limits::Limits;
use crate::config::rate;
use crate::config::rate::Rate;
use crate::engine::shared::Shared;
use crate::error::ConfigError;
use crate::job::call::Call;
use crate::report::progress::Progress;

/// Wakes or ends a [`Run`](crate::Run) from another thread, and gives it other limits.
#[derive(Clone)]
pub struct Control {
    engine: Arc<Shared>,
    call: Arc<Call>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    pub(crate) fn new(engine: Arc<Shared>, call: Arc<Call>) -> Self {
        Self { engine, call }
    }

    /// Ends a [`Run::wait`](crate::Run::wait) that is under way, or the next one.
    pub fn wake(&self) {
        self.call.completions.nudge();
    }

    /// How far the run has come. The counts are those of a moment just past.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().rate("50/s").build()?;
    /// let mut run = client.run((0..20).map(|id| patata::Request::get(id, format!("{url}/"))));
    /// let control = run.control();
    /// let watcher = std::thread::spawn(move || {
    ///     while control.progress().bottleneck != patata::Bottleneck::Rate {}
    /// });
    /// assert_eq!(run.by_ref().count(), 20);
    /// watcher.join().unwrap();
    /// assert_eq!(run.control().progress().done, 20);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn progress(&self) -> Progress {
        self.engine.progress(&self.call)
    }

    /// Ends the run: its caller is told [`Step::End`](crate::Step::End), and what was not done counts as
    /// cancelled.
    pub fn cancel(&self) {
        self.engine.end_call(&self.call);
        self.call.completions.nudge();
    }

    /// Gives the run another [`concurrency`](crate::Builder::concurrency) of its own, besides its client's; `None` for
    /// none. It holds at once: what is in flight is not cancelled, and where that is more, nothing is sent until it is
    /// less.
    ///
    /// # Errors
    /// 0, and a run that has ended.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let mut run = client.run((0..100).map(|id| patata::Request::get(id, format!("{url}/"))));
    /// run.control().set_concurrency(2)?;
    /// assert_eq!(run.by_ref().count(), 100);
    /// assert!(run.control().set_concurrency(3).is_err());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn set_concurrency(&self, count: impl Into<Option<usize>>) -> Result<(), ConfigError> {
        let count = count.into();
        if count == Some(0) {
            let (option, allowed) = ("concurrency", "at least 1");
            return Err(ConfigError { option, allowed, value: "0".to_owned() });
        }
        self.limit(|limits| limits.concurrency = count)
    }

    /// Gives the run other [rates](crate::Builder::rate) of its own, besides its client's, in place of those that it has:
    /// all of them hold, from now on, `"auto"` among them. None at all is no limit.
    ///
    /// # Errors
    /// What is no rate, and a run that has ended.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let mut run = client.run((0..11).map(|id| patata::Request::get(id, format!("{url}/"))));
    /// run.control().set_rates(["50/s"])?;
    /// let begin = std::time::Instant::now();
    /// run.by_ref().for_each(drop);
    /// assert!(begin.elapsed().as_millis() >= 180);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn set_rates<R: AsRef<str>>(&self, rates: impl IntoIterator<Item = R>) -> Result<(), ConfigError> {
        let parse = |text: &R| {
            let refused = |_| ConfigError {
                option: "rate",
                allowed: rate::ALLOWED_OR_AUTO,
                value: format!("{:?}", text.as_ref()),
            };
            text.as_ref().parse().map_err(refused)
        };
        let (auto, rates): (Vec<R>, Vec<R>) = rates.into_iter().partition(|text| text.as_ref() == rate::AUTO);
        let rates = rates.iter().map(parse).collect::<Result<Vec<Rate>, _>>()?;
        self.limit(|limits| (limits.rates, limits.is_rate_auto) = (rates, !auto.is_empty()))
    }

    /// Gives the run other [budgets](crate::Builder::budget) of its own, for all hosts, besides its client's, in place of
    /// those that it has: pairs of a unit and a rate, of which several may be of one unit. What was used of those that stay
    /// the same counts on. None at all is no limit.
    ///
    /// # Errors
    /// What is no unit or no rate, and a run that has ended.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().budget("pages", "1000/s").build()?;
    /// let requests = (0..11).map(|id| patata::Request::get(id, format!("{url}/")).cost("pages", 1.0));
    /// let mut run = client.run(requests);
    /// run.control().set_budgets([("pages", "50/s")])?;
    /// let begin = std::time::Instant::now();
    /// run.by_ref().for_each(drop);
    /// assert!(begin.elapsed().as_millis() >= 180);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn set_budgets<U: AsRef<str>, R: AsRef<str>>(
        &self,
        budgets: impl IntoIterator<Item = (U, R)>,
    ) -> Result<(), ConfigError> {
        let budgets = parsed_budgets("budgets", budgets)?;
        self.limit(|limits| change_budgets(limits, |limits| limits.in_all = budgets))
    }

    /// The same with those that are for [each host](crate::Builder::budget_per_host) by itself.
    ///
    /// # Errors
    /// What is no unit or no rate, and a run that has ended.
    pub fn set_budgets_per_host<U: AsRef<str>, R: AsRef<str>>(
        &self,
        budgets: impl IntoIterator<Item = (U, R)>,
    ) -> Result<(), ConfigError> {
        let budgets = parsed_budgets("budgets_per_host", budgets)?;
        self.limit(|limits| change_budgets(limits, |limits| limits.per_host = budgets))
    }

    /// Has the run send nothing from now on, or go on. What is in flight is not cancelled, and no time-out or deadline
    /// stands still.
    ///
    /// # Errors
    /// A run that has ended.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let mut run = client.run((0..100).map(|id| patata::Request::get(id, format!("{url}/"))));
    /// let control = run.control();
    /// control.set_paused(true)?;
    /// assert!(matches!(run.step(), patata::Step::Wait));
    /// assert_eq!(control.progress().in_flight, 0);
    /// control.set_paused(false)?;
    /// assert_eq!(run.by_ref().count(), 100);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn set_paused(&self, is_paused: bool) -> Result<(), ConfigError> {
        self.limit(|limits| limits.is_paused = is_paused)
    }

    fn limit(&self, change: impl FnOnce(&mut Limits)) -> Result<(), ConfigError> {
        if self.engine.limit(&self.call, change) {
            return Ok(());
        }
        let (option, allowed) = ("set", "used while the run is under way");
        Err(ConfigError { option, allowed, value: "a run that has ended".to_owned() })
    }
}

fn parsed_budgets<U: AsRef<str>, R: AsRef<str>>(
    option: &'static str,
    stated: impl IntoIterator<Item = (U, R)>,
) -> Result<Vec<Budget>, ConfigError> {
    let mut budgets = Vec::new();
    for (unit, text) in stated {
        let rate = budget::parse(unit.as_ref(), text.as_ref());
        let rate = rate.map_err(|(allowed, value)| ConfigError { option, allowed, value })?;
        budget::add(&mut budgets, unit.as_ref(), rate);
    }
    Ok(budgets)
}

fn change_budgets(limits: &mut Limits, change: impl FnOnce(&mut BudgetLimits)) {
    let mut budgets = limits.budgets.take().unwrap_or_default();
    change(&mut budgets);
    limits.budgets = Some(budgets).filter(|budgets| !budgets.is_empty());
}
