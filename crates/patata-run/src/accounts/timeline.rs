//! A timeline of any length, read into a few hundred buckets.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read};

use super::tick::{Classes, LimitedBy, Tick};
use super::uses::Use;

/// The most buckets that it has, whatever the length of the run.
const BUCKETS: usize = 300;
/// The most hosts whose course is kept.
const HOSTS: usize = 100;
/// The most units whose course is kept.
const UNITS: usize = 20;
/// The most of a unit that is believed to be used in a second.
const LARGEST_USE: f64 = 1e15;
/// A line that is longer is none that was written here.
const LONGEST_LINE: u64 = 1 << 16;
/// The longest second that is believed.
const LONGEST_TICK: f64 = 3600.0;

/// The longest time of a request that is believed, in milliseconds: twelve days.
const LONGEST_MS: f64 = 1e9;
/// In less than so many seconds nothing is said of what comes in a second.
const SHORTEST: f64 = 0.001;

/// What a file says, within bounds.
fn believed(number: f64, most: f64) -> f64 {
    if number.is_finite() { number.clamp(0.0, most) } else { 0.0 }
}

/// A part of the run, one second long or longer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Bucket {
    /// When it began, in seconds since 1970.
    pub(crate) from: f64,
    /// When it ended.
    pub(crate) to: f64,
    /// For how long processes worked in it; less than from begin to end where one had died meanwhile.
    pub(crate) seconds: f64,
    pub(crate) responses: Classes,
    /// Times in milliseconds: means of those of each second, by how much came in it.
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) in_flight: usize,
    pub(crate) limited_seconds: [f64; LimitedBy::ALL.len()],
    /// Whether another process began in it.
    pub(crate) is_resumed: bool,
    /// What came from each of the hosts that the timeline knows, by their places there.
    hosts: HashMap<usize, u64>,
    /// What was used and granted of each of the units that the timeline knows, likewise.
    uses: BTreeMap<usize, Spell>,
}

/// What was used and granted of a unit in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spell {
    pub(crate) used: f64,
    /// For how long there was a budget.
    pub(crate) seconds: f64,
    pub(crate) granted: f64,
    /// For how long it was known what was granted.
    pub(crate) granted_seconds: f64,
}

impl Spell {
    fn of_second(used: &Use, seconds: f64) -> Self {
        let granted = used.granted.map(|granted| believed(granted, LARGEST_USE));
        // More may be given back than was used.
        let used = if used.used < 0.0 {
            -believed(-used.used, LARGEST_USE)
        } else {
            believed(used.used, LARGEST_USE)
        };
        let granted_seconds = if granted.is_some() { seconds } else { 0.0 };
        Self { used, seconds, granted: granted.unwrap_or_default(), granted_seconds }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.used += other.used;
        self.seconds += other.seconds;
        self.granted += other.granted;
        self.granted_seconds += other.granted_seconds;
    }

    /// How much was used, a second.
    pub(crate) fn used_per_second(&self) -> Option<f64> {
        (self.seconds >= SHORTEST).then(|| (self.used / self.seconds).max(0.0))
    }

    /// How much was granted, a second; `None` where that is not known.
    pub(crate) fn granted_per_second(&self) -> Option<f64> {
        (self.granted_seconds >= SHORTEST).then(|| self.granted / self.granted_seconds)
    }
}

impl Bucket {
    /// Requests that ended, a second.
    pub(crate) fn rate(&self) -> f64 {
        self.per_second(self.responses.total())
    }

    pub(crate) fn per_second(&self, count: u64) -> f64 {
        if self.seconds >= SHORTEST { count as f64 / self.seconds } else { 0.0 }
    }

    fn from_tick(tick: &Tick) -> Self {
        let seconds = believed(tick.seconds, LONGEST_TICK);
        let mut limited_seconds = [0.0; LimitedBy::ALL.len()];
        let place = tick.limited_by.and_then(|by| LimitedBy::ALL.iter().position(|known| *known == by));
        if let Some(place) = place {
            limited_seconds[place] = seconds;
        }
        Self {
            from: tick.time - seconds,
            to: tick.time,
            seconds,
            responses: tick.responses,
            p50_ms: believed(tick.p50_ms, LONGEST_MS),
            p90_ms: believed(tick.p90_ms, LONGEST_MS),
            p99_ms: believed(tick.p99_ms, LONGEST_MS),
            in_flight: tick.in_flight,
            limited_seconds,
            is_resumed: false,
            hosts: HashMap::new(),
            uses: BTreeMap::new(),
        }
    }

