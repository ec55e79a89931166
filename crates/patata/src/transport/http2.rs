//! HTTP/2: one of the streams of a connection that many requests share.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderValue, Method, StatusCode, Version, header};
use hyper::body::Body as _;

use crate::error::{Error, Kind, Phase};
use crate::response::headers::Headers;
use crate::response::location::leads_on;
use crate::transport::collect::{Collector, Expected, Stored};
use crate::transport::connect::stream::Stream;
use crate::transport::connection::{
    Fault, MAX_INFORMATIONAL, MAX_RESPONSE_HEADERS, Received, ResponseHead, Unprocessed,
    endless_informational, head_too_large, timed_out, tls_failed, unasked_switch,
};
use crate::transport::outgoing::Outgoing;
use crate::transport::prepared::Prepared;
use crate::transport::timer::Timer;
use crate::transport::windows::{Watch, Watched, Windows};

/// The most bytes that a response's head may have.
const MAX_HEAD: u32 = 64 << 10;
/// What the server may send ahead of us on one stream, and on all of them together.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// A live HTTP/2 connection of one event loop. It is closed when the last of its streams goes.
pub(crate) struct Shared {
    sender: SendRequest<Bytes>,
    /// Takes no more streams: it has ended, is about to, or is suspected to be dead.
    is_over: Cell<bool>,
    /// How many responses have come.
    heard: Cell<u64>,
    /// Space for putting headers together.
    scratch: RefCell<Vec<u8>>,
    windows: Rc<Windows>,
}

impl Shared {
    /// Speaks HTTP/2 on a stream, and waits until the server has done so too: only then is it known how many
    /// streams it allows.
    pub(crate) async fn open(stream: Box<dyn Stream>) -> Result<Rc<Self>, h2::Error> {
        let windows = Rc::new(Windows::default());
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD)
            .enable_push(false)
            // Until the server has spoken: none.
            .initial_max_send_streams(0)
            .handshake::<_, Bytes>(Watched::new(stream, windows.clone()))
            .await?;
        poll_fn(|context| poll_greeted(&mut connection, context)).await?;
        let shared = Rc::new(Self {
            sender,
            is_over: Cell::new(false),
            heard: Cell::new(0),
            scratch: RefCell::default(),
            windows,
        });
        let watched = Rc::downgrade(&shared);
        tokio::task::spawn_local(async move {
            // What it ends with reaches every stream that this breaks.
            let _ = connection.await;
            if let Some(shared) = watched.upgrade() {
                shared.is_over.set(true);
            }
        });
        Ok(shared)
    }

    /// A stream on this connection, where the server's limit has room for one more.
    pub(crate) fn stream(self: &Rc<Self>) -> Option<Http2> {
        // Each who holds the connection has one of its streams.
        let has_room = Rc::strong_count(self) <= self.sender.current_max_send_streams();
        (has_room && !self.is_over.get()).then(|| Http2 {
            sender: self.sender.clone(),
            shared: self.clone(),
            timer: Timer::default(),
        })
    }
}

fn poll_greeted(
    connection: &mut Connection<Watched>,
    context: &mut Context<'_>,
) -> Poll<Result<(), h2::Error>> {
    match Pin::new(&mut *connection).poll(context) {
        Poll::Ready(ended) => Poll::Ready(ended.and(Err(Reason::NO_ERROR.into()))),
        Poll::Pending if connection.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    }
}

/// One of the streams of a connection at a time.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    shared: Rc<Shared>,
    timer: Timer,
}

impl Http2 {
    pub(crate) fn is_reused(&self) -> bool {
        self.shared.heard.get() > 0
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.shared.is_over.get()
    }

    pub(crate) async fn exchange(
        &mut self,
        request: Prepared<'_>,
        deadline: Instant,
        expected: &Expected,
    ) -> Result<Received, Fault> {
        let Self { sender, shared, timer } = self;
        let heard_before = shared.heard.get();
        let mut stage = Stage::Waiting(Some(for_h2(request)));
        let result = poll_fn(|context| {
            if let Poll::Ready(result) = stage.poll(sender, shared, expected, context) {
                return Poll::Ready(result);
            }
            timer.poll_verdict(deadline, context).map(|()| {
                if shared.heard.get() == heard_before {
                    // Nothing at all has come since: the next one is better off elsewhere.
                    shared.is_over.set(true);
                }
                Err(timed_out(stage.phase()).into())
            })
        })
        .await;
        match &result {
            Ok(_) => shared.heard.set(shared.heard.get() + 1),
            Err(fault) if fault.before_answer => shared.is_over.set(true),
            Err(_) => {}
        }
        result
    }

    pub(crate) fn poll_over(&mut self, retirement: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.shared.is_over.get() { Poll::Ready(()) } else { self.timer.poll(retirement, context) }
    }
}

