//! From Python's dict of options, checked there, to the engine's client.

use std::sync::OnceLock;
use std::time::Duration;

use patata::{Client, ConfigError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The engine's client for a dict of options, whose names are the engine's own.
pub(crate) fn client(options: &Bound<'_, PyDict>) -> PyResult<Client> {
    // One for the process: what is costly to make, as the trust store is to read, is made once.
    static BASE: OnceLock<Client> = OnceLock::new();
    let base = match BASE.get() {
        Some(base) => base,
        None => {
            let base = Client::builder().accept("application/json").build().map_err(unusable)?;
            BASE.get_or_init(|| base)
        }
    };
    let mut builder = base.to_builder();
    for (name, value) in options {
        let name: String = name.extract()?;
        builder = match name.as_str() {
            "num_workers" => builder.num_workers(value.extract()?),
            "concurrency" => builder.concurrency(value.extract()?),
            "queue_max_size" => builder.queue_max_size(value.extract()?),
            "input_chunk_size" => builder.input_chunk_size(value.extract()?),
            "pool_submit_size" => builder.pool_submit_size(value.extract()?),
            "ordered" => builder.ordered(value.extract()?),
            "retries" => builder.retries(value.extract()?),
            "backoff" => builder.backoff(seconds(&value)?),
            "max_backoff" => builder.max_backoff(seconds(&value)?),
            "timeout" => builder.timeout(seconds(&value)?),
            "connect_timeout" => builder.connect_timeout(seconds(&value)?),
            "follow_redirects" => builder.follow_redirects(value.extract()?),
            "max_redirects" => builder.max_redirects(value.extract()?),
            "max_response_size" => builder.max_response_size(value.extract()?),
            _ => return Err(PyValueError::new_err(format!("unknown option {name:?}"))),
        };
    }
    builder.build().map_err(unusable)
}

fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    // What is too long for the clock is for ever.
    Ok(Duration::try_from_secs_f64(value.extract()?).unwrap_or(Duration::MAX))
}

fn unusable(error: ConfigError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
