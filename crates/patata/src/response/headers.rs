//! The headers of a response, in one small allocation.

use std::fmt;

use http::HeaderMap;

/// A response's headers, as received: names in lower case, repeats kept, values as bytes.
///
/// A map of slices into the connection's read buffer would keep that buffer, of many kilobytes, for as
/// long as a response waits to be used; this keeps a few hundred bytes.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// # let client = patata::Client::builder().build()?;
/// let outcome = client.run([patata::Request::get((), format!("{url}/"))]).next().unwrap();
/// let headers = outcome.result.unwrap().headers;
/// assert_eq!(headers.get("Content-Type"), Some(&b"application/json"[..]));
/// assert_eq!(headers.get_all("set-cookie").count(), 0);
/// assert!(headers.iter().any(|(name, _)| name == "content-length"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// What [marks](Marks) names have; and for each header the lengths of name and value, the name, the value. Nothing at
    /// all where there are none.
    block: Box<[u8]>,
}

/// First letters and lengths of names, by their last five bits, in which letters are the same in both cases: most headers
/// that are looked for are not there, and nearly all of these begin with another letter, or are longer or shorter.
#[derive(Debug, Clone, Copy, Default)]
struct Marks(u64);

impl Marks {
    fn of_letter(first: u8) -> Self {
        Self(1 << (first & 31))
    }

    fn of_name(name: &[u8]) -> Self {
        let letter = name.first().map_or(Self::default(), |first| Self::of_letter(*first));
        Self(letter.0 | 1 << (32 + (name.len() & 31)))
    }
}

impl Headers {
    /// Copies names, which become lower case, and values. `block` is scratch space: it is cleared, and kept
    /// for the next time.
    pub(crate) fn collect<'h>(
        pairs: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        block: &mut Vec<u8>,
    ) -> Self {
        block.clear();
        let mut marks = Marks::default();
        block.extend_from_slice(&marks.0.to_le_bytes());
        for (name, value) in pairs {
            marks.0 |= Marks::of_name(name.as_bytes()).0;
            append(name, value, block);
        }
        if marks.0 == 0 {
            return Self::default();
        }
        if let Some(begin) = block.first_chunk_mut() {
            *begin = marks.0.to_le_bytes();
        }
        Self { block: block.as_slice().into() }
    }

    /// Copies a map.
    pub(crate) fn of_map(map: &HeaderMap, block: &mut Vec<u8>) -> Self {
        Self::collect(map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())), block)
    }

    /// The same for tests, which need not be quick.
    #[cfg(test)]
    pub(crate) fn from_pairs<'h>(pairs: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        Self::collect(pairs, &mut Vec::new())
    }

    /// The first value of a header, whatever the case of its name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let wanted = name.as_bytes();
        self.entries_like(wanted)
            .find(|(other, _)| other.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }

    /// All values of a header, in their order, whatever the case of its name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let wanted = name.as_bytes();
        self.entries_like(wanted)
            .filter(move |(other, _)| other.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries().map_while(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
    }

    /// Whether any name may begin with one of these letters.
    pub(crate) fn may_begin_with(&self, letters: &[u8]) -> bool {
        let wanted = letters.iter().fold(0, |marks, letter| marks | Marks::of_letter(*letter).0);
        self.marks().0 & wanted != 0
    }

    /// The bytes that [`from_block`](Self::from_block) makes the same headers of, for who writes many down and reads them
    /// again. They are of use to the same version of this crate.
    ///
    /// ```
    /// let headers: patata::Headers = [("etag", "a")].into_iter().collect();
    /// assert_eq!(patata::Headers::from_block(headers.as_block()), headers);
    /// ```
    pub fn as_block(&self) -> &[u8] {
        &self.block
    }

    /// The headers of a [block](Self::as_block). What is none gives some headers, or none at all.
    pub fn from_block(block: &[u8]) -> Self {
        Self { block: block.into() }
    }

    /// The same with one header more, which the block has not.
    ///
    /// ```
    /// let headers: patata::Headers = [("etag", "a")].into_iter().collect();
    /// let aged = patata::Headers::from_block_with(headers.as_block(), "age", b"1");
    /// assert!(aged.iter().eq([("etag", &b"a"[..]), ("age", b"1")]));
    /// ```
    pub fn from_block_with(block: &[u8], name: &str, value: &[u8]) -> Self {
        let (marks, entries) = block.split_first_chunk().unwrap_or((&[0; size_of::<Marks>()], &[]));
        let marks = u64::from_le_bytes(*marks) | Marks::of_name(name.as_bytes()).0;
        let length = size_of::<Marks>() + entries.len() + 2 * size_of::<u32>() + name.len() + value.len();
        let mut whole = Vec::with_capacity(length);
        whole.extend_from_slice(&marks.to_le_bytes());
        whole.extend_from_slice(entries);
        append(name, value, &mut whole);
        Self { block: whole.into() }
    }

    fn marks(&self) -> Marks {
        self.block.first_chunk().map_or_else(Marks::default, |marks| Marks(u64::from_le_bytes(*marks)))
    }

    /// The headers among which one of this name may be.
    fn entries_like(&self, name: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        let wanted = Marks::of_name(name).0;
        entries(if self.marks().0 & wanted == wanted { &self.block } else { &[] })
    }

    /// The same with names as bytes: that they are texts need not be found anew where they are compared.
    fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        entries(&self.block)
    }
}

