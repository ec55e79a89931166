//! Where a response's body ends (RFC 9112, 6.3 and 7.1): a pure decoder, fed with what comes.

use http::{Method, StatusCode};

use crate::response::decoding::{TransferCoding, transfer_codings};
use crate::response::headers::Headers;

/// The most bytes of zeros before a size, padding, extensions and trailers, which say nothing that is wanted.
const MAX_ASIDES: usize = 64 << 10;
/// So many more for each byte of content: a long body in small chunks has many asides.
const ASIDES_PER_BYTE: usize = 16;

/// The body is not framed as HTTP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misframed {
    #[error("its Content-Length is not one number")]
    Length,
    #[error("it has a Transfer-Encoding with \"chunked\" before another coding")]
    ChunkedWithin,
    #[error("it has a Transfer-Encoding that is unknown")]
    UnknownCoding,
    #[error("a chunk does not begin with its size")]
    ChunkSize,
    #[error("something stands between a chunk's size and the end of its line")]
    BehindSize,
    #[error("a chunk is longer than its size")]
    ChunkEnd,
    #[error("its chunk extensions and trailers are longer than what they belong to")]
    Asides,
}

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes are to come.
    Sized(u64),
    Chunked(Chunked),
    /// It ends with the connection.
    UntilClose,
}

impl Framing {
    /// That of the response to a request with this method.
    pub(crate) fn of(method: &Method, status: StatusCode, headers: &Headers) -> Result<Self, Misframed> {
        let has_none = *method == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_none {
            return Ok(Self::Sized(0));
        }
        match last_coding(headers)? {
            Some(TransferCoding::Chunked) => Ok(Self::Chunked(Chunked::default())),
            // Only chunks say where they end: a length beside other codings is not to be trusted.
            Some(_) => Ok(Self::UntilClose),
            None => Ok(content_length(headers)?.map_or(Self::UntilClose, Self::Sized)),
        }
    }

    /// The least number of bytes that are to come.
    pub(crate) fn least(self) -> u64 {
        match self {
            Self::Sized(left) => left,
            Self::Chunked(_) | Self::UntilClose => 0,
        }
    }

    /// Counts off bytes that are known to be content: of those [`least`](Self::least) that are to come.
    pub(crate) fn pass(&mut self, count: usize) {
        if let Self::Sized(left) = self {
            *left = left.saturating_sub(count as u64);
        }
    }

    pub(crate) fn is_at_end(self) -> bool {
        matches!(self, Self::Sized(0) | Self::Chunked(Chunked { state: State::End, .. }))
    }

    /// Whether the end of the connection is the body's.
    pub(crate) fn ends_with_connection(self) -> bool {
        self == Self::UntilClose
    }

    /// Takes from `input` what belongs to the body's framing, until it finds content: the next piece of it.
    /// `None` once `input` is used up or the body is at its end; what is behind that stays in `input`.
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, Misframed> {
        let piece = match self {
            Self::Sized(left) => take(input, left),
            Self::UntilClose => std::mem::take(input),
            Self::Chunked(chunked) => return chunked.next(input),
        };
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// At most `left` bytes, which are counted off.
fn take<'i>(input: &mut &'i [u8], left: &mut u64) -> &'i [u8] {
    let count = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    let (piece, rest) = input.split_at(count);
    *input = rest;
    *left -= count as u64;
    piece
}

/// The last transfer coding, which frames the body; `None` where there is none.
fn last_coding(headers: &Headers) -> Result<Option<TransferCoding>, Misframed> {
    let mut last = None;
    for coding in transfer_codings(headers) {
        if last == Some(TransferCoding::Chunked) {
            return Err(Misframed::ChunkedWithin);
        }
        last = Some(coding.ok_or(Misframed::UnknownCoding)?);
    }
    Ok(last)
}

/// Repeats of one number are let pass; anything else might be two messages that look like one.
fn content_length(headers: &Headers) -> Result<Option<u64>, Misframed> {
    let mut length = None;
    let values = headers.get_all("content-length").flat_map(|value| value.split(|byte| *byte == b','));
    for value in values {
        let value = value.trim_ascii();
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| is_number);
        let number: u64 = number.and_then(|text| text.parse().ok()).ok_or(Misframed::Length)?;
        if length.is_some_and(|length| length != number) {
            return Err(Misframed::Length);
        }
        length = Some(number);
    }
    Ok(length)
}

