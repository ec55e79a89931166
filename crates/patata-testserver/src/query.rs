//! Finding and decoding one parameter of a query.

/// The decoded value of the first parameter called `name`, or nothing if there
/// is none. A parameter without a `=` has an empty value.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(found, _)| decode(found) == name)
        .map(|(_, value)| decode(value))
}

/// Decodes as a form is decoded: `+` is a space, `%` and two hexadecimal digits
/// are a byte. A `%` without them stands for itself, and bytes that are not
/// UTF-8 are replaced, so there is no text that this refuses.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hexadecimal(*high) << 4 | hexadecimal(*low));
                rest = after;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The value of a byte that is known to be a hexadecimal digit.
fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, parameter};

    #[test]
    fn the_first_parameter_of_the_name_is_found() {
        assert_eq!(parameter("a=1&b=2&b=3", "b").as_deref(), Some("2"));
        assert_eq!(parameter("a%62=1", "ab").as_deref(), Some("1"));
        assert_eq!(parameter("url=/x?y=z", "url").as_deref(), Some("/x?y=z"));
        assert_eq!(parameter("flag", "flag").as_deref(), Some(""));
        assert_eq!(parameter("", "flag"), None);
    }

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        assert_eq!(decode("a+b%20c%2Bd"), "a b c+d");
        assert_eq!(decode("%C3%b1"), "ñ");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }
}
