//! What JSON has no form for, and where it stands in what was to be sent.

use pyo3::exceptions::{PyException, PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Something that JSON has no form for.
pub(super) struct Misfit {
    /// From the inside out.
    path: Vec<String>,
    error: PyErr,
}

impl From<PyErr> for Misfit {
    fn from(error: PyErr) -> Self {
        Self { path: Vec::new(), error }
    }
}

impl Misfit {
    /// An object of a type that is not written, or as `what` a key of such a type.
    pub(super) fn of_type(what: &str, value: &Bound<'_, PyAny>, fix: &str) -> Self {
        let described = value.get_type().fully_qualified_name().and_then(|class| {
            let message = format!("{what}{} is of type {class}; {fix}", value.repr()?);
            Ok(PyTypeError::new_err(message))
        });
        described.unwrap_or_else(|error| error).into()
    }

    /// The same, seen from one container further out.
    pub(super) fn within(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }

    /// The error that the user sees: where it is, below the name it was given under, and what.
    pub(super) fn told(self, py: Python<'_>, name: &str) -> PyErr {
        let Self { path, error } = self;
        // Ctrl-C while a method of the user's ran says nothing about the value.
        if !error.is_instance_of::<PyException>(py) {
            return error;
        }
        let place: String = path.iter().rev().map(String::as_str).collect();
        let message = |what: String| format!("{name}{place} cannot be sent as JSON: {what}");
        let class = error.get_type(py);
        if is_ours(&class) {
            return PyErr::from_type(class, message(error.value(py).to_string()));
        }
        // A class of the user's may not take a text alone.
        let told = PyValueError::new_err(message(error.to_string()));
        told.set_cause(py, Some(error));
        told
    }
}

fn is_ours(class: &Bound<'_, PyType>) -> bool {
    let py = class.py();
    class.is(py.get_type::<PyTypeError>())
        || class.is(py.get_type::<PyValueError>())
        || class.is(py.get_type::<PyRecursionError>())
}
