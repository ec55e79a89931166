//! From a row of a run folder to the response that it was made of.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use patata_run::Id;
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::row::CALLBACK;
use crate::fault::{self, Fault};
use crate::json;
use crate::received::Received;
use crate::response::{Failure, Response};

/// A row, as it is written.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(default)]
    id: Id,
    #[serde(default)]
    status: Option<u16>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(default)]
    attempts: u32,
    /// Milliseconds.
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    path: Option<PathBuf>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<RowError<'a>>,
    #[serde(default)]
    changed: bool,
}

#[derive(Deserialize)]
struct RowError<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Binary<'a> {
    #[serde(borrow)]
    base64: Cow<'a, str>,
}

/// The response of a row; `None` for what is no row.
pub(super) fn response(py: Python<'_>, line: &[u8]) -> PyResult<Option<Response>> {
    let Ok(row) = serde_json::from_slice::<Row<'_>>(line) else { return Ok(None) };
    let id_ = match &row.id {
        Id::None => py.None(),
        Id::Integer(number) => number.into_pyobject(py)?.into_any().unbind(),
        Id::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
    };
    let data = match row.body {
        Some(body) if row.changed => json::decode(py, body.get().as_bytes())?.map(Bound::unbind),
        None if row.changed => Some(py.None()),
        _ => None,
    };
    let body = row.body.filter(|_| !row.changed).map_or_else(Bytes::new, |body| body_of(body.get()));
    let headers = row.headers.into_iter().collect();
    let received = Received::restored(headers, row.url.into_owned(), row.path)?;
    let (error, data) = match row.error {
        None => (Failure::None, data),
        Some(error) if *error.kind == *CALLBACK => {
            let class = fault::class(py, "CallbackError")?;
            let exception = class.call1((&*error.message, py.None(), row.status))?.unbind();
            (Failure::Exception(exception.clone_ref(py)), Some(exception))
        }
        Some(error) => {
            (Failure::Fault(Box::new(Fault::restored(&error.kind, error.message.into_owned()))), None)
        }
    };
    let status = row.status.filter(|_| matches!(error, Failure::None));
    let elapsed = Duration::try_from_secs_f64(row.ms / 1000.0).unwrap_or_default();
    Ok(Some(Response::restored(id_, status, body, data, error, received, row.attempts, elapsed)))
}

/// The body as it came. A text that is none of JSON, and bytes, are written as JSON of another kind.
fn body_of(written: &str) -> Bytes {
    if written == "null" {
        return Bytes::new();
    }
    if written.starts_with('"')
        && let Ok(text) = serde_json::from_str::<Cow<'_, str>>(written)
    {
        // Had the text been JSON, it would not have been written as a text: this is a body of one JSON string.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        return if is_json { Bytes::copy_from_slice(written.as_bytes()) } else { text.into_owned().into() };
    }
    let binary = written.starts_with('{').then(|| serde_json::from_str::<Binary<'_>>(written).ok()).flatten();
    // Bytes that are a text would have been written as one.
    binary
        .and_then(|binary| base64::engine::general_purpose::STANDARD.decode(&*binary.base64).ok())
        .filter(|bytes| std::str::from_utf8(bytes).is_err())
        .map_or_else(|| Bytes::copy_from_slice(written.as_bytes()), Bytes::from)
}
