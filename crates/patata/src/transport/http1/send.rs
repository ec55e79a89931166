//! A request on its way out: its head and what is in memory of its body at once, then pieces as they come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, header};
use hyper::body::Body;

use crate::error::Error;
use crate::transport::connect::stream::Stream;
use crate::transport::outgoing::Outgoing;
use crate::transport::prepared::Prepared;

/// Bodies up to this size are copied behind the head, which saves a system call; a longer one goes by itself.
const SMALL: u64 = 16 << 10;

/// What has not been sent of a request.
#[derive(Debug)]
pub(crate) struct Sending {
    /// Bytes that are ready, of which the first `written` have gone.
    ready: Vec<u8>,
    written: usize,
    /// What is to come; gone once all of it is ready.
    body: Option<Outgoing>,
    is_chunked: bool,
    is_flushed: bool,
    /// Whether any byte may have left this machine.
    pub(crate) has_begun: bool,
    asks_for_upgrade: bool,
}

/// Why sending stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The connection takes no more. The server may have answered all the same.
    Connection(io::Error),
    /// The body itself failed.
    Body(Error),
}

impl Sending {
    /// Of a request whose headers do not say how the body is framed.
    pub(crate) fn new(request: Prepared<'_>) -> Self {
        let Prepared { method, forwarded_to, target, headers, trace, body } = request;
        let length = body.size_hint().exact();
        let mut ready =
            Vec::with_capacity(256 + usize::try_from(length.unwrap_or(0).min(SMALL)).unwrap_or(0));
        let asks_for_upgrade = write_head(&mut ready, &method, forwarded_to, &target, &headers);
        if let Some(trace) = trace {
            trace.write_to(&mut ready);
        }
        let is_empty = body.is_end_stream();
        match length {
            Some(length) if !is_empty => {
                ready.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
            }
            Some(_) => {}
            None => ready.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        ready.extend_from_slice(b"\r\n");
        Self {
            ready,
            written: 0,
            body: (!is_empty).then_some(body),
            is_chunked: length.is_none(),
            is_flushed: false,
            has_begun: false,
            asks_for_upgrade,
        }
    }

    /// Whether it asks the server to go on in another protocol.
    pub(crate) fn asks_for_upgrade(&self) -> bool {
        self.asks_for_upgrade
    }

    /// Whether all of it has gone.
    pub(crate) fn is_done(&self) -> bool {
        self.is_flushed
    }

    /// Sends what there is and what the connection takes; ready once all of it has gone.
    pub(crate) fn poll(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Stopped>> {
        loop {
            self.gather(context)?;
            while self.written < self.ready.len() {
                let unsent = &self.ready[self.written..];
                let count = ready!(Pin::new(&mut *stream).poll_write(context, unsent));
                match count.map_err(Stopped::Connection)? {
                    0 => return Poll::Ready(Err(Stopped::Connection(io::ErrorKind::WriteZero.into()))),
                    count => self.written += count,
                }
                self.has_begun = true;
            }
            if self.body.is_none() {
                break;
            }
            // Only now is there room for more: that is the back-pressure.
            self.ready.clear();
            self.written = 0;
            ready!(self.poll_piece(context))?;
        }
        ready!(Pin::new(stream).poll_flush(context)).map_err(Stopped::Connection)?;
        self.is_flushed = true;
        // A connection may wait long for the answer.
        self.ready = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Puts a small body, which is there at once, behind the head.
    fn gather(&mut self, context: &mut Context<'_>) -> Result<(), Stopped> {
        let is_small = self.body.as_ref().is_some_and(|body| {
            body.is_in_memory() && body.size_hint().exact().is_some_and(|length| length <= SMALL)
        });
        if is_small && let Poll::Ready(result) = self.poll_piece(context) {
            result?;
        }
        Ok(())
    }

    /// Makes the next piece of the body ready.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let frame = ready!(Pin::new(&mut *body).poll_frame(context)).transpose().map_err(Stopped::Body)?;
        let is_last = frame.is_none() || body.is_end_stream();
        if let Some(piece) = frame.and_then(|frame| frame.into_data().ok())
            && !piece.is_empty()
        {
            if self.is_chunked {
                self.ready.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            }
            self.ready.extend_from_slice(&piece);
            if self.is_chunked {
                self.ready.extend_from_slice(b"\r\n");
            }
        }
        if is_last {
            self.body = None;
            if self.is_chunked {
                self.ready.extend_from_slice(b"0\r\n\r\n");
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes a head. Returns whether it asks for another protocol.
fn write_head(
    out: &mut Vec<u8>,
    method: &Method,
    forwarded_to: Option<&[u8]>,
    target: &Uri,
    headers: &HeaderMap,
) -> bool {
    let mut asks_for_upgrade = false;
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(forwarded_to.unwrap_or_default());
    out.extend_from_slice(target.path_and_query().map_or("/", PathAndQuery::as_str).as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        asks_for_upgrade |= name == header::UPGRADE;
        let begin = out.len();
        out.extend_from_slice(name.as_str().as_bytes());
        if forwarded_to.is_some() {
            capitalise(&mut out[begin..]);
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    asks_for_upgrade
}

/// There are proxies that know no `proxy-authorization`: they want credentials, and hand them on.
fn capitalise(name: &mut [u8]) {
    for word in name.split_mut(|byte| *byte == b'-') {
        if let Some(first) = word.first_mut() {
            first.make_ascii_uppercase();
        }
    }
}
