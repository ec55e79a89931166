//! The run as Python sees it: an iterator that pulls the input, waits without the GIL, and hears signals.

use std::sync::Arc;
use std::time::Duration;

use patata::{Run, Step};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::accounts::{self, Accounts};
use crate::beginning::Begun;
use crate::borrowing::{exclusive, readable, shared};
use crate::control::{self, Control};
use crate::convert::{Conversion, Functions, Units};
use crate::folder::{OpenedFolder, Recording};
use crate::follow::{CallFollowUps, Queue};
use crate::fork::Process;
use crate::input::{Input, Joined};
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::response::Response;
use crate::settling::settle;
use crate::stopped;
use crate::tag::Tag;

/// How long a wait may be deaf to signals.
const SIGNALS: Duration = Duration::from_millis(100);

/// So many outcomes may be taken and written down for each response that is handed out.
const STEPS_A_LOOK: usize = 4;
/// So many responses that are safe are handed out before the run is looked at again, once it had nothing.
const HAND_OUTS_A_LOOK: usize = 32;

/// Responses to an iterable of requests, as they come.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct Stream {
    /// Gone once it has ended.
    run: Option<Run<Tag, Input>>,
    /// Shown to the garbage collector from here: requests under way have them too, and the input may have ended.
    functions: Functions,
    raised: Arc<Raised>,
    /// An error that came while a batch was gathered, for the next call.
    pending: Option<PyErr>,
    accounts: Accounts,
    process: Process,
    /// Where there is a run folder.
    recording: Option<Recording>,
    /// How many responses of earlier batches are still worked on.
    held: usize,
    /// What joins it.
    queue: Option<Queue>,
    /// Whether the run has no more, and waits for what is not safe yet.
    is_over: bool,
    /// How many responses that are safe may be handed out before the run is looked at.
    hand_outs: usize,
}

/// What one look at the run gave.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are responses")]
enum Look {
    Response(Response),
    /// One that is safe.
    Recorded(Py<Response>),
    /// Another look may give more.
    Again,
    Nothing,
    End,
}

#[pymethods]
impl Stream {
    #[new]
    #[pyo3(signature = (method, requests, client, options, folder=None, follow_ups=None))]
    fn new(
        method: &str,
        requests: &Bound<'_, PyAny>,
        client: &Client,
        options: &Bound<'_, PyDict>,
        folder: Option<&OpenedFolder>,
        follow_ups: Option<&CallFollowUps>,
    ) -> PyResult<Self> {
        let raised = Arc::new(Raised::default());
        let conversion = Conversion::new(method, options, raised.clone(), Units::of(client.engine()))?;
        let iterator = requests.try_iter()?.unbind();
        let functions = conversion.functions().clone();
        let queue = follow_ups.map(|follow_ups| follow_ups.queue().clone());
        let mut joined = queue.clone().map(|queue| Joined { queue, joining: None });
        let again = || Conversion::new(method, options, raised.clone(), Units::of(client.engine()));
        let mut begun = Begun::new(client, options, folder, joined.as_mut(), &raised, again)?;
        let input = Input::new(iterator, conversion, begun.admittance.take(), raised.clone(), joined);
        let run = begun.engine(client).run(input);
        let mut recording = begun.recording;
        let mut accounts = Accounts::default();
        if let Some(recording) = &mut recording {
            accounts = Accounts::of_recorded(recording.passed().clone());
            let bell = run.control();
            recording.listen(run.control(), move || bell.wake());
        }
        let process = Process::current();
        let run = Some(run);
        Ok(Self {
            run,
            functions,
            raised,
            pending: None,
            accounts,
            process,
            recording,
            held: 0,
            queue,
            is_over: false,
            hand_outs: 0,
        })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Response>>> {
        loop {
            // Other threads may ask for the accounts while this one waits.
            let look = exclusive(slf)?.look(slf.py())?;
            match look {
                Look::Response(response) => return Py::new(slf.py(), response).map(Some),
                Look::Recorded(response) => return Ok(Some(response)),
                Look::Again => {}
                Look::Nothing => shared(slf)?.wait(slf.py(), SIGNALS)?,
                Look::End => return Ok(None),
            }
        }
    }

    /// At most `limit` responses: those that are there, or else what there is once something happened, or
    /// after `timeout` seconds. `None` at the end. `held` is how many responses of earlier batches are
    /// still worked on.
    fn next_batch(
        slf: &Bound<'_, Self>,
        limit: usize,
        timeout: f64,
        held: usize,
    ) -> PyResult<Option<Vec<Response>>> {
        let py = slf.py();
        let pending = exclusive(slf)?.pending.take();
        if let Some(error) = pending {
            return Err(error);
        }
        let mut batch = exclusive(slf)?.take(py, limit, held)?;
        if shared(slf)?.run.is_some() && batch.is_empty() {
            let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(SIGNALS).min(SIGNALS);
            shared(slf)?.wait(py, timeout)?;
            batch = exclusive(slf)?.take(py, limit, held)?;
        }
        Ok((shared(slf)?.run.is_some() || !batch.is_empty()).then_some(batch))
    }

    /// A handle for other threads.
    fn control(&self) -> PyResult<Control> {
        let run = self.run.as_ref().ok_or_else(|| PyValueError::new_err("the stream has ended"))?;
        let passed = self.recording.as_ref().map(|recording| recording.passed().clone());
        Ok(Control::new(run.control(), self.process, passed))
    }

    /// How many requests were taken in, and what became of them. `None` while the user's code runs in here, which
    /// may be what asks.
    fn receipt<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let copy = match readable(slf) {
            Some(this) => this.accounts.copy(slf.py(), this.run.as_ref().map(Run::receipt)),
            None => return Ok(None),
        };
        let accounts = copy.dict(slf.py())?;
        if let Some(queue) = shared(slf)?.used_queue() {
            accounts.set_item("followed", queue.followed())?;
            accounts.set_item("left_out", queue.left_out())?;
        }
        Ok(Some(accounts))
    }

