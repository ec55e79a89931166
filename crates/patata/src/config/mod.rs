//! The options of a client, with their defaults: raw values once checked, never read from anywhere else.

pub(crate) mod allotment;
pub(crate) mod budget;
pub(crate) mod cookie_policy;
pub(crate) mod http_version;
pub(crate) mod limits;
pub(crate) mod proxies;
pub(crate) mod rate;
pub(crate) mod retry_policy;
pub(crate) mod tls_version;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::caching::ResponseCache;
use crate::config::cookie_policy::CookiePolicy;
use crate::config::http_version::HttpVersion;
use crate::config::limits::{Limits, Patience};
use crate::config::proxies::Proxies;
use crate::config::retry_policy::RetryPolicy;
use crate::report::failures::FailurePolicy;
use crate::report::stall::StallReport;
use crate::request::auth::Authorize;
use crate::request::body::Body;
use crate::request::params::Params;
use crate::request::priced::{EstimateCost, SettleCost};
use crate::request::retry_if::RetryIf;
use crate::response::decoding;
use crate::response::decoding::SizeLimits;
use crate::response::statuses::OkStatuses;
use crate::robots::RobotsRules;
use crate::telemetry::Telemetry;

/// Connections for each event loop where `concurrency` is not given.
const CONNECTIONS_PER_WORKER: usize = 100;

/// Connections that are kept for further requests to their hosts, as far as the process may have files open.
const MOST_OPEN: usize = 4_096;

/// The most that decoding may multiply a body's size by, where nothing else is said.
const MAX_DECOMPRESSION_RATIO: usize = 200;

/// Every option, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) num_workers: usize,
    pub(crate) queue_max_size: usize,
    pub(crate) input_chunk_size: usize,
    pub(crate) pool_submit_size: usize,
    pub(crate) ordered: bool,
    pub(crate) retry: RetryPolicy,
    /// Says of responses whether they are worth another attempt.
    pub(crate) retry_if: Option<RetryIf>,
    /// Whether requests that may do harm twice get a key by which servers know them again.
    pub(crate) idempotency_keys: bool,
    /// The client's, or those of a call besides.
    pub(crate) limits: Limits,
    /// Whether hosts are left alone that say with their answers that nothing of a limit remains.
    pub(crate) learns_limits: bool,
    /// How long hosts in trouble are waited for.
    pub(crate) patience: Patience,
    pub(crate) failures: FailurePolicy,
    pub(crate) ok_statuses: OkStatuses,
    pub(crate) timeout: Duration,
    /// For one request with all of its attempts.
    pub(crate) total_timeout: Option<Duration>,
    /// For the whole run.
    pub(crate) deadline: Option<Duration>,
    /// Who is told where the input keeps the run waiting.
    pub(crate) stall_report: Option<StallReport>,
    /// What all that is random comes from.
    pub(crate) seed: Option<u64>,
    pub(crate) connect_timeout: Duration,
    /// How long a connection is kept without work.
    pub(crate) idle_timeout: Duration,
    /// `None` where redirects are not followed.
    pub(crate) max_redirects: Option<u32>,
    pub(crate) max_response_size: usize,
    /// `None` where it was not given, `Some(None)` for no limit.
    pub(crate) max_decompression_ratio: Option<Option<usize>>,
    pub(crate) http_version: HttpVersion,
    pub(crate) proxies: Proxies,
    /// The addresses of hosts whose names are not looked up.
    pub(crate) addresses: Arc<HashMap<String, Arc<[IpAddr]>>>,
    /// Where all connections go, whatever the URL's host.
    pub(crate) unix_socket: Option<Arc<Path>>,
    /// What patata itself says of each request.
    pub(crate) own_headers: HeaderMap,
    /// What the user wants said with each request.
    pub(crate) headers: HeaderMap,
    /// Query parameters of each request that does not give them itself.
    pub(crate) params: Params,
    /// The body of each request that has none.
    pub(crate) body: Body,
    pub(crate) authorize: Option<Authorize>,
    /// Says what requests cost that do not say so themselves.
    pub(crate) estimate: Option<EstimateCost>,
    /// Says what they did cost.
    pub(crate) settle: Option<SettleCost>,
    pub(crate) cookies: CookiePolicy,
    /// What is asked before a request is sent.
    pub(crate) cache: Option<Arc<dyn ResponseCache>>,
    /// What says which requests `robots.txt` allows.
    pub(crate) robots: Option<Arc<dyn RobotsRules>>,
    /// Who is told of exchanges, and the span that they belong to.
    pub(crate) telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            num_workers: default_num_workers(),
            queue_max_size: 100_000,
            input_chunk_size: 10_000,
            pool_submit_size: 1_000,
            ordered: false,
            retry: RetryPolicy {
                attempts: 1,
                backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(30),
                statuses: None,
                non_idempotent: false,
            },
            retry_if: None,
            idempotency_keys: false,
            limits: Limits::default(),
            learns_limits: true,
            patience: Patience::default(),
            failures: FailurePolicy::default(),
            ok_statuses: OkStatuses::default(),
            total_timeout: None,
            deadline: None,
            stall_report: None,
            seed: None,
            timeout: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            max_redirects: Some(10),
            max_response_size: 64 << 20,
            max_decompression_ratio: None,
            http_version: HttpVersion::Auto,
            proxies: Proxies::default(),
            addresses: Arc::default(),
            unix_socket: None,
            own_headers: HeaderMap::from_iter([
                (http::header::ACCEPT, HeaderValue::from_static("*/*")),
                (http::header::ACCEPT_ENCODING, HeaderValue::from_static(decoding::ACCEPTED)),
                (
                    http::header::USER_AGENT,
                    HeaderValue::from_static(concat!("patata/", env!("CARGO_PKG_VERSION"))),
                ),
            ]),
            headers: HeaderMap::new(),
            params: Params::new(),
            body: Body::default(),
            authorize: None,
            estimate: None,
            settle: None,
            cookies: CookiePolicy::default(),
            cache: None,
            robots: None,
            telemetry: Telemetry::default(),
        }
    }
}

