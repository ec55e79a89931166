//! What an observer is told of exchanges, and what servers are told of the trace that these belong to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use patata::{
    Builder, Client, Exchange, ExchangeObserver, ExchangeSpan, ExchangeStart, Request, TraceParent,
};
use patata_testserver::Server;

use crate::support::{Port, RawServer, Watchdog, all, ok, one, wait_until};

/// What was told of one exchange.
#[derive(Debug, Clone)]
struct Told {
    method: String,
    url: String,
    address: String,
    port: Option<u16>,
    status: Option<u16>,
    version: Option<&'static str>,
    error: Option<String>,
    resend_count: u32,
    duration: Duration,
    began: SystemTime,
    span: Option<ExchangeSpan>,
}

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Kept {
    told: Mutex<Vec<Told>>,
    /// The ids that it gives spans; none where it is 0.
    next_id: AtomicU64,
}

impl ExchangeObserver for Kept {
    fn span_id(&self, start: &ExchangeStart<'_>) -> Option<u64> {
        assert_eq!(start.scheme(), "http");
        (self.next_id.load(Ordering::Relaxed) > 0).then(|| self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        let start = &exchange.start;
        self.told.lock().unwrap().push(Told {
            method: start.method().to_string(),
            url: start.url(),
            address: start.server_address().into_owned(),
            port: start.server_port(),
            status: exchange.result.ok().map(|(status, _)| status.as_u16()),
            version: exchange.protocol_version(),
            error: exchange.error_type().map(Into::into),
            resend_count: start.resend_count(),
            duration: exchange.duration,
            began: start.began(),
            span: exchange.span,
        });
    }
}

impl Kept {
    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// What all have in common with each other that is told of one: status, error, and how often it was sent before.
    fn ends(&self) -> Vec<(Option<u16>, Option<String>, u32)> {
        self.told().into_iter().map(|told| (told.status, told.error, told.resend_count)).collect()
    }
}

fn watched() -> (Arc<Kept>, Builder) {
    let kept = Arc::new(Kept::default());
    let builder = Client::builder().num_workers(1).observer(kept.clone() as Arc<dyn ExchangeObserver>);
    (kept, builder)
}

fn error(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is told is a date of the machine's own clock")]
fn an_exchange_is_told_with_what_it_was_and_how_it_ended() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let (kept, builder) = watched();
    let before = SystemTime::now();
    let url = format!("http://me:secret@localhost:{}/delay/20?a=b&token=c", server.address().port());
    one(&builder.build().unwrap(), Request::post((), url).body("x"));
    let [told] = &kept.told()[..] else { panic!("{kept:?}") };
    assert_eq!((told.method.as_str(), told.address.as_str()), ("POST", "localhost"));
    assert_eq!(told.port, Some(server.address().port()));
    assert_eq!(told.url, format!("http://localhost:{}/delay/20?a=b&token=REDACTED", server.address().port()));
    assert_eq!((told.status, told.version, &told.error), (Some(200), Some("1.1"), &None));
    assert!(told.duration >= Duration::from_millis(20) && told.duration < Duration::from_secs(20));
    assert!(told.began >= before - Duration::from_millis(5) && told.began <= SystemTime::now());
    assert_eq!((told.resend_count, told.span), (0, None));
}

#[test]
fn each_attempt_and_each_redirect_is_an_exchange() {
    let _watchdog = Watchdog::new();
    let server = Server::start().unwrap();
    let (kept, builder) = watched();
    let client = builder.retries(3).backoff(Duration::from_millis(1)).build().unwrap();
    one(&client, Request::get((), format!("{}/status/503", server.url())));
    let unavailable = |count| (Some(503), error("503"), count);
    assert_eq!(kept.ends(), [unavailable(0), unavailable(1), unavailable(2)]);
    kept.told.lock().unwrap().clear();
    one(&client, Request::get((), format!("{}/redirect/2", server.url())));
    assert_eq!(kept.ends(), [(Some(302), None, 0), (Some(302), None, 1), (Some(200), None, 2)]);
    assert!(kept.told()[1].url.ends_with("/redirect/1"));
}

#[test]
fn what_never_came_to_a_server_is_told_by_the_kind_of_its_error() {
    let _watchdog = Watchdog::new();
    let (kept, builder) = watched();
    let client = builder.timeout(Duration::from_millis(200)).host_timeout(None).build().unwrap();
    let silent = RawServer::silent();
    let broken = RawServer::answering("no HTTP at all\r\n\r\n");
    let urls = [
        format!("http://{}/", Port::reserve().address()),
        "http://host.invalid/".to_owned(),
        silent.url(),
        broken.url(),
    ];
    for url in urls {
        assert!(one(&client, Request::get((), url)).result.is_err());
    }
    let errors: Vec<_> = kept.told().into_iter().filter_map(|told| told.error).collect();
    assert_eq!(errors, ["connect", "resolve", "timeout", "protocol"]);
    assert!(kept.told().iter().all(|told| told.status.is_none() && told.version.is_none()));
    // What is wrong before any I/O is no exchange.
    one(&client, Request::get((), "no URL"));
    assert_eq!(kept.told().len(), 4);
}

#[test]
fn a_kept_connection_that_was_dead_is_an_exchange_that_failed() {
    let _watchdog = Watchdog::new();
    let server = RawServer::start(|peer| {
        if peer.request().is_some() && peer.answer("{}") {
            // The next request is read, and the connection closed without an answer.
            peer.request();
        }
    });
    let (kept, builder) = watched();
    let client = builder.concurrency(1).build().unwrap();
    for _ in 0..2 {
        assert!(one(&client, Request::get((), server.url())).result.is_ok());
    }
    assert_eq!(kept.ends(), [(Some(200), None, 0), (None, error("protocol"), 0), (Some(200), None, 1)]);
}

#[test]
fn an_exchange_that_is_cut_short_is_told_as_cancelled() {
    let _watchdog = Watchdog::new();
    let server = RawServer::silent();
    let (kept, builder) = watched();
    let client = builder.build().unwrap();
    let mut run = client.run([Request::get(1, server.url())]);
    let control = run.control();
    let thread = std::thread::spawn(move || {
        wait_until(|| server.connections() > 0);
        control.cancel();
        server
    });
    assert!(run.next().is_none());
    let _server = thread.join().unwrap();
    wait_until(|| !kept.told().is_empty());
    assert_eq!(kept.ends(), [(None, error("cancelled"), 0)]);
}

/// The header of this name in a request as it was received.
fn header<'r>(request: &'r str, name: &str) -> Vec<&'r str> {
    let lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn servers_are_told_of_the_span_that_requests_are_sent_for() {
    let _watchdog = Watchdog::new();
    let server = RawServer::answering(ok("{}"));
    let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    let client = Client::builder().trace_parent(parent.state("vendor=1")).build().unwrap();
    one(&client, Request::get((), server.url()));
    one(&client, Request::get((), server.url()).header("Traceparent", "mine"));
    let requests = server.requests();
    assert_eq!(
        header(&requests[0], "traceparent"),
        ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]
    );
    assert_eq!(header(&requests[0], "tracestate"), ["vendor=1"]);
    assert_eq!(header(&requests[1], "traceparent"), ["mine"]);
    assert!(header(&requests[1], "tracestate").is_empty());
    let silent = Client::builder().trace_parent(TraceParent::root().propagated(false)).build().unwrap();
    one(&silent, Request::get((), server.url()));
    assert!(header(&server.requests()[2], "traceparent").is_empty());
}

