//! All rows of a run, from every process that has worked on it: sealed parts first to last, then the live one.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::error::RunError;
use crate::output::line::Line;
use crate::output::seal::unpacked;
use crate::storage::disk::Disk;

/// A file with rows, and how many bytes of it count, where not all do.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) length: Option<u64>,
    pub(crate) left_out: LeftOut,
}

impl Source {
    /// All rows of a file, or of so many bytes of it.
    pub(crate) fn new(path: PathBuf, length: Option<u64>) -> Self {
        Self { path, length, left_out: LeftOut::default() }
    }
}

/// Rows of a file that are passed: others count in their place.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    /// Where they begin.
    pub(crate) offsets: BTreeSet<u64>,
    /// The positions of their requests.
    pub(crate) positions: RoaringTreemap,
}

impl LeftOut {
    /// Whether the row that begins there is one of them.
    fn has(&self, offset: u64, line: &[u8]) -> bool {
        self.offsets.contains(&offset)
            || (!self.positions.is_empty()
                && Line::read(line).is_some_and(|line| self.positions.contains(line.index)))
    }
}

/// A file that is being read.
struct Open {
    path: PathBuf,
    file: Box<dyn BufRead + Send>,
    offset: u64,
    left_out: LeftOut,
}

/// The rows of a run, each a line of JSON without its break, in the order in which they were written.
pub struct Rows {
    disk: Arc<dyn Disk>,
    sources: std::vec::IntoIter<Source>,
    open: Option<Open>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Rows")
            .field("open", &self.open.as_ref().map(|open| &open.path))
            .finish_non_exhaustive()
    }
}

impl Rows {
    pub(crate) fn new(disk: Arc<dyn Disk>, sources: Vec<Source>) -> Self {
        Self { disk, sources: sources.into_iter(), open: None }
    }

    fn open_next(&mut self) -> Option<Result<(), RunError>> {
        let Source { path, length, left_out } = self.sources.next()?;
        match unpacked(&*self.disk, &path) {
            Ok(file) => {
                let file = file.take(length.unwrap_or(u64::MAX));
                let file = Box::new(BufReader::with_capacity(1 << 16, file));
                self.open = Some(Open { path, file, offset: 0, left_out });
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
            if let Some(open) = &mut self.open {
                match next_line(&mut open.file) {
                    Ok(Some(line)) => {
                        let offset = open.offset;
                        open.offset += line.len() as u64 + 1;
                        if !open.left_out.has(offset, &line) {
                            return Some(Ok(line));
                        }
                    }
                    Ok(None) => self.open = None,
                    Err(cause) => {
                        let error = RunError::io("reading", &open.path)(cause);
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
