//! Requests that parts of several sessions speak of: of each key the strongest word counts, as done before failed before
//! sent. What the others say is left out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roaring::RoaringTreemap;
use tempfile::SpooledTempFile;

use crate::cluster::are_of_one_session;
use crate::error::RunError;
use crate::folder::recovery::read_ledger;
use crate::ledger::entry::Entry;
use crate::ledger::state::{State, digest};
use crate::storage::disk::Disk;

/// So many requests are compared at once: 32 bytes each.
const AT_ONCE: u64 = 1 << 20;
/// The most files that they are divided into.
const MOST_BUCKETS: u64 = 512;
/// What is longer goes to the disk.
const IN_MEMORY: usize = 1 << 16;
/// Bytes of a word in a file.
const LENGTH: usize = 32;

/// A part, as far as it is compared.
pub(crate) struct Compared<'a> {
    pub(crate) path: &'a Path,
    pub(crate) sessions: &'a [u64],
}

/// What a part says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    key: u128,
    position: u64,
    part: u32,
    /// The more, the stronger.
    strength: u32,
}

const DONE: u32 = 3;
const FAILED: u32 = 2;
const SENT: u32 = 1;

impl Word {
    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.position.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.part.to_le_bytes());
        bytes[28..].copy_from_slice(&self.strength.to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8; LENGTH]) -> Self {
        let (key, rest) = bytes.split_first_chunk().unwrap_or((&[0; 16], &[]));
        let (position, rest) = rest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let (part, rest) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let strength = rest.first_chunk().unwrap_or(&[0; 4]);
        Self {
            key: u128::from_le_bytes(*key),
            position: u64::from_le_bytes(*position),
            part: u32::from_le_bytes(*part),
            strength: u32::from_le_bytes(*strength),
        }
    }
}

/// By the place of their part, the positions that do not count. Where all parts have belonged to one session there are none,
/// and nothing is read. Memory is flat: what the parts say is divided by keys into files, each compared by itself.
pub(crate) fn losers(
    disk: &Arc<dyn Disk>,
    parts: &[Compared<'_>],
) -> Result<BTreeMap<usize, RoaringTreemap>, RunError> {
    let mut losers = BTreeMap::new();
    if is_of_one_session(parts.iter().map(|part| part.sessions)) {
        return Ok(losers);
    }
    for mut bucket in divided(disk, parts)? {
        compare(&mut bucket.read().map_err(reading)?, parts, &mut losers);
    }
    Ok(losers)
}

/// Whether there is a session that all parts have belonged to.
pub(crate) fn is_of_one_session<'a>(mut parts: impl Iterator<Item = &'a [u64]> + Clone) -> bool {
    let all = parts.clone();
    let is_of_all = |session: &u64| all.clone().all(|sessions| sessions.contains(session));
    parts.next().is_none_or(|first| first.iter().any(is_of_all))
}

fn reading(cause: std::io::Error) -> RunError {
    RunError::io("reading", &spool())(cause)
}

/// The files have no names: this is where they are.
fn spool() -> PathBuf {
    std::env::temp_dir()
}

