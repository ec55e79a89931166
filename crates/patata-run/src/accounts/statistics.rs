//! The accounts of a run as they come: one note for each response, one tick for each second.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clusters::Clusters;
use super::costs::Costs;
use super::histogram::{Histogram, milliseconds};
use super::hosts::Hosts;
use super::summary::Summary;
use super::tick::{Classes, LimitedBy, LimitsNow, Tick};
use super::uses::Meters;
use crate::Id;

/// The hosts that a tick names.
const BUSIEST: usize = 5;
/// The kinds of errors that are told apart.
const KINDS: usize = 64;
/// One more than the largest status.
const STATUSES: usize = 1000;

/// How one request ended.
#[derive(Debug, Clone, Copy)]
pub struct Noted<'a> {
    /// The status that it was answered with.
    pub status: Option<u16>,
    /// The kind of error that it ended in; such a request counts as an error even where there is a status.
    pub kind: Option<&'a str>,
    /// The error's message.
    pub message: Option<&'a str>,
    /// Whether it is a success.
    pub ok: bool,
    /// The host that it was for.
    pub host: &'a str,
    /// How long it took, all attempts together.
    pub elapsed: Duration,
    /// Attempts made; where there are none, its time does not count.
    pub attempts: u32,
    /// Bytes of its body.
    pub bytes: u64,
    /// Its id.
    pub id: &'a Id,
}

impl Default for Noted<'_> {
    fn default() -> Self {
        Self {
            status: None,
            kind: None,
            message: None,
            ok: false,
            host: "",
            elapsed: Duration::ZERO,
            attempts: 0,
            bytes: 0,
            id: &Id::None,
        }
    }
}

/// The accounts of a run, as they come.
///
/// ```
/// use patata_run::{Id, LimitsNow, Noted, Statistics};
///
/// let mut statistics = Statistics::new(1_700_000_000.0);
/// let noted = Noted { status: Some(200), ok: true, host: "a.example", attempts: 1, ..Noted::default() };
/// statistics.note(&noted);
/// let tick = statistics.tick(1_700_000_001.0, None, &LimitsNow::default());
/// assert_eq!((tick.done, tick.responses.success, tick.rate()), (1, 1, 1.0));
/// assert_eq!(statistics.summary().statuses[&200], 1);
/// ```
#[derive(Debug)]
pub struct Statistics {
    started: f64,
    /// When the last tick was.
    now: f64,
    seconds: f64,
    process: u32,
    before: Counts,
    /// What came since the last tick, and is not in `before`.
    interval: Counts,
    hosts: Hosts,
    clusters: Clusters,
    /// What earlier processes have spent, and this one.
    costs_before: Costs,
    costs: Costs,
    /// What was used and granted of budgets by the last tick.
    meters: Meters,
    limited_seconds: BTreeMap<LimitedBy, f64>,
    limiting_budgets: BTreeMap<String, f64>,
}

impl Statistics {
    /// The accounts of a run that begins now, in seconds since 1970.
    pub fn new(now: f64) -> Self {
        Self {
            started: now,
            now,
            seconds: 0.0,
            process: 1,
            before: Counts::default(),
            interval: Counts::default(),
            hosts: Hosts::default(),
            clusters: Clusters::default(),
            costs_before: Costs::default(),
            costs: Costs::default(),
            meters: Meters::default(),
            limited_seconds: BTreeMap::new(),
            limiting_budgets: BTreeMap::new(),
        }
    }

    /// Goes on from what earlier processes have done at this run.
    pub fn from_summary(summary: &Summary, now: f64) -> Self {
        Self {
            started: summary.started,
            now,
            seconds: summary.seconds,
            process: summary.processes.saturating_add(1),
            before: Counts::from_summary(summary),
            interval: Counts::default(),
            hosts: Hosts::from_list(&summary.hosts),
            clusters: Clusters::from_list(&summary.clusters, summary.other_failures),
            costs_before: summary.costs.clone(),
            costs: Costs::default(),
            meters: Meters::default(),
            limited_seconds: summary.limited_seconds.clone(),
            limiting_budgets: summary.limiting_budgets.clone(),
        }
    }

