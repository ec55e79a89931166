//! A row as all of its members, read from its line.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::output::line::Fault;

/// A row of output.
#[derive(Debug, Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    pub(super) index: u64,
    pub(super) status: Option<u16>,
    pub(super) ok: bool,
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    pub(super) attempts: u32,
    pub(super) ms: f64,
    #[serde(borrow, default)]
    pub(super) headers: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<Fault<'a>>,
    #[serde(default)]
    pub(super) changed: bool,
}

impl Row<'_> {
    /// Its id as a text; none where it has none.
    pub(super) fn id(&self) -> Option<Cow<'_, str>> {
        self.id.map(|id| text_of(id.get()))
    }

    /// Whether its id is a number: as a text it would look like one that is none.
    pub(super) fn has_integer(&self) -> bool {
        self.id.is_some_and(|id| !id.get().starts_with('"'))
    }
}

/// What a value of JSON is as a text: a string is what it says, everything else is JSON.
pub(super) fn text_of(value: &str) -> Cow<'_, str> {
    if !value.starts_with('"') {
        return Cow::Borrowed(value);
    }
    match value.trim_matches('"') {
        // As a rule, nothing in it is escaped.
        plain if plain.len() + 2 == value.len() && !plain.contains('\\') => Cow::Borrowed(plain),
        _ => serde_json::from_str(value).map_or(Cow::Borrowed(value), Cow::Owned),
    }
}
