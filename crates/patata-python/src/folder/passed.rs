//! What of an input is not sent, as an earlier process has dealt with it: counted where it is taken, for the accounts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

/// So many ids are kept, as of other requests without an outcome.
const KEPT: usize = 1_000;

/// Shared by the way in and the accounts, which are asked from other threads.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    skipped: AtomicU64,
    unknown: AtomicU64,
    unknown_ids: Mutex<Vec<Py<PyAny>>>,
    is_closed: AtomicBool,
}

impl Passed {
    pub(crate) fn skip(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one that has no id of Python's.
    pub(crate) fn count_unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave_unknown(&self, id_: Py<PyAny>) {
        self.count_unknown();
        let mut ids = self.unknown_ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() < KEPT {
            ids.push(id_);
        }
    }

    /// How many an earlier process has done.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// How many an earlier process has sent, nobody knows to what effect, and are left alone.
    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// The ids of the first of these.
    pub(crate) fn unknown_ids(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let ids = self.unknown_ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().map(|id_| id_.clone_ref(py)).collect()
    }

    /// Takes nothing more of the input.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Who holds the lock holds the ids.
        match self.unknown_ids.try_lock() {
            Ok(ids) => ids.iter().try_for_each(|id_| visit.call(id_)),
            Err(_) => Ok(()),
        }
    }
}