    /// Adds what others have counted at the same run, who worked beside this one. How long they have worked together is for the
    /// caller to say.
    pub(crate) fn merge(&mut self, summary: &Summary) {
        self.before.merge(&Counts::from_summary(summary));
        self.hosts = Hosts::from_list(&[self.hosts.list(), summary.hosts.clone()].concat());
        self.clusters.merge(&summary.clusters, summary.other_failures);
        self.costs_before.add(&summary.costs);
        (self.started, self.now) = (self.started.min(summary.started), self.now.max(summary.time));
        for (limited_by, seconds) in &summary.limited_seconds {
            *self.limited_seconds.entry(*limited_by).or_default() += seconds;
        }
        for (budget, seconds) in &summary.limiting_budgets {
            *self.limiting_budgets.entry(budget.clone()).or_default() += seconds;
        }
    }

    /// States which of the run's processes this is, counted from 1: one that was soon killed has left no summary.
    pub(crate) fn set_process(&mut self, process: u32) {
        self.process = process;
    }

    /// Counts how a request ended. Called for each one: it allocates nothing, but for hosts and failures of a new sort.
    pub fn note(&mut self, noted: &Noted<'_>) {
        self.interval.note(noted);
        let host = self.hosts.note(noted.host, noted.ok, noted.elapsed);
        if !noted.ok {
            self.clusters.note(noted, host, self.now);
        }
    }

    /// States what this process has spent so far, in all.
    pub fn set_costs(&mut self, costs: Costs) {
        self.costs = costs;
    }

    /// Ends a second: gives what came since the last one, and where the run stands.
    pub fn tick(&mut self, now: f64, progress: Option<&patata::Progress>, limits: &LimitsNow) -> Tick {
        let tick = self.peek(now, progress, limits);
        self.meters.turn(&self.costs, progress.map(|progress| &*progress.granted));
        self.end_interval(tick)
    }

    /// The same of a run that has no engine, of which it is said what limits it.
    #[cfg(any(test, feature = "samples"))]
    pub(crate) fn tick_limited(
        &mut self,
        now: f64,
        limited_by: Option<LimitedBy>,
        limits: &LimitsNow,
    ) -> Tick {
        let tick = Tick { limited_by, ..self.peek(now, None, limits) };
        self.end_interval(tick)
    }

    fn end_interval(&mut self, tick: Tick) -> Tick {
        self.now = self.now.max(tick.time);
        self.seconds += tick.seconds;
        if let Some(limited_by) = tick.limited_by {
            *self.limited_seconds.entry(limited_by).or_default() += tick.seconds;
        }
        if let Some(budget) = tick.limiting_budget() {
            *self.limiting_budgets.entry(budget).or_default() += tick.seconds;
        }
        self.before.merge(&self.interval);
        self.interval.clear();
        self.hosts.begin_interval();
        tick
    }

    /// The same of a second that is not over yet, which goes on.
    pub fn peek(&self, now: f64, progress: Option<&patata::Progress>, limits: &LimitsNow) -> Tick {
        let percentile = |percentage| milliseconds(self.interval.latency.percentile(percentage));
        // A clock that is set back takes no time away.
        let seconds = rounded((now - self.now).max(0.0));
        let bottleneck = progress.map(|progress| LimitedBy::from(progress.bottleneck));
        Tick {
            time: now,
            seconds,
            process: self.process,
            submitted: progress.map_or(0, |progress| progress.submitted),
            done: self.before.done() + self.interval.done(),
            ok: self.before.ok + self.interval.ok,
            failed: self.before.failed + self.interval.failed,
            attempts: self.before.attempts + self.interval.attempts,
            bytes: self.before.bytes + self.interval.bytes,
            responses: self.interval.classes(),
            p50_ms: percentile(50.0),
            p90_ms: percentile(90.0),
            p99_ms: percentile(99.0),
            in_flight: progress.map_or(0, |progress| progress.in_flight),
            limited_by: if limits.paused { Some(LimitedBy::Paused) } else { bottleneck },
            limiting_unit: progress.and_then(|progress| Some(progress.budget.as_ref()?.unit.clone())),
            is_limited_by_shared: progress
                .and_then(|progress| progress.budget.as_ref())
                .is_some_and(|budget| budget.shared),
            limits: limits.clone(),
            hosts: self.hosts.busiest(BUSIEST),
            budgets: self.meters.uses(&self.costs, progress.map(|progress| &*progress.granted), seconds),
            server_limit: progress.and_then(|progress| progress.server_limit.clone()),
            troubled_hosts: progress.map_or_else(Vec::new, |progress| progress.troubled_hosts.clone()),
        }
    }

