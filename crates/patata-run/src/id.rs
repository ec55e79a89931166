//! By what a request of a run is known to its user, and in its folder.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An id: none, a whole number, or a text. They need not be unique: a request is told from others by its place in
/// the input.
///
/// ```
/// use patata_run::Id;
///
/// let ids = [Id::None, Id::from(7), Id::from("seven")];
/// let written: Vec<_> = ids.iter().map(|id| serde_json::to_string(id).unwrap()).collect();
/// assert_eq!(written, ["null", "7", "\"seven\""]);
/// assert_eq!(ids[2].to_string(), "seven");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Id {
    /// The request has none.
    #[default]
    None,
    /// A whole number.
    Integer(i128),
    /// A text.
    Text(Box<str>),
}

impl fmt::Display for Id {
    /// As a user would write it: nothing for none, a text without quotes.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Integer(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i32> for Id {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<()> for Id {
    fn from((): ()) -> Self {
        Self::None
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => serializer.serialize_i128(*number),
            },
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id: null, a whole number, or a text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Id, E> {
        Ok(Id::None)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
        Ok(Id::Integer(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
        Ok(Id::Integer(number.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        Ok(Id::from(text))
    }
}
