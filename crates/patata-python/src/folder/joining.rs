//! Requests that join a call that is written down: noted in its folder before what has led to them is recorded, and read
//! from there again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patata::{Body, Method};
use patata_run::{Found, FoundRequests, Id, Left, NotedRequest, Ticket, Why};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::admittance::id_of;
use super::error::exception;
use super::passed::Passed;
use crate::convert::Conversion;
use crate::fault;
use crate::follow::{Asked, FoundItems, Queue, Waiting};
use crate::request::Request;
use crate::shown;
use crate::tag::Tag;

/// What those have in common who note them, and who reads them again.
#[derive(Debug, Clone)]
pub(crate) struct Joining {
    found: Arc<Mutex<FoundRequests>>,
    passed: Arc<Passed>,
}

/// What there is of requests that are read again.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are requests")]
pub(crate) enum LeftStep {
    Request(patata::Request<Tag>),
    /// One that is not sent.
    Passed,
    /// None that could be read just now.
    Nothing,
}

impl Joining {
    pub(super) fn new(found: FoundRequests, passed: Arc<Passed>) -> Self {
        Self { found: Arc::new(Mutex::new(found)), passed }
    }

    fn found(&self) -> MutexGuard<'_, FoundRequests> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there may be requests to be read again.
    pub(crate) fn has_left(&self) -> bool {
        self.found().has_left()
    }

    /// The place in the call of the request that is noted next.
    pub(crate) fn next_position(&self) -> u64 {
        self.found().next_position()
    }

    /// The request of an item that was added from outside, which is noted. `None` where it was left in the folder: others
    /// are that stand before it.
    ///
    /// # Errors
    /// What a folder cannot keep, and what the disk has refused.
    pub(crate) fn submitted(
        &self,
        py: Python<'_>,
        request: patata::Request<Tag>,
    ) -> PyResult<Option<patata::Request<Tag>>> {
        let id = id(py, &request)?;
        let mut found = self.found();
        let noted = found.note(None, 0, id, &request).map_err(|error| unusable(py, &request, &error))?;
        if found.has_left() {
            found.leave(&noted);
            return Ok(None);
        }
        Ok(Some(ready(&found, request, noted.ticket)))
    }

    /// Notes what a response has led to, all of it or nothing, before it is recorded. What there is no room for in memory is
    /// left in the folder.
    ///
    /// # Errors
    /// What a folder cannot keep, what is wrong with a request, and what the disk has refused.
    pub(super) fn note(
        &self,
        py: Python<'_>,
        conversion: &Conversion,
        parent: &Ticket,
        found: FoundItems,
    ) -> PyResult<Vec<Noted>> {
        let FoundItems { items, depth } = found;
        let mut requests = Vec::with_capacity(items.len());
        for (item, position) in items.into_iter().zip(self.next_position()..) {
            let mut request = conversion.request_at(item.bind(py), position)?;
            request.tag.depth = depth;
            let id = id(py, &request)?;
            FoundRequests::check(&request).map_err(|error| unusable(py, &request, &error))?;
            requests.push((id, request));
        }
        let mut found = self.found();
        let mut noted = Vec::with_capacity(requests.len());
        for (id, request) in requests {
            let written = found.note(Some(parent), depth, id, &request);
            let written = written.map_err(|error| exception(py, &error))?;
            noted.push(Noted { request, written });
        }
        Ok(noted)
    }

    /// Has the requests join that were noted.
    pub(super) fn release(&self, queue: &Queue, noted: Vec<Noted>) {
        let mut found = self.found();
        for Noted { request, written } in noted {
            if found.has_left() || !queue.has_room() {
                found.leave(&written);
                continue;
            }
            let depth = request.tag.depth;
            let request = ready(&found, request, written.ticket);
            queue.add(Waiting { asked: Asked::Noted(Box::new(request)), depth });
        }
    }

