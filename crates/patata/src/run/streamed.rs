//! Runs as asynchronous streams of outcomes, with requests from an iterator or from another stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::clock;
use crate::engine::{CallOptions, Engine};
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished::Unfinished;
use crate::request::Request;
use crate::response::Outcome;
use crate::run::caller::Step;
use crate::run::pulled::Run;
use crate::run::pushed::PushedRun;

/// How long an input that is always ready is polled before other tasks have a turn.
const POLL_TIME: Duration = Duration::from_millis(1);

/// A [`Run`] as a stream, made by [`Run::into_stream`]. The event loops are threads of their own, so it
/// neither needs nor burdens the runtime that polls it; only the input is pulled there.
#[derive(Debug)]
pub struct RunStream<T, I> {
    run: Run<T, I>,
}

impl<T, I> RunStream<T, I> {
    pub(crate) fn new(run: Run<T, I>) -> Self {
        Self { run }
    }

    /// The accounts so far.
    pub fn receipt(&self) -> &Receipt {
        self.run.receipt()
    }

    /// Why the run has ended early by itself, where it has: known for certain once the stream has ended.
    pub fn stopped(&self) -> Option<&Stop> {
        self.run.stopped()
    }

    /// What the run has ended without: see [`Run::unfinished`].
    pub fn unfinished(&self) -> &Unfinished<T> {
        self.run.unfinished()
    }

    /// Ends the run now and returns its accounts. Requests that are not done count as cancelled.
    pub fn cancel(self) -> Receipt {
        self.run.cancel()
    }
}

/// Nothing in it is ever pinned.
impl<T, I> Unpin for RunStream<T, I> {}

impl<T, I: Iterator<Item = Request<T>>> Stream for RunStream<T, I> {
    type Item = Outcome<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        loop {
            match self.run.step() {
                Step::Outcome(outcome) => return Poll::Ready(Some(outcome)),
                Step::End => return Poll::Ready(None),
                Step::Wait if self.run.register(context.waker()) => return Poll::Pending,
                Step::Wait => {}
            }
        }
    }
}

/// A run whose requests come from a stream, itself a stream of outcomes; made by
/// [`Client::run_stream`](crate::Client::run_stream).
///
/// Dropping it cancels what is left, and drops the input.
#[derive(Debug)]
pub struct StreamedRun<T, S> {
    run: PushedRun<T>,
    /// Gone once it has ended.
    input: Option<Pin<Box<S>>>,
}

impl<T, S> StreamedRun<T, S> {
    /// The accounts so far.
    pub fn receipt(&self) -> &Receipt {
        self.run.receipt()
    }

    /// Why the run has ended early by itself, where it has: known for certain once the stream has ended.
    pub fn stopped(&self) -> Option<&Stop> {
        self.run.stopped()
    }

    /// What the run has ended without: see [`Run::unfinished`].
    pub fn unfinished(&self) -> &Unfinished<T> {
        self.run.unfinished()
    }

    /// Ends the run now and returns its accounts. Requests that are not done count as cancelled.
    pub fn cancel(self) -> Receipt {
        self.run.cancel()
    }
}

impl<T, S: Stream<Item = Request<T>>> StreamedRun<T, S> {
    pub(crate) fn start(engine: &Arc<Engine>, options: &CallOptions, input: S) -> Self {
        Self { run: PushedRun::start(engine, options), input: Some(Box::pin(input)) }
    }

    /// Takes requests from the input, as many as are ready and the limits allow. Returns whether that was
    /// broken off only because it took long.
    fn feed(&mut self, context: &mut Context<'_>) -> bool {
        let begun = clock::now();
        for _ in 0..self.run.room() {
            let Some(input) = &mut self.input else { return false };
            match input.as_mut().poll_next(context) {
                Poll::Ready(Some(request)) => {
                    if let Err(request) = self.run.push(request) {
                        // The run has ended meanwhile, which the next step tells.
                        self.run.give_up(request);
                        return false;
                    }
                }
                Poll::Ready(None) => {
                    self.input = None;
                    self.run.close_input();
                    return false;
                }
                Poll::Pending => return false,
            }
            if clock::now().saturating_duration_since(begun) > POLL_TIME {
                return true;
            }
        }
        false
    }
}

/// The input is pinned in its box.
impl<T, S> Unpin for StreamedRun<T, S> {}

impl<T, S: Stream<Item = Request<T>>> Stream for StreamedRun<T, S> {
    type Item = Outcome<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        loop {
            let has_more = self.feed(context);
            match self.run.step() {
                Step::Outcome(outcome) => return Poll::Ready(Some(outcome)),
                Step::End => {
                    self.input = None;
                    return Poll::Ready(None);
                }
                Step::Wait if has_more => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Wait if self.run.register(context.waker()) => return Poll::Pending,
                Step::Wait => {}
            }
        }
    }
}
