//! A whole fetch: batches of rows in, batches of results out, as they come.

use std::fmt;
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use patata::{Client, Control, Receipt, Run, Step, Stop};

use crate::columns::{Columns, Plan};
use crate::error::TableError;
use crate::output::Output;
use crate::requests::{InputFault, Requests};
use crate::results::Results;
use crate::rows::Row;

/// Sends a request for each row, and gives the results as they come: in the order of the input where the client is
/// [`ordered`](patata::Builder::ordered), else in the order in which they are done.
///
/// The input is read as requests are sent, a bounded number of rows ahead; memory stays flat. Nothing is sent before the
/// first batch is asked for. Dropping the fetch cancels it.
///
/// # Errors
/// What was asked does not go with the input's columns.
pub fn fetch<B: RecordBatchReader>(
    client: &Client,
    input: B,
    columns: &Columns,
    output: &Output,
) -> Result<Fetch<B>, TableError> {
    let schema = input.schema();
    let plan = Plan::new(columns, &schema)?;
    let output = output.plan(&schema)?;
    let results = Results::new(output.clone())?;
    let requests = Requests::new(input, plan, &output).answered_by(&results, client.is_ordered());
    let fault = requests.fault();
    Ok(Fetch { results, fault, run: client.run(requests), has_ended: false })
}

/// The results of a [`fetch`]: an iterator of batches.
///
/// An input that breaks off is an error behind the results of what it gave.
pub struct Fetch<B> {
    results: Results,
    run: Run<Row, Requests<B>>,
    /// What ended the input, where that was no end.
    fault: InputFault,
    has_ended: bool,
}

/// What a look at a [`Fetch`] gives.
#[derive(Debug)]
pub enum FetchStep {
    /// The next batch.
    Batch(RecordBatch),
    /// There is none yet: see [`Fetch::wait`].
    Wait,
    /// There is none any more.
    End,
}

impl<B> fmt::Debug for Fetch<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fetch").field("run", &self.run).finish_non_exhaustive()
    }
}

impl<B: RecordBatchReader> Fetch<B> {
    /// The schema of all batches. `None` before the first, where the type of bodies is inferred from it.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.results.schema()
    }

    /// How many requests there were, and what became of them.
    pub fn receipt(&self) -> &Receipt {
        self.run.receipt()
    }

    /// What ended the run before its input did, if anything.
    pub fn stopped(&self) -> Option<&Stop> {
        self.run.stopped()
    }

    /// How many rows were read and have no result, as the run has ended early: those whose requests were cancelled, and
    /// those that were to share an answer of these. Known once it has ended.
    pub fn unanswered(&self) -> u64 {
        self.run.receipt().cancelled + self.results.unanswered() as u64
    }

    /// A handle by which other threads wake or end it.
    pub fn control(&self) -> Control {
        self.run.control()
    }

    /// The next batch if there is one, without waiting for the network. The input is read in here, and may take its time.
    /// For callers that do their own waiting; iterating does it otherwise.
    ///
    /// # Errors
    /// An input that breaks off, and a batch that cannot be made.
    pub fn step(&mut self) -> Result<FetchStep, TableError> {
        loop {
            if let Some(batch) = self.results.take()? {
                return Ok(FetchStep::Batch(batch));
            }
            if self.has_ended {
                return self.fault.take().map_or(Ok(FetchStep::End), Err);
            }
            match self.run.step() {
                Step::Outcome(outcome) => self.results.push(outcome),
                Step::Wait if self.results.has_more() => {}
                Step::Wait => return Ok(FetchStep::Wait),
                Step::End => {
                    self.has_ended = true;
                    self.results.finish()?;
                }
            }
        }
    }

    /// Waits until [`step`](Self::step) may have something to do, or for `limit`.
    pub fn wait(&self, limit: Duration) {
        self.run.wait(limit);
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        loop {
            match self.step()? {
                FetchStep::Batch(batch) => return Ok(Some(batch)),
                FetchStep::End => return Ok(None),
                // Any outcome ends the wait; the bound only limits the harm of a bug.
                FetchStep::Wait => self.wait(Duration::from_secs(1)),
            }
        }
    }
}

impl<B: RecordBatchReader> Iterator for Fetch<B> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
