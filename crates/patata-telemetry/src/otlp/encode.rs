//! Series and spans as the messages of OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics, metric,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span, status};
use prost::Message;

use crate::attributes::{Attribute, Value};
use crate::boundaries::BOUNDARIES;
use crate::series::Series;
use crate::spans::{FinishedSpan, SpanKind};

/// What is said of the program that all is of.
pub(crate) fn resource(pairs: &[(String, String)]) -> Resource {
    let attributes = pairs.iter().map(|(name, value)| pair(name, Value::from(value.clone()))).collect();
    Resource { attributes, ..Resource::default() }
}

/// The message that has these series, counted since then.
pub(crate) fn metrics(resource: &Resource, series: &[Series], began: SystemTime) -> Vec<u8> {
    let now = nanos(SystemTime::now());
    let data_points = series.iter().map(|series| data_point(series, nanos(began), now)).collect();
    let histogram =
        Histogram { data_points, aggregation_temporality: AggregationTemporality::Cumulative.into() };
    let metric = Metric {
        name: "http.client.request.duration".to_owned(),
        description: "Duration of HTTP client requests.".to_owned(),
        unit: "s".to_owned(),
        data: Some(metric::Data::Histogram(histogram)),
        ..Metric::default()
    };
    let scope_metrics =
        vec![ScopeMetrics { scope: Some(scope()), metrics: vec![metric], ..Default::default() }];
    let resource = Some(resource.clone());
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..Default::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn data_point(series: &Series, start_time_unix_nano: u64, time_unix_nano: u64) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(series.attributes.pairs()),
        start_time_unix_nano,
        time_unix_nano,
        count: series.count,
        sum: Some(series.sum),
        bucket_counts: series.buckets.into(),
        explicit_bounds: BOUNDARIES.into(),
        min: Some(series.min),
        max: Some(series.max),
        ..Default::default()
    }
}

/// The message that has these spans.
pub(crate) fn traces(resource: &Resource, spans: Vec<FinishedSpan>) -> Vec<u8> {
    let spans = spans.into_iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..Default::default() }];
    let resource = Some(resource.clone());
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn span(finished: FinishedSpan) -> Span {
    let start = nanos(finished.began);
    let parent = finished.parent_id;
    let kind = match finished.kind {
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Internal => span::SpanKind::Internal,
    };
    let status = finished.has_failed.then(|| Status {
        message: finished.error.unwrap_or_default(),
        code: status::StatusCode::Error.into(),
    });
    Span {
        trace_id: finished.trace_id.to_be_bytes().into(),
        span_id: finished.span_id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        flags: 1,
        name: finished.name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + u64::try_from(finished.duration.as_nanos()).unwrap_or(u64::MAX - start),
        attributes: attributes(finished.attributes),
        status,
        ..Default::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "patata".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    }
}

fn attributes(said: Vec<Attribute>) -> Vec<KeyValue> {
    said.into_iter().map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &str, value: Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.into_owned()),
        Value::Integer(number) => any_value::Value::IntValue(number),
        Value::Number(number) => any_value::Value::DoubleValue(number),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn nanos(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
