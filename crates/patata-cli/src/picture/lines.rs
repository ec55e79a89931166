//! The five lines: what is done, statuses, latency, what is in flight, what limits it.

use patata_run::{figures, limited_by};

use super::estimate::Scene;
use super::mode::Style;
use super::text::{Colour, Line, fitting, narrow};

/// The columns of what a line is about.
const LABEL: usize = 11;
/// The widest bar.
const WIDEST_BAR: usize = 40;
/// The narrowest one that says anything.
const NARROWEST_BAR: usize = 8;
/// The seconds that the sparkline shows.
const SPARKS: usize = 30;

/// Texts that belong together.
type Part = Vec<(Colour, String)>;

/// The picture in lines of at most so many columns.
pub(crate) fn lines(scene: &Scene<'_>, width: usize, style: Style) -> [String; 5] {
    // A character in the last column makes some terminals begin a new line.
    let width = width.saturating_sub(1);
    let all = [
        done(scene, width, style),
        statuses(scene, width),
        latency(scene, width, style),
        in_flight(scene, width),
        limit(scene, width),
    ];
    all.map(|line| line.render(width, style.colour, style.unicode))
}

fn labelled(label: &str) -> Line {
    let mut line = Line::default();
    line.add(Colour::Dim, format!("{label:<LABEL$}"));
    line
}

/// Adds parts with gaps between them for as long as there is room, and tells how many there was none for.
fn add_while_room(line: &mut Line, width: usize, parts: Vec<Part>) -> usize {
    let count = parts.len();
    for (place, part) in parts.into_iter().enumerate() {
        let gap = if place == 0 { 0 } else { 2 };
        let needed: usize = part.iter().map(|(_, text)| text.chars().count()).sum();
        // The first is shown even where it has to be cut.
        if place > 0 && line.width() + gap + needed > width {
            return count - place;
        }
        line.add(Colour::Plain, " ".repeat(gap));
        part.into_iter().for_each(|(colour, text)| line.add(colour, text));
    }
    0
}

fn done(scene: &Scene<'_>, width: usize, style: Style) -> Line {
    let count = match scene.total() {
        Some(total) => format!("{} of {}", figures::count(scene.done()), figures::count(total)),
        None => figures::count(scene.done()),
    };
    let mut after = figures_after(scene);
    let length = |parts: &[String]| parts.iter().map(|part| part.chars().count() + 2).sum::<usize>();
    let room = width.saturating_sub(LABEL + count.chars().count());
    let fits = |parts: &[String]| length(parts) + NARROWEST_BAR + 2 <= room;
    while after.len() > 1 && !fits(&after) {
        // The bar shows the share as well. Else the last ones go first.
        let is_share_enough = after[0].ends_with('%') && fits(&after[1..]);
        after.remove(if is_share_enough { 0 } else { after.len() - 1 });
    }
    let mut line = labelled("done");
    line.add(Colour::Bold, count);
    let bar_room = room.saturating_sub(length(&after) + 2).min(WIDEST_BAR);
    if let Some(total) = scene.total().filter(|_| bar_room >= NARROWEST_BAR) {
        line.add(Colour::Plain, "  ");
        add_bar(&mut line, scene.done(), total, bar_room, style);
    }
    for part in after {
        line.add(Colour::Plain, format!("  {part}"));
    }
    line
}

/// What stands behind the bar, the last ones being those that a person misses least.
fn figures_after(scene: &Scene<'_>) -> Vec<String> {
    let mut after = Vec::new();
    if let Some(total) = scene.total() {
        after.push(figures::share(scene.done(), total));
    }
    let average = format!("{} on average", figures::rate(scene.average()));
    if scene.is_over {
        after.extend([average, format!("in {}", figures::seconds(scene.seconds()))]);
        return after;
    }
    after.push(figures::rate(scene.rate()));
    if let Some(left) = scene.seconds_left() {
        after.push(format!("{} left", figures::seconds(left)));
    }
    after.push(average);
    after
}

fn add_bar(line: &mut Line, done: u64, total: u64, width: usize, style: Style) {
    let share = if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) };
    let full = (share * width as f64).floor() as usize;
    let (filled, empty) = if style.unicode { ("━", "─") } else { ("#", "-") };
    line.add(Colour::Green, filled.repeat(full));
    line.add(Colour::Dim, empty.repeat(width - full));
}

