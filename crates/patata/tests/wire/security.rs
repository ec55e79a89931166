//! Hostile servers and careless output: what no other test file holds of the promises of SECURITY.md.

use std::io::Read;
use std::time::Duration;

use patata::{Builder, Client, ErrorKind, HttpVersion, Phase, Request};

use crate::checks::{assert_fault, fault};
use crate::support::{Peer, RawServer, one};

const SECRET: &str = "hunter2";

#[test]
fn informational_responses_without_end_are_a_fault() {
    let server = RawServer::start(|peer| {
        peer.request();
        while peer.send("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n") {}
    });
    let error = fault(&Client::builder().build().unwrap(), server.url());
    let message = "The server sends informational responses (1xx) without end";
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, message);
}

#[test]
fn a_chunked_body_with_extensions_or_trailers_without_end_is_a_fault() {
    for begin in ["4;", "0\r\ntrailer: "] {
        let server = RawServer::start(move |peer| {
            peer.request();
            peer.send(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{begin}"));
            while peer.send([b'x'; 1000]) {}
        });
        let error = fault(&Client::builder().build().unwrap(), server.url());
        let message = "The response's body is not framed as HTTP says";
        assert_fault(&error, ErrorKind::Body, Phase::Body, true, message);
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Greets, and takes the client's first request.
fn greet(peer: &mut Peer) {
    peer.stream.read_exact(&mut [0; 24]).unwrap();
    peer.send(frame(4, 0, 0, &[]));
    let mut head = [0; 9];
    while head[3] != 1 {
        peer.stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        peer.stream.read_exact(&mut vec![0; length as usize]).unwrap();
        if head[3] == 4 && head[4] == 0 {
            peer.send(frame(4, 1, 0, &[]));
        }
    }
}

/// A field `x: aaa…` that is not indexed, or one that goes into the table of those that are.
fn field(first: u8, length: u8) -> Vec<u8> {
    [&[first, 1, b'x', length][..], &vec![b'a'; length.into()]].concat()
}

fn http2() -> Client {
    Client::builder().http_version(HttpVersion::Http2).timeout(Duration::from_secs(20)).build().unwrap()
}

#[test]
fn a_head_without_end_over_http2_is_a_fault() {
    let server = RawServer::start(|peer| {
        greet(peer);
        let block = field(0, 100).repeat(100);
        let mut goes_on = peer.send(frame(1, 0, 1, &[&[0x88], &block[..]].concat()));
        while goes_on {
            goes_on = peer.send(frame(9, 0, 1, &block));
        }
    });
    let error = fault(&http2(), server.url());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{error}");
}

#[test]
fn a_head_that_is_small_and_says_much_over_http2_is_a_fault() {
    let server = RawServer::start(|peer| {
        greet(peer);
        // Put into the table once, and then named ten thousand times by a byte each: 1.3 MB.
        let block = [&[0x88][..], &field(0x40, 100), &[0xbe; 10_000]].concat();
        peer.send(frame(1, 4 | 1, 1, &block));
        peer.wait_for_the_end();
    });
    let error = fault(&http2(), server.url());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{error}");
}

fn secretive() -> Builder {
    Client::builder().header("x-api-key", SECRET).cookie("session", SECRET).bearer_auth(SECRET).body(SECRET)
}

fn request(url: &str) -> Request<()> {
    let url = url.replace("http://", &format!("http://me:{SECRET}@"));
    Request::get((), url).header("x-own", SECRET).param("page", "1")
}

#[test]
fn nothing_that_is_shown_of_a_client_and_its_runs_tells_a_secret() {
    let builder = secretive().param("token", SECRET).proxy(format!("http://me:{SECRET}@127.0.0.1:1"));
    let client = builder.clone().build().unwrap();
    let url = "http://127.0.0.1/";
    let run = client.run([request(url)]);
    let pushed = client.run_pushed::<()>();
    for shown in [
        format!("{builder:?}"),
        format!("{client:?}"),
        format!("{:?}", request(url)),
        format!("{:?}", request(&url.replace("http://", "http://me:a/"))),
        format!("{run:?} {:?}", run.control()),
        format!("{pushed:?}"),
        format!("{:?}", client.run([request(url)]).into_stream()),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn no_error_tells_a_secret() {
    let server = RawServer::answering_once("nonsense");
    let direct = secretive().build().unwrap();
    let through_a_proxy = secretive().proxy(format!("http://me:{SECRET}@127.0.0.1:1")).build().unwrap();
    for between in ["/", "?", "#", "\\", "/@"] {
        let url = format!("http://me:a{between}{SECRET}@127.0.0.1/");
        let error = fault(&direct, url);
        let shown = format!("{error} {error:?} {}", error.url());
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for outcome in [
        one(&direct, request(&server.url())),
        one(&direct, request("http://127.0.0.1:1")),
        one(&direct, request("http://127.0.0.1:99999")),
        one(&direct, request("http://a b/")),
        one(&through_a_proxy, request(&server.url())),
    ] {
        let error = outcome.result.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.url());
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
