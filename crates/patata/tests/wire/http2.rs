//! HTTP/2: many requests on one connection, and what the server leaves undone is sent again, nothing else.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patata::{Client, ErrorKind, HttpVersion, Method, Phase, Request, Version};

use crate::checks::{assert_fault, fault};
use crate::support::{Peer, RawServer, Watchdog, all, one};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const NO_ERROR: u32 = 0;
const FLOW_CONTROL_ERROR: u32 = 3;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const HTTP_1_1_REQUIRED: u32 = 13;

/// `:status: 200`, from HPACK's static table.
const STATUS_200: [u8; 1] = [0x88];

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn client() -> Client {
    Client::builder().num_workers(1).http_version(HttpVersion::Http2).build().unwrap()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

fn go_away(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

fn ok(stream: u32, body: &str) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &STATUS_200);
    [head, frame(DATA, END_STREAM, stream, body.as_bytes())].concat()
}

/// Takes the client's preface and states the server's, with the most streams it allows.
fn greet(peer: &mut Peer, max_streams: u32) {
    let mut preface = [0; 24];
    peer.stream.read_exact(&mut preface).unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let setting = [&3_u16.to_be_bytes()[..], &max_streams.to_be_bytes()].concat();
    peer.send(frame(SETTINGS, 0, 0, &setting));
}

/// The next frame; settings are acknowledged on the way. `None` once the client has gone.
fn next_frame(peer: &mut Peer) -> Option<Frame> {
    loop {
        let mut head = [0; 9];
        peer.stream.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        peer.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        match (head[3], head[4]) {
            (SETTINGS, ACK) => {}
            (SETTINGS, _) => drop(peer.send(frame(SETTINGS, ACK, 0, &[]))),
            (kind, flags) => return Some(Frame { kind, flags, stream, payload }),
        }
    }
}

/// The stream of the next whole request. `None` once the client has gone.
fn next_request(peer: &mut Peer) -> Option<u32> {
    loop {
        let frame = next_frame(peer)?;
        if matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
            return Some(frame.stream);
        }
    }
}

/// Answers each request by its stream's number.
fn serve(peer: &mut Peer) {
    while let Some(stream) = next_request(peer) {
        peer.send(ok(stream, &stream.to_string()));
    }
}

#[test]
fn many_requests_share_one_connection() {
    let server = RawServer::start(|peer| {
        greet(peer, 100);
        serve(peer);
    });
    let outcomes = all(&client(), (0..1000).map(|id| Request::get(id, server.url())));
    let streams: BTreeSet<_> = outcomes
        .into_iter()
        .map(|outcome| {
            let response = outcome.result.unwrap();
            assert_eq!(response.version, Version::HTTP_2);
            response.body
        })
        .collect();
    assert_eq!((streams.len(), server.connections()), (1000, 1));
}

