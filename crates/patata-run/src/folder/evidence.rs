//! What a folder says of rows that its ledger must have, so that a ledger that is gone is not taken for a run that has
//! not begun: all of its requests would be sent again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::folder::Written;
use crate::journal::files::{self, FAILED, LEDGER, LIVE, OUT, SUMMARY, TIMELINE, UNKNOWN};
use crate::ledger::state::State;
use crate::storage::disk::{self, Disk};

/// What is there of a run besides its ledger. To be taken before the ledger is read, which another process may write.
#[derive(Debug)]
pub(crate) struct Evidence {
    folder: PathBuf,
    /// Rows that the summary counts: it is written once they are in the ledger.
    rows: u64,
    /// Parts of the output whose rows are nowhere else: what they were made of goes once the ledger has them.
    parts: Vec<(u32, PathBuf)>,
    /// What is there only once the ledger's first line is.
    begun: Option<PathBuf>,
}

impl Evidence {
    /// Takes it, beside the summary that is written there.
    pub(crate) fn of(disk: &dyn Disk, folder: &Path, written: &Written) -> Result<Self, RunError> {
        let rows = written.ledger_rows();
        let out = names(disk, &folder.join(OUT))?;
        let live = names(disk, &folder.join(LIVE))?;
        let is_live = |part: u32| live.iter().any(|name| files::number(name) == Some(part));
        let parts = out.iter().filter(|name| !name.ends_with(".tmp"));
        let parts = parts.filter_map(|name| Some((files::number(name)?, folder.join(OUT).join(name))));
        let parts = parts.filter(|(part, _)| !is_live(*part)).collect();
        let mut begun =
            live.iter().find(|name| files::number(name).is_some()).map(|name| folder.join(LIVE).join(name));
        for name in [FAILED, UNKNOWN, TIMELINE, SUMMARY] {
            let path = folder.join(name);
            if disk::exists(disk, &path).map_err(RunError::io("reading", &path))? {
                begun = Some(path);
            }
        }
        Ok(Self { folder: folder.to_owned(), rows, parts, begun })
    }

    /// Compares it with what the ledger says; `is_begun` is whether there is one.
    ///
    /// # Errors
    /// [`RunError::Damaged`], where rows are missing in the ledger.
    pub(crate) fn check(&self, state: &State, is_begun: bool) -> Result<(), RunError> {
        let path = self.folder.join(LEDGER);
        let damaged = |what: String| {
            let what = format!("{what}; without these rows their requests would be sent again");
            Err(RunError::Damaged { path, what })
        };
        if let Some(there) = self.begun.as_ref().filter(|_| !is_begun) {
            return damaged(format!("it has no rows, and {} tells of some", there.display()));
        }
        if self.rows > state.rows {
            let (rows, counted) = (state.rows, self.rows);
            return damaged(format!("it has {rows} rows of responses, and {SUMMARY} counts {counted}"));
        }
        let is_missing = |part: &u32| state.parts.get(part).is_none_or(|known| known.sealed.is_none());
        match self.parts.iter().find(|(part, _)| is_missing(part)) {
            Some((_, path)) => damaged(format!("it has no rows of {}", path.display())),
            None => Ok(()),
        }
    }
}

/// The names in a folder; none where it is not there, as folders that are empty are lost where a run is copied.
pub(crate) fn names(disk: &dyn Disk, folder: &Path) -> Result<Vec<String>, RunError> {
    match disk.names(folder) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(RunError::io("reading", folder)),
    }
}
