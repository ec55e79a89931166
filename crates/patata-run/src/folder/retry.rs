//! Requests of a run that shall be sent again, chosen by how they ended.

use std::path::Path;
use std::sync::Arc;

use crate::error::RunError;
use crate::folder::recovery::{Recovered, read_ledger, write_group};
use crate::ledger::entry::Entry;
use crate::storage::disk::Disk;

/// Which requests are sent again: of the failed ones those that have one of the statuses or kinds, all where none is
/// named; and those of which nobody knows, where that is said.
///
/// ```
/// let selection = patata_run::Selection { kinds: vec!["timeout".to_owned()], ..Default::default() };
/// assert!(!selection.unknown);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Statuses.
    pub statuses: Vec<u16>,
    /// Kinds of errors, by their [names](patata::ErrorKind::name).
    pub kinds: Vec<String>,
    /// Whether unknown ones are among them: what they ask for may be done twice.
    pub unknown: bool,
    /// Whether failed ones are. They are too where a status or a kind is named.
    pub failed: bool,
}

impl Selection {
    fn is_failed(&self, kind: &str) -> bool {
        if self.statuses.is_empty() && self.kinds.is_empty() {
            return self.failed;
        }
        let by_status = kind.parse().is_ok_and(|status: u16| self.statuses.contains(&status));
        by_status || self.kinds.iter().any(|named| crate::output::line::ledger_kind(named) == kind)
    }
}

/// Marks them in the ledger. Its lock is held.
pub(crate) fn mark(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    recovered: Recovered,
    selection: &Selection,
) -> Result<u64, RunError> {
    let mut chosen = roaring::RoaringTreemap::new();
    read_ledger(&**disk, folder, |entry| match entry {
        Entry::Ended { position, ended, .. } if !ended.is_ok && selection.is_failed(ended.kind) => {
            chosen.insert(position);
        }
        Entry::Ended { position, .. } => {
            chosen.remove(position);
        }
        _ => {}
    })?;
    chosen &= &recovered.state.failed;
    if selection.unknown {
        chosen |= &recovered.state.sent;
    }
    if chosen.is_empty() {
        return Ok(0);
    }
    let mut rows = Vec::new();
    chosen.iter().for_each(|position| Entry::Again { position }.write(&mut rows));
    write_group(&**disk, folder, recovered.ledger_file, &rows, chosen.len())?;
    Ok(chosen.len())
}
