//! Runs of each kind, for tests and for who wants to see how their reports look.

use std::time::Duration;

use crate::Id;
use crate::accounts::{Cost, LimitedBy, LimitsNow, Noted, Statistics, Summary, Tick, Timeline, Use};

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Hours, with hosts of several tempers, resumed once.
    Long,
    /// Less than a second.
    Short,
    /// Nothing but failures, ended early.
    Failing,
    /// In the middle.
    UnderWay,
    /// With budgets of two units, one of which binds.
    Budgeted,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Long, Self::Short, Self::Failing, Self::UnderWay, Self::Budgeted];

    /// Its name, as a name of a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
            Self::Failing => "failing",
            Self::UnderWay => "under_way",
            Self::Budgeted => "budgeted",
        }
    }
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    /// From 0 up to, and without, 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

const BEGIN: f64 = 1_795_725_226.0;
const HOSTS: [&str; 4] =
    ["api.example.com", "eu.api.example.com", "files.example.org", "legacy.example.net:8443"];

/// The accounts of a run of some kind, as its folder would have them.
pub fn sample(kind: Kind) -> (Summary, Timeline) {
    match kind {
        Kind::Long => long(),
        Kind::Short => short(),
        Kind::Failing => failing(),
        Kind::UnderWay => under_way(),
        Kind::Budgeted => budgeted(),
    }
}

/// What one second of a run is made of.
struct Second {
    count: u64,
    base_ms: f64,
    /// The share of failures.
    failing: f64,
    limited_by: LimitedBy,
    in_flight: usize,
}

fn run_second(statistics: &mut Statistics, chance: &mut Chance, second: &Second, number: &mut u64) {
    for _ in 0..second.count {
        *number += 1;
        let id = Id::from(*number);
        let host = HOSTS[(chance.next().powi(2) * 4.0) as usize];
        let slow = if host.starts_with("legacy") { 4.0 } else { 1.0 };
        let millis = second.base_ms * slow * (0.6 + chance.next() - chance.next().ln() * 0.5);
        let fate = chance.next();
        let (status, kind, message) = match fate / second.failing {
            fate if fate < 0.4 => (Some(429), None, None),
            fate if fate < 0.6 => (Some(503), None, None),
            fate if fate < 0.8 => (None, Some("timeout"), Some("The server did not answer within 30 s")),
            fate if fate < 1.0 => (Some(404), None, None),
            _ if chance.next() < 0.02 => (Some(304), None, None),
            _ => (Some(200), None, None),
        };
        let elapsed = Duration::from_secs_f64(if kind.is_some() { 30.0 } else { millis / 1000.0 });
        let attempts = 1 + u32::from(chance.next() < second.failing * 2.0);
        let ok = status.is_some_and(|status| status < 400);
        statistics.note(&Noted { status, kind, message, ok, host, elapsed, attempts, bytes: 2_000, id: &id });
    }
}

fn end_second(
    statistics: &mut Statistics,
    timeline: &mut Timeline,
    now: f64,
    second: &Second,
    limits: &LimitsNow,
) {
    // The engine tells these of a real run; here they are set where it would have.
    let tick = statistics.tick_limited(now, Some(second.limited_by), limits);
    timeline.add(&Tick { in_flight: second.in_flight, ..tick });
}

fn limits() -> LimitsNow {
    LimitsNow { rate: vec!["400/s".to_owned()], concurrency: Some(100), ..LimitsNow::default() }
}

fn options(rate: &str) -> std::collections::BTreeMap<String, serde_json::Value> {
    let options =
        [("rate", rate.into()), ("concurrency", 100.into()), ("retries", 3.into()), ("timeout", 30.into())];
    options.into_iter().map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value)).collect()
}

