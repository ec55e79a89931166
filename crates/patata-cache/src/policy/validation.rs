//! Asking the server whether a stored response is still good, and taking in what it says (RFC 9111, 3.2 and 4.3).

use http::header::{self, HeaderName, HeaderValue};
use patata::Headers;

use crate::policy::dates::date;
use crate::policy::storing::stored_headers;

/// What belongs to the body that is stored, as it is stored.
const OF_BODY: [&str; 3] = ["content-encoding", "content-length", "content-range"];

/// The conditions under which the server need not send it again.
pub(crate) fn conditions(stored: &Headers) -> Vec<(HeaderName, HeaderValue)> {
    let etag = stored.get("etag").map(|etag| (header::IF_NONE_MATCH, etag));
    let changed = stored.get("last-modified").filter(|_| date(stored, "last-modified").is_some());
    let changed = changed.map(|date| (header::IF_MODIFIED_SINCE, date));
    let pairs = [etag, changed].into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(value).ok()?))).collect()
}

/// Whether a 304, or the response to a HEAD, is about this stored response (4.3.4 and 4.3.5).
pub(crate) fn is_about(stored: &Headers, told: &Headers) -> bool {
    match (told.get("etag"), told.get("last-modified")) {
        (Some(etag), _) if is_strong(etag) => stored.get("etag") == Some(etag),
        (Some(etag), _) => stored.get("etag").is_some_and(|known| opaque(known) == opaque(etag)),
        (None, Some(changed)) if stored.get("etag").is_none() => stored.get("last-modified") == Some(changed),
        // It says nothing, so that it is about what it was asked about.
        (None, _) => true,
    }
}

/// Whether the response to a HEAD says that the stored response to a GET is another one by now.
pub(crate) fn differs(stored: &Headers, told: &Headers) -> bool {
    let is_other =
        |name| matches!((stored.get(name), told.get(name)), (Some(one), Some(other)) if one != other);
    ["etag", "last-modified", "content-length"].into_iter().any(is_other)
}

fn is_strong(etag: &[u8]) -> bool {
    !etag.starts_with(b"W/")
}

fn opaque(etag: &[u8]) -> &[u8] {
    etag.strip_prefix(b"W/").unwrap_or(etag)
}

/// The headers of a stored response, brought up to date by those of a 304: what it names is replaced, all else stays. How
/// old it was when it was stored says nothing any more.
pub(crate) fn freshened(stored: &Headers, told: &Headers) -> Headers {
    let told = stored_headers(told);
    let is_told = |name: &str| !OF_BODY.contains(&name) && told.get(name).is_some();
    let kept = stored.iter().filter(|(name, _)| !is_told(name) && !matches!(*name, "age" | "date"));
    kept.chain(told.iter().filter(|(name, _)| !OF_BODY.contains(name))).collect()
}

/// The headers of a stored response as it is used: with its age (5.1). The block has none.
pub(crate) fn aged(block: &[u8], age: u32) -> Headers {
    Headers::from_block_with(block, "age", itoa::Buffer::new().format(age).as_bytes())
}

/// The headers of a response as they are stored: how old it is when it is used is known by its terms.
pub(crate) fn ageless(headers: &Headers) -> Headers {
    match headers.get("age") {
        None => headers.clone(),
        Some(_) => headers.iter().filter(|(name, _)| *name != "age").collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
    }

    #[test]
    fn a_304_names_what_it_is_about() {
        for (stored, told, expected) in [
            (("etag", "\"a\""), ("etag", "\"a\""), true),
            (("etag", "\"a\""), ("etag", "\"b\""), false),
            (("etag", "W/\"a\""), ("etag", "W/\"a\""), true),
            (("etag", "\"a\""), ("etag", "W/\"a\""), true),
            (("etag", "W/\"a\""), ("etag", "\"a\""), false),
            (("etag", "\"a\""), ("x", "y"), true),
            (("last-modified", "x"), ("last-modified", "x"), true),
            (("last-modified", "x"), ("last-modified", "y"), false),
            (("last-modified", "x"), ("etag", "\"a\""), false),
        ] {
            assert_eq!(is_about(&headers(&[stored]), &headers(&[told])), expected, "{stored:?} {told:?}");
        }
    }

    #[test]
    fn a_304_replaces_what_it_names_and_nothing_of_the_body() {
        let stored = headers(&[("a", "1"), ("b", "1"), ("b", "2"), ("age", "9"), ("content-length", "5")]);
        let told = headers(&[("b", "3"), ("c", "4"), ("content-length", "0"), ("connection", "c")]);
        let expected = headers(&[("a", "1"), ("content-length", "5"), ("b", "3")]);
        assert_eq!(freshened(&stored, &told), expected);
    }
}
