//! What the recorder counts, and what Prometheus reads of it.

use std::sync::Arc;

use patata::{Client, Request, TraceParent};
use patata_telemetry::{MAX_SERIES, Recorder, Series, prometheus};
use patata_testserver::Server;

use super::send_four;

fn count(series: &[Series], method: &str, status: Option<u16>) -> u64 {
    let is_meant =
        |series: &&Series| (series.attributes.method, series.attributes.status) == (method, status);
    series.iter().filter(is_meant).map(|series| series.count).sum()
}

#[test]
fn exchanges_that_are_alike_are_counted_together() {
    let server = Server::start().unwrap();
    let recorder = Arc::new(Recorder::new());
    for _ in 0..3 {
        send_four(Client::builder().observer(recorder.observer()), &server);
    }
    let series = recorder.series();
    assert_eq!(series.len(), 4);
    assert_eq!(count(&series, "GET", Some(200)), 6);
    assert_eq!(count(&series, "GET", Some(302)), 3);
    assert_eq!(count(&series, "_OTHER", Some(404)), 3);
    assert_eq!(count(&series, "POST", None), 3);
    for series in &series {
        assert_eq!(series.buckets.iter().sum::<u64>(), series.count);
        assert!(series.min > 0.0 && series.min <= series.max && series.max <= series.sum);
        let error = series.attributes.error_type.as_deref();
        assert_eq!(
            error,
            match series.attributes.status {
                Some(404) => Some("404"),
                None => Some("connect"),
                _ => None,
            }
        );
    }
    assert_eq!(recorder.take_spans(), (Vec::new(), 0));
}

#[test]
fn durations_are_kept_until_they_are_drained() {
    let server = Server::start().unwrap();
    let recorder = Arc::new(Recorder::of_durations());
    let client = Client::builder().observer(recorder.observer()).build().unwrap();
    for _ in 0..2 {
        client.run((0..100).map(|id| Request::get(id, format!("{}/", server.url())))).for_each(drop);
        let durations: Vec<_> = recorder.drain().into_iter().flat_map(|(_, durations)| durations).collect();
        assert_eq!(durations.len(), 100);
        assert!(durations.iter().all(|seconds| (0.0..20.0).contains(seconds)));
    }
    assert!(recorder.drain().is_empty() && recorder.series().is_empty());
}

#[test]
fn servers_without_end_come_to_a_bounded_number_of_series() {
    let recorder = Arc::new(Recorder::new());
    let client = Client::builder().num_workers(1).observer(recorder.observer()).build().unwrap();
    let count = MAX_SERIES + 500;
    // Each address of the loopback is another server, and none of them listens there.
    let address = |number: usize| format!("http://127.1.{}.{}:1/", number / 250, number % 250 + 1);
    client.run((0..count).map(|number| Request::get(number, address(number)))).for_each(drop);
    let series = recorder.series();
    assert_eq!(series.len(), MAX_SERIES + 1);
    let overflow: Vec<_> = series.iter().filter(|series| series.attributes.is_overflow).collect();
    assert_eq!((overflow.len(), overflow[0].count), (1, 500));
    assert_eq!(series.iter().map(|series| series.count).sum::<u64>(), count as u64);
    assert!(prometheus::text(&series).contains("_count{otel_metric_overflow=\"true\"} 500\n"));
}

#[test]
fn prometheus_reads_cumulative_buckets_with_labels() {
    let server = Server::start().unwrap();
    let recorder = Arc::new(Recorder::new());
    send_four(Client::builder().observer(recorder.observer()), &server);
    let text = prometheus::text(&recorder.series());
    let labels = format!(
        "http_request_method=\"GET\",server_address=\"127.0.0.1\",server_port=\"{}\",\
         http_response_status_code=\"200\",network_protocol_version=\"1.1\"",
        server.address().port()
    );
    for line in [
        "# TYPE http_client_request_duration_seconds histogram".to_owned(),
        format!("http_client_request_duration_seconds_bucket{{{labels},le=\"10\"}} 2"),
        format!("http_client_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
        format!("http_client_request_duration_seconds_count{{{labels}}} 2"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains("error_type=\"connect\"} 1\n"));
}

#[test]
fn a_crowd_of_spans_that_nobody_takes_is_bounded_and_counted() {
    let server = Server::start().unwrap();
    let recorder = Arc::new(Recorder::new());
    let parent = TraceParent::root().sampled(true).recorded(1.0);
    let client = Client::builder().observer(recorder.observer()).trace_parent(parent).build().unwrap();
    client.run((0..100_500).map(|id| Request::get(id, format!("{}/", server.url())))).for_each(drop);
    let (spans, lost) = recorder.take_spans();
    assert_eq!((spans.len(), lost), (100_000, 500));
    assert_eq!(recorder.waiting_spans(), 0);
}
