//! The options of how much is asked of servers, and of when a run ends by itself, for the engine's builder.

use std::sync::Arc;
use std::time::Duration;

use patata::Builder;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Sets one option, which Python has checked.
pub(crate) fn option(builder: Builder, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
    Ok(match name {
        "concurrency" if value.is_instance_of::<PyString>() => builder.concurrency_auto(),
        "concurrency" => builder.concurrency(value.extract()?),
        "concurrency_per_host" => builder.concurrency_per_host(value.extract()?),
        "rate" => rates(value)?.into_iter().fold(builder, Builder::rate),
        "rate_per_host" => rates(value)?.into_iter().fold(builder, Builder::rate_per_host),
        "budgets" => {
            budgets(value)?.into_iter().fold(builder, |builder, (unit, rate)| builder.budget(unit, rate))
        }
        "budgets_per_host" => {
            let all = budgets(value)?.into_iter();
            all.fold(builder, |builder, (unit, rate)| builder.budget_per_host(unit, rate))
        }
        "retries" => builder.retries(value.extract()?),
        "retry_statuses" => builder.retry_statuses(statuses(value)?),
        "retry_non_idempotent" => builder.retry_non_idempotent(value.extract()?),
        "retry_budget" => {
            builder.retry_budget(Some(value.extract::<f64>()?).filter(|share| share.is_finite()))
        }
        "idempotency_key" => builder.idempotency_key(value.extract()?),
        "backoff" => builder.backoff(seconds(value)?),
        "max_backoff" => builder.max_backoff(seconds(value)?),
        "seed" => builder.seed(value.extract()?),
        "timeout" => builder.timeout(seconds(value)?),
        "total_timeout" => builder.total_timeout(seconds(value)?),
        "learn_limits" => builder.learn_limits(value.extract()?),
        "host_timeout" => builder.host_timeout(seconds(value)?),
        "deadline" => builder.deadline(seconds(value)?),
        "max_failures" => match value.extract::<u64>() {
            Ok(count) => builder.max_failures(count),
            Err(_) => builder.max_failures(value.extract::<f64>()?),
        },
        "ok_statuses" => builder.ok_statuses(statuses(value)?),
        "input_stall" => input_stall(builder, value)?,
        "abort_on" => builder.abort_on(statuses(value)?),
        _ => return Err(PyValueError::new_err(format!("unknown option {name:?}"))),
    })
}

pub(crate) fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    // What is too long for the clock is for ever.
    Ok(Duration::try_from_secs_f64(value.extract()?).unwrap_or(Duration::MAX))
}

/// Seconds, and what is called once the input has kept the run waiting for so long.
fn input_stall(builder: Builder, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
    let (after, tell): (f64, Py<PyAny>) = value.extract()?;
    let tell = Arc::new(tell);
    let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
    Ok(builder.on_input_stall(after, move || {
        let tell = tell.clone();
        // Not on the event loop, which whoever holds Python's lock may be waiting for.
        std::thread::spawn(move || {
            Python::try_attach(|py| {
                if let Err(error) = tell.call0(py) {
                    error.write_unraisable(py, None);
                }
            });
        });
    }))
}

fn rates(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    value.extract()
}

fn budgets(value: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    value.extract()
}

fn statuses(value: &Bound<'_, PyAny>) -> PyResult<Vec<u16>> {
    value.extract()
}
