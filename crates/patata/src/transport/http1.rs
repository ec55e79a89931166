//! HTTP/1.1: one live connection, and one exchange at a time on it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::error::{Error, Kind, Phase};
use crate::outgoing::Outgoing;
use crate::transport::collect::{Collector, Expected};
use crate::transport::connect::tls_cause;
use crate::transport::lane::{Fault, Received, timed_out, tls_failed};
use crate::transport::timer::Timer;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

/// An open HTTP/1.1 connection. Its protocol work is done by whoever awaits one of its methods, in the
/// same task: that saves a wake-up at each step of an exchange.
pub(crate) struct Http1 {
    sender: SendRequest<Outgoing>,
    connection: Option<Connection>,
    bell: Arc<Bell>,
    /// The bell, as hyper and the timer know it.
    waker: Waker,
    timer: Timer,
    exchanges: u64,
}

/// What wakes the lane's task: it is rung by the socket and the timer.
#[derive(Debug)]
struct Bell {
    task: Waker,
    muffled: AtomicBool,
}

impl Bell {
    /// Hyper rings when it is given a request or asked for a body, so that the connection is driven. Where
    /// that is what comes next anyway, waking the task would only run it a second time for nothing.
    fn muffled<R>(&self, action: impl FnOnce() -> R) -> R {
        self.muffled.store(true, Ordering::Relaxed);
        let result = action();
        self.muffled.store(false, Ordering::Relaxed);
        result
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.muffled.load(Ordering::Relaxed) {
            self.task.wake_by_ref();
        }
    }
}

impl Http1 {
    /// A lane on a connection that has just been opened. It belongs to the task that calls this: no other
    /// may await it.
    pub(crate) async fn new(sender: SendRequest<Outgoing>, connection: Connection) -> Self {
        let task = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
        let bell = Arc::new(Bell { task, muffled: AtomicBool::new(false) });
        let waker = Waker::from(bell.clone());
        Self { sender, connection: Some(connection), bell, waker, timer: Timer::default(), exchanges: 0 }
    }

    /// Whether an exchange has been completed on it before.
    pub(crate) fn is_reused(&self) -> bool {
        self.exchanges > 0
    }

    /// Whether it can take another exchange: the server keeps it, and its framing held.
    pub(crate) fn is_usable(&mut self) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        self.connection.is_some() && matches!(self.sender.poll_ready(context), Poll::Ready(Ok(())))
    }

    /// Sends a request and receives the whole response, by `deadline`.
    ///
    /// After an error the lane is of no further use.
    pub(crate) async fn exchange(
        &mut self,
        request: http::Request<Outgoing>,
        deadline: Instant,
        expected: &Expected,
    ) -> Result<Received, Fault> {
        let Self { sender, connection, bell, waker, timer, exchanges } = self;
        let mut answer = pin!(bell.muffled(|| sender.try_send_request(request)));
        let mut stage = Stage::Head;
        let received = poll_fn(|task| {
            debug_assert!(bell.task.will_wake(task.waker()), "a lane stays in its task");
            let context = &mut Context::from_waker(waker);
            loop {
                drive(connection, context);
                // Answer and body move only when the connection is driven, here: they need wake nobody.
                let still = &mut Context::from_waker(Waker::noop());
                let progress = match &mut stage {
                    Stage::Head => match answer.as_mut().poll(still) {
                        Poll::Ready(Ok(response)) => {
                            stage = Stage::body(response, expected)?;
                            // Only once it is asked for the body does the connection look for it.
                            bell.muffled(|| stage.receive(still, context))?.or_some()
                        }
                        Poll::Ready(Err(mut failure)) => {
                            let unsent = failure.take_message().is_some();
                            return Poll::Ready(Err(head_fault(failure.into_error(), unsent)));
                        }
                        Poll::Pending => Progress::None,
                    },
                    Stage::Body { .. } => stage.receive(still, context)?,
                };
                match progress {
                    Progress::Done(received) => return Poll::Ready(Ok(received)),
                    // Taking bytes may have made room for more: let the connection have another look.
                    Progress::Some => {}
                    Progress::None => break,
                }
            }
            timer.poll(deadline, context).map(|()| Err(timed_out(stage.phase()).into()))
        })
        .await?;
        *exchanges += 1;
        Ok(received)
    }

    /// Keeps an idle lane alive until the server closes it or breaks framing, or until `retirement`.
    ///
    /// The first look, right after an exchange, leaves the connection alone: the exchange has driven it as
    /// far as it goes, and it rings when there is more.
    pub(crate) fn poll_over(&mut self, is_first: bool, retirement: Instant, task: &Context<'_>) -> Poll<()> {
        debug_assert!(self.bell.task.will_wake(task.waker()), "a lane stays in its task");
        let context = &mut Context::from_waker(&self.waker);
        if !is_first {
            drive(&mut self.connection, context);
        }
        if self.connection.is_none() { Poll::Ready(()) } else { self.timer.poll(retirement, context) }
    }
}

