//! Tables into a file, for Python.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use patata_arrow::TableError;
use patata_arrow::files::FileWriter;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::options::exception;
use super::table::Table;
use crate::interpreter::detached;

/// A file that tables are written to, one behind another. Without `finish` nothing is left of it.
#[pyclass(module = "patata._patata", frozen)]
pub(crate) struct TableWriter {
    path: PathBuf,
    /// Begun by the first table, which says what columns there are.
    begun: Mutex<Begun>,
}

#[derive(Default)]
struct Begun {
    writer: Option<FileWriter>,
    rows: usize,
}

#[pymethods]
impl TableWriter {
    /// Raises `FrameError` for a name that tells no format.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        FileWriter::check_name(&path).map_err(|error| exception(py, &error))?;
        Ok(Self { path, begun: Mutex::default() })
    }

    /// Appends the rows of a table.
    fn write(&self, py: Python<'_>, table: &Table) -> PyResult<()> {
        detached(py, || self.append(table)).map_err(|error| exception(py, &error))
    }

    /// Makes the file whole and gives it its name. Returns how many rows it has.
    fn finish(&self, py: Python<'_>) -> PyResult<usize> {
        // Another thread may be in the middle of writing.
        let Begun { writer, rows } = detached(py, || std::mem::take(&mut *self.lock()));
        let writer = writer.ok_or_else(|| PyValueError::new_err("no table was written"))?;
        detached(py, || writer.finish()).map_err(|error| exception(py, &error))?;
        Ok(rows)
    }
}

impl TableWriter {
    fn append(&self, table: &Table) -> Result<(), TableError> {
        let mut begun = self.lock();
        let writer = match &mut begun.writer {
            Some(writer) => writer,
            none => none.insert(FileWriter::create(&self.path, table.schema().clone())?),
        };
        for batch in table.batches() {
            writer.write(batch)?;
        }
        begun.rows += table.batches().iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>();
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
