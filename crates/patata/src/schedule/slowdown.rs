//! How slowly a host is asked that has said "too many": a pure state machine.
//!
//! Its concurrency and its pace are halved at once, and again for as long as it says nothing else. What it has
//! accepted since tells what it bears: up to that, the pace comes back fast, and from there on carefully.

use std::time::{Duration, Instant};

use crate::schedule::adaptive::Gate;

/// The slowest pace, in requests a second, and when it is so no longer: a server that has accepted nothing for a
/// minute has another reason, and what is sent to it is to fail rather than to wait for ever.
const LEAST: f64 = 1.0;
const PATIENCE: Duration = Duration::from_secs(60);
const LEAST_THEN: f64 = 20.0;
/// The fastest, before it is known what it bears.
const FIRST: f64 = 50.0;
/// Rejections in a row that are no chance.
const IN_A_ROW: u32 = 3;
/// The share of rejections that is put up with, where it does not grow: some servers draw lots.
const PUT_UP_WITH: f64 = 0.04;
/// Ended requests past which the counts are halved, so that they follow.
const REMEMBERED: f64 = 200.0;
/// What each answer adds to the pace, in requests a second, up to what the host has borne before.
const FAST: f64 = 2.0;
/// The same from there on, at first; it doubles in each [`DOUBLING`] without a setback.
const SLOW: f64 = 0.02;
const DOUBLING: f64 = 4.0;
/// What each answer adds to the concurrency while that is used up.
const WIDEN: f64 = 0.1;
/// So long without a rejection, and the host is as any other.
const OVER: Duration = Duration::from_secs(60);

/// What is asked of one host, from its first "too many" on.
#[derive(Debug)]
pub(crate) struct Slowdown {
    /// Requests that may be in flight, and the most there may ever be.
    places: f64,
    most: f64,
    /// Requests a second.
    rate: f64,
    /// When the next one may go.
    next: Instant,
    /// Whether one has been held back by the pace since the last was sent.
    is_holding: bool,
    /// Whether the last one that was sent had been: then the pace is what limits.
    was_held: bool,
    /// What was sent before this says nothing of what has been done since.
    cut: Instant,
    /// Since when nothing has been accepted, where that is so.
    shut: Option<Instant>,
    rejected_in_a_row: u32,
    /// Of what was sent since.
    ended: f64,
    rejected: f64,
    /// When it last opened, and what it has accepted since; `None` before it has done so.
    opened: Option<Instant>,
    accepted: u32,
    /// Requests a second that it is known to accept.
    borne: f64,
    last_rejection: Instant,
}

impl Slowdown {
    /// For a host that has rejected, just now, what was sent at `sent`, with at most so many in flight.
    pub(crate) fn new(now: Instant, sent: Instant, most: usize) -> Self {
        let most = most.max(1) as f64;
        let mut slowdown = Self {
            places: most,
            most,
            rate: 2.0 * FIRST,
            next: now,
            is_holding: false,
            was_held: false,
            cut: now,
            shut: None,
            rejected_in_a_row: 0,
            ended: 0.0,
            rejected: 0.0,
            opened: None,
            accepted: 0,
            borne: f64::INFINITY,
            last_rejection: now,
        };
        slowdown.halve(now, now.saturating_duration_since(sent), most);
        slowdown
    }

    /// Whether it may be sent another request, with so many in flight.
    pub(crate) fn gate(&mut self, now: Instant, in_flight: usize) -> Gate {
        if in_flight as f64 >= self.places.floor() {
            return Gate::Full;
        }
        if now < self.next {
            self.is_holding = true;
            return Gate::Until(self.next);
        }
        Gate::Go
    }

