//! When the next request may go under the rates of one unit, whatever each costs: a pure state machine.

use std::time::{Duration, Instant};

use crate::clock::FOREVER;
use crate::config::budget::BudgetRate;
use crate::schedule::pace::LENIENCY;
use crate::schedule::quota::Quota;

/// How long what was given back may be used besides what comes by the rate: as with a pause, what nobody wanted then is
/// not made up for.
const CREDIT_LASTS: Duration = Duration::from_secs(1);

/// One number, the next free time: a request of cost c moves it by c / rate, and any request may go once it has come.
/// So one that costs much waits no longer for its turn than one that costs little, and it is those behind it who wait.
///
/// That is for the shortest window of the unit's rates, over which use is spread evenly, with a burst where one is
/// stated. The longer ones are quotas over a sliding window, which may be used up at once.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    /// Seconds that one of the unit takes, and the same as most are counted.
    seconds_each: f64,
    of_one: Duration,
    /// How far ahead of its time a request may go.
    tolerance: Duration,
    window: Duration,
    /// The next free time; `None` before the first request.
    next: Option<Instant>,
    /// What was given back too late to move the next free time, and when.
    credit: Duration,
    credited: Option<Instant>,
    quotas: Vec<Quota>,
    /// Somebody waits for a quota until then: till then nobody else takes what it waits for.
    held_until: Option<Instant>,
    /// When it first counted something.
    began: Option<Instant>,
}

impl Meter {
    /// Of rates of which there is at least one; of those with the shortest window, the strictest counts.
    pub(crate) fn new(rates: &[BudgetRate]) -> Self {
        let shortest = rates.iter().map(|rate| rate.window()).min().unwrap_or_default();
        let (even, longer): (Vec<&BudgetRate>, Vec<&BudgetRate>) =
            rates.iter().partition(|rate| rate.window() == shortest);
        let strictest =
            even.into_iter().max_by(|one, other| one.seconds_each().total_cmp(&other.seconds_each()));
        let (seconds_each, burst) = strictest.map_or((0.0, 0.0), |rate| (rate.seconds_each(), rate.burst()));
        Self {
            seconds_each,
            of_one: time(seconds_each),
            // The first of a burst goes in its own time.
            tolerance: time(seconds_each * (burst - 1.0).max(0.0)),
            window: shortest,
            next: None,
            credit: Duration::ZERO,
            credited: None,
            quotas: longer.into_iter().map(|rate| Quota::new(rate.amount(), rate.window())).collect(),
            held_until: None,
            began: None,
        }
    }

    /// How much of the unit comes in a second, by the shortest of its windows.
    pub(crate) fn per_second(&self) -> f64 {
        self.seconds_each.recip()
    }

    /// Until when a request of this cost may not be sent; `None` where it may.
    #[inline]
    pub(crate) fn closed_until(&self, now: Instant, cost: f64) -> Option<Instant> {
        if self.held_until.is_none() && self.quotas.is_empty() && self.next.is_none_or(|next| next <= now) {
            return None;
        }
        self.found_closed_until(now, cost)
    }

    fn found_closed_until(&self, now: Instant, cost: f64) -> Option<Instant> {
        let free = self.next.and_then(|next| next.checked_sub(self.tolerance));
        let mut until = free.max(self.held_until).filter(|due| *due > now);
        for quota in &self.quotas {
            until = until.max(quota.closed_until(now, cost));
        }
        until
    }

    /// Notes that a request of this cost waits: nothing that costs less takes what it waits for.
    pub(crate) fn hold(&mut self, now: Instant, cost: f64) {
        self.held_until = self.closed_until(now, cost);
    }

    /// Nobody may wait any more who did.
    pub(crate) fn let_go(&mut self) {
        self.held_until = None;
    }

    /// Whether a fresh one in its place would behave the same.
    pub(crate) fn is_unused(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now) && self.quotas.iter().all(|quota| quota.is_unused(now))
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, now: Instant, cost: f64) {
        self.began.get_or_insert(now);
        self.held_until = None;
        self.owe(now, cost);
    }

    /// Sets right what a request that was counted at a moment did cost.
    pub(crate) fn settle(&mut self, now: Instant, counted: Instant, estimate: f64, actual: f64) {
        if actual > estimate {
            self.owe(now, actual - estimate);
        } else if self.began.is_some_and(|began| began <= counted) {
            self.give_back(now, counted, estimate - actual);
        }
    }

    fn owe(&mut self, now: Instant, cost: f64) {
        let mut span = self.span(cost);
        if !self.credit.is_zero() {
            span -= self.use_credit(now, span);
        }
        let due = self.next.filter(|due| *due + LENIENCY >= now).unwrap_or(now);
        self.next = due.checked_add(span).or(self.next);
        for quota in &mut self.quotas {
            quota.count(now, cost);
        }
    }

    /// Uses up to so much of what was given back lately. Returns how much.
    fn use_credit(&mut self, now: Instant, span: Duration) -> Duration {
        if self.credited.is_some_and(|credited| now.saturating_duration_since(credited) > CREDIT_LASTS) {
            (self.credit, self.credited) = (Duration::ZERO, None);
        }
        let used = span.min(self.credit);
        self.credit -= used;
        used
    }

    /// How long what costs so much takes.
    #[inline]
    fn span(&self, cost: f64) -> Duration {
        if cost == 1.0 { self.of_one } else { time(self.seconds_each * cost) }
    }

    fn give_back(&mut self, now: Instant, counted: Instant, cost: f64) {
        let span = self.span(cost);
        let ahead = self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        if let Some(next) = self.next {
            self.next = next.checked_sub(span.min(ahead));
        }
        if let Some(rest) = span.checked_sub(ahead).filter(|rest| !rest.is_zero()) {
            self.credit = (self.credit + rest).min(self.window);
            self.credited = Some(now);
        }
        for quota in &mut self.quotas {
            quota.give_back(counted, cost);
        }
        // Whoever waits looks again for how long.
        self.held_until = None;
    }
}

