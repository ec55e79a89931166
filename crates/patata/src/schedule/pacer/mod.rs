//! How fast a host is asked that tells of its limits, so that what remains of each lasts until it is reset: a pure
//! state machine.
//!
//! Each limit has a [gauge], which knows what remains, how it comes back, and what a request [costs](cost) of it: what it
//! states in the unit that the limit is named by, or else a mean that is learnt.
//! The strictest counts. What servers say is never a promise: each answer corrects the gauges, and a request that was
//! refused all the same makes them keep more in reserve.

mod cost;
mod gauge;
mod refill;
mod scale;
#[cfg(test)]
mod simulation;
mod taken;
mod window;

use std::time::Instant;

use crate::cost::Costs;
use crate::schedule::adaptive::Gate;
use crate::schedule::told::{Limits, Unit};
use gauge::Gauge;

/// Requests in flight before the first answer: what they are told is worth waiting for.
const FIRST: usize = 4;
/// As many limits of a host are kept in mind.
const MOST_GAUGES: usize = 16;

/// What is known of one host's limits.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    gauges: Vec<Gauge>,
    /// The number of the last request, by which answers say how many have been sent since theirs: it begins anew one day.
    sent: u32,
    has_answered: bool,
    /// As many requests may be in flight at once, where it has told so.
    most_at_once: Option<usize>,
}

/// What an answer tells, and of which request.
#[derive(Debug)]
pub(crate) struct Heard {
    /// What [`Pacer::sent`] said of the request.
    pub(crate) number: u32,
    pub(crate) sent: Instant,
    pub(crate) limits: Limits,
    /// Whether it was refused as one too many.
    pub(crate) is_refused: bool,
}

impl Pacer {
    /// Whether another request may be sent, with so many in flight.
    pub(crate) fn gate(&mut self, now: Instant, in_flight: usize) -> Gate {
        if self.most_in_flight().is_some_and(|most| in_flight >= most) {
            return Gate::Full;
        }
        for gauge in &mut self.gauges {
            gauge.advance(now);
        }
        match self.gauges.iter().filter_map(|gauge| gauge.closed_until(now)).max() {
            Some(due) => Gate::Until(due),
            None => Gate::Go,
        }
    }

    /// Takes account of a request that is sent now, and of what it states that it costs. Returns its number, which is never
    /// nought.
    pub(crate) fn sent(&mut self, now: Instant, stated: Option<&Costs>) -> u32 {
        self.sent = self.sent.wrapping_add(1).max(1);
        for gauge in &mut self.gauges {
            gauge.sent(now, self.sent, stated);
        }
        self.sent
    }

    /// Takes account of an answer. Returns whether it was refused for a limit that it tells of, so that nothing but the
    /// pace is to blame.
    pub(crate) fn hear(&mut self, now: Instant, heard: &Heard) -> bool {
        self.has_answered = true;
        if heard.limits.is_empty() {
            return false;
        }
        let at_once = heard.limits.iter().filter(|told| told.unit == Unit::Concurrent);
        if let Some(most) = at_once.filter_map(|told| told.limit).reduce(f64::min) {
            self.most_at_once = Some((most as usize).max(1));
        }
        let mut is_explained = false;
        for gauge in &mut self.gauges {
            gauge.note_told(heard.limits.iter().any(|told| told.name == gauge.name));
        }
        for told in heard.limits.iter().filter(|told| told.unit != Unit::Concurrent) {
            let is_known = self.gauges.iter().any(|gauge| gauge.name == told.name);
            if !is_known && self.gauges.len() < MOST_GAUGES {
                self.gauges.extend(Gauge::new(now, told));
            }
            let Some(gauge) = self.gauges.iter_mut().find(|gauge| gauge.name == told.name) else { continue };
            gauge.hear(now, told, heard, self.sent);
            if heard.is_refused && gauge.is_used_up(told) {
                gauge.note_refusal(now, heard.sent);
                is_explained = true;
            }
        }
        is_explained
    }

    /// How many requests may be in flight at once, where that is for it to say.
    pub(crate) fn most_in_flight(&self) -> Option<usize> {
        if self.has_answered { self.most_at_once } else { Some(FIRST) }
    }

    /// The limit that holds requests back now, as a person may read it.
    pub(crate) fn binding(&self, now: Instant) -> Option<String> {
        let closed = self.gauges.iter().filter_map(|gauge| Some((gauge.closed_until(now)?, gauge)));
        closed.max_by_key(|(due, _)| *due).map(|(_, gauge)| gauge.to_string())
    }

    /// Whether a fresh one in its place would soon know as much.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.gauges.iter().all(|gauge| gauge.is_over(now))
    }
}
