//! A body as text or JSON, by the charset that it says it has.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

/// A body as text: by its byte order mark, else by the charset in its `Content-Type`, else as UTF-8. What is
/// no text in that charset becomes U+FFFD.
///
/// ```
/// assert_eq!(patata::decode_text(Some(b"text/plain; charset=latin1"), b"\xe9t\xe9"), "été");
/// assert_eq!(patata::decode_text(None, "été".as_bytes()), "été");
/// ```
pub fn decode_text<'b>(content_type: Option<&[u8]>, body: &'b [u8]) -> Cow<'b, str> {
    let declared = content_type.and_then(charset).and_then(encoding);
    declared.unwrap_or(UTF_8).decode(body).0
}

/// A body's JSON in UTF-8: by its byte order mark, else by the charset in its `Content-Type`. It is as it came
/// where that names none, or one that it is not in.
///
/// ```
/// let json = patata::decode_json(Some(b"application/json; charset=latin1"), b"\"\xe9t\xe9\"");
/// assert_eq!(&*json, "\"été\"".as_bytes());
/// assert_eq!(&*patata::decode_json(None, b"[1]"), b"[1]");
/// ```
pub fn decode_json<'b>(content_type: Option<&[u8]>, body: &'b [u8]) -> Cow<'b, [u8]> {
    let declared = content_type.and_then(charset).and_then(encoding);
    let Some(declared) = declared.filter(|encoding| *encoding != UTF_8) else { return Cow::Borrowed(body) };
    match declared.decode(body) {
        (_, _, true) => Cow::Borrowed(body),
        (Cow::Borrowed(text), ..) => Cow::Borrowed(text.as_bytes()),
        (Cow::Owned(text), ..) => Cow::Owned(text.into_bytes()),
    }
}

/// The encoding of a label; also where it is spelled as no browser knows it ("latin-1", "utf_8").
fn encoding(label: &[u8]) -> Option<&'static Encoding> {
    // But for those that browsers refuse to read: their text would be one U+FFFD.
    Encoding::for_label_no_replacement(label).or_else(|| {
        let plain: Vec<u8> = label.iter().copied().filter(|byte| !b"-_".contains(byte)).collect();
        Encoding::for_label_no_replacement(&plain)
    })
}

/// The value of the parameter `charset`.
fn charset(content_type: &[u8]) -> Option<&[u8]> {
    content_type.split(|byte| *byte == b';').skip(1).find_map(|parameter| {
        let at = parameter.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (parameter[..at].trim_ascii(), parameter[at + 1..].trim_ascii());
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        name.eq_ignore_ascii_case(b"charset").then_some(unquoted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_charset_is_used_whatever_it_looks_like() {
        for (content_type, body, expected) in [
            ("text/plain", "é".as_bytes(), "é"),
            ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
            ("text/plain;Charset=\"windows-1252\"", b"\x80", "€"),
            ("text/plain; a=b; charset = shift_jis ; c", b"\x82\xa0", "あ"),
            ("text/plain; charset=latin-1", b"\xe9", "é"),
            ("text/plain; charset=klingon", "é".as_bytes(), "é"),
            ("text/plain; charset=iso-2022-kr", b"text", "text"),
            ("charset=latin1", "é".as_bytes(), "é"),
            ("text/plain; charset=utf-8", b"\xff", "\u{fffd}"),
            ("text/plain; charset=latin1", b"\xef\xbb\xbf\xc3\xa9", "é"),
            ("text/plain", b"\xff\xfea\0", "a"),
            ("", b"", ""),
        ] {
            assert_eq!(decode_text(Some(content_type.as_bytes()), body), expected, "{content_type}");
        }
    }

    #[test]
    fn json_is_read_in_the_declared_charset_and_left_alone_where_it_is_not_in_it() {
        for (content_type, body, expected) in [
            ("application/json", "é".as_bytes(), "é".as_bytes()),
            ("application/json", b"\xe9", b"\xe9"),
            ("application/json; charset=utf-8", b"\xe9", b"\xe9"),
            ("application/json; charset=ISO-8859-1", b"\xe9", "é".as_bytes()),
            ("application/json; charset=ISO-8859-1", b"\xc3\xa9", "Ã©".as_bytes()),
            ("application/json; charset=windows-1252", b"\x80", "€".as_bytes()),
            ("application/json; charset=GBK", b"\xc4\xe3", "你".as_bytes()),
            ("application/json; charset=shift_jis", b"\x82\xa0", "あ".as_bytes()),
            ("application/json; charset=shift_jis", b"\x82", b"\x82"),
            ("application/json; charset=utf-16le", b"[\0]\0", b"[]"),
            ("application/json; charset=klingon", b"\xe9", b"\xe9"),
            ("application/json; charset=latin1", b"\xef\xbb\xbf\xc3\xa9", "é".as_bytes()),
        ] {
            assert_eq!(&*decode_json(Some(content_type.as_bytes()), body), expected, "{content_type}");
        }
        assert!(matches!(decode_json(Some(b"a/b; charset=latin1"), b"{}"), Cow::Borrowed(_)));
    }
}
