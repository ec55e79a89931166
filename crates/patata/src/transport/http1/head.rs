//! A response's head, from bytes: httparse reads it, and what is kept of it is small.

use std::mem::MaybeUninit;

use http::{StatusCode, Version};
use httparse::{Error, Header, ParserConfig, Status};

use crate::headers::Headers;
use crate::transport::lane::MAX_HEADERS;

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

/// The head that `bytes` begin with, and its length; `None` where more bytes are needed.
///
/// `scratch` is space for putting the headers together.
pub(crate) fn parse(bytes: &[u8], scratch: &mut Vec<u8>) -> Result<Option<(Head, usize)>, Unreadable> {
    let mut headers: [MaybeUninit<Header<'_>>; MAX_HEADERS] = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        Ok(_) | Err(Error::TooManyHeaders) => return Err(Unreadable::TooLarge),
        Err(error) => return Err(Unreadable::Invalid(error)),
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Unreadable::Invalid(Error::Status))?;
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let pairs = response.headers.iter().map(|header| (header.name, header.value));
    let headers = Headers::collect(pairs, scratch);
    let keeps_alive = keeps_alive(version, &headers);
    Ok(Some((Head { status, version, headers, keeps_alive }, length)))
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
        let whole = "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n";
        for length in 0..whole.len() {
            assert!(parsed(&whole[..length]).unwrap().is_none(), "{length}");
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
