//! The client: resolved options, and where runs begin.

pub(crate) mod builder;

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use crate::caching::ResponseCache;
use crate::client::builder::Builder;
use crate::engine::{CallOptions, Engine};
use crate::error::Error;
use crate::request::Request;
use crate::response::{Outcome, Response, Url};
use crate::run::check::check;
use crate::run::followed::{Followed, FollowedRun};
use crate::run::pulled::Run;
use crate::run::pushed::PushedRun;
use crate::run::streamed::StreamedRun;

/// Performs runs of requests. Cheap to clone, and usable from several threads at once.
///
/// Its runs share its event loops, connections, limits, and what it has learnt of servers; each has its own responses
/// and accounts. The event loops are threads that start with the first run, end within half a minute without one, come
/// back with the next, and end with the client.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().concurrency(50).retries(3).build()?;
/// let requests = (0..1000).map(|id| patata::Request::get(id, format!("{url}/")));
/// let mut ids: Vec<_> = client.run(requests).map(|outcome| outcome.tag).collect();
/// ids.sort();
/// assert!(ids.into_iter().eq(0..1000));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Client {
    engine: Arc<Engine>,
    /// Those of its calls: its limits are the engine's.
    options: CallOptions,
}

impl fmt::Debug for Client {
    /// Without its options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(engine: Arc<Engine>, options: CallOptions) -> Self {
        Self { engine, options }
    }

    /// States the options of a new client.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The options of this client, for calls of which some differ. What comes of it has the same event loops,
    /// connections, and all that was learnt of servers.
    ///
    /// Limits (`concurrency`, `rate`, their `_per_host`, `retry_budget`) hold for each run that is begun with it, besides
    /// the client's own, which go on holding for all of its runs together: the strictest counts. Connections are shared
    /// by runs that agree on what makes them differ: TLS, proxies, `resolve`, `unix_socket`, `http_version`.
    ///
    /// ```
    /// let client = patata::Client::builder().rate("100/s").build()?;
    /// let gentle = client.to_builder().rate("5/s").timeout(std::time::Duration::from_secs(3600)).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn to_builder(&self) -> Builder {
        Builder {
            config: (*self.options.config).clone(),
            tls: self.options.tls.clone(),
            route: self.options.route.clone(),
            engine: Some(self.engine.clone()),
            error: None,
        }
    }

    /// Ends the client's threads and closes its connections now, instead of some time after its last run. A run that is
    /// under way keeps them, and the next one brings them back.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// for _ in 0..2 {
    ///     assert_eq!(client.request(patata::Request::get((), &url[..])).unwrap().status, 200);
    ///     client.rest();
    /// }
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn rest(&self) {
        self.engine.rest();
    }

    /// Whether an outcome counts as a success, as receipts have it: an answer with a status below 400, or with one of
    /// [`ok_statuses`](Builder::ok_statuses); and a file that has not changed.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().ok_statuses([200, 404]).build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/status/404"))]).next().unwrap();
    /// assert!(client.is_ok(&outcome));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn is_ok<T>(&self, outcome: &Outcome<T>) -> bool {
        let ok_statuses = &self.options.config.ok_statuses;
        outcome.result.as_ref().is_ok_and(|response| ok_statuses.takes(response))
    }

    /// Whether outcomes are handed out in the order of the input: see [`Builder::ordered`].
    ///
    /// ```
    /// assert!(patata::Client::builder().ordered(true).build()?.is_ordered());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn is_ordered(&self) -> bool {
        self.options.config.ordered
    }

    /// What may answer its requests before they are sent: see [`Builder::cache`].
    ///
    /// ```
    /// assert!(patata::Client::builder().build()?.cache().is_none());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn cache(&self) -> Option<Arc<dyn ResponseCache>> {
        self.options.config.cache.clone()
    }

    /// The units that there are [budgets](Builder::budget) of, the client's own among them, in order; `None` as long as
    /// it is not known which a [shared one](Builder::allotment) has.
    ///
    /// ```
    /// let client = patata::Client::builder().budget("tokens", "90000/min").build()?;
    /// let of_run = client.to_builder().budget_per_host("pages", "5/s").build()?;
    /// assert_eq!(of_run.budget_units().unwrap(), ["pages", "tokens"]);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn budget_units(&self) -> Option<Vec<String>> {
        let limits = [&self.engine.options.config.limits, &self.options.config.limits];
        let stated = limits.into_iter().filter_map(|limits| limits.budgets.as_ref());
        let budgets = stated.flat_map(|budgets| budgets.in_all.iter().chain(&budgets.per_host));
        let shared = match self.engine.allotment() {
            Some(allotment) => allotment.known_units()?,
            None => Vec::new(),
        };
        let own = budgets.map(|budget| budget.unit.to_string());
        let units: BTreeSet<_> = own.chain(shared.iter().map(ToString::to_string)).collect();
        Some(units.into_iter().collect())
    }

    /// Whether requests may cost something of units that there are no budgets of, too: with [`rate`](Builder::rate) `"auto"`
    /// it is servers that name their units.
    ///
    /// ```
    /// let client = patata::Client::builder().rate("auto").build()?;
    /// assert!(client.takes_any_unit());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn takes_any_unit(&self) -> bool {
        self.engine.options.config.limits.is_rate_auto || self.options.config.limits.is_rate_auto
    }

    /// Begins a run: each request of the input will end as exactly one outcome, in the order in which
    /// they are done, unless the client is [`ordered`](Builder::ordered).
    ///
    /// The input is pulled lazily, on the thread that asks for outcomes, a bounded number of requests
    /// ahead; it may be endless. Dropping the run cancels it.
    pub fn run<T, I>(&self, requests: I) -> Run<T, I::IntoIter>
    where
        I: IntoIterator<Item = Request<T>>,
    {
        Run::start(&self.engine, &self.options, requests.into_iter())
    }

    /// Begins a run whose responses lead to further requests, by a function that is called with each outcome on the thread
    /// that asks for outcomes: see [`FollowedRun`]. Dropping the run cancels it.
    pub fn run_followed<T, I, F, R>(&self, requests: I, follow: F) -> FollowedRun<T, I::IntoIter, F>
    where
        I: IntoIterator<Item = Request<T>>,
        F: FnMut(&Outcome<Followed<T>>) -> R,
        R: IntoIterator<Item = Request<T>>,
    {
        FollowedRun::start(&self.engine, &self.options, requests.into_iter(), follow)
    }

    /// Looks at a request as a run would before any I/O, and tells the URL that it would be sent to, without the
    /// client's own parameters.
    ///
    /// # Errors
    /// What is wrong with the request, of kind [`InvalidRequest`](crate::ErrorKind::InvalidRequest).
    ///
    /// ```
    /// let client = patata::Client::builder().build()?;
    /// let url = client.check(&patata::Request::get((), "HTTP://host:80/a b")).unwrap();
    /// assert_eq!(url, "http://host/a%20b");
    /// assert!(client.check(&patata::Request::get((), "host/a")).is_err());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn check<T>(&self, request: &Request<T>) -> Result<Url, Error> {
        check(request)
    }

    /// Performs one request, and waits for its response: on the connections, and within the limits, of all others.
    ///
    /// # Errors
    /// Why there is no response. A status code is not an error.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let response = client.request(patata::Request::get((), format!("{url}/status/404"))).unwrap();
    /// assert_eq!(response.status, 404);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn request<T>(&self, request: Request<T>) -> Result<Response, Error> {
        let mut run = self.run([request]);
        let outcome = run.next();
        outcome.map_or_else(|| Err(Error::not_begun(run.stopped())), |outcome| outcome.result)
    }

    /// The same without blocking, for use inside a tokio (or any other) runtime. Dropping the future cancels the request.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let response = client.request_async(patata::Request::get((), format!("{url}/"))).await.unwrap();
    /// assert_eq!(response.status, 200);
    /// # });
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub async fn request_async<T>(&self, request: Request<T>) -> Result<Response, Error> {
        let mut run = self.run([request]).into_stream();
        let outcome = poll_fn(|context| Pin::new(&mut run).poll_next(context)).await;
        outcome.map_or_else(|| Err(Error::not_begun(run.stopped())), |outcome| outcome.result)
    }

    /// Begins a run whose requests come from an asynchronous stream. It is a stream itself, for use inside
    /// a tokio (or any other) runtime.
    ///
    /// The input is polled a bounded number of requests ahead, and may be endless. Dropping the run cancels
    /// it.
    ///
    /// ```
    /// # use futures_util::{StreamExt, stream};
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let requests = stream::iter(0..10).map(|id| patata::Request::get(id, format!("{url}/")));
    /// let ok = client.run_stream(requests).filter(|outcome| std::future::ready(outcome.result.is_ok()));
    /// assert_eq!(ok.count().await, 10);
    /// # });
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn run_stream<T, S>(&self, requests: S) -> StreamedRun<T, S>
    where
        S: Stream<Item = Request<T>>,
    {
        StreamedRun::start(&self.engine, &self.options, requests)
    }

    /// Begins a run whose requests are pushed by the caller instead of pulled from an input; see
    /// [`PushedRun`]. Dropping the run cancels it.
    pub fn run_pushed<T>(&self) -> PushedRun<T> {
        PushedRun::start(&self.engine, &self.options)
    }
}