    /// How many requests were taken in, are done, and have failed, of which the control is told now and then only.
    /// `None` as for the receipt.
    fn counts(slf: &Bound<'_, Self>) -> Option<(u64, u64, u64)> {
        let this = readable(slf)?;
        let passed = this.recording.as_ref().map(|recording| &**recording.passed());
        this.run.as_ref().map(Run::receipt).map(|receipt| accounts::counts(receipt, passed))
    }

    /// What is held for Python: a cycle through the input is one that the garbage collector sees.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(input) = self.run.as_ref().and_then(Run::input) {
            input.traverse(&visit)?;
        }
        if let Some(recording) = &self.recording {
            recording.traverse(&visit)?;
        }
        self.functions.traverse(&visit)?;
        self.accounts.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.accounts = Accounts::default();
        self.functions = Functions::default();
        if let Some(recording) = &mut self.recording {
            recording.clear();
        }
        self.let_go();
    }

    /// Ends the run, and with it the connections that are busy with its requests; where there is a run folder, all is
    /// sealed. Raises what the disk has refused.
    #[pyo3(name = "close")]
    fn closed(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.close(slf.py())
    }

    // For a run folder and callbacks.

    /// Records what callbacks have made of responses. Returns the exception for the first that cannot be written down.
    fn record<'py>(
        slf: &Bound<'py, Self>,
        responses: Vec<Py<Response>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, mut this) = (slf.py(), exclusive(slf)?);
        this.process.check(py)?;
        let Some(recording) = &mut this.recording else { return Ok(None) };
        let unwritable = recording.record_changed(py, responses)?;
        Ok(unwritable.map(|error| error.into_value(py).into_bound(py).into_any()))
    }

    /// Of the responses that were recorded, those that are safe. Raises what the disk has refused, once all that is safe
    /// was taken.
    fn safe(slf: &Bound<'_, Self>) -> PyResult<Vec<Py<Response>>> {
        let (py, mut this) = (slf.py(), exclusive(slf)?);
        let this = &mut *this;
        this.process.check(py)?;
        let is_idle = this.held == 0 && this.run.as_ref().is_none_or(|run| run.receipt().outstanding == 0);
        let Some(recording) = &mut this.recording else { return Ok(Vec::new()) };
        recording.safe_ones(py, this.run.as_ref().map(Run::receipt), is_idle, usize::MAX)
    }

    /// How many responses wait until they are safe.
    #[getter]
    fn waiting(&self) -> usize {
        self.recording.as_ref().map_or(0, Recording::waiting)
    }

    /// Waits until more is safe, or a moment. For when the run has ended.
    fn await_safe(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = shared(slf)?;
        if let Some(recording) = &this.recording {
            slf.py().detach(|| recording.wait(SIGNALS));
        }
        slf.py().check_signals()
    }

    /// Takes nothing more of the input. What was taken is done.
    fn close_input(&self) {
        if let Some(recording) = &self.recording {
            recording.close_input();
        }
    }
}

