//! Fractions where a type has whole numbers only: the parser would cut them off without a word.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use arrow_schema::{DataType, Field};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// How far is looked back from a fraction for where it stands.
const LOOKED_BACK: usize = 64;

/// How much of a text is looked at at once.
const PIECE: usize = 64;

/// Where a type has whole numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WholeNumbers {
    /// In members of these names.
    members: BTreeSet<String>,
    /// In any member.
    in_maps: bool,
    in_lists: bool,
    at_top: bool,
}

impl WholeNumbers {
    /// `None` where a type has none.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        let mut found = Self { at_top: is_whole(data_type), ..Self::default() };
        found.look_into(data_type);
        (found != Self::default()).then_some(found)
    }

    fn look_into(&mut self, data_type: &DataType) {
        if let DataType::Struct(fields) = data_type {
            for field in fields.iter() {
                if is_whole(field.data_type()) {
                    self.members.insert(field.name().clone());
                }
                self.look_into(field.data_type());
            }
        } else if let Some(item) = item(data_type) {
            let is_map = matches!(data_type, DataType::Map(..));
            let holder = if is_map { &mut self.in_maps } else { &mut self.in_lists };
            *holder |= is_whole(item.data_type());
            self.look_into(item.data_type());
        }
    }

    /// Whether some JSON may have a fraction where a whole number is expected: a look at what stands before each, which
    /// spares most texts a look at all of it.
    pub(crate) fn may_be_cut(&self, text: &[u8]) -> bool {
        let Some(behind) = text.get(1..) else { return false };
        let pieces = text.chunks(PIECE).zip(behind.chunks(PIECE)).enumerate();
        pieces.filter(|(_, (digits, marks))| any_fraction(digits, marks)).any(|(piece, (digits, marks))| {
            let pairs = digits.iter().zip(marks).enumerate();
            pairs
                .filter(|(_, (digit, mark))| is_fraction(**digit, **mark) != 0)
                .any(|(place, _)| self.expected_at(text, piece * PIECE + place + 1))
        })
    }

    /// Whether a whole number may be expected where a number has a fraction; also where that is not clear.
    fn expected_at(&self, text: &[u8], at: usize) -> bool {
        let before = &text[at.saturating_sub(LOOKED_BACK)..at];
        let is_numeral =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let Some(end) = before.iter().rposition(|byte| !is_numeral(byte) && !byte.is_ascii_whitespace())
        else {
            return before.len() < at || self.at_top;
        };
        match before[end] {
            b'[' | b',' => self.in_lists,
            b':' if self.in_maps => true,
            b':' => {
                let name = before[..end].trim_ascii_end().strip_suffix(b"\"");
                let begin = name.and_then(|name| name.iter().rposition(|byte| *byte == b'"'));
                let (Some(name), Some(begin)) = (name, begin) else { return true };
                let has_escape = name[begin.saturating_sub(1)..].contains(&b'\\');
                let name = &name[begin + 1..];
                has_escape || self.members.iter().any(|member| member.as_bytes() == name)
            }
            // Within a text.
            _ => false,
        }
    }
}

/// 1 where a digit has behind it what fractions have, else 0: numbers, so that it is done for many at once.
fn is_fraction(digit: u8, mark: u8) -> u8 {
    u8::from(digit.wrapping_sub(b'0') < 10) & (u8::from(mark == b'.') | u8::from(mark | 0x20 == b'e'))
}

/// Whether any of these digits has such a mark behind it: most texts have none at all.
fn any_fraction(digits: &[u8], marks: &[u8]) -> bool {
    digits.iter().zip(marks).fold(0, |found, (digit, mark)| found | is_fraction(*digit, *mark)) != 0
}

fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_temporal()
}

/// What a list has, or a map.
pub(crate) fn item(data_type: &DataType) -> Option<&Field> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields.get(1).map(AsRef::as_ref),
            _ => None,
        },
        _ => None,
    }
}

