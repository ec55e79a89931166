//! States and checks a client's options: those of a run as a whole here, the others in files of their own.

mod budgets;
mod connections;
mod limits;
mod requests;
mod retries;
mod telemetry;

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::config::Config;
use crate::engine::routes::RouteKey;
use crate::engine::{CallOptions, Engine};
use crate::error::ConfigError;
use crate::request::names_several_hosts;
use crate::response::statuses::Statuses;
use crate::transport::connect::tls::Tls;

/// The options of a client, or of some of its runs, each with a default that is good for most.
///
/// Limits that are given to a client hold for all of its runs together; those that are given on top of it
/// ([`Client::to_builder`]) hold for each run that is begun with them, besides.
///
/// ```
/// use std::time::Duration;
///
/// let client = patata::Client::builder()
///     .num_workers(1)
///     .concurrency(200)
///     .timeout(Duration::from_secs(30))
///     .retries(5)
///     .header("x-api-key", "secret")
///     .build()?;
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Builder {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// What was said that makes connections differ.
    pub(crate) route: RouteKey,
    /// That of the client for some of whose calls these options are.
    pub(crate) engine: Option<Arc<Engine>>,
    pub(crate) error: Option<ConfigError>,
}

impl fmt::Debug for Builder {
    /// Without its options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// The client, or the first option whose value cannot be used.
    ///
    /// # Errors
    /// Names the option, the value and what is allowed.
    pub fn build(mut self) -> Result<Client, ConfigError> {
        if names_several_hosts(&self.config.headers) {
            self.fail("headers", "of one Host at most", "several");
        }
        if let Some(engine) = &self.engine
            && engine.options.config.num_workers != self.config.num_workers
        {
            let value = self.config.num_workers;
            self.fail("num_workers", "left to the client, whose event loops all calls share", value);
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        self.config.proxies = self.config.proxies.resolved()?;
        let options = CallOptions { config: Arc::new(self.config), tls: self.tls, route: self.route };
        Ok(match self.engine {
            Some(engine) => Client::new(engine, options),
            None => {
                let config = Arc::new(options.config.of_calls());
                let of_calls = CallOptions { config, ..options.clone() };
                Client::new(Arc::new(Engine::new(options)), of_calls)
            }
        })
    }

    /// Notes what makes connections differ; `None` for what is usual.
    pub(crate) fn note_route(&mut self, option: &'static str, value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.route.insert(option, value),
            None => self.route.remove(option),
        };
    }

    /// How many event loops the client has, each a thread with connections of its own. At least 1. Default:
    /// [`default_num_workers`](crate::default_num_workers).
    pub fn num_workers(mut self, count: usize) -> Self {
        self.config.num_workers = self.positive("num_workers", count);
        self
    }

    /// The most requests taken from the input whose outcomes have not been handed to the caller: the
    /// bound on memory. At least 1. Default: 100,000.
    pub fn queue_max_size(mut self, count: usize) -> Self {
        self.config.queue_max_size = self.positive("queue_max_size", count);
        self
    }

    /// The most requests taken from the input at once, and kept ready ahead of the event loops, which is
    /// done where the caller stays away for long. At least 1. Default: 10,000.
    pub fn input_chunk_size(mut self, count: usize) -> Self {
        self.config.input_chunk_size = self.positive("input_chunk_size", count);
        self
    }

    /// The most requests handed to one event loop at once. At least 1. Default: 1,000.
    pub fn pool_submit_size(mut self, count: usize) -> Self {
        self.config.pool_submit_size = self.positive("pool_submit_size", count);
        self
    }

    /// Whether outcomes are handed out in the order of the input, or as soon as they are there. Default: as
    /// soon as they are there.
    ///
    /// In order, what is done early waits for what stands before it. No more than `queue_max_size` requests
    /// are taken whose outcomes have not been handed out, so one that takes long holds the run up once that
    /// many are behind it.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().ordered(true).build()?;
    /// let delays = [30, 0, 20, 10];
    /// let requests = delays.map(|delay| patata::Request::get(delay, format!("{url}/delay/{delay}")));
    /// assert!(client.run(requests).map(|outcome| outcome.tag).eq(delays));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.config.ordered = ordered;
        self
    }

    pub(crate) fn positive(&mut self, option: &'static str, count: usize) -> usize {
        self.check(option, "at least 1", count, |count| *count >= 1)
    }

    pub(crate) fn duration(&mut self, option: &'static str, limit: Duration) -> Duration {
        if limit.is_zero() {
            self.fail(option, "more than 0 seconds", 0);
        }
        limit
    }

    pub(crate) fn check<V: Display>(
        &mut self,
        option: &'static str,
        allowed: &'static str,
        value: V,
        valid: fn(&V) -> bool,
    ) -> V {
        if !valid(&value) {
            self.fail(option, allowed, &value);
        }
        value
    }

    /// A set of status codes, of which one that is none is refused.
    pub(crate) fn statuses(
        &mut self,
        option: &'static str,
        codes: impl IntoIterator<Item = u16>,
    ) -> Option<Statuses> {
        let statuses = Statuses::try_from(Vec::from_iter(codes));
        statuses.map_err(|code| self.fail(option, "status codes from 100 to 999", code)).ok()
    }

    pub(crate) fn fail(&mut self, option: &'static str, allowed: &'static str, value: impl Display) {
        let error = ConfigError { option, allowed, value: value.to_string() };
        self.error.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_option_is_named_with_its_value() {
        for (builder, expected) in [
            (Client::builder().num_workers(0), "num_workers must be at least 1, got 0"),
            (Client::builder().concurrency(0), "concurrency must be at least 1, got 0"),
            (Client::builder().queue_max_size(0), "queue_max_size must be at least 1, got 0"),
            (Client::builder().timeout(Duration::ZERO), "timeout must be more than 0 seconds, got 0"),
            (
                Client::builder().rate("fast"),
                "rate must be a number of requests and a unit of time, like \"100/s\", \"600/min\", \"5000/h\", \
                 \"10000/day\" or \"3/10s\", or \"auto\", got \"fast\"",
            ),
            (
                Client::builder().max_failures(1.5),
                "max_failures must be a whole number of requests, or a share between 0 and 1, got 1.5",
            ),
            (
                Client::builder().retry_statuses([503, 99]),
                "retry_statuses must be status codes from 100 to 999, got 99",
            ),
            (
                Client::builder().retry_budget(-0.1),
                "retry_budget must be a share of the requests, from 0 to 1, got -0.1",
            ),
            (
                Client::builder().header("a b", "c"),
                "headers must be names and values that HTTP allows, got header name \"a b\" is not a valid token",
            ),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_first_of_several_errors_is_told() {
        let error = Client::builder().retries(0).num_workers(0).build().unwrap_err();
        assert_eq!(error.option, "retries");
    }
}
