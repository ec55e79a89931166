//! What benchmarks call of the conversion, which is hidden in the extension module. No part of any interface.

#![allow(missing_docs, reason = "it is for the benchmarks in this repository, which say what each does")]

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use crate::convert::{Conversion, Units};
use crate::response::Response;

/// Makes requests of the engine's of all items, and drops them.
///
/// # Errors
/// For an item that is no request.
pub fn convert(items: &Bound<'_, PyList>) -> PyResult<()> {
    let mut conversion = Conversion::new("GET", &PyDict::new(items.py()), Arc::default(), Units::default())?;
    items.iter().try_for_each(|item| conversion.request(&item).map(drop))
}

/// The class `patata.Response`.
pub fn response_class(py: Python<'_>) -> Bound<'_, PyType> {
    py.get_type::<Response>()
}
