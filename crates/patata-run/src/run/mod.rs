//! A run of a client that is written down in a folder, as an iterator over outcomes that are safe.

mod intake;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patata::{Client, Control, Outcome, PushedRun, Receipt, Request, Step, Stop};

use crate::accounts::{Costs, LimitsNow, Statistics, Summary, Tick};
use crate::error::RunError;
use crate::folder::Recording;
use crate::gate::Passed;
use crate::id::Id;
use crate::recorder::{Ending, Recorder};
use crate::run::intake::{Intake, More, Tagged};
use crate::ticket::Ticket;

/// Once a second it is written down where the run stands.
const SECOND: Duration = Duration::from_secs(1);
/// How long is waited at most for what has no bell.
const LOOK: Duration = Duration::from_millis(100);

/// A run that is written down: an iterator over what became of its requests, each given once that is safe on the disk.
///
/// Requests are taken from the input in here, a bounded number ahead, each with the id by which it is known in the folder.
/// Those that an earlier process has dealt with are given too, as [`Recorded::Passed`]: at once, or in their places where
/// the client is [`ordered`](patata::Builder::ordered), behind the outcomes of all that came before them. An input may
/// [pause](patata::Request::pause).
///
/// ```
/// use patata_run::{Id, Manifest, RecordOptions, Recorded, RecordedRun, RunFolder};
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run");
/// let client = patata::Client::builder().build()?;
/// let requests = |count| (0..count).map(|row| (Id::from(row), patata::Request::get(row, format!("{url}/"))));
/// for (count, expected) in [(60, (60, 0)), (100, (40, 60))] {
///     let recording = RunFolder::create_or_resume(&path, Manifest::new("rust"), RecordOptions::default())?;
///     let mut run = RecordedRun::start(&client, recording, requests(count));
///     let (mut came, mut passed) = (0, 0);
///     for recorded in &mut run {
///         match recorded? {
///             Recorded::Outcome { .. } => came += 1,
///             Recorded::Passed(_) => passed += 1,
///         }
///     }
///     assert_eq!((came, passed), expected);
///     assert_eq!(run.finish(None)?.ok, count as u64);
/// }
/// assert_eq!(server.requests(), 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RecordedRun<T, I> {
    client: Client,
    run: PushedRun<Tagged<T>>,
    intake: Intake<T, I>,
    recorder: Recorder,
    /// Outcomes that are recorded and not safe yet, or safe and not taken: each with the number of its row, or of the
    /// one before it where it has none.
    waiting: VecDeque<(u64, Outcome<Tagged<T>>)>,
    /// So many rows are known to be safe.
    safe: u64,
    /// So many outcomes were handed out.
    handed_out: u64,
    limits: LimitsNow,
    next_tick: Instant,
    last_tick: Option<Tick>,
    /// Whether the engine has no more outcomes to give.
    is_over: bool,
    /// What the input says once it has ended.
    has_failed: bool,
    /// Why nothing may be sent, until it is told.
    refusal: Option<RunError>,
}

/// What became of a request.
#[derive(Debug)]
pub enum Recorded<T> {
    /// It has ended, and that is safe.
    Outcome {
        /// How it has ended.
        outcome: Outcome<T>,
        /// By what the folder knows it.
        ticket: Arc<Ticket>,
    },
    /// An earlier process has dealt with it.
    Passed(Passed<T>),
}

/// What a look at a recorded run gives.
#[derive(Debug)]
pub enum RecordedStep<T> {
    /// What became of a request.
    Recorded(Recorded<T>),
    /// Nothing yet.
    Nothing,
    /// There is nothing more.
    End,
}

/// What there was to receive.
#[derive(Debug, PartialEq, Eq)]
enum Received {
    /// All that there is just now.
    All,
    /// There is more at once.
    Some,
}

impl<T, I: Iterator<Item = (Id, Request<T>)>> RecordedRun<T, I> {
    /// Begins to send what is left of the input.
    pub fn start(
        client: &Client,
        recording: Recording,
        requests: impl IntoIterator<Item = (Id, Request<T>), IntoIter = I>,
    ) -> Self {
        let Recording { gate, recorder, found, .. } = recording;
        let run = client.run_pushed();
        let control = run.control();
        recorder.listen(move || control.wake());
        Self {
            client: client.clone(),
            run,
            intake: Intake::new(gate, requests.into_iter(), client.is_ordered()),
            recorder,
            waiting: VecDeque::new(),
            safe: 0,
            handed_out: 0,
            limits: LimitsNow::default(),
            next_tick: Instant::now() + SECOND,
            last_tick: None,
            is_over: false,
            has_failed: false,
            refusal: found.refusal(),
        }
    }

    /// A handle by which other threads wake, end or limit it.
    pub fn control(&self) -> Control {
        self.run.control()
    }

    /// States the limits that hold now, for the accounts.
    pub fn set_limits(&mut self, limits: LimitsNow) {
        self.limits = limits;
    }

    /// The limits as they were stated.
    pub fn limits(&self) -> &LimitsNow {
        &self.limits
    }

    /// The engine's accounts of this process.
    pub fn receipt(&self) -> &Receipt {
        self.run.receipt()
    }

    /// Why it has ended early, where it has.
    pub fn stopped(&self) -> Option<&Stop> {
        self.run.stopped()
    }

    /// Whether it was ended from another thread.
    pub fn is_cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Says what a request did cost: see [`Run::settle`](patata::Run::settle).
    ///
    /// # Errors
    /// An amount that is none.
    pub fn settle<U: AsRef<str>>(
        &mut self,
        charge: Box<patata::Charge>,
        actual: impl IntoIterator<Item = (U, f64)>,
    ) -> Result<(), patata::Error> {
        self.run.settle(charge, actual)
    }

