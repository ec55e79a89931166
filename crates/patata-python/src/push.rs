//! The run as an event loop of Python's sees it: requests are pushed, responses taken, and nothing waits.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use patata::{PushedRun, Step};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use pyo3::{PyTraverseError, PyVisit};

use crate::accounts::{self, Accounts};
use crate::control::{self, Control};
use crate::convert::Conversion;
use crate::fork::Process;
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::response::Response;
use crate::stopped;
use crate::tag::Tag;
use crate::wakeup::Ringer;

/// Items between two looks at the clock.
const ITEMS_A_LOOK: usize = 8;

/// Responses to requests that are pushed. Used by one thread at a time, save for its control.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct PushStream {
    /// Gone once it has been closed.
    run: Option<PushedRun<Tag>>,
    conversion: Conversion,
    raised: Arc<Raised>,
    waker: Waker,
    accounts: Accounts,
    process: Process,
}

#[pymethods]
impl PushStream {
    #[new]
    #[pyo3(signature = (method, client, options, ringer))]
    fn new(method: &str, client: &Client, options: &Bound<'_, PyDict>, ringer: &Ringer) -> PyResult<Self> {
        let raised = Arc::new(Raised::default());
        Ok(Self {
            conversion: Conversion::new(method, options, raised.clone())?,
            raised,
            run: Some(client.engine().run_pushed()),
            waker: ringer.waker(),
            accounts: Accounts::default(),
            process: Process::current(),
        })
    }

    /// How many requests should be pushed now.
    fn room(&mut self, py: Python<'_>) -> PyResult<usize> {
        self.process.check(py)?;
        Ok(self.run.as_mut().map_or(0, PushedRun::room))
    }

    /// Pushes at most `limit` items of an iterator, for at most about `seconds`. Returns how many more of
    /// the limit there may be, or `None` where the iterator has ended. Raises what the iterator raises, and
    /// for an item that is no request.
    fn push(&mut self, items: &Bound<'_, PyIterator>, limit: usize, seconds: f64) -> PyResult<Option<usize>> {
        self.process.check(items.py())?;
        let end = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let mut items = items.clone();
        for pushed in 0..limit {
            let Some(item) = items.next() else { return Ok(None) };
            let request = self.conversion.request(&item?)?;
            let Some(run) = &mut self.run else { return Ok(Some(0)) };
            if let Err(request) = run.push(request) {
                // A run that was ended meanwhile takes no more, and says so when responses are taken.
                run.give_up(request);
                return Ok(Some(0));
            }
            if pushed % ITEMS_A_LOOK == ITEMS_A_LOOK - 1 && Instant::now() >= end {
                return Ok(Some(limit - pushed - 1));
            }
        }
        Ok(Some(0))
    }

    /// Takes items that came out of the input too late, as the run has ended early, so that they are in the
    /// accounts. What is no request is none of them.
    fn give_up(&mut self, items: &Bound<'_, PyIterator>) -> PyResult<()> {
        self.process.check(items.py())?;
        for item in items.clone() {
            if let Ok(request) = self.conversion.request(&item?)
                && let Some(run) = &mut self.run
            {
                run.give_up(request);
            }
        }
        Ok(())
    }

    /// Says that nothing more will be pushed.
    fn close_input(&mut self) {
        if let Some(run) = &mut self.run {
            run.close_input();
        }
    }

    /// Of the responses that are there, at most `limit`. `None` at the end.
    fn take(&mut self, py: Python<'_>, limit: usize) -> PyResult<Option<Vec<Response>>> {
        self.process.check(py)?;
        let mut batch = Vec::new();
        let Some(run) = &mut self.run else { return Err(control::closed(py)) };
        while batch.len() < limit {
            let step = run.step();
            if self.raised.is_interrupt(py)
                && let Some(error) = self.raised.take()
            {
                return Err(error);
            }
            match step {
                Step::Outcome(outcome) => {
                    self.accounts.note(py, &outcome);
                    batch.push(Response::new(outcome));
                }
                Step::Wait => break,
                Step::End if !batch.is_empty() => break,
                Step::End => {
                    return match run.stopped() {
                        Some(stop) => Err(stopped::exception(py, stop)),
                        None if run.is_cancelled() => Err(control::closed(py)),
                        None => Ok(None),
                    };
                }
            }
        }
        Ok(Some(batch))
    }

    /// Says how many responses that were taken are still worked on.
    fn hold(&mut self, responses: usize) {
        if let Some(run) = &mut self.run {
            run.hold(responses);
        }
    }

    /// Has the ringer ring, once, when there is something to take or more room. `False` where something
    /// has happened since the last look.
    fn arm(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.register(&self.waker))
    }

    /// A handle for other threads; `None` once the stream is closed, and in the child of a fork.
    fn control(&self) -> Option<Control> {
        let run = self.run.as_ref().filter(|_| !self.process.is_gone())?;
        Some(Control::new(run.control(), self.process))
    }

    /// How many requests were taken in, and what became of them. `None` while the user's code runs in here, which
    /// may be what asks.
    fn receipt<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let copy = match slf.try_borrow() {
            Ok(this) => this.accounts.copy(slf.py(), this.run.as_ref().map(PushedRun::receipt)),
            Err(_) => return Ok(None),
        };
        copy.dict(slf.py()).map(Some)
    }

    /// How many requests were taken in, are done, and have failed, of which the control is told now and then only.
    /// `None` as for the receipt.
    fn counts(slf: &Bound<'_, Self>) -> Option<(u64, u64, u64)> {
        let this = slf.try_borrow().ok()?;
        this.run.as_ref().map(PushedRun::receipt).map(accounts::counts)
    }

    /// What is held for Python, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.conversion.traverse(&visit)?;
        self.conversion.functions().traverse(&visit)?;
        self.accounts.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.conversion.clear();
        self.accounts = Accounts::default();
        drop(self.take_run());
    }

    /// Ends the run, and with it the connections that are busy with its requests, which may take a moment.
    fn close(slf: &Bound<'_, Self>) {
        // Not borrowed meanwhile: who looks at it finds it closed.
        let run = slf.borrow_mut().take_run();
        if let Some(mut run) = run {
            detached(slf.py(), || run.end());
            let mut this = slf.borrow_mut();
            this.accounts.close(slf.py(), run.receipt(), run.unfinished());
            this.conversion.clear();
        }
    }
}

impl PushStream {
    /// The run, unless it is of no use in the child of a fork: its threads are not there to be joined, and
    /// their locks may be held for ever.
    fn take_run(&mut self) -> Option<PushedRun<Tag>> {
        let run = self.run.take()?;
        if self.process.is_gone() {
            std::mem::forget(run);
            return None;
        }
        // For who asks while it ends: what is outstanding will have been cancelled.
        self.accounts.open(run.receipt());
        Some(run)
    }
}

impl Drop for PushStream {
    fn drop(&mut self) {
        drop(self.take_run());
    }
}
