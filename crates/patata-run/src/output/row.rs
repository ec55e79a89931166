//! A row: what became of one request, as one line of JSON.

use std::borrow::Cow;
use std::time::Duration;

use patata::{Outcome, Response};

use crate::id::Id;
use crate::ledger::entry::{push_milliseconds, push_number};
use crate::output::changed::{Changed, ChangedBody};
use crate::output::json::{write_body, write_shown, write_text, write_url};

/// The part of a row that is known before there is an answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// By what its user knows it.
    pub id: &'a Id,
    /// Its place in the input, counted from 0.
    pub index: u64,
    /// The method.
    pub method: &'a str,
    /// The URL that was asked for, written down where no other answered.
    pub url: &'a str,
}

/// Writes the row of an outcome, with a line break behind it.
///
/// ```
/// use patata_run::{Asked, Id, write_row};
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let outcome = client.run([patata::Request::get((), url)]).next().unwrap();
/// let mut buffer = Vec::new();
/// write_row(&mut buffer, &Asked { id: &Id::from("a"), index: 0, method: "GET", url }, &outcome, true, false);
/// let row: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
/// assert_eq!((&row["id"], &row["status"]), (&"a".into(), &200.into()));
/// assert_eq!(row["body"]["message"], "Hello world!");
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub fn write_row<T>(
    buffer: &mut Vec<u8>,
    asked: &Asked<'_>,
    outcome: &Outcome<T>,
    is_ok: bool,
    with_headers: bool,
) {
    let response = outcome.result.as_ref();
    let status = response.ok().map(|response| response.status.as_u16());
    write_begin(buffer, asked, status, is_ok);
    match response {
        Ok(response) => write_url(buffer, &response.url),
        Err(_) => write_text(buffer, asked.url),
    }
    write_times(buffer, asked.method, outcome.attempts, outcome.elapsed);
    match response {
        Ok(response) => {
            write_answer(buffer, response, with_headers);
            buffer.extend_from_slice(b",\"error\":null}\n");
        }
        Err(error) => {
            buffer.extend_from_slice(b",\"body\":null,");
            write_error(buffer, error.kind().name(), &error);
            buffer.extend_from_slice(b"}\n");
        }
    }
}

/// Writes the row of a response that was changed since it came.
pub fn write_changed(buffer: &mut Vec<u8>, asked: &Asked<'_>, changed: &Changed<'_>, with_headers: bool) {
    write_begin(buffer, asked, changed.status, changed.is_ok);
    write_text(buffer, if changed.url.is_empty() { asked.url } else { changed.url });
    write_times(buffer, asked.method, changed.attempts, changed.elapsed);
    if with_headers && !changed.headers.is_empty() {
        let headers = changed.headers.iter();
        write_headers(buffer, headers.map(|(name, value)| (&**name, value.as_str().into())));
    }
    if let Some(path) = changed.path {
        buffer.extend_from_slice(b",\"path\":");
        write_text(buffer, path);
    }
    buffer.extend_from_slice(b",\"body\":");
    match changed.body {
        ChangedBody::AsItCame(bytes) => write_body(buffer, bytes),
        ChangedBody::Json(text) => buffer.extend_from_slice(text.as_bytes()),
    }
    buffer.push(b',');
    match changed.error {
        Some((kind, message)) => write_error(buffer, kind, &message),
        None => buffer.extend_from_slice(b"\"error\":null"),
    }
    if matches!(changed.body, ChangedBody::Json(_)) {
        buffer.extend_from_slice(b",\"changed\":true");
    }
    buffer.extend_from_slice(b"}\n");
}

/// As far as the URL, which comes next.
pub(crate) fn write_begin(buffer: &mut Vec<u8>, asked: &Asked<'_>, status: Option<u16>, is_ok: bool) {
    buffer.extend_from_slice(b"{\"id\":");
    write_id(buffer, asked.id);
    buffer.extend_from_slice(b",\"index\":");
    push_number(buffer, asked.index);
    buffer.extend_from_slice(b",\"status\":");
    match status {
        Some(status) => push_number(buffer, status.into()),
        None => buffer.extend_from_slice(b"null"),
    }
    buffer.extend_from_slice(if is_ok { b",\"ok\":true,\"url\":" } else { b",\"ok\":false,\"url\":" });
}

/// What stands between the URL and what came.
pub(crate) fn write_times(buffer: &mut Vec<u8>, method: &str, attempts: u32, elapsed: Duration) {
    // A method is of letters and the like, none of which JSON escapes.
    buffer.extend_from_slice(b",\"method\":\"");
    buffer.extend_from_slice(method.as_bytes());
    buffer.extend_from_slice(b"\",\"attempts\":");
    push_number(buffer, attempts.into());
    buffer.extend_from_slice(b",\"ms\":");
    push_milliseconds(buffer, elapsed);
}

fn write_answer(buffer: &mut Vec<u8>, response: &Response, with_headers: bool) {
    if with_headers {
        let headers = response.headers.iter();
        write_headers(buffer, headers.map(|(name, value)| (name, String::from_utf8_lossy(value))));
    }
    if let Some(path) = &response.saved_to {
        buffer.extend_from_slice(b",\"path\":");
        write_shown(buffer, &path.display());
    }
    buffer.extend_from_slice(b",\"body\":");
    write_body(buffer, &response.body);
}

/// Headers as an object, in which those of one name are joined as HTTP joins them.
fn write_headers<'a>(buffer: &mut Vec<u8>, headers: impl Iterator<Item = (&'a str, Cow<'a, str>)>) {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers {
        match joined.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(&value);
            }
            None => joined.push((name, value.into_owned())),
        }
    }
    buffer.extend_from_slice(b",\"headers\":{");
    for (place, (name, value)) in joined.iter().enumerate() {
        if place > 0 {
            buffer.push(b',');
        }
        write_text(buffer, name);
        buffer.push(b':');
        write_text(buffer, value);
    }
    buffer.push(b'}');
}

/// An error as an object, as its member of the row.
pub(crate) fn write_error(buffer: &mut Vec<u8>, kind: &str, message: &impl std::fmt::Display) {
    buffer.extend_from_slice(b"\"error\":{\"kind\":");
    write_text(buffer, kind);
    buffer.extend_from_slice(b",\"message\":");
    write_shown(buffer, message);
    buffer.push(b'}');
}

pub(crate) fn write_id(buffer: &mut Vec<u8>, id: &Id) {
    match id {
        Id::None => buffer.extend_from_slice(b"null"),
        Id::Integer(number) => match u64::try_from(*number) {
            Ok(number) => push_number(buffer, number),
            Err(_) => buffer.extend_from_slice(number.to_string().as_bytes()),
        },
        Id::Text(text) => write_text(buffer, text),
    }
}
