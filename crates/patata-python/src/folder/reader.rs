//! A run folder that is read: its responses, what has failed, its accounts.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use patata_run::{Rows, RunFolder, Selection};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::error::exception;
use super::restored;
use crate::fault;
use crate::interpreter::detached;
use crate::response::Response;

/// A run folder. Another process may write to it meanwhile.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct FolderReader(RunFolder);

/// The responses of all its rows.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct FolderRows(Mutex<Rows>);

#[pymethods]
impl FolderReader {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        RunFolder::open(path).map(Self).map_err(|error| exception(py, &error))
    }

    /// Its responses, in the order in which they were written.
    fn responses(&self, py: Python<'_>) -> PyResult<FolderRows> {
        let rows = detached(py, || self.0.rows());
        rows.map(|rows| FolderRows(Mutex::new(rows))).map_err(|error| exception(py, &error))
    }

    /// The requests that have failed, as lines of JSON.
    fn failed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        lines(py, detached(py, || self.0.failed()))
    }

    /// The requests of which nobody knows whether they were done, likewise.
    fn unknown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        lines(py, detached(py, || self.0.unknown()))
    }

    /// The report as it is now, as HTML.
    fn report(&self, py: Python<'_>) -> PyResult<String> {
        detached(py, || self.0.report()).map_err(|error| exception(py, &error))
    }

    /// Its accounts, as those of a call.
    fn receipt<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let read = detached(py, || Ok((self.0.counts()?, self.0.failures()?, self.0.summary()?)));
        let ((ended, failed, unknown), failures, summary) = read.map_err(|error| exception(py, &error))?;
        let summary = summary.unwrap_or_default();
        let (errors, statuses) = (PyDict::new(py), PyDict::new(py));
        for (kind, count) in failures {
            match kind.parse::<u16>() {
                Ok(status) => statuses.set_item(status, count)?,
                Err(_) => errors.set_item(fault::class_of_name(&kind), count)?,
            }
        }
        let dict = PyDict::new(py);
        dict.set_item("submitted", ended + unknown)?;
        dict.set_item("ok", ended - failed)?;
        dict.set_item("failed", failed)?;
        dict.set_item("cancelled", unknown)?;
        dict.set_item("unknown", unknown)?;
        dict.set_item("attempts", summary.attempts)?;
        dict.set_item("bytes", summary.bytes)?;
        dict.set_item("errors", errors)?;
        dict.set_item("failed_statuses", statuses)?;
        let seconds = |percentage| summary.latency.percentile(percentage).as_secs_f64();
        let most = summary.latency.max().as_secs_f64();
        dict.set_item("latency", (seconds(50.0), seconds(90.0), seconds(99.0), most))?;
        Ok(dict)
    }

    /// Whether a process is at work in it.
    #[getter]
    fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// Marks requests, to be sent again by who goes on with it. Gives how many.
    #[staticmethod]
    fn retry(
        py: Python<'_>,
        path: PathBuf,
        statuses: Vec<u16>,
        kinds: Vec<String>,
        failed: bool,
        unknown: bool,
    ) -> PyResult<u64> {
        let selection = Selection { statuses, kinds, unknown, failed };
        detached(py, || RunFolder::retry(path, &selection)).map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl FolderRows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Response>> {
        loop {
            let line = self.0.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(line) = line.transpose().map_err(|error| exception(py, &error))? else {
                return Ok(None);
            };
            if let Some(response) = restored::response(py, &line)? {
                return Ok(Some(response));
            }
        }
    }
}

fn lines<'py>(
    py: Python<'py>,
    lines: Result<Vec<Vec<u8>>, patata_run::RunError>,
) -> PyResult<Bound<'py, PyList>> {
    let lines = lines.map_err(|error| exception(py, &error))?;
    PyList::new(py, lines.iter().map(|line| PyBytes::new(py, line)))
}
