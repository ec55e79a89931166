//! Forks: threads do not come along into the child, so what was begun before is of no use in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::fault;
use crate::readers;

/// How often this process is the child of a fork.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Called in a child after a fork.
#[pyfunction(name = "_forked")]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    readers::forget();
}

/// The process in which something was begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(usize);

impl Process {
    /// This one.
    pub(crate) fn current() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether it was forked since, and this is the child.
    pub(crate) fn is_gone(self) -> bool {
        self.0 != FORKS.load(Ordering::Relaxed)
    }

    /// An error where it is gone.
    pub(crate) fn check(self, py: Python<'_>) -> PyResult<()> {
        if self.is_gone() {
            let message = "this run belongs to the process that was forked; begin another one in the child";
            return Err(fault::raise(py, "ForkedError", message.to_owned()));
        }
        Ok(())
    }
}