#[test]
fn a_call_that_is_dropped_resets_its_streams_and_another_calls_on_the_same_connection_go_on() {
    for is_elsewhere in [false, true] {
        let (told, all_came) = std::sync::mpsc::channel();
        let server = RawServer::start(move |peer| {
            greet(peer, 100);
            // One call's requests have no body, and the other's have one.
            let (mut kept, mut dropped) = (Vec::new(), BTreeSet::new());
            while kept.len() + dropped.len() < 5 {
                let frame = next_frame(peer).unwrap();
                match (frame.kind, frame.flags & END_STREAM) {
                    (HEADERS, END_STREAM) => kept.push(frame.stream),
                    (DATA, END_STREAM) => drop(dropped.insert(frame.stream)),
                    _ => {}
                }
            }
            told.send(()).unwrap();
            while !dropped.is_empty() {
                let frame = next_frame(peer).unwrap();
                assert!(frame.kind != RST_STREAM || frame.payload == CANCEL.to_be_bytes());
                assert!(
                    frame.kind != RST_STREAM || dropped.remove(&frame.stream),
                    "a stream of the other call's"
                );
            }
            for stream in kept {
                peer.send(ok(stream, "kept"));
            }
            serve(peer);
        });
        let client = client();
        let _watchdog = Watchdog::new();
        let mut other = client.run((0..2).map(|id| Request::get(id, server.url())));
        other.feed();
        let mut call = client.run((0..3).map(|id| Request::post(id, server.url()).body("x")));
        call.feed();
        all_came.recv().unwrap();
        if is_elsewhere {
            std::thread::scope(|scope| drop(scope.spawn(move || drop(call))));
        } else {
            drop(call);
        }
        let bodies = other.map(|outcome| outcome.result.unwrap().body);
        assert!(bodies.eq(["kept", "kept"]));
        assert!(one(&client, Request::get((), server.url())).result.is_ok());
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn a_stream_whose_window_is_widened_beyond_its_bound_is_reset_and_the_others_go_on() {
    for begins_answer in [false, true] {
        let (told, resets) = std::sync::mpsc::channel();
        let server = RawServer::start(move |peer| {
            greet(peer, 100);
            let streams = [next_request(peer).unwrap(), next_request(peer).unwrap()];
            if begins_answer {
                peer.send(frame(HEADERS, END_HEADERS, streams[0], &STATUS_200));
            }
            let widen = frame(WINDOW_UPDATE, 0, streams[0], &0x7fff_ffff_u32.to_be_bytes());
            peer.send(widen.repeat(2));
            // The other one goes on, and its window may become as large as any.
            peer.send(frame(WINDOW_UPDATE, 0, streams[1], &0x7fff_0000_u32.to_be_bytes()));
            while let Some(frame) = next_frame(peer) {
                if frame.kind == RST_STREAM {
                    told.send((frame.stream == streams[0], frame.payload)).unwrap();
                    peer.send(ok(streams[1], "fine"));
                }
            }
        });
        // One without a body, and one whose body has been sent.
        let requests = [Request::get((), server.url()), Request::post((), server.url()).body("potato")];
        let (refused, fine): (Vec<_>, Vec<_>) =
            all(&client(), requests).into_iter().partition(|outcome| outcome.result.is_err());
        assert_eq!((refused.len(), fine.len()), (1, 1));
        assert_eq!(fine[0].result.as_ref().unwrap().text(), "fine");
        let expected = if begins_answer { ErrorKind::Body } else { ErrorKind::Protocol };
        let error = refused[0].result.as_ref().unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        let reset = resets.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(reset, (true, FLOW_CONTROL_ERROR.to_be_bytes().to_vec()));
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn the_servers_limit_of_streams_holds_and_more_connections_are_opened_where_it_is_full() {
    const LIMIT: usize = 3;
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let server = RawServer::start(move |peer| {
        greet(peer, 3);
        let mut open = Vec::new();
        while let Some(stream) = next_request(peer) {
            open.push(stream);
            seen.fetch_max(open.len(), Ordering::SeqCst);
            if open.len() == LIMIT {
                for stream in open.drain(..) {
                    peer.send(ok(stream, ""));
                }
            }
        }
    });
    let client = client().to_builder().concurrency(4 * LIMIT).build().unwrap();
    let outcomes = all(&client, (0..12).map(|id| Request::get(id, server.url())));
    assert!(outcomes.into_iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!((most.load(Ordering::SeqCst), server.connections()), (LIMIT, 4));
}

#[test]
fn what_a_goaway_leaves_undone_is_sent_again_even_where_it_is_not_idempotent() {
    let server = RawServer::start(|peer| {
        greet(peer, 100);
        if peer.number > 0 {
            return serve(peer);
        }
        let first = next_request(peer).unwrap();
        while next_request(peer).unwrap() < 2 * 9 + 1 {}
        peer.send(go_away(first, NO_ERROR));
        peer.send(ok(first, "processed"));
        peer.wait_for_the_end();
    });
    let client = client().to_builder().concurrency(10).build().unwrap();
    let requests = (0..10).map(|id| Request::post(id, server.url()).body("x"));
    let outcomes = all(&client, requests);
    let bodies: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| {
            assert_eq!(outcome.attempts, 1, "it is not another attempt");
            outcome.result.unwrap().body
        })
        .collect();
    assert_eq!(bodies.iter().filter(|body| *body == "processed").count(), 1);
    assert_eq!((bodies.len(), server.connections()), (10, 2));
}

#[test]
fn a_refused_stream_is_sent_again_and_a_cancelled_one_is_not() {
    for (reason, expected) in [(REFUSED_STREAM, 2), (CANCEL, 1), (HTTP_1_1_REQUIRED, 1)] {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let seen = arrivals.clone();
        let server = RawServer::start(move |peer| {
            greet(peer, 100);
            while let Some(stream) = next_request(peer) {
                seen.lock().unwrap().push(stream);
                let is_first = seen.lock().unwrap().len() == 1;
                peer.send(if is_first { reset(stream, reason) } else { ok(stream, "done") });
            }
        });
        let outcome = one(&client(), Request::post((), server.url()).body("x"));
        assert_eq!(arrivals.lock().unwrap().len(), expected, "reason {reason}");
        match outcome.result {
            Ok(response) => assert_eq!(response.body, "done"),
            Err(error) => {
                assert_ne!(reason, REFUSED_STREAM);
                let text = if reason == CANCEL {
                    "The server reset the stream"
                } else {
                    "The server wants HTTP/1.1"
                };
                assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, text);
            }
        }
    }
}

/// A server that refuses each stream, and how many there were.
fn refusing() -> (RawServer, Arc<AtomicUsize>) {
    let arrivals = Arc::new(AtomicUsize::new(0));
    let seen = arrivals.clone();
    let server = RawServer::start(move |peer| {
        greet(peer, 100);
        while let Some(stream) = next_request(peer) {
            seen.fetch_add(1, Ordering::SeqCst);
            peer.send(reset(stream, REFUSED_STREAM));
        }
    });
    (server, arrivals)
}

#[test]
fn what_a_server_refuses_goes_out_again_within_the_retry_budget_and_the_receipt_counts_it() {
    let (server, arrivals) = refusing();
    let client = client();
    let mut run = client.run((0..2000).map(|id| Request::get(id, server.url())));
    let denied = run.by_ref().filter(|outcome| outcome.retry_denied).count() as u64;
    let arrived = arrivals.load(Ordering::SeqCst) as u64;
    let receipt = run.receipt();
    assert!((2100..=2200).contains(&arrived), "{arrived}");
    assert_eq!((receipt.failed, receipt.attempts), (2000, arrived));
    assert!(denied > 1000 && receipt.retries_denied == denied, "{denied}");
}

#[test]
fn a_server_that_refuses_every_time_is_asked_six_times_and_each_counts() {
    let (server, arrivals) = refusing();
    let outcome = one(&client(), Request::get((), server.url()));
    assert_eq!(outcome.attempts, 6);
    let error = outcome.result.unwrap_err();
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, false, "The server reset the stream");
    assert_eq!(arrivals.load(Ordering::SeqCst), 6);
}

#[test]
fn a_connection_that_breaks_under_a_request_is_a_fault_and_a_post_is_not_repeated() {
    let server = RawServer::start(|peer| {
        greet(peer, 100);
        next_request(peer);
    });
    let client = client().to_builder().retries(3).build().unwrap();
    let outcome = one(&client, Request::post((), server.url()).body("x"));
    let error = outcome.result.unwrap_err();
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "Server disconnected");
    assert_eq!((outcome.attempts, server.connections()), (1, 1));
}

#[test]
fn a_body_that_breaks_off_is_a_fault() {
    for (end, text) in
        [(reset(1, CANCEL), "The response's body broke off"), (Vec::new(), "The response's body broke off")]
    {
        let server = RawServer::start(move |peer| {
            greet(peer, 100);
            next_request(peer);
            peer.send(
                [frame(HEADERS, END_HEADERS, 1, &STATUS_200), frame(DATA, 0, 1, b"pot"), end.clone()]
                    .concat(),
            );
        });
        assert_fault(&fault(&client(), server.url()), ErrorKind::Body, Phase::Body, true, text);
    }
}

#[test]
fn a_server_that_speaks_only_http_1_is_a_fault_and_not_a_hang() {
    let server = RawServer::answering_once("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let error = fault(&client(), server.url());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Connect));
    assert!(error.to_string().contains("it does not speak HTTP/2"), "{error}");
}

#[test]
fn a_server_that_never_greets_ends_with_the_connect_time_out() {
    let server = RawServer::start(Peer::wait_for_the_end);
    let client = client().to_builder().connect_timeout(Duration::from_millis(50)).build().unwrap();
    let outcomes = all(&client, (0..20).map(|id| Request::get(id, server.url())));
    for outcome in outcomes {
        assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Timeout);
    }
}

#[test]
fn a_connection_that_falls_silent_is_left_after_a_time_out() {
    let server = RawServer::start(|peer| {
        greet(peer, 100);
        if peer.number == 0 {
            peer.wait_for_the_end();
        } else {
            serve(peer);
        }
    });
    let client = client()
        .to_builder()
        .timeout(Duration::from_millis(500))
        .backoff(Duration::from_millis(1))
        .retries(2)
        .build()
        .unwrap();
    let outcome = one(&client, Request::get((), server.url()));
    assert_eq!((outcome.attempts, outcome.result.unwrap().status.as_u16()), (2, 200));
}

#[test]
fn a_large_body_goes_out_as_the_window_opens() {
    let received = Arc::new(AtomicUsize::new(0));
    let seen = received.clone();
    let server = RawServer::start(move |peer| {
        greet(peer, 100);
        let mut stream = 0;
        let mut head = [0; 9];
        while peer.stream.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            peer.stream.read_exact(&mut vec![0; length as usize]).unwrap();
            if head[3] == DATA {
                stream = u32::from_be_bytes(head[5..].try_into().unwrap());
                seen.fetch_add(length as usize, Ordering::SeqCst);
                if head[4] & END_STREAM != 0 {
                    peer.send(ok(stream, "all"));
                } else {
                    for target in [0, stream] {
                        peer.send(frame(8, 0, target, &length.to_be_bytes()));
                    }
                }
            } else if head[3] == SETTINGS && head[4] & ACK == 0 {
                peer.send(frame(SETTINGS, ACK, 0, &[]));
            }
        }
        assert_ne!(stream, 0);
    });
    let body = vec![b'x'; 3_000_000];
    let response = one(&client(), Request::new((), Method::PUT, server.url()).body(body)).result.unwrap();
    assert_eq!((response.body, received.load(Ordering::SeqCst)), ("all".into(), 3_000_000));
}

#[test]
fn an_idle_connection_that_the_server_closes_costs_no_attempt() {
    let server = RawServer::start(|peer| {
        greet(peer, 100);
        let stream = next_request(peer).unwrap();
        peer.send([ok(stream, "once"), go_away(stream, NO_ERROR)].concat());
    });
    let _watchdog = Watchdog::new();
    let client = client().to_builder().concurrency(1).build().unwrap();
    let outcomes: Vec<_> = client.run((0..5).map(|id| Request::post(id, server.url()).body("x"))).collect();
    for outcome in outcomes {
        assert_eq!((outcome.attempts, outcome.result.unwrap().body), (1, "once".into()));
    }
    assert_eq!(server.connections(), 5);
}
