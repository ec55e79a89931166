//! Batches into a file.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_json::LineDelimitedWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{TableError, told};
use crate::files::fault::unusable;
use crate::files::kind::{Kind, Packing, of_name};
use crate::files::packing::Packed;
use crate::files::unfinished::Unfinished;
use crate::values::json::Json;

/// A group of rows is written once it has so many bytes, so that memory is bounded.
const GROUP_BYTES: usize = 64 << 20;

/// Writes batches to a file of Parquet (with zstd), CSV, TSV or JSONL, whichever the ending says; `.gz` or `.zst` behind
/// those of text packs them.
///
/// Nested columns are JSON texts in CSV, and nulls are empty there. The file takes its name when it is
/// [finished](Self::finish), whole and safe on the disk, and replaces one of that name; before that it has the ending
/// `.tmp`. Where the writer is dropped, nothing is left.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{Int64Array, RecordBatch};
/// use patata_arrow::files::{FileWriter, open};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("numbers.parquet");
/// let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2])) as _)])?;
/// let mut writer = FileWriter::create(&path, batch.schema())?;
/// writer.write(&batch)?;
/// writer.finish()?;
/// assert_eq!(open(&path)?.next().unwrap()?, batch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileWriter {
    writer: Writer,
    file: Unfinished,
}

enum Writer {
    Parquet(Box<ArrowWriter<BufWriter<File>>>),
    Csv { writer: Box<arrow_csv::Writer<Packed>>, schema: SchemaRef },
    Jsonl(LineDelimitedWriter<Packed>),
}

impl fmt::Debug for FileWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileWriter").field("path", &self.file.path()).finish_non_exhaustive()
    }
}

impl FileWriter {
    /// Begins a file for batches of a schema.
    ///
    /// # Errors
    /// An ending that tells no format, a column whose type the format has no form for, and what the disk refuses.
    pub fn create(path: impl AsRef<Path>, schema: SchemaRef) -> Result<Self, TableError> {
        let path = path.as_ref();
        let (kind, packing) = format_of(path)?;
        check(path, kind, &schema)?;
        let (unfinished, file) = Unfinished::create(path).map_err(|cause| unwritable(path, &cause))?;
        let writer = match kind {
            Kind::Parquet => {
                let writer = ArrowWriter::try_new(BufWriter::new(file), schema, Some(properties()));
                Writer::Parquet(Box::new(writer.map_err(|cause| unwritten(path, &cause.into()))?))
            }
            Kind::Csv { separator } => {
                let file = Packed::new(file, packing).map_err(|cause| unwritable(path, &cause))?;
                let writer = arrow_csv::WriterBuilder::new().with_delimiter(separator).build(file);
                Writer::Csv { writer: Box::new(writer), schema: flat(&schema) }
            }
            Kind::Jsonl => {
                let file = Packed::new(file, packing).map_err(|cause| unwritable(path, &cause))?;
                let builder = arrow_json::WriterBuilder::new().with_explicit_nulls(true);
                Writer::Jsonl(builder.build(file))
            }
        };
        let mut writer = Self { writer, file: unfinished };
        if let Writer::Csv { schema, .. } = &writer.writer {
            // The header, which a table without rows has as well.
            writer.write(&RecordBatch::new_empty(schema.clone()))?;
        }
        Ok(writer)
    }

    /// Finds out whether a file of this name can be written, before there is anything to write.
    ///
    /// # Errors
    /// An ending that tells no format, and a folder.
    pub fn check_name(path: impl AsRef<Path>) -> Result<(), TableError> {
        format_of(path.as_ref()).map(drop)
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// A batch of another schema, and what the disk refuses: the file is of no use then.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let written = match &mut self.writer {
            Writer::Parquet(writer) => writer.write(batch).map_err(ArrowError::from),
            Writer::Csv { writer, schema } => flattened(batch, schema).and_then(|batch| writer.write(&batch)),
            Writer::Jsonl(writer) => writer.write(batch),
        };
        written.map_err(|cause| unwritten(self.file.path(), &cause))
    }

    /// Makes the file whole and safe, and gives it its name.
    ///
    /// # Errors
    /// What the disk refuses: nothing is left then.
    pub fn finish(self) -> Result<(), TableError> {
        let Self { writer, file } = self;
        let path = file.path().to_owned();
        let written: Result<File, ArrowError> = match writer {
            Writer::Parquet(writer) => writer
                .into_inner()
                .map_err(ArrowError::from)
                .and_then(|file| file.into_inner().map_err(|cause| ArrowError::from(cause.into_error()))),
            Writer::Csv { writer, .. } => writer.into_inner().finish().map_err(ArrowError::from),
            Writer::Jsonl(mut writer) => {
                writer.finish().and_then(|()| writer.into_inner().finish().map_err(ArrowError::from))
            }
        };
        let written = written.map_err(|cause| unwritten(&path, &cause))?;
        file.finish(&written).map_err(|cause| unwritable(&path, &cause))
    }
}

/// What the name of a file says of its format.
fn format_of(path: &Path) -> Result<(Kind, Packing), TableError> {
    let (kind, packing) = of_name(path);
    let kind = kind.filter(|kind| *kind != Kind::Parquet || packing == Packing::None).ok_or_else(|| {
        let fix = "let its name end in .parquet, .csv, .tsv or .jsonl; the latter three may have .gz or .zst behind";
        unusable(path, "its name tells no format", fix)
    })?;
    if path.is_dir() {
        return Err(unusable(path, "it is a folder", "name a file in it"));
    }
    Ok((kind, packing))
}

/// How Parquet is written.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build()
}

/// Whether the format has a form for every column.
fn check(path: &Path, kind: Kind, schema: &Schema) -> Result<(), TableError> {
    let needs_json = |field: &&Arc<Field>| match kind {
        Kind::Parquet => false,
        Kind::Csv { .. } => is_nested(field.data_type()),
        Kind::Jsonl => true,
    };
    for field in schema.fields().iter().filter(needs_json) {
        Json::check(field.data_type()).map_err(|problem| {
            let problem = format!("the column {:?} cannot be written there: {problem}", field.name());
            unusable(path, problem, "write Parquet, or leave the column out")
        })?;
    }
    Ok(())
}

/// Whether cells would have more than one value.
fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_nested(values),
        other => other.is_nested(),
    }
}

/// The schema with texts in the place of what is nested.
fn flat(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match is_nested(field.data_type()) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        false => field.clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn flattened(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |column: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        if !is_nested(column.data_type()) {
            return Ok(column.clone());
        }
        let json = Json::read(column)?;
        let text = |row| json.of(row).map_err(ArrowError::JsonError);
        let texts: Vec<_> = (0..column.len()).map(text).collect::<Result<_, _>>()?;
        let texts = texts
            .iter()
            .map(|text| text.as_deref().map(|text| std::str::from_utf8(text).unwrap_or_default()));
        Ok(Arc::new(texts.collect::<StringArray>()))
    };
    RecordBatch::try_new(schema.clone(), batch.columns().iter().map(column).collect::<Result<_, _>>()?)
}

fn unwritable(path: &Path, cause: &io::Error) -> TableError {
    let fix = match cause.kind() {
        io::ErrorKind::NotFound => "make its folder first",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "name a folder that may be written to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room",
        _ => "name another file",
    };
    unusable(path, format!("it cannot be written: {cause}"), fix)
}

fn unwritten(path: &Path, cause: &ArrowError) -> TableError {
    match cause {
        ArrowError::IoError(_, cause) => unwritable(path, cause),
        other => unusable(path, format!("it cannot be written: {}", told(other)), "write another format"),
    }
}
