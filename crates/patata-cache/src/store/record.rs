//! A stored response as bytes: what it is chosen by and used on, its headers, and its body or the file that has it.

use http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use patata::Headers;

use crate::policy::freshness::Terms;
use crate::policy::vary::{Selecting, is_said};

/// A response as it is stored, but for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// GET or HEAD.
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) selecting: Selecting,
    pub(crate) terms: Terms,
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
}

/// Where the body of a stored response is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyPlace<B> {
    /// Behind the head.
    Inline(B),
    /// In a file of its own, by its name.
    File(BodyFile),
}

/// A file that has a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyFile {
    pub(crate) name: String,
    pub(crate) length: u64,
    /// By which it is seen that the file is what it was.
    pub(crate) digest: u128,
}

const NO_CACHE: u8 = 1;
const MUST_REVALIDATE: u8 = 2;
const HAS_VALIDATOR: u8 = 4;

/// What a record begins with: the check of all that follows.
const CHECK: usize = size_of::<u32>();

/// Appends a record.
pub(crate) fn write(head: &Head, body: &BodyPlace<&[u8]>, buffer: &mut Vec<u8>) {
    let begin = buffer.len();
    buffer.extend_from_slice(&[0; CHECK]);
    buffer.push(u8::from(head.method == Method::HEAD));
    buffer.push(version_number(head.version));
    buffer.extend_from_slice(&head.status.as_u16().to_le_bytes());
    let Terms { received, initial_age, lifetime, stale_if_error, no_cache, must_revalidate, has_validator } =
        head.terms;
    buffer.extend_from_slice(&received.to_le_bytes());
    for number in [initial_age, lifetime, stale_if_error] {
        buffer.extend_from_slice(&number.to_le_bytes());
    }
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    buffer.push(
        flag(no_cache, NO_CACHE)
            | flag(must_revalidate, MUST_REVALIDATE)
            | flag(has_validator, HAS_VALIDATOR),
    );
    write_text(head.url.as_bytes(), buffer);
    write_count(head.selecting.0.len(), buffer);
    for (name, digest) in &head.selecting.0 {
        write_text(name.as_str().as_bytes(), buffer);
        buffer.extend_from_slice(digest);
    }
    write_text(head.headers.as_block(), buffer);
    match body {
        BodyPlace::Inline(body) => {
            buffer.push(0);
            buffer.extend_from_slice(body);
        }
        BodyPlace::File(file) => {
            buffer.push(1);
            write_text(file.name.as_bytes(), buffer);
            buffer.extend_from_slice(&file.length.to_le_bytes());
            buffer.extend_from_slice(&file.digest.to_le_bytes());
        }
    }
    let check = crc32fast::hash(&buffer[begin + CHECK..]);
    buffer[begin..begin + CHECK].copy_from_slice(&check.to_le_bytes());
}

/// What a record says, where it stands.
#[derive(Debug)]
pub(crate) struct Record<'r> {
    pub(crate) method: Method,
    pub(crate) url: &'r str,
    pub(crate) terms: Terms,
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    /// As [`Headers::from_block`] takes it.
    pub(crate) headers: &'r [u8],
    pub(crate) body: BodyPlace<&'r [u8]>,
    selecting: Reader<'r>,
    selecting_count: u32,
}

impl<'r> Record<'r> {
    /// Reads a record; `None` where it is not what was written.
    pub(crate) fn read(bytes: &'r [u8]) -> Option<Self> {
        let (check, rest) = bytes.split_first_chunk::<CHECK>()?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*check) {
            return None;
        }
        let mut reader = Reader(rest);
        let method = if reader.byte()? == 1 { Method::HEAD } else { Method::GET };
        let version = version_of(reader.byte()?)?;
        let status = StatusCode::from_u16(u16::from_le_bytes(reader.array()?)).ok()?;
        let terms = read_terms(&mut reader)?;
        let url = std::str::from_utf8(reader.text()?).ok()?;
        let selecting_count = reader.number()?;
        let selecting = reader;
        for _ in 0..selecting_count {
            reader.text()?;
            reader.array::<16>()?;
        }
        let headers = reader.text()?;
        let body = match reader.byte()? {
            0 => BodyPlace::Inline(reader.0),
            1 => BodyPlace::File(BodyFile {
                name: std::str::from_utf8(reader.text()?).ok()?.to_owned(),
                length: u64::from_le_bytes(reader.array()?),
                digest: u128::from_le_bytes(reader.array()?),
            }),
            _ => return None,
        };
        Some(Self { method, url, terms, status, version, headers, body, selecting, selecting_count })
    }

    /// Headers that the response was chosen by, with digests of what the request said in them.
    fn selecting(&self) -> impl Iterator<Item = Option<(&'r [u8], [u8; 16])>> {
        let mut reader = self.selecting;
        (0..self.selecting_count).map(move |_| Some((reader.text()?, reader.array()?)))
    }

    /// Whether a request says the same in the headers that the response was chosen by.
    pub(crate) fn is_for(&self, request: &HeaderMap) -> bool {
        self.selecting().all(|said| said.is_some_and(|(name, known)| is_said(request, name, known)))
    }

    /// What it says, for who goes on with it.
    pub(crate) fn head(&self) -> Option<Head> {
        Some(Head {
            method: self.method.clone(),
            url: self.url.to_owned(),
            selecting: Selecting(self.selecting().map(named).collect::<Option<_>>()?),
            terms: self.terms,
            status: self.status,
            version: self.version,
            headers: Headers::from_block(self.headers),
        })
    }
}