/// Lets hyper read, parse and write. A connection that has ended is dropped, which closes its socket;
/// what it ended with reaches the exchange that it broke.
fn drive(connection: &mut Option<Connection>, context: &mut Context<'_>) {
    if let Some(live) = connection
        && live.as_mut().poll(context).is_ready()
    {
        *connection = None;
    }
}

/// How far an exchange has come.
enum Stage {
    Head,
    Body { head: http::response::Parts, incoming: Incoming, collector: Collector },
}

enum Progress {
    None,
    Some,
    Done(Received),
}

impl Progress {
    fn or_some(self) -> Self {
        if matches!(self, Self::None) { Self::Some } else { self }
    }
}

impl Stage {
    fn body(response: http::Response<Incoming>, expected: &Expected) -> Result<Self, Error> {
        let (head, incoming) = response.into_parts();
        let collector = Collector::new(&head, incoming.size_hint().lower(), expected)?;
        Ok(Self::Body { head, incoming, collector })
    }

    fn phase(&self) -> Phase {
        match self {
            Self::Head => Phase::Head,
            Self::Body { .. } => Phase::Body,
        }
    }

    /// Takes what there is of the body. `still` is for what moves only when the connection is driven, and
    /// `context` for what ends by itself: a file that is written.
    fn receive(&mut self, still: &mut Context<'_>, context: &mut Context<'_>) -> Result<Progress, Error> {
        let Self::Body { incoming, collector, .. } = self else {
            return Ok(Progress::None);
        };
        let mut progress = Progress::None;
        while !incoming.is_end_stream() {
            match collector.poll_ready(context) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(ready) => ready?,
            }
            match Pin::new(&mut *incoming).poll_frame(still) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(cause))) => return Err(body_fault(cause)),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        collector.add(data)?;
                    }
                    progress = Progress::Some;
                }
            }
        }
        let Poll::Ready(body) = collector.poll_finish(context) else { return Ok(progress) };
        let body = body?;
        match std::mem::replace(self, Self::Head) {
            Self::Body { head, .. } => Ok(Progress::Done(Received { head, body })),
            Self::Head => Ok(Progress::None),
        }
    }
}

fn head_fault(cause: hyper::Error, unsent: bool) -> Fault {
    let closed =
        cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() || is_broken_pipe(&cause);
    let error = match () {
        () if cause.is_user() => return unreadable_body(&cause).into(),
        () if io_cause(&cause).and_then(tls_cause).is_some() => tls_failed(),
        () if cause.is_parse_too_large() => Error::new(
            Kind::TooLarge,
            Phase::Head,
            "The response has more than 100 headers or 64 KiB of them",
        ),
        () if closed => Error::new(Kind::Protocol, Phase::Head, "Server disconnected"),
        () => Error::new(Kind::Protocol, Phase::Head, "The response is not valid HTTP"),
    };
    let error = error.with_source(cause);
    Fault { error: if unsent { error.unsent() } else { error }, before_answer: closed, is_unprocessed: false }
}

/// The request's own body failed while it was sent. Hyper lends that error only, so it is told anew.
fn unreadable_body(cause: &hyper::Error) -> Error {
    use std::error::Error as _;
    let told = cause.source().map_or_else(|| cause.to_string(), ToString::to_string);
    Error::new(Kind::InvalidRequest, Phase::Head, told)
}

/// What the stream beneath has failed with.
fn io_cause(cause: &hyper::Error) -> Option<&std::io::Error> {
    use std::error::Error as _;
    cause.source()?.downcast_ref()
}

/// The peer reset or closed the connection; hyper has no question for it, so its cause is asked.
fn is_broken_pipe(cause: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    io_cause(cause).is_some_and(|io| {
        matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
    })
}

fn body_fault(cause: hyper::Error) -> Error {
    let message = if cause.is_incomplete_message() || is_broken_pipe(&cause) {
        "The response's body broke off"
    } else {
        "The response's body is not framed as HTTP says"
    };
    Error::new(Kind::Body, Phase::Body, message).with_source(cause)
}
