//! What is wrong with a run folder, as the exception that Python raises.

use patata_run::RunError;
use pyo3::prelude::*;

use crate::fault;

/// The exception for it.
pub(crate) fn exception(py: Python<'_>, error: &RunError) -> PyErr {
    let message = error.to_string();
    if let RunError::Io { source, .. } = error {
        return of_system(py, &message, source.raw_os_error()).unwrap_or_else(|error| error);
    }
    let class = match error {
        RunError::Locked { .. } | RunError::PartLocked { .. } => "RunFolderLockedError",
        RunError::Superseded { .. } => "RunFolderSupersededError",
        RunError::AlreadyThere { .. } => "RunFolderExistsError",
        RunError::NotARunFolder { .. } => "NotARunFolderError",
        RunError::NewerFormat { .. } => "RunFolderFormatError",
        RunError::Damaged { .. } => "RunFolderDamagedError",
        RunError::Changed { .. } => "RunFolderChangedError",
        _ => "RunFolderError",
    };
    fault::raise(py, class, message)
}

fn of_system(py: Python<'_>, message: &str, number: Option<i32>) -> PyResult<PyErr> {
    let exception = fault::class(py, "RunFolderIOError")?.call1((message, number))?;
    Ok(PyErr::from_value(exception))
}
