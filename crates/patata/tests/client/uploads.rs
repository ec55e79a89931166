//! Bodies that are read while they are sent: whole, no faster than the server takes them, and never twice.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use patata::{Body, Client, ErrorKind, Request};
use patata_testserver::Server;

use crate::support::{Peer, RawServer, all, one};

const SIZE: usize = 1_000_000;

fn client() -> Client {
    Client::builder().num_workers(1).build().unwrap()
}

fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}

/// A megabyte in a file.
fn file() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), letters(SIZE)).unwrap();
    file
}

/// A megabyte in pieces.
fn pieces() -> impl Iterator<Item = io::Result<Bytes>> + Send {
    letters(SIZE)
        .chunks(70_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The head of the next request, whatever follows it.
fn head(peer: &mut Peer) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(peer.stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[test]
fn a_file_and_pieces_arrive_whole() {
    let (server, file) = (Server::start().unwrap(), file());
    let url = format!("{}/echo-body", server.url());
    let bodies = [
        Body::file(file.path()),
        Body::pieces(pieces()),
        Body::sized_pieces(pieces(), SIZE as u64),
        Body::pieces(std::iter::empty()),
    ];
    let requests = bodies.into_iter().enumerate().map(|(tag, body)| Request::post(tag, &url).body(body));
    for outcome in all(&client(), requests) {
        let expected = if outcome.tag == 3 { Vec::new() } else { letters(SIZE) };
        assert!(outcome.result.unwrap().body == expected, "{}", outcome.tag);
    }
}

#[test]
fn a_length_that_is_known_is_said_and_another_is_chunked() {
    let server = RawServer::start(|peer| {
        let head = head(peer);
        peer.answer(if head.contains("content-length: 1000000\r\n") {
            "sized"
        } else if head.contains("transfer-encoding: chunked\r\n") {
            "chunked"
        } else {
            "neither"
        });
        peer.wait_for_the_end();
    });
    let file = file();
    for (body, expected) in [(Body::file(file.path()), "sized"), (Body::pieces(pieces()), "chunked")] {
        let response = one(&client(), Request::post((), server.url()).body(body)).result.unwrap();
        assert_eq!(response.body, expected);
    }
}

#[test]
fn pieces_are_taken_no_faster_than_the_server_reads() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let server = RawServer::start(move |peer| {
        head(peer);
        // All buffers in between fill up meanwhile.
        std::thread::sleep(Duration::from_millis(300));
        let before = counted.load(Ordering::SeqCst);
        let mut rest = Vec::new();
        let _ = peer.stream.set_read_timeout(Some(Duration::from_millis(500)));
        let _ = peer.stream.read_to_end(&mut rest);
        peer.answer(&before.to_string());
    });
    let endless = std::iter::repeat_with(move || {
        taken.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from(vec![b'x'; 1 << 20]))
    });
    let request = Request::post((), server.url()).body(Body::sized_pieces(endless.take(400), 400 << 20));
    let response = one(&client(), request).result.unwrap();
    let before: usize = std::str::from_utf8(&response.body).unwrap().parse().unwrap();
    assert!(before < 50, "{before} MiB were taken while nobody read");
}

#[test]
fn an_answer_that_comes_before_the_whole_body_is_the_answer() {
    let server = RawServer::start(|peer| {
        head(peer);
        peer.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig");
        peer.wait_for_the_end();
    });
    let (begin, wait) = std::sync::mpsc::channel::<()>();
    let slow = std::iter::once(Ok("begin".into())).chain(std::iter::once_with(move || {
        // It ends with the test.
        let _ = wait.recv();
        Ok("end".into())
    }));
    let request = Request::post((), server.url()).body(Body::pieces(slow));
    let response = one(&client(), request).result.unwrap();
    drop(begin);
    assert_eq!((response.status.as_u16(), &response.body[..]), (413, &b"big"[..]));
}

#[test]
fn what_a_body_fails_with_is_the_requests_error() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo-body", server.url());
    let broken = || Body::pieces([Ok("pot".into()), Err(io::Error::other("no potatoes left"))]);
    let short = || Body::sized_pieces([Ok("pot".into())], 6);
    for (body, part) in [(broken(), "no potatoes left"), (short(), "it ended 3 bytes early")] {
        let error = one(&client(), Request::put((), &url).body(body)).result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().ends_with(part), "{error}");
    }
    let mut requests = vec![Request::put(0, &url).body(broken())];
    requests.extend((1..50).map(|tag| Request::put(tag, &url).body("fine")));
    let failed = all(&client(), requests).into_iter().filter(|outcome| outcome.result.is_err());
    assert_eq!(failed.map(|outcome| outcome.tag).collect::<Vec<_>>(), [0], "it costs no other request");
}

#[test]
fn a_file_is_sent_again_in_a_retry_and_pieces_are_not() {
    let (server, file) = (Server::start().unwrap(), file());
    let client = Client::builder().retries(3).backoff(Duration::ZERO).build().unwrap();
    let url = |key| format!("{}/flaky/{key}/1", server.url());
    let file = one(&client, Request::put((), url("file")).body(Body::file(file.path())));
    assert_eq!((file.attempts, file.result.unwrap().status.as_u16()), (2, 200));
    let once = one(&client, Request::put((), url("pieces")).body(Body::pieces(pieces())));
    assert_eq!((once.attempts, once.result.unwrap().status.as_u16()), (1, 503));
}

#[test]
fn a_redirect_repeats_a_file_and_refuses_pieces() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            match request.starts_with("PUT /end") {
                true => peer.answer("end"),
                false => peer
                    .send("HTTP/1.1 307 Temporary Redirect\r\nlocation: /end\r\ncontent-length: 0\r\n\r\n"),
            };
        }
    });
    let file = file();
    let sent = |body| one(&client(), Request::put((), server.url()).body(body)).result;
    assert_eq!(sent(Body::file(file.path())).unwrap().body, "end");
    let error = sent(Body::sized_pieces([Ok("x".into())], 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(error.to_string().contains("can be sent only once"), "{error}");
}