fn statuses(scene: &Scene<'_>, width: usize) -> Line {
    let mut line = labelled("statuses");
    let summary = scene.summary;
    let mut counts: Vec<_> = summary
        .statuses
        .iter()
        .map(|(status, count)| (colour_of(*status), status.to_string(), *count))
        .collect();
    let errors = summary.errors.iter().map(|(kind, count)| (Colour::Red, narrow(kind), *count));
    counts.extend(errors);
    if counts.is_empty() {
        line.add(Colour::Dim, "nothing has come yet");
        return line;
    }
    counts.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    let part =
        |(colour, name, count)| vec![(colour, name), (Colour::Plain, format!(" {}", figures::count(count)))];
    let failed = match summary.failed {
        0 => String::new(),
        failed => format!("  {} failed", figures::count(failed)),
    };
    // Room for saying how many more there are.
    let room = width.saturating_sub(failed.chars().count() + 6);
    let hidden = add_while_room(&mut line, room, counts.into_iter().map(part).collect());
    if hidden > 0 {
        line.add(Colour::Dim, format!("  +{hidden}"));
    }
    if line.width() + failed.chars().count() <= width {
        line.add(Colour::Red, failed);
    }
    line
}

fn colour_of(status: u16) -> Colour {
    match status {
        200..300 => Colour::Green,
        300..400 => Colour::Cyan,
        400..500 => Colour::Yellow,
        500..600 => Colour::Red,
        _ => Colour::Plain,
    }
}

fn latency(scene: &Scene<'_>, width: usize, style: Style) -> Line {
    let mut line = labelled("latency");
    let (p50_ms, p99_ms) = if scene.is_over {
        let percentile = |percentage| scene.summary.latency.percentile(percentage).as_secs_f64() * 1000.0;
        (percentile(50.0), percentile(99.0))
    } else {
        let tick = scene.last_with_responses().unwrap_or(scene.now);
        (tick.p50_ms, tick.p99_ms)
    };
    let parts =
        [("p50", p50_ms), ("p99", p99_ms)].map(|(name, time)| named(name, figures::milliseconds(time)));
    add_while_room(&mut line, width, parts.into());
    let recent = &scene.ticks[scene.ticks.len().saturating_sub(SPARKS)..];
    // A sparkline that jumps about as the figures before it change their length is hard to look at.
    let gap = 38_usize.saturating_sub(line.width()).max(3);
    if recent.len() > 1 && line.width() + gap + recent.len() <= width {
        line.add(Colour::Plain, " ".repeat(gap));
        line.add(Colour::Cyan, sparkline(&recent.iter().map(|tick| tick.p50_ms).collect::<Vec<_>>(), style));
    }
    line
}

/// A row of little bars, from nothing to the largest.
fn sparkline(values: &[f64], style: Style) -> String {
    let marks: &[char] = if style.unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '#']
    };
    let largest = values.iter().copied().fold(0.0, f64::max);
    let mark = |value: &f64| {
        let share = if largest > 0.0 { (value / largest).clamp(0.0, 1.0) } else { 0.0 };
        marks[(share * (marks.len() - 1) as f64).round() as usize]
    };
    values.iter().map(mark).collect()
}

fn in_flight(scene: &Scene<'_>, width: usize) -> Line {
    let mut line = labelled(if scene.is_over { "in all" } else { "in flight" });
    let mut parts = if scene.is_over { Vec::new() } else { limits_now(scene) };
    parts.push(named("attempts", figures::count(scene.now.attempts)));
    parts.push(named("received", figures::bytes(scene.now.bytes)));
    if let Some(costs) = scene.summary.costs.told() {
        parts.push(named("cost", narrow(&costs)));
    }
    add_while_room(&mut line, width, parts);
    line
}

fn named(name: &str, value: String) -> Part {
    vec![(Colour::Dim, format!("{name} ")), (Colour::Plain, narrow(&value))]
}