    /// The next request that is read again.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub(crate) fn next_left(&self, py: Python<'_>, conversion: &Conversion) -> PyResult<LeftStep> {
        let left = self.found().next_left();
        match left.map_err(|error| exception(py, &error))? {
            Left::Found(found) => self.restored(py, conversion, found).map(LeftStep::Request),
            Left::Passed(Why::Skipped, _) => {
                self.passed.skip();
                Ok(LeftStep::Passed)
            }
            Left::Passed(Why::Unknown, id) => {
                self.passed.leave_unknown(id_object(py, &id)?);
                Ok(LeftStep::Passed)
            }
            Left::NotYet | Left::Nothing => Ok(LeftStep::Nothing),
        }
    }

    /// A request of Python's as it was, but for what a folder does not keep, and that of the engine.
    fn restored(
        &self,
        py: Python<'_>,
        conversion: &Conversion,
        found: Found,
    ) -> PyResult<patata::Request<Tag>> {
        let (position, depth) = (found.position(), found.depth);
        let item = item(py, &found)?;
        let mut request = conversion.request_at(&item, position)?;
        request.tag.depth = depth;
        let found_requests = self.found();
        let ticket = found_requests.ticket(position, found.id, &request);
        Ok(ready(&found_requests, request, ticket))
    }
}

/// One that was noted.
#[derive(Debug)]
pub(super) struct Noted {
    request: patata::Request<Tag>,
    written: NotedRequest,
}

/// A request with its ticket, as it is to be sent.
fn ready(found: &FoundRequests, request: patata::Request<Tag>, ticket: Arc<Ticket>) -> patata::Request<Tag> {
    let mut request = found.guarded(request, &ticket);
    request.tag.ticket = Some(ticket);
    request
}

fn id(py: Python<'_>, request: &patata::Request<Tag>) -> PyResult<Id> {
    let id_ = request.tag.id_.bind(py);
    id_of(id_).ok_or_else(|| {
        let message = format!(
            "{} has an id of type {}, which a run folder cannot keep: give a str, an int (of at most 64 bits) or None",
            shown::of(request.tag.item.bind(py)),
            shown::class_of(id_)
        );
        fault::invalid_request(py, message)
    })
}

fn unusable(py: Python<'_>, request: &patata::Request<Tag>, error: &patata_run::RunError) -> PyErr {
    match error {
        patata_run::RunError::FollowUp { .. } => {
            fault::invalid_request(py, format!("{}: {error}", shown::of(request.tag.item.bind(py))))
        }
        other => exception(py, other),
    }
}

fn id_object(py: Python<'_>, id: &Id) -> PyResult<Py<PyAny>> {
    Ok(match id {
        Id::None => py.None(),
        Id::Integer(number) => number.into_pyobject(py)?.into_any().unbind(),
        Id::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
    })
}

/// A `Request` that says what was found.
fn item<'py>(py: Python<'py>, found: &Found) -> PyResult<Bound<'py, PyAny>> {
    let asked = &found.request;
    let fields = PyDict::new(py);
    if *asked.method() != Method::GET {
        fields.set_item("method", asked.method().as_str())?;
    }
    let headers: Vec<(String, Option<String>)> = asked
        .headers()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_string(), Some(String::from_utf8_lossy(value.as_bytes()).into_owned())))
        .chain(asked.removed_headers().map(|name| (name.to_string(), None)))
        .collect();
    if !headers.is_empty() {
        fields.set_item("headers", headers)?;
    }
    if let Some(content) = asked.own_body().and_then(Body::bytes) {
        fields.set_item("content", PyBytes::new(py, content))?;
    }
    if let Some(timeout) = asked.own_timeout() {
        fields.set_item("timeout", timeout.as_secs_f64())?;
    }
    if let Some(costs) = asked.costs() {
        let cost = PyDict::new(py);
        for (unit, amount) in costs {
            cost.set_item(unit, amount)?;
        }
        fields.set_item("cost", cost)?;
    }
    py.get_type::<Request>().call((id_object(py, &found.id)?, asked.url()), Some(&fields))
}
