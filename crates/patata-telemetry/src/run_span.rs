//! The span of a whole run, below which those of its exchanges are, with the receipt as its attributes.

use std::time::{Instant, SystemTime};

use patata::{Receipt, TraceParent};

use crate::attributes::{Attribute, Value};
use crate::spans::{FinishedSpan, SpanKind};

/// A run under way, as the parent of the spans of its exchanges.
///
/// ```
/// use std::sync::Arc;
/// use patata_telemetry::{Recorder, RunSpan};
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let recorder = Arc::new(Recorder::new());
/// let span = RunSpan::begin("patata run", None);
/// let parent = span.parent().recorded(1.0);
/// let client = patata::Client::builder().observer(recorder.observer()).trace_parent(parent).build()?;
/// let mut run = client.run((0..10).map(|id| patata::Request::get(id, &*url)));
/// run.by_ref().for_each(drop);
/// recorder.add_span(span.end(run.receipt()));
/// let (spans, lost) = recorder.take_spans();
/// assert_eq!((spans.len(), lost), (11, 0));
/// let (below, run): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| span.name == "GET");
/// assert!(below.iter().all(|span| span.parent_id == run[0].span_id));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct RunSpan {
    name: &'static str,
    own: TraceParent,
    parent_id: u64,
    began: SystemTime,
    began_by_clock: Instant,
}

impl RunSpan {
    /// Begins one, below the span of whoever has begun the run, where there is one.
    pub fn begin(name: &'static str, parent: Option<&TraceParent>) -> Self {
        let root = TraceParent::root().sampled(true);
        let own = match parent {
            Some(parent) => TraceParent::new(parent.trace_id(), root.span_id()).sampled(parent.is_sampled()),
            None => root,
        };
        let parent_id = parent.map_or(0, TraceParent::span_id);
        Self { name, own, parent_id, began: SystemTime::now(), began_by_clock: Instant::now() }
    }

    /// As the requests of the run are told of it.
    pub fn parent(&self) -> TraceParent {
        self.own.clone()
    }

    /// Ends it, with what became of the run.
    pub fn end(self, receipt: &Receipt) -> FinishedSpan {
        FinishedSpan {
            trace_id: self.own.trace_id(),
            span_id: self.own.span_id(),
            parent_id: self.parent_id,
            name: self.name,
            kind: SpanKind::Internal,
            began: self.began,
            duration: self.began_by_clock.elapsed(),
            attributes: receipt_attributes(receipt),
            has_failed: receipt.cancelled > 0,
            error: None,
        }
    }
}

/// A receipt as attributes of a span: how many requests were submitted, and what became of them.
///
/// ```
/// let attributes = patata_telemetry::receipt_attributes(&patata::Receipt::default());
/// assert_eq!(attributes[0], ("patata.requests.submitted", 0_u64.into()));
/// ```
pub fn receipt_attributes(receipt: &Receipt) -> Vec<Attribute> {
    let mut said: Vec<Attribute> = [
        ("patata.requests.submitted", receipt.submitted),
        ("patata.requests.ok", receipt.ok),
        ("patata.requests.failed", receipt.failed),
        ("patata.requests.cancelled", receipt.cancelled),
        ("patata.requests.unsent", receipt.unsent),
        ("patata.requests.unknown", receipt.unknown),
        ("patata.attempts", receipt.attempts),
        ("patata.retries_denied", receipt.retries_denied),
        ("patata.body_bytes", receipt.body_bytes),
        ("patata.cache.hits", receipt.cache_hits),
        ("patata.cache.revalidated", receipt.cache_revalidated),
        ("patata.cache.misses", receipt.cache_misses),
    ]
    .map(|(name, count)| (name, count.into()))
    .into();
    let latency = &receipt.latency;
    let quantiles = [
        ("patata.latency.p50", latency.percentile(50.0)),
        ("patata.latency.p99", latency.percentile(99.0)),
        ("patata.latency.max", latency.max()),
    ];
    said.extend(quantiles.map(|(name, duration)| (name, Value::Number(duration.as_secs_f64()))));
    said
}