/// How far an exchange has come.
enum Stage {
    /// The request waits for a stream.
    Waiting(Option<http::Request<Outgoing>>),
    Head {
        sending: Option<Sending>,
        response: ResponseFuture,
        /// Informational responses (1xx) so far.
        informational: u32,
    },
    Body {
        sending: Option<Sending>,
        head: Option<ResponseHead>,
        body: RecvStream,
        collector: Collector,
    },
}

impl Stage {
    fn phase(&self) -> Phase {
        match self {
            Self::Waiting(_) | Self::Head { .. } => Phase::Head,
            Self::Body { .. } => Phase::Body,
        }
    }

    fn poll(
        &mut self,
        sender: &mut SendRequest<Bytes>,
        shared: &Shared,
        expected: &Expected,
        context: &mut Context<'_>,
    ) -> Poll<Result<Received, Fault>> {
        loop {
            match self {
                Self::Waiting(request) => {
                    ready!(sender.poll_ready(context)).map_err(unsent)?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    *self = send(sender, request, &shared.windows, context)?;
                }
                Self::Head { sending, response, informational } => {
                    poll_sending(sending, &shared.windows, context)?.map_err(fault)?;
                    count_informational(response, informational, context)?;
                    let response = ready!(Pin::new(response).poll(context)).map_err(fault)?;
                    let (head, body) = head_of(response, &mut shared.scratch.borrow_mut())?;
                    if expected.follows_redirects && leads_on(head.status, &head.headers) {
                        // What its body would be is not waited for: the stream is reset.
                        return Poll::Ready(Ok(Received { head, body: Stored::Memory(Bytes::new()) }));
                    }
                    *self = Self::body(head, body, sending.take(), expected)?;
                }
                Self::Body { sending, head, body, collector } => {
                    poll_sending(sending, &shared.windows, context)?.map_err(body_fault)?;
                    let body = ready!(poll_body(body, collector, context))?;
                    return match head.take() {
                        Some(head) => Poll::Ready(Ok(Received { head, body })),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }

    fn body(
        head: ResponseHead,
        body: RecvStream,
        sending: Option<Sending>,
        expected: &Expected,
    ) -> Result<Self, Error> {
        let length = head.headers.get("content-length");
        let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        // The answer to HEAD states a length and has no body.
        let least = if body.is_end_stream() { 0 } else { length.unwrap_or(0) };
        let collector = Collector::new(head.status, &head.headers, least, expected)?;
        Ok(Self::Body { sending, head: Some(head), body, collector })
    }
}

/// Takes the informational responses that have come, of which there may be no end.
fn count_informational(
    response: &mut ResponseFuture,
    count: &mut u32,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    // What it fails with the response itself tells.
    while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(context) {
        if interim.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(unasked_switch());
        }
        *count += 1;
        if *count > MAX_INFORMATIONAL {
            return Err(endless_informational());
        }
    }
    Ok(())
}

fn head_of(
    response: http::Response<RecvStream>,
    scratch: &mut Vec<u8>,
) -> Result<(ResponseHead, RecvStream), Error> {
    let (head, body) = response.into_parts();
    if head.headers.len() > MAX_RESPONSE_HEADERS {
        return Err(head_too_large());
    }
    let headers = Headers::of_map(&head.headers, scratch);
    Ok((ResponseHead { status: head.status, version: head.version, headers }, body))
}

fn for_h2(prepared: Prepared<'_>) -> http::Request<Outgoing> {
    let mut request = http::Request::new(prepared.body);
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = prepared.method;
    *request.uri_mut() = prepared.target;
    *request.headers_mut() = prepared.headers.into_owned();
    if let Some(trace) = prepared.trace {
        trace.put_into(request.headers_mut());
    }
    request
}

fn send(
    sender: &mut SendRequest<Bytes>,
    request: http::Request<Outgoing>,
    windows: &Rc<Windows>,
    context: &mut Context<'_>,
) -> Result<Stage, Fault> {
    let (mut head, body) = request.into_parts();
    match body.size_hint().exact() {
        Some(0) if !matches!(head.method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(length) => {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {}
    }
    let is_empty = body.is_end_stream();
    let request = http::Request::from_parts(head, ());
    let (response, stream) = sender.send_request(request, is_empty).map_err(unsent)?;
    let sending = if is_empty {
        Sending::Done(windows.watch(stream.stream_id().as_u32(), context.waker()), stream)
    } else {
        Sending::Upload(Upload { body, stream, piece: Bytes::new() })
    };
    Ok(Stage::Head { sending: Some(sending), response, informational: 0 })
}

/// What is to be done on the sending side of a stream.
enum Sending {
    Upload(Upload),
    /// All has been sent. What the server still says of the window must be within bounds.
    Done(Watch, SendStream<Bytes>),
}

/// A request's body on its way.
struct Upload {
    body: Outgoing,
    stream: SendStream<Bytes>,
    /// What the server's window has had no room for yet.
    piece: Bytes,
}

/// Sends what there is room for. Where the body itself fails, that is the request's error; the inner one is of the
/// server.
fn poll_sending(
    sending: &mut Option<Sending>,
    windows: &Rc<Windows>,
    context: &mut Context<'_>,
) -> Result<Result<(), h2::Error>, Error> {
    match sending.take() {
        Some(Sending::Upload(mut upload)) => match upload.poll(context) {
            Poll::Pending => *sending = Some(Sending::Upload(upload)),
            Poll::Ready(Ok(())) => {
                let watch = windows.watch(upload.stream.stream_id().as_u32(), context.waker());
                *sending = Some(Sending::Done(watch, upload.stream));
            }
            Poll::Ready(Err(error)) => {
                upload.stream.send_reset(Reason::CANCEL);
                return Err(error);
            }
        },
        Some(Sending::Done(watch, mut stream)) if watch.is_beyond() => {
            stream.send_reset(Reason::FLOW_CONTROL_ERROR);
            return Ok(Err(Reason::FLOW_CONTROL_ERROR.into()));
        }
        other => *sending = other,
    }
    Ok(Ok(()))
}

impl Upload {
    /// An error is the body's own. A stream that takes no more is none: its response says why.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if self.piece.is_empty() {
                let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)?) else {
                    // Refused only where the stream has ended, of which its response tells.
                    let _ = self.stream.send_data(Bytes::new(), true);
                    return Poll::Ready(Ok(()));
                };
                let Ok(piece) = frame.into_data() else { continue };
                self.piece = piece;
            }
            self.stream.reserve_capacity(self.piece.len());
            let Some(Ok(room)) = ready!(self.stream.poll_capacity(context)) else {
                return Poll::Ready(Ok(()));
            };
            let piece = self.piece.split_to(room.min(self.piece.len()));
            let is_last = self.piece.is_empty() && self.body.is_end_stream();
            if self.stream.send_data(piece, is_last).is_err() || is_last {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Takes what there is of a response's body; the whole of it once it is there.
fn poll_body(
    body: &mut RecvStream,
    collector: &mut Collector,
    context: &mut Context<'_>,
) -> Poll<Result<Stored, Fault>> {
    loop {
        ready!(collector.poll_ready(context))?;
        let Some(piece) = ready!(body.poll_data(context)) else {
            return collector.poll_finish(context).map_err(Fault::from);
        };
        let piece = piece.map_err(body_fault)?;
        // The server may send as much again.
        body.flow_control().release_capacity(piece.len()).map_err(body_fault)?;
        collector.add(&piece)?;
    }
}

/// A fault before the response's head.
fn fault(cause: h2::Error) -> Fault {
    if is_tls(&cause) {
        return tls_failed().with_source(cause).into();
    }
    let unprocessed = unprocessed(&cause);
    let is_over = cause.is_io() || cause.is_go_away();
    let message = match cause.reason() {
        _ if is_over && (cause.is_io() || cause.is_remote()) => "Server disconnected",
        Some(Reason::HTTP_1_1_REQUIRED) => "The server wants HTTP/1.1 for this (http_version=\"1.1\")",
        _ if cause.is_reset() && cause.is_remote() => "The server reset the stream",
        _ => "The response is not valid HTTP/2",
    };
    let error = Error::new(Kind::Protocol, Phase::Head, message).with_source(cause);
    Fault {
        error: if unprocessed.is_some() { error.unsent() } else { error },
        before_answer: is_over,
        unprocessed,
    }
}

/// Whether TLS has failed beneath: no other stream finds its data invalid, and h2 keeps no more of the cause.
pub(crate) fn is_tls(cause: &h2::Error) -> bool {
    cause.get_io().is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
}

/// A fault before the request was given to the connection.
fn unsent(cause: h2::Error) -> Fault {
    let fault = fault(cause);
    Fault { error: fault.error.unsent(), ..fault }
}

fn body_fault(cause: h2::Error) -> Error {
    let message = match cause.is_remote() || cause.is_io() {
        true => "The response's body broke off",
        false => "The response's body is not framed as HTTP says",
    };
    Error::new(Kind::Body, Phase::Body, message).with_source(cause)
}

/// How the server promises not to have acted on the request (RFC 9113, 8.7): it refused the stream, or
/// went away and named an earlier one as its last.
fn unprocessed(cause: &h2::Error) -> Option<Unprocessed> {
    match cause.is_remote() {
        true if cause.is_go_away() => Some(Unprocessed::Leaving),
        true if cause.reason() == Some(Reason::REFUSED_STREAM) => Some(Unprocessed::Refused),
        _ => None,
    }
}
