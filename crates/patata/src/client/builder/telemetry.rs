//! The options of who watches: an observer, and the trace that requests belong to.

use std::sync::Arc;

use crate::client::builder::Builder;
use crate::telemetry::ExchangeObserver;
use crate::telemetry::trace_parent::TraceParent;

impl Builder {
    /// Who is told of each exchange with a server, for metrics and traces. Default: nobody, which costs nothing.
    ///
    /// The crate `patata-telemetry` has observers that count for Prometheus, and that report to OpenTelemetry.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use patata::{Exchange, ExchangeObserver};
    ///
    /// #[derive(Debug, Default)]
    /// struct Counter(AtomicU32);
    ///
    /// impl ExchangeObserver for Counter {
    ///     fn ended(&self, exchange: &Exchange<'_>) {
    ///         assert_eq!((exchange.start.server_address(), exchange.error_type()), ("127.0.0.1".into(), None));
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let counter = Arc::new(Counter::default());
    /// let client = patata::Client::builder().observer(counter.clone() as Arc<dyn ExchangeObserver>).build()?;
    /// client.run((0..100).map(|id| patata::Request::get(id, &*url))).for_each(drop);
    /// assert_eq!(counter.0.load(Ordering::Relaxed), 100);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn observer(mut self, observer: impl Into<Option<Arc<dyn ExchangeObserver>>>) -> Self {
        self.config.telemetry.observer = observer.into();
        self
    }

    /// The span that requests are sent for, of which servers are told by the header `traceparent`. Default: none. A request
    /// that has such a header of its own is left as it is.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let parent = patata::TraceParent::root().sampled(true);
    /// let client = patata::Client::builder().trace_parent(parent.clone()).build()?;
    /// let response = client.request(patata::Request::get((), format!("{url}/echo"))).unwrap();
    /// assert!(String::from_utf8_lossy(&response.body).contains(&parent.to_string()));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn trace_parent(mut self, parent: impl Into<Option<TraceParent>>) -> Self {
        self.config.telemetry.parent = parent.into().map(Arc::new);
        self
    }
}
