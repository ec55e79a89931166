//! A fetch as Python sees it: stepped by whoever calls it, or taken as a stream of Arrow's.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator};
use arrow_schema::{ArrowError, FieldRef, SchemaRef};
use patata_arrow::{Requests, Results, TableError};
use patata_run::{LimitsNow, Recording};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use pyo3::{PyTraverseError, PyVisit};
use pyo3_arrow::ffi::{ArrayReader, to_schema_pycapsule};
use pyo3_arrow::{PyRecordBatch, PyRecordBatchReader, PySchema};

use super::fetching::Fetching;
use super::input::{Batches, Identified, Input};
use super::options::{Asked, exception};
use super::run::TableRun;
use super::table::{Table, struct_field, struct_of};
use crate::accounts::{self, Accounts};
use crate::control::Control;
use crate::convert::{Conversion, Functions, Units};
use crate::folder::{OpenedFolder, Passed, exception as folder_exception};
use crate::fork::Process;
use crate::frames::export::exported;
use crate::interpreter::detached;
use crate::options::Client;
use crate::raised::Raised;
use crate::robots;
use crate::telemetry;

/// How long a step may take, and how long it may be deaf to signals.
const TURN: Duration = Duration::from_millis(100);

/// The requests of a table, and the table of their results. Each method may be called from any thread.
#[pyclass(module = "patata._patata", frozen)]
pub(crate) struct TableStream {
    fetching: Mutex<Fetching>,
    functions: Functions,
    engine: patata::Control,
    /// What earlier processes have dealt with, where there is a run folder.
    passed: Option<Arc<Passed>>,
    process: Process,
}

#[pymethods]
impl TableStream {
    /// `data` has `__arrow_c_stream__`, or is the path of a file; `folder` opens the run folder, if there is one.
    #[new]
    #[pyo3(signature = (method, data, client, options, table, folder=None))]
    fn new(
        method: &str,
        data: &Bound<'_, PyAny>,
        client: &Client,
        options: &Bound<'_, PyDict>,
        table: &Bound<'_, PyDict>,
        folder: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let unusable = |error| exception(table.py(), &error);
        let batches = batches(data)?;
        let (plan, output) = Asked::of(method, table)?.plan(&batches.schema()).map_err(unusable)?;
        let results = Results::new(output.clone()).map_err(unusable)?;
        let raised = Arc::new(Raised::default());
        let conversion = Conversion::new(method, options, raised.clone(), Units::of(client.engine()))?;
        let functions = conversion.functions().clone();
        let obeying = robots::obeying(client.engine(), options, &raised)?;
        let traced = telemetry::traced(obeying.as_ref().unwrap_or(client.engine()), options)?;
        let apart = traced.or(obeying);
        let engine = apart.as_ref().unwrap_or(client.engine());
        // Opened last, so that what is wrong with the table leaves no trace in it.
        let opened = folder.map(|open| open.call0()).transpose()?;
        let folder = opened.as_ref().map(|opened| opened.cast::<OpenedFolder>()).transpose()?.map(Bound::get);
        let (batches, again) = match folder.is_some_and(OpenedFolder::is_part) {
            true => twice(batches).map_err(unusable)?,
            false => (batches, None),
        };
        let again = again.map(|again| Requests::new(again, plan.clone(), &output));
        let has_integer_ids = plan.has_integer_ids();
        let requests = Requests::new(batches, plan, &output);
        let requests = requests.answered_by(&results, client.engine().is_ordered());
        let fault = requests.fault();
        let identified = |input| Identified::new(input, has_integer_ids);
        let again = again.map(|again| identified(Input::new(again, None, raised.clone())));
        let input = Input::new(requests, Some(conversion), raised.clone());
        let passed = folder.map(|_| Arc::new(Passed::default()));
        let run = match (folder, &passed) {
            (Some(folder), Some(passed)) => {
                let (recording, limits) = recording(table.py(), folder, again)?;
                TableRun::recorded(engine, identified(input), recording, limits, passed.clone())
            }
            _ => TableRun::plain(engine, input),
        };
        let engine = run.control();
        let fetching = Fetching::new(run, results, fault, raised, functions.settle.clone());
        Ok(Self { fetching: Mutex::new(fetching), functions, engine, passed, process: Process::current() })
    }

    /// A handle for other threads.
    fn control(&self) -> Control {
        Control::new(self.engine.clone(), self.process, self.passed.clone())
    }

    /// Goes on for a moment. `False` at the end. Raises what has ended it early, once.
    fn step(&self, py: Python<'_>) -> PyResult<bool> {
        self.process.check(py)?;
        let (has_more, failure) = detached(py, || {
            let mut fetching = self.fetching();
            (fetching.step(TURN), fetching.failure())
        });
        if let Some(failure) = failure {
            return Err(failure.into_exception(py));
        }
        py.check_signals()?;
        Ok(has_more)
    }

    /// The batches that are complete and were not taken yet, as a table; `None` as long as its schema is not known. With
    /// `flush`, slow rows are not waited for until they are enough for a batch.
    #[pyo3(signature = (flush=false))]
    fn take(&self, py: Python<'_>, flush: bool) -> Option<Table> {
        detached(py, || {
            let mut fetching = self.fetching();
            if flush {
                fetching.flush();
            }
            let batches = std::iter::from_fn(|| fetching.take()).collect();
            fetching.schema().map(|schema| Table::new(schema, batches))
        })
    }

