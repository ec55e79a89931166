//! A row of the input, as long as its outcome is awaited.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use arrow_array::ArrayRef;

/// Rows that were read together, with the columns of them that are kept: they are freed with the last of their rows.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) length: usize,
    /// How many rows of the input are before it.
    pub(crate) begin: u64,
}

/// A row of the input: what a request's outcome goes with. It holds what is kept of the input's columns.
#[derive(Clone)]
pub struct Row {
    pub(crate) piece: Arc<Piece>,
    pub(crate) index: u32,
    /// By what rows of equal requests are known, where they share an answer.
    pub(crate) question: Option<NonZeroU32>,
}

impl fmt::Debug for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Row").field("position", &self.position()).finish_non_exhaustive()
    }
}

impl Row {
    /// Its place in the input, counted from 0.
    pub fn position(&self) -> u64 {
        self.piece.begin + u64::from(self.index)
    }

    /// Its place among those that were read with it.
    pub(crate) fn place(&self) -> usize {
        self.index as usize
    }
}
