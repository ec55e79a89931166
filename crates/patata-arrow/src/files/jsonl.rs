//! JSONL as batches: the members that any of the first rows has are the columns.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Schema};
use serde_json::Value;

use crate::error::TableError;
use crate::files::fault::{Batches, unreadable, unusable};
use crate::files::head::{Head, ROWS};
use crate::files::packing::Unpacked;
use crate::results::infer::Shape;

const FIX: &str = "mend that row; where the first 10,000 rows tell another type than later ones have, give a table or a \
                   Parquet file, whose columns have types";

/// A file of objects, one a line.
pub(super) fn open(
    path: &Path,
    file: Unpacked,
    first: Vec<u8>,
) -> Result<Box<dyn RecordBatchReader + Send>, TableError> {
    let head = Head::read(file, first).map_err(|cause| unreadable(path, &cause))?;
    let schema = Arc::new(schema(&head).map_err(|problem| unusable(path, problem, "mend that line"))?);
    let builder =
        ReaderBuilder::new(schema.clone()).with_batch_size(head.batch_rows()).with_coerce_primitive(true);
    let reader = builder.build(BufReader::new(head.into_file())).map_err(TableError::Input)?;
    Ok(Box::new(Batches::new(path, schema, reader, FIX)))
}

fn schema(head: &Head) -> Result<Schema, String> {
    let mut shape = Shape::default();
    let mut lines: Vec<_> = head.bytes.split(|byte| *byte == b'\n').collect();
    if !head.is_all {
        // It goes on behind what was read.
        lines.pop();
    }
    let lines = lines.iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    for (place, line) in lines.take(ROWS) {
        let line = serde_json::from_slice::<Value>(line);
        match line.map_err(|cause| format!("line {} is no JSON: {cause}", place + 1))? {
            row @ Value::Object(_) => shape.see(&row),
            _ => return Err(format!("line {} is no object", place + 1)),
        }
    }
    match shape.data_type() {
        Some(DataType::Struct(fields)) => Ok(Schema::new(fields)),
        _ => Err("its rows have no members, and so it has no columns".into()),
    }
}
