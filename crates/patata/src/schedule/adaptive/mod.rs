//! How many requests a host can use at once, found out by trying: a pure state machine.
//!
//! Four ideas carry it. Latency is measured over [cohorts](cohort) of requests that were *sent* together: of those
//! that come back together, the first are all fast. Every step that costs latency must pay in throughput, which is
//! requests in flight divided by latency. [Probing](probe) is paid from a budget that rejections use up and
//! successes fill. And where fewer at once do not stop the rejections, the server limits the *rate*: then a
//! [throttle] takes over, set from the successes a second that were measured. [Closings](closings) count as
//! rejections only where fewer at once make them rarer.

mod closings;
mod cohort;
mod epoch;
mod probe;
#[cfg(test)]
mod simulation;
mod success_rate;
mod throttle;
mod verdict;

use std::time::{Duration, Instant};

use crate::clock;
use crate::job::ticket::Sample;
use closings::{Closings, Finding};
use cohort::{Cohort, Cohorts, Summary};
use epoch::Epoch;
use probe::Probe;
use success_rate::SuccessRate;
use throttle::Throttle;
pub(crate) use verdict::{Report, Verdict};

/// What a host is given before anything is known of it.
const FIRST_LIMIT: f64 = 8.0;
/// Seconds, before anything is known.
const FIRST_LATENCY: f64 = 0.1;
/// So much more is in flight than the server's throughput and the lowest latency need: at least 99 % of the
/// throughput for about 1.26 times the latency.
const HEADROOM: f64 = 1.25;
/// The longest pause that a server is granted, in seconds.
const LONGEST_PAUSE: f64 = 300.0;
/// A latency counts as at most so many times the mean: noise must not cost throughput.
const CLIP: f64 = 4.0;
/// How fast the mean latency follows.
const LATENCY_WEIGHT: f64 = 1.0 / 48.0;
/// How often draining is tried again while the baseline keeps falling.
const DRAININGS: u32 = 5;

/// Whether a host may be sent another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Now.
    Go,
    /// Once one that is in flight has ended.
    Full,
    /// At this moment.
    Until(Instant),
}

/// Finds the concurrency of one host. All operations are quick and draw on nothing random.
#[derive(Debug)]
pub(crate) struct Controller {
    cap: f64,
    /// Times are seconds since the first call.
    began: Option<Instant>,
    phase: Phase,
    /// Requests that may be in flight; fractions are given out in turns.
    limit: f64,
    fraction: f64,
    bonus: usize,
    /// The highest limit that is known to bring no rejections, once there were some.
    good: f64,
    /// The highest at which a whole cohort brought none.
    proven: f64,
    /// The latency of the server when it is not loaded: the lowest that was seen.
    baseline: f64,
    mean: f64,
    mean_square: f64,
    knows_latency: bool,
    /// The server wants to be left alone until then.
    paused_until: f64,
    was_paused: bool,
    /// Whether it has ever asked for that.
    asks_for_pauses: bool,
    throttle: Throttle,
    probe: Probe,
    epoch: Epoch,
    success_rate: SuccessRate,
    cohorts: Cohorts,
    closings: Closings,
    sequence: u64,
    /// How often of late a request took the last place.
    fullness: f64,
    /// The cohort that the first phase compares with.
    compared: Option<Summary>,
    /// How it was before the limit was lowered for latency's sake, until it is known whether that was right.
    shrunk: Option<Before>,
}

/// How far the search has come.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Doubling each round trip, while it pays.
    Start,
    /// Holding back until the server's queue is empty, to learn its unloaded latency.
    Drain { round: u32, before: Before },
    /// Adjusting.
    Steady,
}

/// What was before a step.
#[derive(Debug, Clone, Copy)]
struct Before {
    limit: f64,
    in_flight: f64,
    latency: f64,
}

