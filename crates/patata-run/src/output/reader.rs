//! All rows of a run, from every process that has worked on it: sealed parts first to last, then the live one.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::RunError;
use crate::output::seal::unpacked;
use crate::storage::disk::Disk;

/// A file with rows, and how many bytes of it count, where not all do.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) length: Option<u64>,
}

/// The rows of a run, each a line of JSON without its break, in the order in which they were written.
pub struct Rows {
    disk: Arc<dyn Disk>,
    sources: std::vec::IntoIter<Source>,
    open: Option<(PathBuf, Box<dyn BufRead + Send>)>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Rows")
            .field("open", &self.open.as_ref().map(|open| &open.0))
            .finish_non_exhaustive()
    }
}

impl Rows {
    pub(crate) fn new(disk: Arc<dyn Disk>, sources: Vec<Source>) -> Self {
        Self { disk, sources: sources.into_iter(), open: None }
    }

    fn open_next(&mut self) -> Option<Result<(), RunError>> {
        let Source { path, length } = self.sources.next()?;
        match unpacked(&*self.disk, &path) {
            Ok(file) => {
                let file = file.take(length.unwrap_or(u64::MAX));
                self.open = Some((path, Box::new(BufReader::with_capacity(1 << 16, file))));
                Some(Ok(()))
            }
            Err(cause) => Some(Err(RunError::io("reading", &path)(cause))),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Vec<u8>, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, file)) = &mut self.open {
                match next_line(file) {
                    Ok(Some(line)) => return Some(Ok(line)),
                    Ok(None) => self.open = None,
                    Err(cause) => {
                        let error = RunError::io("reading", path)(cause);
                        self.open = None;
                        return Some(Err(error));
                    }
                }
            } else if let Err(error) = self.open_next()? {
                return Some(Err(error));
            }
        }
    }
}

fn next_line(file: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if file.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}
