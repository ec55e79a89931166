//! Limits told by the fields `RateLimit` and `RateLimit-Policy`, as the IETF's drafts have them from -07 on.

use smallvec::SmallVec;

use crate::response::headers::Headers;
use crate::schedule::told::families::figure;
use crate::schedule::told::when::bounded;
use crate::schedule::told::{Limits, MOST_LIMITS, Refill, Told, Unit};

/// What a policy says: how many of what in which time.
#[derive(Debug, Clone, Copy)]
struct Policy<'h> {
    name: &'h str,
    quota: Option<f64>,
    window: Option<f64>,
    unit: Unit,
}

/// An element of a list, with its parameters.
struct Item<'h> {
    value: &'h str,
    parameters: &'h str,
}

impl<'h> Item<'h> {
    fn of(text: &'h str) -> Self {
        let (value, parameters) = split_at(text, b';').unwrap_or((text, ""));
        Self { value: bare(value), parameters }
    }

    fn parameter(&self, name: &str) -> Option<&'h str> {
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let (one, after) = split_at(rest, b';').unwrap_or((rest, ""));
            if let Some((key, value)) = one.split_once('=')
                && key.trim() == name
            {
                return Some(bare(value));
            }
            rest = after;
        }
        None
    }

    fn figure(&self, name: &str) -> Option<f64> {
        figure(self.parameter(name)?)
    }
}

/// Without white space and quotes.
fn bare(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// What stands before and after the first of these bytes that is in no quotes.
fn split_at(text: &str, byte: u8) -> Option<(&str, &str)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let found = text.bytes().position(|one| {
        let was_escaped = is_escaped;
        is_escaped = is_quoted && one == b'\\' && !was_escaped;
        if one == b'"' && !was_escaped {
            is_quoted = !is_quoted;
        }
        one == byte && !is_quoted
    })?;
    Some((&text[..found], &text[found + 1..]))
}

/// The elements of all fields of this name, as one list.
fn elements<'h>(headers: &'h Headers, name: &'static str) -> SmallVec<[&'h str; 4]> {
    let mut elements = SmallVec::new();
    for value in headers.get_all(name).filter_map(|value| std::str::from_utf8(value).ok()) {
        let mut rest = Some(value);
        while let Some(text) = rest.filter(|_| elements.len() < MOST_LIMITS) {
            let (one, after) = split_at(text, b',').map_or((text, None), |(one, after)| (one, Some(after)));
            elements.push(one.trim());
            rest = after;
        }
    }
    elements
}

fn unit(name: Option<&str>) -> Unit {
    match name {
        None | Some("requests") => Unit::Requests,
        Some("concurrent-requests") => Unit::Concurrent,
        Some(_) => Unit::Other,
    }
}

/// Adds what these fields tell.
pub(crate) fn read(headers: &Headers, limits: &mut Limits) {
    let items: SmallVec<[Item<'_>; 4]> =
        elements(headers, "ratelimit-policy").into_iter().map(Item::of).collect();
    let policies: SmallVec<[Policy<'_>; 4]> = items
        .iter()
        .map(|item| {
            // Up to -07 a policy is its quota, and has no name.
            let quota = item.figure("q").or_else(|| figure(item.value));
            Policy { name: item.value, quota, window: item.figure("w"), unit: unit(item.parameter("qu")) }
        })
        .collect();
    let told = elements(headers, "ratelimit");
    let is_dictionary = |element: &&str| element.starts_with("limit=") || element.starts_with("remaining=");
    if told.iter().any(is_dictionary) {
        limits.extend(of_dictionary(&told));
    } else {
        let told = told.iter().filter_map(|element| of_item(&Item::of(element), &policies));
        limits.extend(told);
    }
    // Where the limit has come by another field, its policy says in which time.
    for limit in limits.iter_mut().filter(|limit| limit.window.is_none() && limit.limit.is_some()) {
        let policy = policies.iter().find(|policy| policy.quota == limit.limit);
        limit.window = policy.and_then(|policy| bounded(policy.window?));
    }
}

/// `"burst";r=50;t=30`.
fn of_item(item: &Item<'_>, policies: &[Policy<'_>]) -> Option<Told> {
    let remaining = item.figure("r")?;
    let policy = policies.iter().find(|policy| policy.name == item.value);
    let name = match item.parameter("pk") {
        Some(key) if key.len() <= 100 => format!("{} {}", item.value, key.trim_matches(':')),
        _ => item.value.to_owned(),
    };
    Some(Told {
        name: name.into(),
        unit: policy.map_or(Unit::Requests, |policy| policy.unit),
        limit: policy.and_then(|policy| policy.quota).filter(|limit| *limit >= remaining),
        remaining: Some(remaining),
        reset: item.figure("t").and_then(bounded),
        window: policy.and_then(|policy| bounded(policy.window?)),
        refill: Refill::AtOnce,
        hides_others: false,
    })
}

/// `limit=100, remaining=50, reset=30`.
fn of_dictionary(elements: &[&str]) -> Option<Told> {
    let value = |name: &str| {
        let mut pairs = elements.iter().filter_map(|element| element.split_once('='));
        figure(pairs.find(|(key, _)| key.trim() == name)?.1)
    };
    let remaining = value("remaining")?;
    Some(Told {
        name: "requests".into(),
        unit: Unit::Requests,
        limit: value("limit").filter(|limit| *limit >= remaining),
        remaining: Some(remaining),
        reset: value("reset").and_then(bounded),
        window: None,
        refill: Refill::AtOnce,
        hides_others: false,
    })
}