fn long() -> (Summary, Timeline) {
    let (mut chance, mut number, mut timeline) = (Chance(7), 0, Timeline::default());
    let mut statistics = Statistics::new(BEGIN);
    let mut now = BEGIN;
    for minute in 0..360_u32 {
        if minute == 200 {
            now += 8.0 * 3600.0;
            statistics = Statistics::from_summary(&statistics.summary(), now);
        }
        let wave = (f64::from(minute) / 40.0).sin();
        let is_bad = (120..150).contains(&minute);
        let limited_by = match minute {
            0..110 => LimitedBy::Rate,
            110..160 => LimitedBy::Server,
            200..204 | 300..320 => LimitedBy::Input,
            _ if wave > 0.4 => LimitedBy::Concurrency,
            _ => LimitedBy::Rate,
        };
        let second = Second {
            count: (if is_bad { 90.0 } else { 330.0 + 60.0 * wave + 30.0 * chance.next() }) as u64,
            base_ms: if is_bad { 240.0 } else { 38.0 + 12.0 * wave },
            failing: if is_bad { 0.3 } else { 0.012 },
            limited_by,
            in_flight: if limited_by == LimitedBy::Concurrency { 100 } else { 17 },
        };
        // One second of each minute stands for all of it.
        run_second(&mut statistics, &mut chance, &second, &mut number);
        now += 60.0;
        end_second(&mut statistics, &mut timeline, now, &second, &limits());
    }
    let summary = statistics.summary();
    let command = "patata run users.csv 'https://api.example.com/users/{id}?since={since}' -H 'Accept: application/json' \
                   --rate 7/s --concurrency 100 --retries 3 -o users/"
        .to_owned();
    let done = summary.done();
    let summary = Summary {
        command,
        folder: "users/".to_owned(),
        versions: vec!["4.0.0".to_owned()],
        ended: Some(now),
        total: Some(done),
        submitted: done,
        options: options("7/s"),
        next: Some("patata retry users/".to_owned()),
        ..summary
    };
    (summary, timeline)
}

fn short() -> (Summary, Timeline) {
    let (mut chance, mut number, mut timeline) = (Chance(3), 0, Timeline::default());
    let mut statistics = Statistics::new(BEGIN);
    let second =
        Second { count: 250, base_ms: 9.0, failing: 0.0, limited_by: LimitedBy::Server, in_flight: 0 };
    run_second(&mut statistics, &mut chance, &second, &mut number);
    end_second(&mut statistics, &mut timeline, BEGIN + 0.4, &second, &LimitsNow::default());
    let summary = Summary {
        command: "patata run urls.txt -o run/".to_owned(),
        folder: "run/".to_owned(),
        versions: vec!["4.0.0".to_owned()],
        ended: Some(BEGIN + 0.4),
        total: Some(250),
        submitted: 250,
        ..statistics.summary()
    };
    (summary, timeline)
}

fn failing() -> (Summary, Timeline) {
    let (mut timeline, mut number) = (Timeline::default(), 0_u64);
    let mut statistics = Statistics::new(BEGIN);
    let mut now = BEGIN;
    for second in 0..45_u64 {
        for _ in 0..40 + second % 9 {
            number += 1;
            let id = Id::from(format!("order-{number}"));
            let (kind, message) = if number % 3 == 0 {
                ("tls", "The certificate of db.example.com is not trusted: self-signed certificate in certificate chain".to_owned())
            } else {
                (
                    "connect",
                    format!(
                        "Cannot connect to db.example.com:{}: Connection refused (os error 111)",
                        8000 + number % 7
                    ),
                )
            };
            let (kind, message) = (Some(kind), Some(message.as_str()));
            let elapsed = Duration::from_micros(900 + number * 37 % 700);
            statistics.note(&Noted {
                kind,
                message,
                host: "db.example.com",
                elapsed,
                attempts: 1,
                id: &id,
                ..Noted::default()
            });
        }
        now += 1.0;
        let second =
            Second { count: 0, base_ms: 0.0, failing: 0.0, limited_by: LimitedBy::Server, in_flight: 3 };
        end_second(&mut statistics, &mut timeline, now, &second, &limits());
    }
    let summary = statistics.summary();
    let failed = summary.failed;
    let summary = Summary {
        command: "patata run orders.jsonl -X POST -o orders/ --max-failures 5%".to_owned(),
        folder: "orders/".to_owned(),
        versions: vec!["4.0.0".to_owned()],
        ended: Some(now),
        total: Some(80_000),
        submitted: failed + 120,
        cancelled: 120,
        unsent: 110,
        unknown: 10,
        stopped: Some(format!("{failed} of {failed} requests failed, more than max_failures=0.05 allows")),
        options: options("400/s"),
        next: Some("patata resume orders/".to_owned()),
        ..summary
    };
    (summary, timeline)
}

