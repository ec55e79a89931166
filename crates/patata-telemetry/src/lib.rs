//! What patata's requests look like from outside, by the semantic conventions of OpenTelemetry for HTTP clients.
//!
//! A [`Recorder`] is told of each exchange of a client. It counts them as `http.client.request.duration`, and keeps those
//! that are recorded as spans. [`prometheus::text`] shows the counts to Prometheus. With the feature `otlp` an
//! `otlp::Exporter` sends both to a collector; with the feature `opentelemetry`, `opentelemetry::OpenTelemetry` reports
//! to what the program has set up instead.
//!
//! ```
//! use std::sync::Arc;
//! use patata_telemetry::{Recorder, prometheus};
//!
//! # let server = patata_testserver::Server::start().unwrap();
//! # let url = server.url();
//! let recorder = Arc::new(Recorder::new());
//! let client = patata::Client::builder().observer(recorder.observer()).build()?;
//! client.run((0..100).map(|id| patata::Request::get(id, &*url))).for_each(drop);
//! let text = prometheus::text(&recorder.series());
//! assert!(text.contains("http_client_request_duration_seconds_count{http_request_method=\"GET\","));
//! # Ok::<(), patata::ConfigError>(())
//! ```

mod attributes;
mod boundaries;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod prometheus;
mod recorder;
mod run_span;
mod series;
mod spans;

pub use attributes::{Attribute, Value};
pub use boundaries::BOUNDARIES;
pub use recorder::{Drained, Recorder};
pub use run_span::{RunSpan, receipt_attributes};
pub use series::{MAX_SERIES, Series, SeriesAttributes};
pub use spans::{FinishedSpan, SpanKind};
