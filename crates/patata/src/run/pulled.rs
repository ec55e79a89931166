//! A run that pulls its requests from an iterator, on the caller's thread.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::clock;
use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::engine::{CallOptions, Engine};
use crate::error::Error;
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished::Unfinished;
use crate::request::Request;
use crate::response::Outcome;
use crate::run::caller::{Caller, Step};
use crate::run::control::Control;
use crate::run::streamed::RunStream;

/// How long the input is pulled while there are outcomes to hand out.
const PULL_TIME: Duration = Duration::from_millis(1);
/// An input that takes this long for one item is only asked when there is nothing to hand out.
const SLOW_ITEM: Duration = Duration::from_millis(1);

/// A run in progress: an iterator over the outcomes, in the order in which the requests are done, or in
/// that of the input where the client is [`ordered`](crate::Builder::ordered).
///
/// Requests are pulled from the input inside [`next`](Iterator::next), on the caller's own thread, a
/// bounded number and time ahead of the outcomes. The event loops work on between calls.
///
/// Dropping it cancels what is left: the connections that are busy with it are closed, nothing more is pulled.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let mut run = client.run(vec![patata::Request::get("only", format!("{url}/"))]);
/// let outcome = run.next().unwrap();
/// assert_eq!(outcome.tag, "only");
/// assert!(run.next().is_none());
/// assert_eq!(run.receipt().ok, 1);
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub struct Run<T, I> {
    caller: Caller<T>,
    /// Gone once it has ended.
    input: Option<I>,
    /// Whether the last item was long in coming.
    input_is_slow: bool,
}

impl<T, I> fmt::Debug for Run<T, I> {
    /// Without its client's options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Run").field("receipt", &self.receipt()).finish_non_exhaustive()
    }
}

impl<T, I: Iterator<Item = Request<T>>> Run<T, I> {
    pub(crate) fn start(engine: &Arc<Engine>, options: &CallOptions, input: I) -> Self {
        Self { caller: Caller::start(engine, options), input: Some(input), input_is_slow: false }
    }

    /// The next outcome if there is one, without waiting for the network. The input is pulled in here, and
    /// may take its time.
    ///
    /// For callers that must do their own waiting; [`Iterator`] and [`RunStream`] are made of it.
    ///
    /// ```
    /// use patata::Step;
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let mut run = client.run([patata::Request::get(1, format!("{url}/"))]);
    /// let outcome = loop {
    ///     match run.step() {
    ///         Step::Outcome(outcome) => break outcome,
    ///         Step::Wait => run.wait(std::time::Duration::from_millis(100)),
    ///         Step::End => unreachable!("one request has one outcome"),
    ///     }
    /// };
    /// assert_eq!(outcome.tag, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// If a request was lost, which would be a bug in patata: a run refuses to end with one missing.
    pub fn step(&mut self) -> Step<T> {
        if !self.caller.has_outcome() && !self.is_cancelled() {
            self.feed();
        }
        let step = self.caller.step();
        if matches!(step, Step::End) {
            self.input = None;
        }
        step
    }

    /// Waits until [`step`](Self::step) has something to say or to do, or for `limit`.
    pub fn wait(&self, limit: Duration) {
        self.caller.wait(limit);
    }

    /// Does what [`step`](Self::step) does but for handing out an outcome: pulls the input, as far as the
    /// limits allow.
    ///
    /// For callers that cannot take an outcome just now and want the event loops to be kept busy.
    pub fn feed(&mut self) {
        self.caller.come_back();
        while self.pull() && !self.caller.has_outcome() {
            self.caller.collect();
        }
        self.caller.collect();
    }

    /// Takes requests from the input, as many as the limits allow; once something is done, only for a
    /// moment. Returns whether there is reason to take more.
    fn pull(&mut self) -> bool {
        if self.input_is_slow && self.caller.has_outcome() {
            return false;
        }
        self.caller.note_taking(true);
        let wants_more = self.take_from_input();
        self.caller.note_taking(false);
        wants_more
    }

    fn take_from_input(&mut self) -> bool {
        let mut room = self.caller.room();
        let begun = clock::now();
        let mut taken = 0;
        while room > 0 {
            let Some(request) = self.input.as_mut().and_then(Iterator::next) else {
                self.input = None;
                self.caller.close_input();
                return false;
            };
            if request.is_pause {
                return false;
            }
            self.caller.submit(request);
            room -= 1;
            taken += 1;
            // The clock is only of interest once something is held back.
            if self.caller.has_outcome() || self.caller.has_news() {
                let spent = clock::now().saturating_duration_since(begun);
                if self.caller.has_news() {
                    self.caller.collect();
                }
                if self.is_cancelled() {
                    return false;
                }
                // News may also be that an event loop has run dry, which is a reason to go on.
                if spent > PULL_TIME && self.caller.has_outcome() {
                    self.input_is_slow = spent > SLOW_ITEM * taken;
                    return false;
                }
            }
        }
        self.caller.room() > 0
    }

