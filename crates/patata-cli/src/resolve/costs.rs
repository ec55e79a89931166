//! What requests cost: by fields of rows before they are sent, and by what responses say of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use patata::{Builder, Response};
use serde_json::Value;

use crate::args::values::Cost;

/// The most members of an answer that are named where the one that was meant is missing.
const NAMED: usize = 10;

/// Where responses say what their requests did cost, and in how many of them it was not to be found.
#[derive(Debug)]
pub(crate) struct Settling(Vec<Settled>);

#[derive(Debug)]
struct Settled {
    cost: Cost,
    found: AtomicU64,
    missed: AtomicU64,
    /// What was there in its place, in the first of them.
    instead: OnceLock<String>,
}

/// Has responses say what their requests did cost.
pub(super) fn settled(builder: Builder, settle: &[Cost]) -> (Builder, Arc<Settling>) {
    let begin = |cost: &Cost| Settled {
        cost: cost.clone(),
        found: AtomicU64::new(0),
        missed: AtomicU64::new(0),
        instead: OnceLock::new(),
    };
    let settling = Arc::new(Settling(settle.iter().map(begin).collect()));
    if settle.is_empty() {
        return (builder, settling);
    }
    let of_client = settling.clone();
    (builder.settle(move |response| of_client.said(response)), settling)
}

impl Settling {
    /// What a response says, as far as it does. One that tells of a failure need say nothing.
    fn said(&self, response: &Response) -> Vec<(String, f64)> {
        let body = response.json::<Value>().ok();
        let amount = |settled: &Settled| {
            let amount = body.as_ref().and_then(|body| within(body, &settled.cost.amount)?.as_f64());
            if amount.is_some() {
                settled.found.fetch_add(1, Relaxed);
            } else if response.status.is_success() {
                settled.missed.fetch_add(1, Relaxed);
                settled.instead.get_or_init(|| members(body.as_ref()));
            }
            Some((settled.cost.unit.clone(), amount?))
        };
        self.0.iter().filter_map(amount).collect()
    }

    /// What is to be told of flags that have found nothing so far, or not everywhere.
    pub(crate) fn misses(&self) -> Vec<String> {
        self.0
            .iter()
            .filter_map(|settled| Some(settled.to_string()).filter(|text| !text.is_empty()))
            .collect()
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(instead) = self.instead.get() else { return Ok(()) };
        let (missed, Cost { unit, amount }) = (self.missed.load(Relaxed), &self.cost);
        let of = match self.found.load(Relaxed) {
            0 => format!("no answer has a number there, of {missed}"),
            found => format!("{missed} of {} answers have no number there", missed + found),
        };
        write!(
            formatter,
            "--settle {unit}={amount}: {of}, and what was estimated stands for them; the first one has {instead}"
        )
    }
}

/// The paths of the numbers in a body, as they could have been meant.
fn members(body: Option<&Value>) -> String {
    let Some(body) = body else { return "no JSON".to_owned() };
    let mut paths = Vec::new();
    add_numbers(body, String::new(), &mut paths);
    match (paths.len(), paths.pop()) {
        (0, _) | (_, None) => "none at all".to_owned(),
        (1, Some(only)) => format!("one at {only}"),
        (_, Some(last)) => format!("some at {} and {last}", paths.join(", ")),
    }
}

fn add_numbers(value: &Value, path: String, paths: &mut Vec<String>) {
    let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        _ if paths.len() == NAMED => {}
        Value::Number(_) => paths.push(path),
        Value::Object(members) => {
            for (name, value) in members {
                add_numbers(value, step(name), paths);
            }
        }
        Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                add_numbers(value, step(&number.to_string()), paths);
            }
        }
        _ => {}
    }
}

/// What is within a value: members by their names, elements by their numbers.
fn within<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_into_objects_and_arrays() {
        let body = serde_json::json!({"usage": {"total": 7, "by": [1, {"n": 2.5}]}, "text": "8"});
        let number = |path| within(&body, path).and_then(Value::as_f64);
        assert_eq!(
            (number("usage.total"), number("usage.by.0"), number("usage.by.1.n")),
            (Some(7.0), Some(1.0), Some(2.5))
        );
        assert_eq!(members(Some(&body)), "some at usage.by.0, usage.by.1.n and usage.total");
        assert_eq!(members(Some(&serde_json::json!({"id": 5}))), "one at id");
        assert_eq!(members(Some(&serde_json::json!(["text"]))), "none at all");
        assert_eq!(members(None), "no JSON");
        for path in ["usage", "usage.by.2", "usage.by.x", "text", "text.0", "nothing", ""] {
            assert_eq!(number(path), None, "{path}");
        }
    }
}