/// What the parts say, divided by keys.
fn divided(disk: &Arc<dyn Disk>, parts: &[Compared<'_>]) -> Result<Vec<Bucket>, RunError> {
    let mut states = Vec::new();
    for part in parts {
        let mut state = State::without_keys();
        read_ledger(&**disk, part.path, |entry| state.apply(entry))?;
        states.push(state);
    }
    let count: u64 = states.iter().map(|state| state.ended.len() + state.sent.len()).sum();
    let mut buckets: Vec<_> =
        (0..(count / AT_ONCE).clamp(1, MOST_BUCKETS)).map(|_| Bucket::default()).collect();
    let most = buckets.len() as u64;
    for ((part, compared), state) in (0..).zip(parts).zip(states) {
        let mut written = Ok(());
        read_ledger(&**disk, compared.path, |entry| {
            let (Entry::Ended { position, key: Some(key), .. } | Entry::Sent { position, key: Some(key) }) =
                entry
            else {
                return;
            };
            let strength = match () {
                () if state.failed.contains(position) => FAILED,
                () if state.ended.contains(position) => DONE,
                () if state.sent.contains(position) => SENT,
                () => return,
            };
            // A key may hold an id as it is, which is no number to divide by.
            let place = usize::try_from(digest(key) % most).unwrap_or_default();
            if let Some(bucket) = buckets.get_mut(place).filter(|_| written.is_ok()) {
                written = bucket.push(Word { key, position, part, strength });
            }
        })?;
        written.map_err(RunError::io("writing", &spool()))?;
    }
    Ok(buckets)
}

/// Says which of these words do not count.
fn compare(words: &mut [Word], parts: &[Compared<'_>], losers: &mut BTreeMap<usize, RoaringTreemap>) {
    // Of equal words the first counts; of a request that nobody knows about the last: there it is listed.
    let age = |word: &Word| {
        let part = usize::try_from(word.part).ok().and_then(|part| parts.get(part));
        let sessions = part.map(|part| part.sessions).unwrap_or_default();
        match word.strength {
            SENT => u64::MAX - sessions.last().copied().unwrap_or_default(),
            _ => sessions.first().copied().unwrap_or_default(),
        }
    };
    words
        .sort_unstable_by_key(|word| (word.key, Reverse(word.strength), age(word), word.part, word.position));
    for group in words.chunk_by(|word, next| word.key == next.key) {
        let mut winners: Vec<usize> = Vec::new();
        for word in group {
            let Ok(place) = usize::try_from(word.part) else { continue };
            let loses_to =
                |winner: &usize| !are_of_one_session(parts[*winner].sessions, parts[place].sessions);
            match winners.iter().any(loses_to) {
                true => drop(losers.entry(place).or_default().insert(word.position)),
                false if !winners.contains(&place) => winners.push(place),
                false => {}
            }
        }
    }
}

/// Words of some keys.
struct Bucket(BufWriter<SpooledTempFile>);

impl Default for Bucket {
    fn default() -> Self {
        Self(BufWriter::new(SpooledTempFile::new(IN_MEMORY)))
    }
}

impl Bucket {
    fn push(&mut self, word: Word) -> std::io::Result<()> {
        self.0.write_all(&word.to_bytes())
    }

    fn read(&mut self) -> std::io::Result<Vec<Word>> {
        self.0.flush()?;
        let file = self.0.get_mut();
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut words = Vec::with_capacity(usize::try_from(length).unwrap_or_default() / LENGTH);
        let (mut file, mut bytes) = (BufReader::new(file), [0; LENGTH]);
        for _ in 0..length / LENGTH as u64 {
            file.read_exact(&mut bytes)?;
            words.push(Word::of_bytes(&bytes));
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which of these words lose, each a part, a position and a strength, all of one key.
    fn lost(sessions: &[&[u64]], words: &[(u32, u64, u32)]) -> Vec<(usize, u64)> {
        let path = Path::new("");
        let parts: Vec<_> = sessions.iter().map(|sessions| Compared { path, sessions }).collect();
        let word = |&(part, position, strength): &(u32, u64, u32)| Word { key: 1, position, part, strength };
        let mut losers = BTreeMap::new();
        compare(&mut words.iter().map(word).collect::<Vec<_>>(), &parts, &mut losers);
        losers.into_iter().flat_map(|(part, lost)| lost.into_iter().map(move |at| (part, at))).collect()
    }

    #[test]
    fn the_strongest_word_counts_and_of_equal_ones_the_first() {
        assert_eq!(lost(&[&[1], &[2]], &[(0, 5, FAILED), (1, 6, DONE)]), [(0, 5)]);
        assert_eq!(lost(&[&[1], &[2]], &[(0, 5, SENT), (1, 6, FAILED)]), [(0, 5)]);
        assert_eq!(lost(&[&[2], &[1]], &[(0, 5, DONE), (1, 6, DONE)]), [(0, 5)]);
    }

    #[test]
    fn of_a_request_that_nobody_knows_about_the_last_session_speaks() {
        assert_eq!(lost(&[&[1], &[2], &[3]], &[(0, 1, SENT), (1, 1, SENT), (2, 1, SENT)]), [(0, 1), (1, 1)]);
        assert_eq!(lost(&[&[1, 3], &[2]], &[(0, 1, SENT), (1, 1, SENT)]), [(1, 1)]);
    }

    #[test]
    fn what_parts_of_one_session_say_are_words_of_different_requests() {
        assert!(lost(&[&[1], &[1, 2]], &[(0, 5, 1), (1, 6, 3)]).is_empty());
        assert!(lost(&[&[1]], &[(0, 5, 3), (0, 6, 3)]).is_empty());
        // The third is from a session that had neither of the others.
        assert_eq!(lost(&[&[1], &[1], &[2]], &[(0, 5, 3), (1, 6, 3), (2, 0, 3)]), [(2, 0)]);
    }

    proptest! {
        #[test]
        fn a_word_is_read_as_it_was_written(
            key in any::<u128>(), position in any::<u64>(), part in any::<u32>(), strength in any::<u32>(),
        ) {
            let word = Word { key, position, part, strength };
            prop_assert_eq!(Word::of_bytes(&word.to_bytes()), word);
        }
    }
}
