//! Bodies as texts: any bytes under any declared charset.

use crate::fuzzing::Drawn;
use crate::response::charset::{decode_json, decode_text};

/// The most bytes of a `Content-Type` that are drawn.
const CONTENT_TYPE: usize = 60;

/// Reads `data` as a `Content-Type`, and the rest as a body.
///
/// # Panics
/// Where UTF-8 does not come back as it is, or a text grows beyond all reason.
pub fn text(data: &[u8]) {
    let mut drawn = Drawn(data);
    let length = usize::from(drawn.byte()) % CONTENT_TYPE;
    let content_type = drawn.some(length);
    let body = drawn.0;
    // A byte becomes one character at the most, and a character three bytes of UTF-8, or two of them four.
    let most = 3 * body.len() + 3;
    assert!(decode_text(Some(content_type), body).len() <= most);
    assert!(decode_json(Some(content_type), body).len() <= most);
    let plain = decode_text(None, body);
    assert!(plain.len() <= most);
    let has_mark = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| body.starts_with(mark));
    if let Ok(text) = std::str::from_utf8(body)
        && !has_mark
    {
        assert_eq!(plain, text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_under_no_charset_make_it_panic(
            label in "(text/plain)?;? ?charset=\"?[a-z0-9_-]{0,12}\"?",
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let length = u8::try_from(label.len()).unwrap();
            text(&[vec![length], label.into_bytes(), body].concat());
        }

        #[test]
        fn every_charset_of_the_web_takes_any_bytes(
            label in prop::sample::select(vec![
                "utf-8", "utf-16", "utf-16be", "shift_jis", "euc-jp", "iso-2022-jp", "gbk", "gb18030", "big5",
                "euc-kr", "windows-1252", "koi8-r", "macintosh", "x-user-defined", "replacement",
            ]),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let content_type = format!("text/plain; charset={label}");
            let length = u8::try_from(content_type.len()).unwrap();
            text(&[vec![length], content_type.into_bytes(), body].concat());
        }
    }
}
