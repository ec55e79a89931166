//! The run of a fetch: one that ends with its process, or one that is written down in a folder.

use std::sync::Arc;
use std::time::Duration;

use patata::{Charge, Control, Outcome, Receipt, Run, Step, Stop};
use patata_arrow::{Earlier, Row};
use patata_run::{LimitsNow, Passed, Recorded, RecordedRun, RecordedStep, Recording, RunError, Why};

use super::input::{Identified, Input, RowTag};
use crate::folder;
use crate::settling::Settled;

/// A run.
pub(super) enum TableRun {
    Plain(Box<Run<RowTag, Input>>),
    Recorded(Box<RecordedTable>),
}

/// A run that is written down, and the rows that earlier processes have written.
pub(super) struct RecordedTable {
    run: RecordedRun<RowTag, Identified>,
    earlier: patata_run::Earlier,
    passed: Arc<folder::Passed>,
}

/// What a look at a run gives.
pub(super) enum Taken {
    Outcome(Outcome<RowTag>),
    /// An earlier process has dealt with the row.
    Earlier(Row, Earlier),
    /// Nothing yet.
    Nothing,
    End,
}

impl TableRun {
    /// One whose requests have no place but this process.
    pub(super) fn plain(client: &patata::Client, input: Input) -> Self {
        Self::Plain(Box::new(client.run(input)))
    }

    /// One that goes on with what is written down.
    pub(super) fn recorded(
        client: &patata::Client,
        input: Identified,
        recording: Recording,
        limits: LimitsNow,
        passed: Arc<folder::Passed>,
    ) -> Self {
        let earlier = recording.earlier();
        let mut run = RecordedRun::start(client, recording, input);
        run.set_limits(limits);
        Self::Recorded(Box::new(RecordedTable { run, earlier, passed }))
    }

    pub(super) fn control(&self) -> Control {
        match self {
            Self::Plain(run) => run.control(),
            Self::Recorded(recorded) => recorded.run.control(),
        }
    }

    pub(super) fn receipt(&self) -> &Receipt {
        match self {
            Self::Plain(run) => run.receipt(),
            Self::Recorded(recorded) => recorded.run.receipt(),
        }
    }

    /// Why it has ended early, where it has by itself.
    pub(super) fn stopped(&self) -> Option<&Stop> {
        match self {
            Self::Plain(run) => run.stopped(),
            Self::Recorded(recorded) => recorded.run.stopped(),
        }
    }

    /// Whether it was ended from another thread.
    pub(super) fn is_cancelled(&self) -> bool {
        match self {
            Self::Plain(run) => run.is_cancelled(),
            Self::Recorded(recorded) => recorded.run.is_cancelled(),
        }
    }

    /// What there is next; where there is nothing, after a wait of at most `limit`.
    pub(super) fn step(&mut self, limit: Duration) -> Result<Taken, RunError> {
        match self {
            Self::Plain(run) => Ok(match run.step() {
                Step::Outcome(outcome) => Taken::Outcome(outcome),
                Step::Wait => {
                    run.wait(limit);
                    Taken::Nothing
                }
                Step::End => Taken::End,
            }),
            Self::Recorded(recorded) => recorded.step(limit),
        }
    }

    /// Ends it where it stands; what is written down is made safe and whole.
    pub(super) fn end(self) -> (Receipt, Result<(), RunError>) {
        match self {
            Self::Plain(mut run) => {
                run.end();
                (run.receipt().clone(), Ok(()))
            }
            Self::Recorded(mut recorded) => {
                recorded.run.end();
                let receipt = recorded.run.receipt().clone();
                (receipt, recorded.run.finish(None).map(drop))
            }
        }
    }
}

impl Settled for TableRun {
    fn settle(&mut self, charge: Box<Charge>, actual: Vec<(String, f64)>) -> Result<(), patata::Error> {
        match self {
            Self::Plain(run) => run.settle(charge, actual),
            Self::Recorded(recorded) => recorded.run.settle(charge, actual),
        }
    }
}

impl RecordedTable {
    fn step(&mut self, limit: Duration) -> Result<Taken, RunError> {
        Ok(match self.run.step(limit)? {
            RecordedStep::Recorded(Recorded::Outcome { outcome, .. }) => Taken::Outcome(outcome),
            RecordedStep::Recorded(Recorded::Passed(passed)) => self.passed(passed)?,
            RecordedStep::Nothing => Taken::Nothing,
            RecordedStep::End => Taken::End,
        })
    }

    /// What an earlier process has written down of a row.
    fn passed(&mut self, passed: Passed<RowTag>) -> Result<Taken, RunError> {
        let earlier = match passed.why {
            Why::Skipped => {
                self.passed.skip();
                self.earlier.row(passed.position)?.map_or_else(lost, folder::earlier)
            }
            Why::Unknown => {
                self.passed.count_unknown();
                failed(
                    "unknown",
                    "an earlier process has sent the request, and nobody knows what became of it",
                )
            }
        };
        Ok(Taken::Earlier(passed.tag.row, earlier))
    }
}

/// The ledger knows of it, and what came of it has been taken out of the folder.
fn lost() -> Earlier {
    failed("lost", "the run folder says that the request was done, and does not have its response any more")
}

fn failed(kind: &str, message: &str) -> Earlier {
    Earlier { error: Some((kind.to_owned(), message.to_owned())), ..Earlier::default() }
}
