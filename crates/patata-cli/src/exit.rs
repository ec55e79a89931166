//! What the process ends with, and what is said when it cannot go on.

use std::fmt::Display;
use std::io;
use std::path::Path;

use patata_budget::BudgetError;
use patata_run::RunError;

use crate::input::InputError;

/// How it ended, in one number. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All requests are ok.
    Ok = 0,
    /// Some failed.
    Failed = 1,
    /// What was asked for cannot be done.
    Usage = 2,
    /// More failed than was put up with, or the deadline passed.
    Stopped = 3,
    /// Of some nobody knows whether they were done.
    Unknown = 4,
    /// This machine could not read or write.
    LocalIo = 5,
    /// Another process is at work in the folder.
    Locked = 11,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

/// Why a command cannot go on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Names the thing and the fix.
    pub(crate) message: String,
}

impl Failure {
    /// What was asked for cannot be done.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// This machine could not read or write.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self { exit: Exit::LocalIo, message: message.into() }
    }

    /// The same of a file.
    pub(crate) fn file(doing: &str, path: &Path, cause: impl Display) -> Self {
        Self::local(format!("{doing} {} failed: {cause}", path.display()))
    }

    /// What is wrong with an input.
    pub(crate) fn of_input(error: InputError) -> Self {
        let exit = if error.is_io() { Exit::LocalIo } else { Exit::Usage };
        Self { exit, message: error.to_string() }
    }

    /// What is wrong with a run folder.
    pub(crate) fn of_run(error: RunError) -> Self {
        let exit = match error {
            RunError::Locked { .. } => Exit::Locked,
            RunError::Io { .. } | RunError::Damaged { .. } => Exit::LocalIo,
            _ => Exit::Usage,
        };
        Self { exit, message: error.to_string() }
    }

    /// What is wrong with a shared budget.
    pub(crate) fn of_budget(error: &BudgetError) -> Self {
        let exit = match error {
            BudgetError::Unreachable { .. } | BudgetError::CannotServe { .. } => Exit::LocalIo,
            _ => Exit::Usage,
        };
        Self { exit, message: error.to_string() }
    }

    /// What came of writing to stdout. A reader who has seen enough is no failure.
    pub(crate) fn of_stdout(written: io::Result<()>) -> Result<(), Self> {
        match written {
            Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
                Err(Self::local(format!("writing to stdout failed: {cause}")))
            }
            _ => Ok(()),
        }
    }
}
