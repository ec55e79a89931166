//! Reads records, and those behind them where they are asked for one after the other: a job that is run again asks for what
//! it has stored in the same order, and is spared a call of the system for each.

use std::fs::File;
use std::io;

use crate::store::folder::read_some_at;
use crate::store::index::Place;

/// How much is read once records are asked for in order, and how much it grows to.
const LEAST: usize = 4 << 10;
const MOST: usize = 128 << 10;

/// What of a segment was read beyond what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    segment: u32,
    /// Where `bytes` begin.
    begin: u64,
    bytes: Vec<u8>,
    /// Where the record ended that was asked for last.
    next: u64,
    /// How much is read next, where records go on being asked for in order.
    window: usize,
}

impl Ahead {
    /// Reads a record, which stays until the next one is read.
    ///
    /// # Errors
    /// The file is shorter, or cannot be read.
    pub(crate) fn read(&mut self, data: &File, place: Place) -> io::Result<&[u8]> {
        let length = usize::try_from(place.length).map_err(io::Error::other)?;
        if self.segment != place.segment || self.next != place.offset {
            (self.window, self.segment) = (0, place.segment);
            self.bytes.clear();
        }
        self.next = place.offset + u64::from(place.length);
        if self.known(place.offset, length).is_none() {
            self.bytes.resize(self.window.max(length), 0);
            self.begin = place.offset;
            let read = read_some_at(data, &mut self.bytes, place.offset)?;
            self.bytes.truncate(read);
            self.window = (self.window * 2).clamp(LEAST, MOST);
        }
        self.known(place.offset, length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn known(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let begin = usize::try_from(offset.checked_sub(self.begin)?).ok()?;
        self.bytes.get(begin..begin.checked_add(length)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn file(length: u32) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        file
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stands_there(
            lengths in proptest::collection::vec(1..3_000_u32, 1..200),
            jumps in proptest::collection::vec(0..200_usize, 0..20),
        ) {
            let file = file(lengths.iter().sum());
            let mut places = Vec::new();
            let mut offset = 0;
            for length in &lengths {
                places.push(Place { segment: 1, offset, length: *length });
                offset += u64::from(*length);
            }
            let mut ahead = Ahead::default();
            let order = (0..places.len()).chain(jumps.into_iter().map(|jump| jump % lengths.len()));
            for place in order.map(|number| places[number]) {
                let range = place.offset..place.offset + u64::from(place.length);
                let expected: Vec<u8> = range.map(|place| (place % 251) as u8).collect();
                assert_eq!(ahead.read(&file, place).unwrap(), expected);
            }
        }
    }

    #[test]
    fn what_was_written_since_is_read_and_what_is_not_there_is_an_error() {
        let mut file = file(6_000);
        let mut ahead = Ahead::default();
        for offset in (0..6_000).step_by(1_000) {
            assert!(ahead.read(&file, Place { segment: 0, offset, length: 1_000 }).is_ok());
        }
        let place = Place { segment: 0, offset: 6_000, length: 10 };
        assert_eq!(ahead.read(&file, place).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        file.write_all(b"0123456789").unwrap();
        assert_eq!(ahead.read(&file, place).unwrap(), b"0123456789");
    }
}