#[test]
fn each_recorded_exchange_is_a_span_of_its_own_which_the_server_is_told_of() {
    let _watchdog = Watchdog::new();
    let server = RawServer::answering_once("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    let (kept, builder) = watched();
    let parent = TraceParent::root().sampled(true).recorded(1.0);
    let client =
        builder.trace_parent(parent.clone()).retries(2).backoff(Duration::from_millis(1)).build().unwrap();
    for own_ids in [false, true] {
        kept.next_id.store(if own_ids { 7 } else { 0 }, Ordering::Relaxed);
        one(&client, Request::get((), server.url()));
    }
    let spans: Vec<_> = kept.told().iter().map(|told| told.span.unwrap()).collect();
    let expected: Vec<_> = spans
        .iter()
        .map(|span| {
            assert_eq!((span.trace_id, span.parent_id), (parent.trace_id(), parent.span_id()));
            TraceParent::new(span.trace_id, span.span_id).sampled(true).to_string()
        })
        .collect();
    let requests = server.requests();
    let told: Vec<_> = requests.iter().flat_map(|request| header(request, "traceparent")).collect();
    assert_eq!((told.len(), &told), (4, &expected.iter().map(String::as_str).collect()));
    assert_ne!(spans[0].span_id, spans[1].span_id);
    assert_eq!((spans[2].span_id, spans[3].span_id), (7, 8));
}

#[test]
fn what_is_not_recorded_is_sent_as_not_sampled() {
    let _watchdog = Watchdog::new();
    let server = RawServer::answering(ok("{}"));
    let (kept, builder) = watched();
    let parent = TraceParent::root().sampled(true).recorded(0.1);
    let client = builder.trace_parent(parent.clone()).build().unwrap();
    let outcomes = all(&client, (0..500).map(|id| Request::get(id, server.url())).collect::<Vec<_>>());
    assert_eq!(outcomes.len(), 500);
    let spans = kept.told().iter().filter(|told| told.span.is_some()).count();
    assert!((20..=100).contains(&spans), "{spans}");
    let parents: Vec<_> = server
        .requests()
        .iter()
        .flat_map(|request| header(request, "traceparent"))
        .map(|header| TraceParent::parse(header).unwrap())
        .collect();
    assert_eq!(parents.iter().filter(|told| told.is_sampled()).count(), spans);
    assert!(parents.iter().all(|told| told.trace_id() == parent.trace_id()));
    assert!(parents.iter().all(|told| told.span_id() != parent.span_id()));
}
