//! Reads the file of requests that were found, from the first that is wanted again to the last.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::RunError;
use crate::found::line::Line;
use crate::journal::files;
use crate::storage::disk::Disk;

/// So much is read at once.
const CHUNK: u64 = if cfg!(test) { 64 } else { 256 << 10 };

/// Where the file is read.
pub(crate) struct Reader {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Where the next line begins that is wanted, and where the last one ends.
    at: u64,
    end: u64,
    /// What was read from `at` on.
    buffer: Vec<u8>,
    /// So much of it was handed out.
    used: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("at", &self.at).field("end", &self.end).finish_non_exhaustive()
    }
}

/// What there is to read.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are lines")]
pub(crate) enum Next {
    Line(Line),
    /// It is not on the disk.
    NotYet,
    Nothing,
}

impl Reader {
    /// That of a file of which all is wanted that is in it, which is so long.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, length: u64) -> Self {
        Self { disk, path: folder.join(files::FOUND), at: 0, end: length, buffer: Vec::new(), used: 0 }
    }

    /// Wants a line that stands there, too.
    pub(crate) fn leave(&mut self, begin: u64, end: u64) {
        if !self.has_more() {
            self.at = begin;
            self.buffer.clear();
            self.used = 0;
        }
        self.end = end;
    }

    pub(crate) fn has_more(&self) -> bool {
        self.at < self.end
    }

    /// The next line, of a file of which so much is safe.
    pub(crate) fn next(&mut self, safe: u64) -> Result<Next, RunError> {
        if !self.has_more() {
            return Ok(Next::Nothing);
        }
        let Some(length) = self.line_length() else {
            let until = self.end.min(safe);
            return if self.fill(until)? { self.next(safe) } else { Ok(Next::NotYet) };
        };
        let line = &self.buffer[self.used..self.used + length];
        let Some(line) = Line::read(line) else {
            let what = format!("the line at byte {} is none of a request", self.at);
            return Err(RunError::Damaged { path: self.path.clone(), what });
        };
        self.used += length + 1;
        self.at += length as u64 + 1;
        Ok(Next::Line(line))
    }

    /// The length of the next line, if all of it was read.
    fn line_length(&self) -> Option<usize> {
        memchr::memchr(b'\n', &self.buffer[self.used..])
    }

    /// Reads on, up to there at most. Whether there was anything.
    fn fill(&mut self, until: u64) -> Result<bool, RunError> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let from = self.at + self.buffer.len() as u64;
        if from >= until {
            return Ok(false);
        }
        let mut read = || {
            let mut file = self.disk.open_file(&self.path)?;
            file.seek(SeekFrom::Start(from))?;
            file.take(CHUNK.min(until - from)).read_to_end(&mut self.buffer)
        };
        match read() {
            Ok(0) => {
                let what = format!("it ends at byte {from}, and has to have {until} bytes");
                Err(RunError::Damaged { path: self.path.clone(), what })
            }
            Ok(_) => Ok(true),
            Err(cause) => Err(RunError::io("reading", &self.path)(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use patata::Request;

    use super::*;
    use crate::id::Id;
    use crate::storage::disk::RealDisk;

    /// A file of requests, and where each begins, and the last ends.
    fn file(folder: &Path, count: u64) -> Vec<u64> {
        let (mut bytes, mut begins) = (Vec::new(), vec![0]);
        for index in 0..count {
            let request = Request::get((), format!("http://host/{index}"));
            bytes.extend(Line::of(index, None, 0, &Id::from(index), &request).unwrap().written());
            begins.push(bytes.len() as u64);
        }
        std::fs::write(folder.join(files::FOUND), bytes).unwrap();
        begins
    }

    fn read(reader: &mut Reader, safe: u64) -> Vec<u64> {
        std::iter::from_fn(|| match reader.next(safe).unwrap() {
            Next::Line(line) => Some(line.index),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn what_was_there_is_read_in_order_and_what_is_left_later_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let begins = file(folder.path(), 10);
        let mut reader = Reader::new(Arc::new(RealDisk), folder.path(), begins[5]);
        assert_eq!(read(&mut reader, begins[10]), [0, 1, 2, 3, 4]);
        assert!(!reader.has_more());
        // One was sent at once.
        (6..10).for_each(|index| reader.leave(begins[index], begins[index + 1]));
        assert_eq!(read(&mut reader, begins[8]), [6, 7]);
        assert!(matches!(reader.next(begins[8]), Ok(Next::NotYet)) && reader.has_more());
        assert_eq!(read(&mut reader, begins[10]), [8, 9]);
        assert!(matches!(reader.next(begins[10]), Ok(Next::Nothing)));
    }

    #[test]
    fn a_file_that_was_changed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let begins = file(folder.path(), 2);
        let path = folder.path().join(files::FOUND);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] = b'[';
        std::fs::write(&path, &bytes).unwrap();
        let mut reader = Reader::new(Arc::new(RealDisk), folder.path(), begins[2]);
        let error = reader.next(begins[2]).unwrap_err().to_string();
        assert!(error.contains("found.jsonl is damaged: the line at byte 0"), "{error}");
        std::fs::write(&path, b"").unwrap();
        let mut reader = Reader::new(Arc::new(RealDisk), folder.path(), begins[2]);
        assert!(reader.next(begins[2]).unwrap_err().to_string().contains("it ends at byte 0"));
    }
}
