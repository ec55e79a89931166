//! One limit of a host: what remains of it, how it comes back, and when the next request may take its part.

use std::fmt;
use std::time::{Duration, Instant};

use crate::cost::Costs;
use crate::schedule::pacer::Heard;
use crate::schedule::pacer::cost::Cost;
use crate::schedule::pacer::refill::RefillTime;
use crate::schedule::pacer::scale::Anchor;
use crate::schedule::pacer::taken::Taken;
use crate::schedule::pacer::window::{Finding, Window};
use crate::schedule::retry_after;
use crate::schedule::told::{Refill, Told, Unit};

/// How late a request may be and still be counted as in time, as for rates that users state.
const LENIENCY: Duration = Duration::from_millis(20);
/// What is kept in reserve: of a limit that is refilled all the time this costs nothing but once, and of one that is
/// reset at once it stays unused.
const RESERVE_STEADY: f64 = 0.1;
const RESERVE_AT_ONCE: f64 = 0.01;
const MOST_RESERVE: f64 = 0.5;
/// So many requests' costs at the least: some cost more than others.
const RESERVED_REQUESTS: f64 = 3.0;
/// How much more is kept after a refusal, and which part of that an answer takes back.
const REFUSAL: f64 = 0.05;
const FORGIVEN: f64 = 0.995;
/// The longest until it is looked again how fast a limit may be used that is refilled all the time.
const LOOK: Duration = Duration::from_secs(1);
/// How strongly the pace follows what remains beyond the reserve, and its bounds, as parts of what comes back. Within the
/// reserve it falls to the least, so that many who use the same limit come to share it.
const GAIN: f64 = 1.5;
const LEAST_PACE: f64 = 0.02;
const MOST_PACE: f64 = 2.0;
/// What is known of one limit.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(crate) name: Box<str>,
    limit: f64,
    /// What remains, less what requests in flight are taken to cost; as of `since`.
    level: f64,
    since: Instant,
    back: Back,
    cost: Cost,
    taken: Taken,
    /// What the last request states of it, where it does: so long it is until the next one.
    last_stated: Option<f64>,
    /// Kept in reserve for refusals, as a part of the limit.
    caution: f64,
    /// When the last refusal was heard of that has made it more careful.
    refused: Option<Instant>,
    /// When the last request should have been sent.
    last: Option<Instant>,
    first_heard: Instant,
    heard: Instant,
}

/// How what was used comes back.
#[derive(Debug)]
enum Back {
    Steadily(RefillTime),
    AtOnce(Window),
}

impl Gauge {
    /// Of a limit that is heard of for the first time; `None` where what is told says nothing of a pace.
    pub(crate) fn new(now: Instant, told: &Told) -> Option<Self> {
        let limit = told.limit.or(told.remaining).filter(|limit| *limit >= 1.0)?;
        let back = match (told.refill, told.reset, told.window) {
            (Refill::Steady, _, window) => Back::Steadily(RefillTime::new(window)),
            (Refill::AtOnce, None, Some(window)) => Back::Steadily(RefillTime::new(Some(window))),
            (Refill::AtOnce, Some(reset), window) => Back::AtOnce(Window::new(now, reset, window)),
            (Refill::AtOnce, None, None) => return None,
        };
        let cost = Cost::new(told.unit == Unit::Requests);
        let name = told.name.clone();
        Some(Self {
            name,
            limit,
            level: limit,
            since: now,
            back,
            cost,
            taken: Taken::default(),
            last_stated: None,
            caution: 0.0,
            refused: None,
            last: None,
            first_heard: now,
            heard: now,
        })
    }