    /// All of it, as it comes. What has ended it early is an error of the stream.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        slf: &Bound<'py, Self>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = Self::schema(slf)?;
        let reader = Reader { stream: slf.clone().unbind(), field: struct_field(&schema) };
        exported(slf.py(), Box::new(reader), requested_schema)
    }

    fn __arrow_c_schema__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(slf.py(), Self::schema(slf)?.as_ref())?)
    }

    /// How many requests were taken in, and what became of them. `None` while another thread steps.
    fn receipt<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Ok(fetching) = self.fetching.try_lock() else { return Ok(None) };
        let mut accounts = self.passed.clone().map_or_else(Accounts::default, Accounts::of_recorded);
        accounts.open(fetching.receipt());
        drop(fetching);
        accounts.dict(py).map(Some)
    }

    /// How many requests were taken in, are done, and have failed. `None` as for the receipt.
    fn counts(&self) -> Option<(u64, u64, u64)> {
        let fetching = self.fetching.try_lock().ok()?;
        fetching.run().map(|run| accounts::counts(run.receipt(), self.passed.as_deref()))
    }

    /// Ends it, and with it the connections that are busy with its requests. Raises what the disk has refused.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.process.is_gone() {
            self.fetching().forget();
            return Ok(());
        }
        // Whoever is in the middle of a step is told to end it.
        self.engine.cancel();
        let failure = detached(py, || {
            let mut fetching = self.fetching();
            fetching.end();
            fetching.failure()
        });
        failure.map_or(Ok(()), |failure| Err(failure.into_exception(py)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.functions.traverse(&visit)
    }
}

impl TableStream {
    fn fetching(&self) -> MutexGuard<'_, Fetching> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The schema of all batches, for which the first ones may have to be waited.
    fn schema(slf: &Bound<'_, Self>) -> PyResult<SchemaRef> {
        let (py, this) = (slf.py(), slf.get());
        let known = || detached(py, || this.fetching().schema());
        let mut has_more = true;
        loop {
            match known() {
                Some(schema) => return Ok(schema),
                None if has_more => has_more = this.step(py)?,
                None => return Err(PyValueError::new_err("the stream has ended without a schema")),
            }
        }
    }

    /// The next batch, for a thread that need not be one of Python's.
    fn next_batch(&self) -> Result<Option<ArrayRef>, ArrowError> {
        loop {
            let (batch, has_more, failure) = {
                let mut fetching = self.fetching();
                match fetching.take() {
                    Some(batch) => (Some(batch), true, None),
                    None => {
                        let has_more = fetching.step(TURN);
                        fetching.flush();
                        match fetching.take() {
                            Some(batch) => (Some(batch), has_more, None),
                            None => (None, has_more, fetching.failure()),
                        }
                    }
                }
            };
            if let Some(batch) = batch {
                return Ok(Some(struct_of(batch)));
            }
            let interrupted = |error: PyErr| ArrowError::ExternalError(Box::new(error));
            if let Some(failure) = failure {
                return Err(Python::attach(|py| interrupted(failure.into_exception(py))));
            }
            if !has_more {
                return Ok(self.fetching().take().map(struct_of));
            }
            Python::attach(|py| py.check_signals()).map_err(interrupted)?;
        }
    }
}

impl Drop for TableStream {
    fn drop(&mut self) {
        if self.process.is_gone() {
            self.fetching().forget();
        }
    }
}

/// The batches of a stream for whoever takes Arrow's.
struct Reader {
    stream: Py<TableStream>,
    field: FieldRef,
}

impl Iterator for Reader {
    type Item = Result<ArrayRef, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.stream.get().next_batch().transpose()
    }
}

impl ArrayReader for Reader {
    fn field(&self) -> FieldRef {
        self.field.clone()
    }
}

/// What a folder records with. One that is a part of a run knows its requests again in other parts.
fn recording(
    py: Python<'_>,
    folder: &OpenedFolder,
    requests: Option<Identified>,
) -> PyResult<(Recording, LimitsNow)> {
    detached(py, || folder.take(|| requests.into_iter().flatten()))
        .map_err(|error| folder_exception(py, &error))
}

/// All batches, to be gone through twice: a part of a run looks for its rows in the other parts first.
fn twice(batches: Batches) -> Result<(Batches, Option<Batches>), TableError> {
    let schema = batches.schema();
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(TableError::Input)?;
    let reader = |batches: Vec<RecordBatch>| -> Batches {
        Box::new(RecordBatchIterator::new(batches.into_iter().map(Ok), schema.clone()))
    };
    Ok((reader(batches.clone()), Some(reader(batches))))
}

/// Whatever has a stream of Arrow's, or is a batch of it, or the path of a file.
fn batches(data: &Bound<'_, PyAny>) -> PyResult<Batches> {
    if let Ok(path) = data.extract::<PathBuf>() {
        let opened = detached(data.py(), || patata_arrow::files::open(path));
        return opened.map_err(|error| exception(data.py(), &error));
    }
    if data.hasattr("__arrow_c_stream__")? {
        return data.extract::<PyRecordBatchReader>()?.into_reader();
    }
    let batch = data.extract::<PyRecordBatch>()?.into_inner();
    let schema = batch.schema();
    Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
}

/// Finds what keeps a table with this schema from being fetched, before there is a run. Gives the schema of the results, as
/// a table without rows; `None` where what comes back has to tell it.
#[pyfunction]
pub(crate) fn plan_table(
    method: &str,
    schema: PySchema,
    table: &Bound<'_, PyDict>,
) -> PyResult<Option<Table>> {
    let unusable = |error| exception(table.py(), &error);
    let (_, output) = Asked::of(method, table)?.plan(&schema.into_inner()).map_err(unusable)?;
    Results::new(output)
        .map(|results| results.schema().map(|schema| Table::new(schema, Vec::new())))
        .map_err(unusable)
}
