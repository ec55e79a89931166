//! Types of columns as people write them: `list<string>`, `struct<name: string, born: date32>`.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use crate::error::TableError;

/// How deep types may be nested.
const DEEPEST: usize = 64;

/// The type that a text names.
///
/// Scalars: `bool`, `int8` to `int64`, `uint8` to `uint64`, `float32` (`float`), `float64` (`double`), `string` (`utf8`,
/// `str`), `large_string`, `string_view`, `date32` (`date`), `timestamp` (microseconds), `timestamp[ms]`,
/// `timestamp[us, UTC]`, `decimal(10, 2)`. Nested: `list<T>`, `struct<name: T, …>`, `map<string, T>`. All of them may be
/// null. A name with other characters than letters, digits and underscores stands in double quotes.
///
/// # Errors
/// A text that is no type: names what was not understood.
///
/// ```
/// use arrow_schema::DataType;
///
/// assert_eq!(patata_arrow::type_of("int64")?, DataType::Int64);
/// assert!(matches!(patata_arrow::type_of("list<struct<a: string>>")?, DataType::List(_)));
/// let error = patata_arrow::type_of("list<strin>").unwrap_err().to_string();
/// assert!(error.contains("\"strin\" is no type"), "{error}");
/// # Ok::<(), patata_arrow::TableError>(())
/// ```
pub fn type_of(text: &str) -> Result<DataType, TableError> {
    let mut parser = Parser { text, rest: text.trim_start(), depth: 0 };
    let data_type = parser.data_type()?;
    match parser.rest {
        "" => Ok(data_type),
        rest => Err(parser.wrong(format!("{rest:?} is left over"))),
    }
}

/// The type of objects with these members, each with a [text](type_of) for its type.
///
/// # Errors
/// No members at all, a name given twice, and a text that is no type.
///
/// ```
/// let body = patata_arrow::struct_type([("name", "string"), ("tags", "list<string>")])?;
/// assert_eq!(body, patata_arrow::type_of("struct<name: string, tags: list<string>>")?);
/// # Ok::<(), patata_arrow::TableError>(())
/// ```
pub fn struct_type<N: AsRef<str>, T: AsRef<str>>(
    members: impl IntoIterator<Item = (N, T)>,
) -> Result<DataType, TableError> {
    let mut fields = Vec::new();
    for (name, text) in members {
        let name = name.as_ref();
        let data_type = type_of(text.as_ref()).map_err(|error| match error {
            TableError::Unusable { problem, fix, .. } => {
                TableError::unusable(format!("schema, member {name:?}"), problem, fix)
            }
            other => other,
        })?;
        fields.push(nullable(name, data_type));
    }
    structure(fields)
        .map_err(|problem| TableError::unusable("schema", problem, "give each member once, with a type"))
}

fn structure(fields: Vec<FieldRef>) -> Result<DataType, String> {
    if fields.is_empty() {
        return Err("it has no members".into());
    }
    for (place, field) in fields.iter().enumerate() {
        if fields[..place].iter().any(|other| other.name() == field.name()) {
            return Err(format!("{:?} is there twice", field.name()));
        }
    }
    Ok(DataType::Struct(Fields::from(fields)))
}

pub(crate) fn nullable(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

pub(crate) fn list(item: DataType) -> DataType {
    DataType::List(nullable("item", item))
}

fn map(value: DataType) -> DataType {
    let key = Arc::new(Field::new("key", DataType::Utf8, false));
    let entries = DataType::Struct(Fields::from(vec![key, nullable("value", value)]));
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

/// The same type where everything may be null, but for the keys of maps: a server need not keep to it.
pub(crate) fn all_nullable(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(all_nullable(field.data_type())).with_nullable(true))
    };
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::ListView(item) => DataType::ListView(field(item)),
        DataType::LargeListView(item) => DataType::LargeListView(field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Map(entries, is_sorted) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let fields = DataType::Struct(vec![fields[0].clone(), field(&fields[1])].into());
                DataType::Map(Arc::new(entries.as_ref().clone().with_data_type(fields)), *is_sorted)
            }
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}

/// The type of this name, where it takes no parameters.
fn scalar(name: &str) -> Option<DataType> {
    Some(match name {
        "bool" | "boolean" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" | "int" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" | "float" => DataType::Float32,
        "float64" | "double" => DataType::Float64,
        "string" | "utf8" | "str" => DataType::Utf8,
        "large_string" | "large_utf8" => DataType::LargeUtf8,
        "string_view" | "utf8_view" => DataType::Utf8View,
        "date32" | "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => return None,
    })
}

