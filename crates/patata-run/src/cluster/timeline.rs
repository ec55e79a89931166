//! The course of a run with many writers: what its parts have written second by second, added up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use crate::accounts::{Tick, Timeline};
use crate::error::RunError;
use crate::journal::files::TIMELINE;
use crate::storage::disk::Disk;

/// The most steps that are added up: those of a longer run are longer.
const STEPS: usize = 20_000;
/// A line that is longer is none that was written here.
const LONGEST_LINE: u64 = 1 << 16;

/// What some of the parts' seconds have in common: when they ended.
#[derive(Default)]
struct Steps {
    /// How many seconds a step has: a power of two.
    width: u64,
    ticks: BTreeMap<u64, Tick>,
}

/// Reads them, and adds them up.
pub(crate) fn merged<'a>(
    disk: &Arc<dyn Disk>,
    parts: impl Iterator<Item = &'a Path>,
) -> Result<Timeline, RunError> {
    let mut steps = Steps { width: 1, ..Steps::default() };
    for part in parts {
        let path = part.join(TIMELINE);
        match disk.open(&path) {
            Ok(file) => steps.read(BufReader::new(file)).map_err(RunError::io("reading", &path))?,
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            Err(cause) => return Err(RunError::io("reading", &path)(cause)),
        }
    }
    let mut timeline = Timeline::default();
    let (mut done, width) = (0, steps.width as f64);
    for mut tick in steps.ticks.into_values() {
        done += tick.responses.total();
        (tick.done, tick.process) = (done, 1);
        tick.seconds = tick.seconds.min(width);
        timeline.add(&tick);
    }
    Ok(timeline)
}

impl Steps {
    fn read(&mut self, mut lines: impl BufRead) -> std::io::Result<()> {
        let mut line = Vec::new();
        while lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
            // One that is torn or makes no sense is passed.
            if let Ok(tick) = serde_json::from_slice::<Tick>(&line) {
                self.add(tick);
            }
            line.clear();
        }
        Ok(())
    }

    fn add(&mut self, tick: Tick) {
        if !(tick.time.is_finite() && tick.time > 0.0) {
            return;
        }
        // A whole number that is small enough for it.
        let step = tick.time as u64 / self.width;
        match self.ticks.get_mut(&step) {
            Some(known) => add(known, tick),
            None => drop(self.ticks.insert(step, tick)),
        }
        while self.ticks.len() > STEPS {
            self.widen();
        }
    }

    /// Makes one step of each two.
    fn widen(&mut self) {
        self.width *= 2;
        for (step, tick) in std::mem::take(&mut self.ticks) {
            match self.ticks.get_mut(&(step / 2)) {
                Some(known) => add(known, tick),
                None => drop(self.ticks.insert(step / 2, tick)),
            }
        }
    }
}

/// Adds what another one says of the same time.
fn add(tick: &mut Tick, other: Tick) {
    let (mine, others) = (tick.responses.total() as f64, other.responses.total() as f64);
    if others > 0.0 {
        let mean = |mine_ms: f64, other_ms: f64| (mine_ms * mine + other_ms * others) / (mine + others);
        tick.p50_ms = mean(tick.p50_ms, other.p50_ms);
        tick.p90_ms = mean(tick.p90_ms, other.p90_ms);
        tick.p99_ms = mean(tick.p99_ms, other.p99_ms);
    }
    if others > mine {
        tick.limited_by = other.limited_by;
        tick.limiting_unit = other.limiting_unit;
        tick.is_limited_by_shared = other.is_limited_by_shared;
    }
    tick.time = tick.time.max(other.time);
    // Side by side or one behind another, which the step bounds.
    tick.seconds += other.seconds;
    tick.responses.merge(&other.responses);
    tick.attempts = tick.attempts.saturating_add(other.attempts);
    tick.bytes = tick.bytes.saturating_add(other.bytes);
    tick.in_flight = tick.in_flight.saturating_add(other.in_flight);
    for (host, count) in other.hosts {
        match tick.hosts.iter_mut().find(|(known, _)| *known == host) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => tick.hosts.push((host, count)),
        }
    }
    for (unit, used) in other.budgets {
        let sum = tick.budgets.entry(unit).or_default();
        sum.used += used.used;
        sum.granted = sum.granted.zip(used.granted).map(|(granted, more)| granted + more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_of_parts_that_worked_side_by_side_are_added_up() {
        let mut steps = Steps { width: 1, ..Steps::default() };
        let line = |time: f64, count: u64| {
            format!(
                "{{\"time\":{time},\"seconds\":1,\"responses\":{{\"2xx\":{count}}},\"p50_ms\":{count},\"in_flight\":2}}\n"
            )
        };
        for lines in [line(100.2, 10) + &line(101.2, 10), line(100.7, 30) + "{\"time\":101.7,\"sec"] {
            steps.read(lines.as_bytes()).unwrap();
        }
        let ticks: Vec<_> = steps.ticks.values().collect();
        assert_eq!(ticks.len(), 2);
        assert_eq!((ticks[0].responses.success, ticks[0].in_flight, ticks[0].p50_ms), (40, 4, 25.0));
        assert_eq!((ticks[1].responses.success, ticks[1].in_flight), (10, 2));
    }

    #[test]
    fn however_long_it_was_there_are_not_more_steps_than_are_kept() {
        let mut steps = Steps { width: 1, ..Steps::default() };
        for second in 1..=3 * STEPS {
            steps.add(Tick { time: second as f64, seconds: 1.0, ..Tick::default() });
        }
        assert!(steps.ticks.len() <= STEPS && steps.width == 4, "{}", steps.ticks.len());
    }
}
