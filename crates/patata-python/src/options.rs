//! From Python's dict of options, checked there, to the engine's client.

use std::sync::OnceLock;

use patata::{Builder, ConfigError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::budget;
use crate::caching;
use crate::connections;
use crate::convert;
use crate::interpreter::detached;
use crate::limits;
use crate::telemetry;
use crate::upload;
use crate::values;

/// A client, or the options of one of its calls on top of it.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Client(patata::Client);

#[pymethods]
impl Client {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        with_options(base().environment_proxy(), options).map(Self)
    }

    /// The client of one call, with options of its own.
    fn with_options(&self, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        convert::check(options)?;
        with_options(self.0.to_builder(), options).map(Self)
    }

    /// Ends threads and closes connections now, unless there is a call.
    fn rest(&self, py: Python<'_>) {
        detached(py, || self.0.rest());
    }
}

impl Client {
    pub(crate) fn engine(&self) -> &patata::Client {
        &self.0
    }
}

/// Finds what is wrong with a dict of options. The environment is no part of it.
pub(crate) fn check(options: &Bound<'_, PyDict>) -> PyResult<()> {
    with_options(base(), options).map(drop)
}

/// What each client begins with. One for the process: what is costly to make, as the trust store is to read, is made
/// once.
fn base() -> Builder {
    static BASE: OnceLock<Builder> = OnceLock::new();
    BASE.get_or_init(|| patata::Client::builder().accept("application/json").without_proxy()).clone()
}

/// A client with the options of a dict, whose names are the engine's own.
fn with_options(mut builder: Builder, options: &Bound<'_, PyDict>) -> PyResult<patata::Client> {
    for (name, value) in options {
        let name: String = name.extract()?;
        builder = match name.as_str() {
            "num_workers" => builder.num_workers(value.extract()?),
            "queue_max_size" => builder.queue_max_size(value.extract()?),
            "input_chunk_size" => builder.input_chunk_size(value.extract()?),
            "pool_submit_size" => builder.pool_submit_size(value.extract()?),
            "ordered" => builder.ordered(value.extract()?),
            "connect_timeout" => builder.connect_timeout(limits::seconds(&value)?),
            "follow_redirects" => builder.follow_redirects(value.extract()?),
            "max_redirects" => builder.max_redirects(value.extract()?),
            "max_response_size" => builder.max_response_size(value.extract()?),
            "max_decompression_ratio" => {
                let ratio: usize = value.extract()?;
                builder.max_decompression_ratio(Some(ratio).filter(|ratio| *ratio > 0))
            }
            "headers" => headers(builder, &value)?,
            "params" => params(builder, &value)?,
            "cookies" => cookies(builder, &value)?,
            // Seen to below, by the conversion, and when a call begins.
            "auth" | "robots" | "retry_if" | "cost" | "settle" | "json" | "form" | "content" | "files"
            | "stream_to" | "progress" | "cache" | "cache_mode" | "if_changed" | "distinct"
            | "trace_parent" => builder,
            "verify" | "cert" | "min_tls_version" | "proxy" | "resolve" | "unix_socket" | "http_version" => {
                connections::option(builder, &name, &value)?
            }
            "telemetry" => builder.observer(telemetry::observer(&value)?),
            "budget" => builder.allotment(&budget::option(&value)?),
            _ => limits::option(builder, &name, &value)?,
        };
    }
    // After the headers, of which one may be what this replaces.
    if let Some(given) = options.get_item("auth")? {
        builder = auth(builder, &given)?;
    }
    if let Some(body) = upload::of_options(options)?.body()? {
        builder = builder.body(body);
    }
    caching::options(builder, options)?.build().map_err(unusable)
}

/// The headers of client and run: a name that the run gives is the run's alone.
fn headers(mut builder: Builder, levels: &Bound<'_, PyAny>) -> PyResult<Builder> {
    for level in levels.try_iter()? {
        let pairs = values::pairs("headers", &level?)?;
        for (name, _) in &pairs {
            builder = builder.without_header(name);
        }
        for (name, value) in pairs {
            if let Some(value) = values::header_value(&name, &value)? {
                builder = builder.header(name, value);
            }
        }
    }
    Ok(builder)
}

/// The parameters of client and run, likewise.
fn params(mut builder: Builder, levels: &Bound<'_, PyAny>) -> PyResult<Builder> {
    let mut merged: Vec<(String, String)> = Vec::new();
    for level in levels.try_iter()? {
        let level = level?;
        let given = values::pairs("params", &level)?;
        merged.retain(|(name, _)| given.iter().all(|(other, _)| other != name));
        merged.extend(values::texts("params", &level)?);
    }
    for (name, value) in merged {
        builder = builder.param(name, value);
    }
    Ok(builder)
}

/// A user's name and password, or a token. A function is asked for each request: see the conversion.
fn auth(builder: Builder, given: &Bound<'_, PyAny>) -> PyResult<Builder> {
    if let Some((user, password)) = values::pair_of_texts(given) {
        return Ok(builder.basic_auth(user, password));
    }
    if let Ok(token) = given.cast::<PyString>() {
        return Ok(builder.bearer_auth(token.to_str()?));
    }
    if given.is_callable() {
        return Ok(builder);
    }
    Err(PyValueError::new_err(format!(
        "auth must be (user, password), a token as a str, or a function from request to header, got {}",
        given.get_type()
    )))
}

/// Fixed cookies, or `True` for a jar.
fn cookies(mut builder: Builder, given: &Bound<'_, PyAny>) -> PyResult<Builder> {
    if let Ok(keep) = given.cast::<PyBool>() {
        return Ok(builder.cookie_jar(keep.is_true()));
    }
    // They stand in the place of a jar of the client's.
    builder = builder.cookie_jar(None);
    for (name, value) in values::texts("cookies", given)? {
        builder = builder.cookie(name, value);
    }
    Ok(builder)
}

pub(crate) fn unusable(error: ConfigError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
