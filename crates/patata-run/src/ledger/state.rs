//! What a ledger says in sum: which requests have ended, which were sent, which parts there are.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use roaring::RoaringTreemap;

use crate::identity::InputBlock;
use crate::ledger::entry::{Entry, Extent};

/// The position of the first request that was found by a response: those of the input have the ones before it, whatever is
/// found when.
pub const FIRST_FOLLOW_UP: u64 = 1_000_000_000_000;

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
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// By position, a digest of the key; 0 where there is none.
    pub(crate) keys: Vec<u64>,
    /// Whether keys are of no interest: they would take 8 bytes for each request.
    has_no_keys: bool,
}

impl State {
    /// One that keeps no keys.
    pub(crate) fn without_keys() -> Self {
        Self { has_no_keys: true, ..Self::default() }
    }

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
            Entry::Ended { .. } => self.end_all(&[entry]),
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

    /// Takes in what the rows of a group say: what [`apply`](Self::apply) does with each, with a search in sets and maps
    /// for stretches of them only. A ledger may have a thousand million rows.
    pub(crate) fn apply_group(&mut self, group: &[Entry<'_>]) {
        for stretch in group.chunk_by(|entry, next| entry.ended().is_some() && next.ended().is_some()) {
            match stretch {
                [Entry::Ended { .. }, ..] => self.end_all(stretch),
                others => others.iter().for_each(|entry| self.apply(*entry)),
            }
        }
    }

    fn end_all(&mut self, stretch: &[Entry<'_>]) {
        let mut positions = Vec::with_capacity(stretch.len());
        let mut last = None;
        for entry in stretch {
            let Entry::Ended { position, ended, key } = *entry else { continue };
            positions.push(position);
            self.note_outcome(position, ended.is_ok);
            self.note_key(position, key);
            let Extent { part, offset, length } = ended.extent;
            let end = offset.saturating_add(length);
            match &mut last {
                Some((last, so_far)) if *last == part => *so_far = end.max(*so_far),
                _ => {
                    last.replace((part, end)).into_iter().for_each(|(part, end)| self.note_length(part, end));
                }
            }
        }
        last.into_iter().for_each(|(part, end)| self.note_length(part, end));
        self.rows += stretch.len() as u64;
        // They ended nearly in order.
        positions.sort_unstable();
        for run in positions.chunk_by(|position, next| next - position <= 1) {
            if let [first, .., last] | [first @ last] = run {
                self.ended.insert_range(*first..=*last);
            }
        }
    }

    fn note_outcome(&mut self, position: u64, is_ok: bool) {
        if !is_ok {
            self.failed.insert(position);
        } else if !self.failed.is_empty() {
            self.failed.remove(position);
        }
        if !self.sent.is_empty() {
            self.sent.remove(position);
        }
    }

    fn note_length(&mut self, part: u32, end: u64) {
        let part = self.parts.entry(part).or_default();
        part.length = part.length.max(end);
    }

    /// A block comes again when it has grown, and when its rows have been counted.
    fn note_input(&mut self, block: InputBlock) {
        match self.input.iter_mut().rev().find(|known| known.offset <= block.offset) {
            Some(known) if known.offset == block.offset => {
                if block.length >= known.length {
                    *known = block;
                }
            }
            _ => self.input.push(block),
        }
    }

    fn note_key(&mut self, position: u64, key: Option<u128>) {
        let (Some(key), Ok(place)) = (key.filter(|_| !self.has_no_keys), usize::try_from(position)) else {
            return;
        };
        if self.keys.len() <= place {
            self.keys.resize(place + 1, 0);
        }
        self.keys[place] = digest(key);
    }

    /// The digest of a position's key, where it has one.
    pub(crate) fn key_of(&self, position: u64) -> Option<u64> {
        let digest = self.keys.get(usize::try_from(position).ok()?)?;
        Some(*digest).filter(|digest| *digest != 0)
    }

    /// Whether requests of the run may be known by keys: they are so far, or none is known yet. Where they are not, a key
    /// far behind would have room for all those before it.
    pub(crate) fn may_have_keys(&self) -> bool {
        last_of_input(&self.ended).is_none_or(|last| self.keys.len() as u64 > last / 2)
    }

    /// The first position behind all that are known of the input.
    pub(crate) fn next_position(&self) -> u64 {
        let ends = [&self.ended, &self.sent].into_iter().filter_map(last_of_input);
        // What is to be sent again is known by its key only.
        ends.map(|last| last + 1).max().unwrap_or_default().max(self.keys.len() as u64)
    }

    /// The parts that have rows.
    pub(crate) fn live_parts(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().filter(|(_, part)| !part.is_dropped).map(|(number, _)| *number)
    }

    /// Whether the rows of a part are elsewhere now.
    pub(crate) fn is_dropped(&self, part: u32) -> bool {
        self.parts.get(&part).is_some_and(|part| part.is_dropped)
    }

    /// The number of a part that was never begun.
    pub(crate) fn next_part(&self) -> u32 {
        self.parts.keys().next_back().map_or(1, |last| last + 1)
    }
}

/// The last of the positions that is one of the input.
fn last_of_input(positions: &RoaringTreemap) -> Option<u64> {
    match positions.max()? {
        last if last < FIRST_FOLLOW_UP => Some(last),
        _ => positions.rank(FIRST_FOLLOW_UP - 1).checked_sub(1).and_then(|place| positions.select(place)),
    }
}

/// What is kept of a key in memory: never 0. It is another in each process, so that nobody can choose ids for it.
pub(crate) fn digest(key: u128) -> u64 {
    static RANDOM: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    RANDOM.hash_one(key).max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::entry::tests::entries;
    use crate::ledger::entry::{Ended, Extent};

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
        let blocks: Vec<_> = state(&[input(0, 8), input(8, 3), input(8, 8), input(0, 8), input(8, 3)]).input;
        assert_eq!(
            blocks.iter().map(|block| (block.offset, block.length)).collect::<Vec<_>>(),
            [(0, 8), (8, 8)]
        );
    }

    /// The same of one of a few requests and parts, so that most come again.
    fn of_a_few(mut entry: Entry<'static>) -> Entry<'static> {
        match &mut entry {
            Entry::Ended { position, ended, .. } => {
                *position %= 70;
                ended.extent.part %= 3;
            }
            Entry::Sent { position, .. } | Entry::Unsent { position } | Entry::Again { position } => {
                *position %= 70
            }
            Entry::Begin { .. } | Entry::Seal { .. } | Entry::Drop { .. } | Entry::Input { .. } => {}
        }
        entry
    }

    proptest! {
        #[test]
        fn a_group_says_what_its_rows_say(group in proptest::collection::vec(entries().prop_map(of_a_few), 0..60)) {
            let mut at_once = State::default();
            at_once.apply_group(&group);
            prop_assert_eq!(at_once, state(&group));
        }
    }

    #[test]
    fn the_digest_of_a_key_is_found_by_its_position() {
        let state = state(&[Entry::Sent { position: 2, key: Some(7 << 64) }]);
        assert_eq!((state.key_of(0), state.key_of(2), state.key_of(3)), (None, Some(digest(7 << 64)), None));
    }
}
