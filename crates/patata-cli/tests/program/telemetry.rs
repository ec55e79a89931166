//! Metrics for Prometheus, OTLP to a collector, and logs of JSON.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::time::Instant;

use patata::{Client, Request};
use patata_testserver::Server;
use serde_json::Value;

#[path = "../../../patata-telemetry/tests/reports/collector.rs"]
mod collector;

use collector::{Collected, Collector};

use super::support::{Place, Ran, ended, send, wait_until};

/// What is answered there, with its status.
fn get(url: &str) -> (u16, String) {
    let response = Client::builder().build().unwrap().request(Request::get((), url)).unwrap();
    (response.status.as_u16(), response.text().into_owned())
}

#[test]
fn prometheus_reads_what_a_run_has_come_to() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{0}/\n{0}/status/404\n{0}/delay/600000\n", server.url()));
    let mut child =
        place.spawn(&["run", "urls", "-o", "run", "--metrics", "127.0.0.1:0", "--progress", "none"]);
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("metrics are at ").unwrap();
    let has = |line: &str| get(url).1.lines().any(|found| found == line);
    wait_until("the figures of two requests", || has("patata_requests_done_total{outcome=\"ok\"} 1"));
    let port = server.address().port();
    for line in [
        "patata_requests_submitted_total 3".to_owned(),
        "patata_requests_done_total{outcome=\"failed\"} 1".to_owned(),
        "patata_requests_in_flight 1".to_owned(),
        format!(
            "http_client_request_duration_seconds_count{{http_request_method=\"GET\",server_address=\"127.0.0.1\",\
             server_port=\"{port}\",http_response_status_code=\"404\",error_type=\"404\",network_protocol_version=\"1.1\"}} 1"
        ),
    ] {
        assert!(has(&line), "{line}\nis not in\n{}", get(url).1);
    }
    assert_eq!(get(&url.replace("/metrics", "/other")).0, 404);
    let post = Client::builder().build().unwrap().request(Request::post((), url)).unwrap();
    assert_eq!((post.status.as_u16(), post.headers.get("allow")), (405, Some(&b"GET, HEAD"[..])));
    send(&child, "-INT");
    ended(child).ended(130);
    assert!(
        Client::builder().build().unwrap().request(Request::get((), url)).is_err(),
        "it ends with the run"
    );
}

