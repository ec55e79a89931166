//! From a response that callbacks have had to the row that is written down of it.

use std::sync::Arc;

use patata_run::{Changed, ChangedBody, Recorder, Ticket};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault;
use crate::follow::FoundItems;
use crate::json;
use crate::response::{Failure, Response};

/// What a response that is to be recorded has beside what Python sees.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) ticket: Arc<Ticket>,
    /// Whether it is a success, as it came.
    pub(crate) is_ok: bool,
    /// As it came; `None` where no response did.
    pub(crate) status: Option<u16>,
    /// What it has led to, once the user's function was asked.
    pub(crate) found: Option<Box<FoundItems>>,
}

/// What has become of a response that was to be recorded.
pub(super) enum Recorded {
    /// It has a row. Where that could not be made of what callbacks have returned, it is what the server has sent.
    Row { refused: Option<PyErr> },
    /// It is none of the run's, or is left to the next process.
    Nothing,
    /// The disk has refused it.
    Failed,
}

/// The kind of error, in rows, of what callbacks have failed on.
pub(super) const CALLBACK: &str = "callback";
/// That of what they have returned and cannot be written down.
const UNWRITABLE: &str = "unwritable";

/// The parts of a row that callbacks may have changed.
struct Told {
    status: Option<u16>,
    /// JSON that was put in the place of the body.
    data: Option<String>,
    error: Option<(String, String)>,
}

/// Records a response as it is now.
pub(super) fn record(recorder: &mut Recorder, response: &Bound<'_, Response>) -> PyResult<Recorded> {
    let py = response.py();
    let response = response.get();
    let Some(pending) = response.lock().pending.take() else { return Ok(Recorded::Nothing) };
    let (told, refused) = match told(py, response, &pending) {
        Ok(told) => (told, None),
        Err(error) if !error.is_instance_of::<pyo3::exceptions::PyException>(py) => return Err(error),
        Err(error) => {
            let refused = unwritable(py, response, &error);
            let error = Some((UNWRITABLE.to_owned(), refused.value(py).to_string()));
            (Told { status: pending.status, data: None, error }, Some(refused))
        }
    };
    let fields = response.lock();
    let (url, headers) = (fields.received.url(), fields.received.headers());
    let path = fields.received.path().map(|path| path.to_string_lossy().into_owned());
    let (body, attempts, elapsed) = (fields.body.clone(), fields.attempts, fields.elapsed);
    drop(fields);
    let is_ok = told.error.is_none()
        && match told.status == pending.status {
            true => pending.is_ok,
            false => told.status.is_some_and(|status| status < 400),
        };
    let changed = Changed {
        status: told.status,
        is_ok,
        url: &url,
        headers: &headers,
        path: path.as_deref(),
        body: match &told.data {
            Some(text) => ChangedBody::Json(text),
            None => ChangedBody::AsItCame(&body),
        },
        error: told.error.as_ref().map(|(kind, message)| (&**kind, &**message)),
        attempts,
        elapsed: std::time::Duration::from_nanos(elapsed),
    };
    Ok(match recorder.record_row(&pending.ticket, &changed) {
        Ok(()) => Recorded::Row { refused },
        Err(_) => Recorded::Failed,
    })
}

/// What callbacks have made of it.
///
/// # Errors
/// What cannot be written down.
fn told(py: Python<'_>, response: &Response, pending: &Pending) -> PyResult<Told> {
    let error = match response.failure(py) {
        Failure::None => None,
        Failure::Fault(fault) => Some((fault.kind().to_owned(), fault.detail().to_owned())),
        Failure::Exception(exception) => {
            let exception = exception.into_bound(py);
            let class = exception.get_type().name()?.to_string();
            let kind = fault::kind_of_class(&class).map_or(class, str::to_owned);
            Some((kind, exception.str()?.to_string_lossy().into_owned()))
        }
    };
    // What the server has answered is kept, also where a callback has failed on it.
    if error.is_some() {
        return Ok(Told { status: pending.status, data: None, error });
    }
    let status = response.get_status_code(py)?.extract::<u16>()?;
    let data = match response.known_data(py) {
        Some(data) => changed_data(py, response, &data)?,
        None => None,
    };
    Ok(Told { status: Some(status), data, error: None })
}

/// The JSON of data that is not what the body says.
fn changed_data(py: Python<'_>, response: &Response, data: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    // Of a body that is no JSON, the data are an empty dict: who has only looked at them has changed nothing.
    let is_empty = data.cast_exact::<PyDict>().is_ok_and(|dict| dict.is_empty());
    let is_answered = !response.lock().received.is_none();
    if is_empty && is_answered && response.parsed(py)?.is_none() {
        return Ok(None);
    }
    let encoded = json::encode("data", data).or_else(|error| {
        // A body may say what JSON cannot: numbers beyond all bounds.
        let is_as_it_came = response.parsed(py)?.is_some_and(|parsed| parsed.eq(data).unwrap_or(false));
        if is_as_it_came { Ok(Vec::new()) } else { Err(error) }
    })?;
    Ok((!encoded.is_empty()).then(|| String::from_utf8_lossy(&encoded).into_owned()))
}

fn unwritable(py: Python<'_>, response: &Response, cause: &PyErr) -> PyErr {
    let shown =
        |value: &Bound<'_, PyAny>| value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    let kind = |value: &Bound<'_, PyAny>| {
        value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
    };
    let status = response.get_status_code(py).map_or_else(|_| "?".to_owned(), |status| kind(&status));
    let data = response.known_data(py).map_or_else(|| "dict".to_owned(), |data| kind(&data));
    let message = format!(
        "what the callbacks have made of response {} cannot be written to the run folder as JSON: its data is of type \
         {data}, its status_code of type {status} ({}). What the server has sent is in the folder, as failed; return what \
         JSON has",
        shown(&response.id_(py)),
        cause.value(py)
    );
    let error = fault::raise(py, "UnwritableResponseError", message);
    error.set_cause(py, Some(cause.clone_ref(py)));
    error
}
