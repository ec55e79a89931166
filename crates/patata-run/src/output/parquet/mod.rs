//! Rows as Parquet: a column for each member, bodies as text or by a schema; and such files as lines of rows again.

mod cells;
mod columns;
mod integers;
mod layout;
mod read;
mod row;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use parquet::errors::ParquetError;

pub(crate) use layout::Layout;
pub(crate) use read::Lines;
pub(crate) use write::{convert, copy};

/// What the disk says is told as it was.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