impl Controller {
    /// For a host that may never have more than `cap` requests in flight.
    pub(crate) fn new(cap: usize) -> Self {
        let cap = cap.max(1) as f64;
        Self {
            cap,
            began: None,
            phase: Phase::Start,
            limit: FIRST_LIMIT.min(cap),
            fraction: 0.0,
            bonus: 0,
            good: f64::INFINITY,
            proven: 0.0,
            baseline: f64::INFINITY,
            mean: FIRST_LATENCY,
            mean_square: FIRST_LATENCY * FIRST_LATENCY,
            knows_latency: false,
            paused_until: 0.0,
            was_paused: false,
            asks_for_pauses: false,
            throttle: Throttle::default(),
            probe: Probe::default(),
            epoch: Epoch::default(),
            success_rate: SuccessRate::default(),
            cohorts: Cohorts::default(),
            closings: Closings::default(),
            sequence: 0,
            fullness: 0.0,
            compared: None,
            shrunk: None,
        }
    }

    /// Whether another request may be sent, with so many in flight.
    pub(crate) fn gate(&mut self, now: Instant, in_flight: usize) -> Gate {
        let time = self.time(now);
        if time < self.paused_until {
            return Gate::Until(self.moment(self.paused_until));
        }
        if in_flight >= self.places() {
            return Gate::Full;
        }
        match self.throttle.closed_until(time) {
            Some(until) => Gate::Until(self.moment(until)),
            None => Gate::Go,
        }
    }

