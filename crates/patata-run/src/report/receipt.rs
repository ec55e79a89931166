//! The sum of the run, and its six figures.

use std::fmt::Write as _;

use super::html::escaped;
use crate::accounts::{Summary, Timeline, figures};

/// What was taken in and what became of it, as a sum that must come out.
pub(crate) fn receipt(summary: &Summary) -> String {
    let known = [summary.failed, summary.cancelled, summary.skipped]
        .iter()
        .fold(summary.ok, |sum, count| sum.saturating_add(*count));
    let outstanding = summary.submitted.saturating_sub(known);
    let mut terms = vec![
        ("ok", summary.ok),
        ("failed", summary.failed),
        ("cancelled", summary.cancelled),
        ("skipped", summary.skipped),
    ];
    if summary.ended.is_none() {
        terms.push(("under way", outstanding));
    }
    let mut section = "<section class=\"receipt\" aria-label=\"Receipt\">\n<p class=\"sum\">".to_owned();
    let term = |section: &mut String, class: &str, count: u64, name: &str| {
        let _ =
            write!(section, "<span class=\"term {class}\"><b>{}</b> {name}</span> ", figures::count(count));
    };
    term(&mut section, "", summary.submitted, "submitted");
    for (place, (name, count)) in terms.iter().enumerate() {
        let sign = if place == 0 { "=" } else { "+" };
        let _ = write!(section, "<span class=\"sign\">{sign}</span> ");
        let class = match (*name, *count) {
            (_, 0) => "none",
            ("ok", _) => "good",
            ("failed", _) => "bad",
            _ => "",
        };
        term(&mut section, class, *count, name);
    }
    section.push_str("</p>\n");
    let notes = escaped(&notes(summary, known)).to_string();
    let _ = writeln!(section, "<p class=\"note\">{notes}</p>\n</section>");
    section
}

fn notes(summary: &Summary, known: u64) -> String {
    let sum = if summary.ended.is_none() && known <= summary.submitted {
        "The run is under way; the sum is that of this moment.".to_owned()
    } else if known == summary.submitted {
        "The sum comes out: every request is accounted for.".to_owned()
    } else {
        format!(
            "The sum does not come out: {} too many or missing.",
            figures::count(known.abs_diff(summary.submitted))
        )
    };
    let mut notes = vec![sum];
    if let Some(costs) = summary.costs.told() {
        notes.push(format!("Cost: {costs}."));
    }
    if summary.unsent > 0 {
        notes.push(format!("{} never sent.", was(summary.unsent)));
    }
    if summary.unknown > 0 {
        notes.push(format!("{} sent, and no answer is known.", was(summary.unknown)));
    }
    let left = summary.total.map_or(0, |total| total.saturating_sub(summary.submitted));
    if left > 0 {
        notes.push(format!("{} of the input not taken so far.", figures::count(left)));
    }
    notes.join(" ")
}

fn was(count: u64) -> String {
    format!("{} {}", figures::counted(count, "request"), if count == 1 { "was" } else { "were" })
}

/// Six figures that say most of it.
pub(crate) fn tiles(summary: &Summary, timeline: &Timeline) -> String {
    let done = summary.done();
    let of_total = match summary.total {
        Some(total) if total > 0 => {
            let share = figures::share(done.saturating_add(summary.skipped), total);
            format!("{share} of {}", figures::count(total))
        }
        _ => "of an input that was not counted".to_owned(),
    };
    let time =
        |percentage| figures::milliseconds(summary.latency.percentile(percentage).as_secs_f64() * 1000.0);
    let peak = timeline.buckets().iter().map(crate::accounts::Bucket::rate).fold(0.0, f64::max);
    let attempts = if done > 0 { summary.attempts as f64 / done as f64 } else { 0.0 };
    let attempts_each = match figures::number(attempts).as_str() {
        "1" => "1 attempt each".to_owned(),
        number => format!("{number} attempts each"),
    };
    let processes = match summary.processes {
        0 | 1 => "in 1 process".to_owned(),
        more => format!("in {} processes", figures::count(more.into())),
    };
    let tiles = [
        ("done", figures::count(done), of_total),
        ("ok", figures::share(summary.ok, done), format!("{} failed", figures::count(summary.failed))),
        ("time", figures::seconds(summary.seconds), processes),
        (
            "rate",
            figures::rate(summary.rate()),
            format!("at most {}", figures::rate(peak.max(summary.rate()))),
        ),
        ("latency, p50", time(50.0), format!("p99 {}", time(99.0))),
        ("received", figures::bytes(summary.bytes), attempts_each),
    ];
    let mut section = "<section class=\"tiles\" aria-label=\"Figures\">\n".to_owned();
    for (name, figure, detail) in tiles {
        let class = if figure.len() > 11 { "tile long" } else { "tile" };
        let _ = writeln!(
            section,
            "<div class=\"{class}\"><span>{name}</span><b>{}</b><span>{}</span></div>",
            escaped(&figure),
            escaped(&detail)
        );
    }
    section + "</section>\n"
}
