//! HTTP/1.1: one live connection, and one exchange at a time on it.
//!
//! Between exchanges, and while an answer is waited for, a connection owns no buffer: bytes are read into one
//! that all connections of an event loop share, and what they mean is copied out of it. That keeps thousands
//! of connections small.

mod framing;
pub(crate) mod head;
mod send;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::io::ReadBuf;

use crate::clock;
use crate::config::proxies::Proxy;
use crate::error::{Error, Kind, Phase};
use crate::response::location::leads_on;
use crate::transport::collect::{Collector, Expected, Stored};
use crate::transport::connect::stream::Stream;
use crate::transport::connect::tls_cause;
use crate::transport::connection::{
    Fault, MAX_INFORMATIONAL, Received, ResponseHead, endless_informational, head_too_large, refused,
    timed_out, tls_failed, unasked_switch,
};
use crate::transport::prepared::Prepared;
use crate::transport::timer::Timer;
use framing::{Framing, Misframed};
use head::{Head, Unreadable};
use send::{Sending, Stopped};

/// How much is read at once.
const READ: usize = 64 << 10;

/// How long the body of a redirect that is followed is waited for, which spares a new connection where it comes at
/// once.
const DETOUR_WAIT: Duration = Duration::from_millis(50);
/// The most bytes of such a body that are read.
const DETOUR_BODY: usize = 64 << 10;

/// What the connections of an event loop share: never in use across a wait.
#[derive(Debug)]
pub(crate) struct Buffers {
    read: Box<[u8]>,
    headers: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { read: vec![0; READ].into(), headers: Vec::new() }
    }
}

/// An open HTTP/1.1 connection.
pub(crate) struct Http1 {
    stream: Box<dyn Stream>,
    buffers: Rc<RefCell<Buffers>>,
    timer: Timer,
    exchanges: u64,
    /// Whether another exchange may follow the last one.
    is_usable: bool,
    /// The proxy that requests are given to.
    forwarder: Option<Arc<Proxy>>,
}

impl Http1 {
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        buffers: Rc<RefCell<Buffers>>,
        forwarder: Option<Arc<Proxy>>,
    ) -> Self {
        Self { stream, buffers, timer: Timer::default(), exchanges: 0, is_usable: true, forwarder }
    }

    pub(crate) fn forwarder(&self) -> Option<&Proxy> {
        self.forwarder.as_deref()
    }

    /// Whether an exchange has been completed on it before.
    pub(crate) fn is_reused(&self) -> bool {
        self.exchanges > 0
    }

    /// Whether it can take another exchange: the server keeps it, and its framing held.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// Sends a request and receives the whole response, by `deadline`.
    ///
    /// After an error the connection is of no further use.
    pub(crate) async fn exchange(
        &mut self,
        request: Prepared<'_>,
        deadline: Instant,
        expected: &Expected,
    ) -> Result<Received, Fault> {
        // Until all has gone well.
        self.is_usable = false;
        let mut exchange = Exchange::new(request);
        let result = poll_fn(|context| {
            if let Poll::Ready(result) = exchange.poll(&mut *self.stream, &self.buffers, expected, context) {
                return Poll::Ready(result);
            }
            let phase = exchange.phase();
            let rings = match exchange.detour_until() {
                Some(until) => self.timer.poll(until.min(deadline), context),
                None => self.timer.poll_verdict(deadline, context),
            };
            rings.map(|()| Err(timed_out(phase).into()))
        })
        .await;
        let received = match exchange.take_detour() {
            // Whatever became of its body: where it leads is known.
            Some(detour) if result.is_err() => detour,
            _ => result?,
        };
        self.exchanges += 1;
        if let Some(proxy) = &self.forwarder
            && received.head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        {
            return Err(refused(received.head.status, proxy).into());
        }
        self.is_usable = received.keeps_alive && exchange.sending.is_done();
        Ok(Received { head: received.head, body: received.body })
    }

    /// Whether an idle connection has ended, or said what nobody asked for: the next request would take that for
    /// its answer. Asked before each, as the event loop may not have heard of it yet.
    pub(crate) async fn has_ended(&mut self) -> bool {
        if self.stream.is_quiet() {
            return false;
        }
        // The event loop hears of it. Under TLS it may be what says nothing, as a session's ticket.
        tokio::task::yield_now().await;
        poll_fn(|context| Poll::Ready(self.poll_said(context).is_ready())).await
    }

    /// Ready once the server has closed an idle connection or has said anything.
    fn poll_said(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut byte = [0];
        Pin::new(&mut *self.stream).poll_read(context, &mut ReadBuf::new(&mut byte)).map(drop)
    }

    /// Keeps an idle connection alive until the server closes it or says anything, or until `retirement`.
    pub(crate) fn poll_over(&mut self, retirement: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_said(context).is_ready() {
            Poll::Ready(())
        } else {
            self.timer.poll(retirement, context)
        }
    }
}

/// A whole response, and whether the connection outlives it.
struct Answered {
    head: ResponseHead,
    body: Stored,
    keeps_alive: bool,
}

