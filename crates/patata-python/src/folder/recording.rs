//! A call that is written down: its responses are handed out once they are safe on the disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patata::{Outcome, Receipt, Stop, Unfinished};
use patata_run::{Costs, Ending, LimitsNow, Recorder, RunError};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::error::exception;
use super::joining::{Joining, Noted};
use super::passed::Passed;
use super::row;
use crate::convert::Conversion;
use crate::follow::{Queue, follow_failed};
use crate::interpreter::detached;
use crate::response::Response;
use crate::tag::Tag;

/// Once a second it is written down where the run stands.
const SECOND: Duration = Duration::from_secs(1);

/// The way out of a call that is written down. Dropping it ends it without accounts, and all that was acknowledged is
/// safe.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Gone once it is finished.
    recorder: Option<Recorder>,
    passed: Arc<Passed>,
    client: patata::Client,
    /// Whether what is recorded is what callbacks have made of it.
    is_called_back: bool,
    /// Responses that are not safe yet, or are and were not taken: each with the number of its row. Those that have none
    /// have that of the row before them, or nought.
    waiting: VecDeque<(u64, Waiting)>,
    /// So many rows are known to be safe.
    safe: u64,
    failure: Option<RunError>,
    /// Requests that were taken, are not done, and shall be by the next process.
    not_sent: Vec<u64>,
    ending: Ending,
    control: Option<patata::Control>,
    limits: LimitsNow,
    next_tick: Instant,
    /// Where responses lead to more.
    following: Option<Following>,
}

/// What is wanted to write down what responses lead to.
#[derive(Debug)]
struct Following {
    joining: Joining,
    conversion: Conversion,
    queue: Queue,
}

/// A response that waits. Thousands do: as objects all of them would be gone through by the garbage collector, again and
/// again.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "without callbacks, all of them are large")]
enum Waiting {
    /// As it came.
    Came(Response),
    /// As callbacks have had it.
    CalledBack(Py<Response>),
}

impl Waiting {
    fn into_object(self, py: Python<'_>) -> PyResult<Py<Response>> {
        match self {
            Self::Came(response) => Py::new(py, response),
            Self::CalledBack(response) => Ok(response),
        }
    }
}

impl Recording {
    pub(super) fn new(
        recorder: Recorder,
        passed: Arc<Passed>,
        client: patata::Client,
        limits: LimitsNow,
        is_called_back: bool,
    ) -> Self {
        Self {
            recorder: Some(recorder),
            passed,
            client,
            is_called_back,
            waiting: VecDeque::new(),
            safe: 0,
            failure: None,
            not_sent: Vec::new(),
            ending: Ending::default(),
            control: None,
            limits,
            next_tick: Instant::now() + SECOND,
            following: None,
        }
    }

    /// Has `ring` called, from another thread, when there is something to take; `control` is that of the run.
    pub(crate) fn listen(&mut self, control: patata::Control, ring: impl Fn() + Send + Sync + 'static) {
        self.control = Some(control);
        if let Some(recorder) = &self.recorder {
            recorder.listen(ring);
        }
    }

    /// Has what responses lead to join the call by this queue, once they are recorded.
    pub(crate) fn follow(&mut self, joining: Joining, conversion: Conversion, queue: Queue) {
        self.following = Some(Following { joining, conversion, queue });
    }

    pub(crate) fn passed(&self) -> &Arc<Passed> {
        &self.passed
    }

    /// Whether responses are handed out before they are recorded, as callbacks have a look at them.
    pub(crate) fn is_called_back(&self) -> bool {
        self.is_called_back
    }

    /// How many responses wait until they are safe.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Records what has become of a request.
    pub(crate) fn record(&mut self, outcome: Outcome<Tag>) {
        let is_ok = self.client.is_ok(&outcome);
        let row = match (&outcome.tag.ticket, &mut self.recorder) {
            (Some(ticket), Some(recorder)) => {
                // What the disk refuses is told by `failure`, once all that is safe was taken.
                if recorder.record(ticket, &outcome, is_ok).is_err() {
                    return;
                }
                // What the deadline has ended has none, and is handed out behind the row before it.
                recorder.recorded()
            }
            _ => 0,
        };
        self.waiting.push_back((row, Waiting::Came(Response::new(outcome))));
    }