/// The type of a member.
fn member<'t>(data_type: &'t DataType, name: &str) -> Option<&'t DataType> {
    match data_type {
        DataType::Struct(fields) => fields.find(name).map(|(_, field)| field.data_type()),
        DataType::Map(..) => item(data_type).map(Field::data_type),
        _ => None,
    }
}

/// Whether there are fractions where a type has whole numbers.
///
/// # Errors
/// A text that is no JSON.
pub(crate) fn has_fractions(text: &[u8], data_type: &DataType) -> serde_json::Result<bool> {
    let is_found = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Expected { data_type, is_found: &is_found }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(is_found.get())
}

/// The JSON with nulls for fractions that stand where a type has whole numbers, and what is wrong with the first of them;
/// `None` where there are none.
pub(crate) fn without_fractions(text: &[u8], data_type: &DataType) -> Option<(Vec<u8>, String)> {
    let mut value = serde_json::from_slice(text).ok()?;
    let mut problem = None;
    clear(&mut value, data_type, &mut problem);
    Some((value.to_string().into_bytes(), problem?))
}

fn clear(value: &mut Value, data_type: &DataType, problem: &mut Option<String>) {
    match value {
        Value::Number(number) if is_whole(data_type) && number.as_f64().is_some_and(has_fraction) => {
            problem.get_or_insert_with(|| format!("expected {data_type}, got {number}"));
            *value = Value::Null;
        }
        Value::Array(values) => {
            if let (Some(item), false) = (item(data_type), matches!(data_type, DataType::Map(..))) {
                values.iter_mut().for_each(|value| clear(value, item.data_type(), problem));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(data_type) = member(data_type, name) {
                    let was_fine = problem.is_none();
                    clear(value, data_type, problem);
                    if let (true, Some(problem)) = (was_fine, problem.as_mut()) {
                        *problem = format!("whilst decoding field '{name}': {problem}");
                    }
                }
            }
        }
        _ => {}
    }
}

fn has_fraction(number: f64) -> bool {
    number.fract() != 0.0
}

