//! A row of the input from its request to its results: where it came from, what it is answered with, and which rows share
//! an answer.

pub(crate) mod answer;
mod row;
pub(crate) mod shared;

pub(crate) use crate::rows::row::Piece;
pub use crate::rows::row::Row;
