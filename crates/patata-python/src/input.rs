//! The input of a call, on the caller's thread: the user's items, and what joins them while the call is under way.

use std::sync::Arc;

use patata::Next;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, PyVisit};

use crate::convert::Conversion;
use crate::folder::{Admittance, Joining, LeftStep};
use crate::follow::{Asked, Queue, Waiting};
use crate::raised::Raised;
use crate::tag::Tag;

type EngineRequest = patata::Request<Tag>;

/// The user's input. An exception it raises ends it, and is kept for when all responses are out.
#[derive(Debug)]
pub(crate) struct Input {
    iterator: Py<PyIterator>,
    /// Whether it has no more.
    has_ended: bool,
    conversion: Conversion,
    /// Where there is a run folder: says what is sent.
    admittance: Option<Admittance>,
    raised: Arc<Raised>,
    joined: Option<Joined>,
}

/// What joins a call.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) queue: Queue,
    /// Where there is a run folder.
    pub(crate) joining: Option<Joining>,
}

impl Iterator for Input {
    type Item = EngineRequest;

    fn next(&mut self) -> Option<EngineRequest> {
        // The caller holds the GIL already, so this costs next to nothing.
        Python::attach(|py| {
            if self.joined.as_ref().is_some_and(|joined| joined.queue.is_used()) {
                return self.next_joined(py);
            }
            let next = if self.admittance.is_some() { self.next_admitted(py) } else { self.next_plain(py) };
            if next.is_none() && self.joined.is_some() {
                // Somebody may have added some meanwhile.
                self.has_ended = true;
                return self.next_joined(py);
            }
            next
        })
    }
}

impl Input {
    pub(crate) fn new(
        iterator: Py<PyIterator>,
        conversion: Conversion,
        admittance: Option<Admittance>,
        raised: Arc<Raised>,
        joined: Option<Joined>,
    ) -> Self {
        Self { iterator, has_ended: false, conversion, admittance, raised, joined }
    }

    /// Whether all of the user's items have been taken.
    pub(crate) fn has_all(&self) -> bool {
        self.has_ended
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        self.conversion.traverse(visit)
    }

    fn next_plain(&mut self, py: Python<'_>) -> Option<EngineRequest> {
        let item = self.iterator.bind(py).clone().next()?;
        match item.and_then(|item| self.conversion.request(&item)) {
            Ok(request) => Some(request),
            Err(error) => {
                self.raised.set(error);
                None
            }
        }
    }

    /// The next item that is to be sent.
    fn next_admitted(&mut self, py: Python<'_>) -> Option<EngineRequest> {
        loop {
            if let Some(request) = self.admit_next(py)? {
                return Some(request);
            }
        }
    }

    /// Of the next item its request; none where an earlier process has dealt with it. `None` at the end.
    fn admit_next(&mut self, py: Python<'_>) -> Option<Option<EngineRequest>> {
        let admittance = self.admittance.as_mut()?;
        if admittance.is_closed() {
            return None;
        }
        let item = self.iterator.bind(py).clone().next()?;
        let request = item.and_then(|item| self.conversion.request(&item));
        match request.and_then(|request| admittance.admit(py, request)) {
            Ok(admitted) => Some(admitted),
            Err(error) => {
                self.raised.set(error);
                None
            }
        }
    }

    /// What has joined the call, then what the folder has, then the user's items.
    #[cold]
    fn next_joined(&mut self, py: Python<'_>) -> Option<EngineRequest> {
        loop {
            let joined = self.joined.as_ref()?;
            if self.admittance.as_ref().is_some_and(Admittance::is_closed) {
                // What waits is in the folder.
                joined.queue.end();
                return None;
            }
            let has_left = joined.joining.as_ref().is_some_and(Joining::has_left);
            match joined.queue.next(self.has_ended && !has_left) {
                Next::End => return None,
                Next::FollowUp(waiting) => {
                    if let Some(request) = self.asked(py, waiting) {
                        return Some(request);
                    }
                }
                Next::Input | Next::Nothing => match self.next_own(py, has_left) {
                    Some(Some(request)) => return Some(request),
                    Some(None) => {}
                    // There may be more in a moment.
                    None => return Some(patata::Request::pause(Tag::none(py))),
                },
            }
            if self.raised.is_interrupt(py) {
                return None;
            }
        }
    }

    /// The request of what has waited; `None` where it was left in the folder, or is none.
    fn asked(&mut self, py: Python<'_>, waiting: Waiting) -> Option<EngineRequest> {
        let Joined { queue, joining } = self.joined.as_ref()?;
        let item = match waiting.asked {
            Asked::Noted(request) => return Some(*request),
            Asked::Item(item) => item,
        };
        let position = joining.as_ref().map(Joining::next_position);
        let request = self.conversion.joining_request(item.bind(py), position).and_then(|mut request| {
            request.tag.depth = waiting.depth;
            match joining {
                Some(joining) => joining.submitted(py, request),
                None => Ok(Some(request)),
            }
        });
        match request {
            Ok(Some(request)) => return Some(request),
            Ok(None) => queue.note_kept(),
            Err(error) => {
                queue.note_done();
                self.raised.set(error);
            }
        }
        None
    }

    /// What the folder has, or else the user's next item: none where it is not sent, or there is none any more; `None` where
    /// there is nothing just now.
    fn next_own(&mut self, py: Python<'_>, has_left: bool) -> Option<Option<EngineRequest>> {
        let Joined { queue, joining } = self.joined.as_ref()?;
        if has_left && let Some(joining) = joining {
            match joining.next_left(py, &self.conversion) {
                Ok(LeftStep::Request(request)) => {
                    queue.note_follow_up();
                    return Some(Some(request));
                }
                Ok(LeftStep::Passed) => {
                    queue.note_passed();
                    return Some(None);
                }
                Ok(LeftStep::Nothing) => {}
                Err(error) => {
                    self.raised.set(error);
                    queue.end();
                    return None;
                }
            }
        }
        if self.has_ended {
            return None;
        }
        let queue = queue.clone();
        let next = match self.admittance.is_some() {
            true => self.admit_next(py),
            false => self.next_plain(py).map(Some),
        };
        match next {
            Some(Some(request)) => {
                queue.note_taken();
                Some(Some(request))
            }
            Some(None) => {
                queue.note_passed();
                Some(None)
            }
            None => {
                self.has_ended = true;
                Some(None)
            }
        }
    }
}