/// Looks for fractions among values of a type, without keeping any.
#[derive(Clone, Copy)]
struct Expected<'t> {
    data_type: &'t DataType,
    is_found: &'t Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Expected<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expected<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if is_whole(self.data_type) && has_fraction(number) {
            self.is_found.set(true);
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        match item(self.data_type) {
            Some(item) => {
                let item = Self { data_type: item.data_type(), ..self };
                while values.next_element_seed(item)?.is_some() {}
            }
            None => while values.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(data_type) = members.next_key_seed(Name(self.data_type))? {
            match data_type {
                Some(data_type) => members.next_value_seed(Self { data_type, ..self })?,
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Finds a member's type by its name, without keeping the name.
struct Name<'t>(&'t DataType);

impl<'de, 't> DeserializeSeed<'de> for Name<'t> {
    type Value = Option<&'t DataType>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Name<'t> {
    type Value = Option<&'t DataType>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(member(self.0, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::type_text::type_of;

    #[test]
    fn fractions_are_found_where_whole_numbers_are_expected() {
        let place = "struct<id: int64, at: struct<x: double, n: list<int32>>, m: map<string, int8>>";
        for (data_type, text, expected) in [
            ("int64", "7.5", Some(("null", "expected Int64, got 7.5"))),
            ("int64", "7.0", None),
            ("int64", "1e3", None),
            ("double", "7.5", None),
            ("timestamp[us]", "1.5", Some(("null", "expected Timestamp(µs), got 1.5"))),
            (place, r#"{"id": 1, "at": {"x": 1.5}, "more": 2.5}"#, None),
            (place, r#"{"id": "1.5", "at": 1.5}"#, None),
            (
                place,
                r#"{"id": 1, "at": {"x": 1.5, "n": [1, 2.5]}}"#,
                Some((
                    r#"{"at":{"n":[1,null],"x":1.5},"id":1}"#,
                    "whilst decoding field 'at': whilst decoding field 'n': expected Int32, got 2.5",
                )),
            ),
            (
                place,
                r#"{"m": {"a": 0.5}}"#,
                Some((r#"{"m":{"a":null}}"#, "field 'a': expected Int8, got 0.5")),
            ),
            (place, "{\"id\": 1.5", None),
        ] {
            let data_type = type_of(data_type).unwrap();
            let found = without_fractions(text.as_bytes(), &data_type);
            let is_found = has_fractions(text.as_bytes(), &data_type);
            assert_eq!(is_found.is_ok(), serde_json::from_str::<IgnoredAny>(text).is_ok(), "{text}");
            assert_eq!(is_found.is_ok_and(|is_found| is_found), found.is_some(), "{text}");
            let whole = WholeNumbers::of(&data_type);
            assert!(
                found.is_none() || whole.is_some_and(|whole| whole.may_be_cut(text.as_bytes())),
                "{text}"
            );
            match (found, expected) {
                (Some((left, problem)), Some((expected, part))) => {
                    let value = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
                    assert_eq!(value(&left), value(expected.as_bytes()));
                    assert!(problem.contains(part), "{problem}");
                }
                (found, expected) => assert_eq!(found.map(|_| ()), expected.map(|_| ()), "{text}"),
            }
        }
        assert_eq!(WholeNumbers::of(&type_of("struct<a: list<double>, b: string>").unwrap()), None);
    }

    #[test]
    fn most_fractions_are_known_to_stand_elsewhere_by_what_is_before_them() {
        let user = "struct<id: int64, score: double, at: struct<n: int8, x: double>, tags: list<double>>";
        let long = "a".repeat(100);
        for (data_type, text, may_be_cut) in [
            (user, r#"{"id": 7, "score": 1.5}"#.to_owned(), false),
            (user, r#"{"score": 1.5, "id": 7.5}"#.to_owned(), true),
            (user, r#"{"tags": [1.5, -2e9 , 3E+2], "x" : 1.5}"#.to_owned(), false),
            (user, r#"{"n": 1.5}"#.to_owned(), true),
            (user, r#"{"\u006e": 1.5}"#.to_owned(), true),
            (user, r#"{"name": "version 1.5, 2.5", "more": "3.5"}"#.to_owned(), false),
            (r#"struct<"x_id": int64, b: int64>"#, r#"{"x\"b2": 1.5}"#.to_owned(), true),
            (user, format!(r#"{{"{long}": 1.5}}"#), true),
            (user, format!(r#"{{"score": {}.5}}"#, "1".repeat(100)), true),
            ("list<int64>", "[1, 2.5]".to_owned(), true),
            ("list<int64>", "[1, 2]".to_owned(), false),
            ("map<string, int64>", r#"{"a": 2.5}"#.to_owned(), true),
            ("int64", "2.5".to_owned(), true),
            ("struct<a: list<int64>>", "2.5".to_owned(), false),
        ] {
            let whole = WholeNumbers::of(&type_of(data_type).unwrap()).unwrap();
            assert_eq!(whole.may_be_cut(text.as_bytes()), may_be_cut, "{data_type}: {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_fraction_is_overlooked(
            text in "([ ,:\\[{]|\"(a|b|\\\\u0061)\" ?: ?|[0-9]{1,2}(\\.[0-9]|e-1)?|[\\]}]|\"x1\\.5\"){0,10}",
            data_type in proptest::sample::select(vec![
                "int64", "list<int64>", "list<double>", "map<string, int8>", "struct<a: int64, b: double>",
                "struct<a: struct<a: double, b: int8>, b: list<int32>>", "list<struct<a: double, b: list<double>, c: int8>>",
            ]),
        ) {
            let data_type = type_of(data_type).unwrap();
            if has_fractions(text.as_bytes(), &data_type).is_ok_and(|is_found| is_found) {
                let whole = WholeNumbers::of(&data_type);
                proptest::prop_assert!(whole.is_some_and(|whole| whole.may_be_cut(text.as_bytes())));
            }
        }
    }
}
