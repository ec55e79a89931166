//! A run folder that has been begun, or is gone on with, before there is a call; or a part of one, which is opened once its
//! requests are there.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patata::Request;
use patata_run::{
    Compression, Format, Id, LimitsNow, Manifest, OutputOptions, Part, RecordOptions, RunFolder, Unknown,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::admittance::Admittance;
use super::error::exception;
use super::joining::Joining;
use super::passed::Passed;
use super::recording::Recording;
use crate::convert::Conversion;
use crate::input::Joined;
use crate::interpreter::detached;

/// A run folder whose lock this process has, to be given to a stream or a table; or the part of a worker, for a table.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct OpenedFolder {
    state: Mutex<Option<Opened>>,
    limits: LimitsNow,
    /// Whether callbacks have a look at responses before they are recorded.
    is_called_back: bool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it at a time")]
enum Opened {
    Whole(patata_run::Recording),
    /// Not yet: other parts are looked through for its requests.
    Part {
        root: PathBuf,
        part: Part,
        options: RecordOptions,
    },
}

#[pymethods]
impl OpenedFolder {
    /// Goes on with the run of a folder, or begins it. May take its time.
    #[new]
    fn new(folder: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = folder.py();
        let path: PathBuf = item(folder, "path")?.extract()?;
        let options = options(folder)?;
        let opened = match part(folder)? {
            Some(part) => Opened::Part { root: path, part, options },
            None => {
                let manifest = manifest(folder)?;
                let opened = detached(py, || RunFolder::create_or_resume(path, manifest, options));
                Opened::Whole(opened.map_err(|error| exception(py, &error))?)
            }
        };
        Ok(Self {
            state: Mutex::new(Some(opened)),
            limits: limits(folder)?,
            is_called_back: item(folder, "is_called_back")?.extract()?,
        })
    }

    /// Begins a session of a run with many writers, whose number its workers are given.
    #[staticmethod]
    fn begin_session(folder: &Bound<'_, PyDict>) -> PyResult<u64> {
        let py = folder.py();
        let path: PathBuf = item(folder, "path")?.extract()?;
        let manifest = manifest(folder)?;
        detached(py, || RunFolder::begin_session(path, manifest)).map_err(|error| exception(py, &error))
    }

    /// Checks how responses are to be written, before there is a folder. Raises ``ValueError``.
    #[staticmethod]
    fn check(folder: &Bound<'_, PyDict>) -> PyResult<()> {
        output(folder)?.check().map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

impl OpenedFolder {
    /// What is to be recorded with, and the limits as its pictures show them, for the run of a table: once. `requests` gives
    /// those of the table, for a part; it may be called, on this thread. May take its time: the caller is detached.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub(crate) fn take<T, I: Iterator<Item = (Id, Request<T>)>>(
        &self,
        requests: impl FnOnce() -> I,
    ) -> Result<(patata_run::Recording, LimitsNow), patata_run::RunError> {
        let opened = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        let recording = match opened {
            Some(Opened::Whole(recording)) => recording,
            Some(Opened::Part { root, part, options }) => {
                RunFolder::open_part(root, &part, options, requests)?
            }
            None => {
                let why = "it was given to another call".to_owned();
                return Err(patata_run::RunError::NotARunFolder { path: PathBuf::new(), why });
            }
        };
        Ok((recording, self.limits.clone()))
    }

    /// Whether it is the part of a worker.
    pub(crate) fn is_part(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*state, Some(Opened::Part { .. }))
    }

    /// The two sides of it, for the run of a call. What joins the call, where something may, is written down with
    /// `conversion`.
    pub(crate) fn begin(
        &self,
        client: patata::Client,
        joined: Option<&mut Joined>,
        conversion: impl FnOnce() -> PyResult<Conversion>,
    ) -> PyResult<(Admittance, Recording)> {
        let opened = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        let patata_run::Recording { gate, found, recorder, .. } = match opened {
            Some(Opened::Whole(recording)) => recording,
            Some(Opened::Part { .. }) => {
                return Err(PyValueError::new_err("a part of a run is for tables"));
            }
            None => return Err(PyValueError::new_err("the folder is in use by another stream")),
        };
        let passed = Arc::new(Passed::default());
        let admittance = Admittance::new(gate, passed.clone());
        let joining = Joining::new(found, passed.clone());
        let mut recording =
            Recording::new(recorder, passed, client, self.limits.clone(), self.is_called_back);
        if joining.has_left() && joined.as_ref().is_none_or(|joined| !joined.queue.is_used()) {
            return Err(PyValueError::new_err(
                "run_folder: the call that was written down there follows its responses, and has follow-ups in found.jsonl; \
                 give its follow again, or begin anew in another folder",
            ));
        }
        if let Some(joined) = joined {
            recording.follow(joining.clone(), conversion()?, joined.queue.clone());
            joined.joining = Some(joining);
        }
        Ok((admittance, recording))
    }
}

fn item<'py>(folder: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    folder.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("the folder has no {name}")))
}

/// The part that is meant, where it is one of many writers.
fn part(folder: &Bound<'_, PyDict>) -> PyResult<Option<Part>> {
    let Some(name) = folder.get_item("part")? else { return Ok(None) };
    let mut part = Part::new(name.extract::<String>()?, item(folder, "session")?.extract()?);
    let seconds: f64 = item(folder, "wait")?.extract()?;
    part.wait = Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("wait must be a number of seconds, got {seconds}")))?;
    Ok(Some(part))
}

/// What is written down of the run before it begins.
fn manifest(folder: &Bound<'_, PyDict>) -> PyResult<Manifest> {
    let mut manifest = Manifest::new("python");
    manifest.output = output(folder)?;
    let told: String = item(folder, "options")?.extract()?;
    manifest.options = serde_json::from_str(&told).unwrap_or_default();
    Ok(manifest)
}

/// How responses are written.
fn output(folder: &Bound<'_, PyDict>) -> PyResult<OutputOptions> {
    let mut output = OutputOptions::default();
    output.format = match item(folder, "format")?.extract::<String>()?.as_str() {
        "csv" => Format::Csv,
        "parquet" => Format::Parquet,
        _ => Format::Jsonl,
    };
    output.compression = match item(folder, "compression")?.extract::<Option<String>>()?.as_deref() {
        Some("zstd") => Compression::Zstd,
        Some("gzip") => Compression::Gzip,
        _ => Compression::None,
    };
    output.part_rows = item(folder, "part_rows")?.extract()?;
    output.columns = item(folder, "columns")?.extract()?;
    output.schema = item(folder, "schema")?.extract()?;
    output.headers = item(folder, "headers")?.extract()?;
    Ok(output)
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
