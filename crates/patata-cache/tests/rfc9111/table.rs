//! The table, as it is read: each case is a course of requests to one server, with what it answers and what is to come of it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

/// A case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The section of RFC 9111, or that of another one.
    pub(crate) rule: String,
    /// How much of a duty it is: `must` where whoever fails breaks a requirement, `should` where something is advised or is the
    /// use of a cache, such as a hit, `may` where it is allowed and left to the cache, as most of what requests say.
    pub(crate) need: String,
    pub(crate) says: String,
    pub(crate) steps: Vec<Step>,
}

/// A request, what the server answers if it is asked, and what is to come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// So many seconds after the step before it.
    #[serde(default)]
    pub(crate) after: u64,
    #[serde(default = "get")]
    pub(crate) method: String,
    #[serde(default = "root")]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) request: Headers,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) response: Headers,
    /// For so many seconds the server keeps the request.
    #[serde(default)]
    pub(crate) takes: u64,
    /// The answer breaks off in its middle.
    #[serde(default)]
    pub(crate) breaks: bool,
    /// What it answers where it is asked once more.
    pub(crate) again: Option<Again>,
    #[serde(default)]
    pub(crate) expect: Expect,
    /// What the server must have been asked with.
    #[serde(default)]
    pub(crate) conditions: BTreeMap<String, String>,
    /// Which step's body the user gets, or `"again"`.
    pub(crate) body: Option<Value>,
    /// Which status the user gets, where it is not that of the answer.
    pub(crate) gives: Option<u16>,
    /// Headers that the user gets.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Lines>,
    /// Headers that the user does not get.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
}

/// A second answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    pub(crate) response: Headers,
}

/// What is to become of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    /// The server is asked, without conditions that the user has not set.
    #[default]
    Sent,
    /// The server is asked, with conditions.
    Validated,
    /// The server is asked, with or without.
    Asked,
    /// The server is asked or not: what the user gets is what counts.
    Any,
    /// The server is not asked, and there is a response.
    Hit,
    /// The server is not asked, and there is none.
    Missing,
}

/// Headers by name, each with one line or several; `null` where there is none that otherwise would be.
pub(crate) type Headers = BTreeMap<String, Option<Lines>>;

/// The lines of a header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Lines {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self {
            Self::One(line) => (Some(line), &[][..]),
            Self::Several(lines) => (None, &lines[..]),
        };
        one.into_iter().chain(several).map(String::as_str)
    }
}

fn get() -> String {
    "GET".into()
}

fn root() -> String {
    "/".into()
}

fn ok() -> u16 {
    200
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

/// The moment at which each case begins, in seconds since 1970.
pub(crate) const BEGIN: u64 = 1_800_000_000;

pub(crate) fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The headers that are sent at a moment: with a `Date`, unless one is stated.
pub(crate) fn lines(headers: &Headers, now: u64) -> Vec<(String, String)> {
    let stated = headers.iter().flat_map(|(name, lines)| {
        let lines = lines.iter().flat_map(Lines::iter);
        lines.map(|line| (name.clone(), dated(line, now))).collect::<Vec<_>>()
    });
    let date = (!headers.contains_key("date")).then(|| ("date".to_owned(), dated("{now}", now)));
    date.into_iter().chain(stated).collect()
}

/// `{now}`, `{now+10}`, `{now-10|asctime}` as dates.
fn dated(line: &str, now: u64) -> String {
    let Some(inner) = line.strip_prefix("{now").and_then(|rest| rest.strip_suffix('}')) else {
        return line.to_owned();
    };
    let (shift, form) = inner.split_once('|').unwrap_or((inner, ""));
    let shift: i64 = if shift.is_empty() { 0 } else { shift.parse().unwrap() };
    let date = httpdate::fmt_http_date(moment(now.checked_add_signed(shift).unwrap()));
    // Such as: Sun, 06 Nov 1994 08:49:37 GMT.
    let parts: Vec<&str> = date.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let [weekday, day, month, year, time, _] = parts[..] else { panic!("{date} is no date") };
    match form {
        "" => date,
        "asctime" => format!("{weekday} {month} {:>2} {time} {year}", day.trim_start_matches('0')),
        "rfc850" => {
            let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
            let weekday = days.iter().find(|day| day.starts_with(weekday)).unwrap();
            format!("{weekday}, {day}-{month}-{} {time} GMT", &year[2..])
        }
        other => panic!("{other} is no form of a date"),
    }
}

/// The body that the server answers a step with.
pub(crate) fn body(steps: &[Step], number: usize) -> String {
    let step = &steps[number];
    let has_none = step.method == "HEAD" || matches!(step.status, 204 | 304);
    if has_none { String::new() } else { format!("body-{}", number + 1) }
}

/// The body that the user is to get of a step, where it is said.
pub(crate) fn expected_body(steps: &[Step], number: usize) -> Option<String> {
    match &steps[number].body {
        Some(Value::String(_)) => Some("again".to_owned()),
        Some(value) => {
            let number = usize::try_from(value.as_u64()?).unwrap();
            Some(body(steps, number - 1))
        }
        None => None,
    }
}
