//! What keeps a table from being fetched: never a row's own failure, which is a value in its row.

use arrow_schema::ArrowError;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// What was asked does not go with the input's columns. Found before any I/O.
    #[error("{subject}: {problem}; {fix}")]
    Unusable {
        /// The column or option.
        subject: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        fix: String,
    },
    /// A batch of the input could not be had. What was asked before it has been answered.
    #[error("the input cannot be read: {}", told(.0))]
    Input(#[source] ArrowError),
    /// A batch of results could not be put together.
    #[error("the results do not make a table: {0}")]
    Output(#[source] ArrowError),
}

impl TableError {
    pub(crate) fn unusable(
        subject: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::Unusable { subject: subject.into(), problem: problem.into(), fix: fix.into() }
    }
}

/// What Arrow says; what others have told it, as they did.
pub(crate) fn told(error: &ArrowError) -> String {
    match error {
        ArrowError::ExternalError(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// What Arrow says, without its own name for the kind of it.
pub(crate) fn plain(error: ArrowError) -> String {
    match error {
        ArrowError::JsonError(text) | ArrowError::CastError(text) | ArrowError::SchemaError(text) => text,
        other => other.to_string(),
    }
}
