//! How much of each budget was used over the run, and how much was granted.

use std::fmt::Write as _;

use super::course::ROWS;
use super::frame::{Frame, NARROW, View, WIDE, compact, whole_step};
use super::html::{self, shortened};
use super::{charts, clock};
use crate::accounts::{Bucket, Spell, Timeline, figures};

/// A picture has so many times fewer buckets than others, as there is one for each unit.
const COARSER: usize = 3;

/// The most units that are drawn.
const DRAWN: usize = 3;

/// Characters of a unit's name.
const NAME: usize = 40;

/// Class, label, for which there is room of six letters, and height.
type Line = (&'static str, &'static str, fn(&Spell) -> Option<f64>);
const LINES: [Line; 2] =
    [("granted", "budget", Spell::granted_per_second), ("used", "used", Spell::used_per_second)];

pub(crate) fn section(timeline: &Timeline) -> String {
    let units = timeline.units();
    if units.is_empty() {
        return String::new();
    }
    let mut section = html::open("Budgets, used and granted");
    for (place, unit) in units.iter().enumerate().take(DRAWN) {
        section.push_str(&figure(timeline, place, &shortened(unit, NAME)));
    }
    html::note_of_more(&mut section, units.len().saturating_sub(DRAWN), "budget");
    section + "</section>\n"
}

fn figure(timeline: &Timeline, place: usize, unit: &str) -> String {
    let rows = timeline.merged(ROWS / 2).into_iter().map(|bucket| {
        let spell = bucket.spell(place);
        let told = |amount: Option<f64>| amount.map_or_else(|| "-".to_owned(), figures::rate);
        vec![clock::utc(bucket.from), told(spell.used_per_second()), told(spell.granted_per_second())]
    });
    let table = html::table(&["from", "used", "granted"], rows);
    let caption = charts::caption(&sums(timeline, place, unit), timeline.buckets());
    let (wide, narrow) = (picture(timeline, place, unit, WIDE), picture(timeline, place, unit, NARROW));
    html::figure(&wide, &narrow, &caption, &table)
}

/// What was used in all, and of how much.
fn sums(timeline: &Timeline, place: usize, unit: &str) -> String {
    let mut whole = Spell::default();
    timeline.buckets().iter().for_each(|bucket| whole.add(&bucket.spell(place)));
    let used = figures::number(whole.used);
    if whole.granted > 0.0 {
        let share = whole.used.max(0.0) / whole.granted * 100.0;
        let granted = figures::number(whole.granted);
        format!("{unit} a second. In all {used} used of {granted} granted ({} %).", figures::number(share))
    } else {
        format!("{unit} a second. In all {used} used.")
    }
}

fn picture(timeline: &Timeline, place: usize, unit: &str, view: View) -> String {
    let buckets = timeline.merged(view.buckets / COARSER);
    let spans = charts::spans(&buckets);
    let frame = Frame::new(view, 200.0, timeline.seconds());
    let of = |bucket: &Bucket, (_, _, of): &Line| of(&bucket.spell(place));
    let all = LINES.iter().flat_map(|line| buckets.iter().filter_map(move |bucket| of(bucket, line)));
    let largest = all.fold(0.0, f64::max);
    let step = whole_step(largest.max(0.001), 4);
    let top = (largest / step).ceil().max(1.0) * step;
    let mut parts = String::new();
    for line in 0..=(top / step).round() as u32 {
        let amount = f64::from(line) * step;
        frame.line_across(&mut parts, amount / top, &compact(amount));
    }
    let mut labels = Vec::new();
    for line in &LINES {
        let heights: Vec<_> =
            buckets.iter().map(|bucket| of(bucket, line).map(|amount| amount / top)).collect();
        let path = charts::line(&frame, &spans, &heights);
        if let Some(last) = heights.into_iter().flatten().next_back() {
            let _ = write!(parts, "<path class=\"line {}\" d=\"{path}\"/>", line.0);
            labels.push((frame.y(last), line.0, line.1));
        }
    }
    frame.labels_at_right(&mut parts, labels);
    charts::resumptions(&frame, &mut parts, &buckets, &spans);
    frame.times(&mut parts);
    let label = format!("{unit} used and granted, a second, over the run; the table below has the figures");
    frame.svg(&label, &parts)
}
