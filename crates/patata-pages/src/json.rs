//! JSON as it is written: taken apart one level at a time, so that numbers keep all of their digits and texts their escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value, opened by one level.
#[derive(Debug)]
pub(crate) enum Opened<'a> {
    Object(Members<'a>),
    List(Vec<&'a RawValue>),
    /// A text, a number, a word.
    Plain(&'a RawValue),
}

/// The members of an object, in the order in which they are written.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// That of a name; of repeated ones the last, as most readers have it.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// Opens a value.
pub(crate) fn opened(value: &RawValue) -> Opened<'_> {
    let text = value.get();
    let opened = match text.as_bytes().first() {
        Some(b'{') => serde_json::from_str(text).ok().map(Opened::Object),
        Some(b'[') => serde_json::from_str(text).ok().map(Opened::List),
        _ => None,
    };
    opened.unwrap_or(Opened::Plain(value))
}

pub(crate) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// What a text says; `None` for what is no text.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let is_text = value.get().starts_with('"');
    is_text.then(|| serde_json::from_str::<String>(value.get()).ok()).flatten().map(Cow::Owned)
}

/// A text as it is, and everything else as it is written.
pub(crate) fn shown(value: &RawValue) -> Cow<'_, str> {
    text(value).unwrap_or(Cow::Borrowed(value.get()))
}

/// A value for people, who need not see all of a long one.
pub(crate) fn excerpt(value: &RawValue) -> String {
    const MOST: usize = 80;
    let text = value.get();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A whole number, however JSON or a URL has it.
pub(crate) fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    // As far as they have all whole numbers.
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    // It cannot fail: any text has a form in JSON.
    serde_json::to_string(text).unwrap_or_default()
}

/// What is known to be JSON.
pub(crate) fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_in_many_ways() {
        for (text, expected) in [
            ("7", Some(7)),
            (" -7 ", Some(-7)),
            ("1e3", Some(1_000)),
            ("5.0", Some(5)),
            ("5.5", None),
            ("1e300", None),
            ("", None),
            ("inf", None),
            ("seven", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn members_keep_their_order_and_the_last_of_a_name_counts() {
        let value = raw(r#"{"b":1.10,"a":[2],"b":3}"#.to_owned());
        let Opened::Object(members) = opened(&value) else { panic!() };
        let names: Vec<_> = members.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(members.get("b").map(RawValue::get), Some("3"));
        assert_eq!(members.0[0].1.get(), "1.10");
    }
}
