//! Why something was not kept, until somebody asks.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::CacheError;

/// Why something was not kept, the last time.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<CacheError>>);

impl Trouble {
    /// What was made of something, unless there was trouble, which is noted.
    pub(crate) fn note<R>(&self, made: Result<R, CacheError>) -> Option<R> {
        made.map_err(|error| *self.lock() = Some(error)).ok()
    }

    /// What was noted since this was asked before.
    pub(crate) fn take(&self) -> Option<CacheError> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<CacheError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
