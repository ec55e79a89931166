//! The way out of a run: each outcome is written down, and is its caller's once that is safe.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patata::{Outcome, Progress};

use crate::accounts::{Costs, LimitsNow, Noted, Statistics, Summary, Tick, host_of};
use crate::cluster::others::OtherRows;
use crate::error::RunError;
use crate::folder::earlier::Earlier;
use crate::folder::finish::finish;
use crate::folder::{Written, read_summary};
use crate::gate::Counts;
use crate::identity::InputBlock;
use crate::journal::Journal;
use crate::journal::files;
use crate::ledger::entry::{Ended, Entry, Extent};
use crate::manifest::Manifest;
use crate::output::changed::Changed;
use crate::output::line::ledger_kind;
use crate::output::row;
use crate::storage::disk::{self, Disk, DiskFile};
use crate::storage::lock::Lock;
use crate::ticket::Ticket;

/// The way out of a run. Holds the folder's lock.
pub struct Recorder {
    journal: Arc<Journal>,
    counts: Arc<Counts>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    manifest: Manifest,
    statistics: Statistics,
    timeline: Option<Box<dyn DiskFile>>,
    /// Rows recorded.
    recorded: u64,
    /// Requests that the run's deadline has ended, and that are left to the next process.
    left: u64,
    /// How many requests the input has.
    total: Option<u64>,
    /// How many requests earlier processes left unknown.
    prior_unknown: u64,
    /// Rows of the ledger that earlier processes have written.
    prior_rows: u64,
    /// Whether requests were sent twice, so that they may have two rows.
    has_again: bool,
    /// The first file of the ledger that this process writes.
    first_ledger_file: u32,
    /// Rows that other parts of the run have.
    other_rows: Arc<OtherRows>,
    _lock: Lock,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Recorder").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What a recorder is made of.
pub(crate) struct Parts {
    pub(crate) journal: Arc<Journal>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) statistics: Statistics,
    pub(crate) prior_unknown: u64,
    pub(crate) prior_rows: u64,
    pub(crate) has_again: bool,
    pub(crate) first_ledger_file: u32,
    pub(crate) other_rows: Arc<OtherRows>,
    pub(crate) lock: Lock,
}

/// How a run has ended, as whoever ran it knows.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Ending {
    /// Requests that were taken and given up.
    pub cancelled: u64,
    /// Those of them, and of the failed, of which nothing was sent.
    pub unsent: u64,
    /// Positions of requests that were written down as about to be sent, and were not.
    pub not_sent: Vec<u64>,
    /// Why it ended before its input did.
    pub stopped: Option<String>,
    /// The command that goes on with it, where something is left.
    pub next: Option<String>,
    /// How many requests the input has, where it was read to its end.
    pub total: Option<u64>,
}