    /// Adds what came next.
    fn append(&mut self, next: &Self) {
        let (mine, others) = (self.responses.total() as f64, next.responses.total() as f64);
        if others > 0.0 {
            let mean = |mine_ms: f64, other_ms: f64| (mine_ms * mine + other_ms * others) / (mine + others);
            self.p50_ms = mean(self.p50_ms, next.p50_ms);
            self.p90_ms = mean(self.p90_ms, next.p90_ms);
            self.p99_ms = mean(self.p99_ms, next.p99_ms);
        }
        self.to = next.to;
        self.seconds += next.seconds;
        self.responses.merge(&next.responses);
        self.in_flight = self.in_flight.max(next.in_flight);
        for (seconds, more) in self.limited_seconds.iter_mut().zip(next.limited_seconds) {
            *seconds += more;
        }
        self.is_resumed |= next.is_resumed;
        for (place, count) in &next.hosts {
            let sum = self.hosts.entry(*place).or_default();
            *sum = sum.saturating_add(*count);
        }
        for (place, spell) in &next.uses {
            self.uses.entry(*place).or_default().add(spell);
        }
    }

    /// What was used and granted of the unit at a place of the timeline's.
    pub(crate) fn spell(&self, unit: usize) -> Spell {
        self.uses.get(&unit).copied().unwrap_or_default()
    }
}

/// The place of a name among those that are known; it becomes one of them where there are not so many yet.
fn place(known: &mut Vec<String>, name: &str, most: usize) -> Option<usize> {
    let found = known.iter().position(|known| known == name);
    found.or_else(|| {
        (known.len() < most).then(|| {
            known.push(name.to_owned());
            known.len() - 1
        })
    })
}

/// The course of a run in at most 300 buckets, however long it was: memory is flat.
///
/// ```
/// use patata_run::Timeline;
///
/// let lines = "{\"time\":1,\"seconds\":1}\n{\"time\":2,\"seconds\":1}\n{\"time\":3,\"sec";
/// let timeline = Timeline::read(lines.as_bytes())?;
/// assert_eq!((timeline.seconds(), timeline.skipped_lines()), (2.0, 1));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    buckets: Vec<Bucket>,
    /// A bucket is full once it is so many seconds long; grows by doubling.
    width: f64,
    hosts: Vec<String>,
    /// Units that there are budgets of.
    units: Vec<String>,
    process: u32,
    skipped_lines: u64,
}