/// A chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chunked {
    state: State,
    /// Of the chunk: what its size says, then what is left of it.
    size: u64,
    /// Bytes of zeros, padding, extensions and trailers so far, less what content makes up for.
    asides: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before the first digit of a size.
    #[default]
    SizeBegin,
    Size,
    /// Spaces behind a size.
    Padding,
    Extension,
    SizeLineFeed,
    Content,
    ContentReturn,
    ContentLineFeed,
    TrailerBegin,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

impl Chunked {
    fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, Misframed> {
        while !input.is_empty() && self.state != State::End {
            if self.state == State::Content {
                let piece = take(input, &mut self.size);
                self.asides = self.asides.saturating_sub(piece.len().saturating_mul(ASIDES_PER_BYTE));
                if self.size == 0 {
                    self.state = State::ContentReturn;
                }
                return Ok(Some(piece));
            }
            let (byte, rest) = (input[0], &input[1..]);
            *input = rest;
            self.state = self.after(byte)?;
        }
        Ok(None)
    }

    /// The state behind one byte that is no content.
    fn after(&mut self, byte: u8) -> Result<State, Misframed> {
        Ok(match (self.state, byte) {
            (State::SizeBegin | State::Size, byte) if byte.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(byte).to_digit(16).unwrap_or_default());
                let size = self.size.checked_mul(16).ok_or(Misframed::ChunkSize)?;
                self.size = size | digit;
                // Zeros before a size may have no end.
                if self.size == 0 { self.aside(State::Size)? } else { State::Size }
            }
            (State::Size | State::Padding | State::Extension, b'\r') => State::SizeLineFeed,
            (State::Size | State::Padding, b' ' | b'\t') => self.aside(State::Padding)?,
            (State::Size | State::Padding, b';') => self.aside(State::Extension)?,
            (State::Padding, _) => return Err(Misframed::BehindSize),
            (State::Extension, byte) if byte != b'\n' => self.aside(State::Extension)?,
            (State::SizeLineFeed, b'\n') if self.size == 0 => State::TrailerBegin,
            (State::SizeLineFeed, b'\n') => State::Content,
            (State::ContentReturn, b'\r') => State::ContentLineFeed,
            (State::ContentLineFeed, b'\n') => State::SizeBegin,
            (State::TrailerBegin, b'\r') => State::LastLineFeed,
            (State::LastLineFeed, b'\n') => State::End,
            (State::Trailer, b'\r') => State::TrailerLineFeed,
            (State::TrailerLineFeed, b'\n') => State::TrailerBegin,
            (State::TrailerBegin | State::Trailer, _) => self.aside(State::Trailer)?,
            (State::ContentReturn | State::ContentLineFeed, _) => return Err(Misframed::ChunkEnd),
            _ => return Err(Misframed::ChunkSize),
        })
    }

    fn aside(&mut self, state: State) -> Result<State, Misframed> {
        self.asides += 1;
        if self.asides > MAX_ASIDES { Err(Misframed::Asides) } else { Ok(state) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framing(lines: &[(&str, &str)]) -> Result<Framing, Misframed> {
        let headers = Headers::from_pairs(lines.iter().map(|(name, value)| (*name, value.as_bytes())));
        Framing::of(&Method::GET, StatusCode::OK, &headers)
    }

    /// The content of a body that comes in pieces of `step` bytes, what is left behind it, and whether it is
    /// at its end.
    fn decoded(framing: Framing, body: &[u8], step: usize) -> Result<(Vec<u8>, usize, bool), Misframed> {
        let (mut framing, mut content, mut behind) = (framing, Vec::new(), 0);
        for mut input in body.chunks(step) {
            while let Some(piece) = framing.next(&mut input)? {
                content.extend_from_slice(piece);
            }
            behind += input.len();
        }
        Ok((content, behind, framing.is_at_end()))
    }

    const CHUNKED: Framing = Framing::Chunked(Chunked { state: State::SizeBegin, size: 0, asides: 0 });

    #[test]
    fn the_headers_say_where_a_body_ends() {
        assert_eq!(framing(&[("content-length", "7")]), Ok(Framing::Sized(7)));
        assert_eq!(framing(&[("content-length", "7, 7"), ("content-length", "7")]), Ok(Framing::Sized(7)));
        assert_eq!(framing(&[("transfer-encoding", "gzip, Chunked")]), Ok(CHUNKED));
        assert_eq!(framing(&[]), Ok(Framing::UntilClose));
        assert_eq!(framing(&[("content-length", "7"), ("transfer-encoding", "chunked")]), Ok(CHUNKED));
        for (codings, expected) in [
            ("gzip", Ok(Framing::UntilClose)),
            ("identity", Ok(Framing::UntilClose)),
            ("identity, chunked", Ok(CHUNKED)),
            ("gzip;q=1 ,, Chunked ;x", Ok(CHUNKED)),
            ("", Ok(Framing::Sized(7))),
            ("chunked, gzip", Err(Misframed::ChunkedWithin)),
            ("chunked, chunked", Err(Misframed::ChunkedWithin)),
            ("chunked, identity", Err(Misframed::ChunkedWithin)),
            ("foo, chunked", Err(Misframed::UnknownCoding)),
            ("xchunked", Err(Misframed::UnknownCoding)),
        ] {
            let lines = [("content-length", "7"), ("transfer-encoding", codings)];
            assert_eq!(framing(&lines), expected, "{codings}");
        }
        for length in ["7, 8", "", "-1", "+1", "0x7", "1 1", "99999999999999999999"] {
            assert_eq!(framing(&[("content-length", length)]), Err(Misframed::Length), "{length}");
        }
    }

    #[test]
    fn some_responses_have_no_body_whatever_their_headers_say() {
        let headers = Headers::from_pairs([("content-length", &b"7"[..])]);
        for (method, status) in
            [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304), (Method::GET, 103)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Framing::of(&method, status, &headers), Ok(Framing::Sized(0)));
        }
    }

    #[test]
    fn chunks_are_put_together_wherever_they_are_cut() {
        let body = b"4  \r\npota\r\n0002 ;name=\"value\"\r\nto\r\n000\r\ntrailer: x\r\n\r\nnext";
        for step in 1..body.len() {
            assert_eq!(decoded(CHUNKED, body, step), Ok((b"potato".to_vec(), 4, true)), "{step}");
        }
    }

    #[test]
    fn a_broken_chunk_is_told() {
        for (body, error) in [
            ("x\r\n", Misframed::ChunkSize),
            ("\r\n", Misframed::ChunkSize),
            ("-1\r\n", Misframed::ChunkSize),
            ("4\npota", Misframed::ChunkSize),
            ("4;x\npota", Misframed::ChunkSize),
            ("4\rx", Misframed::ChunkSize),
            ("2 erfrferferf\r\n", Misframed::BehindSize),
            ("2 2\r\n", Misframed::BehindSize),
            ("2erfrferferf\r\n", Misframed::ChunkSize),
            ("2 \n", Misframed::BehindSize),
            ("fffffffffffffffff\r\n", Misframed::ChunkSize),
            ("4\r\npotato\r\n", Misframed::ChunkEnd),
            ("4\r\npota\rx", Misframed::ChunkEnd),
        ] {
            assert_eq!(decoded(CHUNKED, body.as_bytes(), 100), Err(error), "{body:?}");
        }
    }

    #[test]
    fn what_says_nothing_and_never_ends_is_told() {
        for (begin, endless) in [("4;", b'x'), ("4", b' '), ("", b'0'), ("0\r\n", b'x')] {
            let endless = [begin.as_bytes(), &[endless; MAX_ASIDES + 1]].concat();
            assert_eq!(decoded(CHUNKED, &endless, 1000), Err(Misframed::Asides), "{begin:?}");
        }
        let empty_lines = b"0\r\n".iter().chain(b"x\r\n".iter().cycle().take(4 * MAX_ASIDES)).copied();
        assert_eq!(decoded(CHUNKED, &empty_lines.collect::<Vec<_>>(), 1000), Err(Misframed::Asides));
    }

    #[test]
    fn a_long_body_may_have_many_chunks_with_padding() {
        let body = [b"00000002      \r\nto\r\n".repeat(MAX_ASIDES), b"0\r\n\r\n".to_vec()].concat();
        let (content, behind, is_at_end) = decoded(CHUNKED, &body, 1000).unwrap();
        assert_eq!((content.len(), behind, is_at_end), (2 * MAX_ASIDES, 0, true));
    }

    #[test]
    fn what_stands_behind_a_sized_body_is_left() {
        assert_eq!(decoded(Framing::Sized(6), b"potatoes", 100), Ok((b"potato".to_vec(), 2, true)));
        assert_eq!(decoded(Framing::UntilClose, b"potatoes", 3), Ok((b"potatoes".to_vec(), 0, false)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_find_more_than_there_is(body: Vec<u8>, step in 1_usize..50) {
            if let Ok((content, _, _)) = decoded(CHUNKED, &body, step) {
                prop_assert!(content.len() <= body.len());
            }
        }

        #[test]
        fn any_content_comes_back_from_its_chunks(chunks: Vec<Vec<u8>>, step in 1_usize..50) {
            let mut body = Vec::new();
            for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
                body.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decoded(CHUNKED, &body, step), Ok((chunks.concat(), 0, true)));
        }
    }
}
