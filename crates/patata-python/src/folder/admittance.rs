//! The way into a call that is written down: what is sent, and what an earlier process has dealt with.

use std::sync::Arc;

use patata_run::{Admission, Gate, Id, Why};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};

use super::error::exception;
use super::passed::Passed;
use crate::fault;
use crate::shown;
use crate::tag::Tag;

/// So many items may pass before signals are looked for.
const SIGNALS: u64 = 1_024;

/// Judges the requests of a call, in the order of its input.
#[derive(Debug)]
pub(crate) struct Admittance {
    gate: Gate,
    passed: Arc<Passed>,
}

impl Admittance {
    pub(super) fn new(gate: Gate, passed: Arc<Passed>) -> Self {
        Self { gate, passed }
    }

    /// The request as it is to be sent; `None` where it is not.
    ///
    /// # Errors
    /// An id that cannot stand in a run folder, what the disk has refused, and Ctrl-C.
    pub(crate) fn admit(
        &mut self,
        py: Python<'_>,
        request: patata::Request<Tag>,
    ) -> PyResult<Option<patata::Request<Tag>>> {
        let Some(id) = id_of(request.tag.id_.bind(py)) else { return Err(self.unusable(py, &request)) };
        match self.gate.admit(id, request) {
            Ok(Admission::Send { mut request, ticket, .. }) => {
                request.tag.ticket = Some(ticket);
                Ok(Some(request))
            }
            Ok(Admission::Passed(passed)) => {
                match passed.why {
                    Why::Skipped => self.passed.skip(),
                    Why::Unknown => self.passed.leave_unknown(passed.tag.id_),
                }
                self.hear_signals(py)
            }
            Ok(_) => Ok(None),
            Err(error) => Err(exception(py, &error)),
        }
    }

    /// Whether nothing more is to be taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.passed.is_closed()
    }

    /// A long input of which nothing is left to do is gone through without a wait that would hear them.
    fn hear_signals(&self, py: Python<'_>) -> PyResult<Option<patata::Request<Tag>>> {
        if self.gate.taken().is_multiple_of(SIGNALS) {
            py.check_signals()?;
        }
        Ok(None)
    }

    fn unusable(&self, py: Python<'_>, request: &patata::Request<Tag>) -> PyErr {
        let id_ = request.tag.id_.bind(py);
        let message = format!(
            "{} has an id of type {}, which a run folder cannot keep: give a str, an int (of at most 64 bits) or \
             None. It is item {} of the input, counted from 0",
            shown::of(request.tag.item.bind(py)),
            shown::class_of(id_),
            self.gate.taken()
        );
        fault::invalid_request(py, message)
    }
}

/// The id as a folder keeps it. A bool is none: it would come back as a number.
pub(super) fn id_of(id_: &Bound<'_, PyAny>) -> Option<Id> {
    if let Ok(text) = id_.cast::<PyString>() {
        return text.to_str().ok().map(Id::from);
    }
    if id_.is_none() {
        return Some(Id::None);
    }
    if !id_.is_instance_of::<PyInt>() || id_.is_instance_of::<PyBool>() {
        return None;
    }
    match id_.extract::<i64>() {
        Ok(number) => Some(Id::from(number)),
        // Larger ones stand for other numbers in much of what reads JSON.
        Err(_) => id_.extract::<u64>().ok().map(Id::from),
    }
}
