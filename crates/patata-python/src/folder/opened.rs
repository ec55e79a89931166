//! A run folder that has been begun, or is gone on with, before there is a call.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use patata_run::{Compression, Format, LimitsNow, Manifest, RecordOptions, RunFolder, Unknown};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::admittance::Admittance;
use super::error::exception;
use super::passed::Passed;
use super::recording::Recording;
use crate::interpreter::detached;

/// A run folder whose lock this process has. To be given to a stream.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct OpenedFolder {
    recording: Mutex<Option<patata_run::Recording>>,
    limits: LimitsNow,
    /// Whether callbacks have a look at responses before they are recorded.
    is_called_back: bool,
}

#[pymethods]
impl OpenedFolder {
    /// Goes on with the run of a folder, or begins it. May take its time.
    #[new]
    fn new(folder: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = folder.py();
        let path: PathBuf = item(folder, "path")?.extract()?;
        let (manifest, options) = (manifest(folder)?, options(folder)?);
        let opened = detached(py, || RunFolder::create_or_resume(path, manifest, options));
        let recording = opened.map_err(|error| exception(py, &error))?;
        Ok(Self {
            recording: Mutex::new(Some(recording)),
            limits: limits(folder)?,
            is_called_back: item(folder, "is_called_back")?.extract()?,
        })
    }
}

impl OpenedFolder {
    /// The two sides of it, for the run of a call.
    pub(crate) fn begin(&self, client: patata::Client) -> PyResult<(Admittance, Recording)> {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(patata_run::Recording { gate, recorder, .. }) = recording else {
            return Err(PyValueError::new_err("the folder is in use by another stream"));
        };
        let passed = Arc::new(Passed::default());
        let admittance = Admittance::new(gate, passed.clone());
        Ok((admittance, Recording::new(recorder, passed, client, self.limits.clone(), self.is_called_back)))
    }
}

fn item<'py>(folder: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    folder.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("the folder has no {name}")))
}

/// What is written down of the run before it begins.
fn manifest(folder: &Bound<'_, PyDict>) -> PyResult<Manifest> {
    let mut manifest = Manifest::new("python");
    let output = &mut manifest.output;
    output.format = match item(folder, "format")?.extract::<String>()?.as_str() {
        "csv" => Format::Csv,
        _ => Format::Jsonl,
    };
    output.compression = match item(folder, "compression")?.extract::<Option<String>>()?.as_deref() {
        Some("zstd") => Compression::Zstd,
        Some("gzip") => Compression::Gzip,
        _ => Compression::None,
    };
    output.part_rows = item(folder, "part_rows")?.extract()?;
    output.columns = item(folder, "columns")?.extract()?;
    output.headers = item(folder, "headers")?.extract()?;
    let told: String = item(folder, "options")?.extract()?;
    manifest.options = serde_json::from_str(&told).unwrap_or_default();
    Ok(manifest)
}

fn options(folder: &Bound<'_, PyDict>) -> PyResult<RecordOptions> {
    let mut options = RecordOptions::default();
    if item(folder, "unknown")?.extract::<String>()? == "resend" {
        options.unknown = Unknown::Resend;
    }
    options.idempotency_keys = item(folder, "idempotency_key")?.extract()?;
    Ok(options)
}

/// What the folder's pictures say of limits.
fn limits(folder: &Bound<'_, PyDict>) -> PyResult<LimitsNow> {
    Ok(LimitsNow {
        rate: item(folder, "rate")?.extract()?,
        rate_per_host: item(folder, "rate_per_host")?.extract()?,
        concurrency: item(folder, "concurrency")?.extract()?,
        concurrency_per_host: item(folder, "concurrency_per_host")?.extract()?,
        ..LimitsNow::default()
    })
}
