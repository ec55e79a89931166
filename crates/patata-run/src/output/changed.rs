//! A response that its user has changed before it is written down.

use std::time::Duration;

/// A response that was changed since it came.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// Its status; `None` where no response came.
    pub status: Option<u16>,
    /// Whether it counts as a success.
    pub is_ok: bool,
    /// The URL that answered; where it is empty, that which was asked for.
    pub url: &'a str,
    /// Names and values of its headers, for rows that have them.
    pub headers: &'a [(String, String)],
    /// The file that has its body instead.
    pub path: Option<&'a str>,
    /// Its body.
    pub body: ChangedBody<'a>,
    /// Kind and message, where there is an error.
    pub error: Option<(&'a str, &'a str)>,
    /// Attempts begun.
    pub attempts: u32,
    /// How long it took.
    pub elapsed: Duration,
}

/// The body of a response that was changed, or may have been.
#[derive(Debug, Clone, Copy)]
pub enum ChangedBody<'a> {
    /// What the server has sent.
    AsItCame(&'a [u8]),
    /// What was put in its place, as JSON in one line. The row says `"changed":true`.
    Json(&'a str),
}

impl ChangedBody<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::AsItCame(bytes) => bytes.len(),
            Self::Json(text) => text.len(),
        }
    }
}
