//! The hosts of the run, each with its course.

use std::fmt::Write as _;

use super::html::{self, escaped, shortened};
use crate::accounts::{Host, Summary, Timeline, figures};

/// Hosts that are shown.
const SHOWN: usize = 20;
/// Bytes that they may take.
const BYTES: usize = 17_000;
/// The buckets of a course.
const BUCKETS: usize = 60;
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

pub(crate) fn section(summary: &Summary, timeline: &Timeline) -> String {
    if summary.hosts.is_empty() {
        return String::new();
    }
    let buckets = timeline.merged(BUCKETS);
    let mut section = html::open("Hosts");
    section.push_str(
        "<div class=\"scroll\"><table class=\"hosts\">\n<thead><tr><th scope=\"col\">host</th><th scope=\"col\">done</th>\
         <th scope=\"col\">failed</th><th scope=\"col\">mean</th><th scope=\"col\">over time</th></tr></thead>\n<tbody>\n",
    );
    let row = |host: &Host| {
        let course = timeline.course_of(&host.host, &buckets).map(|course| sparkline(&course));
        let failed = match host.failed {
            0 => "0".to_owned(),
            failed => format!("{} ({})", figures::count(failed), figures::share(failed, host.done)),
        };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{failed}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(&shortened(&host.host, 100)),
            figures::count(host.done),
            figures::milliseconds(host.mean_ms),
            course.unwrap_or_default()
        )
    };
    let shown = html::fill(&mut section, BYTES, summary.hosts.iter().take(SHOWN).map(row));
    section.push_str("</tbody>\n</table></div>\n");
    html::note_of_more(&mut section, summary.hosts.len() - shown, "host");
    section + "</section>\n"
}

/// Responses a second over the run, from nothing to the host's own most.
fn sparkline(course: &[f64]) -> String {
    let largest = course.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return String::new();
    }
    let step = WIDTH / course.len() as f64;
    let mut path = format!("M0 {HEIGHT}");
    for (place, rate) in course.iter().enumerate() {
        let y = HEIGHT - rate / largest * (HEIGHT - 2.0);
        let _ = write!(path, "V{y:.1}H{:.1}", step * (place + 1) as f64);
    }
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"at most {}\"><path d=\"{path}V{HEIGHT}Z\"/></svg>",
        figures::rate(largest)
    )
}