    /// All that was counted, of this process and those before it. What the accounts do not know, such as the command,
    /// is left for the caller to fill in; `submitted` is what has ended.
    pub fn summary(&self) -> Summary {
        let mut counts = self.before.clone();
        counts.merge(&self.interval);
        let (clusters, other_failures) = self.clusters.list();
        let mut costs = self.costs_before.clone();
        costs.add(&self.costs);
        Summary {
            started: self.started,
            time: self.now,
            seconds: rounded(self.seconds),
            processes: self.process,
            submitted: counts.done(),
            ok: counts.ok,
            failed: counts.failed,
            attempts: counts.attempts,
            bytes: counts.bytes,
            costs,
            statuses: counts.statuses(),
            errors: counts.kinds.iter().map(|(kind, count)| (kind.to_string(), *count)).collect(),
            latency: counts.latency,
            hosts: self.hosts.list(),
            clusters,
            other_failures,
            limited_seconds: self.limited_seconds.iter().map(|(by, time)| (*by, rounded(*time))).collect(),
            limiting_budgets: self
                .limiting_budgets
                .iter()
                .map(|(budget, time)| (budget.clone(), rounded(*time)))
                .collect(),
            ..Summary::default()
        }
    }
}

/// To milliseconds: a timeline is read by people as well.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Counts of some time, that can be added up.
#[derive(Debug, Clone)]
struct Counts {
    ok: u64,
    failed: u64,
    attempts: u64,
    bytes: u64,
    statuses: Box<[u64]>,
    /// There are a dozen or so: a list is the fastest map.
    kinds: Vec<(Box<str>, u64)>,
    latency: Histogram,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            ok: 0,
            failed: 0,
            attempts: 0,
            bytes: 0,
            statuses: vec![0; STATUSES].into_boxed_slice(),
            kinds: Vec::new(),
            latency: Histogram::default(),
        }
    }
}

impl Counts {
    fn note(&mut self, noted: &Noted<'_>) {
        if noted.ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
        self.attempts += u64::from(noted.attempts);
        self.bytes += noted.bytes;
        match (noted.kind, noted.status) {
            (None, Some(status)) => self.statuses[usize::from(status).min(STATUSES - 1)] += 1,
            (kind, _) => self.add_kind(kind.unwrap_or("unknown"), 1),
        }
        if noted.attempts > 0 {
            self.latency.record(noted.elapsed);
        }
    }

    fn add_kind(&mut self, kind: &str, count: u64) {
        if let Some((_, counted)) = self.kinds.iter_mut().find(|(name, _)| **name == *kind) {
            *counted += count;
        } else if self.kinds.len() < KINDS {
            self.kinds.push((kind.into(), count));
        } else {
            // The last one to be named has the rest, so that the sum is right.
            self.kinds[KINDS - 1].0 = "other".into();
            self.kinds[KINDS - 1].1 += count;
        }
    }

    fn done(&self) -> u64 {
        self.ok + self.failed
    }

    fn statuses(&self) -> BTreeMap<u16, u64> {
        (0..).zip(&*self.statuses).filter(|(_, count)| **count > 0).map(|(s, count)| (s, *count)).collect()
    }

    fn classes(&self) -> Classes {
        let mut classes = Classes::default();
        self.statuses().into_iter().for_each(|(status, count)| classes.add(status, count));
        classes.errors = self.kinds.iter().map(|(_, count)| count).sum();
        classes
    }