/// For who keeps responses and gives them back: names become lower case.
///
/// ```
/// let headers: patata::Headers = [("ETag", "\"a\""), ("vary", "accept")].into_iter().collect();
/// assert_eq!(headers.get("etag"), Some(&b"\"a\""[..]));
/// ```
impl<'h, V: AsRef<[u8]> + ?Sized + 'h> FromIterator<(&'h str, &'h V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'h str, &'h V)>>(pairs: I) -> Self {
        Self::collect(pairs.into_iter().map(|(name, value)| (name, value.as_ref())), &mut Vec::new())
    }
}

/// Appends a header to a block, its name in lower case.
#[inline]
fn append(name: &str, value: &[u8], block: &mut Vec<u8>) {
    let mut lengths = [0; 8];
    // A head is limited to kilobytes.
    lengths[..4].copy_from_slice(&u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
    lengths[4..].copy_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    block.reserve(lengths.len() + name.len() + value.len());
    block.extend_from_slice(&lengths);
    let begin = block.len();
    block.extend_from_slice(name.as_bytes());
    block[begin..].make_ascii_lowercase();
    block.extend_from_slice(value);
}

/// The headers in a block.
fn entries(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = block.get(size_of::<Marks>()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (name_length, after) = rest.split_first_chunk::<4>()?;
        let (value_length, after) = after.split_first_chunk::<4>()?;
        let (name, after) = after.split_at_checked(u32::from_le_bytes(*name_length) as usize)?;
        let (value, after) = after.split_at_checked(u32::from_le_bytes(*value_length) as usize)?;
        rest = after;
        Some((name, value))
    })
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_map()
            .entries(self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_and_repeats_are_kept() {
        let mut map = HeaderMap::new();
        map.append("Set-Cookie", "a=1".parse().unwrap());
        map.append("set-cookie", "b=2".parse().unwrap());
        map.append("x-empty", "".parse().unwrap());
        map.append("x-latin", http::HeaderValue::from_bytes(b"\xe9").unwrap());
        let headers = Headers::of_map(&map, &mut b"scratch".to_vec());
        assert_eq!(headers.get_all("SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(headers.get("x-empty"), Some(&b""[..]));
        assert_eq!(headers.get("X-Latin"), Some(&b"\xe9"[..]));
        assert_eq!(headers.get("absent"), None);
        assert_eq!(headers.iter().count(), 4);
    }

    #[test]
    fn the_first_letters_of_all_names_are_known_in_either_case() {
        let headers = Headers::from_pairs([("age", &b"1"[..]), ("X-Long", &[b'q'; 300]), ("date", b"")]);
        for letter in [b"a", b"x", b"d", b"A", b"X"] {
            assert!(headers.may_begin_with(letter), "{letter:?}");
        }
        assert!(!headers.may_begin_with(b"qlgez"));
        assert!(!Headers::default().may_begin_with(b"abc"));
        assert_eq!(
            (headers.get("AGE"), headers.get("via"), headers.get("x-other")),
            (Some(&b"1"[..]), None, None)
        );
        assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["age", "x-long", "date"]);
    }

    #[test]
    fn no_headers_take_no_memory() {
        assert_eq!(Headers::of_map(&HeaderMap::new(), &mut Vec::new()), Headers::default());
    }
}
