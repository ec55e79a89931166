//! Any iterable of HTTP requests in, a stream of responses out: as fast as the kernel allows, polite to
//! the server, and with every request accounted for.
//!
//! ```
//! use patata::{Client, Request};
//!
//! # let server = patata_testserver::Server::start().unwrap();
//! # let url = server.url();
//! let client = Client::builder().retries(3).build()?;
//! let requests = (0..100).map(|id| Request::get(id, format!("{url}/")));
//! for outcome in client.run(requests) {
//!     match outcome.result {
//!         Ok(response) => assert_eq!(response.status, 200),
//!         Err(error) => eprintln!("{}: {error}", outcome.tag),
//!     }
//! }
//! # Ok::<(), patata::ConfigError>(())
//! ```
//!
//! Data flows one way: a [`Request`] is planned into a job, scheduled, sent and received by the
//! transport, decoded, and delivered as one [`Outcome`]. A retry and a redirect send the same job
//! through the schedule again. `ARCHITECTURE.md` in the repository maps the folders.

#![allow(
    clippy::vec_box,
    reason = "a job lives in one box from its plan to its outcome, and is handed on many times"
)]

mod address;
#[cfg(feature = "benching")]
#[doc(hidden)]
pub mod benching;
mod caching;
mod client;
mod clock;
mod config;
mod cookies;
mod cost;
mod engine;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod job;
mod report;
mod request;
mod response;
mod robots;
mod run;
mod schedule;
#[cfg(test)]
mod simulation;
mod telemetry;
mod transport;

pub use address::redacted::redacted;
pub use caching::{
    CacheAnswer, CacheBasis, CacheRequest, CacheVerdict, CachedResponse, Came, Flight, ResponseCache, Times,
};
pub use client::Client;
pub use client::builder::Builder;
pub use config::allotment::{Allotment, Lease, Wanted, WeakAllotment};
pub use config::default_num_workers;
pub use config::http_version::HttpVersion;
pub use config::tls_version::TlsVersion;
pub use cost::awaited::BindingBudget;
pub use cost::charge::Charge;
pub use error::certificate::CertificateFault;
pub use error::{ConfigError, Error, Kind as ErrorKind, Phase};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
pub use report::costs::Spent;
pub use report::failures::{MaxFailures, TooManyFailures};
pub use report::latency::Latency;
pub use report::progress::{Bottleneck, Granted, Progress};
pub use report::receipt::Receipt;
pub use report::stop::Stop;
pub use report::unfinished::Unfinished;
pub use request::Request;
pub use request::auth::AuthRequest;
pub use request::body::Body;
pub use request::multipart::{FilePart, Multipart};
pub use request::path_template::PathTemplate;
pub use request::priced::PricedRequest;
pub use request::retry_if::Attempt;
pub use response::cache_status::CacheStatus;
pub use response::charset::{decode_json, decode_text};
pub use response::headers::Headers;
pub use response::{Outcome, Response, Url};
pub use robots::{RobotsRules, RobotsVerdict};
pub use run::caller::Step;
pub use run::control::Control;
pub use run::follow_ups::{FollowUps, Next, Refused};
pub use run::followed::{Followed, FollowedRun, FollowedStream, Submitter};
pub use run::pulled::Run;
pub use run::pushed::PushedRun;
pub use run::streamed::{RunStream, StreamedRun};
pub use telemetry::ExchangeObserver;
pub use telemetry::exchange::{Exchange, ExchangeSpan, ExchangeStart};
pub use telemetry::trace_parent::TraceParent;
pub use transport::connection::MAX_RESPONSE_HEADERS;