    /// The accounts of all processes.
    pub fn statistics(&self) -> &Statistics {
        self.recorder.statistics()
    }

    /// Where the run stood at the last full second, until it is taken.
    pub fn take_tick(&mut self) -> Option<Tick> {
        self.last_tick.take()
    }

    /// How many requests an earlier process had done.
    pub fn skipped(&self) -> u64 {
        self.recorder.skipped()
    }

    /// What became of the next request, if that is safe within this time; [`RecordedStep::Nothing`] where it is not yet.
    ///
    /// # Errors
    /// What the disk has refused. The run has ended with it, what was given before is safe. At first, and before anything is
    /// sent, that there are requests in the folder to which responses have led: this run does not follow them.
    pub fn step(&mut self, limit: Duration) -> Result<RecordedStep<T>, RunError> {
        if let Some(refusal) = self.refusal.take() {
            self.run.end();
            return Err(refusal);
        }
        if let Some(recorded) = self.take()? {
            return Ok(RecordedStep::Recorded(recorded));
        }
        // What the disk refuses is told once all that is safe has been handed out.
        let received = self.receive().unwrap_or(Received::All);
        self.tick();
        if let Some(recorded) = self.take()? {
            return Ok(RecordedStep::Recorded(recorded));
        }
        if self.is_over && self.waiting.is_empty() {
            return Ok(RecordedStep::End);
        }
        if received == Received::Some {
            return Ok(RecordedStep::Nothing);
        }
        if self.is_over || self.run.receipt().outstanding == 0 {
            // Nothing else will come that could be written with it.
            self.recorder.hurry();
        }
        let limit = limit.min(LOOK);
        if self.is_over {
            self.recorder.wait(self.safe, limit);
        } else {
            self.run.wait(limit);
        }
        Ok(RecordedStep::Nothing)
    }

    /// Takes what the engine has, and records it.
    fn receive(&mut self) -> Result<Received, RunError> {
        loop {
            self.run.hold(self.waiting.len());
            let more = self.intake.feed(&mut self.run);
            match self.run.step() {
                Step::Outcome(outcome) => {
                    let is_ok = self.client.is_ok(&outcome);
                    self.recorder.record(&outcome.tag.ticket, &outcome, is_ok)?;
                    self.waiting.push_back((self.recorder.recorded(), outcome));
                }
                Step::Wait if more == More::Yes => return Ok(Received::Some),
                Step::Wait => return Ok(Received::All),
                Step::End => {
                    self.is_over = true;
                    return Ok(Received::All);
                }
            }
            // Those who wait for what is safe have a turn, too.
            if self.waiting.len().is_multiple_of(256) {
                return Ok(Received::Some);
            }
        }
    }

    /// Writes down where the run stands, once a second.
    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + SECOND;
            let progress = self.run.control().progress();
            self.recorder.set_costs(Costs::of_receipt(self.run.receipt()));
            self.last_tick = Some(self.recorder.tick(Some(&progress), &self.limits));
        }
    }

    /// What is next, if it is safe.
    fn take(&mut self) -> Result<Option<Recorded<T>>, RunError> {
        let is_over = self.is_over && self.waiting.is_empty();
        if let Some(passed) = self.intake.take_passed(self.handed_out, is_over) {
            return Ok(Some(Recorded::Passed(passed)));
        }
        let (safe, error) = match self.recorder.acknowledged() {
            Ok(safe) => (safe, None),
            Err((safe, error)) => (safe, Some(error)),
        };
        self.safe = safe;
        if self.waiting.front().is_some_and(|(row, _)| *row <= safe) {
            return Ok(self.waiting.pop_front().map(|(_, outcome)| self.hand_out(outcome)));
        }
        match error {
            Some(error) => {
                self.has_failed = true;
                self.run.end();
                Err(error)
            }
            None => Ok(None),
        }
    }

    fn hand_out(&mut self, outcome: Outcome<Tagged<T>>) -> Recorded<T> {
        self.handed_out += 1;
        let (outcome, tagged) = outcome.with_tag(());
        let Tagged { tag, ticket } = tagged;
        Recorded::Outcome { outcome: outcome.with_tag(tag).0, ticket }
    }

    /// Ends the run where it stands, in order: what is in flight is given up, what came is safe.
    pub fn end(&mut self) {
        self.run.end();
    }

    /// Ends it if it has not, seals and writes the accounts; `next` is the command that would go on. Returns the run in
    /// sum.
    ///
    /// # Errors
    /// What the disk has refused.
    pub fn finish(mut self, next: Option<String>) -> Result<Summary, RunError> {
        self.run.end();
        let receipt = self.run.receipt();
        self.recorder.set_costs(Costs::of_receipt(receipt));
        let not_sent = self.run.unfinished().unsent.iter().map(|tagged| tagged.ticket.position()).collect();
        let is_complete = receipt.cancelled == 0 && self.intake.is_complete();
        let ending = Ending {
            cancelled: receipt.cancelled,
            unsent: receipt.unsent,
            not_sent,
            stopped: self.run.stopped().map(ToString::to_string),
            next,
            total: is_complete.then(|| receipt.submitted + self.recorder.passed()),
        };
        self.recorder.finish(&ending)
    }
}

impl<T, I: Iterator<Item = (Id, Request<T>)>> Iterator for RecordedRun<T, I> {
    type Item = Result<Recorded<T>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        loop {
            match self.step(SECOND) {
                Ok(RecordedStep::Recorded(recorded)) => return Some(Ok(recorded)),
                Ok(RecordedStep::Nothing) => {}
                Ok(RecordedStep::End) => return None,
                Err(error) => {
                    self.has_failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
