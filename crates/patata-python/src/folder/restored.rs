//! From a row of a run folder to the response that it was made of.

use bytes::Bytes;
use patata_run::{Id, RestoredRow};
use pyo3::prelude::*;

use super::row::CALLBACK;
use crate::fault::{self, Fault};
use crate::json;
use crate::received::Received;
use crate::response::{Failure, Response};

/// The response of a row; `None` for what is no row.
pub(super) fn response(py: Python<'_>, line: &[u8]) -> PyResult<Option<Response>> {
    let Some(row) = RestoredRow::read(line) else { return Ok(None) };
    let id_ = match &row.id {
        Id::None => py.None(),
        Id::Integer(number) => number.into_pyobject(py)?.into_any().unbind(),
        Id::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
    };
    let (body, data) = match row.is_changed {
        true => (Bytes::new(), json::decode(py, &row.body)?.map(Bound::unbind)),
        false => (row.body, None),
    };
    let received = Received::restored(row.headers, row.url, row.path)?;
    let (error, data) = match row.error {
        None => (Failure::None, data),
        Some(error) if error.kind == CALLBACK => {
            let class = fault::class(py, "CallbackError")?;
            let exception = class.call1((error.message, py.None(), row.status))?.unbind();
            (Failure::Exception(exception.clone_ref(py)), Some(exception))
        }
        Some(error) => (Failure::Fault(Box::new(Fault::restored(&error.kind, error.message))), None),
    };
    let status = row.status.filter(|_| matches!(error, Failure::None));
    Ok(Some(Response::restored(id_, status, body, data, error, received, row.attempts, row.elapsed)))
}
