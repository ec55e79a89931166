//! What limited the run, and when.

use std::fmt::Write as _;

use super::course::ROWS;
use super::frame::{Frame, NARROW, View, WIDE};
use super::{charts, clock, html};
use crate::accounts::{LimitedBy, Summary, Timeline, figures};

/// The height of one row.
const ROW: f64 = 26.0;
/// The height of what stands in it.
const BAR: f64 = 18.0;

/// What a limit is called where there is room for a few words.
pub(crate) fn described(limit: LimitedBy) -> &'static str {
    match limit {
        LimitedBy::Rate => "a rate",
        LimitedBy::Budget => "a budget",
        LimitedBy::Concurrency => "concurrency",
        LimitedBy::Server => "the servers",
        LimitedBy::Input => "the input",
        LimitedBy::Consumer => "what takes the responses",
        LimitedBy::Paused => "a pause",
        LimitedBy::Other => "something else",
    }
}

fn short(limit: LimitedBy) -> &'static str {
    match limit {
        LimitedBy::Concurrency => "slots",
        LimitedBy::Consumer => "output",
        limit => limit.name(),
    }
}

pub(crate) fn section(summary: &Summary, timeline: &Timeline) -> String {
    let used: Vec<_> = LimitedBy::ALL
        .into_iter()
        .enumerate()
        .filter(|(_, limit)| summary.limited_seconds.get(limit).is_some_and(|seconds| *seconds > 0.0))
        .collect();
    if used.is_empty() {
        return String::new();
    }
    let mut section = html::open("What limited the run");
    let total: f64 = summary.limited_seconds.values().sum();
    let sums: Vec<_> = used
        .iter()
        .map(|(_, limit)| {
            let seconds = summary.limited_seconds[limit];
            let share = figures::share((seconds * 1000.0) as u64, (total * 1000.0) as u64);
            // The rows of the picture have room for one short word each.
            let name = match limit {
                LimitedBy::Concurrency => "slots (concurrency)",
                LimitedBy::Consumer => "output (what takes the responses)",
                limit => short(*limit),
            };
            format!("{name} {} ({share})", figures::seconds(seconds))
        })
        .collect();
    let mut columns = vec!["from"];
    columns.extend(used.iter().map(|(_, limit)| limit.name()));
    let rows = timeline.merged(ROWS).into_iter().map(|bucket| {
        let mut row = vec![clock::utc(bucket.from)];
        row.extend(used.iter().map(|(place, _)| figures::seconds(bucket.limited_seconds[*place])));
        row
    });
    let table = html::table(&columns, rows);
    let caption = charts::caption(&format!("In all: {}.", sums.join(", ")), timeline.buckets());
    let (wide, narrow) = (picture(timeline, &used, WIDE), picture(timeline, &used, NARROW));
    section.push_str(&html::figure(&wide, &narrow, &caption, &table));
    section + "</section>\n"
}

/// A row for each limit: the darker, the more of the time it was this one.
fn picture(timeline: &Timeline, used: &[(usize, LimitedBy)], view: View) -> String {
    let buckets = timeline.merged(view.buckets);
    let spans = charts::spans(&buckets);
    let height = ROW * used.len() as f64 + 34.0;
    let frame = Frame::new(view, height, timeline.seconds());
    let mut parts = String::new();
    for (row, (place, limit)) in used.iter().enumerate() {
        let y = 10.0 + ROW * row as f64;
        let (left, right) = (frame.left(), frame.right());
        let _ = write!(
            parts,
            "<rect class=\"track\" x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\"/>",
            right - left,
            BAR
        );
        let shares = buckets.iter().map(|bucket| match bucket.seconds {
            seconds if seconds > 0.0 => bucket.limited_seconds[*place] / seconds,
            _ => 0.0,
        });
        let mut paths = [const { String::new() }; 3];
        for (begin, end, level) in same_levels(&spans, shares) {
            // A thick line is the shortest way of writing a bar.
            let (x, width) = (frame.x(begin), frame.x(end) - frame.x(begin));
            let _ = write!(paths[level], "M{x:.1} {}h{width:.1}", y + BAR / 2.0);
        }
        for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            let _ = write!(parts, "<path class=\"limit l{level}\" d=\"{path}\"/>");
        }
        let _ = write!(
            parts,
            "<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            y + 13.0,
            short(*limit)
        );
    }
    charts::resumptions(&frame, &mut parts, &buckets, &spans);
    frame.times(&mut parts);
    frame.svg("What limited the run over its time; the table below has the figures", &parts)
}

/// Buckets that follow each other and are equally dark, as one. Levels go from 0 to 2; what is less than a tenth is none.
fn same_levels(spans: &[(f64, f64)], shares: impl Iterator<Item = f64>) -> Vec<(f64, f64, usize)> {
    let mut runs: Vec<(f64, f64, usize)> = Vec::new();
    for ((begin, end), share) in spans.iter().zip(shares) {
        let level = match share {
            share if share < 0.1 => continue,
            share if share < 0.4 => 0,
            share if share < 0.75 => 1,
            _ => 2,
        };
        match runs.last_mut() {
            Some(last) if last.2 == level && last.1 == *begin => last.1 = *end,
            _ => runs.push((*begin, *end, level)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_that_are_alike_are_one() {
        let spans = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)];
        let runs = same_levels(&spans, [1.0, 0.9, 0.05, 0.5].into_iter());
        assert_eq!(runs, [(0.0, 2.0, 2), (3.0, 4.0, 1)]);
    }
}