    /// The response to a request, which is to be recorded once callbacks have had a look at it.
    pub(crate) fn recordable(&mut self, outcome: Outcome<Tag>) -> Response {
        if let (Some(ticket), Some(recorder)) = (&outcome.tag.ticket, &mut self.recorder)
            // What the disk refuses is told by `failure`.
            && recorder.leave(ticket, &outcome).unwrap_or(false)
        {
            return Response::new(outcome);
        }
        let is_ok = self.client.is_ok(&outcome);
        Response::recordable(outcome, is_ok)
    }

    /// Records what callbacks have made of responses. Returns the exception for the first that cannot be written down.
    pub(crate) fn record_changed(
        &mut self,
        py: Python<'_>,
        responses: Vec<Py<Response>>,
    ) -> PyResult<Option<PyErr>> {
        let mut unwritable = None;
        for response in responses {
            let noted = self.note_found(py, response.bind(py))?;
            let Some(recorder) = &mut self.recorder else { return Ok(unwritable) };
            let row = match row::record(recorder, response.bind(py))? {
                row::Recorded::Row { refused } => {
                    unwritable = unwritable.or(refused);
                    recorder.recorded()
                }
                row::Recorded::Nothing => 0,
                row::Recorded::Failed => continue,
            };
            self.release(noted);
            self.waiting.push_back((row, Waiting::CalledBack(response)));
        }
        Ok(unwritable)
    }

    /// Notes what a response has led to. `None` for one that was not asked that: it is not to be recorded, or nothing leads to
    /// more. Where its follow-ups cannot be kept, that is its error.
    fn note_found(&mut self, py: Python<'_>, response: &Bound<'_, Response>) -> PyResult<Option<Vec<Noted>>> {
        let Some(following) = &mut self.following else { return Ok(None) };
        let (ticket, found) = {
            let mut fields = response.get().lock();
            let Some(pending) = &mut fields.pending else { return Ok(None) };
            let Some(found) = pending.found.take() else { return Ok(None) };
            (pending.ticket.clone(), found)
        };
        match following.joining.note(py, &following.conversion, &ticket, *found) {
            Ok(noted) => Ok(Some(noted)),
            Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
            Err(error) => {
                follow_failed(response, error)?;
                Ok(Some(Vec::new()))
            }
        }
    }

    /// Has what a response has led to join the call, as it is recorded now.
    fn release(&self, noted: Option<Vec<Noted>>) {
        if let (Some(following), Some(noted)) = (&self.following, noted) {
            following.joining.release(&following.queue, noted);
            following.queue.note_done();
        }
    }

    /// The next response that is safe, as far as is known.
    pub(crate) fn pop(&mut self, py: Python<'_>) -> PyResult<Option<Py<Response>>> {
        let is_safe = self.waiting.front().is_some_and(|(row, _)| *row <= self.safe);
        let next = if is_safe { self.waiting.pop_front() } else { None };
        next.map(|(_, response)| response.into_object(py)).transpose()
    }