impl Timeline {
    /// Reads the lines that [`Tick`]s were written as. A line that is torn or makes no sense is skipped, and counted.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(mut lines: impl BufRead) -> io::Result<Self> {
        let mut timeline = Self::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(timeline);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice::<Tick>(&line) {
                Ok(tick) => timeline.add(&tick),
                Err(_) => timeline.skipped_lines += 1,
            }
            if line.last() != Some(&b'\n') {
                lines.skip_until(b'\n')?;
            }
        }
    }

    /// Adds a second.
    pub fn add(&mut self, tick: &Tick) {
        let mut new = Bucket::from_tick(tick);
        new.is_resumed = self.process != 0 && tick.process != self.process;
        self.process = tick.process;
        for (host, count) in &tick.hosts {
            if let Some(place) = place(&mut self.hosts, host, HOSTS) {
                let sum = new.hosts.entry(place).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        for (unit, used) in &tick.budgets {
            if let Some(place) = place(&mut self.units, unit, UNITS) {
                new.uses.insert(place, Spell::of_second(used, new.seconds));
            }
        }
        let has_room =
            |last: &&mut Bucket| last.seconds + new.seconds / 2.0 < self.width || new.seconds == 0.0;
        if let Some(last) = self.buckets.last_mut().filter(has_room) {
            last.append(&new);
            return;
        }
        if self.buckets.len() == BUCKETS {
            self.halve();
        }
        self.buckets.push(new);
    }

    /// Makes one bucket of each two.
    fn halve(&mut self) {
        let longest = self.buckets.iter().map(|bucket| bucket.seconds).sum::<f64>() / BUCKETS as f64;
        self.width = self.width.max(longest) * 2.0;
        self.buckets = self.merged(BUCKETS / 2);
    }

    /// Its buckets, merged evenly until there are at most so many.
    pub(crate) fn merged(&self, most: usize) -> Vec<Bucket> {
        let each = self.buckets.len().div_ceil(most.max(1)).max(1);
        let merge = |buckets: &[Bucket]| {
            let mut merged = buckets[0].clone();
            buckets[1..].iter().for_each(|bucket| merged.append(bucket));
            merged
        };
        self.buckets.chunks(each).map(merge).collect()
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How much came from a host in each of some of its buckets, a second; `None` where it was never among the busiest.
    pub(crate) fn course_of(&self, host: &str, buckets: &[Bucket]) -> Option<Vec<f64>> {
        let place = self.hosts.iter().position(|known| known == host)?;
        let count = |bucket: &Bucket| bucket.hosts.get(&place).copied().unwrap_or_default();
        Some(buckets.iter().map(|bucket| bucket.per_second(count(bucket))).collect())
    }

    /// The units that there were budgets of: a bucket knows them by their places.
    pub(crate) fn units(&self) -> &[String] {
        &self.units
    }

    /// When it begins and ends, in seconds since 1970; `None` for an empty one.
    pub(crate) fn extent(&self) -> Option<(f64, f64)> {
        Some((self.buckets.first()?.from, self.buckets.last()?.to))
    }

    /// For how long processes worked.
    pub fn seconds(&self) -> f64 {
        self.buckets.iter().map(|bucket| bucket.seconds).sum()
    }

    /// Lines that were torn or made no sense.
    pub fn skipped_lines(&self) -> u64 {
        self.skipped_lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(time: u32) -> Tick {
        Tick {
            time: f64::from(time),
            seconds: 1.0,
            process: 1,
            responses: Classes { success: 10, errors: 1, ..Classes::default() },
            p50_ms: 12.0,
            p99_ms: 20.0,
            limited_by: Some(LimitedBy::Rate),
            hosts: vec![("a".to_owned(), 7), ("b".to_owned(), 4)],
            ..Tick::default()
        }
    }

    fn read(ticks: impl Iterator<Item = Tick>) -> Timeline {
        let lines: String = ticks.map(|tick| serde_json::to_string(&tick).unwrap() + "\n").collect();
        Timeline::read(lines.as_bytes()).unwrap()
    }

    #[test]
    fn a_short_run_has_a_bucket_a_second() {
        let timeline = read((1..=300).map(second));
        assert_eq!((timeline.buckets().len(), timeline.seconds()), (300, 300.0));
        assert_eq!(timeline.buckets()[7], Bucket { from: 7.0, to: 8.0, ..timeline.buckets()[0].clone() });
    }

    #[test]
    fn a_run_of_any_length_has_hundreds_of_buckets_and_nothing_is_lost() {
        for seconds in [301, 1000, 12_345, 100_000] {
            let mut timeline = Timeline::default();
            (1..=seconds).for_each(|time| timeline.add(&second(time)));
            let buckets = timeline.buckets();
            assert!((150..=300).contains(&buckets.len()), "{seconds}: {}", buckets.len());
            let total: u64 = buckets.iter().map(|bucket| bucket.responses.total()).sum();
            assert_eq!(total, 11 * u64::from(seconds));
            assert_eq!(timeline.seconds(), f64::from(seconds));
            assert!(buckets.iter().all(|bucket| (bucket.rate() - 11.0).abs() < 1e-9));
            assert!(buckets.iter().all(|bucket| (bucket.p99_ms - 20.0).abs() < 1e-9));
            assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from));
            let courses = timeline.course_of("b", &timeline.merged(40)).unwrap();
            assert!(courses.iter().all(|rate| (rate - 4.0).abs() < 1e-9));
        }
    }

    #[test]
    fn where_another_process_went_on_is_marked() {
        let later = |time| Tick { process: 2, ..second(time) };
        let timeline = read((1..=3).map(second).chain((5000..5003).map(later)));
        let marks: Vec<_> = timeline.buckets().iter().map(|bucket| bucket.is_resumed).collect();
        assert_eq!(marks, [false, false, false, true, false, false]);
        assert_eq!(timeline.seconds(), 6.0, "the time in between is not of the run");
    }

    #[test]
    fn what_was_used_and_granted_is_summed_by_unit_and_lines_without_it_read_as_before() {
        let of_tokens = |used, granted| Tick {
            budgets: [("tokens".to_owned(), Use { used, granted })].into(),
            ..second(1)
        };
        let ticks = (0..1000).map(|number| match number % 4 {
            0 => of_tokens(120.0, Some(100.0)),
            1 => of_tokens(-20.0, Some(100.0)),
            2 => of_tokens(40.0, None),
            _ => second(1),
        });
        let timeline = read(ticks);
        assert_eq!(timeline.units(), ["tokens"]);
        let whole = &timeline.merged(1)[0];
        let expected = Spell { used: 35_000.0, seconds: 750.0, granted: 50_000.0, granted_seconds: 500.0 };
        assert_eq!(whole.spell(0), expected);
        assert_eq!(whole.spell(0).granted_per_second(), Some(100.0));
        assert_eq!(read((1..=3).map(second)).merged(1)[0].spell(0), Spell::default());
    }

    #[test]
    fn torn_and_endless_lines_are_skipped_and_counted() {
        let good = serde_json::to_string(&second(1)).unwrap();
        let endless = "x".repeat(200_000);
        let text = format!("{good}\n\n{endless}\n{good}\n{}", &good[..good.len() / 2]);
        let timeline = Timeline::read(text.as_bytes()).unwrap();
        assert_eq!((timeline.seconds(), timeline.skipped_lines()), (2.0, 2));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,200}", seconds in prop::num::f64::ANY) {
            let mut timeline = Timeline::read(text.as_bytes()).unwrap();
            timeline.add(&Tick { seconds, ..second(1) });
            prop_assert!((0.0..=7200.0).contains(&timeline.seconds()));
        }
    }
}