    /// Takes account of a request that is sent now.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.was_held = std::mem::take(&mut self.is_holding);
        let interval = Duration::from_secs_f64(1.0 / self.rate);
        // What a late timer has cost is made up for, a pause is not.
        self.next = self.next.max(now.checked_sub(interval).unwrap_or(now)) + interval;
    }

    /// Takes account of an answer other than "too many", with so many still in flight.
    pub(crate) fn accepted(&mut self, now: Instant, sent: Instant, in_flight: usize) {
        self.accepted += 1;
        if sent <= self.cut {
            return;
        }
        self.rejected_in_a_row = 0;
        self.count();
        if self.shut.take().is_some() {
            self.open(now);
        }
        let calm = (1.0 - self.rejected / self.ended / PUT_UP_WITH).max(0.0);
        if in_flight as f64 + 1.0 >= self.places.floor() {
            self.places = (self.places + WIDEN * calm).min(self.most);
        }
        if self.was_held {
            self.rate += self.growth(now) * calm;
        }
    }

    /// Takes account of a "too many", with so many still in flight, and whether it says for how long. Whether less is asked
    /// from now on.
    pub(crate) fn rejected(
        &mut self,
        now: Instant,
        sent: Instant,
        in_flight: usize,
        says_when: bool,
    ) -> bool {
        self.last_rejection = now;
        if sent <= self.cut {
            return false;
        }
        self.count();
        self.rejected += 1.0;
        self.rejected_in_a_row += 1;
        // One that says so costs a pause, chance or not.
        let is_no_chance =
            says_when || self.rejected_in_a_row >= IN_A_ROW || self.rejected > 2.0 + PUT_UP_WITH * self.ended;
        let is_slower = self.shut.is_some() || is_no_chance;
        if is_slower {
            self.halve(now, now.saturating_duration_since(sent), in_flight as f64 + 1.0);
        }
        is_slower
    }

    /// When the next request may go.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Whether it has been long enough without a rejection.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_rejection) > OVER
    }

    fn halve(&mut self, now: Instant, latency: Duration, in_flight: f64) {
        if self.shut.is_none() {
            self.places = (self.places.min(in_flight) / 2.0).max(1.0);
        }
        // So many in flight for so long are so many a second.
        let pace = in_flight / latency.as_secs_f64().max(0.001);
        let shut = *self.shut.get_or_insert(now);
        let least = if now.saturating_duration_since(shut) < PATIENCE { LEAST } else { LEAST_THEN };
        self.rate = (self.rate.min(pace) / 2.0).max(least);
        // What is on its way is heard of first.
        self.next = now + Duration::from_secs_f64(1.0 / self.rate).max(latency * 2);
        self.cut = now;
        self.rejected_in_a_row = 0;
        (self.ended, self.rejected) = (0.0, 0.0);
    }

    /// It accepts again: what it has accepted since it last did is what it bears on the whole.
    fn open(&mut self, now: Instant) {
        if let Some(before) = self.opened.replace(now) {
            let span = now.saturating_duration_since(before).as_secs_f64();
            self.borne = (f64::from(self.accepted) / span.max(0.001)).max(LEAST);
            self.rate = self.rate.min(self.borne);
        }
        self.accepted = 0;
    }

    fn growth(&self, now: Instant) -> f64 {
        if self.rate < self.borne {
            return FAST;
        }
        let calm = now.saturating_duration_since(self.cut).as_secs_f64();
        (SLOW * (calm / DOUBLING).exp2()).min(FAST)
    }

    fn count(&mut self) {
        self.ended += 1.0;
        if self.ended >= REMEMBERED {
            self.ended /= 2.0;
            self.rejected /= 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::clock;
    use crate::schedule::timed::Timed;

    /// What became of a run against a server.
    struct Run {
        accepted: usize,
        rejected: usize,
        seconds: f64,
    }

    /// Sends until so many have been accepted, each answered after `latency`. `accepts` is the server, by the
    /// seconds that have passed. One that says when to come back says in a second.
    fn run(wanted: usize, latency: f64, says_when: bool, mut accepts: impl FnMut(f64) -> bool) -> Run {
        let begin = clock::now();
        let latency = Duration::from_secs_f64(latency);
        let mut slowdown = Slowdown::new(begin, begin, 100);
        let (mut now, mut held) = (begin, begin);
        let mut answers = BinaryHeap::new();
        let mut run = Run { accepted: 0, rejected: 0, seconds: 0.0 };
        let mut sequence = 0;
        while run.accepted < wanted {
            let gate = if held > now { Gate::Until(held) } else { slowdown.gate(now, answers.len()) };
            let next_answer = answers.peek().map(|answer: &Timed<(Instant, bool)>| answer.due);
            match (gate, next_answer) {
                (Gate::Go, due) if due.is_none_or(|due| due > now) => {
                    slowdown.sent(now);
                    sequence += 1;
                    let is_accepted = accepts((now - begin).as_secs_f64());
                    answers.push(Timed { due: now + latency, sequence, what: (now, is_accepted) });
                    continue;
                }
                (Gate::Until(due), answer) if answer.is_none_or(|answer| answer > due) => {
                    now = due;
                    continue;
                }
                _ => {}
            }
            let Timed { due, what: (sent, is_accepted), .. } = answers.pop().unwrap();
            now = now.max(due);
            if is_accepted {
                run.accepted += 1;
                slowdown.accepted(now, sent, answers.len());
            } else {
                run.rejected += 1;
                if says_when {
                    held = now + Duration::from_secs(1);
                }
                slowdown.rejected(now, sent, answers.len(), says_when);
            }
        }
        run.seconds = (now - begin).as_secs_f64();
        run
    }

    /// So many in each second of the clock, of which the first is used up.
    fn by_the_second(most: u32) -> impl FnMut(f64) -> bool {
        let (mut second, mut count) = (0, most);
        move |time| {
            if time as u64 != second {
                (second, count) = (time as u64, 0);
            }
            count += 1;
            count <= most
        }
    }

    /// So many a second, of which so many may be saved up; none are at the beginning.
    fn bucket(rate: f64, burst: f64) -> impl FnMut(f64) -> bool {
        let (mut tokens, mut last) = (0.0_f64, 0.0);
        move |time| {
            tokens = (tokens + (time - last) * rate).min(burst);
            last = time;
            let is_accepted = tokens >= 1.0;
            tokens -= f64::from(u8::from(is_accepted));
            is_accepted
        }
    }

    #[test]
    fn a_limit_of_a_hundred_a_second_is_found_with_few_rejections_and_used() {
        for latency in [0.002, 0.05, 0.3] {
            for says_when in [false, true] {
                let runs = [
                    ("by the second", run(1900, latency, says_when, by_the_second(100))),
                    ("bucket of 100", run(1900, latency, says_when, bucket(100.0, 100.0))),
                    ("bucket of 10", run(1900, latency, says_when, bucket(100.0, 10.0))),
                ];
                for (name, Run { accepted, rejected, seconds }) in runs {
                    let shown = format!("{name}, {latency} s, {says_when}: {rejected} in {seconds:.0} s");
                    assert_eq!(accepted, 1900);
                    assert!(rejected <= 110, "{shown}");
                    assert!(seconds < 60.0, "{shown}");
                }
            }
        }
    }

    #[test]
    fn a_server_that_is_overloaded_no_more_is_soon_asked_for_all_it_can() {
        let Run { rejected, seconds, .. } = run(20_000, 0.01, false, |time| time > 0.5);
        assert!(rejected < 20 && seconds < 12.0, "{rejected} rejected in {seconds} s");
    }

    #[test]
    fn a_server_that_draws_lots_is_not_throttled_for_it() {
        let mut random = fastrand::Rng::with_seed(7);
        let Run { rejected, seconds, .. } = run(20_000, 0.01, false, |_| random.u32(..100) >= 2);
        assert!(rejected < 600 && seconds < 25.0, "{rejected} rejected in {seconds} s");
    }

    #[test]
    fn what_was_sent_before_a_cut_is_no_reason_for_another() {
        let now = clock::now();
        let mut slowdown = Slowdown::new(now, now, 100);
        let rate = slowdown.rate;
        for _ in 0..99 {
            slowdown.rejected(now, now, 50, false);
        }
        assert_eq!((slowdown.rate, slowdown.places), (rate, 50.0));
    }

    #[test]
    fn a_server_that_never_accepts_is_not_waited_for_for_ever() {
        let now = clock::now();
        let mut slowdown = Slowdown::new(now, now, 100);
        let mut passed = Duration::ZERO;
        for _ in 0..2000 {
            passed += Duration::from_secs_f64(1.0 / slowdown.rate);
            slowdown.rejected(now + passed, now + passed - Duration::from_millis(1), 0, false);
        }
        assert!(passed < Duration::from_secs(200), "{passed:?}");
    }

    proptest! {
        #[test]
        fn whatever_happens_something_may_be_sent_within_a_moment(
            events in prop::collection::vec((0..4_u8, 0..2000_u64, 0..3000_u64, 0..200_usize), 1..200),
        ) {
            let begin = clock::now();
            let mut now = begin;
            let mut slowdown = Slowdown::new(now, now, 100);
            for (event, passed, latency, in_flight) in events {
                now += Duration::from_millis(passed);
                let sent = begin.max(now.checked_sub(Duration::from_millis(latency)).unwrap_or(begin));
                match event {
                    0 => slowdown.sent(now),
                    1 => slowdown.accepted(now, sent, in_flight),
                    _ => _ = slowdown.rejected(now, sent, in_flight, event == 3),
                }
                prop_assert!(slowdown.rate.is_finite() && slowdown.rate > 0.0, "{slowdown:?}");
                prop_assert!((1.0..=100.0).contains(&slowdown.places), "{slowdown:?}");
            }
            let later = now + Duration::from_secs(3600);
            prop_assert_eq!(slowdown.gate(later, 0), Gate::Go);
        }
    }
}
