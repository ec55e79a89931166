//! What is done once a run has ended: lists are cleaned, and the accounts and the report are written.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::accounts::Summary;
use crate::error::RunError;
use crate::folder::{compaction, read_timeline, whole_lines};
use crate::journal::files::{LIVE, OUT, SUMMARY};
use crate::manifest::Manifest;
use crate::report::report;
use crate::storage::disk::{self, Disk};

/// The report's file.
const REPORT: &str = "report.html";

/// Finishes a folder whose journal is closed. Returns the run in sum.
pub(crate) fn finish(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    summary: Summary,
    has_again: bool,
) -> Result<Summary, RunError> {
    let summary = if has_again { compaction::compact(disk, folder, manifest, summary)? } else { summary };
    // What was removed stays so: whoever looks at all files of the folder must not find rows twice.
    for at in [OUT, LIVE] {
        let at = folder.join(at);
        disk.sync_folder(&at).map_err(RunError::io("syncing", &at))?;
    }
    let timeline = read_timeline(&**disk, folder)?;
    let bytes = serde_json::to_vec_pretty(&summary).unwrap_or_default();
    // A part of a run with many writers has none: it is the whole that is told of.
    let is_part = !manifest.sessions.is_empty();
    let page = (!is_part).then(|| report(&summary, &timeline).into_bytes());
    for (name, bytes) in [(SUMMARY, bytes)].into_iter().chain(page.map(|page| (REPORT, page))) {
        let path = folder.join(name);
        disk::replace(&**disk, &path, &bytes).map_err(RunError::io("writing", &path))?;
    }
    Ok(summary)
}

/// The lines of a file, without their breaks. None where there is no file.
pub(crate) fn lines(disk: &dyn Disk, path: &Path) -> Result<Vec<Vec<u8>>, RunError> {
    match disk.open(path) {
        Ok(file) => whole_lines(BufReader::new(file)).map_err(RunError::io("reading", path)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(RunError::io("reading", path)(cause)),
    }
}

/// The position of the request of a line.
pub(crate) fn position(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Place {
        index: u64,
    }
    serde_json::from_slice::<Place>(line).ok().map(|place| place.index)
}

/// Of lines of requests those that are true still, each once.
pub(crate) fn current(lines: Vec<Vec<u8>>, is_true: impl Fn(u64) -> bool) -> Vec<Vec<u8>> {
    let mut current = std::collections::BTreeMap::new();
    for line in lines {
        if let Some(position) = position(&line).filter(|position| is_true(*position)) {
            current.insert(position, line);
        }
    }
    current.into_values().collect()
}

/// Leaves out lines of requests that are no longer true, and those that are there twice.
pub(crate) fn clean(disk: &dyn Disk, path: &Path, is_true: impl Fn(u64) -> bool) -> Result<(), RunError> {
    if !disk::exists(disk, path).map_err(RunError::io("reading", path))? {
        return Ok(());
    }
    let mut kept = Vec::new();
    for line in current(lines(disk, path)?, is_true) {
        kept.extend_from_slice(&line);
        kept.push(b'\n');
    }
    disk::replace(disk, path, &kept).map_err(RunError::io("writing", path))
}
