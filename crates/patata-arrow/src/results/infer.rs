//! The type that some JSON has in a table.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Fields};
use serde_json::Value;

use crate::type_text::{list, nullable};

/// How deep a type may be; what is nested deeper is left out.
const DEEPEST: usize = 32;

/// What has been seen of values that go into one column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shape {
    scalar: Option<Scalar>,
    items: Option<Box<Shape>>,
    /// With the order in which they came.
    members: Option<BTreeMap<String, (usize, Shape)>>,
    /// Which of the three came first: others of its kind decide the type, the rest does not fit.
    first: Option<First>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    Scalar,
    Items,
    Members,
}

/// Scalars by what holds what: a whole number is a fraction too, and all are texts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scalar {
    Truth,
    Whole,
    Fraction,
    Text,
}

impl Scalar {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Whole | Self::Fraction, Self::Whole | Self::Fraction) => Self::Fraction,
            _ => Self::Text,
        }
    }
}

impl Shape {
    /// Takes a value into account.
    pub(crate) fn see(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.see_scalar(Scalar::Truth),
            Value::Number(number) if number.is_i64() => self.see_scalar(Scalar::Whole),
            Value::Number(_) => self.see_scalar(Scalar::Fraction),
            Value::String(_) => self.see_scalar(Scalar::Text),
            Value::Array(values) => {
                self.first.get_or_insert(First::Items);
                let items = self.items.get_or_insert_default();
                values.iter().for_each(|value| items.see(value));
            }
            Value::Object(members) => {
                self.first.get_or_insert(First::Members);
                let known = self.members.get_or_insert_default();
                for (name, value) in members {
                    let place = known.len();
                    known.entry(name.clone()).or_insert_with(|| (place, Self::default())).1.see(value);
                }
            }
        }
    }

    fn see_scalar(&mut self, scalar: Scalar) {
        self.first.get_or_insert(First::Scalar);
        self.scalar = Some(self.scalar.map_or(scalar, |known| known.with(scalar)));
    }

    /// The type; `None` where nothing tells one. What was only ever null may become anything, and is text.
    pub(crate) fn data_type(&self) -> Option<DataType> {
        self.first.and_then(|_| self.type_at(0))
    }

    fn type_at(&self, depth: usize) -> Option<DataType> {
        if depth > DEEPEST {
            return None;
        }
        match (self.first, &self.items, &self.members) {
            (Some(First::Items), Some(items), _) => Some(list(items.type_at(depth + 1)?)),
            (Some(First::Members), _, Some(members)) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(_, (place, _))| *place);
                let fields = members.into_iter().filter_map(|(name, (_, shape))| {
                    shape.type_at(depth + 1).map(|data_type| nullable(name, data_type))
                });
                let fields: Fields = fields.collect();
                // Structs without members cannot be written everywhere.
                (!fields.is_empty()).then_some(DataType::Struct(fields))
            }
            _ => Some(match self.scalar {
                Some(Scalar::Truth) => DataType::Boolean,
                Some(Scalar::Whole) => DataType::Int64,
                Some(Scalar::Fraction) => DataType::Float64,
                Some(Scalar::Text) | None => DataType::Utf8,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::type_text::type_of;

    #[test]
    fn types_hold_all_that_was_seen() {
        for (bodies, expected) in [
            (&["1", "2"][..], Some("int64")),
            (&["1", "2.5"], Some("double")),
            (&["18446744073709551615"], Some("double")),
            (&["1", "\"a\""], Some("string")),
            (&["true", "1"], Some("string")),
            (&["null"], None),
            (&["{}"], None),
            (&["[{}]"], None),
            (&["[]"], Some("list<string>")),
            (&["[null]", "[[1]]"], Some("list<list<int64>>")),
            (&[r#"{"a": 1}"#, r#"{"b": null, "a": 2.5}"#], Some("struct<a: double, b: string>")),
            (&[r#"{"a": {"b": [true]}, "e": {}}"#], Some("struct<a: struct<b: list<bool>>>")),
            (&[r#"{"a": {"b": 1}}"#, r#"{"a": 5}"#], Some("struct<a: struct<b: int64>>")),
            (&["5", "[1]"], Some("int64")),
        ] {
            let mut shape = Shape::default();
            bodies.iter().for_each(|body| shape.see(&serde_json::from_str(body).unwrap()));
            assert_eq!(shape.data_type(), expected.map(|text| type_of(text).unwrap()), "{bodies:?}");
        }
    }

    #[test]
    fn what_is_nested_very_deep_is_left_out() {
        let deep: Value = serde_json::from_str(&("[".repeat(100) + &"]".repeat(100))).unwrap();
        let mut shape = Shape::default();
        shape.see(&serde_json::json!({"deep": deep, "a": 1}));
        assert_eq!(shape.data_type(), Some(type_of("struct<a: int64>").unwrap()));
    }
}