impl Recorder {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            journal,
            counts,
            disk,
            folder,
            manifest,
            statistics,
            prior_unknown,
            prior_rows,
            has_again,
            first_ledger_file,
            other_rows,
            lock,
        } = parts;
        Self {
            journal,
            counts,
            disk,
            folder,
            manifest,
            statistics,
            timeline: None,
            recorded: 0,
            left: 0,
            total: None,
            prior_unknown,
            prior_rows,
            has_again,
            first_ledger_file,
            other_rows,
            _lock: lock,
        }
    }

    /// Records how a request has ended: `is_ok` as the client counts it ([`patata::Client::is_ok`]). It is safe once
    /// [`acknowledged`](Self::acknowledged) says so. One that the run's deadline has ended is [left](Self::leave).
    ///
    /// # Errors
    /// What the disk has refused: the run must end.
    pub fn record<T>(&mut self, ticket: &Ticket, outcome: &Outcome<T>, is_ok: bool) -> Result<(), RunError> {
        if self.leave(ticket, outcome)? {
            return Ok(());
        }
        let with_headers = self.manifest.output.headers;
        let answer = Answer {
            status: outcome.result.as_ref().ok().map(|response| response.status.as_u16()),
            kind: outcome.result.as_ref().err().map(|error| error.kind().name()),
            message: outcome.result.as_ref().err(),
            is_ok,
            attempts: outcome.attempts,
            elapsed: outcome.elapsed,
            bytes: outcome.result.as_ref().map_or(0, |response| response.body.len() as u64),
            host: match &outcome.result {
                Ok(response) => response.url.authority(),
                Err(_) => host_of(ticket.asked().url).into(),
            },
        };
        self.stage(ticket, &answer, |buffer| {
            row::write_row(buffer, &ticket.asked(), outcome, is_ok, with_headers)
        })
    }

    /// Leaves a request to the next process, if it is the run's deadline that has ended it: it has no row, and is not
    /// done. One that is not idempotent, and may have been sent, is unknown. Says whether it is such a one.
    ///
    /// # Errors
    /// What the disk has refused: the run must end.
    pub fn leave<T>(&mut self, ticket: &Ticket, outcome: &Outcome<T>) -> Result<bool, RunError> {
        let Some(error) = outcome.result.as_ref().err().filter(|error| error.is_run_deadline()) else {
            return Ok(false);
        };
        if !error.request_sent() {
            self.journal.stage()?.not_sent(ticket.position);
        }
        self.left += 1;
        Ok(true)
    }

    /// Records a response that was changed since it came.
    ///
    /// # Errors
    /// What the disk has refused.
    pub fn record_row(&mut self, ticket: &Ticket, changed: &Changed<'_>) -> Result<(), RunError> {
        let answer = Answer {
            status: changed.status,
            kind: changed.error.map(|(kind, _)| kind),
            message: changed.error.map(|(_, message)| message),
            is_ok: changed.is_ok,
            attempts: changed.attempts,
            elapsed: changed.elapsed,
            bytes: changed.body.len() as u64,
            host: host_of(if changed.url.is_empty() { ticket.asked().url } else { changed.url }).into(),
        };
        let with_headers = self.manifest.output.headers;
        self.stage(ticket, &answer, |buffer| {
            row::write_changed(buffer, &ticket.asked(), changed, with_headers)
        })
    }

    fn stage<M: std::fmt::Display>(
        &mut self,
        ticket: &Ticket,
        answer: &Answer<'_, M>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), RunError> {
        let mut status = itoa::Buffer::new();
        let kind = match (answer.kind, answer.status) {
            (Some(kind), _) => ledger_kind(kind),
            (None, status_code) => status.format(status_code.unwrap_or_default()).into(),
        };
        let ended = Ended {
            is_ok: answer.is_ok,
            kind: &kind,
            attempts: answer.attempts,
            extent: Extent::default(),
            elapsed: answer.elapsed,
        };
        let failed = (!answer.is_ok).then(|| {
            let mut line = Vec::new();
            ticket.write_line(&mut line);
            line
        });
        let mut staged = self.journal.stage()?;
        let begin = staged.live.len();
        write(&mut staged.live);
        let has_work = staged.ended(ticket.position, ended, ticket.key, begin, failed.as_deref());
        drop(staged);
        self.recorded += 1;
        let message = answer.message.as_ref().map(ToString::to_string);
        self.statistics.note(&Noted {
            status: answer.status,
            kind: answer.kind,
            message: message.as_deref(),
            ok: answer.is_ok,
            host: &answer.host,
            elapsed: answer.elapsed,
            attempts: answer.attempts,
            bytes: answer.bytes,
            id: &ticket.id,
        });
        if has_work {
            self.journal.ring();
        }
        Ok(())
    }

    /// How many of the recorded outcomes are safe, in the order in which they were recorded.
    ///
    /// # Errors
    /// What the disk has refused, with how many are safe all the same.
    pub fn acknowledged(&self) -> Result<u64, (u64, RunError)> {
        self.journal.acknowledged()
    }

    /// How many requests the run's deadline has ended: the next process does them, if they can be sent again.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// How many outcomes were recorded; those that were left have no part in it.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Has what was recorded made safe at once: there is nothing to add to it just now.
    pub fn hurry(&self) {
        self.journal.hurry();
    }

    /// Waits until more outcomes are safe than so many, something has failed, or for so long.
    pub fn wait(&self, acknowledged: u64, limit: Duration) {
        self.journal.wait(acknowledged, limit);
    }

    /// Has this called whenever more outcomes are safe, or something has failed; from a thread of the recorder's own.
    pub fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.journal.listen(listener);
    }

    /// Records how far the input was read, and what it was, so that a later process can tell whether it is the same.
    ///
    /// # Errors
    /// What the disk has refused.
    pub fn note_input(&self, blocks: &[InputBlock]) -> Result<(), RunError> {
        for InputBlock { offset, length, digest, rows } in blocks.iter().copied() {
            self.journal.note(&Entry::Input { rows, offset, length, digest })?;
        }
        Ok(())
    }

    /// Ends a second: writes down where the run stands, and gives it.
    pub fn tick(&mut self, progress: Option<&Progress>, limits: &LimitsNow) -> Tick {
        let tick = self.statistics.tick(now(), progress, limits);
        self.write_tick(&tick);
        let summary = self.summary(&Ending::default(), None);
        // The reason why it cannot be staged is told by whatever matters.
        if let (Ok(mut staged), Ok(summary)) = (self.journal.stage(), serde_json::to_vec_pretty(&summary)) {
            staged.summarize(summary);
        }
        self.journal.ring();
        tick
    }

    /// States how many requests the input has, once that is known: who looks at the run meanwhile wants to know.
    pub fn set_total(&mut self, total: u64) {
        self.total = Some(total);
    }

    /// States what this process has spent so far, in all: it is told each second, and before the end.
    pub fn set_costs(&mut self, costs: Costs) {
        self.statistics.set_costs(costs);
    }

    /// The rows that earlier processes have written: see [`Recording::earlier`](crate::Recording::earlier).
    pub(crate) fn earlier(&self) -> Earlier {
        Earlier::new(self.disk.clone(), &self.folder, &self.manifest, Some(self.first_ledger_file))
            .with(self.other_rows.clone())
    }

    /// The accounts so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Pictures of a run are of use while all goes well; where they cannot be written, the run goes on without, and what
    /// matters fails by itself.
    fn write_tick(&mut self, tick: &Tick) {
        if self.timeline.is_none() {
            self.timeline = self.disk.append(&self.folder.join(files::TIMELINE)).ok();
        }
        if let (Some(file), Ok(mut line)) = (&mut self.timeline, serde_json::to_vec(tick)) {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
    }

    fn summary(&self, ending: &Ending, ended: Option<f64>) -> Summary {
        let mut summary = self.statistics.summary();
        summary.command = self.manifest.command();
        summary.folder = self.folder.display().to_string();
        if !summary.versions.iter().any(|version| version == env!("CARGO_PKG_VERSION")) {
            summary.versions.push(env!("CARGO_PKG_VERSION").to_owned());
        }
        summary.options = self.manifest.options.clone();
        summary.ended = ended;
        summary.total = ending.total.or(self.total);
        let kept = self.prior_unknown.saturating_sub(self.counts.resent.load(Ordering::Relaxed))
            + self.counts.kept_of_others.load(Ordering::Relaxed);
        // What an earlier process has cancelled in the middle is cancelled still.
        summary.cancelled = ending.cancelled + kept + self.left;
        summary.ledger_rows = self.prior_rows + self.recorded;
        summary.unsent = ending.unsent;
        summary.unknown = kept + self.journal.under_way();
        summary.submitted = summary.done() + summary.cancelled;
        let by_deadline = || "the run's deadline passed before all that was taken had been done".to_owned();
        summary.stopped = ending.stopped.clone().or_else(|| (self.left > 0).then(by_deadline));
        summary.next = ending.next.clone();
        summary
    }

    /// How many requests of the input an earlier process had done.
    pub fn skipped(&self) -> u64 {
        self.counts.skipped.load(Ordering::Relaxed)
    }

    /// How many requests of the input were not sent, as an earlier process had done them, or had left them unknown.
    pub fn passed(&self) -> u64 {
        self.skipped() + self.counts.kept.load(Ordering::Relaxed)
    }

    /// Has the folder say why the run ended, if the disk has room for that: what it counts stays as it was, for what was
    /// written last may not be there. The failure itself is told to who runs it.
    fn note_failure(&self, error: &RunError) {
        let is_ours = |manifest: Manifest| manifest.run == self.manifest.run;
        let is_disk = matches!(error, RunError::Io { .. });
        // Where the folder is gone, there may be another one.
        if !is_disk || !Manifest::read(&*self.disk, &self.folder).is_ok_and(is_ours) {
            return;
        }
        let mut summary = match read_summary(&*self.disk, &self.folder) {
            Ok(Written::Summary(summary)) => *summary,
            // In its first second it has none. Rows are counted by whoever goes on.
            Ok(Written::Nothing) => Summary {
                command: self.manifest.command(),
                folder: self.folder.display().to_string(),
                options: self.manifest.options.clone(),
                started: self.statistics.summary().started,
                time: now(),
                ..Summary::default()
            },
            _ => return,
        };
        (summary.stopped, summary.ended, summary.next) = (Some(error.to_string()), None, None);
        if let Ok(bytes) = serde_json::to_vec_pretty(&summary) {
            let _ = disk::replace(&*self.disk, &self.folder.join(files::SUMMARY), &bytes);
        }
    }

    /// Makes everything safe, seals what is open, and writes the accounts and the report. Returns the run in sum.
    ///
    /// # Errors
    /// What the disk has refused. What was acknowledged is safe all the same.
    pub fn finish(mut self, ending: &Ending) -> Result<Summary, RunError> {
        let finished = self.close(ending);
        if let Err(error) = &finished {
            self.note_failure(error);
        }
        finished
    }

    fn close(&mut self, ending: &Ending) -> Result<Summary, RunError> {
        if !ending.not_sent.is_empty() {
            let mut staged = self.journal.stage()?;
            ending.not_sent.iter().for_each(|position| staged.not_sent(*position));
        }
        self.journal.close()?;
        let unknown = self.journal.unknown_lines();
        let path = self.folder.join(files::UNKNOWN);
        disk::replace(&*self.disk, &path, &unknown).map_err(RunError::io("writing", &path))?;
        let tick = self.statistics.tick(now(), None, &LimitsNow::default());
        self.write_tick(&tick);
        let summary = self.summary(ending, Some(tick.time));
        let has_again = self.has_again || self.counts.resent.load(Ordering::Relaxed) > 0;
        finish(&self.disk, &self.folder, &self.manifest, summary, has_again)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Others may have the journal still, as requests in flight do: nothing may be written once the lock is free. Who
        // wants to know whether all went well finishes the run.
        if let Err(error) = self.journal.close() {
            self.note_failure(&error);
        }
    }
}

/// What is counted of an outcome.
struct Answer<'a, M> {
    status: Option<u16>,
    kind: Option<&'a str>,
    message: Option<M>,
    is_ok: bool,
    attempts: u32,
    elapsed: Duration,
    bytes: u64,
    host: Cow<'a, str>,
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
