//! Why a run ended by itself, as the exception that Python raises.

use patata::Stop;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault;

/// The exception for it, once all that was done has been handed out.
pub(crate) fn exception(py: Python<'_>, stop: &Stop) -> PyErr {
    match stop {
        Stop::TooManyFailures(stop) => too_many_failures(py, stop).unwrap_or_else(|error| error),
        Stop::CannotStart(_) => fault::raise(py, "CannotStartError", stop.to_string()),
        stop => fault::raise(py, "DeadlineExceededError", stop.to_string()),
    }
}

fn too_many_failures(py: Python<'_>, stop: &patata::TooManyFailures) -> PyResult<PyErr> {
    let reasons = PyDict::new(py);
    for (reason, count) in &stop.reasons {
        reasons.set_item(reason, count)?;
    }
    let class = fault::class(py, "TooManyFailures")?;
    let arguments = (stop.to_string(), stop.failures, stop.requests, reasons, stop.examples.clone());
    Ok(PyErr::from_value(class.call1(arguments)?))
}
