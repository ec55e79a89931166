//! A body that grows in memory: in pieces, as one that grows by doubling takes its size thrice. How large it becomes
//! is for the server to say, so having no memory for it is an error, and does not end the process.

use std::io::{self, Read};

use bytes::buf::{BufMut, Limit};

/// The size of a piece.
const PIECE: usize = 1 << 20;

/// The most that room is made for ahead. Of memory, only what is written to is taken from the system.
const AHEAD: usize = 4 << 20;

/// Bytes that have come so far.
#[derive(Debug, Default)]
pub(crate) struct ChunkedBuffer {
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl ChunkedBuffer {
    /// For as many bytes as somebody claims will come: a body of common size is one piece, which is never copied.
    ///
    /// # Errors
    /// There is no memory for so many, as with all that makes room.
    pub(crate) fn claimed(length: usize) -> io::Result<Self> {
        Ok(Self { full: Vec::new(), last: with_capacity(length.min(AHEAD))? })
    }

    pub(crate) fn add(&mut self, data: &[u8]) -> io::Result<()> {
        if self.last.len() + data.len() > self.last.capacity().max(PIECE) && !self.last.is_empty() {
            self.begin_another(data.len())?;
        }
        let reserved = self.last.try_reserve(data.len());
        reserved.map_err(|cause| self.give_up(cause.into()))?;
        self.last.extend_from_slice(data);
        Ok(())
    }

    /// Room for at least one of at most `most` further bytes, which are to be written to its beginning.
    pub(crate) fn room(&mut self, most: usize) -> io::Result<Limit<&mut Vec<u8>>> {
        if self.last.len() == self.last.capacity() {
            self.begin_another(0)?;
        }
        let left = self.last.capacity() - self.last.len();
        Ok((&mut self.last).limit(left.min(most)))
    }

    /// Adds all that a reader gives.
    pub(crate) fn read_from(&mut self, reader: &mut impl Read) -> io::Result<()> {
        loop {
            if self.last.len() >= PIECE {
                self.begin_another(0)?;
            }
            let room = (PIECE - self.last.len()) as u64;
            let read = reader.by_ref().take(room).read_to_end(&mut self.last);
            if read.map_err(|cause| self.give_up(cause))? == 0 {
                return Ok(());
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.last.len()
    }

    /// All in one.
    pub(crate) fn whole(self) -> io::Result<Vec<u8>> {
        let length = self.len();
        let Self { full, mut last } = self;
        if full.is_empty() {
            // Growing leaves up to half unused; a body may be kept for long.
            last.shrink_to_fit();
            return Ok(last);
        }
        let mut whole = with_capacity(length)?;
        // Each is freed once it has been copied.
        for piece in full.into_iter().chain([last]) {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    fn begin_another(&mut self, least: usize) -> io::Result<()> {
        let another = self.full.try_reserve(1).map_err(io::Error::from);
        let another = another.and_then(|()| with_capacity(PIECE.max(least)));
        let another = another.map_err(|cause| self.give_up(cause))?;
        let full = std::mem::replace(&mut self.last, another);
        if !full.is_empty() {
            self.full.push(full);
        }
        Ok(())
    }

    /// Frees all, so that there is memory to tell of the error with.
    fn give_up(&mut self, cause: io::Error) -> io::Error {
        *self = Self::default();
        cause
    }
}

fn with_capacity(bytes: usize) -> io::Result<Vec<u8>> {
    let mut empty = Vec::new();
    empty.try_reserve_exact(bytes)?;
    Ok(empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write_straight(pieces: &mut ChunkedBuffer, mut data: &[u8]) {
        while !data.is_empty() {
            let mut room = pieces.room(data.len()).unwrap();
            let (now, later) = data.split_at(room.remaining_mut());
            room.put_slice(now);
            data = later;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn what_is_added_and_read_comes_out_as_it_came(
            claimed in 0..(2 * AHEAD),
            sizes in prop::collection::vec((0..(3 * PIECE / 2), 0..3), 0..8),
        ) {
            let mut pieces = ChunkedBuffer::claimed(claimed).unwrap();
            let mut expected = Vec::new();
            for (number, (size, how)) in sizes.into_iter().enumerate() {
                let data: Vec<u8> = (0..size).map(|at| (at * 7 + number) as u8).collect();
                expected.extend_from_slice(&data);
                match how {
                    0 => pieces.read_from(&mut &data[..]).unwrap(),
                    1 => pieces.add(&data).unwrap(),
                    _ => write_straight(&mut pieces, &data),
                }
                prop_assert_eq!(pieces.len(), expected.len());
            }
            prop_assert!(pieces.whole().unwrap() == expected);
        }
    }
}