fn under_way() -> (Summary, Timeline) {
    let (mut chance, mut number, mut timeline) = (Chance(11), 0, Timeline::default());
    let mut statistics = Statistics::new(BEGIN);
    for second in 0..170_u32 {
        let limited_by = if second < 12 { LimitedBy::Server } else { LimitedBy::Rate };
        let second = Second {
            count: (400.0 * (f64::from(second) / 12.0).min(1.0)) as u64,
            base_ms: 21.0,
            failing: 0.002,
            limited_by,
            in_flight: 9,
        };
        run_second(&mut statistics, &mut chance, &second, &mut number);
        let now = statistics.summary().time + 1.0;
        end_second(&mut statistics, &mut timeline, now, &second, &limits());
    }
    let summary = statistics.summary();
    let summary = Summary {
        command: "patata run urls.csv.gz -o crawl/ --rate 400/s".to_owned(),
        folder: "crawl/".to_owned(),
        versions: vec!["4.0.0".to_owned()],
        total: Some(1_000_000),
        submitted: summary.done() + 409,
        options: options("400/s"),
        ..summary
    };
    (summary, timeline)
}

fn budgeted() -> (Summary, Timeline) {
    let (mut chance, mut number, mut timeline) = (Chance(5), 0, Timeline::default());
    let mut statistics = Statistics::new(BEGIN);
    let budget = ["requests=500/min", "tokens=90000/min"].map(str::to_owned).to_vec();
    let limits = LimitsNow { budget, ..LimitsNow::default() };
    let (mut tokens, mut now) = (0.0, BEGIN);
    for minute in 0..90_u32 {
        let second = Second {
            count: 4,
            base_ms: 1_400.0,
            failing: 0.002,
            // Texts are shorter in between.
            limited_by: if (40..60).contains(&minute) { LimitedBy::Server } else { LimitedBy::Budget },
            in_flight: 7,
        };
        run_second(&mut statistics, &mut chance, &second, &mut number);
        now += 60.0;
        let share = if second.limited_by == LimitedBy::Budget { 0.97 } else { 0.6 };
        let used = 90_000.0 * (share + 0.03 * chance.next());
        tokens += used;
        let tick = statistics.tick_limited(now, Some(second.limited_by), &limits);
        let of = |used, granted: f64| Use { used, granted: Some(granted) };
        let budgets = [("requests", of(240.0, 500.0)), ("tokens", of(used, 90_000.0))];
        let budgets = budgets.map(|(unit, used)| (unit.to_owned(), used)).into();
        timeline.add(&Tick { in_flight: second.in_flight, budgets, ..tick });
    }
    let summary = statistics.summary();
    let cost = Cost { estimated: tokens * 1.2, settled: tokens };
    let limiting_budgets = [("tokens".to_owned(), summary.limited_seconds[&LimitedBy::Budget])].into();
    let summary = Summary {
        limiting_budgets,
        command: "patata run prompts.jsonl -o answers/ --budget tokens=90000/min --budget requests=500/min"
            .to_owned(),
        folder: "answers/".to_owned(),
        versions: vec!["4.0.0".to_owned()],
        ended: Some(now),
        total: Some(summary.done()),
        submitted: summary.done(),
        costs: [("tokens".to_owned(), cost)].into_iter().collect(),
        ..summary
    };
    (summary, timeline)
}
