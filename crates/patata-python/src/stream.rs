//! The run as Python sees it: an iterator that pulls the input, waits without the GIL, and hears signals.

use std::sync::Arc;
use std::time::Duration;

use patata::{Run, Step};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use pyo3::{PyTraverseError, PyVisit};

use crate::accounts::{self, Accounts};
use crate::control::{self, Control};
use crate::convert::{Conversion, Functions};
use crate::fork::Process;
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::response::Response;
use crate::stopped;
use crate::tag::Tag;

/// How long a wait may be deaf to signals.
const SIGNALS: Duration = Duration::from_millis(100);

/// The user's input. An exception it raises ends it, and is kept for when all responses are out.
#[derive(Debug)]
struct Input {
    iterator: Py<PyIterator>,
    conversion: Conversion,
    raised: Arc<Raised>,
}

impl Iterator for Input {
    type Item = patata::Request<Tag>;

    fn next(&mut self) -> Option<Self::Item> {
        // The caller holds the GIL already, so this costs next to nothing.
        Python::attach(|py| {
            let mut iterator = self.iterator.bind(py).clone();
            let item = iterator.next()?;
            match item.and_then(|item| self.conversion.request(&item)) {
                Ok(request) => Some(request),
                Err(error) => {
                    self.raised.set(error);
                    None
                }
            }
        })
    }
}

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
}

/// What one look at the run gave.
enum Look {
    Response(Response),
    Nothing,
    End,
}

#[pymethods]
impl Stream {
    #[new]
    #[pyo3(signature = (method, requests, client, options))]
    fn new(
        method: &str,
        requests: &Bound<'_, PyAny>,
        client: &Client,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let raised = Arc::new(Raised::default());
        let conversion = Conversion::new(method, options, raised.clone())?;
        let iterator = requests.try_iter()?.unbind();
        let functions = conversion.functions().clone();
        let run = client.engine().run(Input { iterator, conversion, raised: raised.clone() });
        let process = Process::current();
        Ok(Self { run: Some(run), functions, raised, pending: None, accounts: Accounts::default(), process })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Response>> {
        loop {
            // Other threads may ask for the accounts while this one waits.
            let look = slf.borrow_mut().look(slf.py())?;
            match look {
                Look::Response(response) => return Ok(Some(response)),
                Look::Nothing => slf.borrow().wait(slf.py(), SIGNALS)?,
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
        if let Some(error) = slf.borrow_mut().pending.take() {
            return Err(error);
        }
        let mut batch = slf.borrow_mut().take(py, limit, held)?;
        if slf.borrow().run.is_some() && batch.is_empty() {
            let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(SIGNALS).min(SIGNALS);
            slf.borrow().wait(py, timeout)?;
            batch = slf.borrow_mut().take(py, limit, held)?;
        }
        Ok((slf.borrow().run.is_some() || !batch.is_empty()).then_some(batch))
    }

    /// A handle for other threads.
    fn control(&self) -> PyResult<Control> {
        let run = self.run.as_ref().ok_or_else(|| PyValueError::new_err("the stream has ended"))?;
        Ok(Control::new(run.control(), self.process))
    }

    /// How many requests were taken in, and what became of them. `None` while the user's code runs in here, which
    /// may be what asks.
    fn receipt<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let copy = match slf.try_borrow() {
            Ok(this) => this.accounts.copy(slf.py(), this.run.as_ref().map(Run::receipt)),
            Err(_) => return Ok(None),
        };
        copy.dict(slf.py()).map(Some)
    }

    /// How many requests were taken in, are done, and have failed, of which the control is told now and then only.
    /// `None` as for the receipt.
    fn counts(slf: &Bound<'_, Self>) -> Option<(u64, u64, u64)> {
        let this = slf.try_borrow().ok()?;
        this.run.as_ref().map(Run::receipt).map(accounts::counts)
    }

    /// What is held for Python: a cycle through the input is one that the garbage collector sees.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(input) = self.run.as_ref().and_then(Run::input) {
            visit.call(&input.iterator)?;
            input.conversion.traverse(&visit)?;
        }
        self.functions.traverse(&visit)?;
        self.accounts.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.accounts = Accounts::default();
        self.functions = Functions::default();
        self.let_go();
    }

    /// Ends the run, and with it the connections that are busy with its requests.
    fn close(&mut self, py: Python<'_>) {
        if let Some(mut run) = self.run.take() {
            if self.process.is_gone() {
                return std::mem::forget(run);
            }
            detached(py, || run.end());
            self.functions = Functions::default();
            self.accounts.close(py, run.receipt(), run.unfinished());
        }
    }
}

impl Stream {
    fn look(&mut self, py: Python<'_>) -> PyResult<Look> {
        self.process.check(py)?;
        let Some(run) = &mut self.run else { return Ok(Look::End) };
        let step = run.step();
        let cancelled = run.is_cancelled();
        self.raise_interrupt(py)?;
        match step {
            Step::Outcome(outcome) => {
                self.accounts.note(py, &outcome);
                Ok(Look::Response(Response::new(outcome)))
            }
            Step::Wait => Ok(Look::Nothing),
            Step::End => {
                let stopped = self.run.as_ref().and_then(|run| run.stopped().cloned());
                self.close(py);
                match (self.raised.take(), stopped) {
                    (Some(error), _) => Err(error),
                    (None, Some(stop)) => Err(stopped::exception(py, &stop)),
                    (None, None) if cancelled => Err(control::closed(py)),
                    (None, None) => Ok(Look::End),
                }
            }
        }
    }

    /// At most `limit` of the responses that are there; the input is pulled even for none. `held` are those
    /// that the caller has already.
    fn take(&mut self, py: Python<'_>, limit: usize, held: usize) -> PyResult<Vec<Response>> {
        let mut batch = Vec::new();
        if limit == 0
            && let Some(run) = &mut self.run
        {
            run.hold(held);
            run.feed();
            self.raise_interrupt(py)?;
        }
        while batch.len() < limit {
            if let Some(run) = &mut self.run {
                run.hold(held + batch.len());
            }
            match self.look(py) {
                Ok(Look::Response(response)) => batch.push(response),
                Ok(Look::Nothing | Look::End) => break,
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
        let run = self.run.take();
        if self.process.is_gone() {
            std::mem::forget(run);
        }
    }

    fn wait(&self, py: Python<'_>, limit: Duration) -> PyResult<()> {
        if let Some(run) = &self.run {
            py.detach(|| run.wait(limit));
        }
        py.check_signals()
    }

    /// Ctrl-C in the input's code is not kept for the end.
    fn raise_interrupt(&mut self, py: Python<'_>) -> PyResult<()> {
        if !self.raised.is_interrupt(py) {
            return Ok(());
        }
        self.close(py);
        self.raised.take().map_or(Ok(()), Err)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.let_go();
    }
}
