//! Names and values of a row: from a struct, a map, or the text of a JSON object. Headers, parameters, forms and costs come
//! in these.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeListArray, StringViewArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::values::layouts::{text_lists, texts};
use crate::values::scalars::{is_scalar, is_text, text};

/// A column of names with values.
#[derive(Debug)]
pub(crate) enum Pairs {
    Struct { nulls: Option<NullBuffer>, members: Vec<(String, Values)> },
    Map { nulls: Option<NullBuffer>, offsets: OffsetBuffer<i32>, keys: StringViewArray, values: Values },
    Json(StringViewArray),
}

/// The values of a name: at most one in each row, or any number.
#[derive(Debug)]
pub(crate) enum Values {
    One(StringViewArray),
    Many(LargeListArray),
}

impl Values {
    /// Whether a type is one of scalars, or of lists of these.
    fn take(data_type: &DataType) -> bool {
        match data_type {
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => is_scalar(item.data_type()),
            other => is_scalar(other),
        }
    }

    fn read(array: &ArrayRef) -> Result<Self, ArrowError> {
        if is_scalar(array.data_type()) {
            return Ok(Self::One(texts(array)?));
        }
        Ok(Self::Many(text_lists(array)?))
    }

    /// Each value of a row that is not null.
    fn each<'v>(&'v self, row: usize, mut found: impl FnMut(&'v str)) {
        match self {
            Self::One(values) => text(values, row).into_iter().for_each(found),
            Self::Many(lists) => {
                let items = lists.values().as_string_view();
                let within = |offset: i64| usize::try_from(offset).unwrap_or_default();
                let offsets = lists.value_offsets();
                if lists.is_valid(row) {
                    for item in within(offsets[row])..within(offsets[row + 1]) {
                        text(items, item).into_iter().for_each(&mut found);
                    }
                }
            }
        }
    }
}

impl Pairs {
    /// Whether a column of this type can be read: else what keeps it from that.
    pub(crate) fn check(data_type: &DataType) -> Result<(), String> {
        let unfit = |name: &str, data_type: &DataType| {
            format!("its member {name:?} is {data_type}, neither a scalar nor a list of these")
        };
        match data_type {
            DataType::Struct(members) => {
                match members.iter().find(|member| !Values::take(member.data_type())) {
                    Some(member) => Err(unfit(member.name(), member.data_type())),
                    None => Ok(()),
                }
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 && !is_text(fields[0].data_type()) => {
                    Err(format!("its keys are {}, no texts", fields[0].data_type()))
                }
                DataType::Struct(fields) if fields.len() == 2 && Values::take(fields[1].data_type()) => {
                    Ok(())
                }
                other => Err(unfit("value", other)),
            },
            DataType::Null => Ok(()),
            other if is_text(other) => Ok(()),
            other => Err(format!("it is {other}, neither a struct, a map, nor the JSON of an object")),
        }
    }

    /// A column of a type that has passed the [check](Self::check).
    pub(crate) fn read(array: &ArrayRef) -> Result<Self, ArrowError> {
        if let Some(array) = array.as_struct_opt() {
            let members = array.fields().iter().zip(array.columns());
            let members = members.map(|(field, column)| Ok((field.name().clone(), Values::read(column)?)));
            let members = members.collect::<Result<_, ArrowError>>()?;
            return Ok(Self::Struct { nulls: array.nulls().cloned(), members });
        }
        if let Some(array) = array.as_map_opt() {
            return Ok(Self::Map {
                nulls: array.nulls().cloned(),
                offsets: array.offsets().clone(),
                keys: texts(array.keys())?,
                values: Values::read(array.values())?,
            });
        }
        Ok(Self::Json(texts(array)?))
    }

    /// The names and values of a row, in their order; `None` where the row is null.
    ///
    /// # Errors
    /// Where the text is no JSON of an object.
    pub(crate) fn of(&self, row: usize) -> Result<Option<Vec<(String, String)>>, String> {
        let mut found = Vec::new();
        match self {
            Self::Struct { nulls, .. } | Self::Map { nulls, .. }
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) =>
            {
                return Ok(None);
            }
            Self::Struct { members, .. } => {
                for (name, values) in members {
                    values.each(row, |value| found.push((name.clone(), value.to_owned())));
                }
            }
            Self::Map { offsets, keys, values, .. } => {
                let within = |offset: i32| usize::try_from(offset).unwrap_or_default();
                for entry in within(offsets[row])..within(offsets[row + 1]) {
                    let name = text(keys, entry).unwrap_or_default();
                    values.each(entry, |value| found.push((name.to_owned(), value.to_owned())));
                }
            }
            Self::Json(texts) => {
                let Some(text) = text(texts, row) else { return Ok(None) };
                let members: Option<Members> = serde_json::from_str(text)
                    .map_err(|cause| format!("is no JSON of an object: {cause}"))?;
                let Some(Members(members)) = members else { return Ok(None) };
                for (name, value) in members {
                    flatten(&name, value, &mut found)?;
                }
            }
        }
        Ok(Some(found))
    }
}

