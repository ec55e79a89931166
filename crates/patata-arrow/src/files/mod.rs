//! Tables in files: Parquet, CSV and JSONL as batches, and batches as these.

mod csv;
mod fault;
mod head;
mod jsonl;
mod kind;
mod lines;
mod packing;
mod parquet;
mod unfinished;
mod writer;

pub use lines::JsonLines;
pub use writer::FileWriter;

use std::path::Path;

use arrow_array::RecordBatchReader;

use crate::error::TableError;
use crate::files::fault::{unreadable, unusable};
use crate::files::kind::Kind;
use crate::files::packing::Unpacked;

/// The most rows of a batch.
const BATCH_ROWS: usize = 8192;

/// About how many bytes a batch has at most, where rows are large.
const BATCH_BYTES: usize = 32 << 20;

/// How many rows a batch should have, where so many have so many bytes.
fn batch_rows(rows: usize, bytes: usize) -> usize {
    let each = bytes / rows.max(1);
    (BATCH_BYTES / each.max(1)).clamp(1, BATCH_ROWS)
}

/// Reads a table out of a file, a batch at a time, so that memory stays flat however long it is.
///
/// Files are Parquet, CSV and TSV with a header, and JSONL (NDJSON); CSV and JSONL may be packed by gzip or zstd. The
/// content tells what a file is, and its ending what the content does not. A folder is all Parquet files in it, in the
/// order of their names.
///
/// The first 10,000 rows tell the types of CSV and JSONL. A column of CSV is one of numbers only where these are written
/// as numbers are, so that `007` and `1.10` stay the texts that they are; empty cells are null. A member of JSONL that
/// none of these rows has is no column.
///
/// # Errors
/// A file that is not there, that is none of these, or that does not hold together. What is found further on is an error
/// in the place of a batch, which names the file.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("users.csv");
/// std::fs::write(&path, "id,name\n7,Ann\n8,\n")?;
/// let mut batches = patata_arrow::files::open(&path)?;
/// let batch = batches.next().unwrap()?;
/// assert_eq!(batch.num_rows(), 2);
/// assert_eq!(batch.schema().field(0).data_type(), &patata_arrow::type_of("int64")?);
/// assert!(batches.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn RecordBatchReader + Send>, TableError> {
    let path = path.as_ref();
    let about = std::fs::metadata(path).map_err(|cause| unreadable(path, &cause))?;
    if about.is_dir() {
        return parquet::open_folder(path);
    }
    let mut file = Unpacked::open(path).map_err(|cause| unreadable(path, &cause))?;
    let first = head::peek(&mut file).map_err(|cause| unreadable(path, &cause))?;
    match Kind::of(path, &first).map_err(|problem| {
        unusable(
            path,
            problem,
            "name a file of Parquet, CSV, TSV or JSONL; CSV and JSONL may be packed by gzip or zstd",
        )
    })? {
        Kind::Parquet => parquet::open_file(path),
        Kind::Csv { separator } => csv::open(path, file, first, separator),
        Kind::Jsonl => jsonl::open(path, file, first),
    }
}
