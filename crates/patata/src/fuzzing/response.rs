//! What a server sends, through an HTTP/1.1 exchange: the same, in whatever pieces it arrives.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;

use crate::clock;
use crate::fuzzing::Drawn;
use crate::request::body::Body;
use crate::transport::collect::{Expected, Stored};
use crate::transport::connect::stream::Stream;
use crate::transport::connection::{MAX_RESPONSE_HEADERS, Received};
use crate::transport::http1::Http1;
use crate::transport::prepared::Prepared;

/// The most that the exchange may collect of a body.
const MAX_BODY: usize = 10_000;
/// Far more than an exchange takes in which nothing is waited for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server that has sent all it will ever send.
#[derive(Clone)]
struct Script {
    sent: Arc<[u8]>,
    read: usize,
    /// The most bytes that arrive at once.
    step: usize,
    /// Whether nothing is there at first, before each piece.
    pauses: bool,
    is_paused: bool,
    /// Whether it ends with a reset.
    resets: bool,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_paused = self.pauses && !self.is_paused;
        if self.is_paused {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = &self.sent[self.read..];
        if left.is_empty() && self.resets {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let count = self.step.min(left.len()).min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Stream for Script {}

/// Reads `data` as what to ask and how to cut, and the rest as all that a server sends.
///
/// # Panics
/// Where the exchange depends on how the bytes are cut, or collects more than there is or is allowed.
pub fn response(data: &[u8]) {
    let mut drawn = Drawn(data);
    let method = drawn.choice(&[Method::GET, Method::HEAD, Method::POST]).clone();
    let step = 1 + usize::from(drawn.byte());
    let flags = drawn.byte();
    let whole = Script {
        sent: drawn.0.into(),
        read: 0,
        step: usize::MAX,
        pauses: false,
        is_paused: false,
        resets: flags & 1 == 1,
    };
    let cut = Script { step, pauses: flags & 2 == 2, ..whole.clone() };
    let (expected, is_usable) = exchange(method.clone(), whole);
    let (found, is_usable_cut) = exchange(method, cut);
    assert_eq!(found, expected, "{step} bytes at once");
    // What stands behind a response is seen at once only where it comes at the same time.
    assert!(is_usable_cut || !is_usable, "{step} bytes at once");
}

/// All that an exchange comes to, as a text, and whether another may follow on its connection.
fn exchange(method: Method, script: Script) -> (String, bool) {
    let there_is = script.sent.len();
    let mut connection = Http1::new(Box::new(script), Rc::default(), None);
    let request = Prepared {
        method,
        forwarded_to: None,
        target: Uri::from_static("/"),
        headers: Cow::Owned(HeaderMap::new()),
        trace: None,
        body: (&Body::default()).into(),
    };
    let expected = Expected::in_memory(MAX_BODY);
    let deadline = clock::now() + TIMEOUT;
    let result = RUNTIME.with(|runtime| runtime.block_on(connection.exchange(request, deadline, &expected)));
    let told = match result {
        Ok(Received { head, body: Stored::Memory(body) }) => {
            assert!(body.len() <= MAX_BODY.min(there_is), "a body of {} bytes", body.len());
            assert!(head.headers.iter().count() <= MAX_RESPONSE_HEADERS);
            format!("{head:?} {body:?}")
        }
        Ok(Received { .. }) => unreachable!("no file was asked for"),
        Err(fault) => format!("{fault:?} {}", fault.error),
    };
    (told, connection.is_usable())
}

thread_local! {
    static RUNTIME: Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What responses are made of, whole and in part.
    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let common: &[&str] = &[
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 204 No Content\r\n",
            "HTTP/1.0 404 \r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "content-length: 5\r\n",
            "Content-Length: 20000\r\n",
            "transfer-encoding: chunked\r\n",
            "Transfer-Encoding: gzip\r\n",
            "connection: close\r\n",
            "x: y\r\n",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "5\r\nhello\r\n",
            "A;name=value\r\n0123456789\r\n",
            "0\r\n\r\n",
            "0\r\ntrailer: x\r\n\r\n",
            "hello",
        ];
        prop_oneof![
            8 => prop::sample::select(common).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..20),
            1 => (any::<u8>(), 0_usize..30_000).prop_map(|(byte, count)| vec![byte; count]),
        ]
    }

    proptest! {
        #[test]
        fn an_exchange_does_not_depend_on_how_its_bytes_are_cut(
            how: [u8; 3],
            fragments in prop::collection::vec(fragment(), 0..12),
        ) {
            response(&[how.to_vec(), fragments.concat()].concat());
        }

        #[test]
        fn a_valid_beginning_does_not_depend_on_how_it_goes_on(
            how: [u8; 3],
            fragments in prop::collection::vec(fragment(), 0..8),
        ) {
            let begin = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            response(&[how.to_vec(), begin, fragments.concat()].concat());
        }
    }
}