struct Parser<'t> {
    /// Whole, for errors.
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn wrong(&self, problem: impl Into<String>) -> TableError {
        TableError::unusable(
            format!("schema {:?}", self.text),
            problem,
            "types are written as string, int64, double, bool, timestamp[us, UTC], list<string>, struct<a: int64>",
        )
    }

    fn data_type(&mut self) -> Result<DataType, TableError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("it is nested more than {DEEPEST} deep")));
        }
        let name = self.word();
        let data_type = match name.to_ascii_lowercase().as_str() {
            "list" => {
                self.expect('<')?;
                let item = self.data_type()?;
                self.expect('>')?;
                list(item)
            }
            "struct" => self.structure()?,
            "map" => {
                self.expect('<')?;
                let key = self.data_type()?;
                if key != DataType::Utf8 {
                    return Err(self.wrong("the keys of a map must be string, as they are in JSON"));
                }
                self.expect(',')?;
                let value = self.data_type()?;
                self.expect('>')?;
                map(value)
            }
            "timestamp" if self.rest.starts_with('[') => self.timestamp()?,
            "decimal" | "decimal128" => self.decimal()?,
            lower => scalar(lower).ok_or_else(|| self.wrong(format!("{name:?} is no type")))?,
        };
        self.depth -= 1;
        Ok(data_type)
    }

    fn structure(&mut self) -> Result<DataType, TableError> {
        self.expect('<')?;
        let mut fields = Vec::new();
        loop {
            let name = self.name()?;
            self.expect(':')?;
            fields.push(nullable(&name, self.data_type()?));
            if !self.accept(',') {
                break;
            }
        }
        self.expect('>')?;
        structure(fields).map_err(|problem| self.wrong(problem))
    }

    fn timestamp(&mut self) -> Result<DataType, TableError> {
        self.expect('[')?;
        let unit = match self.word() {
            "s" => TimeUnit::Second,
            "ms" => TimeUnit::Millisecond,
            "us" => TimeUnit::Microsecond,
            "ns" => TimeUnit::Nanosecond,
            other => return Err(self.wrong(format!("{other:?} is no unit of time (s, ms, us, ns)"))),
        };
        let mut zone = None;
        if self.accept(',') {
            let end = self.rest.find(']').unwrap_or(self.rest.len());
            let name = self.rest[..end].trim();
            let name = name.strip_prefix("tz=").unwrap_or(name);
            if name.parse::<arrow_array::timezone::Tz>().is_err() {
                return Err(self.wrong(format!("{name:?} is no time zone")));
            }
            zone = Some(name.into());
            self.rest = &self.rest[end..];
        }
        self.expect(']')?;
        Ok(DataType::Timestamp(unit, zone))
    }

    fn decimal(&mut self) -> Result<DataType, TableError> {
        self.expect('(')?;
        let precision = self.word().parse().ok().filter(|precision| (1..=38).contains(precision));
        self.expect(',')?;
        let scale = self.word().parse::<i8>().ok();
        self.expect(')')?;
        match (precision, scale) {
            (Some(precision), Some(scale)) if scale >= 0 && scale.unsigned_abs() <= precision => {
                Ok(DataType::Decimal128(precision, scale))
            }
            _ => Err(self.wrong("a decimal has up to 38 digits, and no more of them behind the point")),
        }
    }

    /// Letters, digits and underscores.
    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    /// A member's name.
    fn name(&mut self) -> Result<String, TableError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return match self.word() {
                "" => Err(self.wrong("a member has no name")),
                name => Ok(name.into()),
            };
        };
        let Some((name, rest)) = quoted.split_once('"') else {
            return Err(self.wrong("a quoted name does not end"));
        };
        self.rest = rest.trim_start();
        Ok(name.into())
    }

    fn accept(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), TableError> {
        if self.accept(wanted) {
            Ok(())
        } else {
            Err(self.wrong(format!("there is no {wanted:?} before {:?}", self.rest)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_kind_are_types() {
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (text, expected) in [
            ("string", DataType::Utf8),
            (" Int64 ", DataType::Int64),
            ("double", DataType::Float64),
            ("timestamp", micros(None)),
            ("timestamp[us, UTC]", micros(Some("UTC"))),
            ("timestamp[us, tz=Europe/Madrid]", micros(Some("Europe/Madrid"))),
            ("decimal(10, 2)", DataType::Decimal128(10, 2)),
            ("list<list<int8>>", list(list(DataType::Int8))),
            ("map<string, bool>", map(DataType::Boolean)),
            (
                "struct<a: int32, \"b c\": list < string > >",
                DataType::Struct(Fields::from(vec![
                    nullable("a", DataType::Int32),
                    nullable("b c", list(DataType::Utf8)),
                ])),
            ),
        ] {
            assert_eq!(type_of(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_type_is_told_with_the_place() {
        for (text, part) in [
            ("", "\"\" is no type"),
            ("strin", "\"strin\" is no type"),
            ("list", "no '<'"),
            ("list<string", "no '>'"),
            ("list<string>>", "left over"),
            ("struct<>", "no name"),
            ("struct<a>", "no ':'"),
            ("struct<a: int8, a: int8>", "\"a\" is there twice"),
            ("map<int64, string>", "keys of a map"),
            ("timestamp[h]", "no unit of time"),
            ("timestamp[s, Atlantis]", "no time zone"),
            ("decimal(40, 2)", "38 digits"),
            ("decimal(2, 3)", "38 digits"),
            ("struct<\"a: int8>", "does not end"),
        ] {
            let error = type_of(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(&format!("{text:?}")), "{error}");
        }
        assert!(struct_type([("a", "x")]).unwrap_err().to_string().contains("member \"a\""));
        assert!(struct_type::<&str, &str>([]).unwrap_err().to_string().contains("no members"));
        assert!(type_of(&"list<".repeat(100_000)).unwrap_err().to_string().contains("64 deep"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[a-z0-9<>:,\\[\\]() \"é]{0,40}|(list<|struct<a:|map<string,)*string>*") {
            let _ = type_of(&text);
        }
    }
}
