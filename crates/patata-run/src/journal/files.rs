//! The files of a run folder that a journal writes, by their names.

use std::path::{Path, PathBuf};

/// The folder of the ledger's files.
pub(crate) const LEDGER: &str = "ledger";
/// The folder of parts that are being written.
pub(crate) const LIVE: &str = "live";
/// The folder of parts that are complete.
pub(crate) const OUT: &str = "out";
/// The requests that have failed.
pub(crate) const FAILED: &str = "failed.jsonl";
/// The requests that responses have led to.
pub(crate) const FOUND: &str = "found.jsonl";
/// The requests of which nobody knows whether they were done.
pub(crate) const UNKNOWN: &str = "unknown.jsonl";

/// The run in sum.
pub(crate) const SUMMARY: &str = "summary.json";
/// What happened, second by second.
pub(crate) const TIMELINE: &str = "timeline.jsonl";

/// The writer of a run that has one process.
pub(crate) const WRITER: &str = "w0";

/// A file of the ledger.
pub(crate) fn ledger(folder: &Path, writer: &str, number: u32) -> PathBuf {
    folder.join(LEDGER).join(format!("{writer}-{number:06}.csv"))
}

/// A part that is being written.
pub(crate) fn live(folder: &Path, writer: &str, part: u32) -> PathBuf {
    folder.join(LIVE).join(format!("{writer}-{part:06}.jsonl"))
}

/// A part that is complete.
pub(crate) fn sealed(folder: &Path, writer: &str, part: u32, ending: &str) -> PathBuf {
    folder.join(OUT).join(format!("{writer}-{part:06}.{ending}"))
}

/// The number in the name of one of these, or of what one is made as; `None` for a file that somebody else has put there.
pub(crate) fn number(name: &str) -> Option<u32> {
    let (stem, _) = name.split_once('.')?;
    stem.strip_prefix(WRITER)?.strip_prefix('-')?.parse().ok()
}
