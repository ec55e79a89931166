//! What is wrong with a file: its name, the problem, the fix.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use crate::error::{TableError, told};

/// A file that cannot be used, found before anything is done with it.
pub(super) fn unusable(path: &Path, problem: impl Into<String>, fix: impl Into<String>) -> TableError {
    TableError::unusable(path.display().to_string(), problem, fix)
}

/// A file that cannot be opened or read.
pub(super) fn unreadable(path: &Path, cause: &io::Error) -> TableError {
    let fix = match cause.kind() {
        io::ErrorKind::NotFound => "name a file that is there",
        io::ErrorKind::PermissionDenied => "name one that may be read",
        io::ErrorKind::UnexpectedEof => "it was cut off: fetch it anew",
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => "it is damaged: fetch it anew",
        _ => "try again, or name another file",
    };
    unusable(path, format!("it cannot be read: {cause}"), fix)
}

/// What is wrong further on in a file.
#[derive(Debug)]
struct FileFault {
    file: Arc<str>,
    problem: String,
    fix: &'static str,
}

impl fmt::Display for FileFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.file, self.problem, self.fix)
    }
}

impl std::error::Error for FileFault {}

/// The batches of a file. An error names it, and is the last.
pub(super) struct Batches<I> {
    file: Arc<str>,
    schema: SchemaRef,
    batches: I,
    /// How many rows have come.
    rows: u64,
    fix: &'static str,
    has_failed: bool,
}

impl<I> Batches<I> {
    /// `fix` is what helps where a batch cannot be read.
    pub(super) fn new(path: &Path, schema: SchemaRef, batches: I, fix: &'static str) -> Self {
        let file = path.display().to_string().into();
        Self { file, schema, batches, rows: 0, fix, has_failed: false }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> Iterator for Batches<I> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        match self.batches.next()? {
            Ok(batch) => {
                self.rows += batch.num_rows() as u64;
                Some(Ok(batch))
            }
            Err(cause) => {
                self.has_failed = true;
                let problem = format!("behind its first {} rows: {}", self.rows, without_line(&told(&cause)));
                let fault = FileFault { file: self.file.clone(), problem, fix: self.fix };
                Some(Err(ArrowError::ExternalError(Box::new(fault))))
            }
        }
    }
}

/// The reader of CSV counts records, from 0, and calls them lines.
fn without_line(problem: &str) -> String {
    match problem.split_once(" at line ") {
        Some((before, after)) => {
            before.to_owned() + after.trim_start_matches(|letter: char| letter.is_ascii_digit())
        }
        None => problem.to_owned(),
    }
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>>> RecordBatchReader for Batches<I> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
