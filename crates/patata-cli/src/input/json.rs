//! Parts of a JSON text, found without changing a byte of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Calls a function with each member of an object: its name, and its value as it stands in the text.
pub(super) fn each_member<'a>(
    text: &'a str,
    function: impl FnMut(Cow<'a, str>, &'a str),
) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Members(function))?;
    deserializer.end()
}

/// The value of an object's member; of several of one name, the last one.
pub(super) fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    let each = |member: Cow<'a, str>, value| {
        if member == name {
            found = Some(value);
        }
    };
    each_member(text, each).ok().and(found)
}

/// The elements of an array.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_seq(Elements).ok()
}

/// What a value says as a text: that of a string without quotes, all else as it is written.
pub(super) fn as_text(raw: &str) -> Result<Cow<'_, str>, String> {
    match raw.starts_with('"') {
        true => serde_json::from_str::<Name<'_>>(raw).map(|name| name.0).map_err(|cause| reason(&cause)),
        false => Ok(Cow::Borrowed(raw)),
    }
}

/// Why a text is no JSON, without the place that the library adds.
pub(super) fn reason(cause: &serde_json::Error) -> String {
    let message = cause.to_string();
    match message.rfind(" at line ") {
        Some(at) => message[..at].to_owned(),
        None => message,
    }
}

/// Borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct Members<F>(F);

impl<'a, F: FnMut(Cow<'a, str>, &'a str)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let value: &'a RawValue = map.next_value()?;
            (self.0)(name, value.get());
        }
        Ok(())
    }
}

struct Elements;

impl<'a> Visitor<'a> for Elements {
    type Value = Vec<&'a str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(value) = sequence.next_element::<&'a RawValue>()? {
            elements.push(value.get());
        }
        Ok(elements)
    }
}

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let checked = <&RawValue>::deserialize(&mut deserializer).and_then(|_| deserializer.end());
    checked.map_err(|cause| reason(&cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are_written() {
        let text = r#"{"a": 1.50, "b\n": {"c":[1e400, -0]}, "a": 12345678901234567890123 }"#;
        assert_eq!(member(text, "a"), Some("12345678901234567890123"));
        assert_eq!(member(text, "b\n"), Some(r#"{"c":[1e400, -0]}"#));
        assert_eq!(member(text, "c"), None);
        assert_eq!(elements("[1e400, -0,\"x\"]").unwrap(), ["1e400", "-0", "\"x\""]);
    }

    #[test]
    fn a_string_is_read_as_its_text() {
        assert_eq!(as_text(r#""a\u00e9\n""#).unwrap(), "aé\n");
        assert_eq!(as_text("01").unwrap(), "01");
        assert_eq!(as_text(r#""\ud800""#).unwrap_err(), "unexpected end of hex escape");
    }
}