/// One request and its response.
struct Exchange {
    method: Method,
    sending: Sending,
    /// Why sending stopped early. The server may have answered before.
    stopped: Option<io::Error>,
    informational: u32,
    stage: Stage,
}

/// How far the response has come.
enum Stage {
    /// With the bytes of a head that is not whole yet.
    Head(Vec<u8>),
    Body(Body),
}

struct Body {
    head: Option<Head>,
    framing: Framing,
    collector: Collector,
    /// Whether more came than the body.
    has_excess: bool,
    /// Until when it is waited for, where the response is a redirect that is followed.
    detour_until: Option<Instant>,
}

impl Exchange {
    /// Of the request only what is still needed outlives this: the answer may be long in coming.
    fn new(request: Prepared<'_>) -> Self {
        Self {
            method: request.method.clone(),
            sending: Sending::new(request),
            stopped: None,
            informational: 0,
            stage: Stage::Head(Vec::new()),
        }
    }

    fn phase(&self) -> Phase {
        match self.stage {
            Stage::Head(_) => Phase::Head,
            Stage::Body(_) => Phase::Body,
        }
    }

    /// Until when the body of a redirect that is followed is waited for.
    fn detour_until(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Body(body) => body.detour_until,
            Stage::Head(_) => None,
        }
    }

    /// The redirect that is followed, without its body, of which something may still be to come.
    fn take_detour(&mut self) -> Option<Answered> {
        let Stage::Body(body) = &mut self.stage else { return None };
        body.detour_until?;
        let Head { status, version, headers, .. } = body.head.take()?;
        let head = ResponseHead { status, version, headers };
        Some(Answered { head, body: Stored::Memory(Bytes::new()), keeps_alive: false })
    }

    fn poll(
        &mut self,
        stream: &mut dyn Stream,
        buffers: &RefCell<Buffers>,
        expected: &Expected,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answered, Fault>> {
        if self.stopped.is_none() && !self.sending.is_done() {
            match self.sending.poll(stream, context) {
                Poll::Ready(Err(Stopped::Body(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(Err(Stopped::Connection(cause))) => self.stopped = Some(cause),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            if let Stage::Body(body) = &mut self.stage {
                if body.framing.is_at_end() {
                    return body.poll_finish(context);
                }
                ready!(body.collector.poll_ready(context))?;
                if let Some(read) = body.poll_read(stream, context) {
                    match ready!(read) {
                        Ok(0) => return self.poll_closed(context),
                        Ok(_) => continue,
                        Err(cause) if cause.kind() == io::ErrorKind::OutOfMemory => {
                            return Poll::Ready(Err(Error::out_of_memory(Phase::Body, cause).into()));
                        }
                        Err(cause) => return Poll::Ready(Err(self.broken(Some(cause)))),
                    }
                }
            }
            let Buffers { read, headers } = &mut *buffers.borrow_mut();
            let mut buffer = ReadBuf::new(read);
            let count = match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) => buffer.filled().len(),
                Err(cause) => return Poll::Ready(Err(self.broken(Some(cause)))),
            };
            if count == 0 {
                return self.poll_closed(context);
            }
            self.receive(&read[..count], headers, expected)?;
        }
    }

    /// Takes what has been read.
    fn receive(&mut self, bytes: &[u8], scratch: &mut Vec<u8>, expected: &Expected) -> Result<(), Fault> {
        let partial = match &mut self.stage {
            Stage::Body(body) => return Ok(body.receive(bytes)?),
            Stage::Head(partial) if partial.is_empty() => return self.receive_head(bytes, scratch, expected),
            Stage::Head(partial) => {
                partial.extend_from_slice(bytes);
                std::mem::take(partial)
            }
        };
        self.receive_head(&partial, scratch, expected)
    }

    /// Reads heads until there is that of the answer; what is behind it belongs to the body.
    fn receive_head(
        &mut self,
        mut bytes: &[u8],
        scratch: &mut Vec<u8>,
        expected: &Expected,
    ) -> Result<(), Fault> {
        loop {
            let Some((head, length)) = head::parse(bytes, scratch).map_err(unreadable)? else {
                self.stage = Stage::Head(bytes.to_vec());
                return Ok(());
            };
            bytes = &bytes[length..];
            let is_switch = head.status == StatusCode::SWITCHING_PROTOCOLS;
            if is_switch && !self.sending.asks_for_upgrade() {
                return Err(unasked_switch().into());
            }
            if !head.status.is_informational() || is_switch {
                return self.begin_body(head, bytes, expected);
            }
            self.informational += 1;
            if self.informational > MAX_INFORMATIONAL {
                return Err(endless_informational().into());
            }
            self.stage = Stage::Head(Vec::new());
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Goes on with the body, of which `bytes` have come with the head.
    fn begin_body(&mut self, head: Head, bytes: &[u8], expected: &Expected) -> Result<(), Fault> {
        let framing = Framing::of(&self.method, head.status, &head.headers).map_err(misframed_head)?;
        let is_detour = expected.follows_redirects && leads_on(head.status, &head.headers);
        let (least, expected) =
            if is_detour { (0, &Expected::in_memory(DETOUR_BODY)) } else { (framing.least(), expected) };
        let collector = Collector::new(head.status, &head.headers, least, expected)?;
        // Where too much is to come, nothing is waited for.
        let is_long = framing.ends_with_connection()
            || framing.least() > u64::try_from(DETOUR_BODY).unwrap_or(u64::MAX);
        let wait = if is_long { Duration::ZERO } else { DETOUR_WAIT };
        let detour_until = is_detour.then(|| clock::now() + wait);
        let mut body = Body { head: Some(head), framing, collector, has_excess: false, detour_until };
        let received = body.receive(bytes);
        self.stage = Stage::Body(body);
        Ok(received?)
    }

    /// The server has closed its side.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<Answered, Fault>> {
        match &mut self.stage {
            Stage::Body(body) if body.framing.ends_with_connection() => {
                // Asked again for as long as a file is written: the connection stays closed.
                body.poll_finish(context)
            }
            _ => Poll::Ready(Err(self.broken(None))),
        }
    }

    /// The connection has ended too early.
    fn broken(&mut self, mut cause: Option<io::Error>) -> Fault {
        if let Some(cause) = cause.take_if(|cause| tls_cause(cause).is_some()) {
            return tls_failed().with_source(cause).into();
        }
        let (kind, phase, message) = match &self.stage {
            Stage::Head(_) => (Kind::Protocol, Phase::Head, "Server disconnected"),
            Stage::Body(_) => (Kind::Body, Phase::Body, "The response's body broke off"),
        };
        let before_answer =
            self.informational == 0 && matches!(&self.stage, Stage::Head(partial) if partial.is_empty());
        let mut error = Error::new(kind, phase, message);
        if let Some(cause) = cause.or_else(|| self.stopped.take()) {
            error = error.with_source(cause);
        }
        let error = if self.sending.has_begun { error } else { error.unsent() };
        Fault { error, before_answer, unprocessed: None }
    }
}

impl Body {
    /// Reads what saves being copied, where much is still to come. The last part is read with the others: only there
    /// is seen what comes behind the body.
    fn poll_read(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let most = usize::try_from(self.framing.least()).unwrap_or(usize::MAX).saturating_sub(READ);
        if most < READ {
            return None;
        }
        let read = self.collector.poll_read(stream, most, context)?;
        if let Poll::Ready(Ok(count)) = read {
            self.framing.pass(count);
        }
        Some(read)
    }

    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while let Some(piece) = self.framing.next(&mut bytes).map_err(misframed_body)? {
            self.collector.add(piece)?;
        }
        self.has_excess |= !bytes.is_empty();
        Ok(())
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<Answered, Fault>> {
        let body = ready!(self.collector.poll_finish(context))?;
        let Some(head) = self.head.take() else { return Poll::Pending };
        let may_go_on = !self.has_excess
            && !self.framing.ends_with_connection()
            && head.status != StatusCode::SWITCHING_PROTOCOLS;
        Poll::Ready(Ok(Answered {
            keeps_alive: head.keeps_alive && may_go_on,
            head: ResponseHead { status: head.status, version: head.version, headers: head.headers },
            body,
        }))
    }
}

fn unreadable(reason: Unreadable) -> Fault {
    let error = match reason {
        Unreadable::TooLarge => head_too_large(),
        Unreadable::Invalid(cause) => {
            Error::new(Kind::Protocol, Phase::Head, "The response is not valid HTTP").with_source(cause)
        }
    };
    error.into()
}

fn misframed_head(cause: Misframed) -> Error {
    Error::new(Kind::Protocol, Phase::Head, "The response is not valid HTTP").with_source(cause)
}

fn misframed_body(cause: Misframed) -> Error {
    Error::new(Kind::Body, Phase::Body, "The response's body is not framed as HTTP says").with_source(cause)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use http::{HeaderMap, Uri};

    use super::*;
    use crate::request::body::Body as RequestBody;

    /// A connection on which one exchange has been completed, and the server's end of it.
    async fn kept() -> (Http1, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut connection = Http1::new(Box::new(stream), Rc::default(), None);
        peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        let request = Prepared {
            method: Method::GET,
            forwarded_to: None,
            target: Uri::from_static("/"),
            headers: Cow::Owned(HeaderMap::new()),
            trace: None,
            body: (&RequestBody::default()).into(),
        };
        let expected = Expected::in_memory(100);
        let deadline = clock::now() + Duration::from_secs(60);
        connection.exchange(request, deadline, &expected).await.unwrap();
        assert!(peer.read(&mut [0; 100]).unwrap() > 0 && connection.is_usable());
        (connection, peer)
    }

    /// What has come is known although the event loop has had no turn since.
    #[test]
    fn a_kept_connection_that_says_anything_or_ends_is_known_to_be_over_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut connection, mut peer) = kept().await;
            for _ in 0..3 {
                assert!(!connection.has_ended().await);
            }
            peer.write_all(b"H").unwrap();
            assert!(connection.has_ended().await);
            let (mut connection, peer) = kept().await;
            drop(peer);
            assert!(connection.has_ended().await);
        });
    }
}
