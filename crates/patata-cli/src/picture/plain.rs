//! The run in one line: for a log, or as JSON for a program.

use std::collections::BTreeMap;

use patata_run::{Costs, Tick, figures, limited_by};
use serde::Serialize;

use super::estimate::Scene;
use super::text::harmless;

/// One line for a log.
pub(crate) fn line(scene: &Scene<'_>) -> String {
    let mut parts = vec![progress(scene)];
    if scene.summary.failed > 0 {
        let share = figures::share(scene.now.failed, scene.now.done);
        parts.push(format!("{} failed ({share})", figures::count(scene.now.failed)));
    }
    if scene.is_over {
        let latency = &scene.summary.latency;
        let percentile =
            |percentage| figures::milliseconds(latency.percentile(percentage).as_secs_f64() * 1000.0);
        if latency.count() > 0 {
            parts.push(format!("p50 {}, p99 {}", percentile(50.0), percentile(99.0)));
        }
        if let Some(costs) = scene.summary.costs.told() {
            parts.push(format!("cost {costs}"));
        }
        if let Some(reason) = &scene.summary.stopped {
            parts.push(format!("ended early: {reason}"));
        }
    } else {
        if let Some(tick) = scene.last_with_responses() {
            let (p50, p99) = (figures::milliseconds(tick.p50_ms), figures::milliseconds(tick.p99_ms));
            parts.push(format!("p50 {p50}, p99 {p99}"));
        }
        parts.extend(limited_by(scene.ticks.last().unwrap_or(scene.now)));
    }
    harmless(&parts.join("; "))
}

fn progress(scene: &Scene<'_>) -> String {
    let mut text = match scene.total() {
        Some(total) => {
            let share = figures::share(scene.done(), total);
            format!("{} of {} done ({share})", figures::count(scene.done()), figures::count(total))
        }
        None => format!("{} done", figures::count(scene.done())),
    };
    if scene.is_over {
        let (seconds, average) = (figures::seconds(scene.seconds()), figures::rate(scene.average()));
        text.push_str(&format!(" in {seconds}, {average} on average"));
        return text;
    }
    text.push_str(&format!(", {}", figures::rate(scene.rate())));
    if let Some(left) = scene.seconds_left() {
        text.push_str(&format!(", {} left", figures::seconds(left)));
    }
    text
}

/// What a program is told each second.
#[derive(Serialize)]
struct Report<'a> {
    /// Whether this is the last line.
    over: bool,
    total: Option<u64>,
    skipped: u64,
    /// Requests a second, just now and on average.
    rate: f64,
    average_rate: f64,
    seconds_left: Option<f64>,
    /// What limits the run, as a sentence.
    limit: Option<String>,
    stopped: Option<&'a str>,
    statuses: &'a BTreeMap<u16, u64>,
    errors: &'a BTreeMap<String, u64>,
    /// What was spent so far, by unit.
    #[serde(skip_serializing_if = "Costs::is_empty")]
    costs: &'a Costs,
    #[serde(flatten)]
    tick: &'a Tick,
}

/// One line of JSON: the second that has just ended, and what was worked out of it.
///
/// # Errors
/// None that is known: all that it is made of can be written.
pub(crate) fn json(scene: &Scene<'_>) -> serde_json::Result<String> {
    let last = scene.ticks.last().filter(|_| !scene.is_over);
    let tick = last.unwrap_or(scene.now);
    let rounded = |number: f64| (number * 1000.0).round() / 1000.0;
    serde_json::to_string(&Report {
        over: scene.is_over,
        total: scene.total(),
        skipped: scene.summary.skipped,
        rate: rounded(scene.rate()),
        average_rate: rounded(scene.average()),
        seconds_left: scene.seconds_left().filter(|_| !scene.is_over).map(rounded),
        limit: limited_by(tick).filter(|_| !scene.is_over),
        stopped: scene.summary.stopped.as_deref(),
        statuses: &scene.summary.statuses,
        errors: &scene.summary.errors,
        costs: &scene.summary.costs,
        tick,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Kind, run};
    use super::*;

    #[test]
    fn a_line_for_a_log() {
        let lines = Kind::ALL.map(|kind| format!("{kind:?}: {}", line(&run(kind).scene())));
        insta::assert_snapshot!("plain", lines.join("\n"));
    }

    #[test]
    fn a_line_for_a_program() {
        insta::assert_snapshot!("json", json(&run(Kind::UnderWay).scene()).unwrap());
        let over: serde_json::Value =
            serde_json::from_str(&json(&run(Kind::Stopped).scene()).unwrap()).unwrap();
        assert_eq!((&over["over"], &over["seconds_left"]), (&true.into(), &serde_json::Value::Null));
        assert!(over["stopped"].is_string());
    }
}
