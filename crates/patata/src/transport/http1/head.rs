//! A response's head, from bytes: httparse reads it, and what is kept of it is small.

use std::borrow::Cow;
use std::io;
use std::mem::MaybeUninit;

use http::{StatusCode, Version};
use httparse::{Error, Header, ParserConfig, Status};

use crate::response::headers::Headers;
use crate::transport::connection::{MAX_RESPONSE_HEADERS, head_too_large};

/// The most bytes that a head may have.
pub(crate) const MAX_HEAD: usize = 64 << 10;

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    /// Whether the server means to keep the connection.
    pub(crate) keeps_alive: bool,
}

/// Why there is no head.
#[derive(Debug, PartialEq)]
pub(crate) enum Unreadable {
    TooLarge,
    Invalid(Error),
}

impl From<Unreadable> for io::Error {
    fn from(reason: Unreadable) -> Self {
        let message = match reason {
            Unreadable::TooLarge => head_too_large().to_string(),
            Unreadable::Invalid(cause) => format!("its answer is not valid HTTP: {cause}"),
        };
        Self::new(io::ErrorKind::InvalidData, message)
    }
}

/// The head that `bytes` begin with, and its length; `None` where more bytes are needed.
///
/// `scratch` is space for putting the headers together.
pub(crate) fn parse(bytes: &[u8], scratch: &mut Vec<u8>) -> Result<Option<(Head, usize)>, Unreadable> {
    let mut parser = ParserConfig::default();
    let plainly = |headers: &[Header<'_>]| {
        Headers::collect(headers.iter().map(|header| (header.name, header.value)), scratch)
    };
    match read(&parser, bytes, plainly) {
        // What breaks no rule is cheap to read; the rest is what is asked for twice.
        Err(Unreadable::Invalid(Error::HeaderName | Error::HeaderValue)) => {
            parser.allow_obsolete_multiline_headers_in_responses(true);
            let harmless = without_controls(bytes);
            read(&parser, &harmless, |headers| as_sent(headers, &harmless, bytes, scratch))
        }
        read => read,
    }
}

