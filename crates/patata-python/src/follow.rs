//! What responses lead to, and what other threads add: requests that join a call while it is under way.

use patata::{CacheStatus, FollowUps, Refused};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::convert::is_request;
use crate::fault;
use crate::request::Request;
use crate::response::Response;
use crate::shown;
use crate::tag::Tag;

/// The queue of a call.
pub(crate) type Queue = FollowUps<Waiting>;

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) asked: Asked,
    pub(crate) depth: u32,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum Asked {
    /// As it came.
    Item(Py<PyAny>),
    /// Written down, and ready to be sent.
    Noted(Box<patata::Request<Tag>>),
}

impl Asked {
    fn item(&self) -> &Py<PyAny> {
        match self {
            Self::Item(item) => item,
            Self::Noted(request) => &request.tag.item,
        }
    }
}

/// So many requests a response may lead to where they are written down: what gives more may never end.
const MOST_OF_ONE: usize = 1_000_000;

/// Requests that join a call. Any thread may add some.
#[pyclass(module = "patata._patata", name = "FollowUps", frozen)]
#[derive(Debug)]
pub(crate) struct CallFollowUps {
    queue: Queue,
    /// How many may wait.
    most: usize,
    max_depth: u32,
    /// Whether the call is written down: then responses take along what they have led to, until they are recorded.
    is_recorded: bool,
}

impl CallFollowUps {
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// What a response that is to be recorded has led to.
#[derive(Debug)]
pub(crate) struct FoundItems {
    pub(crate) items: Vec<Py<PyAny>>,
    pub(crate) depth: u32,
}

#[pymethods]
impl CallFollowUps {
    /// `most` may wait at a time; `follows` is whether responses lead to more, and `is_open` whether the call goes on until
    /// `close_input` is called.
    #[new]
    #[pyo3(signature = (most, follows=false, max_depth=None, max_requests=None, is_open=false, is_recorded=false))]
    fn new(
        most: usize,
        follows: bool,
        max_depth: Option<u32>,
        max_requests: Option<u64>,
        is_open: bool,
        is_recorded: bool,
    ) -> Self {
        let queue = Queue::new(most, follows);
        if let Some(max_requests) = max_requests {
            queue.limit_requests(max_requests);
        }
        if is_open {
            queue.hold();
        }
        Self { queue, most, max_depth: max_depth.unwrap_or(u32::MAX), is_recorded }
    }

    /// Whether requests have joined the call, or may.
    #[getter]
    fn is_used(&self) -> bool {
        self.queue.is_used()
    }

    /// How many were taken of those that have joined.
    #[getter]
    fn followed(&self) -> u64 {
        self.queue.followed()
    }

    /// How many were found and left out, as there were as many requests as there may be.
    #[getter]
    fn left_out(&self) -> u64 {
        self.queue.left_out()
    }

    /// Adds a request, from any thread. Raises `InvalidRequestError` for what is none, `ValueError` once the call takes no
    /// more, and `TooManyFollowUps` where as many wait as may.
    fn submit(&self, item: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = item.py();
        check(item)?;
        let waiting = Waiting { asked: Asked::Item(item.clone().unbind()), depth: 0 };
        self.queue.submit(waiting).map_err(|(_, why)| match why {
            Refused::Ended => PyValueError::new_err(
                "submit: the call takes no more requests, as it has ended, or has max_requests; begin another one",
            ),
            Refused::Full => {
                let message = format!(
                    "submit: {} requests wait already, which is queue_max_size; take responses, or make that larger",
                    self.most
                );
                fault::raise(py, "TooManyFollowUps", message)
            }
        })
    }

    /// Says that nothing more is submitted, of a call that was open for it.
    fn close_input(&self) {
        self.queue.release();
    }

    /// Says that the call has ended.
    fn end(&self) {
        self.queue.end();
    }

    /// Whether the user's function is to be asked what a response leads to. In a run folder all of it is kept, also what this
    /// call takes no more.
    fn wants(&self, response: &Bound<'_, PyAny>) -> bool {
        let is_kept = if self.is_recorded { is_pending(response) } else { self.queue.wanted() > 0 };
        is_kept && depth_of(response) < self.max_depth && !is_shared(response)
    }