    /// Until when nothing may be sent, as of the last [`advance`](Self::advance).
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        let cost = self.cost.of(self.last_stated);
        let last = self.last?;
        let interval = match self.pace() {
            Some(pace) => Duration::try_from_secs_f64(cost / pace).unwrap_or(retry_after::MOST),
            // Nothing is left: now and then it is looked whether that is still so.
            None => self.until_reset(),
        };
        let due = last + interval.min(retry_after::MOST);
        // What remains may be more by then, and the pace faster.
        let look = if let Back::Steadily(_) = self.back { now + LOOK } else { due };
        (due > now).then_some(due.min(look))
    }

    /// What may be used a second; `None` where nothing is left.
    fn pace(&self) -> Option<f64> {
        let (cost, spare) = (self.cost.mean(), self.level - self.reserve());
        match &self.back {
            Back::Steadily(time) => {
                let refill = self.limit / time.seconds();
                let of_reserve = self.level / self.reserve();
                let pace = if spare < 0.0 { of_reserve } else { 1.0 + GAIN * spare / self.limit };
                Some(refill * pace.clamp(LEAST_PACE, MOST_PACE))
            }
            Back::AtOnce(_) if spare < cost => None,
            Back::AtOnce(window) => {
                let left = window.resets.saturating_duration_since(self.since).as_secs_f64();
                Some(spare / left.max(0.001))
            }
        }
    }

    fn until_reset(&self) -> Duration {
        match &self.back {
            Back::Steadily(_) => Duration::ZERO,
            // Counted from the last request.
            Back::AtOnce(window) => {
                window.resets.saturating_duration_since(self.last.unwrap_or(self.since)) + LENIENCY
            }
        }
    }

    fn reserve(&self) -> f64 {
        let part = match self.back {
            Back::Steadily(_) => RESERVE_STEADY.max(RESERVED_REQUESTS * self.cost.mean() / self.limit),
            Back::AtOnce(_) => RESERVE_AT_ONCE,
        };
        (part + self.caution).min(MOST_RESERVE) * self.limit
    }

    /// Counts a request that is sent now, which may state what it costs.
    pub(crate) fn sent(&mut self, now: Instant, number: u32, stated: Option<&Costs>) {
        self.advance(now);
        let interval = self.pace().map(|pace| self.cost.of(self.last_stated) / pace);
        let interval = interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let due = self.last.zip(interval).map(|(last, interval)| last + interval.min(retry_after::MOST));
        self.last = Some(due.filter(|due| *due + LENIENCY >= now && *due <= now).unwrap_or(now));
        self.last_stated = stated.and_then(|costs| self.stated(costs));
        self.taken.note(number, self.last_stated);
        self.level -= self.cost.of(self.last_stated);
    }

    /// What is stated in the unit that the limit is named by: servers write "input-tokens", and units may have an underscore.
    fn stated(&self, costs: &Costs) -> Option<f64> {
        let is_same = |unit: &str| {
            let same = |(one, other): (u8, u8)| one == other || (one == b'_' && other == b'-');
            unit.len() == self.name.len() && unit.bytes().zip(self.name.bytes()).all(same)
        };
        costs.iter().find(|(unit, _)| is_same(unit.as_str())).map(|(_, amount)| amount)
    }

    /// What has come back until now.
    pub(crate) fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        self.since = self.since.max(now);
        match &mut self.back {
            Back::Steadily(time) => {
                let back = self.limit * passed.as_secs_f64() / time.seconds();
                self.level = (self.level + back).min(self.limit);
            }
            Back::AtOnce(window) => {
                if window.advance(now) {
                    self.level = self.limit;
                    self.cost.restart();
                }
            }
        }
    }

    /// An answer tells of this limit, or not.
    pub(crate) fn note_told(&mut self, is_told: bool) {
        self.cost.note_told(is_told);
    }

    /// Takes account of what an answer tells, when so many requests have been sent in all.
    pub(crate) fn hear(&mut self, now: Instant, told: &Told, heard: &Heard, sent: u32) {
        let Some(remaining) = told.remaining else { return };
        self.advance(now);
        self.limit = told.limit.unwrap_or(self.limit).max(1.0);
        self.heard = now;
        self.caution *= FORGIVEN;
        if self.last.is_none() {
            self.cost.begin(self.limit, self.limit - remaining, heard.number);
            self.last = Some(now);
        }
        // What has been sent since may have been counted by then or not.
        let since = self.cost.of_all(self.taken.between(heard.number, sent));
        let at = heard.sent.saturating_duration_since(self.first_heard).as_secs_f64();
        let anchor = Anchor { number: heard.number, remaining, at };
        match &mut self.back {
            Back::AtOnce(window) => match told.reset.map(|reset| window.hear(now, reset, heard.sent)) {
                Some(Finding::Over) | None => {}
                Some(Finding::Rolling(period)) => self.back = Back::Steadily(RefillTime::new(Some(period))),
                Some(Finding::Current { is_new }) => {
                    if is_new {
                        self.cost.restart();
                    }
                    self.cost.learn(anchor, 0.0, false);
                    self.learn_scale(anchor, 0.0, sent, false);
                    self.level = remaining - since;
                }
            },
            Back::Steadily(time) => {
                let used = (self.limit - remaining).max(0.0) / self.limit;
                if let Some(reset) = told.reset {
                    time.learn(used, reset);
                }
                // Whether a server counts when it begins or when it ends its answer: at the pace of what comes back,
                // both come to the same.
                let refill = self.limit / time.seconds();
                let back = refill * now.saturating_duration_since(heard.sent).as_secs_f64();
                self.level = (remaining + back - since).min(self.limit);
                self.cost.learn(anchor, refill, used < 0.01);
                self.learn_scale(anchor, refill, sent, used < 0.01);
            }
        }
    }

    /// Learns from an answer how far off it is what requests state.
    fn learn_scale(&mut self, now: Anchor, refill: f64, sent: u32, is_full: bool) {
        let in_flight = self.taken.between(now.number, sent).stated;
        let since = self.cost.scale.anchor().map(|anchor| self.taken.between(anchor, now.number));
        let sum = since.unwrap_or_default();
        if sum.unstated == 0 {
            self.cost.scale.learn(now, refill, sum.stated, in_flight, is_full);
        } else {
            self.cost.scale.restart();
        }
    }

    /// Whether an answer that was refused says that this is why.
    pub(crate) fn is_used_up(&self, told: &Told) -> bool {
        let enough = (RESERVED_REQUESTS * self.cost.mean()).max(0.02 * self.limit);
        told.remaining.is_some_and(|remaining| remaining < 1.0 || remaining <= enough)
    }

    /// Too much was asked for all the same. What was sent before this was heard of is no reason to be more careful.
    pub(crate) fn note_refusal(&mut self, now: Instant, sent: Instant) {
        if self.refused.is_none_or(|refused| sent > refused) {
            self.refused = Some(now);
            self.caution = (self.caution + REFUSAL).min(MOST_RESERVE);
        }
    }

    /// Whether all that was used is back by now, and nothing has been heard of since.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(self.heard);
        match &self.back {
            Back::Steadily(time) => quiet.as_secs_f64() > time.seconds(),
            Back::AtOnce(window) => window.resets <= now || quiet > window.length,
        }
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.limit)
    }
}
