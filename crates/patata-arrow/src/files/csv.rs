//! CSV and TSV as batches: types are told by the first rows, and a text stays one unless it is written as a number is.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_csv::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::error::TableError;
use crate::files::fault::{Batches, unreadable, unusable};
use crate::files::head::{Head, ROWS};
use crate::files::packing::Unpacked;

const FIX: &str = "mend that row; where the first 10,000 rows tell another type than later ones have, give a table or a \
                   Parquet file, whose columns have types";

/// A file of values between separators, under a header.
pub(super) fn open(
    path: &Path,
    file: Unpacked,
    first: Vec<u8>,
    separator: u8,
) -> Result<Box<dyn RecordBatchReader + Send>, TableError> {
    let head = Head::read(file, first).map_err(|cause| unreadable(path, &cause))?;
    let schema = schema(&head, separator)
        .map_err(|problem| unusable(path, problem, "give each column a name, in a first line of its own"))?;
    let builder = ReaderBuilder::new(schema.clone()).with_header(true).with_delimiter(separator);
    let reader =
        builder.with_batch_size(head.batch_rows()).build(head.into_file()).map_err(TableError::Input)?;
    Ok(Box::new(Batches::new(path, schema, reader, FIX)))
}

fn schema(head: &Head, separator: u8) -> Result<SchemaRef, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(&*head.bytes);
    let names = reader.headers().map_err(|cause| format!("its header cannot be read: {cause}"))?.clone();
    if names.is_empty() {
        return Err("it is empty, and so has no columns".into());
    }
    let mut columns = vec![None; names.len()];
    let mut record = csv::StringRecord::new();
    // What cannot be read here is told where it is read.
    for _ in 0..ROWS {
        if !matches!(reader.read_record(&mut record), Ok(true)) {
            break;
        }
        let is_cut_off = !head.is_all && reader.position().byte() >= head.bytes.len() as u64;
        if is_cut_off {
            break;
        }
        for (column, cell) in columns.iter_mut().zip(&record) {
            if !cell.is_empty() {
                *column = Some(Scalar::of(cell).with(*column));
            }
        }
    }
    let mut fields: Vec<Field> = Vec::new();
    for (name, column) in names.iter().zip(columns) {
        match name {
            "" => return Err(format!("its header has no name for column {}", fields.len() + 1)),
            name if fields.iter().any(|field| field.name() == name) => {
                return Err(format!("its header names {name:?} twice"));
            }
            name => fields.push(Field::new(name, Scalar::data_type(column), true)),
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// What a column of cells can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Truth,
    Whole,
    Fraction,
    Text,
}

impl Scalar {
    fn of(cell: &str) -> Self {
        if matches!(cell, "true" | "false") {
            return Self::Truth;
        }
        // What would be written otherwise than it stands there is no number: `007`, `+1`, `1.10`.
        if cell.parse::<i64>().is_ok_and(|number| number.to_string() == cell) {
            return Self::Whole;
        }
        let is_fraction = |number: f64| number.is_finite() && format!("{number:?}") == cell;
        match cell.parse().is_ok_and(is_fraction) {
            true => Self::Fraction,
            false => Self::Text,
        }
    }

    /// What holds both.
    fn with(self, other: Option<Self>) -> Self {
        match (self, other) {
            (_, None) => self,
            (one, Some(other)) if one == other => one,
            (Self::Whole | Self::Fraction, Some(Self::Whole | Self::Fraction)) => Self::Fraction,
            _ => Self::Text,
        }
    }

    fn data_type(column: Option<Self>) -> DataType {
        match column {
            Some(Self::Truth) => DataType::Boolean,
            Some(Self::Whole) => DataType::Int64,
            Some(Self::Fraction) => DataType::Float64,
            Some(Self::Text) | None => DataType::Utf8,
        }
    }
}
