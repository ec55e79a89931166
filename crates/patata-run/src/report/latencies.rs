//! How long requests took: over the run, and all together.

use std::fmt::Write as _;

use super::course::ROWS;
use super::frame::{Frame, LETTER, NARROW, View, WIDE};
use super::{charts, clock, html};
use crate::accounts::{Bucket, Histogram, Summary, Timeline, figures};

/// The most columns of a histogram.
const COLUMNS: usize = 60;
/// A column is at least so much wider than the one before it: four of the buckets that times were counted in.
const NARROWEST: f64 = 1.065;

type Percentile = (&'static str, &'static str, fn(&Bucket) -> f64);
const PERCENTILES: [Percentile; 3] = [
    ("p50", "p50", |bucket| bucket.p50_ms),
    ("p90", "p90", |bucket| bucket.p90_ms),
    ("p99", "p99", |bucket| bucket.p99_ms),
];

/// Times on a scale on which ten times as long is always the same step.
#[derive(Debug, Clone, Copy)]
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    /// One that has room for these times, in milliseconds, and ends at round ones.
    fn of(least: f64, most: f64) -> Self {
        let least = round_times(least.max(0.001)).0;
        let most = round_times(most.max(least)).1;
        Self { least, most: if most > least { most } else { least * 2.0 } }
    }

    fn share(self, milliseconds: f64) -> f64 {
        let milliseconds = milliseconds.max(self.least);
        (milliseconds / self.least).ln() / (self.most / self.least).ln()
    }

    /// Round times on it, at most so many.
    fn labels(self, most: usize) -> Vec<f64> {
        let mut all = Vec::new();
        let mut time = self.least;
        while time <= self.most * 1.001 {
            all.push(time);
            time = round_times(time * 1.001).1;
        }
        if all.len() <= most {
            return all;
        }
        let is_power = |time: &f64| (time.log10() - time.log10().round()).abs() < 1e-6;
        let powers: Vec<_> = all.into_iter().filter(is_power).collect();
        let each = powers.len().div_ceil(most).max(1);
        powers.into_iter().step_by(each).collect()
    }
}

/// The largest of 1, 2 and 5 times a power of ten that is not above a time, and the least that is not below it.
fn round_times(milliseconds: f64) -> (f64, f64) {
    let power = 10_f64.powf(milliseconds.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let below = steps.iter().rev().find(|step| **step <= milliseconds * 1.000_001);
    let above = steps.iter().find(|step| **step >= milliseconds * 0.999_999);
    (below.copied().unwrap_or(power), above.copied().unwrap_or(power * 10.0))
}

pub(crate) fn course(timeline: &Timeline) -> String {
    if timeline.buckets().iter().all(|bucket| !has_times(bucket)) {
        return String::new();
    }
    let mut section = html::open("Latency");
    let rows = timeline.merged(ROWS).into_iter().map(|bucket| {
        let mut row = vec![clock::utc(bucket.from)];
        row.extend(PERCENTILES.iter().map(|(_, _, of)| figures::milliseconds(of(&bucket))));
        row.push(figures::count(bucket.in_flight as u64));
        row
    });
    let table = html::table(&["from", "p50", "p90", "p99", "most in flight"], rows);
    let caption = charts::caption(
        "The times within which 50, 90 and 99 % of the requests of a second were done, retries included. \
         The scale is logarithmic.",
        timeline.buckets(),
    );
    let (wide, narrow) = (course_picture(timeline, WIDE), course_picture(timeline, NARROW));
    section.push_str(&html::figure(&wide, &narrow, &caption, &table));
    section + "</section>\n"
}

fn has_times(bucket: &Bucket) -> bool {
    bucket.p99_ms > 0.0
}

fn course_picture(timeline: &Timeline, view: View) -> String {
    let buckets = timeline.merged(view.buckets);
    let spans = charts::spans(&buckets);
    let frame = Frame::new(view, 220.0, timeline.seconds());
    let times = |of: fn(&Bucket) -> f64| buckets.iter().filter(|bucket| has_times(bucket)).map(of);
    let least = times(|bucket| bucket.p50_ms).fold(f64::INFINITY, f64::min);
    let scale = Scale::of(least, times(|bucket| bucket.p99_ms).fold(0.0, f64::max));
    let mut parts = String::new();
    for time in scale.labels(12) {
        frame.line_across(&mut parts, scale.share(time), &figures::milliseconds(time));
    }
    let mut labels = Vec::new();
    for (name, class, of) in PERCENTILES {
        let height = |bucket: &Bucket| has_times(bucket).then(|| scale.share(of(bucket)));
        let heights: Vec<_> = buckets.iter().map(height).collect();
        let path = charts::line(&frame, &spans, &heights);
        let _ = write!(parts, "<path class=\"line {class}\" d=\"{path}\"/>");
        if let Some(last) = heights.into_iter().flatten().next_back() {
            labels.push((frame.y(last), class, name));
        }
    }
    frame.labels_at_right(&mut parts, labels);
    charts::resumptions(&frame, &mut parts, &buckets, &spans);
    frame.times(&mut parts);
    frame.svg("Latency over the run in percentiles; the table below has the figures", &parts)
}

/// How often each time was.
pub(crate) fn histogram(summary: &Summary) -> String {
    let latency = &summary.latency;
    if latency.count() == 0 {
        return String::new();
    }
    let mut section = html::open("How long requests took");
    let rows = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0].into_iter().map(|percentage| {
        let name = if percentage == 100.0 { "the longest".to_owned() } else { format!("{percentage} %") };
        vec![name, figures::milliseconds(milliseconds(latency, percentage))]
    });
    let table = html::table(&["of the requests", "were done within"], rows);
    let caption = format!(
        "{} with their retries; the mean is {}. The scale is logarithmic.",
        figures::counted(latency.count(), "request"),
        figures::milliseconds(latency.mean().as_secs_f64() * 1000.0)
    );
    let (wide, narrow) = (histogram_picture(latency, WIDE), histogram_picture(latency, NARROW));
    section.push_str(&html::figure(&wide, &narrow, &caption, &table));
    section + "</section>\n"
}

