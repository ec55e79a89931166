//! What a JSONL row says of its own request, on top of the template.

use base64::Engine as _;
use patata::Body;

use crate::input::json;
use crate::input::row::{Row, Value};

use super::JSON;

/// Names and values; `None` for what is left out.
pub(super) type Pairs = Vec<(String, Option<String>)>;

/// What a row says of a part of its request, if it does: `null` says nothing.
pub(super) fn part<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    match row.own(name)? {
        Value::Json(raw) if raw != "null" => Some(raw),
        _ => None,
    }
}

/// A text that a row says, if it does.
pub(super) fn text(row: &Row, name: &'static str) -> Result<Option<String>, String> {
    match part(row, name) {
        None => Ok(None),
        Some(raw) if raw.starts_with('"') => json::as_text(raw).map(|text| Some(text.into_owned())),
        Some(_) => Err(format!("{name:?} is no text; write it within quotes")),
    }
}

/// An object of texts, numbers, and arrays of them, which give several of one name.
pub(super) fn pairs(row: &Row, name: &'static str) -> Result<Option<Pairs>, String> {
    let Some(raw) = part(row, name) else { return Ok(None) };
    let mut members = Vec::new();
    json::each_member(raw, |member, value| members.push((member.into_owned(), value)))
        .map_err(|_| format!("{name:?} is no object of names and values, as {{\"a\": \"b\"}} is"))?;
    let mut pairs = Vec::new();
    for (member, value) in members {
        let values = match value.starts_with('[') {
            true => json::elements(value).unwrap_or_default(),
            false => vec![value],
        };
        for value in values {
            if value.starts_with(['{', '[']) {
                return Err(format!("{name:?} has for {member:?} what is no text; write it as one"));
            }
            let value = if value == "null" { None } else { Some(json::as_text(value)?.into_owned()) };
            pairs.push((member.clone(), value));
        }
    }
    Ok(Some(pairs))
}

/// The body, if the row says one.
pub(super) fn body(row: &Row) -> Result<Option<Body>, String> {
    let said: Vec<_> =
        ["json", "form", "content"].into_iter().filter(|name| part(row, name).is_some()).collect();
    if let [one, other, ..] = said[..] {
        return Err(format!(
            "{one:?} and {other:?} are both given, and a request has one body; remove one of them"
        ));
    }
    if let Some(raw) = part(row, "json") {
        return Ok(Some(Body::from(raw.to_owned()).with_media_type(JSON)));
    }
    if let Some(pairs) = pairs(row, "form")? {
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        return Ok(Some(Body::form(pairs)));
    }
    content(row)
}

/// A text, or bytes as `{"base64": "…"}`, as responses have them.
fn content(row: &Row) -> Result<Option<Body>, String> {
    let packed = part(row, "content").and_then(|raw| json::member(raw, "base64"));
    let Some(packed) = packed else { return Ok(text(row, "content")?.map(Body::from)) };
    let packed = json::as_text(packed)?;
    match base64::engine::general_purpose::STANDARD.decode(&*packed) {
        Ok(bytes) => Ok(Some(Body::from(bytes))),
        Err(cause) => Err(format!("\"content\" is no base64: {cause}")),
    }
}
