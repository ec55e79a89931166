//! The client: resolved options, and where runs begin.

pub(crate) mod builder;

use std::fmt;
use std::sync::Arc;

use futures_core::Stream;

use crate::client::builder::Builder;
use crate::config::Config;
use crate::request::Request;
use crate::run::pulled::Run;
use crate::run::pushed::PushedRun;
use crate::run::streamed::StreamedRun;
use crate::transport::connect::burst::Bursts;
use crate::transport::connect::tls::Tls;

/// Performs runs of requests. Cheap to clone, and usable from several threads at once: each run has event
/// loops, connections and responses of its own.
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
    pub(crate) config: Arc<Config>,
    pub(crate) tls: Tls,
    /// The connections that are being opened, by all runs.
    pub(crate) bursts: Bursts,
}

impl fmt::Debug for Client {
    /// Without its options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// States the options of a new client.
    pub fn builder() -> Builder {
        Builder { config: Config::default(), tls: Tls::default(), bursts: Bursts::default(), error: None }
    }

    /// The options of this client, to make one that differs in some of them. The two share what is
    /// costly to make.
    ///
    /// ```
    /// let client = patata::Client::builder().retries(3).build()?;
    /// let patient = client.to_builder().timeout(std::time::Duration::from_secs(3600)).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn to_builder(&self) -> Builder {
        Builder {
            config: (*self.config).clone(),
            tls: self.tls.clone(),
            bursts: self.bursts.clone(),
            error: None,
        }
    }

    /// Begins a run: each request of the input will end as exactly one outcome, in the order in which
    /// they are done, unless the client is [`ordered`](Builder::ordered).
    ///
    /// The input is pulled lazily, on the thread that asks for outcomes, a bounded number of requests
    /// ahead; it may be endless. Dropping the run cancels it.
    pub fn run<T, I>(&self, requests: I) -> Run<T, I::IntoIter>
    where
        T: Send + 'static,
        I: IntoIterator<Item = Request<T>>,
    {
        Run::start(self.config.clone(), self.tls.clone(), &self.bursts, requests.into_iter())
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
        T: Send + 'static,
        S: Stream<Item = Request<T>>,
    {
        StreamedRun::start(self.config.clone(), self.tls.clone(), &self.bursts, requests)
    }

    /// Begins a run whose requests are pushed by the caller instead of pulled from an input; see
    /// [`PushedRun`]. Dropping the run cancels it.
    pub fn run_pushed<T: Send + 'static>(&self) -> PushedRun<T> {
        PushedRun::start(self.config.clone(), self.tls.clone(), &self.bursts)
    }
}