    /// Asks what is safe by now, and writes down now and then where the run stands.
    pub(crate) fn look(&mut self, receipt: Option<&Receipt>) {
        let Some(recorder) = &mut self.recorder else { return };
        match recorder.acknowledged() {
            Ok(rows) => self.safe = rows,
            Err((rows, error)) => (self.safe, self.failure) = (rows, Some(error)),
        }
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + SECOND;
            let progress = self.control.as_ref().map(patata::Control::progress);
            if let Some(receipt) = receipt {
                recorder.set_costs(Costs::of_receipt(receipt));
            }
            recorder.tick(progress.as_ref(), &self.limits);
        }
    }

    /// Whether another look would find something to take, or what the disk has refused.
    pub(crate) fn has_news(&self) -> bool {
        let Some(recorder) = self.recorder.as_ref().filter(|_| self.failure.is_none()) else { return false };
        match recorder.acknowledged() {
            Ok(rows) => self.waiting.front().is_some_and(|(row, _)| *row <= rows),
            Err(_) => true,
        }
    }

    /// What the disk has refused, once all that is safe has been taken.
    pub(crate) fn failure(&self, py: Python<'_>) -> Option<PyErr> {
        self.failure.as_ref().map(|error| exception(py, error))
    }

    /// At most `limit` of the responses that are safe. Where nothing else will come, the others are made so at once.
    ///
    /// # Errors
    /// What the disk has refused, once all that is safe was taken.
    pub(crate) fn safe_ones(
        &mut self,
        py: Python<'_>,
        receipt: Option<&Receipt>,
        is_idle: bool,
        limit: usize,
    ) -> PyResult<Vec<Py<Response>>> {
        self.look(receipt);
        let safe =
            std::iter::from_fn(|| self.pop(py).transpose()).take(limit).collect::<PyResult<Vec<_>>>()?;
        if is_idle {
            self.hurry();
        }
        match self.failure(py) {
            Some(error) if safe.is_empty() => Err(error),
            _ => Ok(safe),
        }
    }

    /// Has all that waits made safe at once: nothing else will come that could be written with it.
    pub(crate) fn hurry(&self) {
        if let Some(recorder) = self.recorder.as_ref().filter(|_| !self.waiting.is_empty()) {
            recorder.hurry();
        }
    }

    /// Waits until more is safe, or for so long. For when there is no run any more to wait for.
    pub(crate) fn wait(&self, limit: Duration) {
        if let Some(recorder) = &self.recorder {
            recorder.wait(self.safe, limit);
        }
    }

    /// Takes nothing more of the input.
    pub(crate) fn close_input(&self) {
        self.passed.close();
    }

    /// Notes how the run of the call has ended.
    pub(crate) fn note_end(
        &mut self,
        receipt: &Receipt,
        unfinished: &Unfinished<Tag>,
        stopped: Option<&Stop>,
        has_all: bool,
    ) {
        let unsent = unfinished.unsent.iter().filter_map(|tag| tag.ticket.as_ref());
        self.not_sent.extend(unsent.map(|ticket| ticket.position()));
        if let Some(recorder) = &mut self.recorder {
            recorder.set_costs(Costs::of_receipt(receipt));
        }
        let ending = &mut self.ending;
        ending.cancelled = receipt.cancelled;
        ending.unsent = receipt.unsent;
        ending.stopped = stopped.map(ToString::to_string);
        let is_complete = has_all && receipt.cancelled == 0;
        ending.total = is_complete.then(|| receipt.submitted + self.passed.skipped() + self.passed.unknown());
        self.control = None;
    }

    /// Makes all safe, seals it, writes the accounts and the report, and frees the folder.
    ///
    /// # Errors
    /// What the disk has refused.
    pub(crate) fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(recorder) = self.recorder.take() else { return Ok(()) };
        let mut ending = self.ending.clone();
        ending.not_sent = std::mem::take(&mut self.not_sent);
        // Those that are safe now can be taken still.
        let finished = detached(py, || {
            let recorded = recorder.recorded();
            recorder.finish(&ending).map(|_| recorded)
        });
        match finished {
            Ok(recorded) => {
                self.safe = recorded;
                Ok(())
            }
            Err(error) => {
                let exception = exception(py, &error);
                self.failure = Some(error);
                Err(exception)
            }
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(following) = &self.following {
            following.conversion.traverse(visit)?;
        }
        self.waiting.iter().try_for_each(|(_, response)| match response {
            Waiting::Came(response) => response.traverse(visit),
            Waiting::CalledBack(response) => visit.call(response),
        })
    }

    pub(crate) fn clear(&mut self) {
        self.following = None;
        self.waiting.clear();
    }
}
