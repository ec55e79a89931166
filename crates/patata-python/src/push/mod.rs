//! The run as an event loop of Python's sees it: requests are pushed, responses taken, and nothing waits.

mod steps;

use std::sync::Arc;
use std::task::Waker;

use patata::PushedRun;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use pyo3::{PyTraverseError, PyVisit};

use crate::accounts::{self, Accounts};
use crate::beginning::Begun;
use crate::borrowing::{exclusive, readable, shared};
use crate::control::Control;
use crate::convert::{Conversion, Units};
use crate::folder::{Admittance, OpenedFolder, Recording};
use crate::follow::CallFollowUps;
use crate::fork::Process;
use crate::input::Joined;
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::response::Response;
use crate::tag::Tag;
use crate::wakeup::Ringer;

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
    /// Where there is a run folder: says what is sent.
    admittance: Option<Admittance>,
    recording: Option<Recording>,
    /// What joins it.
    joined: Option<Joined>,
    /// How many responses that were taken are still worked on.
    held: usize,
    /// Whether the input has ended, and all of it was pushed.
    has_all: bool,
    /// Whether the run has no more, and waits for what is not safe yet.
    is_over: bool,
}

#[pymethods]
impl PushStream {
    #[new]
    #[pyo3(signature = (method, client, options, ringer, folder=None, follow_ups=None))]
    fn new(
        method: &str,
        client: &Client,
        options: &Bound<'_, PyDict>,
        ringer: &Ringer,
        folder: Option<&OpenedFolder>,
        follow_ups: Option<&CallFollowUps>,
    ) -> PyResult<Self> {
        let raised = Arc::new(Raised::default());
        let conversion = Conversion::new(method, options, raised.clone(), Units::of(client.engine()))?;
        let mut joined =
            follow_ups.map(|follow_ups| Joined { queue: follow_ups.queue().clone(), joining: None });
        let again = || Conversion::new(method, options, raised.clone(), Units::of(client.engine()));
        let begun = Begun::new(client, options, folder, joined.as_mut(), &raised, again)?;
        let run = begun.engine(client).run_pushed();
        let Begun { admittance, mut recording, .. } = begun;
        let mut accounts = Accounts::default();
        if let Some(recording) = &mut recording {
            accounts = Accounts::of_recorded(recording.passed().clone());
            let waker = ringer.waker();
            recording.listen(run.control(), move || waker.wake_by_ref());
        }
        Ok(Self {
            conversion,
            raised,
            run: Some(run),
            waker: ringer.waker(),
            accounts,
            process: Process::current(),
            admittance,
            recording,
            joined,
            held: 0,
            has_all: false,
            is_over: false,
        })
    }

    // What it does, one step at a time. Another thread may ask how far it is in the same moment.

    /// How many requests should be pushed now.
    #[pyo3(name = "room")]
    fn room_of(slf: &Bound<'_, Self>) -> PyResult<usize> {
        exclusive(slf)?.room(slf.py())
    }

    /// Pushes at most `limit` items of an iterator, for at most about `seconds`. Returns how many more of
    /// the limit there may be, or `None` where the iterator has ended. Raises what the iterator raises, and
    /// for an item that is no request. What an earlier process has done does not count.
    #[pyo3(name = "push")]
    fn pushed(
        slf: &Bound<'_, Self>,
        items: &Bound<'_, PyIterator>,
        limit: usize,
        seconds: f64,
    ) -> PyResult<Option<usize>> {
        exclusive(slf)?.push(items, limit, seconds)
    }

    /// Takes items that came out of the input too late, as the run has ended early, so that they are in the
    /// accounts. What is no request is none of them.
    #[pyo3(name = "give_up")]
    fn given_up(slf: &Bound<'_, Self>, items: &Bound<'_, PyIterator>) -> PyResult<()> {
        exclusive(slf)?.give_up(items)
    }

    /// Says that nothing more will be pushed.
    #[pyo3(name = "close_input")]
    fn input_closed(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.close_input();
        Ok(())
    }

    /// Pushes what has joined the call, for at most about `seconds`, and ends the input once nothing more can. Gives whether
    /// it stopped only because it took long. Raises for what is no request, and what is wrong with the run folder.
    #[pyo3(name = "push_joined")]
    fn joined_pushed(slf: &Bound<'_, Self>, seconds: f64) -> PyResult<bool> {
        exclusive(slf)?.push_joined(slf.py(), seconds)
    }