/// So many seconds, as far as clocks can add them.
fn time(seconds: f64) -> Duration {
    // The conversion that checks takes several times as long; a cast saturates.
    Duration::from_nanos((seconds * 1e9 + 0.5) as u64).min(FOREVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn meter(rates: &[&str]) -> Meter {
        Meter::new(&rates.iter().map(|rate| rate.parse().unwrap()).collect::<Vec<_>>())
    }

    /// When requests of these costs are sent, one after the other, by a sender that looks every `step`.
    fn sent(meter: &mut Meter, step: Duration, costs: impl IntoIterator<Item = f64>) -> Vec<(Duration, f64)> {
        let begin = clock::now();
        let mut passed = Duration::ZERO;
        let mut sent = Vec::new();
        for cost in costs {
            while let Some(due) = meter.closed_until(begin + passed, cost) {
                meter.hold(begin + passed, cost);
                let steps = (due - begin - passed).as_nanos().div_ceil(step.as_nanos());
                passed += step * u32::try_from(steps).unwrap();
            }
            meter.count(begin + passed, cost);
            sent.push((passed, cost));
        }
        sent
    }

    fn seconds(sent: &[(Duration, f64)]) -> Vec<f64> {
        sent.iter().map(|(at, _)| at.as_secs_f64()).collect()
    }

    #[track_caller]
    fn assert_about(times: &[f64], expected: &[f64]) {
        let is_near = times.iter().zip(expected).all(|(time, expected)| (time - expected).abs() < 0.0021);
        assert!(is_near && times.len() == expected.len(), "{times:?}");
    }

    #[test]
    fn a_request_moves_the_next_free_time_by_what_it_costs() {
        let sent = sent(&mut meter(&["1000/s"]), MILLISECOND, [100.0, 900.0, 10.0, 0.0, 1.0]);
        assert_about(&seconds(&sent), &[0.0, 0.1, 1.0, 1.01, 1.01]);
    }

    #[test]
    fn a_burst_goes_at_once_and_what_follows_at_the_rate() {
        let times = seconds(&sent(&mut meter(&["10/s;burst=5"]), MILLISECOND, [1.0; 8]));
        assert_about(&times, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.3]);
        // One that is larger than the burst waits for no more than its turn.
        let times = seconds(&sent(&mut meter(&["10/s;burst=5"]), MILLISECOND, [4.0, 8.0, 1.0]));
        assert_about(&times, &[0.0, 0.0, 0.8]);
    }

    #[test]
    fn of_equal_windows_the_strictest_counts_and_longer_ones_are_quotas() {
        let times = seconds(&sent(&mut meter(&["100/s", "10/s", "20/min"]), MILLISECOND, [4.0; 6]));
        assert_about(&times, &[0.0, 0.4, 0.8, 1.2, 1.6, 60.0]);
    }

    #[test]
    fn what_is_given_back_may_be_used_at_once_and_what_is_owed_delays_the_next() {
        let begin = clock::now();
        let at = |milliseconds: u64| begin + Duration::from_millis(milliseconds);
        let mut meter = meter(&["1000/s"]);
        meter.count(begin, 1000.0);
        meter.settle(at(100), begin, 1000.0, 400.0);
        assert_eq!(meter.closed_until(at(100), 1.0), Some(at(400)));
        meter.settle(at(200), begin, 400.0, 700.0);
        assert_eq!(meter.closed_until(at(200), 1.0), Some(at(700)));
        // Too late to move the time: 600 go at once.
        meter.settle(at(700), begin, 700.0, 100.0);
        for _ in 0..6 {
            assert_eq!(meter.closed_until(at(700), 100.0), None);
            meter.count(at(700), 100.0);
        }
        meter.count(at(700), 100.0);
        assert_eq!(meter.closed_until(at(700), 100.0), Some(at(800)));
    }

    #[test]
    fn neither_a_pause_nor_what_was_given_back_before_it_is_made_up_for() {
        let begin = clock::now();
        let mut meter = meter(&["10/s"]);
        meter.count(begin, 5.0);
        meter.settle(begin + Duration::from_secs(1), begin, 5.0, 0.0);
        let later = begin + Duration::from_secs(60);
        meter.count(later, 1.0);
        assert_eq!(meter.closed_until(later, 1.0), Some(later + Duration::from_millis(100)));
        assert!(meter.is_unused(later + Duration::from_secs(1)));
    }

    #[test]
    fn what_was_counted_by_another_meter_is_not_given_back_by_this_one() {
        let begin = clock::now();
        let mut meter = meter(&["10/s"]);
        let later = begin + Duration::from_secs(9);
        meter.settle(later, begin, 50.0, 0.0);
        meter.count(later, 1.0);
        assert_eq!(meter.closed_until(later, 1.0), Some(later + Duration::from_millis(100)));
    }

    #[test]
    fn a_large_request_that_waits_for_a_quota_is_not_starved_by_small_ones() {
        let begin = clock::now();
        let mut meter = meter(&["1000/s", "1000/min"]);
        for second in 0..9_u32 {
            meter.count(begin + Duration::from_secs(u64::from(second)), 100.0);
        }
        let now = begin + Duration::from_secs(10);
        let opens = meter.closed_until(now, 500.0).unwrap();
        assert_eq!(opens, begin + Duration::from_secs(63));
        assert_eq!(meter.closed_until(now, 50.0), None);
        meter.hold(now, 500.0);
        assert_eq!(meter.closed_until(now, 50.0), Some(opens));
        assert_eq!(meter.closed_until(opens, 500.0), None);
        meter.let_go();
        assert_eq!(meter.closed_until(now, 50.0), None);
    }

    #[test]
    fn no_amount_breaks_it() {
        let begin = clock::now();
        let mut meter = meter(&["1/day", "3/30day"]);
        for amount in [f64::MAX, 1e18, 0.0, f64::MIN_POSITIVE] {
            meter.count(begin, amount);
            meter.settle(begin, begin, 0.0, amount);
            meter.settle(begin, begin, amount, 0.0);
        }
        assert!(meter.closed_until(begin, 1.0).is_none_or(|until| until > begin));
    }

    fn costs() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((0.0..9.0_f64).prop_map(|power| power.exp().floor()), 20..200)
    }

    proptest! {
        /// Whatever requests cost, what is used in any time is within what the rate gives, and one request more; and as
        /// long as somebody waits, not less.
        #[test]
        fn a_budget_is_held_and_used(costs in costs(), per_minute in 20_000..200_000_u32, step in 1..15_u64) {
            let mut meter = meter(&[&format!("{per_minute}/min")]);
            let sent = sent(&mut meter, Duration::from_millis(step), costs);
            let each = f64::from(per_minute) / 60.0;
            let late = LENIENCY.as_secs_f64();
            for first in 0..sent.len() {
                let mut used = 0.0;
                for (at, cost) in &sent[first..] {
                    let time = (*at - sent[first].0).as_secs_f64();
                    prop_assert!(used <= (time + late) * each + 1.0, "{used} in {time}");
                    used += cost;
                }
            }
            let (last, cost) = *sent.last().unwrap();
            let used: f64 = sent.iter().map(|(_, cost)| cost).sum::<f64>() - cost;
            prop_assert!(used >= last.as_secs_f64() * each * 0.99 - late * each - 1.0);
        }

        /// With estimates that are wrong and settled some time later, the rate is held over time all the same.
        #[test]
        fn what_is_settled_counts(
            costs in costs(),
            wrong in prop::collection::vec(0.5..1.5_f64, 200),
            latency in 0..3_000_u64,
        ) {
            let mut meter = meter(&["1000/s"]);
            let begin = clock::now();
            let mut now = begin;
            let mut due: Vec<(Instant, Instant, f64, f64)> = Vec::new();
            let mut used = 0.0;
            let mut owed = 0.0_f64;
            for (cost, wrong) in costs.iter().zip(wrong) {
                let estimate = cost * wrong;
                while let Some(free) = meter.closed_until(now, estimate) {
                    let settled = due.iter().map(|entry| entry.0).min();
                    now = settled.map_or(free, |settled| settled.min(free)).max(now + MILLISECOND);
                    for (_, counted, estimate, actual) in due.extract_if(.., |entry| entry.0 <= now) {
                        meter.settle(now, counted, estimate, actual);
                    }
                }
                meter.count(now, estimate);
                due.push((now + Duration::from_millis(latency), now, estimate, *cost));
                used += cost;
                owed = owed.max(due.iter().map(|(_, _, estimate, actual)| (actual - estimate).max(0.0)).sum());
            }
            let time = (now - begin).as_secs_f64();
            let last = costs.last().unwrap();
            prop_assert!(used - last <= (time + 0.02) * 1000.0 + owed + last + 1000.0, "{used} in {time}");
        }
    }
}
