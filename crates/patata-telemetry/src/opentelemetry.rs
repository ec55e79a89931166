//! Reports to what a program has set up with the crate `opentelemetry`: its meters and its tracers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use ::opentelemetry::global::{self, BoxedSpan, BoxedTracer};
use ::opentelemetry::metrics::{Histogram, Meter};
use ::opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer,
};
use ::opentelemetry::{Context, KeyValue, Value as TheirValue};
use patata::{Exchange, ExchangeObserver, ExchangeStart, Receipt, TraceParent};
use rustc_hash::FxBuildHasher;

use crate::attributes::{Attribute, Value, at_end, at_start, span_name};
use crate::boundaries::BOUNDARIES;
use crate::recorder::locked;
use crate::run_span::receipt_attributes;
use crate::series::{MAX_SERIES, SeriesAttributes, SeriesKey};

/// Event loops beyond so many share what is theirs.
const SHARDS: usize = 16;

/// Reports the exchanges of clients: each to the histogram `http.client.request.duration`, and those that are recorded as
/// spans of kind `CLIENT`.
///
/// ```
/// use patata_telemetry::opentelemetry::OpenTelemetry;
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let telemetry = OpenTelemetry::global();
/// let run_span = telemetry.begin_run("import users");
/// let client = patata::Client::builder()
///     .observer(telemetry.observer())
///     // One of a hundred requests becomes spans, where the span of the run is recorded.
///     .trace_parent(run_span.parent(0.01))
///     .build()?;
/// let mut run = client.run((0..100).map(|id| patata::Request::get(id, &*url)));
/// run.by_ref().for_each(drop);
/// run_span.end(run.receipt());
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct OpenTelemetry(Arc<Reporter>);

struct Reporter {
    durations: Histogram<f64>,
    tracer: BoxedTracer,
    shards: Box<[Mutex<Shard>]>,
}

/// What belongs to one event loop.
#[derive(Default)]
struct Shard {
    attributes: HashMap<SeriesKey, Box<[KeyValue]>, FxBuildHasher>,
    /// Spans of exchanges under way, by their ids.
    spans: HashMap<u64, BoxedSpan, FxBuildHasher>,
}

impl fmt::Debug for OpenTelemetry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenTelemetry").finish_non_exhaustive()
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reporter").finish_non_exhaustive()
    }
}

impl OpenTelemetry {
    /// Reports to a meter and a tracer.
    pub fn new(meter: &Meter, tracer: BoxedTracer) -> Self {
        let durations = meter
            .f64_histogram("http.client.request.duration")
            .with_description("Duration of HTTP client requests.")
            .with_unit("s")
            .with_boundaries(BOUNDARIES.into())
            .build();
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Reporter { durations, tracer, shards }))
    }

    /// Reports to the meter and the tracer that the program has set up for all.
    pub fn global() -> Self {
        Self::new(&global::meter("patata"), global::tracer("patata"))
    }

    /// What a client is given: see [`patata::Builder::observer`].
    pub fn observer(&self) -> Arc<dyn ExchangeObserver> {
        self.0.clone()
    }

    /// Begins a span for a run, below the one that is current.
    pub fn begin_run(&self, name: &'static str) -> OpenTelemetryRun {
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Internal);
        OpenTelemetryRun(self.0.tracer.build_with_context(builder, &Context::current()))
    }
}

/// The span of a run under way. Dropped, it ends without a receipt.
#[derive(Debug)]
pub struct OpenTelemetryRun(BoxedSpan);

impl OpenTelemetryRun {
    /// What the client is given for the run: see [`patata::Builder::trace_parent`]. Of its requests this share, between 0 and 1,
    /// becomes spans, where the span of the run is recorded. `None` where there is no trace.
    pub fn parent(&self, share: f64) -> Option<TraceParent> {
        let context = self.0.span_context();
        if !context.is_valid() {
            return None;
        }
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(context.span_id().to_bytes());
        let parent = TraceParent::new(trace_id, span_id)
            .sampled(context.is_sampled())
            .state(&context.trace_state().header());
        Some(if self.0.is_recording() { parent.recorded(share) } else { parent })
    }

    /// Ends it, with what became of the run as attributes.
    pub fn end(mut self, receipt: &Receipt) {
        for attribute in receipt_attributes(receipt) {
            self.0.set_attribute(key_value(attribute));
        }
        if receipt.cancelled > 0 {
            self.0.set_status(Status::error("the run was ended early"));
        }
        self.0.end();
    }
}

impl Reporter {
    fn shard(&self, event_loop: usize) -> &Mutex<Shard> {
        &self.shards[event_loop % SHARDS]
    }
}

impl ExchangeObserver for Reporter {
    fn span_id(&self, start: &ExchangeStart<'_>) -> Option<u64> {
        let (trace_id, parent_id) = start.parent()?;
        let parent = SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(parent_id),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        let builder = SpanBuilder::from_name(span_name(start.method()))
            .with_kind(SpanKind::Client)
            .with_start_time(start.began())
            .with_attributes(at_start(start).into_iter().map(key_value));
        let context = Context::new().with_remote_span_context(parent);
        let span = self.tracer.build_with_context(builder, &context);
        let id = u64::from_be_bytes(span.span_context().span_id().to_bytes());
        if id == 0 {
            return None;
        }
        locked(self.shard(start.event_loop())).spans.insert(id, span);
        Some(id)
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        let mut shard = locked(self.shard(exchange.start.event_loop()));
        let seconds = exchange.duration.as_secs_f64();
        let key = SeriesKey::of(exchange);
        let is_overflow = shard.attributes.len() >= MAX_SERIES && !shard.attributes.contains_key(&key);
        if is_overflow {
            let pairs = SeriesAttributes::of_overflow().pairs();
            self.durations.record(seconds, &pairs.into_iter().map(key_value).collect::<Vec<_>>());
        } else {
            let attributes = shard.attributes.entry(key).or_insert_with(|| {
                SeriesAttributes::of(exchange).pairs().into_iter().map(key_value).collect()
            });
            self.durations.record(seconds, attributes);
        }
        let span = exchange.span.and_then(|span| shard.spans.remove(&span.span_id));
        drop(shard);
        if let Some(mut span) = span {
            for attribute in at_end(exchange) {
                span.set_attribute(key_value(attribute));
            }
            if exchange.error_type().is_some() {
                let error = exchange.result.err().map(ToString::to_string);
                span.set_status(Status::error(error.unwrap_or_default()));
            }
            span.end_with_timestamp(exchange.start.began() + exchange.duration);
        }
    }
}

fn key_value((name, value): Attribute) -> KeyValue {
    KeyValue::new(
        name,
        match value {
            Value::Text(text) => TheirValue::String(text.into_owned().into()),
            Value::Integer(number) => TheirValue::I64(number),
            Value::Number(number) => TheirValue::F64(number),
        },
    )
}
