//! A run whose requests are pushed by the caller, for callers that must never block.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::engine::{CallOptions, Engine};
use crate::error::Error;
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished::Unfinished;
use crate::request::Request;
use crate::run::caller::{Caller, Step};
use crate::run::control::Control;

/// A run in progress that is given its requests one by one, made by
/// [`Client::run_pushed`](crate::Client::run_pushed).
///
/// Nothing in here waits, but for [`wait`](Self::wait): an event loop of any kind
/// [`register`](Self::register)s a waker, and on being woken takes what [`step`](Self::step) gives and
/// pushes what there is [`room`](Self::room) for. The run ends once [`close_input`](Self::close_input) has
/// been called and all outcomes have been handed out.
///
/// Dropping it cancels what is left: the connections that are busy with it are closed.
///
/// ```
/// use patata::{Client, Request, Step};
/// use std::time::Duration;
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let mut run = Client::builder().build()?.run_pushed();
/// let (mut next, mut done) = (0, 0);
/// loop {
///     for _ in 0..run.room().min(1000 - next) {
///         run.push(Request::get(next, format!("{url}/"))).unwrap();
///         next += 1;
///     }
///     if next == 1000 {
///         run.close_input();
///     }
///     match run.step() {
///         Step::Outcome(outcome) => done += u32::from(outcome.result.is_ok()),
///         Step::Wait => run.wait(Duration::from_secs(1)),
///         Step::End => break,
///     }
/// }
/// assert_eq!(done, 1000);
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub struct PushedRun<T> {
    caller: Caller<T>,
}

impl<T> fmt::Debug for PushedRun<T> {
    /// Without its client's options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PushedRun").field("receipt", &self.caller.receipt()).finish_non_exhaustive()
    }
}

impl<T> PushedRun<T> {
    pub(crate) fn start(engine: &Arc<Engine>, options: &CallOptions) -> Self {
        Self { caller: Caller::start(engine, options) }
    }

    /// How many requests should be pushed now: as many as keep the event loops busy, at most
    /// `input_chunk_size`, and never more than `queue_max_size` allows. 0 while [`step`](Self::step) has
    /// outcomes to give that were looked at before, and once the input is closed or the run cancelled.
    ///
    /// When it grows, the registered waker is woken.
    pub fn room(&mut self) -> usize {
        if self.caller.has_outcome() {
            return 0;
        }
        self.caller.come_back();
        self.caller.room()
    }

    /// Takes a request.
    ///
    /// # Errors
    /// Gives it back where `queue_max_size` requests have been taken whose outcomes were not handed out, or
    /// where the input is closed or the run cancelled. More than [`room`](Self::room) says may be pushed.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().queue_max_size(1).build()?;
    /// let mut run = client.run_pushed();
    /// assert!(run.push(patata::Request::get("one", &url[..])).is_ok());
    /// let back = run.push(patata::Request::get("two", &url[..])).unwrap_err();
    /// assert_eq!(back.tag, "two");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    #[expect(clippy::result_large_err, reason = "a request that is not taken is given back as it came")]
    pub fn push(&mut self, request: Request<T>) -> Result<(), Request<T>> {
        if request.is_pause {
            return Ok(());
        }
        if self.caller.free() == 0 {
            return Err(request);
        }
        self.caller.note_taking(false);
        let had_outcome = self.caller.has_outcome();
        self.caller.submit(request);
        if !had_outcome && self.caller.has_outcome() {
            // It was refused before any I/O, so no event loop will wake who waits for its outcome.
            self.caller.nudge();
        }
        Ok(())
    }

    /// Takes a request that was taken out of the input before it could be known that the run has ended early,
    /// and that [`push`](Self::push) therefore gave back: so that it is in the accounts. It ends as those that
    /// were taken before it: failed by the [`deadline`](crate::Builder::deadline), or cancelled.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let mut run = patata::Client::builder().build()?.run_pushed();
    /// run.control().cancel();
    /// let back = run.push(patata::Request::get("late", format!("{url}/"))).unwrap_err();
    /// run.give_up(back);
    /// assert!(matches!(run.step(), patata::Step::End));
    /// assert_eq!((run.receipt().cancelled, run.receipt().unsent), (1, 1));
    /// assert_eq!(run.unfinished().unsent, ["late"]);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn give_up(&mut self, request: Request<T>) {
        self.caller.give_up(request);
    }

    /// The next outcome if there is one, without waiting.
    ///
    /// # Panics
    /// If a request was lost, which would be a bug in patata: a run refuses to end with one missing.
    pub fn step(&mut self) -> Step<T> {
        if !self.caller.has_outcome() && !self.is_cancelled() {
            self.caller.collect();
        }
        let step = self.caller.step();
        if matches!(step, Step::Outcome(_)) {
            self.caller.note_taking(false);
        }
        step
    }

    /// A handle by which other threads wake or end this run.
    pub fn control(&self) -> Control {
        self.caller.control()
    }

    /// States whether the caller waits just now for the next request to be made, so that it can be told what holds up the run:
    /// for one that makes them itself, between [`push`](Self::push)es, and may take long. A push says that it does not.
    pub fn note_taking(&self, is_taking: bool) {
        self.caller.note_taking(is_taking);
    }

    /// States that no more requests will be pushed.
    pub fn close_input(&mut self) {
        self.caller.close_input();
    }

    /// Has `waker` woken, once, as soon as [`step`](Self::step) has something to say or [`room`](Self::room)
    /// may have grown. Only the last waker registered is woken. `false`, and no waker is registered, where
    /// something has happened since the last look.
    pub fn register(&self, waker: &Waker) -> bool {
        // Who comes here with all outcomes handed out waits for the input.
        self.caller.note_taking(self.caller.is_without_work());
        self.caller.register(waker)
    }

    /// Waits until [`step`](Self::step) has something to say or [`room`](Self::room) may have grown, or for
    /// `limit`.
    pub fn wait(&self, limit: Duration) {
        self.caller.wait(limit);
    }

    /// States how many outcomes the caller has taken and works on still. They count against
    /// `queue_max_size`. Default: 0.
    pub fn hold(&mut self, outcomes: usize) {
        self.caller.hold(outcomes);
    }

    /// States how many of the requests that were taken so far have joined the run while it was under way, for its
    /// [`receipt`](Self::receipt): for who wraps the input with [`FollowUps`](crate::FollowUps). Default: 0.
    pub fn note_followed(&mut self, requests: u64) {
        self.caller.note_followed(requests);
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
}
