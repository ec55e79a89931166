//! Tables for who takes a stream of Arrow's.

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::{ArrayReader, to_stream_pycapsule};

/// A stream as the capsule that libraries hand to one another.
///
/// Which types somebody wishes for is best effort by that protocol: who takes the stream has casts of its own, and those
/// that would have to be linked for it, between any two types, are a tenth of what the wheel may have.
pub(crate) fn exported<'py>(
    py: Python<'py>,
    reader: Box<dyn ArrayReader + Send>,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    drop(requested_schema);
    Ok(to_stream_pycapsule(py, reader, None)?)
}