    fn merge(&mut self, other: &Self) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.attempts += other.attempts;
        self.bytes += other.bytes;
        for (count, more) in self.statuses.iter_mut().zip(&other.statuses) {
            *count += more;
        }
        other.kinds.iter().for_each(|(kind, count)| self.add_kind(kind, *count));
        self.latency.merge(&other.latency);
    }

    fn clear(&mut self) {
        (self.ok, self.failed, self.attempts, self.bytes) = (0, 0, 0, 0);
        self.statuses.fill(0);
        self.kinds.clear();
        self.latency.clear();
    }

    fn from_summary(summary: &Summary) -> Self {
        let mut counts = Self {
            ok: summary.ok,
            failed: summary.failed,
            attempts: summary.attempts,
            bytes: summary.bytes,
            latency: summary.latency.clone(),
            ..Self::default()
        };
        for (status, count) in &summary.statuses {
            counts.statuses[usize::from(*status).min(STATUSES - 1)] += count;
        }
        summary.errors.iter().for_each(|(kind, count)| counts.add_kind(kind, *count));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, host: &str) -> Noted<'_> {
        let elapsed = Duration::from_millis(12);
        Noted {
            status: Some(status),
            ok: status < 400,
            host,
            elapsed,
            attempts: 1,
            bytes: 26,
            ..Noted::default()
        }
    }

    fn error<'a>(kind: &'a str, id: &'a Id) -> Noted<'a> {
        Noted {
            kind: Some(kind),
            message: Some("Cannot connect to a"),
            host: "a",
            attempts: 2,
            id,
            ..Noted::default()
        }
    }

    #[test]
    fn a_tick_has_what_came_since_the_last_one() {
        let mut statistics = Statistics::new(100.0);
        [200, 200, 301, 404, 503, 999].iter().for_each(|status| statistics.note(&answer(*status, "a")));
        statistics.note(&error("connect", &Id::None));
        let peeked = statistics.peek(100.5, None, &LimitsNow::default());
        assert_eq!((peeked.seconds, peeked.rate()), (0.5, 14.0));
        let tick = statistics.tick(101.0, None, &LimitsNow::default());
        assert_eq!((tick.done, tick.ok, tick.failed, tick.attempts, tick.bytes), (7, 3, 4, 8, 156));
        let counts: Vec<_> = tick.responses.named().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 1, 1, 1, 1]);
        assert_eq!(tick.hosts, [("a".to_owned(), 7)]);
        assert!((tick.p50_ms - 12.0).abs() < 0.12, "{}", tick.p50_ms);
        let next = statistics.tick(102.0, None, &LimitsNow { paused: true, ..LimitsNow::default() });
        assert_eq!((next.done, next.responses, next.p50_ms), (7, Classes::default(), 0.0));
        assert_eq!(statistics.summary().limited_seconds, [(LimitedBy::Paused, 1.0)].into());
    }

    #[test]
    fn a_resumed_run_adds_to_what_earlier_processes_did() {
        let id = Id::from("x");
        let mut first = Statistics::new(100.0);
        let mut whole = Statistics::new(100.0);
        for noted in [answer(200, "a"), answer(404, "b"), error("connect", &id)] {
            first.note(&noted);
            whole.note(&noted);
        }
        first.tick(101.0, None, &LimitsNow::default());
        whole.tick(101.0, None, &LimitsNow::default());
        let written = serde_json::to_string(&first.summary()).unwrap();
        let mut second = Statistics::from_summary(&serde_json::from_str(&written).unwrap(), 900.0);
        for noted in [answer(200, "a"), error("connect", &id)] {
            second.note(&noted);
            whole.note(&noted);
        }
        let tick = second.tick(901.0, None, &LimitsNow::default());
        assert_eq!((tick.done, tick.responses.total(), tick.process), (5, 2, 2));
        whole.tick(102.0, None, &LimitsNow::default());
        let (mut resumed, mut expected) = (second.summary(), whole.summary());
        assert_eq!((resumed.seconds, resumed.processes, resumed.time), (2.0, 2, 901.0));
        (resumed.processes, resumed.time) = (1, 102.0);
        for cluster in resumed.clusters.iter_mut().chain(&mut expected.clusters) {
            cluster.last = 0.0;
        }
        assert_eq!(resumed, expected);
    }

    #[test]
    fn statuses_and_errors_make_up_all_that_is_done() {
        let mut statistics = Statistics::new(0.0);
        for number in 0..500_u16 {
            statistics.note(&answer(number * 7, "a"));
            statistics.note(&error(&format!("kind {number}"), &Id::None));
        }
        let summary = statistics.summary();
        let counted = summary.statuses.values().sum::<u64>() + summary.errors.values().sum::<u64>();
        assert_eq!((counted, summary.done()), (1000, 1000));
    }

    #[test]
    fn a_clock_that_is_set_back_takes_no_time_away() {
        let mut statistics = Statistics::new(100.0);
        statistics.tick(110.0, None, &LimitsNow::default());
        assert_eq!(statistics.tick(50.0, None, &LimitsNow::default()).seconds, 0.0);
        assert_eq!(statistics.tick(111.0, None, &LimitsNow::default()).seconds, 1.0);
    }
}
