//! A body that grows in memory: in pieces, as one that grows by doubling takes its size thrice.

use std::io::{self, Read};

/// The size of a piece, and the most that room is made for ahead.
pub(crate) const PIECE: usize = 1 << 20;

/// Bytes that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Pieces {
    pub(crate) fn with_capacity(room: usize) -> Self {
        Self { full: Vec::new(), last: Vec::with_capacity(room) }
    }

    pub(crate) fn add(&mut self, data: &[u8]) {
        if self.last.len() + data.len() > PIECE && !self.last.is_empty() {
            self.begin_another(data.len());
        }
        self.last.extend_from_slice(data);
    }

    /// Adds all that a reader gives.
    pub(crate) fn read_from(&mut self, reader: &mut impl Read) -> io::Result<()> {
        loop {
            if self.last.len() >= PIECE {
                self.begin_another(0);
            }
            let room = (PIECE - self.last.len()) as u64;
            if reader.by_ref().take(room).read_to_end(&mut self.last)? == 0 {
                return Ok(());
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.last.len()
    }

    /// All in one.
    pub(crate) fn whole(self) -> Vec<u8> {
        let length = self.len();
        let Self { full, mut last } = self;
        if full.is_empty() {
            // Growing leaves up to half unused; a body may be kept for long.
            last.shrink_to_fit();
            return last;
        }
        let mut whole = Vec::with_capacity(length);
        // Each is freed once it has been copied.
        for piece in full.into_iter().chain([last]) {
            whole.extend_from_slice(&piece);
        }
        whole
    }

    fn begin_another(&mut self, least: usize) {
        let next = Vec::with_capacity(PIECE.max(least));
        self.full.push(std::mem::replace(&mut self.last, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn what_is_added_and_read_comes_out_as_it_came(
            sizes in prop::collection::vec((0..(3 * PIECE / 2), any::<bool>()), 0..6),
        ) {
            let mut pieces = Pieces::default();
            let mut expected = Vec::new();
            for (number, (size, is_read)) in sizes.into_iter().enumerate() {
                let data: Vec<u8> = (0..size).map(|at| (at * 7 + number) as u8).collect();
                expected.extend_from_slice(&data);
                if is_read {
                    pieces.read_from(&mut &data[..]).unwrap();
                } else {
                    pieces.add(&data);
                }
                prop_assert_eq!(pieces.len(), expected.len());
            }
            prop_assert!(pieces.whole() == expected);
        }
    }
}
