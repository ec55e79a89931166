//! A way of paging as it is described in one word of the command line: `cursor:meta.next:after`.

use crate::error::SpecError;
use crate::parameter::Parameter;
use crate::path::JsonPath;

/// A kind, with the names of its arguments: those that may be given by their place, and those by name only.
struct Known {
    kind: &'static str,
    in_order: &'static [&'static str],
    by_name: &'static [&'static str],
}

const KINDS: [Known; 10] = [
    Known { kind: "json-link", in_order: &["next_url_path", "has_more_path"], by_name: &[] },
    Known { kind: "header-link", in_order: &["links_next_key"], by_name: &[] },
    Known {
        kind: "header-cursor",
        in_order: &["cursor_key", "cursor_param", "cursor_body_path"],
        by_name: &["has_more_path", "empty_cursor"],
    },
    Known {
        kind: "cursor",
        in_order: &["cursor_path", "cursor_param", "cursor_body_path", "has_more_path"],
        by_name: &["empty_cursor", "stop_after_empty_page"],
    },
    Known {
        kind: "offset",
        in_order: &["limit", "offset", "offset_param", "limit_param", "total_path", "maximum_offset"],
        by_name: &[
            "offset_body_path",
            "limit_body_path",
            "has_more_path",
            "stop_after_empty_page",
            "parallel",
            "allow_short_pages",
        ],
    },
    Known {
        kind: "page-number",
        in_order: &["base_page", "page", "page_param", "total_path", "maximum_page"],
        by_name: &[
            "page_body_path",
            "limit",
            "limit_param",
            "has_more_path",
            "stop_after_empty_page",
            "parallel",
        ],
    },
    Known { kind: "auto", in_order: &[], by_name: &[] },
    Known { kind: "hal", in_order: &[], by_name: &["has_more_path"] },
    Known { kind: "json-api", in_order: &[], by_name: &["has_more_path"] },
    Known { kind: "odata", in_order: &[], by_name: &["has_more_path"] },
];

/// What each of them may be given.
const COMMON: [&str; 2] = ["allow_repeats", "maximum_pages"];

/// A kind with its arguments, by their names.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) kind: &'static str,
    arguments: Vec<(&'static str, String)>,
}

impl Spec {
    /// Reads a kind and its arguments, which are separated by colons, each in its place or as `name=value`. What is left
    /// empty has its default.
    pub(crate) fn read(text: &str) -> Result<Self, SpecError> {
        let mut parts = parts(text).into_iter();
        let name = parts.next().unwrap_or_default();
        let Some(known) = KINDS.iter().find(|known| known.kind == name.replace('_', "-")) else {
            let kinds: Vec<_> = KINDS.iter().map(|known| known.kind).collect();
            return Err(SpecError(format!("{name:?} is no way of paging; there are {}", kinds.join(", "))));
        };
        let mut spec = Self { kind: known.kind, arguments: Vec::new() };
        let mut in_order = known.in_order.iter();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (known.argument(name)?, value),
                None => match in_order.next() {
                    Some(name) => (*name, part),
                    None => return Err(known.has_no_place_for(part)),
                },
            };
            if spec.text(name).is_some() {
                return Err(SpecError(format!("{}: {name} is given twice", known.kind)));
            }
            if !value.is_empty() {
                spec.arguments.push((name, value.to_owned()));
            }
        }
        Ok(spec)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    /// Names the argument in what is wrong with it.
    pub(crate) fn wrong(&self, name: &str, what: impl std::fmt::Display) -> SpecError {
        SpecError(format!("{}: {name}: {what}", self.kind))
    }

    pub(crate) fn path(&self, name: &str) -> Result<Option<JsonPath>, SpecError> {
        let path = self.text(name).map(str::parse).transpose();
        path.map_err(|error: SpecError| self.wrong(name, error))
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, SpecError> {
        match self.text(name) {
            None => Ok(default),
            Some("true" | "yes" | "1") => Ok(true),
            Some("false" | "no" | "0") => Ok(false),
            Some(other) => Err(self.wrong(name, format!("it is true or false, got {other:?}"))),
        }
    }

    /// A whole number that is not below this one.
    pub(crate) fn number(&self, name: &str, least: i64) -> Result<Option<i64>, SpecError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| *number >= least);
        let wrong = || self.wrong(name, format!("it is a whole number from {least} on, got {text:?}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// Where a value is sent: the path in the body, or the query parameter, by its usual name where nothing is said.
    pub(crate) fn parameter(
        &self,
        default: &str,
        name: &str,
        body_path: &str,
    ) -> Result<Parameter, SpecError> {
        match (self.text(name), self.path(body_path)?) {
            (Some(_), Some(_)) => {
                Err(self.wrong(name, format!("{body_path} says that it is sent in the body; leave one out")))
            }
            (None, Some(path)) => Ok(Parameter::Body(path)),
            (name, None) => Ok(Parameter::Query(name.unwrap_or(default).to_owned())),
        }
    }
}

impl Known {
    /// The argument of a name.
    fn argument(&self, name: &str) -> Result<&'static str, SpecError> {
        let written = name.trim().replace('-', "_");
        let found = self.all().find(|known| **known == written).copied();
        found.ok_or_else(|| self.knows_only(&format!("no argument {name:?}")))
    }

    fn all(&self) -> impl Iterator<Item = &'static &'static str> {
        self.in_order.iter().chain(self.by_name).chain(&COMMON)
    }

    fn has_no_place_for(&self, part: &str) -> SpecError {
        self.knows_only(&format!("no place for {part:?}; give it by name, as maximum_pages=10"))
    }

    fn knows_only(&self, what: &str) -> SpecError {
        let names: Vec<_> = self.all().copied().collect();
        SpecError(format!("{} has {what}; it knows {}", self.kind, names.join(", ")))
    }
}

/// What stands between the colons that are not within the brackets of a path.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut is_within) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => is_within = true,
            ']' => is_within = false,
            ':' if !is_within => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}
