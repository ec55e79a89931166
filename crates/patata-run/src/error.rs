//! Why a run folder cannot be used, or can be used no longer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a run folder cannot be used, or why its run must stop. Each says what is wrong with what, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another process is at work in the folder.
    #[error(
        "{} is in use by another run{}; wait for its end, or change it with `patata set`",
        path.display(), process.map_or(String::new(), |process| format!(" (process {process})"))
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The other process, where it is known.
        process: Option<u32>,
    },
    /// Another worker is at work at a part of a run, and was waited for.
    #[error(
        "{} is in use by another worker ({holder}), which was waited for for {} s; let it end or end it, and try again, or \
         wait longer", path.display(), waited.as_secs()
    )]
    PartLocked {
        /// The part's folder.
        path: PathBuf,
        /// The other worker: its process, and its host.
        holder: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A worker belongs to a job that another one has followed.
    #[error(
        "session {session} of {} is over, as session {latest} has begun since; end the older job, or run it again",
        path.display()
    )]
    Superseded {
        /// The folder of the run.
        path: PathBuf,
        /// The session of the worker.
        session: u64,
        /// The session that has begun since.
        latest: u64,
    },
    /// There is a run already where a new one should begin.
    #[error(
        "{} holds a run already; go on with it by `patata resume {}`, or name another folder",
        path.display(), path.display()
    )]
    AlreadyThere {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is none of a run.
    #[error("{} is not a run folder: {why}", path.display())]
    NotARunFolder {
        /// What was named.
        path: PathBuf,
        /// What is missing, or in the way.
        why: String,
    },
    /// A later version of patata has written the folder.
    #[error(
        "{} was written in format {format}, and this patata {} knows format {} and older ones; use a newer patata",
        path.display(), env!("CARGO_PKG_VERSION"), crate::manifest::FORMAT
    )]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Something in the folder is not as it was left.
    #[error("{} is damaged: {what}; restore it from a copy, or begin anew in another folder", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The run is given other requests than before.
    #[error(
        "the input is not what {} was begun with: from row {row} on it differs; give the old input back, or begin \
         anew in another folder", path.display()
    )]
    Changed {
        /// The folder.
        path: PathBuf,
        /// The first row that differs, counted from 0.
        row: u64,
    },
    /// A request that a response has led to cannot be kept, so that another process could send it.
    #[error("a follow-up cannot be kept in the run folder: {what}")]
    FollowUp {
        /// What is in the way, and what to do about it.
        what: String,
    },
    /// There are requests in the folder that responses have led to, which the one who goes on with it would not send.
    #[error(
        "{} has requests that responses have led to, which would not be sent; go on with it as it was begun, by what \
         follows responses",
        path.display()
    )]
    Followed {
        /// The folder.
        path: PathBuf,
    },
    /// Responses cannot be written in the way that was asked for.
    #[error("{what}")]
    Output {
        /// What cannot be, and what to do about it.
        what: String,
    },
    /// The disk, or the system, has refused something. What was acknowledged before is safe.
    #[error("{doing} {} failed: {source}", path.display())]
    Io {
        /// What was tried, as "writing".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
}

impl RunError {
    /// Turns what the system says into an error that names the file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source: Arc::new(source) }
    }
}