/// A value of JSON as texts: one, or those of a list.
fn flatten(name: &str, value: Value, found: &mut Vec<(String, String)>) -> Result<(), String> {
    let mut add = |value: Value| match value {
        Value::Null => Ok(()),
        Value::String(text) => {
            found.push((name.to_owned(), text));
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) => {
            found.push((name.to_owned(), value.to_string()));
            Ok(())
        }
        Value::Array(_) | Value::Object(_) => {
            Err(format!("has a member {name:?} that is neither a scalar nor a list of these"))
        }
    };
    match value {
        Value::Array(items) => items.into_iter().try_for_each(add),
        other => add(other),
    }
}

/// The members of a JSON object in their order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{MapBuilder, StringBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{Int64Array, ListArray, StringArray, StructArray};

    use super::*;
    use crate::type_text::nullable;

    fn read(array: ArrayRef, row: usize) -> Result<Option<String>, String> {
        Pairs::check(array.data_type()).unwrap();
        let pairs = Pairs::read(&array).unwrap().of(row)?;
        Ok(pairs.map(|pairs| pairs.iter().map(|(name, value)| format!("{name}={value};")).collect()))
    }

    #[test]
    fn structs_give_their_members_but_for_nulls_and_lists_repeat_a_name() {
        let lists =
            ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None, Some(2)]), None]);
        let members: Vec<(_, ArrayRef)> = vec![
            ("a", Arc::new(StringArray::from(vec![Some("x"), None]))),
            ("b", Arc::new(Int64Array::from(vec![7, 8]))),
            ("c", Arc::new(lists)),
        ];
        let array: ArrayRef = Arc::new(StructArray::try_from(members).unwrap());
        assert_eq!(read(array.clone(), 0).unwrap().unwrap(), "a=x;b=7;c=1;c=2;");
        assert_eq!(read(array.clone(), 1).unwrap().unwrap(), "b=8;");
        assert_eq!(read(array.slice(1, 1), 0).unwrap().unwrap(), "b=8;");
        let array = array.as_struct();
        let (fields, columns, _) = array.clone().into_parts();
        let array = StructArray::new(fields, columns, Some(NullBuffer::from(vec![false, true])));
        assert_eq!(read(Arc::new(array), 0), Ok(None));
    }

    #[test]
    fn maps_give_their_entries() {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for (name, value) in [("a", Some("1")), ("b", None), ("a", Some("2"))] {
            builder.keys().append_value(name);
            builder.values().append_option(value);
        }
        builder.append(true).unwrap();
        builder.append(false).unwrap();
        builder.keys().append_value("z");
        builder.values().append_value("9");
        builder.append(true).unwrap();
        let array: ArrayRef = Arc::new(builder.finish());
        assert_eq!(read(array.clone(), 0).unwrap().unwrap(), "a=1;a=2;");
        assert_eq!(read(array.clone(), 1), Ok(None));
        assert_eq!(read(array.slice(2, 1), 0).unwrap().unwrap(), "z=9;");
    }

    #[test]
    fn the_text_of_a_json_object_gives_its_members_in_their_order() {
        for (text, expected) in [
            (
                Some(r#"{"z": 1, "a": "x", "n": null, "t": true, "l": [1.5, "y"]}"#),
                Ok(Some("z=1;a=x;t=true;l=1.5;l=y;")),
            ),
            (Some("{}"), Ok(Some(""))),
            (Some("null"), Ok(None)),
            (None, Ok(None)),
            (Some("[1]"), Err("no JSON of an object")),
            (Some(""), Err("no JSON of an object")),
            (Some(r#"{"a": {}}"#), Err("neither a scalar nor a list")),
            (Some(r#"{"a": [[1]]}"#), Err("neither a scalar nor a list")),
        ] {
            let found = read(Arc::new(StringArray::from(vec![text])), 0);
            match (found, expected) {
                (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
                (found, expected) => {
                    assert_eq!(found.as_ref().map(|found| found.as_deref()), Ok(expected.unwrap()))
                }
            }
        }
    }

    #[test]
    fn other_types_are_refused_before_any_row_is_read() {
        let inner = DataType::Struct(vec![nullable("x", DataType::Int8)].into());
        let outer = DataType::Struct(vec![nullable("inner", inner)].into());
        for (data_type, part) in [
            (outer, "\"inner\""),
            (DataType::Int64, "it is Int64"),
            (DataType::Binary, "it is Binary"),
            (DataType::List(nullable("item", DataType::Utf8)), "neither a struct"),
        ] {
            let problem = Pairs::check(&data_type).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
