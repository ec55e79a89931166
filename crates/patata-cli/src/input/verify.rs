//! Whether files are still what an earlier process has read, told without a look at their rows.

use std::sync::Arc;

use patata_run::InputBlock;

use super::blocks::{Blocks, Stop};
use super::error::InputError;
use super::source::Source;

/// Compares files with the blocks that an earlier process has read, from the first byte to the last block.
///
/// `false` where it cannot be told beforehand, as one of the sources can be read only once. Rows are then compared while
/// they are read: see [`InputOptions::earlier`](super::InputOptions::earlier).
///
/// # Errors
/// What cannot be read; [`InputError::Changed`] where the files differ.
pub fn verify(sources: &[Source], earlier: &[InputBlock]) -> Result<bool, InputError> {
    for source in sources {
        source.check()?;
    }
    if !sources.iter().all(Source::is_regular) {
        return Ok(false);
    }
    let end = earlier.iter().map(InputBlock::end).max().unwrap_or(0);
    let mut blocks = Blocks::new(sources.to_vec(), earlier.to_vec());
    let (mut offset, mut file, mut line) = (0, 0, 1);
    let name = |file: usize| sources.get(file).map_or_else(|| Arc::from("input"), Source::name);
    while offset < end {
        match blocks.next() {
            Ok(Some(piece)) => {
                line = if piece.file == file { line } else { 1 };
                file = piece.file;
                offset += piece.bytes.len() as u64;
                line += memchr::memchr_iter(b'\n', &piece.bytes).count() as u64;
                blocks.recycle(piece.bytes);
            }
            Ok(None) => break,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Changed) => {
                let before = earlier.iter().filter(|block| block.end() <= offset);
                // The last row that had begun by then may reach into what has changed.
                let row = before.map(|block| block.rows).max().unwrap_or(0).saturating_sub(1);
                return Err(InputError::Changed { row, file: name(file), line });
            }
        }
    }
    Ok(true)
}