fn named(said: Option<(&[u8], [u8; 16])>) -> Option<(HeaderName, [u8; 16])> {
    let (name, digest) = said?;
    Some((HeaderName::from_bytes(name).ok()?, digest))
}

fn read_terms(reader: &mut Reader<'_>) -> Option<Terms> {
    let received = u64::from_le_bytes(reader.array()?);
    let [initial_age, lifetime, stale_if_error] = [reader.number()?, reader.number()?, reader.number()?];
    let flags = reader.byte()?;
    Some(Terms {
        received,
        initial_age,
        lifetime,
        stale_if_error,
        no_cache: flags & NO_CACHE != 0,
        must_revalidate: flags & MUST_REVALIDATE != 0,
        has_validator: flags & HAS_VALIDATOR != 0,
    })
}

fn write_count(count: usize, buffer: &mut Vec<u8>) {
    // A head is limited to kilobytes.
    buffer.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn write_text(text: &[u8], buffer: &mut Vec<u8>) {
    write_count(text.len(), buffer);
    buffer.extend_from_slice(text);
}

/// Versions of HTTP by a number.
const VERSIONS: [Version; 5] =
    [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];

fn version_number(version: Version) -> u8 {
    VERSIONS
        .iter()
        .position(|known| *known == version)
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(2)
}

fn version_of(number: u8) -> Option<Version> {
    VERSIONS.get(usize::from(number)).copied()
}

/// What of a record was not read yet.
#[derive(Debug, Clone, Copy)]
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'r [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use http::header;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn head(url: &str) -> Head {
        let headers: Headers = [("etag", "\"a\""), ("vary", "accept"), ("x-empty", "")].into_iter().collect();
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT, http::HeaderValue::from_static("text/html"));
        Head {
            method: Method::GET,
            url: url.to_owned(),
            selecting: Selecting::of(&request, &headers),
            terms: Terms::of(StatusCode::OK, &headers, 10, 11),
            status: StatusCode::OK,
            version: Version::HTTP_2,
            headers,
        }
    }

    /// What is read again, and where the body is.
    fn read(bytes: &[u8]) -> Option<(Head, BodyPlace<&[u8]>)> {
        let record = Record::read(bytes)?;
        Some((record.head()?, record.body))
    }

    #[test]
    fn what_is_written_is_read() {
        let head = head("http://a/");
        let file = BodyFile { name: "x".into(), length: 5, digest: 7 };
        let mut bytes = Vec::new();
        write(&head, &BodyPlace::Inline(b"body"), &mut bytes);
        assert_eq!(read(&bytes), Some((head.clone(), BodyPlace::Inline(&b"body"[..]))));
        bytes.clear();
        write(&head, &BodyPlace::File(file.clone()), &mut bytes);
        assert_eq!(read(&bytes), Some((head, BodyPlace::File(file))));
    }

    #[test]
    fn a_request_that_says_the_same_is_known_without_reading_all() {
        let mut bytes = Vec::new();
        write(&head("http://a/"), &BodyPlace::Inline(b""), &mut bytes);
        let record = Record::read(&bytes).unwrap();
        let mut request = HeaderMap::new();
        assert!(!record.is_for(&request));
        request.insert(header::ACCEPT, http::HeaderValue::from_static("text/html"));
        assert!(record.is_for(&request));
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            assert_eq!(read(&bytes), None);
            // The same with a check that is right.
            let check = crc32fast::hash(bytes.get(4..).unwrap_or_default());
            if let Some(begin) = bytes.get_mut(..4) {
                begin.copy_from_slice(&check.to_le_bytes());
            }
            let _ = read(&bytes);
        }

        #[test]
        fn a_record_that_was_cut_or_changed_is_none(place in 0..100_usize, change in 1..=255_u8) {
            let mut bytes = Vec::new();
            write(&head("http://a/b?c"), &BodyPlace::Inline(b"some body"), &mut bytes);
            let place = place % bytes.len();
            assert_eq!(read(&bytes[..place]), None);
            bytes[place] ^= change;
            assert_eq!(read(&bytes), None);
        }
    }
}
