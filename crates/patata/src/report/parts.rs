//! The files that responses are being saved to, as a call that ends must know of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The parts that the responses of a call have, and what earlier processes left of theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    removed: Removed,
}

/// Parts that a process left which ended before they were whole, and that this call has removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Removed {
    pub(crate) count: u64,
    /// The folder of the last of them.
    pub(crate) folder: PathBuf,
}

impl Parts {
    /// Waits until none is open, for a limited time. Those that nobody waits for any more go at once.
    pub(crate) fn wait(&self, limit: Duration) {
        let state = self.state();
        // Whether it took too long or not, nothing more can be done.
        let _ = self.0.fewer.wait_timeout_while(state, limit, |state| state.open > 0);
    }

    /// What has been removed since this was last asked.
    pub(crate) fn take_removed(&self) -> Removed {
        std::mem::take(&mut self.state().removed)
    }

    /// Counts one that has been opened.
    pub(crate) fn opened(&self) {
        self.state().open += 1;
    }

    /// Counts one that is gone, or has its name.
    pub(crate) fn closed(&self) {
        self.state().open -= 1;
        self.0.fewer.notify_all();
    }

    /// Notes one that was removed from a folder.
    pub(crate) fn note_removed(&self, folder: &Path) {
        let mut state = self.state();
        state.removed.count += 1;
        state.removed.folder = folder.to_owned();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
