//! A value of a request, by where it is sent: as a query parameter, or as a member of the JSON body.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::json::{Opened, is_null, opened, shown};
use crate::page::Asked;
use crate::path::JsonPath;

/// Where a value is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// As a query parameter of this name.
    Query(String),
    /// In the JSON of the body.
    Body(JsonPath),
}

impl fmt::Display for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(name) => write!(formatter, "{name:?}"),
            Self::Body(path) => write!(formatter, "{path} of the body"),
        }
    }
}

impl Parameter {
    /// What a request has there, as it is shown.
    pub(crate) fn of(&self, asked: &Asked) -> Result<Option<String>, String> {
        match self {
            Self::Query(name) => {
                let query = parts(&asked.url).1;
                let value = form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name);
                Ok(value.map(|(_, value)| value.into_owned()))
            }
            Self::Body(path) => {
                let Some(body) = body(asked)? else { return Ok(None) };
                let found = path.find(body).filter(|value| !is_null(value));
                Ok(found.map(|value| shown(value).into_owned()))
            }
        }
    }

    /// Has a request send this value there, and no other one.
    ///
    /// # Errors
    /// Where it cannot be sent there.
    pub(crate) fn put(&self, asked: &mut Asked, value: &RawValue) -> Result<(), String> {
        match self {
            Self::Query(name) => {
                if matches!(opened(value), Opened::Object(_) | Opened::List(_)) || is_null(value) {
                    return Err(format!(
                        "{} is nothing that the query parameter {name:?} can be",
                        value.get()
                    ));
                }
                asked.url = with_parameter(&asked.url, name, &shown(value));
            }
            Self::Body(path) => {
                let changed = path.put(body(asked)?, value)?;
                asked.body = Some(Bytes::from(changed.get().to_owned()));
            }
        }
        Ok(())
    }
}

/// The body as a document; `None` where there is none.
fn body(asked: &Asked) -> Result<Option<&RawValue>, String> {
    let none = |_| "the body is no JSON, which the path is in".to_owned();
    asked.body.as_deref().map(serde_json::from_slice).transpose().map_err(none)
}

/// What is before the query, the query, and the fragment with its sign.
fn parts(url: &str) -> (&str, &str, &str) {
    let (whole, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let (before, query) = whole.split_once('?').unwrap_or((whole, ""));
    (before, query, fragment)
}

/// The URL with a value of a parameter, the first of its name. All others stay as they are written.
fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (before, query, fragment) = parts(url);
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let is_it = |pair: &str| {
        let first = form_urlencoded::parse(pair.as_bytes()).next();
        first.is_some_and(|(other, _)| other == name)
    };
    let mut pairs: Vec<Cow<'_, str>> = Vec::new();
    let mut is_there = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if !is_it(pair) {
            pairs.push(pair.into());
        } else if !is_there {
            let written = pair.split('=').next().unwrap_or_default();
            pairs.push(format!("{written}={}", encoded(value)).into());
            is_there = true;
        }
    }
    if !is_there {
        pairs.push(format!("{}={}", encoded(name), encoded(value)).into());
    }
    format!("{before}?{}{fragment}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::raw;

    fn put(
        parameter: &Parameter,
        url: &str,
        body: Option<&'static str>,
        value: &str,
    ) -> Result<Asked, String> {
        let mut asked = Asked::new(url, body.map(Bytes::from));
        parameter.put(&mut asked, &raw(value.to_owned())).map(|()| asked)
    }

    #[test]
    fn a_query_parameter_takes_the_place_of_its_like_and_all_others_stay_as_they_are_written() {
        let after = Parameter::Query("a b".to_owned());
        for (url, value, expected) in [
            ("http://h/", "\"x y\"", "http://h/?a+b=x+y"),
            ("http://h/?q=%41%2F#f", "7", "http://h/?q=%41%2F&a+b=7#f"),
            ("http://h/?a%20b=1&q&a+b=2", "1.10", "http://h/?a%20b=1.10&q"),
            ("http://h/?q=1&", "true", "http://h/?q=1&a+b=true"),
            ("http://h/?q", "\"\"", "http://h/?q&a+b="),
        ] {
            assert_eq!(put(&after, url, None, value).unwrap().url, expected);
        }
        for value in ["{}", "[1]", "null"] {
            assert!(put(&after, "http://h/", None, value).unwrap_err().contains("is nothing that the query"));
        }
    }

    #[test]
    fn a_value_may_go_into_the_body() {
        let after = Parameter::Body("search.after".parse().unwrap());
        let made = put(&after, "http://h/", Some(r#"{"size":2}"#), "[1,\"a\"]").unwrap();
        assert_eq!(made.body.as_deref(), Some(&br#"{"size":2,"search":{"after":[1,"a"]}}"#[..]));
        assert_eq!(after.of(&made).unwrap().as_deref(), Some("[1,\"a\"]"));
        assert!(put(&after, "http://h/", Some("a=1"), "1").unwrap_err().contains("the body is no JSON"));
    }

    proptest! {
        #[test]
        fn what_is_put_into_a_query_is_found_there(query in "[a-c&=%+?]{0,12}", name in "[a-c ]{1,2}", value in "\\PC{0,8}") {
            let parameter = Parameter::Query(name);
            let url = format!("http://h/?{query}#x");
            let made = put(&parameter, &url, None, &crate::json::quoted(&value)).unwrap();
            prop_assert_eq!(parameter.of(&made).unwrap(), Some(value));
            prop_assert!(made.url.ends_with("#x"));
        }
    }
}
