//! What a collector gets, attribute by attribute, and what becomes of it where the collector fails.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use patata::Client;
use patata_telemetry::otlp::{Exporter, Options};
use patata_telemetry::{BOUNDARIES, Recorder, RunSpan};
use patata_testserver::Server;

use super::collector::Collector;
use super::send_four;

const PATIENCE: Duration = Duration::from_secs(10);

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Four requests, reported to a collector; what did not come to it.
fn report(options: Options, server: &Server) -> Result<(), patata_telemetry::otlp::Lost> {
    let recorder = Arc::new(Recorder::new());
    let exporter = Exporter::start(recorder.clone(), options).unwrap();
    let run = RunSpan::begin("patata run", None);
    let builder = Client::builder().observer(recorder.observer()).trace_parent(run.parent().recorded(1.0));
    let receipt = send_four(builder, server);
    recorder.add_span(run.end(&receipt));
    exporter.finish(PATIENCE)
}

#[test]
fn a_collector_gets_the_series_as_one_histogram() {
    let (server, collector) = (Server::start().unwrap(), Collector::start(&[]));
    let options = Options {
        headers: vec![("x-key".to_owned(), "secret".to_owned())],
        ..Options::new(collector.url(), "importer")
    };
    report(options, &server).unwrap();
    let collected = collector.collected();
    assert!(collected.heads.iter().all(|head| head.contains("\r\nx-key: secret\r\n")));
    assert!(collected.heads.iter().all(|head| head.contains("\r\ncontent-type: application/x-protobuf\r\n")));
    let [message] = &collected.metrics[..] else { panic!("{collected:?}") };
    let of_resource = &message.resource_metrics[0];
    assert_eq!(
        texts(&of_resource.resource.as_ref().unwrap().attributes),
        map([("service.name", "importer")])
    );
    let of_scope = &of_resource.scope_metrics[0];
    assert_eq!(of_scope.scope.as_ref().unwrap().name, "patata");
    let [metric] = &of_scope.metrics[..] else { panic!("{of_scope:?}") };
    assert_eq!((&*metric.name, &*metric.unit), ("http.client.request.duration", "s"));
    let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!(histogram.aggregation_temporality, 2, "cumulative");
    let port = server.address().port().to_string();
    let mut found = Vec::new();
    for point in &histogram.data_points {
        assert_eq!(point.explicit_bounds, BOUNDARIES);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert!(point.start_time_unix_nano < point.time_unix_nano);
        assert!(point.min() > 0.0 && point.max() <= point.sum());
        found.push((texts(&point.attributes), point.count));
    }
    let of_server =
        [("server.address", "127.0.0.1"), ("server.port", &port), ("network.protocol.version", "1.1")];
    let answered = |more: &[(&str, &str)]| {
        let pairs = of_server.iter().chain(more);
        pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let expected = [
        (answered(&[("http.request.method", "GET"), ("http.response.status_code", "200")]), 2),
        (answered(&[("http.request.method", "GET"), ("http.response.status_code", "302")]), 1),
        (
            answered(&[
                ("http.request.method", "_OTHER"),
                ("http.response.status_code", "404"),
                ("error.type", "404"),
            ]),
            1,
        ),
        (
            map([
                ("http.request.method", "POST"),
                ("server.address", "127.0.0.1"),
                ("server.port", "1"),
                ("error.type", "connect"),
            ]),
            1,
        ),
    ];
    assert_eq!(found.len(), expected.len());
    for series in expected {
        assert!(found.contains(&series), "{series:?}\nis not among\n{found:#?}");
    }
}

fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_collector_gets_a_span_for_each_exchange_below_that_of_the_run() {
    let (server, collector) = (Server::start().unwrap(), Collector::start(&[]));
    report(Options::new(format!("{}/v1/traces", collector.url()), "importer"), &server).unwrap();
    let collected = collector.collected();
    let spans: Vec<_> = collected.traces[0].resource_spans[0].scope_spans[0].spans.clone();
    assert_eq!(spans.len(), 6);
    let [run] = named(&spans, "patata run")[..] else { panic!("{spans:?}") };
    assert_eq!((run.kind, run.parent_span_id.len(), run.trace_id.len()), (1, 0, 16));
    let said = texts(&run.attributes);
    assert_eq!((&*said["patata.requests.submitted"], &*said["patata.requests.failed"]), ("4", "2"));
    for span in spans.iter().filter(|span| span.name != "patata run") {
        assert_eq!((span.kind, &span.trace_id, &span.parent_span_id), (3, &run.trace_id, &run.span_id));
        assert!(span.start_time_unix_nano >= run.start_time_unix_nano);
        assert!(span.start_time_unix_nano < span.end_time_unix_nano);
    }
    let (url, port) = (server.url(), server.address().port().to_string());
    let of_server = |pairs: &[(&str, &str)]| {
        let common =
            [("server.address", "127.0.0.1"), ("server.port", &*port), ("network.protocol.version", "1.1")];
        let all = common.iter().chain(pairs);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let mut gets: Vec<_> = named(&spans, "GET").iter().map(|span| texts(&span.attributes)).collect();
    gets.sort_by_key(|said| (said["url.full"].clone(), said["http.response.status_code"].clone()));
    let get = [("http.request.method", "GET")];
    let full = |path: &str| format!("{url}{path}");
    let (plain, redirect, end) = (full("/?token=REDACTED"), full("/redirect/1"), full("/redirect/0"));
    let ok = ("http.response.status_code", "200");
    let found = ("http.response.status_code", "302");
    let mut expected = vec![
        of_server(&[get[0], ("url.full", &plain), ok]),
        of_server(&[get[0], ("url.full", &end), ok, ("http.request.resend_count", "1")]),
        of_server(&[get[0], ("url.full", &redirect), found]),
    ];
    expected.sort_by_key(|said| (said["url.full"].clone(), said["http.response.status_code"].clone()));
    assert_eq!(gets, expected);
    let [other] = named(&spans, "HTTP")[..] else { panic!("{spans:?}") };
    assert_eq!(
        texts(&other.attributes),
        of_server(&[
            ("http.request.method", "_OTHER"),
            ("http.request.method_original", "PURGE"),
            ("url.full", &full("/status/404")),
            ("http.response.status_code", "404"),
            ("error.type", "404"),
        ])
    );
    assert_eq!(other.status.as_ref().unwrap().code, 2);
    let [refused] = named(&spans, "POST")[..] else { panic!("{spans:?}") };
    assert_eq!(
        texts(&refused.attributes),
        map([
            ("http.request.method", "POST"),
            ("url.full", "http://127.0.0.1:1/"),
            ("server.address", "127.0.0.1"),
            ("server.port", "1"),
            ("error.type", "connect"),
        ])
    );
    let status = refused.status.as_ref().unwrap();
    assert_eq!(status.code, 2);
    assert!(status.message.starts_with("Cannot connect to 127.0.0.1:1"), "{status:?}");
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let (server, collector) = (Server::start().unwrap(), Collector::start(&[503, 429, 502, 504]));
    report(Options::new(collector.url(), "importer"), &server).unwrap();
    let collected = collector.collected();
    assert_eq!((collected.metrics.len(), collected.traces.len(), collected.heads.len()), (1, 1, 6));
}

#[test]
fn what_does_not_come_to_the_collector_is_told() {
    let server = Server::start().unwrap();
    let refusing = Collector::start(&[400; 9]);
    let lost = report(Options::new(refusing.url(), "importer"), &server).unwrap_err();
    assert_eq!((lost.spans, lost.has_lost_metrics), (6, true));
    assert_eq!(
        lost.to_string(),
        "6 spans and the last metrics did not come to the collector: it answered with 400 Bad Request"
    );
}

#[test]
fn a_collector_that_hangs_holds_nobody_up_for_longer_than_it_may() {
    let server = Server::start().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let recorder = Arc::new(Recorder::new());
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = Options { interval: Duration::from_millis(20), ..Options::new(url, "importer") };
    let exporter = Exporter::start(recorder.clone(), options).unwrap();
    send_four(Client::builder().observer(recorder.observer()), &server);
    // It is in the middle of a message.
    let _waiting = silent.accept().unwrap();
    let began = Instant::now();
    let lost = exporter.finish(Duration::from_millis(300)).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(lost.has_lost_metrics);
}

#[test]
fn an_endpoint_that_is_no_url_is_refused_before_anything_is_sent() {
    let recorder = Arc::new(Recorder::new());
    let error = Exporter::start(recorder, Options::new("localhost", "importer")).unwrap_err();
    assert_eq!(error.option, "otlp");
    assert!(error.to_string().starts_with("otlp must be the URL of a collector"), "{error}");
}
