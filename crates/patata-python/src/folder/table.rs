//! The rows of a run folder as a table: a stream of record batches, made as they are taken.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use patata_arrow::{
    BodyAs, Columns, Earlier, Output, OutputPlan, Plan, Requests, Results, TableError, struct_type, type_of,
};
use patata_run::{Id, RestoredRow, Rows, RunFolder};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString};
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule};

use super::error::exception;
use crate::frames::exported;
use crate::interpreter::detached;

/// The most rows, and about the most bytes, that are read for one batch.
const BATCH_ROWS: usize = 8_192;
const BATCH_BYTES: usize = 16 << 20;
/// What the plan of a request wants: none is sent.
const ANY_URL: &str = "http://localhost/";

/// The rows of a run folder, as anything takes them that reads Arrow: as often as it likes.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct FolderTable {
    path: PathBuf,
    output: OutputPlan,
}

#[pymethods]
impl FolderTable {
    /// `schema` is the type that the JSON of bodies is read as: a text, or one for each member; `None` leaves them texts.
    #[new]
    fn new(path: PathBuf, schema: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let body = match schema.map(body_type).transpose()? {
            Some(data_type) => BodyAs::Json(data_type),
            None => BodyAs::Text,
        };
        let output = Output::new().keep(["id", "index"]).body(body).with_url(true);
        let output = output.plan(&input_schema()).map_err(refused)?;
        // Types that JSON is not read as are told of here.
        Results::new(output.clone()).map_err(refused)?;
        Ok(Self { path, output })
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = self.schema()?;
        to_schema_pycapsule(py, &*schema).map_err(PyErr::from)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let path = self.path.clone();
        let rows = detached(py, || RunFolder::open(path)?.rows()).map_err(|error| exception(py, &error))?;
        let schema = self.schema()?;
        let batches =
            Batches { rows, output: self.output.clone(), results: self.results()?, has_ended: false };
        let field = Field::new_struct("", schema.fields().clone(), false);
        let columns = batches.map(|batch| batch.map(|batch| Arc::new(StructArray::from(batch)) as ArrayRef));
        let stream = Box::new(ArrayIterator::new(columns, Arc::new(field)));
        exported(py, stream, requested_schema)
    }
}

impl FolderTable {
    fn results(&self) -> PyResult<Results> {
        Results::new(self.output.clone()).map_err(refused)
    }

    fn schema(&self) -> PyResult<SchemaRef> {
        // The type of bodies is known beforehand.
        self.results()?.schema().ok_or_else(|| PyRuntimeError::new_err("the schema of the rows is not known"))
    }
}

fn refused(error: TableError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The type that a text names, or texts name for members.
fn body_type(schema: &Bound<'_, PyAny>) -> PyResult<DataType> {
    if let Ok(text) = schema.cast::<PyString>() {
        return type_of(text.to_str()?).map_err(refused);
    }
    let Ok(members) = schema.cast::<PyDict>() else {
        let class = schema.get_type().name()?;
        return Err(PyValueError::new_err(format!(
            "schema must be a text such as \"list<string>\", or a dict of names and such texts, got {class}"
        )));
    };
    let members =
        members.iter().map(|(name, text)| Ok((name.extract::<String>()?, text.extract::<String>()?)));
    struct_type(members.collect::<PyResult<Vec<_>>>()?).map_err(refused)
}

/// What rows are known by.
fn input_schema() -> Schema {
    Schema::new(vec![
        Field::new("url", DataType::Utf8, false),
        Field::new("id", DataType::Utf8, true),
        Field::new("index", DataType::UInt64, false),
    ])
}

/// Batches, as they are taken.
struct Batches {
    rows: Rows,
    output: OutputPlan,
    results: Results,
    has_ended: bool,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch();
        self.has_ended |= next.is_err();
        next.transpose()
    }
}

impl Batches {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            if let Some(batch) = self.results.take().map_err(of_table)? {
                return Ok(Some(batch));
            }
            if self.has_ended {
                return Ok(None);
            }
            let rows = self.read()?;
            if rows.is_empty() {
                self.has_ended = true;
                self.results.finish().map_err(of_table)?;
            } else {
                self.push(rows)?;
            }
        }
    }

    fn read(&mut self) -> Result<Vec<RestoredRow>, ArrowError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(line) = self.rows.next() else { break };
            let line = line.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
            bytes += line.len();
            rows.extend(RestoredRow::read(&line));
        }
        Ok(rows)
    }

    /// Has the results made of rows, as a fetch would whose requests were answered like this.
    fn push(&mut self, rows: Vec<RestoredRow>) -> Result<(), ArrowError> {
        let (mut ids, mut places) = (StringBuilder::new(), UInt64Builder::new());
        for row in &rows {
            ids.append_option(match &row.id {
                Id::None => None,
                id => Some(id.to_string()),
            });
            places.append_value(row.index);
        }
        let urls: StringArray = rows.iter().map(|_| Some(ANY_URL)).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(urls), Arc::new(ids.finish()), Arc::new(places.finish())];
        let schema = Arc::new(input_schema());
        let batch = RecordBatch::try_new(schema.clone(), columns)?;
        let plan = Plan::new(&Columns::new(), &schema).map_err(of_table)?;
        let requests = Requests::new([Ok(batch)].into_iter(), plan, &self.output);
        for (request, row) in requests.zip(rows) {
            self.results.push_earlier(request.tag, earlier(row));
        }
        Ok(())
    }
}

/// A row as it was written, for the results of a table.
pub(crate) fn earlier(row: RestoredRow) -> Earlier {
    Earlier {
        status: row.status,
        body: row.body,
        error: row.error.map(|error| (error.kind, error.message)),
        attempts: row.attempts,
        elapsed: row.elapsed,
        url: row.url,
        headers: row.headers,
        path: row.path,
    }
}

fn of_table(error: TableError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}
