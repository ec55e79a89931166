//! An input's bytes, digested by blocks, and held back until they are known to be those of an earlier process.

use std::collections::VecDeque;

use patata_run::{BLOCK_LENGTH, InputBlock};
use xxhash_rust::xxh3::Xxh3;

use super::error::InputError;
use super::source::{Piece, Source, Stream};

/// Stands in a digest where another file begins, as rows end there. No text holds this byte.
const FILE_BEGINS: [u8; 1] = [0xff];

/// Why there are no more pieces.
pub(super) enum Stop {
    Failed(InputError),
    /// A block is not what it was.
    Changed,
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error)
    }
}

/// All files' bytes, in pieces.
pub(super) struct Blocks {
    stream: Stream,
    digest: Digest,
    /// Read, and not yet known to be what it was.
    held: VecDeque<Piece>,
    /// How many bytes have been given.
    given: u64,
    spare: Vec<u8>,
    has_ended: bool,
}

impl Blocks {
    /// `earlier` are the blocks that an earlier process has read.
    pub(super) fn new(sources: Vec<Source>, earlier: Vec<InputBlock>) -> Self {
        Self {
            stream: Stream::new(sources),
            digest: Digest::new(earlier),
            held: VecDeque::new(),
            given: 0,
            spare: Vec::new(),
            has_ended: false,
        }
    }

    pub(super) fn sources(&self) -> &[Source] {
        self.stream.sources()
    }

    /// Gives back a piece's memory, for the next one.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        if bytes.capacity() > self.spare.capacity() {
            self.spare = bytes;
        }
    }

    /// The next piece. Where there are earlier blocks, it comes once its block has been compared.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Stop> {
        loop {
            if let Some(piece) = self.release() {
                return Ok(Some(piece));
            }
            if self.has_ended {
                return Ok(None);
            }
            let piece = self.stream.next(std::mem::take(&mut self.spare))?;
            self.has_ended = piece.is_none();
            let is_as_it_was = match &piece {
                Some(piece) => self.digest.take(piece),
                None => self.digest.end(),
            };
            if !is_as_it_was {
                return Err(Stop::Changed);
            }
            self.held.extend(piece);
        }
    }

    /// What is held and may be given, cut where the next block begins that is not compared yet.
    fn release(&mut self) -> Option<Piece> {
        let mut piece = self.held.pop_front()?;
        let free = self.digest.free().saturating_sub(self.given);
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        if free < piece.bytes.len() {
            let rest = Piece { file: piece.file, bytes: piece.bytes.split_off(free) };
            self.held.push_front(rest);
        }
        self.given += piece.bytes.len() as u64;
        (!piece.bytes.is_empty()).then_some(piece)
    }

    /// The first block that is digested and ends at or before a byte; it has no rows yet.
    pub(super) fn passed(&mut self, offset: u64) -> Option<InputBlock> {
        let is_passed = self.next_end() <= offset;
        if is_passed { self.digest.finished.pop_front() } else { None }
    }

    /// The end of the first block that is digested.
    pub(super) fn next_end(&self) -> u64 {
        self.digest.finished.front().map_or(u64::MAX, InputBlock::end)
    }

    /// All that is digested and not yet passed, the block that is not full included.
    pub(super) fn ahead(&self) -> impl Iterator<Item = InputBlock> {
        self.digest.finished.iter().copied().chain(self.digest.part())
    }
}

/// The digests so far, and the earlier ones to compare them with.
struct Digest {
    state: Box<Xxh3>,
    /// How many bytes of all files are in.
    length: u64,
    file: usize,
    earlier: VecDeque<InputBlock>,
    /// Where the last block that was compared ends.
    compared: u64,
    finished: VecDeque<InputBlock>,
}

impl Digest {
    fn new(mut earlier: Vec<InputBlock>) -> Self {
        earlier.sort_by_key(InputBlock::end);
        // A block that was written down while it grew is there several times; the longest says the most.
        earlier.dedup_by(|later, kept| {
            let is_same = later.offset == kept.offset;
            if is_same {
                *kept = *later;
            }
            is_same
        });
        earlier.retain(|block| block.length > 0);
        Self {
            state: Box::new(Xxh3::new()),
            length: 0,
            file: 0,
            earlier: earlier.into(),
            compared: 0,
            finished: VecDeque::new(),
        }
    }

    /// Where the block that is not full begins.
    fn begin(&self) -> u64 {
        self.length - self.length % BLOCK_LENGTH
    }

    /// Up to which byte the input is known to be what it was, or need not be compared.
    fn free(&self) -> u64 {
        if self.earlier.is_empty() { u64::MAX } else { self.compared }
    }

    /// Digests a piece. `false` where it is not what it was.
    fn take(&mut self, piece: &Piece) -> bool {
        if self.length > 0 && piece.file != self.file {
            self.state.update(&FILE_BEGINS);
        }
        self.file = piece.file;
        let mut bytes = &*piece.bytes;
        while !bytes.is_empty() {
            let begin = self.begin();
            let target = self.earlier.front().map_or(u64::MAX, InputBlock::end);
            let room = (begin + BLOCK_LENGTH).min(target).saturating_sub(self.length);
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            self.state.update(&bytes[..count]);
            self.length += count as u64;
            bytes = &bytes[count..];
            if self.length >= target && !self.compare(begin) {
                return false;
            }
            if self.length == begin + BLOCK_LENGTH {
                self.finish(begin);
            }
        }
        true
    }

    fn compare(&mut self, begin: u64) -> bool {
        let Some(earlier) = self.earlier.pop_front() else { return true };
        self.compared = self.length;
        earlier.offset == begin && earlier.end() == self.length && earlier.digest == self.state.digest128()
    }

    /// A block that is as it was before needs no telling.
    fn finish(&mut self, begin: u64) {
        if self.compared != self.length {
            let block = InputBlock {
                offset: begin,
                length: self.length - begin,
                digest: self.state.digest128(),
                rows: 0,
            };
            self.finished.push_back(block);
        }
        self.state.reset();
    }

    /// Ends the last block. `false` where the input was longer before.
    fn end(&mut self) -> bool {
        let begin = self.begin();
        if self.length > begin {
            self.finish(begin);
            // So that it is not told again as a part.
            self.compared = self.length;
        }
        self.earlier.is_empty()
    }

    fn part(&self) -> Option<InputBlock> {
        let offset = self.begin();
        let is_new = self.length > offset && self.length > self.compared;
        is_new.then(|| InputBlock {
            offset,
            length: self.length - offset,
            digest: self.state.digest128(),
            rows: 0,
        })
    }
}