    /// Takes nothing more of the input, which has not ended. What was taken is done.
    #[pyo3(name = "take_no_more")]
    fn no_more_taken(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.take_no_more();
        Ok(())
    }

    /// Of the responses that are there, at most `limit`. `None` at the end.
    #[pyo3(name = "take")]
    fn taken(slf: &Bound<'_, Self>, limit: usize) -> PyResult<Option<Vec<Py<Response>>>> {
        exclusive(slf)?.take(slf.py(), limit)
    }

    /// Says how many responses that were taken are still worked on.
    #[pyo3(name = "hold")]
    fn held(slf: &Bound<'_, Self>, responses: usize) -> PyResult<()> {
        exclusive(slf)?.hold(responses);
        Ok(())
    }

    /// Records what callbacks have made of responses. Returns the exception for the first that cannot be written down.
    #[pyo3(name = "record")]
    fn recorded<'py>(
        slf: &Bound<'py, Self>,
        responses: Vec<Py<Response>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        exclusive(slf)?.record(slf.py(), responses)
    }

    /// Of the responses that were recorded, at most `limit` that are safe. Raises what the disk has refused, once all that
    /// is safe was taken.
    #[pyo3(name = "safe")]
    fn safe_ones(slf: &Bound<'_, Self>, limit: usize) -> PyResult<Vec<Py<Response>>> {
        exclusive(slf)?.safe(slf.py(), limit)
    }

    /// How many responses wait until they are safe.
    #[getter]
    fn waiting(&self) -> usize {
        self.recording.as_ref().map_or(0, Recording::waiting)
    }

    /// Ends the run. Where there is a run folder, seals it, and raises what the disk has refused. May take a moment.
    fn finish(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::close(slf)?;
        let recording = exclusive(slf)?.recording.take();
        let Some(mut recording) = recording else { return Ok(()) };
        if shared(slf)?.process.is_gone() {
            std::mem::forget(recording);
            return Ok(());
        }
        recording.finish(slf.py())
    }

    /// Has the ringer ring, once, when there is something to take or more room. `False` where something
    /// has happened since the last look.
    fn arm(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.register(&self.waker))
            && self.recording.as_ref().is_none_or(|recording| !recording.has_news())
    }

    /// A handle for other threads; `None` once the stream is closed, and in the child of a fork.
    fn control(&self) -> Option<Control> {
        let run = self.run.as_ref().filter(|_| !self.process.is_gone())?;
        let passed = self.recording.as_ref().map(|recording| recording.passed().clone());
        Some(Control::new(run.control(), self.process, passed))
    }

    /// How many requests were taken in, and what became of them. `None` while the user's code runs in here, which
    /// may be what asks.
    fn receipt<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let copy = match readable(slf) {
            Some(this) => this.accounts.copy(slf.py(), this.run.as_ref().map(PushedRun::receipt)),
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
        this.run.as_ref().map(PushedRun::receipt).map(|receipt| accounts::counts(receipt, passed))
    }

    /// What is held for Python, for the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.conversion.traverse(&visit)?;
        if let Some(recording) = &self.recording {
            recording.traverse(&visit)?;
        }
        self.conversion.functions().traverse(&visit)?;
        self.accounts.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.conversion.clear();
        self.accounts = Accounts::default();
        drop(self.take_run());
        self.let_go_of_folder();
    }

    /// Ends the run, and with it the connections that are busy with its requests, which may take a moment.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        // Not borrowed meanwhile: who looks at it finds it closed.
        let run = exclusive(slf)?.take_run();
        if let Some(mut run) = run {
            if let Some(queue) = shared(slf)?.used_queue() {
                run.note_followed(queue.followed());
            }
            detached(slf.py(), || run.end());
            let mut this = exclusive(slf)?;
            this.accounts.close(slf.py(), run.receipt(), run.unfinished());
            this.conversion.clear();
            let has_all = this.has_all;
            if let Some(recording) = &mut this.recording {
                recording.note_end(run.receipt(), run.unfinished(), run.stopped(), has_all);
            }
            this.admittance = None;
        }
        Ok(())
    }
}

impl Drop for PushStream {
    fn drop(&mut self) {
        drop(self.take_run());
        self.let_go_of_folder();
    }
}
