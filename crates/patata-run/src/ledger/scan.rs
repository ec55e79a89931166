//! Reads a file of the ledger as far as it is whole: groups with a good check row.

use crate::ledger::entry::{Entry, HEADER};
use crate::ledger::group::read_check;

/// Hands out what the whole groups of a file say, one after another. Returns where the last of them ends: what is behind that
/// was not acknowledged to anybody, and is cut.
pub(crate) fn scan<'a>(bytes: &'a [u8], mut apply: impl FnMut(&[Entry<'a>])) -> usize {
    let Some(rest) = bytes.strip_prefix(HEADER) else { return 0 };
    let mut end = HEADER.len();
    let mut entries = Vec::new();
    let (mut begin, mut at) = (end, end);
    let mut lines = rest;
    while let Some(length) = memchr::memchr(b'\n', lines) {
        let line = &lines[..length];
        if let Some((rows, checksum)) = read_check(line) {
            let is_whole = rows == entries.len() as u64 && checksum == crc32fast::hash(&bytes[begin..at]);
            if !is_whole {
                return end;
            }
            apply(&entries);
            entries.clear();
            end = at + length + 1;
            begin = end;
        } else {
            match Entry::read(line) {
                Some(entry) => entries.push(entry),
                None => return end,
            }
        }
        at += length + 1;
        lines = &lines[length + 1..];
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::entry::tests::entries;
    use crate::ledger::group::write_check;

    /// A file of these groups, and where each of them ends.
    fn written(groups: &[Vec<Entry<'static>>]) -> (Vec<u8>, Vec<usize>) {
        let (mut file, mut ends) = (HEADER.to_vec(), vec![HEADER.len()]);
        for group in groups {
            let mut rows = Vec::new();
            group.iter().for_each(|entry| entry.write(&mut rows));
            file.extend_from_slice(&rows);
            write_check(&mut file, group.len() as u64, &rows);
            ends.push(file.len());
        }
        (file, ends)
    }

    fn groups() -> impl Strategy<Value = Vec<Vec<Entry<'static>>>> {
        proptest::collection::vec(proptest::collection::vec(entries(), 0..6), 0..6)
    }

    fn scanned(file: &[u8]) -> (usize, Vec<Entry<'_>>) {
        let mut entries = Vec::new();
        let end = scan(file, |group| entries.extend_from_slice(group));
        (end, entries)
    }

    proptest! {
        #[test]
        fn a_file_that_is_cut_anywhere_gives_the_groups_before_the_cut(groups in groups(), cut in any::<prop::sample::Index>()) {
            let (file, ends) = written(&groups);
            let cut = cut.index(file.len() + 1);
            let (end, entries) = scanned(&file[..cut]);
            let whole = ends.iter().take_while(|end| **end <= cut).count();
            prop_assert_eq!(end, if whole == 0 { 0 } else { ends[whole - 1] });
            let expected: Vec<_> = groups.iter().take(whole.saturating_sub(1)).flatten().copied().collect();
            prop_assert_eq!(entries, expected);
        }

        #[test]
        fn a_byte_that_changes_ends_the_file_there(groups in groups(), place in any::<prop::sample::Index>(), other in any::<u8>()) {
            let (mut file, ends) = written(&groups);
            let place = place.index(file.len());
            prop_assume!(file[place] != other);
            file[place] = other;
            let (end, _) = scanned(&file);
            let before = ends.iter().filter(|end| **end <= place).count();
            prop_assert_eq!(end, if before == 0 { 0 } else { ends[before - 1] });
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let file = [HEADER, &bytes].concat();
            prop_assert!(scanned(&file).0 <= file.len());
        }
    }
}
