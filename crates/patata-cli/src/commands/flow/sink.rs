//! Where outcomes go: rows on stdout, or a run folder.

use patata::{Outcome, Progress};
use patata_run::{Costs, InputBlock, LimitsNow, Recorder, Statistics, Tick};

use super::changed::changed;
use super::stdout::{Answer, Reader, Stdout};
use super::{KnownAs, Tag};
use crate::display;
use crate::exit::Failure;
use crate::paging::Told;
use crate::resolve::Plan;

/// Where outcomes go.
pub(crate) enum Sink {
    Stdout(Box<Stdout>),
    Folder(Box<Recorder>),
}

impl Sink {
    /// Takes an outcome, with what is told of it besides.
    pub(super) fn write(
        &mut self,
        plan: &Plan,
        outcome: &Outcome<Tag>,
        is_ok: bool,
        told: &Told,
    ) -> Result<Reader, Failure> {
        let redaction = &plan.redaction;
        match (self, &outcome.tag.known_as) {
            (Self::Stdout(stdout), KnownAs::Row { id, index, method }) => {
                stdout.write(id, *index, method.as_str(), &Answer { outcome, is_ok, redaction, told })
            }
            (Self::Folder(recorder), KnownAs::Ticket(ticket)) => {
                let recorded = match redaction.is_empty() && told.is_empty() {
                    true => recorder.record(ticket, outcome, is_ok),
                    false => match recorder.leave(ticket, outcome) {
                        Ok(false) => changed(outcome, is_ok, redaction, told, |changed| {
                            recorder.record_row(ticket, changed)
                        }),
                        left => left.map(drop),
                    },
                };
                recorded.map_err(Failure::of_run).map(|()| Reader::Reads)
            }
            // Requests are made for the sink that takes their outcomes.
            _ => Ok(Reader::Reads),
        }
    }

    /// Hands on what there is, as nothing comes just now; where it `is_quiet`, nothing is on its way either.
    pub(super) fn rest(&mut self, is_quiet: bool) -> Result<Reader, Failure> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Folder(recorder) => {
                if is_quiet {
                    recorder.hurry();
                }
                Ok(Reader::Reads)
            }
        }
    }

    /// How many outcomes are taken and not safe.
    ///
    /// # Errors
    /// What the disk has refused.
    pub(super) fn unsafe_count(&self) -> Result<usize, Failure> {
        let Self::Folder(recorder) = self else { return Ok(0) };
        let safe = recorder.acknowledged().map_err(|(_, error)| Failure::of_run(error))?;
        Ok(usize::try_from(recorder.recorded().saturating_sub(safe)).unwrap_or(usize::MAX))
    }

    /// Takes note of what was read.
    pub(super) fn note_input(&mut self, blocks: &[InputBlock]) -> Result<(), Failure> {
        match self {
            Self::Folder(recorder) if !blocks.is_empty() => {
                recorder.note_input(blocks).map_err(Failure::of_run)
            }
            _ => Ok(()),
        }
    }

    /// Ends a second. `total` is how many requests the input has, where that is known.
    pub(crate) fn tick(
        &mut self,
        progress: Option<&Progress>,
        limits: &LimitsNow,
        total: Option<u64>,
    ) -> Tick {
        match self {
            Self::Stdout(stdout) => stdout.statistics.tick(display::now(), progress, limits),
            Self::Folder(recorder) => {
                if let Some(total) = total {
                    recorder.set_total(total);
                }
                recorder.tick(progress, limits)
            }
        }
    }

    /// States what this process has spent so far.
    pub(super) fn set_costs(&mut self, costs: Costs) {
        match self {
            Self::Stdout(stdout) => stdout.statistics.set_costs(costs),
            Self::Folder(recorder) => recorder.set_costs(costs),
        }
    }

    pub(crate) fn statistics(&self) -> &Statistics {
        match self {
            Self::Stdout(stdout) => &stdout.statistics,
            Self::Folder(recorder) => recorder.statistics(),
        }
    }

    /// How many requests of the input were not sent, as an earlier process had done that.
    pub(super) fn passed(&self) -> u64 {
        match self {
            Self::Stdout(_) => 0,
            Self::Folder(recorder) => recorder.passed(),
        }
    }

    /// How many requests an earlier process had done.
    pub(super) fn skipped(&self) -> u64 {
        match self {
            Self::Stdout(_) => 0,
            Self::Folder(recorder) => recorder.skipped(),
        }
    }
}
