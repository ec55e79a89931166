//! What servers tell of their limits with each answer: a pure reading of headers, whichever family they are of.
//!
//! The same name means a delay at one server and a moment at another, so the size of a number beside the server's
//! `Date` decides. What is malformed, negative or further off than a day is as if it had not been said.

#[cfg(test)]
mod cases;
mod families;
mod structured;
mod when;

use std::time::{Duration, SystemTime};

use http::StatusCode;
use smallvec::SmallVec;

use crate::response::headers::Headers;
use crate::schedule::retry_after::MOST;
use families::Draft;
use when::Clock;

/// As many limits are read from one answer.
const MOST_LIMITS: usize = 16;
/// A limit that is refilled all the time is waited for until this part of it has come back, where it is not one of
/// requests, of which one is enough.
const PART: f64 = 0.01;
/// What GitHub asks for where it does not say how long.
const UNSAID: Duration = Duration::from_secs(60);

/// One limit, as far as an answer tells of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// By what the server calls it: `requests`, `tokens`, a policy, a resource or a bucket.
    pub(crate) name: Box<str>,
    pub(crate) unit: Unit,
    pub(crate) limit: Option<f64>,
    pub(crate) remaining: Option<f64>,
    /// How long until nothing of it is used any more.
    pub(crate) reset: Option<Duration>,
    pub(crate) window: Option<Duration>,
    pub(crate) refill: Refill,
    /// Whether its server has others besides that it does not show, as GitHub does.
    pub(crate) hides_others: bool,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Requests,
    /// Something of which a request needs more or less: tokens, bytes.
    Other,
    /// Requests at the same time: no rate.
    Concurrent,
}

/// How what was used comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refill {
    /// All of it at the reset.
    AtOnce,
    /// A little all the time; at the reset the last of it.
    Steady,
}

/// What an answer tells.
pub(crate) type Limits = SmallVec<[Told; 0]>;

/// Whether an answer may tell of limits: a look at the first letters of its names, as nearly all tell nothing.
pub(crate) fn may_tell(headers: &Headers) -> bool {
    headers.may_begin_with(b"arxz")
}

/// The limits that an answer tells of, each name once. `date` is asked for where the server does not say its own.
pub(crate) fn told(headers: &Headers, date: impl FnOnce() -> SystemTime) -> Limits {
    if !headers.iter().any(|(name, _)| families::is_telling(name)) {
        return Limits::new();
    }
    let clock = Clock::of(headers, date);
    let mut limits = Limits::new();
    for draft in families::drafts(headers, &clock) {
        add(&mut limits, draft);
    }
    drop_repeated(&mut limits);
    structured::read(headers, &mut limits);
    limits.truncate(MOST_LIMITS);
    limits
}

/// How long a server is left alone that has told this: until something of each limit that is used up is there again,
/// and at most [`MOST`].
pub(crate) fn wait(limits: &[Told], status: StatusCode) -> Option<Duration> {
    let used_up = limits.iter().filter_map(Told::wait).max();
    let unsaid = || {
        // What remains is no promise: a limit that is not shown has been reached.
        let is_hidden = limits.iter().any(|limit| limit.hides_others);
        (status == StatusCode::TOO_MANY_REQUESTS && is_hidden).then_some(UNSAID)
    };
    used_up.or_else(unsaid).map(|wait| wait.min(MOST)).filter(|wait| !wait.is_zero())
}

impl Told {
    fn wait(&self) -> Option<Duration> {
        if self.unit == Unit::Concurrent || self.remaining? >= 1.0 {
            return None;
        }
        let reset = self.reset?;
        match (self.refill, self.limit) {
            (Refill::AtOnce, _) => Some(reset),
            (Refill::Steady, Some(limit)) if limit >= 1.0 => {
                let part = if self.unit == Unit::Requests { 1.0 / limit } else { PART };
                Some(reset.mul_f64(part.min(1.0)))
            }
            (Refill::Steady, _) => None,
        }
    }
}

/// Anthropic's `tokens` is whichever of its limits is the nearest: where it repeats one that is told by its own name, it would
/// be another limit with each answer.
fn drop_repeated(limits: &mut Limits) {
    let Some(place) = limits.iter().position(|told| &*told.name == "tokens") else { return };
    let tokens = &limits[place];
    let repeats = |told: &Told| (told.limit, told.remaining) == (tokens.limit, tokens.remaining);
    if limits.iter().any(|told| told.name.ends_with("-tokens") && repeats(told)) {
        limits.remove(place);
    }
}

/// Takes a limit in. Of one that is told twice the strictest counts, and each fills in what the other leaves out.
fn add(limits: &mut Limits, draft: Draft<'_>) {
    let Some(told) = draft.told() else { return };
    let Some(known) = limits.iter_mut().find(|known| known.name == told.name) else {
        limits.push(told);
        return;
    };
    let least = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    known.limit = least(known.limit, told.limit);
    known.remaining = least(known.remaining, told.remaining);
    known.reset = known.reset.max(told.reset);
    known.window = known.window.or(told.window);
}
