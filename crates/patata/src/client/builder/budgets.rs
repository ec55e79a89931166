//! The options of how much of which units is used, and of what requests cost.

use crate::client::builder::Builder;
use crate::config::allotment::Allotment;
use crate::config::budget;
use crate::config::budget::{BudgetLimits, BudgetRate};
use crate::request::priced::{EstimateCost, PricedRequest, SettleCost};
use crate::response::Response;

impl Builder {
    /// The most of a unit that is used in a time, by all requests together: `"90000/min"`, `"20MB/s"` (`k`, `M` and `G`
    /// multiply, a `B` may follow), `"3k/10s"`. Given several times, all of them hold, and beside
    /// [`rate`](Self::rate). Default: no limit.
    ///
    /// A request costs what [`Request::cost`](crate::Request::cost) or [`cost`](Self::cost) say, each time that it is sent,
    /// also as a retry or redirect: one of `"requests"` unless another number is said, and nothing of any other unit. What
    /// fails before it is sent is given back, and [`settle`](Self::settle) sets right what turns out to be another amount.
    ///
    /// Use is spread evenly over the shortest time of a unit's rates: a request may go once those before it have been paid
    /// for, whatever it costs itself, so that large ones wait no longer than small ones. `";burst=50"` behind a rate lets so
    /// much go at once. The longer times are quotas, as those of [`rate`](Self::rate).
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().budget("tokens", "90000/min").budget("requests", "500/min;burst=50").build()?;
    /// let requests = (0..10).map(|id| patata::Request::get(id, url).cost("tokens", 3.0));
    /// assert_eq!(client.run(requests).filter(|outcome| outcome.result.is_ok()).count(), 10);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn budget(mut self, unit: impl AsRef<str>, rate: impl AsRef<str>) -> Self {
        if let Some(rate) = self.parse_budget("budgets", unit.as_ref(), rate.as_ref()) {
            budget::add(&mut self.budgets().in_all, unit.as_ref(), rate);
        }
        self
    }

    /// The same for each host (scheme, name and port) by itself. Default: no limit.
    ///
    /// ```
    /// let client = patata::Client::builder().budget_per_host("tokens", "90000/min").build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn budget_per_host(mut self, unit: impl AsRef<str>, rate: impl AsRef<str>) -> Self {
        if let Some(rate) = self.parse_budget("budgets_per_host", unit.as_ref(), rate.as_ref()) {
            budget::add(&mut self.budgets().per_host, unit.as_ref(), rate);
        }
        self
    }

    /// Says what a request costs before it is sent, by unit: an estimate, for each request that says nothing of it itself.
    /// Default: one of `"requests"`.
    ///
    /// It is called on the caller's thread, once for each request. What it fails with is that request's error, of kind
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest).
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # use std::convert::Infallible;
    /// let client = patata::Client::builder()
    ///     .budget("tokens", "90000/min")
    ///     .cost(|request| Ok::<_, Infallible>([("tokens", request.body.map_or(0, <[u8]>::len) as f64 / 4.0)]))
    ///     .build()?;
    /// let mut run = client.run([patata::Request::post((), format!("{url}/echo")).body("a prompt")]);
    /// assert_eq!(run.next().unwrap().charge.unwrap().estimate("tokens"), 2.0);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn cost<F, U, I, E>(mut self, function: F) -> Self
    where
        F: Fn(&PricedRequest<'_>) -> Result<I, E> + Send + Sync + 'static,
        I: IntoIterator<Item = (U, f64)>,
        U: AsRef<str>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.config.estimate = Some(EstimateCost::new(function));
        self
    }

    /// Says what a request did cost, by its response: what was estimated too much is given back, and what was estimated too
    /// little is owed, so that later requests wait for it. Of a unit of which it says nothing, or what is no amount, the
    /// estimate stands; so it does for a request that has no response. Default: all estimates stand.
    ///
    /// It is called on the caller's thread when the outcome is handed out. The [receipt](crate::Receipt::costs) has the
    /// sums of what it says, also of units that there is no budget of.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder()
    ///     .budget("tokens", "90000/min")
    ///     .settle(|response| [("tokens", response.body.len() as f64)])
    ///     .build()?;
    /// let mut run = client.run([patata::Request::get((), format!("{url}/bytes/100")).cost("tokens", 70.0)]);
    /// run.by_ref().for_each(drop);
    /// let spent = run.receipt().costs["tokens"];
    /// assert_eq!((spent.estimated, spent.settled), (70.0, 100.0));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn settle<F, U, I>(mut self, function: F) -> Self
    where
        F: Fn(&Response) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = (U, f64)>,
        U: AsRef<str>,
    {
        self.config.settle = Some(SettleCost::new(function));
        self
    }

    /// Has the client use its part of a budget that others use too, besides its own limits: see [`Allotment`], which whoever
    /// leases that budget tops up. Without anything in it, nothing is sent. It is for all runs of the client, and cannot be
    /// given to some of them. Default: none.
    pub fn allotment(mut self, allotment: &Allotment) -> Self {
        match self.engine {
            None => self.config.limits.allotment = Some(allotment.clone()),
            Some(_) => self.fail("allotment", "given to the client, for all of its runs", "it for a run"),
        }
        self
    }

    fn budgets(&mut self) -> &mut BudgetLimits {
        self.config.limits.budgets.get_or_insert_default()
    }

    fn parse_budget(&mut self, option: &'static str, unit: &str, text: &str) -> Option<BudgetRate> {
        budget::parse(unit, text).map_err(|(allowed, value)| self.fail(option, allowed, value)).ok()
    }
}
