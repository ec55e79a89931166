//! The caller's side of a run: pulls the input on the caller's thread and hands out what is done.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_core::Stream;

use crate::config::Config;
use crate::control::Control;
use crate::lead::Lead;
use crate::plan::Planner;
use crate::receipt::Receipt;
use crate::request::Request;
use crate::response::Outcome;
use crate::run;
use crate::shared::Shared;
use crate::transport::tls::Tls;
use crate::waiting::Waiting;

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
/// Dropping it cancels what is left: sockets are closed, nothing more is pulled, threads are joined.
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
#[derive(Debug)]
pub struct Run<T, I> {
    /// Gone once it has ended.
    input: Option<I>,
    planner: Planner,
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
    /// What has ended and has not been handed out.
    waiting: Waiting<T>,
    receipt: Receipt,
    /// Whether the last item was long in coming.
    input_is_slow: bool,
    /// Outcomes that the caller has taken and not yet handed on.
    held: usize,
    lead: Lead,
}

/// What a [`Run`] can say without waiting.
#[derive(Debug)]
pub enum Step<T> {
    /// One request is done.
    Outcome(Outcome<T>),
    /// Nothing is done yet: [`Run::wait`], then ask again.
    Wait,
    /// All requests are done and the input has ended, or the run has been cancelled.
    End,
}

impl<T: Send + 'static, I: Iterator<Item = Request<T>>> Run<T, I> {
    pub(crate) fn start(config: Arc<Config>, tls: Tls, input: I) -> Self {
        let connections = config.connections_by_worker();
        let lead = Lead::new(config.connections(), config.input_chunk_size);
        let waiting = Waiting::new(config.ordered);
        let shared = Arc::new(Shared::new(config, connections.len()));
        let threads = connections
            .into_iter()
            .enumerate()
            // A thread that cannot be started counts as one that has ended: the others do its work.
            .filter_map(|(index, connections)| run::spawn(&shared, index, connections, tls.clone()).ok())
            .collect();
        Self {
            input: Some(input),
            planner: Planner::new(shared.hasher.clone()),
            shared,
            threads,
            waiting,
            receipt: Receipt::default(),
            input_is_slow: false,
            held: 0,
            lead,
        }
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
        if !self.has_outcome() && !self.is_cancelled() {
            self.feed();
        }
        match self.waiting.pop() {
            Some(outcome) => {
                self.receipt.settle(&outcome);
                Step::Outcome(outcome)
            }
            None if self.is_cancelled() => {
                self.stop();
                Step::End
            }
            None if self.input.is_none() && self.receipt.outstanding == 0 => Step::End,
            None => {
                self.refuse_loss();
                Step::Wait
            }
        }
    }

    /// Waits until [`step`](Self::step) has something to say or to do, or for `limit`.
    pub fn wait(&self, limit: Duration) {
        self.shared.delivery.wait(limit);
    }

    /// Does what [`step`](Self::step) does but for handing out an outcome: pulls the input, as far as the
    /// limits allow.
    ///
    /// For callers that cannot take an outcome just now and want the event loops to be kept busy.
    pub fn feed(&mut self) {
        self.collect();
        let left = self.shared.ready();
        self.lead.adapt(left, left == 0 && self.has_outcome());
        while self.pull() && !self.has_outcome() {
            self.collect();
        }
        self.collect();
    }

    fn has_outcome(&self) -> bool {
        self.waiting.is_ready()
    }

    fn collect(&mut self) {
        self.waiting.extend(self.shared.delivery.take());
    }

    /// Takes requests from the input, as many as the limits allow; once something is done, only for a
    /// moment. Returns whether there is reason to take more.
    fn pull(&mut self) -> bool {
        if self.input_is_slow && self.has_outcome() {
            return false;
        }
        let mut room = self.room();
        let begun = Instant::now();
        let mut taken = 0;
        while room > 0 {
            let Some(request) = self.input.as_mut().and_then(Iterator::next) else {
                self.input = None;
                self.shared.close_input();
                return false;
            };
            self.submit(request);
            room -= 1;
            taken += 1;
            // The clock is only of interest once something is held back.
            if self.has_outcome() || self.shared.delivery.has_news() {
                let spent = begun.elapsed();
                self.collect();
                if self.is_cancelled() {
                    return false;
                }
                // News may also be that an event loop has run dry, which is a reason to go on.
                if spent > PULL_TIME && self.has_outcome() {
                    self.input_is_slow = spent > SLOW_ITEM * taken;
                    return false;
                }
            }
        }
        self.room() > 0
    }

    /// How many requests may be taken from the input now.
    fn room(&self) -> usize {
        if self.input.is_none() {
            return 0;
        }
        let config = &self.shared.config;
        let outstanding =
            usize::try_from(self.receipt.outstanding).unwrap_or(usize::MAX).saturating_add(self.held);
        config.queue_max_size.saturating_sub(outstanding).min(self.lead.room(self.shared.ready()))
    }

    fn submit(&mut self, request: Request<T>) {
        let number = self.receipt.submit();
        match self.planner.plan(request) {
            Ok(mut job) => {
                job.number = number;
                self.shared.push(job);
            }
            Err((tag, error)) => {
                let result = Err(error);
                let outcome = Outcome { tag, attempts: 0, elapsed: Duration::ZERO, result };
                self.waiting.refuse(number, outcome);
            }
        }
    }

    /// Nothing is done and no event loop is left: had they not handed over all they held, waiting would
    /// never end.
    fn refuse_loss(&self) {
        let lost = self.shared.is_dead() && self.receipt.outstanding > 0 && !self.shared.delivery.has_news();
        // One that was cancelled just now has no event loop either.
        assert!(!lost || self.is_cancelled(), "patata lost {} requests", self.receipt.outstanding);
    }

    /// A handle by which other threads wake or end this run.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let mut run = client.run([patata::Request::get(1, format!("{url}/delay/60000"))]);
    /// let control = run.control();
    /// std::thread::spawn(move || control.cancel());
    /// assert!(run.next().is_none());
    /// assert_eq!(run.receipt().cancelled, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn control(&self) -> Control {
        Control::new(self.shared.clone())
    }

    /// The same run as an asynchronous [`Stream`], for use inside a tokio (or any other) runtime.
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
        RunStream { run: self }
    }
}

