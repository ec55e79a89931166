//! What OpenTelemetry's own SDK gets, attribute by attribute.

use std::collections::BTreeMap;

use opentelemetry::global::BoxedTracer;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use patata::{Client, Request};
use patata_telemetry::opentelemetry::OpenTelemetry;
use patata_testserver::Server;

use super::send_four;

struct Sdk {
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricExporter,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

impl Sdk {
    fn new(sampler: Sampler) -> Self {
        let spans = InMemorySpanExporter::default();
        let metrics = InMemoryMetricExporter::default();
        let tracers =
            SdkTracerProvider::builder().with_sampler(sampler).with_simple_exporter(spans.clone()).build();
        let reader = PeriodicReader::builder(metrics.clone()).build();
        let meters = SdkMeterProvider::builder().with_reader(reader).build();
        Self { spans, metrics, tracers, meters }
    }

    fn telemetry(&self) -> OpenTelemetry {
        let tracer = BoxedTracer::new(Box::new(self.tracers.tracer("test")));
        OpenTelemetry::new(&self.meters.meter("test"), tracer)
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }
}

fn texts<'k>(attributes: impl IntoIterator<Item = &'k KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|pair| (pair.key.to_string(), pair.value.to_string())).collect()
}

#[test]
fn each_exchange_is_a_span_below_the_users_own() {
    let (server, sdk) = (Server::start().unwrap(), Sdk::new(Sampler::AlwaysOn));
    let telemetry = sdk.telemetry();
    let of_user = sdk.tracers.tracer("user").start("job");
    let guard = Context::current_with_span(of_user).attach();
    let run = telemetry.begin_run("import");
    drop(guard);
    let builder = Client::builder().observer(telemetry.observer()).trace_parent(run.parent(1.0));
    let receipt = send_four(builder, &server);
    run.end(&receipt);
    let spans = sdk.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let ([job], [import]) = (&named("job")[..], &named("import")[..]) else { panic!("{spans:?}") };
    assert_eq!(import.parent_span_id, job.span_context.span_id());
    assert_eq!(texts(&import.attributes)["patata.requests.failed"], "2");
    assert_eq!(named("GET").len(), 3);
    for span in ["GET", "HTTP", "POST"].iter().flat_map(|name| named(name)) {
        assert_eq!(
            (&span.span_kind, span.parent_span_id),
            (&SpanKind::Client, import.span_context.span_id())
        );
        assert_eq!(span.span_context.trace_id(), job.span_context.trace_id());
        assert!(span.start_time >= import.start_time && span.end_time > span.start_time);
    }
    let [refused] = &named("POST")[..] else { panic!("{spans:?}") };
    let expected = [
        ("http.request.method", "POST"),
        ("url.full", "http://127.0.0.1:1/"),
        ("server.address", "127.0.0.1"),
        ("server.port", "1"),
        ("error.type", "connect"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(texts(&refused.attributes), BTreeMap::from(expected));
    let Status::Error { description } = &refused.status else { panic!("{refused:?}") };
    assert!(description.starts_with("Cannot connect"), "{description}");
    let resent: Vec<_> = spans
        .iter()
        .map(|span| texts(&span.attributes))
        .filter(|said| said.contains_key("http.request.resend_count"))
        .map(|said| (said["url.full"].clone(), said["http.request.resend_count"].clone()))
        .collect();
    assert_eq!(resent, [(format!("{}/redirect/0", server.url()), "1".to_owned())]);
}

#[test]
fn a_server_is_told_of_the_very_span_that_is_exported() {
    let (server, sdk) = (Server::start().unwrap(), Sdk::new(Sampler::AlwaysOn));
    let telemetry = sdk.telemetry();
    let run = telemetry.begin_run("import");
    let client =
        Client::builder().observer(telemetry.observer()).trace_parent(run.parent(1.0)).build().unwrap();
    let response = client.request(Request::get((), format!("{}/echo", server.url()))).unwrap();
    run.end(&patata::Receipt::default());
    let spans = sdk.spans();
    let of_exchange = &spans.iter().find(|span| span.name == "GET").unwrap().span_context;
    let traceparent = format!("00-{}-{}-01", of_exchange.trace_id(), of_exchange.span_id());
    assert!(response.text().contains(&traceparent), "{}", response.text());
}

#[test]
fn where_the_run_is_not_sampled_nothing_is_recorded_and_servers_are_told_so() {
    let (server, sdk) = (Server::start().unwrap(), Sdk::new(Sampler::AlwaysOff));
    let telemetry = sdk.telemetry();
    let run = telemetry.begin_run("import");
    let parent = run.parent(1.0).unwrap();
    let client =
        Client::builder().observer(telemetry.observer()).trace_parent(parent.clone()).build().unwrap();
    let response = client.request(Request::get((), format!("{}/echo", server.url()))).unwrap();
    run.end(&patata::Receipt::default());
    assert!(!parent.is_sampled() && response.text().contains(&parent.to_string()));
    assert!(sdk.spans().is_empty());
}

#[test]
fn durations_come_to_one_histogram_with_the_buckets_of_the_conventions() {
    let (server, sdk) = (Server::start().unwrap(), Sdk::new(Sampler::AlwaysOn));
    let telemetry = sdk.telemetry();
    assert!(telemetry.begin_run("x").parent(1.0).is_some());
    send_four(Client::builder().observer(telemetry.observer()), &server);
    sdk.meters.force_flush().unwrap();
    let exported = sdk.metrics.get_finished_metrics().unwrap();
    let metric = exported[0].scope_metrics().next().unwrap().metrics().next().unwrap();
    assert_eq!((metric.name(), metric.unit()), ("http.client.request.duration", "s"));
    let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
        panic!("{metric:?}")
    };
    let mut counts = BTreeMap::new();
    for point in histogram.data_points() {
        assert!(point.bounds().eq(patata_telemetry::BOUNDARIES));
        let said = texts(point.attributes());
        counts.insert((said["http.request.method"].clone(), said.get("error.type").cloned()), point.count());
    }
    let expected = [
        (("GET".to_owned(), None), 1),
        (("POST".to_owned(), Some("connect".to_owned())), 1),
        (("_OTHER".to_owned(), Some("404".to_owned())), 1),
    ];
    // The two GETs with a 200 and that with a 302 differ in their status.
    assert!(matches!(counts.remove(&expected[0].0), Some(1 | 2)));
    for (key, count) in &expected[1..] {
        assert_eq!(counts.get(key), Some(count));
    }
}
