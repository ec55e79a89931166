//! An outcome as it is written where that is not as it came: its URL has a secret, or it is a page.

use patata::{Outcome, Response};
use patata_run::{Changed, ChangedBody};

use crate::paging::Told;
use crate::redaction::Redaction;

/// The kind of error of a page whose chain cannot go on.
pub(crate) const PAGE: &str = "page";

/// Hands on what is to be written of an outcome: without the secrets of its URL, and with what is told of it as a page.
pub(super) fn changed<T, R>(
    outcome: &Outcome<T>,
    is_ok: bool,
    redaction: &Redaction,
    told: &Told,
    write: impl FnOnce(&Changed<'_>) -> R,
) -> R {
    let (response, error) = (outcome.result.as_ref().ok(), outcome.result.as_ref().err());
    // Where no response came, it is the one asked for.
    let url = response.map(|response| redaction.apply(&response.url.to_string())).unwrap_or_default();
    let headers = response.map(|response| headers(response, redaction)).unwrap_or_default();
    let path = response.and_then(|response| response.saved_to.as_ref()).map(|path| path.to_string_lossy());
    let message = told.error.clone().or_else(|| error.map(ToString::to_string));
    let message = message.map(|message| redaction.apply(&message));
    let kind = error.map_or(PAGE, |error| error.kind().name());
    write(&Changed {
        status: response.map(|response| response.status.as_u16()),
        is_ok,
        url: &url,
        headers: &headers,
        path: path.as_deref(),
        body: match &told.items {
            Some(items) => ChangedBody::Json(items),
            None => ChangedBody::AsItCame(response.map_or(&[], |response| &response.body)),
        },
        error: message.as_deref().map(|message| (kind, message)),
        attempts: outcome.attempts,
        elapsed: outcome.elapsed,
    })
}

/// Those of a response: some repeat the URL.
fn headers(response: &Response, redaction: &Redaction) -> Vec<(String, String)> {
    let text = |value: &[u8]| redaction.apply(&String::from_utf8_lossy(value));
    response.headers.iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}
