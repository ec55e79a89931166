//! What a ledger says in sum: which requests have ended, which were sent, which parts there are.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;

use crate::identity::InputBlock;
use crate::ledger::entry::{Ended, Entry};

/// What is known of a part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Part {
    /// Bytes that rows of the ledger lead to.
    pub(crate) length: u64,
    /// The ending of its name in the output folder, once it is complete there.
    pub(crate) sealed: Option<Box<str>>,
    /// Whether its rows are elsewhere now.
    pub(crate) is_dropped: bool,
}

/// What a ledger says in sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Requests that have ended.
    pub(crate) ended: RoaringTreemap,
    /// Those of them that have failed.
    pub(crate) failed: RoaringTreemap,
    /// Requests that were sent and have not ended. Of one whose process is gone nobody knows what became.
    pub(crate) sent: RoaringTreemap,
    pub(crate) parts: BTreeMap<u32, Part>,
    /// The input as far as it was read, in order.
    pub(crate) input: Vec<InputBlock>,
    /// Under which boot of the machine the last process wrote.
    pub(crate) boot: Box<str>,
    /// How many processes have written.
    pub(crate) processes: u64,
    /// How many rows say that a request has ended.
    pub(crate) rows: u64,
    /// Whether requests were marked to be sent again.
    pub(crate) has_again: bool,
    /// By position, the first half of the key; 0 where there is none.
    pub(crate) keys: Vec<u64>,
}

impl State {
    /// Takes in what a row says.
    pub(crate) fn apply(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Begin { boot } => {
                self.boot = boot.into();
                self.processes += 1;
            }
            Entry::Sent { position, key } => {
                self.sent.insert(position);
                self.note_key(position, key);
            }
            Entry::Unsent { position } => {
                self.sent.remove(position);
            }
            Entry::Ended { position, ended, key } => self.end(position, ended, key),
            Entry::Again { position } => {
                self.has_again = true;
                self.ended.remove(position);
                self.failed.remove(position);
                self.sent.remove(position);
            }
            Entry::Seal { part, ending, length, .. } => {
                let part = self.parts.entry(part).or_default();
                part.sealed = Some(ending.into());
                part.length = length;
            }
            Entry::Drop { part } => self.parts.entry(part).or_default().is_dropped = true,
            Entry::Input { rows, offset, length, digest } => {
                self.note_input(InputBlock { offset, length, digest, rows });
            }
        }
    }

    fn end(&mut self, position: u64, ended: Ended<'_>, key: Option<u128>) {
        self.rows += 1;
        self.ended.insert(position);
        if !ended.is_ok {
            self.failed.insert(position);
        } else if !self.failed.is_empty() {
            self.failed.remove(position);
        }
        if !self.sent.is_empty() {
            self.sent.remove(position);
        }
        let end = ended.extent.offset.saturating_add(ended.extent.length);
        match self.parts.last_entry() {
            // Nearly all rows are of the part that was begun last, which takes no search.
            Some(mut last) if *last.key() == ended.extent.part => {
                last.get_mut().length = last.get().length.max(end);
            }
            _ => {
                let part = self.parts.entry(ended.extent.part).or_default();
                part.length = part.length.max(end);
            }
        }
        self.note_key(position, key);
    }

    /// A last block that was shorter than others is replaced by the one that has grown out of it.
    fn note_input(&mut self, block: InputBlock) {
        if self.input.last().is_some_and(|last| last.offset == block.offset) {
            self.input.pop();
        }
        self.input.push(block);
    }

    fn note_key(&mut self, position: u64, key: Option<u128>) {
        let (Some(key), Ok(place)) = (key, usize::try_from(position)) else { return };
        if self.keys.len() <= place {
            self.keys.resize(place + 1, 0);
        }
        self.keys[place] = half(key);
    }

    /// The half of a key that is kept of a position, where one is.
    pub(crate) fn key_of(&self, position: u64) -> Option<u64> {
        let half = self.keys.get(usize::try_from(position).ok()?)?;
        Some(*half).filter(|half| *half != 0)
    }

    /// The first position behind all that are known.
    pub(crate) fn next_position(&self) -> u64 {
        let ends = [&self.ended, &self.sent].into_iter().filter_map(RoaringTreemap::max);
        // What is to be sent again is known by its key only.
        ends.map(|last| last + 1).max().unwrap_or_default().max(self.keys.len() as u64)
    }

    /// The number of a part that was never begun.
    pub(crate) fn next_part(&self) -> u32 {
        self.parts.keys().next_back().map_or(1, |last| last + 1)
    }
}

/// The half of a key that is kept in memory: never 0.
pub(crate) fn half(key: u128) -> u64 {
    u64::try_from(key >> 64).unwrap_or_default().max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::entry::Extent;

    fn ended(position: u64, is_ok: bool) -> Entry<'static> {
        let extent = Extent { part: 1, offset: position * 10, length: 10 };
        let ended = Ended { is_ok, kind: "200", attempts: 1, extent, elapsed: Duration::ZERO };
        Entry::Ended { position, ended, key: None }
    }

    fn state(entries: &[Entry<'_>]) -> State {
        let mut state = State::default();
        entries.iter().for_each(|entry| state.apply(*entry));
        state
    }

    #[test]
    fn what_was_sent_and_has_not_ended_is_unknown() {
        let sent = |position| Entry::Sent { position, key: None };
        let state = state(&[sent(1), sent(2), sent(3), ended(2, true), Entry::Unsent { position: 3 }]);
        assert!(state.sent.iter().eq([1]) && state.ended.iter().eq([2]) && state.failed.is_empty());
        assert_eq!((state.next_position(), state.next_part(), state.parts[&1].length), (3, 2, 30));
    }

    #[test]
    fn what_is_to_be_sent_again_is_as_new() {
        let again = Entry::Again { position: 4 };
        assert!(state(&[ended(4, false), again]).ended.is_empty());
        let after = state(&[ended(4, false), again, ended(4, true)]);
        assert!(after.ended.contains(4) && after.failed.is_empty());
    }

    #[test]
    fn a_block_of_the_input_that_has_grown_takes_the_place_of_what_it_was() {
        let input = |offset, length| Entry::Input { rows: 1, offset, length, digest: 5 };
        let blocks: Vec<_> = state(&[input(0, 8), input(8, 3), input(8, 8)]).input;
        assert_eq!(
            blocks.iter().map(|block| (block.offset, block.length)).collect::<Vec<_>>(),
            [(0, 8), (8, 8)]
        );
    }

    #[test]
    fn the_half_of_a_key_is_found_by_its_position() {
        let state = state(&[Entry::Sent { position: 2, key: Some(7 << 64) }]);
        assert_eq!((state.key_of(0), state.key_of(2), state.key_of(3)), (None, Some(7), None));
    }
}