impl Stream {
    fn look(&mut self, py: Python<'_>) -> PyResult<Look> {
        self.process.check(py)?;
        if self.recording.is_some() {
            return self.look_recorded(py);
        }
        let Some(run) = &mut self.run else { return Ok(Look::End) };
        let step = run.step();
        self.raise_interrupt(py)?;
        match step {
            Step::Outcome(mut outcome) => {
                self.accounts.note(py, &outcome);
                if let (Some(function), Some(run)) = (&self.functions.settle, &mut self.run) {
                    settle(py, function, run, &mut outcome, |tag| tag.clone_ref(py), &self.raised)?;
                }
                Ok(Look::Response(Response::new(outcome)))
            }
            Step::Wait => Ok(Look::Nothing),
            Step::End => self.end_by_itself(py),
        }
    }

    /// The run has no more. What ended it is raised.
    fn end_by_itself(&mut self, py: Python<'_>) -> PyResult<Look> {
        let stopped = self.run.as_ref().and_then(|run| run.stopped().cloned());
        let cancelled = self.run.as_ref().is_some_and(Run::is_cancelled);
        self.end(py);
        match (self.raised.take(), stopped) {
            (Some(error), _) => Err(error),
            (None, Some(stop)) => Err(stopped::exception(py, &stop)),
            (None, None) if cancelled => Err(control::closed(py)),
            (None, None) => Ok(Look::End),
        }
    }

    /// The same where responses are written down: the run is stepped while those that are safe are handed out.
    fn look_recorded(&mut self, py: Python<'_>) -> PyResult<Look> {
        let is_called_back = self.recording.as_ref().is_some_and(Recording::is_called_back);
        if self.hand_outs > 0 {
            self.hand_outs -= 1;
            if let Some(recording) = &mut self.recording
                && let Some(response) = recording.pop(py)?
            {
                return Ok(Look::Recorded(response));
            }
        }
        for _ in 0..STEPS_A_LOOK {
            let (Some(run), Some(recording)) = (&mut self.run, &mut self.recording) else { break };
            if self.is_over {
                break;
            }
            run.hold(self.held + recording.waiting());
            match run.step() {
                Step::Outcome(mut outcome) => {
                    self.accounts.note(py, &outcome);
                    if let Some(function) = &self.functions.settle {
                        settle(py, function, run, &mut outcome, |tag| tag.clone_ref(py), &self.raised)?;
                    }
                    if is_called_back {
                        let response = recording.recordable(outcome);
                        self.raise_interrupt(py)?;
                        return Ok(Look::Response(response));
                    }
                    recording.record(outcome);
                }
                Step::Wait => {
                    self.raise_interrupt(py)?;
                    self.hand_outs = HAND_OUTS_A_LOOK;
                    return self.hand_out_safe(py, Look::Nothing);
                }
                Step::End => self.is_over = true,
            }
            self.raise_interrupt(py)?;
        }
        self.hand_out_safe(py, Look::Again)
    }

