//! A fetch that is under way: the run of a table's requests, and what becomes of their outcomes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use patata::{Outcome, Receipt, Stop};
use patata_arrow::{InputFault, Results, TableError};
use patata_run::RunError;
use pyo3::prelude::*;

use super::input::RowTag;
use super::options;
use super::run::{TableRun, Taken};
use crate::control;
use crate::folder;
use crate::raised::Raised;
use crate::settling::settle;
use crate::stopped;

/// So many outcomes are taken before it is looked whether there is time left.
const OUTCOMES_A_LOOK: usize = 256;

/// A stream that is slow gives what it has after this time,
const PATIENCE: Duration = Duration::from_secs(1);
/// or after this, where the first rows have to tell the type of bodies.
const PATIENCE_FOR_A_TYPE: Duration = Duration::from_secs(10);

/// A fetch, which whoever has it must step.
pub(super) struct Fetching {
    /// Gone once it has ended.
    run: Option<TableRun>,
    results: Results,
    /// Batches that were not taken yet.
    made: VecDeque<RecordBatch>,
    last_made: Instant,
    fault: InputFault,
    raised: Arc<Raised>,
    /// The user's function that says what requests did cost.
    settle: Option<Arc<Py<PyAny>>>,
    receipt: Receipt,
    /// Why it has ended early, until that is told.
    failure: Option<Failure>,
}

/// Why a fetch has ended early.
pub(super) enum Failure {
    Table(TableError),
    Raised(PyErr),
    Stopped(Stop),
    Folder(RunError),
    /// From another thread.
    Cancelled,
}

impl Failure {
    pub(super) fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Table(error) => options::exception(py, &error),
            Self::Raised(error) => error,
            Self::Stopped(stop) => stopped::exception(py, &stop),
            Self::Folder(error) => folder::exception(py, &error),
            Self::Cancelled => control::closed(py),
        }
    }
}

impl Fetching {
    pub(super) fn new(
        run: TableRun,
        results: Results,
        fault: InputFault,
        raised: Arc<Raised>,
        settle: Option<Arc<Py<PyAny>>>,
    ) -> Self {
        Self {
            run: Some(run),
            results,
            made: VecDeque::new(),
            last_made: Instant::now(),
            fault,
            raised,
            settle,
            receipt: Receipt::default(),
            failure: None,
        }
    }

    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.results.schema()
    }

    pub(super) fn receipt(&self) -> &Receipt {
        self.run.as_ref().map_or(&self.receipt, TableRun::receipt)
    }

    pub(super) fn run(&self) -> Option<&TableRun> {
        self.run.as_ref()
    }

    /// The next batch that is complete.
    pub(super) fn take(&mut self) -> Option<RecordBatch> {
        self.made.pop_front()
    }

    /// Completes a batch of what there is, where whoever reads a stream has waited long enough for one.
    pub(super) fn flush(&mut self) {
        let patience = if self.schema().is_some() { PATIENCE } else { PATIENCE_FOR_A_TYPE };
        if self.made.is_empty() && self.last_made.elapsed() >= patience {
            self.results.flush();
            if let Err(failure) = self.make() {
                self.failure.get_or_insert(failure);
            }
            self.last_made = Instant::now();
        }
    }

    /// Why it has ended early, if it has: once.
    pub(super) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Goes on for about so long. Whether there may be more.
    pub(super) fn step(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.run.is_some() {
            let stepped = self.take_outcomes(until).and_then(|()| self.make());
            if let Err(failure) = stepped {
                self.failure.get_or_insert(failure);
                self.end();
            }
            if Instant::now() >= until || !self.raised.is_none() {
                break;
            }
        }
        self.run.is_some()
    }

    /// Takes some outcomes, or waits for one.
    fn take_outcomes(&mut self, until: Instant) -> Result<(), Failure> {
        for _ in 0..OUTCOMES_A_LOOK {
            let Some(run) = &mut self.run else { break };
            let left = match self.results.has_more() {
                true => Duration::ZERO,
                false => until.saturating_duration_since(Instant::now()),
            };
            match run.step(left).map_err(Failure::Folder)? {
                Taken::Outcome(outcome) => {
                    receive(&mut self.results, run, outcome, self.settle.as_deref(), &self.raised)?;
                }
                Taken::Earlier(row, earlier) => self.results.push_earlier(row, earlier),
                Taken::Nothing => break,
                Taken::End => self.end_by_itself(),
            }
        }
        Ok(())
    }

    /// Makes batches of what is there.
    fn make(&mut self) -> Result<(), Failure> {
        while let Some(batch) = self.results.take().map_err(Failure::Table)? {
            self.made.push_back(batch);
            self.last_made = Instant::now();
        }
        Ok(())
    }

    /// The run has no more. What ended it is told.
    fn end_by_itself(&mut self) {
        let (stopped, is_cancelled) = match &self.run {
            Some(run) => (run.stopped().cloned(), run.is_cancelled()),
            None => (None, false),
        };
        self.end();
        let why = match (self.raised.take(), self.fault.take(), stopped) {
            (Some(error), ..) => Some(Failure::Raised(error)),
            (None, Some(error), _) => Some(Failure::Table(error)),
            (None, None, Some(stop)) => Some(Failure::Stopped(stop)),
            (None, None, None) if is_cancelled => Some(Failure::Cancelled),
            (None, None, None) => None,
        };
        self.failure = why.or(self.failure.take());
    }

    /// Ends it where it stands. What is done makes a last batch.
    pub(super) fn end(&mut self) {
        let Some(run) = self.run.take() else { return };
        let (receipt, ended) = run.end();
        self.receipt = receipt;
        if let Err(failure) = self.results.finish().map_err(Failure::Table).and_then(|()| self.make()) {
            self.failure.get_or_insert(failure);
        }
        if let Err(error) = ended {
            self.failure.get_or_insert(Failure::Folder(error));
        }
    }

    /// Gives the run up. In the child of a fork there are no threads to join, and their locks may be held for ever.
    pub(super) fn forget(&mut self) {
        std::mem::forget(self.run.take());
    }
}

/// Takes an outcome into the results, once the user's function has said what its request did cost.
fn receive(
    results: &mut Results,
    run: &mut TableRun,
    mut outcome: Outcome<RowTag>,
    function: Option<&Py<PyAny>>,
    raised: &Raised,
) -> Result<(), Failure> {
    if let (Some(function), Some(shown)) = (function, outcome.tag.shown.take()) {
        Python::attach(|py| settle(py, function, run, &mut outcome, |_| *shown, raised))
            .map_err(Failure::Raised)?;
    }
    let (outcome, tag) = outcome.with_tag(());
    results.push(outcome.with_tag(tag.row).0);
    Ok(())
}
