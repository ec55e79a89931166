//! From Python's dict of what is asked of a table to columns and output, and to the plan for one schema.

use arrow_schema::{DataType, SchemaRef};
use patata_arrow::{BodyAs, Columns, Output, OutputPlan, Plan, TableError, struct_type, type_of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3_arrow::PySchema;

use crate::control;
use crate::fault;

/// Which columns requests are made of, and which the results have.
pub(super) struct Asked {
    columns: Columns,
    output: Output,
}

impl Asked {
    /// What a dict asks for, which Python has looked at.
    ///
    /// # Errors
    /// Names the option that cannot be used.
    pub(super) fn of(method: &str, table: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = table.py();
        let mut columns = Columns::new().url(text(table, "url")?).method(control::method(py, method)?);
        for (part, column) in item(table, "columns")?.cast::<PyDict>()?.iter() {
            let part: String = part.extract()?;
            let renamed = match column.extract::<Option<String>>()? {
                Some(column) => columns.rename(&part, column),
                None => columns.without(&part),
            };
            columns = renamed.map_err(|error| exception(py, &error))?;
        }
        let mut output = Output::new()
            .body(body(table)?)
            .with_url(item(table, "include_url")?.extract()?)
            .with_headers(item(table, "include_headers")?.extract()?)
            .with_path(item(table, "include_path")?.extract()?)
            .prefix(text(table, "prefix")?)
            .distinct(item(table, "distinct")?.extract()?);
        if let Some(keep) = item(table, "keep")?.extract::<Option<Vec<String>>>()? {
            output = output.keep(keep);
        }
        Ok(Self { columns, output })
    }

    /// The same for an input with these columns.
    ///
    /// # Errors
    /// What does not go with them.
    pub(super) fn plan(&self, schema: &SchemaRef) -> Result<(Plan, OutputPlan), TableError> {
        Ok((Plan::new(&self.columns, schema)?, self.output.plan(schema)?))
    }
}

fn item<'py>(table: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    table.get_item(name)?.ok_or_else(|| PyValueError::new_err(format!("the table has no {name}")))
}

fn text(table: &Bound<'_, PyDict>, name: &str) -> PyResult<String> {
    item(table, name)?.extract()
}

/// What becomes of bodies.
fn body(table: &Bound<'_, PyDict>) -> PyResult<BodyAs> {
    let (body, schema) = (text(table, "body")?, item(table, "schema")?);
    Ok(match body.as_str() {
        "text" => BodyAs::Text,
        "binary" => BodyAs::Binary,
        "none" => BodyAs::None,
        _ if schema.is_none() => BodyAs::Inferred,
        _ => BodyAs::Json(body_type(&schema)?),
    })
}

/// The type of bodies: of names and texts, of a text, or of an object that has an Arrow schema.
fn body_type(schema: &Bound<'_, PyAny>) -> PyResult<DataType> {
    let py = schema.py();
    if let Ok(dict) = schema.cast::<PyDict>() {
        let members: Vec<(String, String)> = dict
            .iter()
            .map(|(name, data_type)| Ok((name.extract()?, data_type.extract()?)))
            .collect::<PyResult<_>>()?;
        let members = members.iter().map(|(name, data_type)| (name.as_str(), data_type.as_str()));
        return struct_type(members).map_err(|error| exception(py, &error));
    }
    if let Ok(text) = schema.cast::<PyString>() {
        return type_of(text.to_str()?).map_err(|error| exception(py, &error));
    }
    let schema: PySchema = schema.extract()?;
    Ok(DataType::Struct(schema.as_ref().fields().clone()))
}

/// A table's error as Python's.
pub(super) fn exception(py: Python<'_>, error: &TableError) -> PyErr {
    fault::raise(py, "FrameError", error.to_string())
}
