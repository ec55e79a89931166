//! What has become of a step of a case, and what is wrong with that.

use std::collections::BTreeMap;

use patata::CachedResponse;

use crate::table::{Case, Expect, Step, expected_body};

/// What has become of a request.
#[derive(Debug)]
pub(crate) struct Became {
    pub(crate) how: Expect,
    pub(crate) conditions: BTreeMap<String, String>,
    pub(crate) response: Option<CachedResponse>,
}

/// What is wrong with what has become of a step.
pub(crate) fn faults(steps: &[Step], number: usize, came: &Became) -> Vec<String> {
    let step = &steps[number];
    let mut wrong = Vec::new();
    let is_expected = match step.expect {
        Expect::Asked => matches!(came.how, Expect::Sent | Expect::Validated),
        Expect::Any => true,
        expected => came.how == expected,
    };
    if !is_expected {
        wrong.push(format!("{:?} where {:?} was expected", came.how, step.expect));
    }
    for (name, value) in &step.conditions {
        if came.conditions.get(name) != Some(value) {
            wrong.push(format!("{name} was {:?} and not {value:?}", came.conditions.get(name)));
        }
    }
    let Some(response) = &came.response else {
        if step.body.is_some() || step.gives.is_some() {
            wrong.push("there was no response".into());
        }
        return wrong;
    };
    if let Some(expected) = expected_body(steps, number).filter(|expected| *expected != response.body) {
        wrong.push(format!("the body was {:?} and not {expected:?}", response.body));
    }
    if let Some(status) = step.gives.filter(|status| *status != response.status.as_u16()) {
        wrong.push(format!("the status was {} and not {status}", response.status));
    }
    for (name, expected) in &step.headers {
        let found: Vec<_> = response.headers.get_all(name).collect();
        if !found.iter().copied().eq(expected.iter().map(str::as_bytes)) {
            wrong.push(format!("{name} was {found:?} and not {expected:?}"));
        }
    }
    for name in step.absent.iter().filter(|name| response.headers.get(name).is_some()) {
        wrong.push(format!("{name} was there"));
    }
    wrong
}

/// What is wrong with a case, in a line.
pub(crate) fn complaint(case: &Case, number: usize, wrong: &[String]) -> String {
    let Case { rule, need, says, .. } = case;
    format!("{rule} ({need}) {says}: in step {}, {}", number + 1, wrong.join("; "))
}
