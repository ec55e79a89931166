//! Why a chain of pages ends before its end, and what is wrong with how its paging was described.

/// Why a chain of pages ends, though it is not at its end. It says at which page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the chain of pages ends at page {page}: {reason}")]
#[non_exhaustive]
pub struct PageError {
    /// What it is about.
    pub kind: PageErrorKind,
    /// The page that it ends at; the first is 1.
    pub page: u64,
    /// What is wrong, and the fix.
    pub reason: String,
}

/// What a chain has ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageErrorKind {
    /// The page has failed, or does not say what it must.
    Page,
    /// It leads to a page that was asked for before.
    Repeated,
    /// It leads to another origin.
    OtherOrigin,
}

/// What is wrong with the description of a way of paging, of a path or of an origin. It names the part and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(pub(crate) String);
