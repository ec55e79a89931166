//! An outcome as it is written where its URL has a secret.

use patata::{Outcome, Response};
use patata_run::{Changed, ChangedBody};

use crate::redaction::Redaction;

/// Hands on what is to be written of an outcome, without the secrets of its URL.
pub(super) fn redacted<T, R>(
    outcome: &Outcome<T>,
    is_ok: bool,
    redaction: &Redaction,
    write: impl FnOnce(&Changed<'_>) -> R,
) -> R {
    let (response, error) = (outcome.result.as_ref().ok(), outcome.result.as_ref().err());
    // Where no response came, it is the one asked for.
    let url = response.map(|response| redaction.apply(&response.url.to_string())).unwrap_or_default();
    let headers = response.map(|response| headers(response, redaction)).unwrap_or_default();
    let path = response.and_then(|response| response.saved_to.as_ref()).map(|path| path.to_string_lossy());
    let message = error.map(|error| redaction.apply(&error.to_string())).unwrap_or_default();
    write(&Changed {
        status: response.map(|response| response.status.as_u16()),
        is_ok,
        url: &url,
        headers: &headers,
        path: path.as_deref(),
        body: ChangedBody::AsItCame(response.map_or(&[], |response| &response.body)),
        error: error.map(|error| (error.kind().name(), &*message)),
        attempts: outcome.attempts,
        elapsed: outcome.elapsed,
    })
}

/// Those of a response: some repeat the URL.
fn headers(response: &Response, redaction: &Redaction) -> Vec<(String, String)> {
    let text = |value: &[u8]| redaction.apply(&String::from_utf8_lossy(value));
    response.headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}
