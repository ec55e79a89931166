//! Responses a second over the run, by status.

use std::fmt::Write as _;

use super::frame::{Frame, NARROW, View, WIDE, compact, whole_step};
use super::{charts, clock, html};
use crate::accounts::{Bucket, Timeline, figures};

/// The classes in the order in which they are stacked, from the bottom: what is good carries the rest.
const CLASSES: [&str; 6] = ["s2", "s3", "s4", "s5", "sx", "se"];
/// The rows of a table.
pub(crate) const ROWS: usize = 30;

pub(crate) fn section(timeline: &Timeline) -> String {
    let mut section = html::open("Responses a second");
    if timeline.buckets().is_empty() {
        return section
            + "<p class=\"note\">Not one second of the run has been written down yet.</p>\n</section>\n";
    }
    let rows = timeline.merged(ROWS).into_iter().map(|bucket| {
        let mut row = vec![clock::utc(bucket.from)];
        row.extend(bucket.responses.named().iter().map(|(_, count)| figures::count(*count)));
        row.push(figures::rate(bucket.rate()));
        row
    });
    let table = html::table(&["from", "2xx", "3xx", "4xx", "5xx", "other", "errors", "a second"], rows);
    let caption =
        charts::caption("By class of status, over the time that the run has worked.", timeline.buckets());
    section.push_str(&html::figure(&picture(timeline, WIDE), &picture(timeline, NARROW), &caption, &table));
    section + "</section>\n"
}

fn picture(timeline: &Timeline, view: View) -> String {
    let buckets = timeline.merged(view.buckets);
    let spans = charts::spans(&buckets);
    let frame = Frame::new(view, 240.0, timeline.seconds());
    let largest = buckets.iter().map(Bucket::rate).fold(0.0, f64::max);
    let step = whole_step(largest.max(0.001), 4);
    let top = (largest / step).ceil().max(1.0) * step;
    let mut parts = String::new();
    for line in 0..=(top / step).round() as u32 {
        let rate = f64::from(line) * step;
        frame.line_across(&mut parts, rate / top, &compact(rate));
    }
    // Each is drawn with all below it, the highest first, so that the next one covers all but its own.
    let mut labels = Vec::new();
    for place in (0..CLASSES.len()).rev() {
        let upto = |bucket: &Bucket, classes: usize| {
            let counts = &bucket.responses.named()[..classes];
            bucket.per_second(counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))) / top
        };
        if buckets.iter().all(|bucket| bucket.responses.named()[place].1 == 0) {
            continue;
        }
        let heights: Vec<_> = buckets.iter().map(|bucket| upto(bucket, place + 1)).collect();
        let class = CLASSES[place];
        let _ = write!(parts, "<path class=\"{class}\" d=\"{}\"/>", charts::area(&frame, &spans, &heights));
        if let Some(last) = buckets.last() {
            let middle = f64::midpoint(upto(last, place), upto(last, place + 1));
            labels.push((frame.y(middle), class, last.responses.named()[place].0));
        }
    }
    frame.labels_at_right(&mut parts, labels);
    charts::resumptions(&frame, &mut parts, &buckets, &spans);
    frame.times(&mut parts);
    frame.svg("Responses a second over the run, by class of status; the table below has the figures", &parts)
}
