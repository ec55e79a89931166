//! Files of rows that are not sent now: an earlier process, or another part of the run, has written them. A name belongs
//! to the first row of the input that has it, whichever process sends it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// The names, by their hashes, with their rows.
#[derive(Debug, Default)]
pub(super) struct Names {
    hasher: RandomState,
    rows: HashMap<u64, u64>,
}

impl Names {
    /// States that a row that is left out has this file.
    pub(super) fn keep(&mut self, path: Option<PathBuf>, row: u64) {
        if let Some(path) = path {
            self.rows.entry(self.hasher.hash_one(path)).or_insert(row);
        }
    }

    /// What is wrong with sending a row whose body goes to this file.
    ///
    /// # Errors
    /// Names the row that has the file already.
    pub(super) fn check(&self, path: Option<&Path>) -> Result<(), String> {
        let Some(path) = path else { return Ok(()) };
        match self.rows.get(&self.hasher.hash_one(path)) {
            Some(other) => Err(format!(
                "--save-to: the body would go to {path:?}, as that of row {other} (counted from 0) does; tell them \
                 apart, as by {{index}}"
            )),
            None => Ok(()),
        }
    }
}
