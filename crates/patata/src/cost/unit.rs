//! What budgets are counted in.

use std::fmt;
use std::sync::Arc;

/// A unit that a budget is stated in. Those that most use take no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    Requests,
    Tokens,
    Bytes,
    /// Requests in flight.
    Concurrency,
    /// Of who holds a budget: what is waited for while it gives none.
    Answer,
    Other(Arc<str>),
}

impl Unit {
    pub(crate) fn new(name: &str) -> Self {
        match name {
            "requests" => Self::Requests,
            "tokens" => Self::Tokens,
            "bytes" => Self::Bytes,
            "concurrency" => Self::Concurrency,
            other => Self::Other(other.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Bytes => "bytes",
            Self::Concurrency => "concurrency",
            Self::Answer => "no answer",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
