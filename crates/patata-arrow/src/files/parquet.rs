//! Parquet as batches, a page of each column at a time; and a folder of such files as one table.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;

use crate::error::TableError;
use crate::files::fault::{Batches, unreadable, unusable};
use crate::files::{BATCH_ROWS, batch_rows};

const FIX: &str = "it is damaged, or has changed meanwhile: write it anew";

/// A file of Parquet.
pub(super) fn open_file(path: &Path) -> Result<Box<dyn RecordBatchReader + Send>, TableError> {
    let reader = reader(path)?;
    let schema = bare(&reader.schema());
    Ok(Box::new(Batches::new(path, schema.clone(), Bare { reader, schema }, FIX)))
}

/// All files of a folder whose names end as those of Parquet do.
pub(super) fn open_folder(path: &Path) -> Result<Box<dyn RecordBatchReader + Send>, TableError> {
    let is_parquet = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        matches!(ending.as_deref(), Some("parquet" | "pq")) && path.is_file()
    };
    let entries =
        std::fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let entries: Vec<PathBuf> = entries.map_err(|cause| unreadable(path, &cause))?;
    let mut files: Vec<_> = entries.into_iter().filter(is_parquet).collect();
    files.sort_unstable();
    let Some(first) = files.first() else {
        return Err(unusable(
            path,
            "it is a folder without files of Parquet",
            "name a file, or such a folder",
        ));
    };
    let schema = bare(&reader(first)?.schema());
    for file in &files[1..] {
        let other = bare(&reader(file)?.schema());
        if other.fields() != schema.fields() {
            let problem =
                format!("it has other columns than {}: {}", first.display(), difference(&schema, &other));
            return Err(unusable(
                file,
                problem,
                "name one file, or a folder whose files have the same columns",
            ));
        }
    }
    let batches = files.into_iter().flat_map({
        let schema = schema.clone();
        move |file| -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
            match reader(&file) {
                Ok(reader) => Box::new(Batches::new(
                    &file,
                    schema.clone(),
                    Bare { reader, schema: schema.clone() },
                    FIX,
                )),
                Err(cause) => Box::new(std::iter::once(Err(ArrowError::ExternalError(Box::new(cause))))),
            }
        }
    });
    Ok(Box::new(RecordBatchIterator::new(batches, schema)))
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReader, TableError> {
    let file = File::open(path).map_err(|cause| unreadable(path, &cause))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map(|builder| {
        let rows = of_groups(builder.metadata());
        builder.with_batch_size(rows)
    });
    builder.and_then(ParquetRecordBatchReaderBuilder::build).map_err(|cause| {
        unusable(path, format!("it is no whole file of Parquet: {cause}"), "fetch it, or write it, anew")
    })
}

/// How many rows a batch should have, so that it is not too large even where rows are the largest.
fn of_groups(metadata: &ParquetMetaData) -> usize {
    let size = |number: i64| usize::try_from(number).unwrap_or_default();
    let groups = metadata.row_groups().iter();
    let rows = groups.map(|group| batch_rows(size(group.num_rows()), size(group.total_byte_size())));
    rows.min().unwrap_or(BATCH_ROWS)
}

/// What a file says of itself besides its columns is not theirs.
fn bare(schema: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().clone()))
}

fn difference(one: &Schema, other: &Schema) -> String {
    let field = |field: Option<&Arc<arrow_schema::Field>>| match field {
        Some(field) => format!("{:?} of {}", field.name(), field.data_type()),
        None => "none".to_owned(),
    };
    let count = one.fields().len().max(other.fields().len());
    let place =
        (0..count).find(|place| one.fields().get(*place) != other.fields().get(*place)).unwrap_or_default();
    format!("{} where that has {}", field(other.fields().get(place)), field(one.fields().get(place)))
}

/// Batches with the schema of the whole.
struct Bare {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
}

impl Iterator for Bare {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.and_then(|batch| batch.with_schema(self.schema.clone())))
    }
}
