//! A run whose responses lead to further requests, which join it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::engine::{CallOptions, Engine};
use crate::report::receipt::Receipt;
use crate::report::stop::Stop;
use crate::report::unfinished::Unfinished;
use crate::request::Request;
use crate::response::Outcome;
use crate::response::cache_status::CacheStatus;
use crate::run::caller::Step;
use crate::run::control::Control;
use crate::run::follow_ups::{FollowUps, Next, Refused};
use crate::run::pulled::Run;

/// The tag of a request of a [`FollowedRun`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed<T> {
    /// The request's own tag; none has a pause.
    pub tag: T,
    /// How many responses have led to it, one to the next: 0 for a request of the input.
    pub depth: u32,
}

/// A run whose responses lead to further requests, which join it: made by
/// [`Client::run_followed`](crate::Client::run_followed).
///
/// The function is called with each outcome, on the caller's thread, before that is handed out. What it gives is sent before
/// more is taken from the input, and is counted as all other requests are: by limits, by
/// [`max_failures`](crate::Builder::max_failures), in the [`receipt`](Self::receipt), which says how many were
/// [`followed`](Receipt::followed).
///
/// At most [`queue_max_size`](crate::Builder::queue_max_size) of them wait. Where more are found, the run takes nothing more,
/// hands out the outcomes of what it has taken, and ends: then it [is overflown](Self::is_overflown), and all that was found
/// and not sent is [left](Self::take_left).
///
/// ```
/// use patata::Request;
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let page = |number: u32| Request::get(number, format!("{url}/?page={number}"));
/// let mut run = client.run_followed([page(1)], |outcome| {
///     (outcome.tag.tag < 5).then(|| page(outcome.tag.tag + 1))
/// });
/// let pages: Vec<_> = run.by_ref().map(|outcome| (outcome.tag.tag, outcome.tag.depth)).collect();
/// assert_eq!(pages, [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]);
/// assert_eq!((run.receipt().submitted, run.receipt().followed), (5, 4));
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub struct FollowedRun<T, I, F> {
    run: Run<Option<Followed<T>>, FollowedInput<T, I>>,
    follow_ups: FollowUps<Request<Followed<T>>>,
    follow: F,
    max_depth: u32,
    /// How many may wait.
    most: usize,
}

/// An input, and what responses lead to.
struct FollowedInput<T, I> {
    /// Gone once it has ended.
    input: Option<I>,
    follow_ups: FollowUps<Request<Followed<T>>>,
}

/// Adds requests to a [`FollowedRun`] from any thread; made by [`FollowedRun::submitter`].
pub struct Submitter<T> {
    follow_ups: FollowUps<Request<Followed<T>>>,
    control: Control,
}

impl<T> fmt::Debug for Submitter<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Submitter").finish_non_exhaustive()
    }
}

impl<T> Submitter<T> {
    fn new(follow_ups: FollowUps<Request<Followed<T>>>, control: Control) -> Self {
        follow_ups.hold();
        Self { follow_ups, control }
    }

    /// Adds a request.
    ///
    /// # Errors
    /// Gives it back where [`queue_max_size`](crate::Builder::queue_max_size) requests wait, and where the run takes nothing
    /// more: as it has ended, or has as many as it [may](FollowedRun::max_requests).
    #[expect(clippy::result_large_err, reason = "a request that is not taken is given back as it came")]
    pub fn submit(&self, request: Request<T>) -> Result<(), (Request<T>, Refused)> {
        let added = self.follow_ups.submit(at_depth(request, 0));
        self.control.wake();
        added.map_err(|(request, why)| {
            let (request, followed) = request.with_tag(());
            (request.with_tag(followed.tag).0, why)
        })
    }
}

impl<T> Clone for Submitter<T> {
    fn clone(&self) -> Self {
        Self::new(self.follow_ups.clone(), self.control.clone())
    }
}

impl<T> Drop for Submitter<T> {
    fn drop(&mut self) {
        self.follow_ups.release();
        self.control.wake();
    }
}

fn at_depth<T>(request: Request<T>, depth: u32) -> Request<Followed<T>> {
    let (request, tag) = request.with_tag(());
    request.with_tag(Followed { tag, depth }).0
}

/// As the run knows it, of which a pause has no tag.
fn tagged<T>(request: Request<Followed<T>>) -> Request<Option<Followed<T>>> {
    let (request, tag) = request.with_tag(());
    request.with_tag(Some(tag)).0
}