#[test]
fn an_address_that_cannot_be_served_is_told_before_anything_is_begun() {
    let place = Place::new();
    place.file("urls", "http://127.0.0.1:1/\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.run(&["run", "urls", "-o", "run", "--metrics", &address]).ended(5);
    assert!(
        refused.stderr.starts_with(&format!("error: --metrics: cannot serve at {address}: ")),
        "{}",
        refused.stderr
    );
    let no_address = place.run(&["run", "urls", "-o", "run", "--metrics", "9100"]).ended(2);
    assert!(no_address.stderr.contains("write ADDRESS:PORT, or :PORT"), "{}", no_address.stderr);
    assert!(!place.path("run").exists());
}

/// The names of all spans, in order.
fn span_names(collected: &Collected) -> Vec<String> {
    let of_resources = collected.traces.iter().flat_map(|message| &message.resource_spans);
    let spans = of_resources.flat_map(|of_resource| &of_resource.scope_spans).flat_map(|scope| &scope.spans);
    let mut names: Vec<_> = spans.map(|span| span.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn a_collector_gets_metrics_and_traces_of_a_run() {
    let (server, collector) = (Server::start().unwrap(), Collector::start(&[]));
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let place = Place::new()
        .with_variable("OTEL_SERVICE_NAME", "importer")
        .with_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
        .with_variable("TRACEPARENT", parent);
    place.file("urls", format!("{0}/\n{0}/echo\n", server.url()));
    let ran = place.run(&["run", "urls", "--otlp", &collector.url()]).ended(0);
    let collected = collector.collected();
    assert_eq!(span_names(&collected), ["GET", "GET", "patata run"]);
    assert_eq!(collected.metrics.len(), 1);
    assert!(collected.heads.iter().all(|head| head.contains("\r\nx-key: secret\r\n")));
    let of_resource = &collected.traces[0].resource_spans[0];
    let spans = &of_resource.scope_spans[0].spans;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736"));
    let run = spans.iter().find(|span| span.name == "patata run").unwrap();
    assert_eq!(hex(&run.parent_span_id), "00f067aa0ba902b7");
    // The server was told of the very span that the collector has.
    let traceparent = ran.rows()[1]["body"]["headers"]["traceparent"].as_str().unwrap().to_owned();
    assert!(
        spans
            .iter()
            .any(|span| traceparent == format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id)))
    );
}

#[test]
fn a_share_of_requests_becomes_spans_and_all_are_counted() {
    let (place, server, collector) = (Place::new(), Server::start().unwrap(), Collector::start(&[]));
    place.file("urls", (0..500).map(|number| format!("{}/?{number}\n", server.url())).collect::<String>());
    let sampled = ["--otlp", &collector.url(), "--trace-sample", "0.1"];
    place.run(&[&["run", "urls", "-o", "run"][..], &sampled].concat()).ended(0);
    let collected = collector.collected();
    let spans = span_names(&collected).len() - 1;
    assert!((20..=100).contains(&spans), "{spans}");
    let metric = &collected.metrics.last().unwrap().resource_metrics[0].scope_metrics[0].metrics[0];
    assert!(format!("{metric:?}").contains("count: 500"), "{metric:?}");
    for (flags, told) in [
        (&["--trace-sample", "0.5"][..], "--otlp"),
        (&["--otlp", "http://x", "--trace-sample", "2"], "between 0 and 1"),
        (&["--otlp", "nonsense"], "the URL of a collector"),
    ] {
        let refused = place.run(&[&["run", "urls", "-o", "other"][..], flags].concat()).ended(2);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    assert!(!place.path("other").exists());
}

#[test]
fn a_collector_that_is_not_there_costs_a_warning_and_no_run() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/\n", server.url()));
    let ran = place.run(&["run", "urls", "--otlp", "http://127.0.0.1:1"]).ended(0);
    assert!(
        ran.stderr.contains("--otlp: 2 spans and the last metrics did not come to the collector: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_collector_that_hangs_holds_up_no_interrupt() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    place.file("urls", format!("{0}/\n{0}/delay/600000\n", server.url()));
    let collector = format!("http://{}", silent.local_addr().unwrap());
    let child = place.spawn(&["run", "urls", "-o", "run", "--otlp", &collector]);
    wait_until("both requests", || server.requests() == 2);
    let began = Instant::now();
    send(&child, "-INT");
    ended(child).ended(130);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

fn events(ran: &Ran) -> Vec<Value> {
    ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn a_log_of_json_has_an_event_in_each_line() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{0}/\n{0}/status/404?token=env\nhttp://127.0.0.1:1/\n", server.url()));
    let ran = place.run(&["run", "urls", "-o", "run", "--log", "json"]).ended(1);
    let events = events(&ran);
    let failed: Vec<_> = events.iter().filter(|event| event["event"] == "request failed").collect();
    assert_eq!(failed.len(), 2);
    let not_found = failed.iter().find(|event| event["status"] == 404).unwrap();
    assert_eq!(
        (&not_found["index"], &not_found["attempts"], &not_found["level"]),
        (&1.into(), &1.into(), &"warning".into())
    );
    let refused = failed.iter().find(|event| event["status"].is_null()).unwrap();
    assert_eq!((&refused["kind"], &refused["url"]), (&"connect".into(), &"http://127.0.0.1:1/".into()));
    let end = events.iter().find(|event| event["event"] == "run ended").unwrap();
    assert_eq!((&end["ok"], &end["failed"], &end["over"]), (&1.into(), &2.into(), &true.into()));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["message"]), (&"message".into(), &"patata retry run".into()));
    assert!(events.iter().all(|event| event["time"].as_str().is_some_and(|time| time.ends_with('Z'))));
    // What cannot be done at all is an event too.
    let failure = place.run(&["run", "urls", "-o", "run", "--log", "json"]).ended(2);
    let [event] = &self::events(&failure)[..] else { panic!("{failure:?}") };
    assert_eq!((&event["event"], &event["level"]), (&"error".into(), &"error".into()));
    // What is quiet tells errors alone.
    assert_eq!(place.run(&["run", "urls", "--log", "json", "-q"]).stderr, "");
}
