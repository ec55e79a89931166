//! Scalars of the standard library and of numpy, as texts and numbers that can be sent.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyString};

use super::classes::{DATE, DATETIME64, FLOATING, GENERIC, TIME, TIMEDELTA64, UUID};
use crate::once::interned;

/// The text that a date, a time or a UUID is sent as. A datetime is a date.
pub(crate) fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    if DATE.has(value)? || TIME.has(value)? {
        let text = value.call_method0(interned!(value.py(), "isoformat"))?;
        return Ok(Some(text.cast_into::<PyString>()?));
    }
    if UUID.has(value)? { value.str().map(Some) } else { Ok(None) }
}

/// A scalar of numpy's as one of Python's. `None` for everything else, and for a span of time, which has no
/// form that others know.
pub(crate) fn of_numpy<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    if !GENERIC.has(value)? || TIMEDELTA64.has(value)? {
        return Ok(None);
    }
    if DATETIME64.has(value)? {
        // Its `item` may be a number of nanoseconds.
        let text = value.str()?;
        let is_date = text.to_str()? != "NaT";
        return match is_date {
            true => Ok(Some(text.into_any())),
            false => Err(PyValueError::new_err("NaT is no date; send null or a text instead")),
        };
    }
    if FLOATING.has(value)? {
        // By its own digits: the nearest double to a float32 of 0.1 has 17 of them.
        return py.get_type::<PyFloat>().call1((value.str()?,)).map(Some);
    }
    let item = value.call_method0(interned!(py, "item"))?;
    // What stays what it is has no form in Python.
    Ok(if GENERIC.has(&item)? { None } else { Some(item) })
}
