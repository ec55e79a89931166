//! Values of JSON as cells of text, from which they can be told again.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::output::json::write_text;
use crate::output::parquet::row::text_of;

/// A value as a cell: a string is what it says, unless that would be taken for JSON; everything else is JSON.
pub(super) fn cell(value: &str) -> Cow<'_, str> {
    match text_of(value) {
        text if value.starts_with('"') && is_json(&text) => Cow::Borrowed(value),
        text => text,
    }
}

/// Writes the value that a cell was.
pub(super) fn write_value(buffer: &mut Vec<u8>, cell: &str) {
    if is_json(cell) {
        buffer.extend_from_slice(cell.as_bytes());
    } else {
        write_text(buffer, cell);
    }
}

fn is_json(text: &str) -> bool {
    // As most texts that are none begin.
    let may_be = |byte: u8| byte.is_ascii_digit() || b" \t\r\n\"-[{tfn".contains(&byte);
    text.bytes().next().is_some_and(may_be) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again(value: &str) -> String {
        let mut buffer = Vec::new();
        write_value(&mut buffer, &cell(value));
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn cells_are_what_people_expect() {
        for (value, expected) in [
            ("\"text\"", "text"),
            ("\"a\\nb\"", "a\nb"),
            ("\"\"", ""),
            ("{\"a\":\"b\"}", "{\"a\":\"b\"}"),
            ("7", "7"),
            ("\"7\"", "\"7\""),
            ("\" 7\"", "\" 7\""),
            ("\"true\"", "\"true\""),
            ("\"truest\"", "truest"),
            ("\"\\\"\"", "\""),
        ] {
            assert_eq!(cell(value), expected);
            assert_eq!(again(value), value);
        }
    }

    proptest! {
        #[test]
        fn any_value_is_told_from_its_cell(text in "[ 0-9a-z\"\\\\{}\\[\\]:,.\n-]{0,12}|\\PC{0,8}") {
            let value = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(again(&value), value);
            if serde_json::from_str::<IgnoredAny>(text.trim()).is_ok() && !text.contains('\n') {
                let value = text.trim();
                let found: serde_json::Value = serde_json::from_str(&again(value)).unwrap();
                prop_assert_eq!(found, serde_json::from_str::<serde_json::Value>(value).unwrap());
            }
        }
    }
}
