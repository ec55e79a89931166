//! Where something is in a JSON document: `data.results`, `data[-1].id`, `@odata.nextLink`.

use std::fmt;
use std::str::FromStr;

use serde_json::value::RawValue;

use crate::error::SpecError;
use crate::json::{Opened, is_null, opened, quoted, raw};

/// A path that has been checked.
///
/// A name that has dots in it needs no quotes: `@odata.nextLink` is looked for as one name where there is no `@odata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    /// From the end, if it is below 0.
    Index(i64),
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.text)
    }
}

impl FromStr for JsonPath {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let Some((step, after)) = next_step(rest) else {
                return Err(SpecError(format!(
                    "{text:?} is no path such as data.results, data[-1].id or data['a.b']"
                )));
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

/// The first step of what is left of a path, and what is behind it.
fn next_step(rest: &str) -> Option<(Step, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        if let Some(quote) = inner.chars().next().filter(|first| matches!(first, '\'' | '"')) {
            let (name, after) = inner[1..].split_once(&format!("{quote}]"))?;
            return Some((Step::Name(name.to_owned()), after));
        }
        let (index, after) = inner.split_once(']')?;
        return Some((Step::Index(index_of(index)?), after));
    }
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let (name, after) = rest.split_at(rest.find(['.', '[', ']']).unwrap_or(rest.len()));
    let is_name = !name.is_empty() && name != "*";
    is_name.then(|| (Step::Name(name.to_owned()), after))
}

fn index_of(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

impl Step {
    /// As the place in a list of so many.
    fn within(&self, length: usize) -> Option<usize> {
        let index = match self {
            Self::Index(index) => *index,
            Self::Name(name) => index_of(name)?,
        };
        let length = i64::try_from(length).ok()?;
        let index = if index < 0 { index.checked_add(length)? } else { index };
        usize::try_from(index).ok().filter(|_| index < length)
    }
}

impl JsonPath {
    /// What is there; a `null` too.
    pub(crate) fn find<'a>(&self, document: &'a RawValue) -> Option<&'a RawValue> {
        find(document, &self.steps)
    }

    /// The same in a document that was opened already.
    pub(crate) fn find_in<'a>(&self, document: &Opened<'a>) -> Option<&'a RawValue> {
        match document {
            Opened::Plain(value) => find(value, &self.steps),
            _ => find_in(document, &self.steps),
        }
    }

    /// A copy of a document with another value there.
    ///
    /// # Errors
    /// Why it cannot be put there.
    pub(crate) fn put(&self, document: Option<&RawValue>, value: &RawValue) -> Result<Box<RawValue>, String> {
        put(document, &self.steps, value)
    }
}

fn find<'a>(value: &'a RawValue, steps: &[Step]) -> Option<&'a RawValue> {
    if steps.is_empty() { Some(value) } else { find_in(&opened(value), steps) }
}

fn find_in<'a>(value: &Opened<'a>, steps: &[Step]) -> Option<&'a RawValue> {
    match value {
        Opened::List(list) => {
            let (first, rest) = steps.split_first()?;
            find(list.get(first.within(list.len())?)?, rest)
        }
        Opened::Object(members) => {
            joined_names(steps).into_iter().find_map(|(used, name)| find(members.get(&name)?, &steps[used..]))
        }
        Opened::Plain(_) => None,
    }
}

/// The names that steps begin with: the first, the first two joined by a dot, and so on; with how many steps each is.
fn joined_names(steps: &[Step]) -> Vec<(usize, String)> {
    let mut names: Vec<(usize, String)> = Vec::new();
    for step in steps {
        let Step::Name(name) = step else { break };
        let joined = match names.last() {
            Some((_, before)) => format!("{before}.{name}"),
            None => name.clone(),
        };
        names.push((names.len() + 1, joined));
    }
    names
}

fn put(document: Option<&RawValue>, steps: &[Step], value: &RawValue) -> Result<Box<RawValue>, String> {
    let Some((first, rest)) = steps.split_first() else { return Ok(value.to_owned()) };
    match (document.filter(|document| !is_null(document)).map(opened), first) {
        (None, Step::Name(name)) => Ok(object(&[(name.clone(), put(None, rest, value)?)])),
        (Some(Opened::Object(members)), Step::Name(name)) => {
            let changed = put(members.get(name), rest, value)?;
            let others = members.0.iter().filter(|(other, _)| other != name);
            let others = others.map(|(other, value)| (other.clone(), (*value).to_owned()));
            let at = members.0.iter().position(|(other, _)| other == name);
            let mut all: Vec<_> = others.collect();
            all.insert(at.unwrap_or(all.len()).min(all.len()), (name.clone(), changed));
            Ok(object(&all))
        }
        (Some(Opened::List(list)), step) if step.within(list.len()).is_some() => {
            let at = step.within(list.len()).unwrap_or_default();
            let mut texts: Vec<_> = list.iter().map(|item| item.get().to_owned()).collect();
            texts[at] = put(Some(list[at]), rest, value)?.get().to_owned();
            Ok(raw(format!("[{}]", texts.join(","))))
        }
        (into, step) => Err(format!("{step} cannot be put into {}", name_of(into.as_ref()))),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "{name:?}"),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

fn object(members: &[(String, Box<RawValue>)]) -> Box<RawValue> {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("{}:{}", quoted(name), value.get())).collect();
    raw(format!("{{{}}}", members.join(",")))
}

