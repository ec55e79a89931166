//! Where the reading is: the bytes from the next row on, and its place in the input.

use std::sync::Arc;

use patata_run::InputBlock;

use super::blocks::{Blocks, Stop};
use super::error::InputError;
use super::source::{Piece, Source};

/// The longest row: a quote that is never closed should not take a whole input into memory.
const MAX_ROW: usize = 256 << 20;

/// A view into one file, which moves on.
pub(super) struct Window {
    blocks: Blocks,
    buffer: Vec<u8>,
    /// Where the next row begins in the buffer.
    start: usize,
    /// The same in the whole input.
    offset: u64,
    file: usize,
    name: Arc<str>,
    /// The line in the file, counted from 1.
    line: u64,
    /// The first piece of another file.
    next: Option<Piece>,
    /// How many rows have begun.
    rows: u64,
    passed: Vec<InputBlock>,
}

impl Window {
    pub(super) fn new(sources: Vec<Source>, earlier: Vec<InputBlock>) -> Self {
        let name = sources.first().map_or_else(|| "input".into(), Source::name);
        Self {
            blocks: Blocks::new(sources, earlier),
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            file: 0,
            name,
            line: 1,
            next: None,
            rows: 0,
            passed: Vec::new(),
        }
    }

    /// What there is of the file from the next row on.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn source(&self) -> Option<&Source> {
        self.blocks.sources().get(self.file)
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads on. `false` where the file has no more.
    pub(super) fn more(&mut self) -> Result<bool, InputError> {
        if self.bytes().len() > MAX_ROW {
            let message = format!(
                "the row that begins here has more than {} MiB; is there a quote that is never closed?",
                MAX_ROW >> 20
            );
            return Err(self.form(message));
        }
        let Some(piece) = self.piece()? else { return Ok(false) };
        if piece.file != self.file {
            self.next = Some(piece);
            return Ok(false);
        }
        self.append(piece.bytes);
        Ok(true)
    }

    /// Goes on to the next file that has anything in it. `false` at the end of the input.
    pub(super) fn next_file(&mut self) -> Result<bool, InputError> {
        debug_assert!(self.bytes().is_empty(), "a file is read to its end");
        let Some(piece) = self.piece()? else {
            self.pass(u64::MAX);
            return Ok(false);
        };
        self.file = piece.file;
        self.name = self.source().map_or_else(|| "input".into(), Source::name);
        self.line = 1;
        self.append(piece.bytes);
        Ok(true)
    }

    fn piece(&mut self) -> Result<Option<Piece>, InputError> {
        if let Some(piece) = self.next.take() {
            return Ok(Some(piece));
        }
        self.blocks.next().map_err(|stop| match stop {
            Stop::Failed(error) => error,
            Stop::Changed => InputError::Changed { row: self.rows, file: self.name.clone(), line: self.line },
        })
    }

    fn append(&mut self, mut bytes: Vec<u8>) {
        if self.start == self.buffer.len() {
            std::mem::swap(&mut self.buffer, &mut bytes);
        } else {
            self.buffer.drain(..self.start);
            self.buffer.extend_from_slice(&bytes);
        }
        self.start = 0;
        self.blocks.recycle(bytes);
    }

    /// Counts the row that begins here.
    pub(super) fn begin_row(&mut self) {
        if self.blocks.next_end() <= self.offset {
            self.pass(self.offset);
        }
        self.rows += 1;
    }

    /// Leaves bytes behind, in which so many lines end.
    pub(super) fn consume(&mut self, count: usize, lines: u64) {
        self.start += count;
        self.offset += count as u64;
        self.line += lines;
    }

    fn pass(&mut self, offset: u64) {
        while let Some(block) = self.blocks.passed(offset) {
            self.passed.push(InputBlock { rows: self.rows, ..block });
        }
    }

    /// The blocks that lie behind, each given once.
    pub(super) fn take_blocks(&mut self) -> Vec<InputBlock> {
        std::mem::take(&mut self.passed)
    }

    /// The blocks that are read and do not yet lie behind.
    pub(super) fn blocks_ahead(&self) -> Vec<InputBlock> {
        self.blocks.ahead().map(|block| InputBlock { rows: self.rows, ..block }).collect()
    }

    /// What ends the reading at the line where it is.
    pub(super) fn form(&self, message: impl Into<String>) -> InputError {
        InputError::Form { file: self.name.clone(), line: Some(self.line), message: message.into() }
    }

    /// The same for what is wrong with a file as a whole.
    pub(super) fn unusable(&self, message: impl Into<String>) -> InputError {
        InputError::Form { file: self.name.clone(), line: None, message: message.into() }
    }
}