    /// Takes what the user's function has said of a response: nothing, a request, or an iterable of requests. To be called
    /// once for each response, also where it was not asked: with nothing.
    ///
    /// Raises what the iterable raises, and for what is no request; then nothing is taken, and it is to be called again.
    #[pyo3(signature = (response, said=None))]
    fn found(&self, response: &Bound<'_, PyAny>, said: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let items = said.map_or_else(|| Ok(Vec::new()), |said| self.items(said))?;
        let depth = depth_of(response).saturating_add(1);
        if self.is_recorded
            && let Ok(response) = response.cast::<Response>()
            && let Some(pending) = &mut response.get().lock().pending
        {
            // They join once it is recorded.
            pending.found = Some(Box::new(FoundItems { items, depth }));
            return Ok(());
        }
        if !self.is_recorded {
            for item in items {
                self.queue.add(Waiting { asked: Asked::Item(item), depth });
            }
        }
        self.queue.note_done();
        Ok(())
    }

    /// What was found and has no room in the queue, with all that is in it; `None` where there was room for all.
    fn take_left(&self, py: Python<'_>) -> Option<Vec<Py<PyAny>>> {
        if !self.queue.is_overflown() {
            return None;
        }
        let left = self.queue.take_left();
        Some(left.iter().map(|waiting| waiting.asked.item().clone_ref(py)).collect())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.queue.try_visit(|waiting| visit.call(waiting.asked.item()))
    }
}

impl CallFollowUps {
    /// The requests that are said, no more than there is a use for: an iterable may be endless.
    fn items(&self, said: &Bound<'_, PyAny>) -> PyResult<Vec<Py<PyAny>>> {
        if said.is_none() {
            return Ok(Vec::new());
        }
        if said.is_instance_of::<Request>() || is_request(said) {
            return Ok(vec![said.clone().unbind()]);
        }
        let mut items = Vec::new();
        let iterable = said.try_iter().map_err(|_| {
            PyTypeError::new_err(format!(
                "follow must return requests, an iterable of them, or None; it returned {}, of type {}",
                shown::of(said),
                shown::class_of(said)
            ))
        })?;
        // Where nothing is written down, more than may wait end the call.
        let wanted = usize::try_from(self.queue.wanted()).unwrap_or(usize::MAX);
        let most = if self.is_recorded { MOST_OF_ONE } else { wanted.min(self.most) };
        for item in iterable {
            let item = item?;
            check(&item)?;
            items.push(item.unbind());
            if items.len() > most {
                break;
            }
        }
        if self.is_recorded && items.len() > MOST_OF_ONE {
            return Err(PyValueError::new_err(format!(
                "follow returned more than {MOST_OF_ONE} requests for one response, which may never end; have some \
                 of them lead to the others"
            )));
        }
        Ok(items)
    }
}

fn check(item: &Bound<'_, PyAny>) -> PyResult<()> {
    if is_request(item) {
        return Ok(());
    }
    let message = format!(
        "{} is not a request: give Request(id_, url, data=None), (id, url) or (id, url, data), with a str as url. It is \
         of type {}",
        shown::of(item),
        shown::class_of(item)
    );
    Err(fault::invalid_request(item.py(), message))
}

/// Whether a response is that to an equal request, which has led to all that this one would.
fn is_shared(response: &Bound<'_, PyAny>) -> bool {
    response.cast::<Response>().is_ok_and(|response| response.get().lock().cached == CacheStatus::Shared)
}

/// How many responses have led to one.
fn depth_of(response: &Bound<'_, PyAny>) -> u32 {
    response.cast::<Response>().map_or(0, |response| response.get().lock().depth)
}

/// Whether a response is to be recorded. One that the run's deadline has ended is not: the next process asks for it again.
fn is_pending(response: &Bound<'_, PyAny>) -> bool {
    response.cast::<Response>().is_ok_and(|response| response.get().lock().pending.is_some())
}

/// Notes on a response that the user's function has failed on it, or has led to what cannot be sent: as callbacks do, but
/// for what it says itself.
///
/// # Errors
/// What Python raises in that.
pub(crate) fn follow_failed(response: &Bound<'_, Response>, error: PyErr) -> PyResult<()> {
    let py = response.py();
    py.import("patata._follow")?.call_method1("failed", (response, error.into_value(py)))?;
    Ok(())
}
