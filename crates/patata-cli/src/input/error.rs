//! What is wrong with an input as a whole: it ends the reading, where a bad row would not.

use std::io;
use std::sync::Arc;

/// What ends the reading of an input, or shows that a template does not fit it. Each names the thing and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file cannot be opened, or is a folder.
    #[error("{file}: cannot be opened: {source}")]
    Open {
        /// The file, as it was named.
        file: Arc<str>,
        /// What the system says.
        source: io::Error,
    },
    /// A file that was open cannot be read on.
    #[error("{file}: cannot be read after byte {offset}: {source}")]
    Read {
        /// The file, as it was named.
        file: Arc<str>,
        /// How many of its bytes were read.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// An archive is damaged, or its end is missing.
    #[error(
        "{file}: the {format} archive is {}, at byte {offset}: {source}; unpack or fetch it anew",
        damage(source)
    )]
    Archive {
        /// The file, as it was named.
        file: Arc<str>,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// How many bytes of the archive itself were read.
        offset: u64,
        /// What the unpacking says.
        source: io::Error,
    },
    /// A file does not have the form that it should have.
    #[error("{}: {message}", place(file, *line))]
    Form {
        /// The file, as it was named.
        file: Arc<str>,
        /// The line, counted from 1, where one is known.
        line: Option<u64>,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// The template names a field that the input does not have.
    #[error("{file}: {message}")]
    Field {
        /// The file, as it was named.
        file: Arc<str>,
        /// The field that is missing.
        field: String,
        /// Which fields there are, and how to mend it.
        message: String,
    },
    /// A template cannot be used, whatever the input.
    #[error("{part}: {message}")]
    Template {
        /// Which part of the request it is for: `URL`, `--save-to`.
        part: &'static str,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// The input is not the one that an earlier process has read.
    #[error(
        "{}: the input has changed since the run began, from row {row} on (counted from 0) or up to 1 MiB behind it; give \
         the input as it was (only what is added to its end may be new), or begin a new run in another folder",
        place(file, Some(*line))
    )]
    Changed {
        /// The first row that may differ, counted from 0. All before it are as they were.
        row: u64,
        /// The file in which it stands.
        file: Arc<str>,
        /// The line in that file, counted from 1.
        line: u64,
    },
}

impl InputError {
    /// The file that it is about, where it is about one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Open { file, .. }
            | Self::Read { file, .. }
            | Self::Archive { file, .. }
            | Self::Form { file, .. }
            | Self::Field { file, .. }
            | Self::Changed { file, .. } => Some(file),
            Self::Template { .. } => None,
        }
    }

    /// The line in that file, counted from 1, where it is known.
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Form { line, .. } => *line,
            Self::Changed { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// Whether the disk or the pipe is at fault, and not what was asked.
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}

fn damage(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => "cut off",
        _ => "damaged",
    }
}

fn place(file: &str, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}
