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
//! transport, decoded, and delivered as one [`Outcome`]. A retry and a redirect are new jobs in the
//! schedule. `ARCHITECTURE.md` in the repository maps the files.

mod auth;
#[cfg(feature = "benching")]
#[doc(hidden)]
pub mod benching;
mod blocking;
mod body;
mod builder;
mod caller;
mod certificate;
mod charset;
mod client;
mod clock;
mod compose;
mod config;
mod control;
mod cookie_date;
mod cookies;
mod decode;
mod decoding;
mod deliver;
mod destinations;
mod error;
mod failures;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod http_version;
mod latency;
mod lead;
mod location;
mod multipart;
mod order;
mod outgoing;
mod params;
mod parked;
mod pieces;
mod plan;
mod prepared;
mod progress;
mod proxy;
mod pull;
mod push;
mod rate;
mod readiness;
mod receipt;
mod redirect;
mod request;
mod response;
mod retry_after;
mod retry_if;
mod run;
mod schedule;
mod serve;
mod set_cookie;
mod shared;
#[cfg(test)]
mod simulation;
mod stall;
mod statuses;
mod stop;
mod stream;
mod target;
mod template;
mod tls_version;
mod transport;
mod unfinished;
mod waiting;

pub use auth::AuthRequest;
pub use body::Body;
pub use builder::Builder;
pub use caller::Step;
pub use certificate::CertificateFault;
pub use charset::{decode_json, decode_text};
pub use client::Client;
pub use config::default_num_workers;
pub use control::Control;
pub use error::{ConfigError, Error, Kind as ErrorKind, Phase};
pub use failures::{MaxFailures, TooManyFailures};
pub use headers::Headers;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
pub use http_version::HttpVersion;
pub use latency::Latency;
pub use multipart::{FilePart, Multipart};
pub use progress::{Bottleneck, Progress};
pub use pull::Run;
pub use push::PushedRun;
pub use receipt::Receipt;
pub use request::{Request, redacted};
pub use response::{Outcome, Response, Url};
pub use retry_if::Attempt;
pub use stop::Stop;
pub use stream::{RunStream, StreamedRun};
pub use template::PathTemplate;
pub use tls_version::TlsVersion;
pub use transport::lane::MAX_RESPONSE_HEADERS;
pub use unfinished::Unfinished;