impl<T, I> Run<T, I> {
    /// States how many outcomes the caller has taken and works on still. They count against
    /// `queue_max_size`, so that a slow last stage bounds the input too. Default: 0.
    pub fn hold(&mut self, outcomes: usize) {
        self.held = outcomes;
    }

    /// The accounts so far.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Whether the run was ended early, by [`Control::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    /// Ends the run now and returns its accounts. Requests that are not done count as cancelled.
    pub fn cancel(mut self) -> Receipt {
        self.stop();
        self.receipt
    }

    fn stop(&mut self) {
        self.shared.cancel();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on stderr, and its jobs have become outcomes.
            let _ = thread.join();
        }
        self.input = None;
        self.receipt.cancel_rest();
    }
}

impl<T: Send + 'static, I: Iterator<Item = Request<T>>> Iterator for Run<T, I> {
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

impl<T, I> Drop for Run<T, I> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A [`Run`] as a stream, made by [`Run::into_stream`]. The event loops are threads of their own, so it
/// neither needs nor burdens the runtime that polls it; only the input is pulled there.
#[derive(Debug)]
pub struct RunStream<T, I> {
    run: Run<T, I>,
}

impl<T, I> RunStream<T, I> {
    /// The accounts so far.
    pub fn receipt(&self) -> Receipt {
        self.run.receipt()
    }

    /// Ends the run now and returns its accounts. Requests that are not done count as cancelled.
    pub fn cancel(self) -> Receipt {
        self.run.cancel()
    }
}

/// Nothing in it is ever pinned.
impl<T, I> Unpin for RunStream<T, I> {}

impl<T: Send + 'static, I: Iterator<Item = Request<T>>> Stream for RunStream<T, I> {
    type Item = Outcome<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        loop {
            match self.run.step() {
                Step::Outcome(outcome) => return Poll::Ready(Some(outcome)),
                Step::End => return Poll::Ready(None),
                Step::Wait if self.run.shared.delivery.register(context.waker()) => {
                    return Poll::Pending;
                }
                Step::Wait => {}
            }
        }
    }
}
