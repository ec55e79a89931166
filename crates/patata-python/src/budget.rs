//! Budgets that are shared among processes, as the classes behind those of `patata.budget`.

use std::path::PathBuf;
use std::time::Duration;

use patata_budget::{BudgetError, ClientOptions, Handle, Holder, HolderBuilder, Terms, join};
use pyo3::exceptions::{PyConnectionError, PyOSError, PyPermissionError, PyValueError};
use pyo3::prelude::*;

use crate::borrowing::{exclusive, shared};
use crate::fork::Process;
use crate::interpreter::detached;
use crate::limits::seconds;

/// What holds a budget, on a thread of its own.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct BudgetHolder {
    holder: Option<Holder>,
    process: Process,
    handle: String,
}

#[pymethods]
impl BudgetHolder {
    /// Listens at `HOST:PORT`, where there is an address, or on a socket, where it is `unix:///PATH`.
    #[new]
    #[pyo3(signature = (rates, concurrency, address = None, secret = None, state = None))]
    fn new(
        py: Python<'_>,
        rates: Vec<(String, String)>,
        concurrency: u32,
        address: Option<&str>,
        secret: Option<String>,
        state: Option<PathBuf>,
    ) -> PyResult<Self> {
        let mut builder = HolderBuilder::new(terms(&rates, concurrency)?);
        if let Some(address) = address {
            builder = match address.strip_prefix("unix://") {
                Some(path) if path.len() > 1 && path.starts_with('/') => builder.unix(path),
                _ => builder.listen(address.parse().map_err(|_| {
                    PyValueError::new_err(format!(
                        "address must be an IP address and a port, as \"10.0.0.5:7077\", or \"unix:///path\", got \
                         {address:?}"
                    ))
                })?),
            };
        }
        if let Some(secret) = secret {
            builder = builder.secret(secret);
        }
        if let Some(path) = state {
            builder = builder.state(path);
        }
        let holder = detached(py, || builder.serve()).map_err(|error| raised(&error))?;
        let handle = holder.handle().reveal();
        Ok(Self { holder: Some(holder), process: Process::current(), handle })
    }

    /// What opens the budget, with its secret.
    #[getter]
    fn handle(&self) -> &str {
        &self.handle
    }

    /// Allows something else from now on.
    fn set(slf: &Bound<'_, Self>, rates: Vec<(String, String)>, concurrency: u32) -> PyResult<()> {
        let terms = terms(&rates, concurrency)?;
        let this = shared(slf)?;
        let holder = this.holder.as_ref().filter(|_| !this.process.is_gone());
        let Some(holder) = holder else {
            let why = "the budget cannot be set: it is not held here, as its handle was closed, or this process forked";
            return Err(PyValueError::new_err(why));
        };
        detached(slf.py(), || holder.set(terms)).map_err(|error| raised(&error))
    }

    /// Ends it. Not in the child of a fork, in which there is none of its threads.
    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (holder, process) = {
            let mut this = exclusive(slf)?;
            (this.holder.take(), this.process)
        };
        match holder {
            Some(holder) if process.is_gone() => std::mem::forget(holder),
            Some(holder) => detached(slf.py(), || holder.stop()),
            None => {}
        }
        Ok(())
    }
}

impl Drop for BudgetHolder {
    fn drop(&mut self) {
        if let Some(holder) = self.holder.take().filter(|_| self.process.is_gone()) {
            std::mem::forget(holder);
        }
    }
}

/// Checks rates by unit, and tells them as they are understood.
#[pyfunction]
pub(crate) fn budget_terms(rates: Vec<(String, String)>, concurrency: u32) -> PyResult<String> {
    Ok(terms(&rates, concurrency)?.to_string())
}

/// Checks a handle, and gives it another weight where there is one. Returns it, and what may be shown of it.
#[pyfunction]
#[pyo3(signature = (text, weight = None))]
pub(crate) fn budget_handle(text: &str, weight: Option<f64>) -> PyResult<(String, String)> {
    let mut handle = parsed(text)?;
    if let Some(weight) = weight {
        handle = handle.with_weight(weight).map_err(|error| raised(&error))?;
    }
    Ok((handle.reveal(), handle.to_string()))
}

/// Who uses how much of a budget, as JSON.
#[pyfunction]
pub(crate) fn budget_status(py: Python<'_>, text: &str) -> PyResult<String> {
    let handle = parsed(text)?;
    let status = detached(py, || patata_budget::status(&handle)).map_err(|error| raised(&error))?;
    serde_json::to_string(&status).map_err(|error| PyOSError::new_err(error.to_string()))
}

/// A client's part of the budget that a handle and a time-out in seconds name.
pub(crate) fn option(value: &Bound<'_, PyAny>) -> PyResult<patata::Allotment> {
    let (text, timeout): (String, Bound<'_, PyAny>) = value.extract()?;
    let options =
        ClientOptions { budget_timeout: seconds(&timeout)?.min(LONGEST), ..ClientOptions::default() };
    Ok(join(parsed(&text)?, options))
}

/// What is waited longer is waited for ever.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

fn terms(rates: &[(String, String)], concurrency: u32) -> PyResult<Terms> {
    let begin = Terms::new().concurrency(concurrency);
    let terms = rates.iter().try_fold(begin, |terms, (unit, rate)| terms.rate(unit, rate));
    terms.map_err(|error| raised(&error))
}

fn parsed(text: &str) -> PyResult<Handle> {
    text.parse().map_err(|error| raised(&error))
}

fn raised(error: &BudgetError) -> PyErr {
    let text = error.to_string();
    match error {
        BudgetError::Terms(_) | BudgetError::Handle { .. } | BudgetError::TooDear { .. } => {
            PyValueError::new_err(text)
        }
        BudgetError::Unreachable { .. } => PyConnectionError::new_err(text),
        BudgetError::WrongSecret { .. } => PyPermissionError::new_err(text),
        _ => PyOSError::new_err(text),
    }
}
