//! Which record is where, in memory: what the rows of all segments come to.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

use crate::store::row::{Key, Row, What};

/// The most responses that are known of one URL: beyond it, the oldest is forgotten.
const MOST_VARIANTS: usize = 32;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

/// One of the responses of a URL.
#[derive(Debug, Clone, Copy)]
struct Known {
    variant: u64,
    at: u64,
    place: Place,
}

/// What is known of a URL.
#[derive(Debug, Default)]
struct OfKey {
    /// In the order in which they were stored. Nearly all URLs have one, which is looked at without a second place in memory.
    known: SmallVec<[Known; 1]>,
    /// What was stored until then is not to be used.
    forgotten: u64,
}

/// Keys are digests already.
#[derive(Debug, Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        self.0 ^= first;
    }

    fn write_u128(&mut self, key: u128) {
        self.write(&key.to_le_bytes());
    }
}

/// Which record is where.
#[derive(Debug, Default)]
pub(crate) struct Index(HashMap<Key, OfKey, BuildHasherDefault<Plain>>);

impl Index {
    /// Takes in what a row says.
    pub(crate) fn take(&mut self, segment: u32, row: &Row) {
        match row.what {
            What::Stored { variant, offset, length } => {
                let place = Place { segment, offset, length };
                self.0.entry(row.key).or_default().store(Known { variant, at: row.at, place });
            }
            What::Forgotten => self.0.entry(row.key).or_default().forget(row.at),
            What::Ended => {}
        }
    }

    /// The records of a URL, the latest first.
    pub(crate) fn places(&self, key: Key) -> impl Iterator<Item = Place> {
        self.0.get(&key).into_iter().flat_map(|of_key| of_key.known.iter().rev().map(|known| known.place))
    }

    /// Leaves out what is in segments that are gone.
    pub(crate) fn leave_segments_out(&mut self, is_gone: impl Fn(u32) -> bool) {
        self.0.retain(|_, of_key| {
            of_key.known.retain(|known| !is_gone(known.place.segment));
            of_key.forgotten > 0 || !of_key.known.is_empty()
        });
    }

    /// Leaves a record out that is not there any more.
    pub(crate) fn leave_out(&mut self, key: Key, place: Place) {
        if let Some(of_key) = self.0.get_mut(&key) {
            of_key.known.retain(|known| known.place != place);
        }
    }
}

impl OfKey {
    fn store(&mut self, known: Known) {
        if known.at < self.forgotten {
            return;
        }
        if let Some(other) = self.known.iter().position(|other| other.variant == known.variant) {
            if self.known[other].at > known.at {
                return;
            }
            self.known.remove(other);
        }
        let behind = self.known.partition_point(|other| other.at <= known.at);
        self.known.insert(behind, known);
        if self.known.len() > MOST_VARIANTS {
            self.known.remove(0);
        }
    }

    fn forget(&mut self, at: u64) {
        self.forgotten = self.forgotten.max(at);
        self.known.retain(|known| known.at > at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(at: u64, variant: u64, offset: u64) -> Row {
        Row { key: 1, at, what: What::Stored { variant, offset, length: 1 } }
    }

    fn offsets(index: &Index) -> Vec<u64> {
        index.places(1).map(|place| place.offset).collect()
    }

    #[test]
    fn the_later_of_two_counts_in_whatever_order_rows_come() {
        let rows = [stored(1, 7, 10), stored(3, 7, 30), stored(2, 8, 20)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut index = Index::default();
            for place in order {
                index.take(0, &rows[place]);
            }
            assert_eq!(offsets(&index), [30, 20]);
        }
    }

    #[test]
    fn what_was_forgotten_does_not_come_back_and_what_comes_later_does() {
        let mut index = Index::default();
        index.take(0, &stored(1, 7, 10));
        index.take(1, &Row { key: 1, at: 2, what: What::Forgotten });
        assert!(offsets(&index).is_empty());
        index.take(0, &stored(1, 7, 10));
        assert!(offsets(&index).is_empty());
        index.take(0, &stored(3, 7, 30));
        assert_eq!(offsets(&index), [30]);
    }

    #[test]
    fn a_url_has_no_more_than_so_many_responses() {
        let mut index = Index::default();
        for number in 0..100 {
            index.take(0, &stored(number, number, number));
        }
        assert_eq!(offsets(&index).len(), MOST_VARIANTS);
    }
}
