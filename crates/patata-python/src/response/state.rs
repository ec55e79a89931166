//! A response as plain objects, by which it travels to another process, and back.

use std::time::Duration;

use bytes::Bytes;
use patata::CacheStatus;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::fields::{Fields, Waited, nanoseconds};
use super::{Response, bytes};
use crate::received::Received;

/// Id, status code, data where it is not what the body says, the body, the error, and the rest.
pub(super) type State<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Bound<'py, PyBytes>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyBytes>>,
    Effort,
);

/// Attempts, whether one more was denied, nanoseconds; the budget that was waited for, with its own; the depth;
/// and how far it has come from a cache.
pub(super) type Effort = (u32, bool, u64, Option<(String, u64)>, u32, String);

pub(super) fn of<'py>(response: &Response, py: Python<'py>) -> PyResult<State<'py>> {
    let error = response.get_error(py)?;
    // Data that nobody has looked at is made anew where it is wanted.
    let data = response.known_data(py);
    let (body, packed, effort) = {
        let fields = response.lock();
        let waited = fields.waited.as_ref().map(|waited| (waited.budget.clone(), nanoseconds(waited.time)));
        let cached = fields.cached.name().to_owned();
        let effort = (fields.attempts, fields.retry_denied, fields.elapsed, waited, fields.depth, cached);
        (fields.body.clone(), fields.received.packed(), effort)
    };
    let received = packed?.map(|packed| PyBytes::new(py, &packed));
    Ok((response.id_(py), response.get_status_code(py)?, data, bytes(py, &body)?, error, received, effort))
}

/// Fills in what a state says beyond id, status code and error. What was there as data is `None`, of which nothing is let
/// go.
pub(super) fn restore(
    fields: &mut Fields,
    data: Option<Py<PyAny>>,
    body: &[u8],
    received: Option<&[u8]>,
    effort: Effort,
) {
    fields.data = data;
    fields.body = Bytes::copy_from_slice(body);
    fields.received = Received::unpack(received);
    (fields.attempts, fields.retry_denied) = (effort.0, effort.1);
    (fields.elapsed, fields.depth) = (effort.2, effort.4);
    fields.cached = CacheStatus::from_name(&effort.5).unwrap_or_default();
    let waited = effort.3.map(|(budget, time)| Waited { budget, time: Duration::from_nanos(time) });
    fields.waited = waited.map(Box::new);
}