impl<T, I: Iterator<Item = Request<T>>> Iterator for FollowedInput<T, I> {
    type Item = Request<Option<Followed<T>>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.follow_ups.next(self.input.is_none()) {
                Next::FollowUp(request) => return Some(tagged(request)),
                Next::Input => match self.input.as_mut().and_then(Iterator::next) {
                    Some(request) => {
                        if !request.is_pause {
                            self.follow_ups.note_taken();
                        }
                        return Some(tagged(at_depth(request, 0)));
                    }
                    None => self.input = None,
                },
                Next::Nothing => return Some(Request::pause(None)),
                Next::End => return None,
            }
        }
    }
}

impl<T, I, F> fmt::Debug for FollowedRun<T, I, F> {
    /// Without its client's options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FollowedRun").field("receipt", &self.receipt()).finish_non_exhaustive()
    }
}

impl<T, I, F, R> FollowedRun<T, I, F>
where
    I: Iterator<Item = Request<T>>,
    F: FnMut(&Outcome<Followed<T>>) -> R,
    R: IntoIterator<Item = Request<T>>,
{
    pub(crate) fn start(engine: &Arc<Engine>, options: &CallOptions, input: I, follow: F) -> Self {
        let most = options.config.queue_max_size;
        let follow_ups = FollowUps::new(most, true);
        let input = FollowedInput { input: Some(input), follow_ups: follow_ups.clone() };
        Self { run: Run::start(engine, options, input), follow_ups, follow, max_depth: u32::MAX, most }
    }

    /// The depth up to which requests are followed: the function is not called with outcomes of this depth. Default: none.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let again = |_: &_| [patata::Request::get((), url)];
    /// let run = client.run_followed([patata::Request::get((), url)], again).max_depth(3);
    /// assert_eq!(run.count(), 4);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.max_depth = depth;
        self
    }

    /// The most requests that the run takes, those of its input among them: then its input ends, and what is found besides
    /// is left out. Default: no limit.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let twice = |_: &_| [patata::Request::get((), url), patata::Request::get((), url)];
    /// let run = client.run_followed([patata::Request::get((), url)], twice).max_requests(100);
    /// assert_eq!(run.count(), 100);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn max_requests(self, most: u64) -> Self {
        self.follow_ups.limit_requests(most);
        self
    }

    /// The next outcome if there is one, without waiting for the network: see [`Run::step`].
    pub fn step(&mut self) -> Step<Followed<T>> {
        match self.run.step() {
            Step::Outcome(outcome) => match self.followed(outcome) {
                Some(outcome) => Step::Outcome(outcome),
                None => Step::Wait,
            },
            Step::Wait => Step::Wait,
            Step::End => {
                self.run.note_followed(self.follow_ups.followed());
                self.follow_ups.end();
                Step::End
            }
        }
    }

    /// Asks the function what an outcome leads to. Whatever is counted as taken has a tag.
    fn followed(&mut self, outcome: Outcome<Option<Followed<T>>>) -> Option<Outcome<Followed<T>>> {
        let (outcome, tag) = outcome.with_tag(());
        let (outcome, ()) = outcome.with_tag(tag?);
        if outcome.tag.depth < self.max_depth && !is_shared(&outcome) {
            let depth = outcome.tag.depth.saturating_add(1);
            for (count, request) in (self.follow)(&outcome).into_iter().enumerate() {
                self.follow_ups.add(at_depth(request, depth));
                // What it gives may be endless.
                if self.follow_ups.wanted() == 0 || count > self.most {
                    break;
                }
            }
        }
        self.follow_ups.note_done();
        self.run.note_followed(self.follow_ups.followed());
        Some(outcome)
    }

    /// Waits until [`step`](Self::step) has something to say or to do, or for `limit`.
    pub fn wait(&self, limit: Duration) {
        self.run.wait(limit);
    }

    /// A handle by which other threads wake or end this run.
    pub fn control(&self) -> Control {
        self.run.control()
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
    /// let again = |_: &_| [patata::Request::get((), url)];
    /// let stream = client.run_followed([patata::Request::get((), url)], again).max_depth(9).into_stream();
    /// assert_eq!(stream.count().await, 10);
    /// # });
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn into_stream(self) -> FollowedStream<T, I, F> {
        FollowedStream { run: self }
    }

    /// Something by which any thread adds requests to the run, which does not end before all of these are dropped.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url().to_owned();
    /// let client = patata::Client::builder().build()?;
    /// let mut run = client.run_followed(std::iter::empty(), |_| None);
    /// let submitter = run.submitter();
    /// let thread = std::thread::spawn(move || {
    ///     (0..10).for_each(|id| submitter.submit(patata::Request::get(id, &url[..])).unwrap());
    /// });
    /// assert_eq!(run.count(), 10);
    /// thread.join().unwrap();
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn submitter(&self) -> Submitter<T> {
        Submitter::new(self.follow_ups.clone(), self.run.control())
    }
}

