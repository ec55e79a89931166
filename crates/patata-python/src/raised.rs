//! What the user's code has raised where it cannot be raised further: kept until it can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

/// What the input, or a function of the user's, has raised. It is looked at for each response, so most looks are without the lock.
#[derive(Debug, Default)]
pub(crate) struct Raised {
    is_some: AtomicBool,
    error: Mutex<Option<PyErr>>,
}

impl Raised {
    pub(crate) fn set(&self, error: PyErr) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.is_some.store(true, Ordering::Release);
    }

    /// Whether there is nothing.
    pub(crate) fn is_none(&self) -> bool {
        !self.is_some.load(Ordering::Acquire)
    }

    pub(crate) fn take(&self) -> Option<PyErr> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether it is Ctrl-C, or the like, which does not wait for the end.
    pub(crate) fn is_interrupt(&self, py: Python<'_>) -> bool {
        self.is_some.load(Ordering::Acquire)
            && self
                .error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .is_some_and(|error| !error.is_instance_of::<PyException>(py))
    }
}
