//! Batches of rows as requests, one after the other, a piece of a batch at a time.

mod prepared;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use patata::Request;

use crate::columns::Plan;
use crate::error::TableError;
use crate::output::OutputPlan;
use crate::requests::prepared::Prepared;
use crate::results::Results;
use crate::rows::shared::{Asked, SharedAnswers};
use crate::rows::{Piece, Row};

/// How many rows are read at once: enough to pay for what is done once, and few, as one row that waits keeps all of its
/// piece.
const PIECE_ROWS: usize = 2048;

/// What ended an input early, for who reads the results.
#[derive(Debug, Clone, Default)]
pub struct InputFault(Arc<Mutex<Option<TableError>>>);

impl InputFault {
    fn set(&self, error: TableError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The fault, if there is one; it is told once.
    pub fn take(&self) -> Option<TableError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The requests of batches: an iterator that reads them as it is asked for more.
///
/// A row that makes no request is one all the same: it ends with the error that says what is wrong, as one of kind
/// [`InvalidRequest`](patata::ErrorKind::InvalidRequest). A batch that cannot be read ends the input; see
/// [`fault`](Self::fault).
pub struct Requests<I> {
    batches: I,
    plan: Plan,
    /// The columns that rows keep.
    kept: Arc<[usize]>,
    /// What is left of the last batch.
    rest: Option<RecordBatch>,
    piece: Option<(Prepared, Arc<Piece>)>,
    next: usize,
    /// How many rows are read at once: fewer behind one that cannot be.
    piece_rows: usize,
    /// How many rows are before the next piece.
    begun: u64,
    /// Where equal requests are sent once.
    shared: Option<SharedAnswers>,
    fault: InputFault,
    has_ended: bool,
}

impl<I> fmt::Debug for Requests<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Requests").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<I> Requests<I> {
    /// The requests of batches that have the schema which both plans are made for: what `output` keeps goes along with each
    /// row.
    pub fn new(batches: I, plan: Plan, output: &OutputPlan) -> Self {
        let kept = output.kept().clone();
        Self {
            batches,
            plan,
            kept,
            rest: None,
            piece: None,
            next: 0,
            piece_rows: PIECE_ROWS,
            begun: 0,
            shared: None,
            fault: InputFault::default(),
            has_ended: false,
        }
    }

    /// Has those that equal one before them not be sent, but given its answer by these results: needed for
    /// [`Output::distinct`](crate::Output::distinct), without which nothing changes.
    ///
    /// Where many rows wait for answers that are there already, the input [pauses](Request::pause): let whoever runs it
    /// [`step`](patata::Run::step), take what the results have, and step on at once while
    /// [`has_more`](crate::Results::has_more) says so. [`Fetch`](crate::Fetch) does it all.
    ///
    /// `is_ordered` says whether outcomes will be in the order of the input, as those of an
    /// [`ordered`](patata::Builder::ordered) client are: then rows are, too.
    #[must_use]
    pub fn answered_by(mut self, results: &Results, is_ordered: bool) -> Self {
        self.shared = results.shared().cloned();
        if let Some(shared) = &self.shared {
            shared.set_ordered(is_ordered);
        }
        self
    }

    /// Where it will stand what ended the input early, if something does: known once there are no more requests.
    pub fn fault(&self) -> InputFault {
        self.fault.clone()
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Requests<I> {
    /// Makes the next rows ready. `None` at the end of the input.
    fn next_piece(&mut self) -> Result<Option<(Prepared, Arc<Piece>)>, TableError> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => loop {
                match self.batches.next() {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(TableError::Input(error)),
                    Some(Ok(batch)) if batch.num_rows() == 0 => {}
                    Some(Ok(batch)) => break self.checked(batch)?,
                }
            },
        };
        let (prepared, length) = self.prepared(&batch);
        let rows = batch.slice(0, length);
        if length < batch.num_rows() {
            self.rest = Some(batch.slice(length, batch.num_rows() - length));
        }
        let columns = self.kept.iter().map(|column| rows.column(*column).clone()).collect();
        let begin = self.begun;
        self.begun += length as u64;
        Ok(Some((prepared, Arc::new(Piece { columns, length, begin }))))
    }

    /// The first rows of a batch, and how many: as many as are read at once, unless there is one among them that cannot be,
    /// which is found by ever fewer, and then stands alone.
    fn prepared(&mut self, batch: &RecordBatch) -> (Prepared, usize) {
        loop {
            let length = batch.num_rows().min(self.piece_rows);
            match Prepared::new(&self.plan, &batch.slice(0, length)) {
                Ok(prepared) => {
                    self.piece_rows = (self.piece_rows * 2).min(PIECE_ROWS);
                    return (prepared, length);
                }
                Err(problem) if length <= 1 => return (Prepared::unusable(&self.plan, problem), length),
                Err(_) => self.piece_rows = length / 2,
            }
        }
    }

    /// A batch that has the columns that were looked at before.
    fn checked(&self, batch: RecordBatch) -> Result<RecordBatch, TableError> {
        let (found, expected) = (batch.schema(), &self.plan.schema);
        let is_same = Arc::ptr_eq(&found, expected)
            || found.fields().len() == expected.fields().len()
                && found.fields().iter().zip(expected.fields()).all(|(found, expected)| {
                    found.name() == expected.name() && found.data_type() == expected.data_type()
                });
        match is_same {
            true => Ok(batch),
            false => Err(TableError::unusable(
                "the input",
                "a batch has other columns than the first",
                "give batches of one schema",
            )),
        }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Iterator for Requests<I> {
    type Item = Request<Row>;

    fn next(&mut self) -> Option<Request<Row>> {
        loop {
            let Some(shared) = &self.shared else { return self.next_request() };
            if shared.is_full() {
                let piece = Arc::new(Piece { columns: Vec::new(), length: 0, begin: self.begun });
                return Some(Request::pause(Row { piece, index: 0, question: None }));
            }
            let shared = shared.clone();
            if let Asked::Send(request) = shared.ask(self.next_request()?) {
                return Some(request);
            }
        }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Requests<I> {
    /// The request of the next row.
    fn next_request(&mut self) -> Option<Request<Row>> {
        loop {
            if let Some((prepared, piece)) = &self.piece
                && self.next < piece.length
            {
                // A piece is small.
                let index = u32::try_from(self.next).unwrap_or_default();
                let row = Row { piece: piece.clone(), index, question: None };
                self.next += 1;
                return Some(prepared.request(row));
            }
            self.piece = None;
            if self.has_ended {
                return None;
            }
            match self.next_piece() {
                Ok(Some(piece)) => {
                    self.piece = Some(piece);
                    self.next = 0;
                }
                Ok(None) => self.has_ended = true,
                Err(error) => {
                    self.has_ended = true;
                    self.fault.set(error);
                }
            }
        }
    }
}
