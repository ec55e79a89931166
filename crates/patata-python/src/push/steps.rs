//! What a pushed run does, one step at a time, for whoever has it to himself.

use std::time::{Duration, Instant};

use patata::{Next, PushedRun, Step};
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use super::PushStream;
use crate::control;
use crate::folder::{Joining, LeftStep};
use crate::follow::{Asked, Queue, Waiting};
use crate::input::Joined;
use crate::response::Response;
use crate::settling::settle;
use crate::stopped;
use crate::tag::Tag;

/// Items between two looks at the clock.
const ITEMS_A_LOOK: usize = 8;

impl PushStream {
    /// How many requests should be pushed now.
    pub(super) fn room(&mut self, py: Python<'_>) -> PyResult<usize> {
        self.process.check(py)?;
        self.hold_waiting();
        Ok(self.run.as_mut().map_or(0, PushedRun::room))
    }

    /// Pushes at most `limit` items of an iterator, for at most about `seconds`. Returns how many more of
    /// the limit there may be, or `None` where the iterator has ended. Raises what the iterator raises, and
    /// for an item that is no request. What an earlier process has done does not count.
    pub(super) fn push(
        &mut self,
        items: &Bound<'_, PyIterator>,
        limit: usize,
        seconds: f64,
    ) -> PyResult<Option<usize>> {
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
    pub(super) fn give_up(&mut self, items: &Bound<'_, PyIterator>) -> PyResult<()> {
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
    pub(super) fn close_input(&mut self) {
        self.has_all = true;
        if self.joined.is_none() {
            self.take_no_more();
        }
    }

    /// Pushes what has joined the call, for at most about `seconds`, and ends the input once nothing more can. Gives whether
    /// it stopped only because it took long. Raises for what is no request, and what is wrong with the run folder.
    pub(super) fn push_joined(&mut self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
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
    pub(super) fn take_no_more(&mut self) {
        if let Some(run) = &mut self.run {
            run.close_input();
        }
    }

    /// Of the responses that are there, at most `limit`. `None` at the end.
    pub(super) fn take(&mut self, py: Python<'_>, limit: usize) -> PyResult<Option<Vec<Py<Response>>>> {
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
    pub(super) fn hold(&mut self, responses: usize) {
        self.held = responses;
        self.hold_waiting();
    }

    /// Records what callbacks have made of responses. Returns the exception for the first that cannot be written down.
    pub(super) fn record<'py>(
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
    pub(super) fn safe(&mut self, py: Python<'_>, limit: usize) -> PyResult<Vec<Py<Response>>> {
        self.process.check(py)?;
        let is_idle = self.held == 0 && self.run.as_ref().is_none_or(|run| run.receipt().outstanding == 0);
        let Some(recording) = &mut self.recording else { return Ok(Vec::new()) };
        recording.safe_ones(py, self.run.as_ref().map(PushedRun::receipt), is_idle, limit)
    }

    /// The request that an item stands for; `None` where an earlier process has dealt with it.
    fn asked(&mut self, item: &Bound<'_, PyAny>) -> PyResult<Option<patata::Request<Tag>>> {
        let request = self.conversion.request(item)?;
        match &mut self.admittance {
            Some(admittance) => admittance.admit(item.py(), request),
            None => Ok(Some(request)),
        }
    }

    /// What joins the call, where anything has, or may.
    pub(super) fn used_queue(&self) -> Option<&Queue> {
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
    pub(super) fn hold_waiting(&mut self) {
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
    pub(super) fn let_go_of_folder(&mut self) {
        let parts = (self.admittance.take(), self.recording.take());
        if self.process.is_gone() {
            std::mem::forget(parts);
        }
    }

    /// The run, unless it is of no use in the child of a fork: its threads are not there to be joined, and
    /// their locks may be held for ever.
    pub(super) fn take_run(&mut self) -> Option<PushedRun<Tag>> {
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

/// What a run that has no more was ended by.
fn ended(py: Python<'_>, run: &PushedRun<Tag>) -> PyResult<()> {
    match run.stopped() {
        Some(stop) => Err(stopped::exception(py, stop)),
        None if run.is_cancelled() => Err(control::closed(py)),
        None => Ok(()),
    }
}