    /// A response that is safe, or else what there is instead.
    fn hand_out_safe(&mut self, py: Python<'_>, or_else: Look) -> PyResult<Look> {
        let Some(recording) = &mut self.recording else { return Ok(Look::End) };
        if recording.is_called_back() {
            return if self.is_over { self.end_by_itself(py) } else { Ok(or_else) };
        }
        if let Some(response) = recording.pop(py)? {
            return Ok(Look::Recorded(response));
        }
        recording.look(self.run.as_ref().map(Run::receipt));
        if let Some(response) = recording.pop(py)? {
            return Ok(Look::Recorded(response));
        }
        if let Some(error) = recording.failure(py) {
            return Err(error);
        }
        let is_idle = self.run.as_ref().is_none_or(|run| self.is_over || run.receipt().outstanding == 0);
        if is_idle {
            recording.hurry();
        }
        if !self.is_over {
            return Ok(or_else);
        }
        let is_cancelled = self.run.as_ref().is_some_and(|run| run.is_cancelled() && run.stopped().is_none());
        if recording.waiting() > 0 && !is_cancelled {
            return Ok(Look::Nothing);
        }
        let ended = self.end_by_itself(py);
        self.close(py)?;
        ended
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        self.end(py);
        match &mut self.recording {
            Some(recording) if !self.process.is_gone() => recording.finish(py),
            _ => Ok(()),
        }
    }

    /// Ends the run, and takes its accounts.
    fn end(&mut self, py: Python<'_>) {
        if let Some(mut run) = self.run.take() {
            if self.process.is_gone() {
                return std::mem::forget(run);
            }
            self.note_followed(&mut run);
            detached(py, || run.end());
            self.functions = Functions::default();
            self.accounts.close(py, run.receipt(), run.unfinished());
            if let Some(recording) = &mut self.recording {
                let has_all = run.input().is_none_or(Input::has_all) && self.raised.is_none();
                recording.note_end(run.receipt(), run.unfinished(), run.stopped(), has_all);
            }
        }
    }

    /// What joins the run, where anything has, or may.
    fn used_queue(&self) -> Option<&Queue> {
        self.queue.as_ref().filter(|queue| queue.is_used())
    }

    /// States how many of the requests that were taken have joined the run.
    fn note_followed(&self, run: &mut Run<Tag, Input>) {
        if let Some(queue) = self.used_queue() {
            run.note_followed(queue.followed());
        }
    }

    /// At most `limit` of the responses that are there; the input is pulled even for none. `held` are those
    /// that the caller has already.
    fn take(&mut self, py: Python<'_>, limit: usize, held: usize) -> PyResult<Vec<Response>> {
        let mut batch = Vec::new();
        let waiting = self.waiting();
        if limit == 0
            && let Some(run) = &mut self.run
        {
            run.hold(held + waiting);
            run.feed();
            self.raise_interrupt(py)?;
        }
        self.held = held;
        while batch.len() < limit {
            self.held = held + batch.len();
            if let Some(run) = &mut self.run {
                run.hold(self.held + waiting);
            }
            match self.look(py) {
                Ok(Look::Response(response)) => batch.push(response),
                Ok(Look::Again) => {}
                Ok(Look::Nothing | Look::End | Look::Recorded(_)) => break,
                Err(error) if batch.is_empty() || !error.is_instance_of::<PyException>(py) => {
                    return Err(error);
                }
                // What the input raised goes after what came before it.
                Err(error) => {
                    self.pending = Some(error);
                    break;
                }
            }
        }
        Ok(batch)
    }

    /// Ends the run without accounts. In the child of a fork there are no threads to join, and their locks may
    /// be held for ever.
    fn let_go(&mut self) {
        let (run, recording) = (self.run.take(), self.recording.take());
        if self.process.is_gone() {
            std::mem::forget((run, recording));
        }
    }

    fn wait(&self, py: Python<'_>, limit: Duration) -> PyResult<()> {
        match (&self.run, &self.recording) {
            // Nothing rings any more.
            (Some(_), Some(recording)) if self.is_over => py.detach(|| recording.wait(limit)),
            (Some(run), _) => py.detach(|| run.wait(limit)),
            (None, _) => {}
        }
        py.check_signals()
    }

    /// Ctrl-C in the input's code is not kept for the end.
    fn raise_interrupt(&mut self, py: Python<'_>) -> PyResult<()> {
        if !self.raised.is_interrupt(py) {
            return Ok(());
        }
        self.end(py);
        self.raised.take().map_or(Ok(()), Err)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.let_go();
    }
}