fn limits_now(scene: &Scene<'_>) -> Vec<Part> {
    let limits = &scene.now.limits;
    let busy = figures::count(scene.now.in_flight as u64);
    let slots = match limits.concurrency {
        Some(most) => format!("{busy} of {}", figures::count(most as u64)),
        None => busy,
    };
    let mut parts = vec![vec![(Colour::Plain, slots)]];
    if limits.concurrency.is_none() && limits.concurrency_per_host.is_none() {
        parts.push(named("concurrency", "auto".to_owned()));
    }
    if let Some(most) = limits.concurrency_per_host {
        parts.push(named("concurrency_per_host", figures::count(most as u64)));
    }
    for (name, rates) in [
        ("rate", &limits.rate),
        ("rate_per_host", &limits.rate_per_host),
        ("budget", &limits.budget),
        ("budget_per_host", &limits.budget_per_host),
    ] {
        if !rates.is_empty() {
            parts.push(named(name, rates.join(", ")));
        }
    }
    parts
}

fn limit(scene: &Scene<'_>, width: usize) -> Line {
    let mut line = Line::default();
    let sentence = if scene.is_over {
        match &scene.summary.stopped {
            Some(reason) => format!("ended early: {reason}"),
            None => "done".to_owned(),
        }
    } else {
        limited_by(shown_second(scene)).unwrap_or_else(|| "what limits it is not known yet".to_owned())
    };
    let colour = match (&scene.summary.stopped, scene.is_over) {
        (Some(_), true) => Colour::Red,
        _ => Colour::Bold,
    };
    line.add(colour, fitting(&narrow(&sentence), width));
    line
}

/// The second that is spoken of: the last whole one, as one that has just begun has no times yet.
fn shown_second<'a>(scene: &Scene<'a>) -> &'a patata_run::Tick {
    let is_same =
        |tick: &&patata_run::Tick| tick.limited_by == scene.now.limited_by && tick.limits == scene.now.limits;
    scene.ticks.last().filter(is_same).unwrap_or(scene.now)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Kind, run};
    use super::*;

    const PLAIN: Style = Style { colour: false, unicode: true };

    fn drawn(kind: Kind, width: usize, style: Style) -> String {
        let run = run(kind);
        lines(&run.scene(), width, style).join("\n")
    }

    #[test]
    fn a_run_under_way() {
        insta::assert_snapshot!("under_way_120", drawn(Kind::UnderWay, 120, PLAIN));
        insta::assert_snapshot!("under_way_80", drawn(Kind::UnderWay, 80, PLAIN));
    }

    #[test]
    fn a_narrow_terminal_has_less_and_nothing_wrapped() {
        insta::assert_snapshot!("under_way_40", drawn(Kind::UnderWay, 40, PLAIN));
        insta::assert_snapshot!("failing_24", drawn(Kind::Failing, 24, PLAIN));
    }

    #[test]
    fn ascii_and_colours() {
        insta::assert_snapshot!(
            "under_way_ascii",
            drawn(Kind::UnderWay, 100, Style { colour: false, unicode: false })
        );
        let coloured = drawn(Kind::UnderWay, 100, Style { colour: true, unicode: true });
        insta::assert_snapshot!("under_way_colours", coloured.replace('\x1b', "ESC"));
    }

    #[test]
    fn other_runs() {
        insta::assert_snapshot!("just_begun", drawn(Kind::JustBegun, 100, PLAIN));
        insta::assert_snapshot!("unknown_total", drawn(Kind::UnknownTotal, 100, PLAIN));
        insta::assert_snapshot!("failing", drawn(Kind::Failing, 100, PLAIN));
        insta::assert_snapshot!("paused", drawn(Kind::Paused, 100, PLAIN));
        insta::assert_snapshot!("over", drawn(Kind::Over, 100, PLAIN));
        insta::assert_snapshot!("stopped", drawn(Kind::Stopped, 100, PLAIN));
    }

    #[test]
    fn no_line_is_too_wide_at_any_width() {
        for kind in Kind::ALL {
            for width in 0..200 {
                for line in drawn(kind, width, PLAIN).lines() {
                    assert!(line.chars().count() < width.max(1), "{kind:?} {width}: {line}");
                }
            }
        }
    }
}