    /// A handle by which other threads wake or end this run.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let mut run = client.run([patata::Request::get(1, format!("{url}/delay/60000"))]);
    /// assert!(matches!(run.step(), patata::Step::Wait));
    /// let control = run.control();
    /// run.feed(); // The request is on its way before the other thread comes.
    /// std::thread::spawn(move || control.cancel());
    /// assert!(run.next().is_none());
    /// assert_eq!(run.receipt().cancelled, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn control(&self) -> Control {
        self.caller.control()
    }

    /// The same run as an asynchronous [`Stream`](futures_core::Stream), for use inside a tokio (or any
    /// other) runtime.
    ///
    /// ```
    /// # use futures_util::StreamExt;
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let requests = (0..10).map(|id| patata::Request::get(id, format!("{url}/")));
    /// let mut stream = client.run(requests).into_stream();
    /// while let Some(outcome) = stream.next().await {
    ///     assert_eq!(outcome.result.unwrap().status, 200);
    /// }
    /// # });
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn into_stream(self) -> RunStream<T, I> {
        RunStream::new(self)
    }
}

impl<T, I> Run<T, I> {
    /// States how many outcomes the caller has taken and works on still. They count against
    /// `queue_max_size`, so that a slow last stage bounds the input too. Default: 0.
    pub fn hold(&mut self, outcomes: usize) {
        self.caller.hold(outcomes);
    }

    /// States how many of the requests that were taken so far have joined the run while it was under way, for its
    /// [`receipt`](Self::receipt): for who wraps the input with [`FollowUps`](crate::FollowUps). Default: 0.
    pub fn note_followed(&mut self, requests: u64) {
        self.caller.note_followed(requests);
    }

    /// The input, until it has ended.
    pub fn input(&self) -> Option<&I> {
        self.input.as_ref()
    }

    /// The accounts so far.
    pub fn receipt(&self) -> &Receipt {
        self.caller.receipt()
    }

    /// Sets right what a request did cost, by unit, that was charged when it was sent: what was estimated too much is given
    /// back, what was estimated too little is owed. Of units that are not said the estimate stands. Where
    /// [`Builder::settle`](crate::Builder::settle) has said it already, nothing happens.
    ///
    /// # Errors
    /// What is no amount, of kind [`InvalidRequest`](crate::ErrorKind::InvalidRequest): then nothing is set right.
    pub fn settle<U: AsRef<str>>(
        &mut self,
        charge: Box<Charge>,
        actual: impl IntoIterator<Item = (U, f64)>,
    ) -> Result<(), Error> {
        let actual = Costs::new(actual).map_err(Error::invalid)?;
        self.caller.settle(charge, &actual);
        Ok(())
    }

    /// Why the run has ended early by itself, where it has: known for certain once [`step`](Self::step) has said
    /// [`Step::End`]. Not set where it was cancelled.
    pub fn stopped(&self) -> Option<&Stop> {
        self.caller.stopped()
    }

    /// Whether the run was ended early, by [`Control::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.caller.is_cancelled()
    }

    /// What the run has ended without, once it has: the requests that were not sent, and those that were and
    /// have no outcome.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().abort_on([403]).build()?;
    /// let mut run = client.run((0..).map(|id| patata::Request::get(id, format!("{url}/status/403"))));
    /// run.by_ref().for_each(drop);
    /// let receipt = run.receipt();
    /// assert_eq!(receipt.cancelled, receipt.unsent + receipt.unknown);
    /// assert_eq!(run.unfinished().unsent.len() as u64, receipt.unsent.min(1_000));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn unfinished(&self) -> &Unfinished<T> {
        self.caller.unfinished()
    }

    /// Ends the run now, and leaves it to be asked for its [`receipt`](Self::receipt) and for what is
    /// [`unfinished`](Self::unfinished).
    pub fn end(&mut self) {
        self.caller.end();
    }

    /// Ends the run now and returns its accounts. Requests that are not done count as cancelled.
    pub fn cancel(mut self) -> Receipt {
        self.caller.cancel()
    }

    /// See [`PushedRun::register`](crate::PushedRun::register).
    pub(crate) fn register(&self, waker: &Waker) -> bool {
        self.caller.register(waker)
    }
}

impl<T, I: Iterator<Item = Request<T>>> Iterator for Run<T, I> {
    type Item = Outcome<T>;

    fn next(&mut self) -> Option<Outcome<T>> {
        loop {
            match self.step() {
                Step::Outcome(outcome) => return Some(outcome),
                Step::End => return None,
                // Any outcome ends the wait; the bound only limits the harm of a bug.
                Step::Wait => self.wait(Duration::from_secs(1)),
            }
        }
    }
}
