//! A run of a client that is written down in a folder, as an iterator over outcomes that are safe.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patata::{Client, Control, Outcome, Receipt, Request, Run, Step, Stop};

use crate::accounts::{Costs, LimitsNow, Statistics, Summary, Tick};
use crate::error::RunError;
use crate::folder::Recording;
use crate::gate::{Admission, Gate};
use crate::id::Id;
use crate::recorder::{Ending, Recorder};
use crate::ticket::Ticket;

/// Once a second it is written down where the run stands.
const SECOND: Duration = Duration::from_secs(1);
/// How long is waited at most for what has no bell.
const LOOK: Duration = Duration::from_millis(100);

/// The input as the engine sees it: only what is to be sent.
#[derive(Debug)]
struct Admitted<I> {
    requests: I,
    gate: Gate,
}

impl<I: Iterator<Item = Request<Id>>> Iterator for Admitted<I> {
    type Item = Request<Arc<Ticket>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (request, id) = self.requests.next()?.with_tag(());
            match self.gate.admit(id, request) {
                Ok(Admission::Send { request, ticket }) => return Some(request.with_tag(ticket).0),
                Ok(Admission::Skipped(()) | Admission::Unknown(())) => {}
                // The recorder says why.
                Err(_) => return None,
            }
        }
    }
}

/// A run that is written down: an iterator over its outcomes, each given once it is safe on the disk.
///
/// ```
/// use patata_run::{Id, Manifest, RecordOptions, RecordedRun, RunFolder};
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run");
/// let client = patata::Client::builder().build()?;
/// let requests = || (0..100).map(|id| patata::Request::get(Id::from(id), format!("{url}/")));
/// for _ in 0..2 {
///     let recording = RunFolder::create_or_resume(&path, Manifest::new("rust"), RecordOptions::default())?;
///     let mut run = RecordedRun::start(&client, recording, requests());
///     for outcome in &mut run {
///         outcome?;
///     }
///     assert_eq!(run.finish(None)?.ok, 100);
/// }
/// assert_eq!(server.requests(), 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RecordedRun<I> {
    client: Client,
    run: Run<Arc<Ticket>, Admitted<I>>,
    recorder: Recorder,
    /// Outcomes that are recorded and not safe yet, or safe and not taken: each with the number of its row, or of the
    /// one before it where it has none.
    waiting: VecDeque<(u64, Outcome<Arc<Ticket>>)>,
    /// So many rows are known to be safe.
    safe: u64,
    limits: LimitsNow,
    next_tick: Instant,
    last_tick: Option<Tick>,
    /// What the input says once it has ended.
    has_failed: bool,
}

impl<I: Iterator<Item = Request<Id>>> RecordedRun<I> {
    /// Begins to send what is left of the input.
    pub fn start(client: &Client, recording: Recording, requests: I) -> Self {
        let Recording { gate, recorder, .. } = recording;
        let run = client.run(Admitted { requests, gate });
        let control = run.control();
        recorder.listen(move || control.wake());
        Self {
            client: client.clone(),
            run,
            recorder,
            waiting: VecDeque::new(),
            safe: 0,
            limits: LimitsNow::default(),
            next_tick: Instant::now() + SECOND,
            last_tick: None,
            has_failed: false,
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

    /// The next outcome that is safe, if there is one within this time; `Ok(None)` where there is none yet.
    ///
    /// # Errors
    /// What the disk has refused. The run has ended with it, what was given before is safe.
    pub fn step(&mut self, limit: Duration) -> Result<Recorded, RunError> {
        if let Some(outcome) = self.take_safe()? {
            return Ok(Recorded::Outcome(outcome));
        }
        // What the disk refuses is told once all that is safe has been handed out.
        let is_over = self.receive().unwrap_or(false);
        self.tick();
        if let Some(outcome) = self.take_safe()? {
            return Ok(Recorded::Outcome(outcome));
        }
        if is_over && self.waiting.is_empty() {
            return Ok(Recorded::End);
        }
        if is_over || self.run.receipt().outstanding == 0 {
            // Nothing else will come that could be written with it.
            self.recorder.hurry();
        }
        let limit = limit.min(LOOK);
        if is_over {
            self.recorder.wait(self.safe, limit);
        } else {
            self.run.wait(limit);
        }
        Ok(Recorded::Nothing)
    }

    /// Takes what the engine has, and records it. Says whether that was all.
    fn receive(&mut self) -> Result<bool, RunError> {
        loop {
            self.run.hold(self.waiting.len());
            match self.run.step() {
                Step::Outcome(outcome) => {
                    let is_ok = self.client.is_ok(&outcome);
                    self.recorder.record(&outcome.tag, &outcome, is_ok)?;
                    self.waiting.push_back((self.recorder.recorded(), outcome));
                }
                Step::Wait => return Ok(false),
                Step::End => return Ok(true),
            }
            // Those who wait for what is safe have a turn, too.
            if self.waiting.len().is_multiple_of(256) {
                return Ok(false);
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

    fn take_safe(&mut self) -> Result<Option<Outcome<Arc<Ticket>>>, RunError> {
        let (safe, error) = match self.recorder.acknowledged() {
            Ok(safe) => (safe, None),
            Err((safe, error)) => (safe, Some(error)),
        };
        self.safe = safe;
        if self.waiting.front().is_some_and(|(row, _)| *row <= safe) {
            return Ok(self.waiting.pop_front().map(|(_, outcome)| outcome));
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
        let not_sent = self.run.unfinished().unsent.iter().map(|ticket| ticket.position()).collect();
        let is_complete = receipt.cancelled == 0 && self.run.input().is_none();
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

/// What a look at a recorded run gives.
#[derive(Debug)]
pub enum Recorded {
    /// An outcome that is safe.
    Outcome(Outcome<Arc<Ticket>>),
    /// Nothing yet.
    Nothing,
    /// There is nothing more.
    End,
}

impl<I: Iterator<Item = Request<Id>>> Iterator for RecordedRun<I> {
    type Item = Result<Outcome<Arc<Ticket>>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        loop {
            match self.step(SECOND) {
                Ok(Recorded::Outcome(outcome)) => return Some(Ok(outcome)),
                Ok(Recorded::Nothing) => {}
                Ok(Recorded::End) => return None,
                Err(error) => {
                    self.has_failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
