//! JSON as it is written into rows: texts quoted, bodies in one line.

/// Writes a text as a JSON string.
pub(crate) fn write_text(buffer: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        return buffer.push(b'"');
    }
    // It cannot fail: a buffer takes whatever is written, and a text has a form in JSON.
    let _ = serde_json::to_writer(buffer, text);
}

/// Writes what is an error message or the like, which is put together only now.
pub(crate) fn write_shown(buffer: &mut Vec<u8>, shown: &impl std::fmt::Display) {
    write_text(buffer, &shown.to_string());
}

/// Writes the URL of a response as a JSON string.
pub(crate) fn write_url(buffer: &mut Vec<u8>, url: &patata::Url) {
    buffer.push(b'"');
    let begin = buffer.len();
    url.write_to(buffer);
    if is_plain(&buffer[begin..]) {
        return buffer.push(b'"');
    }
    buffer.truncate(begin - 1);
    write_shown(buffer, url);
}

/// Whether JSON has a text as it is: without quotation marks, backslashes and control characters.
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // Eight bytes at once: the high bit of a byte is set where it is less than `most`, and now and then of one beside
    // such a byte. Bytes past ASCII, whose high bits are set, are masked out.
    let below = |word: u64, most: u64| word.wrapping_sub(ONES * most) & !word;
    let is_plain = |word: u64| {
        let special = below(word, 0x20) | below(word ^ (ONES * 0x22), 1) | below(word ^ (ONES * 0x5c), 1);
        special & HIGH == 0
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().all(|word| is_plain(u64::from_ne_bytes(*word))) && is_plain(u64::from_ne_bytes(last))
}

/// Whether a body is one JSON value.
fn is_json(body: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()
}

/// Writes a body: JSON as it came but in one line, a text as a string, anything else as base64, and nothing as null.
pub(crate) fn write_body(buffer: &mut Vec<u8>, body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return write_bytes(buffer, body) };
    // Some servers begin with a byte-order mark, which is no JSON.
    let value = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\r', '\n']);
    match value {
        "" if text.is_empty() => buffer.extend_from_slice(b"null"),
        _ if is_json(value) => write_in_one_line(buffer, value.as_bytes()),
        _ => write_text(buffer, text),
    }
}

pub(crate) fn write_bytes(buffer: &mut Vec<u8>, body: &[u8]) {
    use base64::Engine as _;

    buffer.extend_from_slice(b"{\"base64\":\"");
    let begin = buffer.len();
    let length = base64::encoded_len(body.len(), true).unwrap_or_default();
    buffer.resize(begin + length, 0);
    // The room is what it says that it needs.
    let written = base64::engine::general_purpose::STANDARD.encode_slice(body, &mut buffer[begin..]);
    buffer.truncate(begin + written.unwrap_or_default());
    buffer.extend_from_slice(b"\"}");
}

/// Writes JSON without its line breaks, which stand between its tokens only: within strings they are escaped.
fn write_in_one_line(buffer: &mut Vec<u8>, json: &[u8]) {
    if memchr::memchr2(b'\n', b'\r', json).is_none() {
        return buffer.extend_from_slice(json);
    }
    let mut rest = json;
    let mut is_in_string = false;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'\\' if is_in_string => {
                // The next byte is escaped; it may be a quotation mark.
                let (pair, after_pair) = rest.split_at(rest.len().min(2));
                buffer.extend_from_slice(pair);
                rest = after_pair;
                continue;
            }
            b'"' => is_in_string = !is_in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !is_in_string => {
                rest = after;
                continue;
            }
            _ => {}
        }
        buffer.push(byte);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(body: &[u8]) -> String {
        let mut buffer = Vec::new();
        write_body(&mut buffer, body);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn a_body_is_what_it_is() {
        for (body, expected) in [
            (&b""[..], "null"),
            (b"{\"a\": 1.10, \"b\": 1e400}", "{\"a\": 1.10, \"b\": 1e400}"),
            (b"\xef\xbb\xbf[1]\n", "[1]"),
            (b"{\n  \"a\\\"\": [1,\r\n 2]\n}\n", "{\"a\\\"\":[1,2]}"),
            (b"\"a text\"", "\"a text\""),
            (b"plain\ntext", "\"plain\\ntext\""),
            (b" ", "\" \""),
            (b"{\"a\":1}{\"b\":2}", "\"{\\\"a\\\":1}{\\\"b\\\":2}\""),
            (b"NaN", "\"NaN\""),
            (b"\xff\x00\x01", "{\"base64\":\"/wAB\"}"),
        ] {
            assert_eq!(written(body), expected, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_body_is_it_is_json_in_one_line(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let line = written(&body);
            prop_assert!(!line.contains(['\n', '\r']));
            let _: serde_json::Value = serde_json::from_str(&line).unwrap();
        }

        #[test]
        fn a_text_is_written_as_by_any_writer_of_json(text in "[ -~\u{0}-\u{20}\u{7f}-\u{ff}]{0,20}|[a-z\"\\\\\n]{0,20}") {
            let mut written = Vec::new();
            write_text(&mut written, &text);
            prop_assert_eq!(&written, &serde_json::to_vec(&text).unwrap());
            let escapes = |byte| byte < b' ' || byte == b'"' || byte == b'\\';
            prop_assert_eq!(is_plain(text.as_bytes()), !text.bytes().any(escapes));
        }

        #[test]
        fn json_keeps_its_value(text in "[ \n\r\t\\[\\]{}:,\"0-9a-z\\\\]{0,40}") {
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written(text.as_bytes())).unwrap(), value);
            }
        }
    }
}
