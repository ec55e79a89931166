//! The run as an event loop of Python's sees it: requests are pushed, responses taken, and nothing waits.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use patata::{Next, PushedRun, Step};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use pyo3::{PyTraverseError, PyVisit};

use crate::accounts::{self, Accounts};
use crate::beginning::Begun;
use crate::control::{self, Control};
use crate::convert::{Conversion, Units};
use crate::folder::{Admittance, Joining, LeftStep, OpenedFolder, Recording};
use crate::follow::{Asked, CallFollowUps, Queue, Waiting};
use crate::fork::Process;
use crate::input::Joined;
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::response::Response;
use crate::settling::settle;
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

    /// How many requests should be pushed now.
    fn room(&mut self, py: Python<'_>) -> PyResult<usize> {
        self.process.check(py)?;
        self.hold_waiting();
        Ok(self.run.as_mut().map_or(0, PushedRun::room))
    }

    /// Pushes at most `limit` items of an iterator, for at most about `seconds`. Returns how many more of
    /// the limit there may be, or `None` where the iterator has ended. Raises what the iterator raises, and
    /// for an item that is no request. What an earlier process has done does not count.
    fn push(&mut self, items: &Bound<'_, PyIterator>, limit: usize, seconds: f64) -> PyResult<Option<usize>> {
        self.process.check(items.py())?;
        let end = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let mut items = items.clone();
        let mut left = limit;
        for looked_at in 1_usize.. {
            if left == 0 {
                break;
            }
            if self.used_queue().is_some_and(|queue| queue.wanted() == 0) {
                // There are as many requests as there may be.
                return Ok(None);
            }
            let Some(item) = items.next() else { return Ok(None) };
            let request = self.asked(&item?)?;
            self.note_taken(request.is_some());
            let Some(run) = &mut self.run else { break };
            if let Some(request) = request {
                if let Err(request) = run.push(request) {
                    // A run that was ended meanwhile takes no more, and says so when responses are taken.
                    run.give_up(request);
                    break;
                }
                left -= 1;
            }
            if looked_at.is_multiple_of(ITEMS_A_LOOK) && Instant::now() >= end {
                return Ok(Some(left));
            }
        }
        Ok(Some(0))
    }

    /// Takes items that came out of the input too late, as the run has ended early, so that they are in the
    /// accounts. What is no request is none of them.
    fn give_up(&mut self, items: &Bound<'_, PyIterator>) -> PyResult<()> {
        self.process.check(items.py())?;
        for item in items.clone() {
            if let Ok(Some(request)) = self.asked(&item?)
                && let Some(run) = &mut self.run
            {
                run.give_up(request);
            }
        }
        Ok(())
    }

    /// Says that nothing more will be pushed.
    fn close_input(&mut self) {
        self.has_all = true;
        if self.joined.is_none() {
            self.take_no_more();
        }
    }

    /// Pushes what has joined the call, for at most about `seconds`, and ends the input once nothing more can. Gives whether
    /// it stopped only because it took long. Raises for what is no request, and what is wrong with the run folder.
    fn push_joined(&mut self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        self.process.check(py)?;
        if self.used_queue().is_none() && !self.has_all {
            return Ok(false);
        }
        let end = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let mut room = self.room(py)?;
        for looked_at in 1_usize.. {
            let Some(joined) = &self.joined else { break };
            let has_left = joined.joining.as_ref().is_some_and(Joining::has_left);
            if room == 0 {
                break;
            }
            let request = match joined.queue.next(self.has_all && !has_left) {
                Next::FollowUp(waiting) => self.joined_request(py, waiting)?,
                Next::End => {
                    self.take_no_more();
                    break;
                }
                Next::Input | Next::Nothing if has_left => match self.left_request(py)? {
                    LeftStep::Request(request) => Some(request),
                    LeftStep::Passed => None,
                    LeftStep::Nothing => break,
                },
                Next::Input | Next::Nothing => break,
            };
            let Some(run) = &mut self.run else { break };
            if let Some(request) = request {
                if let Err(request) = run.push(request) {
                    run.give_up(request);
                    break;
                }
                room -= 1;
            }
            if looked_at.is_multiple_of(ITEMS_A_LOOK) && Instant::now() >= end {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes nothing more of the input, which has not ended. What was taken is done.
    fn take_no_more(&mut self) {
        if let Some(run) = &mut self.run {
            run.close_input();
        }
    }

    /// Of the responses that are there, at most `limit`. `None` at the end.
    fn take(&mut self, py: Python<'_>, limit: usize) -> PyResult<Option<Vec<Py<Response>>>> {
        self.process.check(py)?;
        if self.recording.as_ref().is_some_and(|recording| !recording.is_called_back()) {
            return self.take_recorded(py, limit);
        }
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
                Step::Outcome(mut outcome) => {
                    self.accounts.note(py, &outcome);
                    if let Some(function) = &self.conversion.functions().settle {
                        settle(py, function, run, &mut outcome, |tag| tag.clone_ref(py), &self.raised)?;
                    }
                    let response = match &mut self.recording {
                        Some(recording) => recording.recordable(outcome),
                        None => Response::new(outcome),
                    };
                    batch.push(Py::new(py, response)?);
                }
                Step::Wait => break,
                Step::End if !batch.is_empty() => break,
                Step::End => return ended(py, run).map(|()| None),
            }
        }
        Ok(Some(batch))
    }

    /// Says how many responses that were taken are still worked on.
    fn hold(&mut self, responses: usize) {
        self.held = responses;
        self.hold_waiting();
    }

    /// Records what callbacks have made of responses. Returns the exception for the first that cannot be written down.
    fn record<'py>(
        &mut self,
        py: Python<'py>,
        responses: Vec<Py<Response>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.process.check(py)?;
        let Some(recording) = &mut self.recording else { return Ok(None) };
        let unwritable = recording.record_changed(py, responses)?;
        Ok(unwritable.map(|error| error.into_value(py).into_bound(py).into_any()))
    }

    /// Of the responses that were recorded, at most `limit` that are safe. Raises what the disk has refused, once all that
    /// is safe was taken.
    fn safe(&mut self, py: Python<'_>, limit: usize) -> PyResult<Vec<Py<Response>>> {
        self.process.check(py)?;
        let is_idle = self.held == 0 && self.run.as_ref().is_none_or(|run| run.receipt().outstanding == 0);
        let Some(recording) = &mut self.recording else { return Ok(Vec::new()) };
        recording.safe_ones(py, self.run.as_ref().map(PushedRun::receipt), is_idle, limit)
    }

    /// How many responses wait until they are safe.
    #[getter]
    fn waiting(&self) -> usize {
        self.recording.as_ref().map_or(0, Recording::waiting)
    }

    /// Ends the run. Where there is a run folder, seals it, and raises what the disk has refused. May take a moment.
    fn finish(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::close(slf);
        let recording = slf.borrow_mut().recording.take();
        let Some(mut recording) = recording else { return Ok(()) };
        if slf.borrow().process.is_gone() {
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
        let copy = match slf.try_borrow() {
            Ok(this) => this.accounts.copy(slf.py(), this.run.as_ref().map(PushedRun::receipt)),
            Err(_) => return Ok(None),
        };
        let accounts = copy.dict(slf.py())?;
        if let Some(queue) = slf.borrow().used_queue() {
            accounts.set_item("followed", queue.followed())?;
            accounts.set_item("left_out", queue.left_out())?;
        }
        Ok(Some(accounts))
    }

    /// How many requests were taken in, are done, and have failed, of which the control is told now and then only.
    /// `None` as for the receipt.
    fn counts(slf: &Bound<'_, Self>) -> Option<(u64, u64, u64)> {
        let this = slf.try_borrow().ok()?;
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
    fn close(slf: &Bound<'_, Self>) {
        // Not borrowed meanwhile: who looks at it finds it closed.
        let run = slf.borrow_mut().take_run();
        if let Some(mut run) = run {
            if let Some(queue) = slf.borrow().used_queue() {
                run.note_followed(queue.followed());
            }
            detached(slf.py(), || run.end());
            let mut this = slf.borrow_mut();
            this.accounts.close(slf.py(), run.receipt(), run.unfinished());
            this.conversion.clear();
            let has_all = this.has_all;
            if let Some(recording) = &mut this.recording {
                recording.note_end(run.receipt(), run.unfinished(), run.stopped(), has_all);
            }
            this.admittance = None;
        }
    }
}

/// What a run that has no more was ended by.
fn ended(py: Python<'_>, run: &PushedRun<Tag>) -> PyResult<()> {
    match run.stopped() {
        Some(stop) => Err(stopped::exception(py, stop)),
        None if run.is_cancelled() => Err(control::closed(py)),
        None => Ok(()),
    }
}

impl PushStream {
    /// The request that an item stands for; `None` where an earlier process has dealt with it.
    fn asked(&mut self, item: &Bound<'_, PyAny>) -> PyResult<Option<patata::Request<Tag>>> {
        let request = self.conversion.request(item)?;
        match &mut self.admittance {
            Some(admittance) => admittance.admit(item.py(), request),
            None => Ok(Some(request)),
        }
    }

    /// What joins the call, where anything has, or may.
    fn used_queue(&self) -> Option<&Queue> {
        self.joined.as_ref().map(|joined| &joined.queue).filter(|queue| queue.is_used())
    }

    /// Counts an item of the input, where others may join it.
    fn note_taken(&self, is_sent: bool) {
        match self.used_queue() {
            Some(queue) if is_sent => queue.note_taken(),
            Some(queue) => queue.note_passed(),
            None => {}
        }
    }

    /// The request of what has waited to join the call; `None` where it was left in the folder.
    fn joined_request(&mut self, py: Python<'_>, waiting: Waiting) -> PyResult<Option<patata::Request<Tag>>> {
        let item = match waiting.asked {
            Asked::Noted(request) => return Ok(Some(*request)),
            Asked::Item(item) => item,
        };
        let joining = self.joined.as_ref().and_then(|joined| joined.joining.as_ref());
        let position = joining.map(Joining::next_position);
        let mut request = self.conversion.joining_request(item.bind(py), position)?;
        request.tag.depth = waiting.depth;
        let Some(Joined { queue, joining: Some(joining) }) = &self.joined else { return Ok(Some(request)) };
        let request = joining.submitted(py, request)?;
        if request.is_none() {
            queue.note_kept();
        }
        Ok(request)
    }

    /// What the folder has of requests that were left there.
    fn left_request(&self, py: Python<'_>) -> PyResult<LeftStep> {
        let Some(Joined { queue, joining: Some(joining) }) = &self.joined else {
            return Ok(LeftStep::Nothing);
        };
        let left = joining.next_left(py, &self.conversion)?;
        match left {
            LeftStep::Request(_) => queue.note_follow_up(),
            LeftStep::Passed => queue.note_passed(),
            LeftStep::Nothing => {}
        }
        Ok(left)
    }

    /// Responses that are worked on, and those that are not safe, count against `queue_max_size`.
    fn hold_waiting(&mut self) {
        let waiting = self.waiting();
        if let Some(run) = &mut self.run {
            run.hold(self.held + waiting);
        }
    }

    /// Takes what the run has, writes it down, and hands out what is safe.
    fn take_recorded(&mut self, py: Python<'_>, limit: usize) -> PyResult<Option<Vec<Py<Response>>>> {
        let Some(recording) = &mut self.recording else { return Err(control::closed(py)) };
        for _ in 0..2 * limit {
            let Some(run) = &mut self.run else { return Err(control::closed(py)) };
            let step = if self.is_over { Step::End } else { run.step() };
            if self.raised.is_interrupt(py)
                && let Some(error) = self.raised.take()
            {
                return Err(error);
            }
            match step {
                Step::Outcome(mut outcome) => {
                    self.accounts.note(py, &outcome);
                    if let Some(function) = &self.conversion.functions().settle {
                        settle(py, function, run, &mut outcome, |tag| tag.clone_ref(py), &self.raised)?;
                    }
                    recording.record(outcome);
                }
                Step::Wait => break,
                Step::End => {
                    self.is_over = true;
                    break;
                }
            }
        }
        let receipt = self.run.as_ref().map(PushedRun::receipt);
        let outstanding = receipt.map_or(0, |receipt| receipt.outstanding);
        let safe = recording.safe_ones(py, receipt, outstanding == 0, limit)?;
        self.hold_waiting();
        match &self.run {
            Some(run) if self.is_over && safe.is_empty() => {
                let is_cancelled = run.is_cancelled() && run.stopped().is_none();
                if self.waiting() > 0 && !is_cancelled {
                    return Ok(Some(safe));
                }
                ended(py, run).map(|()| None)
            }
            _ => Ok(Some(safe)),
        }
    }

    /// Without accounts; all that was acknowledged is safe.
    fn let_go_of_folder(&mut self) {
        let parts = (self.admittance.take(), self.recording.take());
        if self.process.is_gone() {
            std::mem::forget(parts);
        }
    }

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
        self.let_go_of_folder();
    }
}
