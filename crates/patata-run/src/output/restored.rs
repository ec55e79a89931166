//! A row read back, as what it was made of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::id::Id;

/// A row of a run, read back.
///
/// ```
/// use patata_run::RestoredRow;
///
/// let line = br#"{"id":"a","index":7,"status":404,"ok":false,"url":"http://host/","method":"GET","attempts":2,
///     "ms":12.5,"body":"not found","error":null}"#;
/// let row = RestoredRow::read(line).unwrap();
/// assert_eq!((row.index, row.status, &row.body[..]), (7, Some(404), &b"not found"[..]));
/// assert!(RestoredRow::read(b"{}").is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RestoredRow {
    /// By what its user knows the request.
    pub id: Id,
    /// Its place in the run, counted from 0.
    pub index: u64,
    /// The status that came; `None` where none did.
    pub status: Option<u16>,
    /// Whether it counted as a success.
    pub is_ok: bool,
    /// The URL that answered; where none did, that which was asked for.
    pub url: String,
    /// The method.
    pub method: String,
    /// Attempts begun.
    pub attempts: u32,
    /// How long it took, all attempts together.
    pub elapsed: Duration,
    /// Names and values of the response's headers, where the run keeps these, in the order of their names.
    pub headers: Vec<(String, String)>,
    /// The file that has the body instead.
    pub path: Option<PathBuf>,
    /// The body as it came; JSON may have lost its line breaks. Where it [was changed](Self::is_changed), what was put in its
    /// place, as JSON.
    pub body: Bytes,
    /// Kind and message of the error, where there is one.
    pub error: Option<RestoredError>,
    /// Whether the body is not what the server has sent.
    pub is_changed: bool,
}

/// The error of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoredError {
    /// Its kind, by its [name](patata::ErrorKind::name).
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// A row, as it is written.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(default)]
    id: Id,
    index: u64,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    ok: bool,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(default)]
    attempts: u32,
    /// Milliseconds.
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    path: Option<PathBuf>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<RowError<'a>>,
    #[serde(default)]
    changed: bool,
}

#[derive(Deserialize)]
struct RowError<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Binary<'a> {
    #[serde(borrow)]
    base64: Cow<'a, str>,
}

impl RestoredRow {
    /// Reads a line of a run's output. `None` for what is no row.
    pub fn read(line: &[u8]) -> Option<Self> {
        let row = serde_json::from_slice::<Row<'_>>(line).ok()?;
        let written = row.body.map_or("null", RawValue::get);
        Some(Self {
            id: row.id,
            index: row.index,
            status: row.status,
            is_ok: row.ok,
            url: row.url.into_owned(),
            method: row.method.into_owned(),
            attempts: row.attempts,
            elapsed: Duration::try_from_secs_f64(row.ms / 1000.0).unwrap_or_default(),
            headers: row.headers.into_iter().collect(),
            path: row.path,
            body: if row.changed { Bytes::copy_from_slice(written.as_bytes()) } else { body_of(written) },
            error: row.error.map(|error| RestoredError {
                kind: error.kind.into_owned(),
                message: error.message.into_owned(),
            }),
            is_changed: row.changed,
        })
    }
}

/// The body as it came. A text that is none of JSON, and bytes, are written as JSON of another kind.
fn body_of(written: &str) -> Bytes {
    if written == "null" {
        return Bytes::new();
    }
    if written.starts_with('"')
        && let Ok(text) = serde_json::from_str::<Cow<'_, str>>(written)
    {
        // Had the text been JSON, it would not have been written as a text: this is a body of one JSON string.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        return if is_json { Bytes::copy_from_slice(written.as_bytes()) } else { text.into_owned().into() };
    }
    let binary = written.starts_with('{').then(|| serde_json::from_str::<Binary<'_>>(written).ok()).flatten();
    // Bytes that are a text would have been written as one.
    binary
        .and_then(|binary| base64::engine::general_purpose::STANDARD.decode(&*binary.base64).ok())
        .filter(|bytes| std::str::from_utf8(bytes).is_err())
        .map_or_else(|| Bytes::copy_from_slice(written.as_bytes()), Bytes::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::changed::{Changed, ChangedBody};
    use crate::output::row::{Asked, write_changed};

    /// What is read back of a row with this body.
    fn restored(body: ChangedBody<'_>, error: Option<(&str, &str)>) -> RestoredRow {
        let headers = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())];
        let changed = Changed {
            status: Some(200),
            is_ok: error.is_none(),
            url: "http://host/",
            headers: &headers,
            path: Some("a file"),
            body,
            error,
            attempts: 3,
            elapsed: Duration::from_micros(1_500),
        };
        let mut line = Vec::new();
        let id = Id::from(7);
        let asked = Asked { id: &id, index: 9, method: "GET", url: "http://other/" };
        write_changed(&mut line, &asked, &changed, true);
        RestoredRow::read(&line).unwrap()
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let row = restored(ChangedBody::Json("{\"a\":1}"), Some(("timeout", "too late")));
        let error = RestoredError { kind: "timeout".to_owned(), message: "too late".to_owned() };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = RestoredRow {
            id: Id::from(7),
            index: 9,
            status: Some(200),
            is_ok: false,
            url: "http://host/".to_owned(),
            method: "GET".to_owned(),
            attempts: 3,
            elapsed: Duration::from_micros(1_500),
            headers: vec![header("a", "1"), header("b", "2")],
            path: Some("a file".into()),
            body: "{\"a\":1}".into(),
            error: Some(error),
            is_changed: true,
        };
        assert_eq!(row, expected);
    }

    proptest! {
        #[test]
        fn a_body_of_any_bytes_comes_back(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let row = restored(ChangedBody::AsItCame(&body), None);
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
            // JSON loses what stands around it, and a null is as nothing.
            prop_assert!(is_json || body.starts_with(b"\xef\xbb\xbf") || row.body == body, "{:?}", row.body);
        }

        #[test]
        fn what_is_no_row_is_none(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(RestoredRow::read(&line).is_none());
        }
    }
}