/// Reads a head, of whose headers `keep` makes what is kept.
fn read(
    parser: &ParserConfig,
    bytes: &[u8],
    keep: impl FnOnce(&[Header<'_>]) -> Headers,
) -> Result<Option<(Head, usize)>, Unreadable> {
    let mut headers: [MaybeUninit<Header<'_>>; MAX_RESPONSE_HEADERS] =
        [const { MaybeUninit::uninit() }; MAX_RESPONSE_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let length = match parser.parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        Ok(_) | Err(Error::TooManyHeaders) => return Err(Unreadable::TooLarge),
        Err(error) => return Err(Unreadable::Invalid(error)),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Unreadable::Invalid(Error::Status))?;
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let headers = keep(response.headers);
    let keeps_alive = keeps_alive(version, &headers);
    Ok(Some((Head { status, version, headers, keeps_alive }, length)))
}

/// The headers that were found in `harmless`, with values as they stand in `bytes`.
fn as_sent(headers: &[Header<'_>], harmless: &[u8], bytes: &[u8], scratch: &mut Vec<u8>) -> Headers {
    let sent = |value: &[u8]| {
        let begin = value.as_ptr().addr().wrapping_sub(harmless.as_ptr().addr());
        bytes.get(begin..begin.wrapping_add(value.len())).unwrap_or_default()
    };
    let pairs: Vec<_> = headers.iter().map(|header| (header.name, unfolded(sent(header.value)))).collect();
    Headers::collect(pairs.iter().map(|(name, value)| (*name, &**value)), scratch)
}

/// The same with a harmless byte for each control character that does no harm in a value either: the parser lets
/// none pass, and HTTP forbids only those that end a line or a text.
fn without_controls(bytes: &[u8]) -> Vec<u8> {
    let is_harmful = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\0' | b'\t' | b'\r' | b'\n');
    bytes.iter().map(|byte| if is_harmful(*byte) { 0x80 } else { *byte }).collect()
}

/// A value on several lines as one: each break, with the white space around it, is a space (RFC 9112, 5.2).
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return value.into();
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(&b' ').into()
}

/// HTTP/1.1 keeps a connection unless it is said otherwise, HTTP/1.0 where it is said (RFC 9112, 9.3). What
/// follows a body that is framed in two ways at once is not to be trusted (6.3).
fn keeps_alive(version: Version, headers: &Headers) -> bool {
    let says = |wanted: &[u8]| {
        let values = headers.get_all("connection").flat_map(|value| value.split(|byte| *byte == b','));
        values.map(<[u8]>::trim_ascii).any(|value| value.eq_ignore_ascii_case(wanted))
    };
    if headers.get("transfer-encoding").is_some() && headers.get("content-length").is_some() {
        return false;
    }
    if version == Version::HTTP_10 { says(b"keep-alive") && !says(b"close") } else { !says(b"close") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<(Head, usize)>, Unreadable> {
        parse(text.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn a_head_ends_before_the_body() {
        let (head, length) = parsed("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nbody").unwrap().unwrap();
        assert_eq!((head.status, head.version, length), (StatusCode::OK, Version::HTTP_11, 27));
        assert_eq!(head.headers.iter().collect::<Vec<_>>(), [("x-a", &b"b"[..])]);
    }

    #[test]
    fn a_part_of_a_head_is_none_yet() {
        for lines in ["X-A: b\r\n", "X-A: b\r\n c\r\n", "X-A: \x01b\r\n"] {
            let whole = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            for length in 0..whole.len() {
                assert!(parsed(&whole[..length]).unwrap().is_none(), "{lines:?} {length}");
            }
        }
    }

    #[test]
    fn a_line_that_goes_on_on_the_next_is_one_value() {
        for (lines, expected) in [
            ("a: b\r\n c", "b c"),
            ("a: b \t\r\n\t  c  d\r\n e", "b c  d e"),
            ("a:\r\n b", "b"),
            ("a: b\r\n \r\n c", "b c"),
            ("a: b\n c", "b c"),
        ] {
            let (head, _) = parsed(&format!("HTTP/1.1 200 OK\r\nx: y\r\n{lines}\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.headers.get("a"), Some(expected.as_bytes()), "{lines:?}");
            assert_eq!(head.headers.get("x"), Some(&b"y"[..]));
        }
    }

    #[test]
    fn control_characters_stay_in_a_value_save_those_that_break_a_head() {
        for control in (1..32).chain([127]).map(char::from).filter(|byte| !"\r\n".contains(*byte)) {
            let text = format!("HTTP/1.1 200 OK\r\nx: \u{e9}\r\na: b{control}c\r\n d{control}e\r\n\r\nbody");
            let (head, length) = parsed(&text).unwrap().unwrap();
            assert_eq!(head.headers.get("a"), Some(format!("b{control}c d{control}e").as_bytes()));
            assert_eq!(head.headers.get("x"), Some("\u{e9}".as_bytes()));
            assert_eq!(&text[length..], "body");
            for line in [format!("a{control}: b"), format!("a: b\0{control}"), format!("a: {control}\rb")] {
                let text = format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n");
                assert!(matches!(parsed(&text), Err(Unreadable::Invalid(_))), "{line:?}");
            }
        }
    }

    #[test]
    fn a_connection_is_kept_as_version_and_headers_say() {
        for (version, line, expected) in [
            ("1.1", "", true),
            ("1.1", "connection: close\r\n", false),
            ("1.1", "Connection: x, Close\r\n", false),
            ("1.1", "transfer-encoding: chunked\r\n", true),
            ("1.1", "content-length: 1\r\ntransfer-encoding: chunked\r\n", false),
            ("1.0", "", false),
            ("1.0", "connection: keep-alive\r\n", true),
            ("1.0", "connection: keep-alive, close\r\n", false),
        ] {
            let (head, _) = parsed(&format!("HTTP/{version} 200 OK\r\n{line}\r\n")).unwrap().unwrap();
            assert_eq!(head.keeps_alive, expected, "{version} {line}");
        }
    }

    #[test]
    fn garbage_is_invalid_at_once() {
        for text in ["\0", "SSH-2.0-x\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 999999 OK\r\n\r\n"] {
            assert!(matches!(parsed(text), Err(Unreadable::Invalid(_))), "{text}");
        }
    }
}