fn name_of(value: Option<&Opened<'_>>) -> &'static str {
    match value {
        None => "nothing",
        Some(Opened::Object(_)) => "an object",
        Some(Opened::List(_)) => "a list that is not so long",
        Some(Opened::Plain(_)) => "a text, a number or the like",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> JsonPath {
        text.parse().unwrap()
    }

    fn found(text: &str, document: &str) -> Option<String> {
        path(text).find(&raw(document.to_owned())).map(|value| value.get().to_owned())
    }

    fn with(text: &str, document: Option<&str>, value: &str) -> Result<String, String> {
        let document = document.map(|document| raw(document.to_owned()));
        path(text).put(document.as_deref(), &raw(value.to_owned())).map(|made| made.get().to_owned())
    }

    #[test]
    fn a_path_finds_what_is_there_as_it_is_written() {
        let document = r#"{"data":[{"id":1},{"id":12345678901234567890123}],"@odata.nextLink":"u",
            "a.b":{"c":null},"d":{"__next":1.10},"list":[[1,2],"x"],"'":7}"#;
        for (text, expected) in [
            ("data[-1].id", Some("12345678901234567890123")),
            ("data.0.id", Some("1")),
            ("$.data[0]['id']", Some("1")),
            ("@odata.nextLink", Some("\"u\"")),
            ("a.b.c", Some("null")),
            ("['a.b'].c", Some("null")),
            ("d.__next", Some("1.10")),
            ("list[0][1]", Some("2")),
            ("[\"'\"]", Some("7")),
            ("data[2]", None),
            ("data[-3]", None),
            ("data.id", None),
            ("d[0]", None),
            ("list[1].x", None),
            ("none", None),
        ] {
            assert_eq!(found(text, document).as_deref(), expected, "{text}");
        }
        assert_eq!(found("", "[1]").as_deref(), Some("[1]"));
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_fix() {
        for text in ["a..b", ".", "a[", "a[x]", "a['b]", "a]b", "*", "a.*", "[+1]", "[99999999999999999999]"]
        {
            let error = text.parse::<JsonPath>().unwrap_err().to_string();
            assert!(error.contains("is no path such as data.results"), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_is_put_where_the_path_leads_and_all_else_stays() {
        let document = r#"{"q":"a","page":{"n":1.10},"list":[1,{"x":2}]}"#;
        for (text, expected) in [
            ("page.after", r#"{"q":"a","page":{"n":1.10,"after":9},"list":[1,{"x":2}]}"#),
            ("q", r#"{"q":9,"page":{"n":1.10},"list":[1,{"x":2}]}"#),
            ("list[-1].x", r#"{"q":"a","page":{"n":1.10},"list":[1,{"x":9}]}"#),
            ("new.deep", r#"{"q":"a","page":{"n":1.10},"list":[1,{"x":2}],"new":{"deep":9}}"#),
            ("", "9"),
        ] {
            assert_eq!(with(text, Some(document), "9").as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(with("a.b", None, "\"x\"").as_deref(), Ok(r#"{"a":{"b":"x"}}"#));
        assert!(with("q.x", Some(document), "9").unwrap_err().contains("\"x\" cannot be put into a text"));
        assert!(with("list[7]", Some(document), "9").unwrap_err().contains("not so long"));
        assert!(with("[0]", None, "9").unwrap_err().contains("cannot be put into nothing"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}|[a$.\\[\\]'\"0-9*-]{0,12}", document in "[\\[\\]{}:,\"0-9a-b.]{0,20}") {
            if let (Ok(path), Ok(document)) = (text.parse::<JsonPath>(), RawValue::from_string(document)) {
                let _ = path.find(&document);
                let _ = path.put(Some(&document), RawValue::NULL);
            }
        }

        #[test]
        fn what_was_put_somewhere_is_found_there(names in proptest::collection::vec("[a-z '\"]{1,4}", 1..4)) {
            let quoted: Vec<_> = names.iter().map(|name| if name.contains('\'') {
                format!("[\"{}\"]", name.replace('"', "q"))
            } else {
                format!("['{name}']")
            }).collect();
            let path = path(&quoted.concat());
            let document = raw("{\"a\":{\"b\":1}}".to_owned());
            if let Ok(made) = path.put(Some(&document), &raw("7".to_owned())) {
                prop_assert_eq!(path.find(&made).map(RawValue::get), Some("7"));
            }
        }
    }
}
