//! A table as lines of JSON, for who reads rows as text.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StructArray};
use arrow_buffer::NullBuffer;
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use arrow_schema::{ArrowError, DataType, Field, Fields};

use crate::error::{TableError, told};
use crate::values::json::Json;
use crate::values::layouts::bytes;

/// How many rows become lines at once, and about how many bytes of them at most.
const ROWS: usize = 1024;
const BYTES: usize = 8 << 20;

/// The rows of a table, each a line with an object of JSON that has all columns. To be read as a file is.
///
/// Bytes are `{"base64": …}`; times and dates are texts, and numbers that JSON has no form for are null.
///
/// ```
/// use std::io::Read;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("users.csv");
/// std::fs::write(&path, "id,name\n7,Ann\n8,\n")?;
/// let mut text = String::new();
/// patata_arrow::files::JsonLines::new(patata_arrow::files::open(&path)?)?.read_to_string(&mut text)?;
/// assert_eq!(text, "{\"id\":7,\"name\":\"Ann\"}\n{\"id\":8,\"name\":null}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLines<B> {
    batches: B,
    /// What is left of the last batch.
    batch: Option<RecordBatch>,
    /// How many rows of it become lines at once.
    rows: usize,
    text: Vec<u8>,
    read: usize,
}

impl<B> fmt::Debug for JsonLines<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

impl<B: RecordBatchReader> JsonLines<B> {
    /// The lines of these batches.
    ///
    /// # Errors
    /// A column that JSON has no form for, and two of one name.
    pub fn new(batches: B) -> Result<Self, TableError> {
        let schema = batches.schema();
        for (place, field) in schema.fields().iter().enumerate() {
            let subject = format!("column {:?}", field.name());
            if schema.fields()[..place].iter().any(|other| other.name() == field.name()) {
                return Err(TableError::unusable(
                    subject,
                    "it is there twice",
                    "give each column a name of its own",
                ));
            }
            if is_binary(field.data_type()) {
                continue;
            }
            Json::check(field.data_type()).map_err(|problem| {
                TableError::unusable(subject, problem, "leave it out, or make texts of it")
            })?;
        }
        Ok(Self { batches, batch: None, rows: ROWS, text: Vec::new(), read: 0 })
    }

    fn fill(&mut self) -> Result<bool, ArrowError> {
        let batch = match self.batch.take() {
            Some(batch) => batch,
            None => match self.batches.next() {
                Some(batch) => {
                    let batch = batch?;
                    let each = batch.get_array_memory_size() / batch.num_rows().max(1);
                    self.rows = (BYTES / each.max(1)).clamp(1, ROWS);
                    batch
                }
                None => return Ok(false),
            },
        };
        let count = batch.num_rows().min(self.rows);
        if count < batch.num_rows() {
            self.batch = Some(batch.slice(count, batch.num_rows() - count));
        }
        self.text.clear();
        self.read = 0;
        let batch = with_base64(&batch.slice(0, count))?;
        let mut writer =
            WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut self.text);
        writer.write(&batch)?;
        writer.finish()?;
        Ok(true)
    }
}

impl<B: RecordBatchReader> Read for JsonLines<B> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(cause) => return Err(io::Error::other(told(&cause))),
            }
        }
        let count = into.len().min(self.text.len() - self.read);
        into[..count].copy_from_slice(&self.text[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

fn is_binary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            true
        }
        DataType::Dictionary(_, values) => is_binary(values),
        _ => false,
    }
}

/// The same with objects in the place of bytes.
fn with_base64(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(|column| is_binary(column.data_type())) {
        return Ok(batch.clone());
    }
    let column = |(field, column): (&Arc<Field>, &ArrayRef)| -> Result<(Field, ArrayRef), ArrowError> {
        let values = if is_binary(column.data_type()) { base64(column)? } else { column.clone() };
        Ok((Field::new(field.name(), values.data_type().clone(), true), values))
    };
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(column);
    let (fields, columns): (Vec<_>, Vec<_>) = columns.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), columns)
}

fn base64(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    use base64::Engine as _;

    let bytes = bytes(column)?;
    let mut texts = StringBuilder::new();
    bytes.iter().for_each(|bytes| {
        texts.append_option(bytes.map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes)));
    });
    let fields = Fields::from(vec![Field::new("base64", DataType::Utf8, true)]);
    let nulls: Option<NullBuffer> = bytes.nulls().cloned();
    Ok(Arc::new(StructArray::new(fields, vec![Arc::new(texts.finish())], nulls)))
}