fn milliseconds(latency: &Histogram, percentage: f64) -> f64 {
    latency.percentile(percentage).as_secs_f64() * 1000.0
}

fn histogram_picture(latency: &Histogram, view: View) -> String {
    let frame = Frame::new(view, 200.0, 1.0);
    let first = latency.buckets().next().map_or(1, |(first, _, _)| first.max(1));
    let scale = Scale::of(first as f64 / 1000.0, latency.max().as_secs_f64() * 1000.0);
    let columns = columns(latency, scale);
    let largest = columns.iter().copied().max().unwrap_or_default().max(1) as f64;
    let mut parts = String::new();
    frame.line_across(&mut parts, 0.0, "");
    for (place, count) in columns.iter().enumerate().filter(|(_, count)| **count > 0) {
        let at = |place: usize| frame.at(place as f64 / columns.len() as f64);
        // However few there are, they can be seen.
        let height = (*count as f64 / largest).max(0.008) * 0.7;
        let (x, y) = (at(place), frame.y(height));
        let (width, bottom) = ((at(place + 1) - x - 1.0).max(0.5), frame.bottom());
        let _ = write!(
            parts,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            bottom - y
        );
    }
    percentile_marks(&frame, &mut parts, latency, scale);
    let labels = scale.labels(view.labels).into_iter();
    frame.labels_below(
        &mut parts,
        labels.map(|time| (frame.at(scale.share(time)), figures::milliseconds(time))),
    );
    frame.svg("How often each time was; the table below has the figures", &parts)
}

fn columns(latency: &Histogram, scale: Scale) -> Vec<u64> {
    let most = ((scale.most / scale.least).ln() / NARROWEST.ln()).floor() as usize;
    let mut columns = vec![0; most.clamp(1, COLUMNS)];
    for (first, end, count) in latency.buckets() {
        let share = scale.share(f64::midpoint(first as f64, end as f64) / 1000.0);
        let place = (share * columns.len() as f64) as usize;
        let last = columns.len() - 1;
        columns[place.min(last)] += count;
    }
    columns
}

/// Lines at the percentiles, with labels that keep off one another.
fn percentile_marks(frame: &Frame, parts: &mut String, latency: &Histogram, scale: Scale) {
    let mut free = [f64::NEG_INFINITY; 3];
    for (name, percentage) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0)] {
        let time = milliseconds(latency, percentage);
        let x = frame.at(scale.share(time));
        let text = format!("{name} {}", figures::milliseconds(time));
        let width = LETTER * text.len() as f64 + 10.0;
        // A label that would leave the picture stands before its line.
        let (begin, text_x, anchor) =
            if x + width > frame.edge() { (x - width, x - 4.0, "end") } else { (x, x + 4.0, "start") };
        // There are as many rows as labels.
        let row = free.iter().position(|free| begin >= *free).unwrap_or(2);
        let y = frame.y([1.0, 0.91, 0.82][row]);
        let _ = write!(parts, "<path class=\"mark\" d=\"M{x:.1} {y:.1}V{}\"/>", frame.bottom());
        free[row] = begin + width;
        let _ = write!(
            parts,
            "<text class=\"label\" x=\"{text_x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            y + 9.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_round_times() {
        for (least, most, expected) in
            [(12.0, 17.0, (10.0, 20.0)), (10.0, 10.0, (10.0, 20.0)), (0.3, 999.0, (0.2, 1000.0))]
        {
            let scale = Scale::of(least, most);
            assert!(
                (scale.least - expected.0).abs() < 1e-9 && (scale.most - expected.1).abs() < 1e-6,
                "{scale:?}"
            );
            assert_eq!((scale.share(scale.least), scale.share(scale.most)), (0.0, 1.0));
        }
        let labels = Scale::of(0.3, 999.0).labels(4);
        assert!(labels.len() <= 4 && labels.len() >= 2, "{labels:?}");
    }

    #[test]
    fn every_request_is_in_a_column() {
        let mut latency = Histogram::default();
        (0..5000_u64).for_each(|number| latency.record(std::time::Duration::from_micros(number * number)));
        let scale = Scale::of(0.001, latency.max().as_secs_f64() * 1000.0);
        assert_eq!(columns(&latency, scale).iter().sum::<u64>(), 5000);
    }
}