impl Config {
    /// The options of a client's calls, which have no limits besides the client's.
    pub(crate) fn of_calls(&self) -> Self {
        Self { limits: Limits::default(), ..self.clone() }
    }

    /// The random numbers of one part of the engine; each part has its own.
    pub(crate) fn random(&self, part: usize) -> fastrand::Rng {
        match self.seed {
            Some(seed) => fastrand::Rng::with_seed(seed.wrapping_add(part as u64)),
            None => fastrand::Rng::with_seed(fastrand::u64(..)),
        }
    }

    /// How large a body may become. Without any limit of its size, there is one of its growth only where that was given.
    pub(crate) fn size_limits(&self) -> SizeLimits {
        let is_unlimited = self.max_response_size >= isize::MAX.unsigned_abs();
        let default = if is_unlimited { None } else { Some(MAX_DECOMPRESSION_RATIO) };
        SizeLimits { most: self.max_response_size, ratio: self.max_decompression_ratio.unwrap_or(default) }
    }

    /// Whether hosts are asked gently that say "too many", or are new: where requests are tried again.
    pub(crate) fn is_gentle(&self) -> bool {
        self.retry.attempts > 1
    }

    /// Connections in total, where nothing is said of them.
    pub(crate) fn default_connections(&self) -> usize {
        self.num_workers.saturating_mul(CONNECTIONS_PER_WORKER)
    }

    /// Event loops: none that could have no connection at any time.
    pub(crate) fn event_loops(&self) -> usize {
        self.num_workers.min(self.limits.most().unwrap_or(usize::MAX))
    }

    /// Whether all connections lead to one server, which may count them: a proxy, or a unix socket.
    pub(crate) fn is_one_server(&self) -> bool {
        self.unix_socket.is_some() || !self.proxies.is_empty()
    }

    /// Connections that are kept for further requests, over all event loops.
    pub(crate) fn most_kept(&self) -> usize {
        if self.is_one_server() { 0 } else { MOST_OPEN.min(most_files() / 2) }
    }
}

/// The files that this process may have open; all else that it does needs some of them.
fn most_files() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    limit.and_then(|limit: u64| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// The cores this process may use: CPU affinity and cgroup limits count.
///
/// ```
/// assert!(patata::default_num_workers() >= 1);
/// ```
pub fn default_num_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_gets_no_more_connections_than_are_in_use() {
        let config = Config::default();
        assert!((10..=MOST_OPEN).contains(&config.most_kept()));
        let proxies = Proxies::always("http://proxy.example:3128").unwrap();
        assert_eq!(Config { proxies, ..config.clone() }.most_kept(), 0);
        let unix_socket = Some(Arc::from(Path::new("/run/server")));
        assert_eq!(Config { unix_socket, ..config }.most_kept(), 0);
    }
}
