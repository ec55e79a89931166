//! The beginning of a file of text, from which the types of its columns are told.

use std::io::{self, Cursor, Read};

use crate::files::batch_rows;
use crate::files::packing::Unpacked;

/// The most rows that are looked at.
pub(super) const ROWS: usize = 10_000;

/// The most bytes that are looked at, unless they are all of one row.
const BYTES: usize = 4 << 20;

/// Stands before the text of some programs.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Some bytes, enough to tell what a file is, without the mark that may stand before them.
pub(super) fn peek(file: &mut Unpacked) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(4096).read_to_end(&mut first)?;
    if first.starts_with(BYTE_ORDER_MARK) {
        first.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(first)
}

/// The beginning of a file, and the whole of it.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// Whether it is all that there is.
    pub(super) is_all: bool,
    rest: Unpacked,
}

impl Head {
    /// Reads on behind what has been peeked at, to the end of a line.
    pub(super) fn read(mut file: Unpacked, first: Vec<u8>) -> io::Result<Self> {
        let mut bytes = first;
        loop {
            let before = bytes.len();
            file.by_ref().take(BYTES as u64).read_to_end(&mut bytes)?;
            if bytes.len() - before < BYTES {
                return Ok(Self { bytes, is_all: true, rest: file });
            }
            if bytes.contains(&b'\n') {
                return Ok(Self { bytes, is_all: false, rest: file });
            }
        }
    }

    /// How many rows a batch should have, if those further on are as large as these.
    pub(super) fn batch_rows(&self) -> usize {
        let lines = self.bytes.iter().filter(|byte| **byte == b'\n').count();
        batch_rows(lines, self.bytes.len())
    }

    /// All of the file.
    pub(super) fn into_file(self) -> impl Read + Send {
        Cursor::new(self.bytes).chain(self.rest)
    }
}