impl<T, I, F> FollowedRun<T, I, F> {
    /// The accounts so far.
    pub fn receipt(&self) -> &Receipt {
        self.run.receipt()
    }

    /// Why the run has ended early by itself, where it has: see [`Run::stopped`].
    pub fn stopped(&self) -> Option<&Stop> {
        self.run.stopped()
    }

    /// Whether the run was ended early, by [`Control::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// What the run has ended without, once it has: see [`Run::unfinished`].
    pub fn unfinished(&self) -> Unfinished<&Followed<T>> {
        let Unfinished { unsent, unknown } = self.run.unfinished();
        Unfinished { unsent: unsent.iter().flatten().collect(), unknown: unknown.iter().flatten().collect() }
    }

    /// How many requests were found and left out, as [so many](Self::max_requests) had been taken as there may be.
    pub fn left_out(&self) -> u64 {
        self.follow_ups.left_out()
    }

    /// Whether more was found than there is room for, so that the run takes nothing more.
    pub fn is_overflown(&self) -> bool {
        self.follow_ups.is_overflown()
    }

    /// Takes what was found and is not sent, of a run that [is overflown](Self::is_overflown) and has ended.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().queue_max_size(3).build()?;
    /// let four = |outcome: &patata::Outcome<patata::Followed<u32>>| {
    ///     (0..4 * u32::from(outcome.tag.depth == 0)).map(move |id| patata::Request::get(id, url))
    /// };
    /// let mut run = client.run_followed([patata::Request::get(9, url)], four);
    /// assert_eq!(run.by_ref().count(), 1);
    /// assert!(run.is_overflown());
    /// assert!(run.take_left().iter().map(|request| request.tag).eq(0..4));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn take_left(&mut self) -> Vec<Request<T>> {
        let left = self.follow_ups.take_left().into_iter();
        left.map(|request| {
            let (request, followed) = request.with_tag(());
            request.with_tag(followed.tag).0
        })
        .collect()
    }

    /// Ends the run now: see [`Run::end`].
    pub fn end(&mut self) {
        self.follow_ups.end();
        self.run.end();
    }
}

/// Whether an outcome is that of an equal request, which has led to all that this one would.
fn is_shared<T>(outcome: &Outcome<T>) -> bool {
    outcome.result.as_ref().is_ok_and(|response| response.cached == CacheStatus::Shared)
}

/// A [`FollowedRun`] as a stream, made by [`FollowedRun::into_stream`]. The function is called where it is polled.
#[derive(Debug)]
pub struct FollowedStream<T, I, F> {
    run: FollowedRun<T, I, F>,
}

impl<T, I, F> FollowedStream<T, I, F> {
    /// The run, for its accounts, and for what it has ended without.
    pub fn run(&self) -> &FollowedRun<T, I, F> {
        &self.run
    }
}

/// Nothing in it is ever pinned.
impl<T, I, F> Unpin for FollowedStream<T, I, F> {}

impl<T, I, F, R> Stream for FollowedStream<T, I, F>
where
    I: Iterator<Item = Request<T>>,
    F: FnMut(&Outcome<Followed<T>>) -> R,
    R: IntoIterator<Item = Request<T>>,
{
    type Item = Outcome<Followed<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.run.step() {
                Step::Outcome(outcome) => return Poll::Ready(Some(outcome)),
                Step::End => return Poll::Ready(None),
                Step::Wait if self.run.run.register(context.waker()) => return Poll::Pending,
                Step::Wait => {}
            }
        }
    }
}

impl<T, I, F, R> Iterator for FollowedRun<T, I, F>
where
    I: Iterator<Item = Request<T>>,
    F: FnMut(&Outcome<Followed<T>>) -> R,
    R: IntoIterator<Item = Request<T>>,
{
    type Item = Outcome<Followed<T>>;

    fn next(&mut self) -> Option<Self::Item> {
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
