//! Short ways to look at one response or one error, and to leave a request unread.

use patata::{Client, Error, ErrorKind, Phase, Request, Response};

use crate::support::{Peer, one};

/// The response to a GET by a client with default settings.
pub(crate) fn get(url: impl Into<String>) -> Response {
    one(&Client::builder().build().unwrap(), Request::get((), url)).result.unwrap()
}

/// The error of a GET.
pub(crate) fn fault(client: &Client, url: impl Into<String>) -> Error {
    one(client, Request::get((), url)).result.unwrap_err()
}

/// Checks all that an error says of itself.
#[track_caller]
pub(crate) fn assert_fault(error: &Error, kind: ErrorKind, phase: Phase, sent: bool, beginning: &str) {
    assert_eq!((error.kind(), error.phase(), error.request_sent()), (kind, phase, sent), "{error}");
    assert!(error.to_string().starts_with(beginning), "{error}");
}

/// Waits for bytes and leaves them unread: closing the connection then resets it.
pub(crate) fn leave_unread(peer: &mut Peer) {
    let _ = peer.stream.peek(&mut [0]);
}
