//! Runs with many writers: a folder of parts, each an ordinary run folder that one worker at a time writes to.
//!
//! A session is one go at the run: what a driver begins, and its workers belong to. The parts of one session are cut from one
//! input, so that their requests are different ones, equal or not. Where a later session cuts its input otherwise, its parts
//! have other names, and their requests are known again by their keys.

pub(crate) mod accounts;
pub(crate) mod filter;
pub(crate) mod losers;
pub(crate) mod others;
pub(crate) mod part;
pub(crate) mod parts;
pub(crate) mod search;
pub(crate) mod timeline;

use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::manifest::{Format, OutputOptions};

/// The folder of the parts.
pub(crate) const PARTS: &str = "parts";

/// The folder of a part.
pub(crate) fn part_folder(root: &Path, name: &str) -> PathBuf {
    root.join(PARTS).join(name)
}

/// Finds out whether parts are written in the only format in which the rows of one are found for another.
pub(crate) fn check_lines(path: &Path, output: &OutputOptions) -> Result<(), RunError> {
    output.check()?;
    if output.format == Format::Jsonl {
        return Ok(());
    }
    let (path, format) = (path.display(), output.ending());
    let what = format!(
        "{path}: its rows are {format}, and those of a run with many writers must be JSONL; leave the format out"
    );
    Err(RunError::Output { what })
}

/// Whether two parts have belonged to one session, in which their requests were different ones.
pub(crate) fn are_of_one_session(sessions: &[u64], others: &[u64]) -> bool {
    sessions.iter().any(|session| others.contains(session))
}