    /// Takes account of a request that is sent now, and is one of so many in flight.
    pub(crate) fn sent(&mut self, now: Instant, in_flight: usize) -> Sample {
        let time = self.time(now);
        if std::mem::take(&mut self.was_paused) {
            self.success_rate.restart(time);
        }
        let was_throttled = self.throttle.sent(time);
        let took_last = !was_throttled && in_flight >= self.places();
        self.fullness += 0.05 * (f64::from(u8::from(took_last)) - self.fullness);
        self.sequence += 1;
        let need = self.cohort_size();
        let cohort = self.cohorts.sent(time, in_flight, self.limit, need);
        let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX);
        Sample { cohort, sequence: self.sequence, sent: time, in_flight }
    }

    /// Takes account of a request that has ended, with so many still in flight.
    pub(crate) fn done(&mut self, now: Instant, in_flight: usize, ticket: Sample, report: Report) {
        let time = self.time(now);
        self.give_out_fraction();
        let says_load = self.is_for_load(time, ticket, report.verdict);
        match report.verdict {
            Verdict::Closed if says_load => self.rejected(time, in_flight, ticket, None),
            Verdict::Success => self.succeeded(time, in_flight, ticket, report.latency),
            Verdict::Rejected => self.rejected(time, in_flight, ticket, report.retry_after),
            Verdict::Closed | Verdict::Neutral => self.cohorts.forget(ticket, false),
        }
        if let Some(cohort) = self.cohorts.finished(time, self.mean) {
            self.learn(time, &cohort);
        }
    }

    /// Whether a request was closed because there were too many.
    fn is_for_load(&mut self, time: f64, ticket: Sample, verdict: Verdict) -> bool {
        if verdict == Verdict::Neutral {
            return false;
        }
        let (was_closed, is_throttled) = (verdict == Verdict::Closed, self.throttle.is_on());
        let finding = self.closings.note(time, ticket, was_closed, self.limit, is_throttled);
        if finding == Finding::WasWrong {
            // So is what has been learned from them.
            self.throttle.turn_off();
            self.good = f64::INFINITY;
            self.phase = Phase::Start;
            self.compared = None;
            self.set_limit(self.limit.max(FIRST_LIMIT));
            self.cohorts.clear();
        }
        finding == Finding::TooMany
    }

    /// Requests that may be in flight.
    #[cfg(test)]
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    fn places(&self) -> usize {
        // While closings are looked into, fewer than that.
        (self.limit.min(self.closings.most()) as usize).max(1) + self.bonus
    }

    /// A limit of 2.5 is 2 and 3 in turns.
    fn give_out_fraction(&mut self) {
        self.fraction += self.limit.fract();
        self.bonus = usize::from(self.fraction >= 1.0);
        self.fraction -= self.bonus as f64;
    }

    fn set_limit(&mut self, limit: f64) {
        self.limit = limit.clamp(1.0, self.cap);
    }

    fn succeeded(&mut self, time: f64, in_flight: usize, ticket: Sample, latency: Duration) {
        self.success_rate.count(time, self.mean);
        self.probe.earn();
        if ticket.sent > self.epoch.began {
            self.epoch.success();
        }
        let mut latency = latency.as_secs_f64();
        if self.knows_latency {
            latency = latency.min(CLIP * self.mean);
        }
        self.mean += LATENCY_WEIGHT * (latency - self.mean);
        self.mean_square += LATENCY_WEIGHT * (latency * latency - self.mean_square);
        let is_full = (in_flight + 1) as f64 >= 0.9 * self.limit;
        if matches!(self.phase, Phase::Start) && is_full && self.mean < 1.5 * self.baseline {
            self.set_limit(self.limit + 1.0);
        }
        self.cohorts.add(ticket, latency);
    }

    fn rejected(&mut self, time: f64, in_flight: usize, ticket: Sample, retry_after: Option<Duration>) {
        self.cohorts.forget(ticket, true);
        let pause = retry_after.map(|wait| wait.as_secs_f64().min(LONGEST_PAUSE));
        if let Some(pause) = pause {
            self.paused_until = self.paused_until.max(time + pause);
            self.was_paused = true;
            self.asks_for_pauses = true;
        }
        self.probe.pay();
        if ticket.sent <= self.epoch.began {
            // It was sent before what has been done about its kind.
            return;
        }
        self.epoch.rejection(ticket.in_flight);
        let is_flooded = self.probe.clean < 2 && self.epoch.rejected > 0.2 * self.epoch.ended();
        if is_flooded && !self.throttle.is_on() {
            self.set_limit(self.limit.min(in_flight as f64));
        }
        if pause.is_some() || self.epoch.is_rejected_too_often() {
            self.cut(time, ticket.sequence, pause);
        }
    }

    /// Too much is rejected: less is asked of the server.
    fn cut(&mut self, time: f64, sequence: u64, pause: Option<f64>) {
        if self.probe.clean >= 8 || self.probe.is_probing {
            self.probe.restart(!matches!(self.phase, Phase::Start));
        }
        self.probe.streak += 1;
        self.probe.pauses += pause.unwrap_or_default();
        self.phase = Phase::Steady;
        let keep = if pause.is_some() { 0.7 } else { 0.95 };
        let accepted = self.epoch.accepted_share(sequence).clamp(0.5, keep);
        let is_measured = time - self.epoch.began >= self.mean;
        let measured = self.success_rate.per_second(time, self.mean).filter(|_| is_measured);
        let measured = measured.map(|rate| rate * keep);
        match self.throttle.rate() {
            None => self.cut_limit(pause, accepted, measured),
            Some(rate) => {
                self.throttle.bad = rate;
                let less = measured.unwrap_or(rate * accepted).clamp(0.4 * rate, 0.97 * rate);
                self.set_rate(less);
            }
        }
        self.throttle.open_at(time);
        self.probe.end(time);
        self.epoch = Epoch::new(time, self.sequence);
        self.cohorts.open();
        self.cohorts.clear();
        self.shrunk = None;
    }

    fn cut_limit(&mut self, pause: Option<f64>, accepted: f64, measured: Option<f64>) {
        let before = self.limit;
        let met = self.epoch.least_in_flight.min(before + 1.0);
        let good = if self.probe.is_probing && self.good.is_finite() {
            self.good.min(before)
        } else {
            (met - 1.0).min(before) * if pause.is_some() { 0.9 } else { 1.0 }
        };
        self.good = good.max(1.0);
        self.set_limit(before.min(0.9 * self.good));
        self.probe.step = 0.5;
        let streak = self.probe.streak;
        // What has once been borne in full is rejected now.
        let is_proven = self.epoch.least_in_flight <= self.proven;
        self.proven = self.proven.min(self.good);
        if before < 1.5 || streak >= 4 || (streak >= 2 && is_proven) {
            // Fewer at once do not help: it is the rate that is limited.
            self.throttle.bad = f64::INFINITY;
            self.set_rate(measured.unwrap_or(before / self.mean * accepted));
            self.throttle.usage = 1.0;
            self.fullness = 0.0;
        }
    }

    fn set_rate(&mut self, rate: f64) {
        let rate = self.throttle.set(rate);
        self.set_limit(HEADROOM * rate * self.baseline.min(2.0 * self.mean) + 1.0);
    }

    /// A cohort has come back.
    fn learn(&mut self, time: f64, cohort: &Cohort) {
        let summary = cohort.summary(time, CLIP * self.mean);
        if !self.knows_latency {
            self.knows_latency = true;
            self.mean = summary.latency;
            self.mean_square = summary.mean_square;
        }
        let is_calm = cohort.rejected <= 1.0 + 0.01 * cohort.count;
        if cohort.rejected == 0.0 {
            self.probe.clean += 1;
        } else if cohort.rejected >= 2.0 {
            self.probe.clean = 0;
        }
        self.epoch.least_in_flight = f64::INFINITY;
        let is_full = self.fullness > 0.25;
        if cohort.rejected == 0.0 && is_full {
            self.proven = self.proven.max(cohort.least_limit);
        }
        let is_proven = self.good.is_finite() && cohort.least_limit >= self.good;
        if self.probe.is_probing && is_full && is_calm && is_proven {
            self.good = cohort.least_limit;
        }
        if let Some(rate) = self.throttle.rate() {
            return self.learn_throttled(time, &summary, rate, is_calm);
        }
        match self.phase {
            Phase::Start => self.learn_at_start(summary),
            Phase::Drain { round, before } => self.learn_drained(&summary, round, before),
            Phase::Steady => self.learn_steady(time, &summary, is_full && is_calm),
        }
    }

    fn learn_throttled(&mut self, time: f64, cohort: &Summary, rate: f64, is_calm: bool) {
        self.baseline = self.baseline.min(cohort.at_most);
        self.set_rate(rate);
        if !is_calm || self.throttle.usage <= 0.25 {
            return;
        }
        if self.probe.may_probe(time, rate * self.mean, self.limit) {
            // Perhaps it was the number after all.
            self.throttle.turn_off();
            let in_flight = cohort.in_flight.max(1.0);
            self.set_limit(in_flight);
            self.good = in_flight;
            self.probe.top = in_flight;
            self.probe.step = 0.5;
            self.cohorts.clear();
            return;
        }
        let target = self.throttle.bad * if self.asks_for_pauses { 0.92 } else { 0.94 };
        if rate < target {
            let growth = if rate < 0.85 * self.throttle.bad { 1.1 } else { 1.02 };
            self.set_rate(target.min(rate * growth));
        }
    }

    fn learn_at_start(&mut self, cohort: Summary) {
        self.baseline = self.baseline.min(cohort.at_most);
        let Some(before) = &self.compared else {
            self.compared = Some(cohort);
            return;
        };
        let growth = cohort.in_flight / before.in_flight;
        if growth <= 1.15 {
            return;
        }
        let error = cohort.error.hypot(before.error);
        let gain = cohort.throughput() / before.throughput() * (1.0 + error);
        if gain * gain >= growth {
            self.compared = Some(cohort);
            return;
        }
        // More in flight no longer brings more: they queue.
        let needed = cohort.in_flight * self.baseline / cohort.latency;
        let before =
            Before { limit: HEADROOM * needed, in_flight: cohort.in_flight, latency: cohort.latency };
        self.drain(0, before, 0.5 * needed);
    }

    fn drain(&mut self, round: u32, before: Before, limit: f64) {
        self.phase = Phase::Drain { round, before };
        self.set_limit(limit);
        self.cohorts.close();
        self.cohorts.clear();
    }

    fn learn_drained(&mut self, cohort: &Summary, round: u32, mut before: Before) {
        let throughput = before.in_flight / before.latency;
        let old = self.baseline;
        self.baseline = if cohort.latency < old {
            cohort.at_most.min(old)
        } else {
            cohort.latency.min(before.latency.max(old))
        };
        self.shrunk = None;
        let needed = throughput * self.baseline;
        if round < DRAININGS && self.baseline < 0.85 * old {
            before.limit = HEADROOM * needed;
            return self.drain(round + 1, before, 0.5 * needed);
        }
        self.phase = Phase::Steady;
        self.set_limit(self.limit.max((HEADROOM * needed).min(HEADROOM * before.limit)));
        self.cohorts.clear();
    }

    fn learn_steady(&mut self, time: f64, cohort: &Summary, may_grow: bool) {
        if let Some(before) = self.shrunk.take() {
            let change = cohort.in_flight / before.in_flight;
            let gain = cohort.throughput() / (before.in_flight / before.latency);
            if change < 0.9 && gain * gain < change && cohort.latency / self.baseline > 1.125 {
                // It cost throughput and did not bring the latency down: the baseline is not what it was.
                let before =
                    Before { limit: before.limit, in_flight: cohort.in_flight, latency: cohort.latency };
                let needed = cohort.in_flight * self.baseline / cohort.latency;
                return self.drain(DRAININGS - 1, before, 0.7 * needed);
            }
        }
        self.baseline = self.baseline.min(cohort.at_most);
        let slowness = cohort.latency / self.baseline;
        let wanted = HEADROOM * cohort.in_flight / slowness;
        let wanted = wanted.clamp(0.7 * self.limit, 1.25 * self.limit);
        // The lowest latency of many cohorts is lower than that of the server. Where rejections say what is too
        // much, latency must say it the more clearly.
        let doubt = if self.good.is_finite() { 3.0 } else { 1.0 };
        if slowness * (1.0 - doubt * cohort.error) > HEADROOM {
            if wanted < self.limit {
                self.shrunk =
                    Some(Before { limit: self.limit, in_flight: cohort.in_flight, latency: cohort.latency });
                self.set_limit(wanted);
                self.cohorts.clear();
            }
        } else if may_grow && wanted > 1.02 * self.limit {
            self.grow(time, wanted);
        }
    }

    fn grow(&mut self, time: f64, wanted: f64) {
        let wanted = wanted.max(self.limit + 0.5);
        if self.good.is_infinite() {
            self.set_limit(wanted);
        } else if self.limit < self.good - 0.01 {
            self.set_limit(wanted.min(self.good));
        } else if self.probe.may_probe(time, self.limit, self.limit) {
            let before = self.limit;
            let step = self.probe.step.max(0.02 * before);
            self.set_limit(before + step);
            self.probe.step = (2.0 * step).min(0.25 * before);
            if self.limit > 1.5 * self.probe.top {
                self.good = f64::INFINITY;
            }
        }
    }

    /// How many requests make a cohort: enough for a standard error of about 8 %.
    fn cohort_size(&self) -> f64 {
        let most = match self.phase {
            Phase::Start if !self.knows_latency => return 16.0,
            Phase::Start => return 32.0,
            Phase::Drain { .. } => 64.0,
            Phase::Steady => 512.0,
        };
        let variance = (self.mean_square / (self.mean * self.mean) - 1.0).max(0.0);
        (144.0 * variance).clamp(32.0, most)
    }

    fn time(&mut self, now: Instant) -> f64 {
        now.saturating_duration_since(*self.began.get_or_insert(now)).as_secs_f64()
    }

    fn moment(&self, time: f64) -> Instant {
        let passed = Duration::try_from_secs_f64(time).unwrap_or_default();
        // Rounded up: a moment too early would be asked about again.
        self.began.map_or_else(clock::now, |began| began + passed + Duration::from_nanos(1))
    }
}
