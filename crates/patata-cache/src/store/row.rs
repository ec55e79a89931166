//! The rows of a segment's index: which record is where, and what was forgotten. Each has a check of its own.

/// How long a row is.
pub(crate) const LENGTH: usize = 52;

/// By what the responses of one URL are found: a digest of method and URL.
pub(crate) type Key = u128;

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Key,
    /// In milliseconds since 1970: of two that speak of the same, the later one counts.
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A response is stored, in place of the one that has the same number among those of its URL.
    Stored { variant: u64, offset: u64, length: u32 },
    /// What was stored before is not to be used.
    Forgotten,
    /// Nothing more comes in this segment.
    Ended,
}

impl Row {
    /// The row as bytes.
    pub(crate) fn bytes(&self) -> [u8; LENGTH] {
        let (kind, variant, offset, length) = match self.what {
            What::Stored { variant, offset, length } => (1_u32, variant, offset, length),
            What::Forgotten => (2, 0, 0, 0),
            What::Ended => (3, 0, 0, 0),
        };
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.at.to_le_bytes());
        bytes[24..32].copy_from_slice(&variant.to_le_bytes());
        bytes[32..40].copy_from_slice(&offset.to_le_bytes());
        bytes[40..44].copy_from_slice(&length.to_le_bytes());
        bytes[44..48].copy_from_slice(&kind.to_le_bytes());
        let check = crc32fast::hash(&bytes[..48]);
        bytes[48..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads a row; `None` where it is not what was written.
    pub(crate) fn read(bytes: &[u8; LENGTH]) -> Option<Self> {
        let mut rest = &bytes[..];
        let key = take(&mut rest).map(u128::from_le_bytes)?;
        let [at, variant, offset] =
            [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u64::from_le_bytes);
        let [length, kind, check] =
            [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u32::from_le_bytes);
        if crc32fast::hash(&bytes[..LENGTH - size_of::<u32>()]) != check {
            return None;
        }
        let what = match kind {
            1 => What::Stored { variant, offset, length },
            2 => What::Forgotten,
            3 => What::Ended,
            _ => return None,
        };
        Some(Self { key, at, what })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (array, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*array)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written_and_not_where_it_was_changed(
            key: u128, at: u64, variant: u64, offset: u64, length: u32, place in 0..LENGTH, change in 1..=255_u8,
        ) {
            for what in [What::Stored { variant, offset, length }, What::Forgotten, What::Ended] {
                let row = Row { key, at, what };
                let mut bytes = row.bytes();
                prop_assert_eq!(Row::read(&bytes), Some(row));
                bytes[place] ^= change;
                prop_assert_eq!(Row::read(&bytes), None);
            }
        }
    }
}
