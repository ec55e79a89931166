//! Budgets over made-up time: rates, weights, and that nothing is lost.

use proptest::prelude::*;

use crate::units::budget::{Budget, GRACE, Telling};
use crate::units::sharer::SharerId;
use crate::units::terms::Terms;
use crate::units::{HORIZON, LATENESS, MILLISECOND, Nanos, SECOND};

const QUIET: Nanos = HORIZON + LATENESS;

fn budget(rates: &[(&str, &str)]) -> Budget {
    let terms = rates.iter().try_fold(Terms::new(), |terms, (unit, rate)| terms.rate(unit, rate));
    Budget::new(terms.unwrap(), 0)
}

/// All pieces that somebody was granted: to whom, when, how much.
type Pieces = Vec<(SharerId, Nanos, u64)>;

fn note(tellings: Vec<Telling>, pieces: &mut Pieces) {
    for telling in tellings {
        if let Telling::Slots { granted, .. } = telling {
            let run = granted.run;
            pieces.extend((0..run.pieces).map(|at| (granted.to, run.at + at * run.every, granted.piece)));
        }
    }
}

/// Lets all of them want more than there is, looking when it is due.
fn run(budget: &mut Budget, piece: impl Fn(SharerId) -> u64, from: Nanos, until: Nanos) -> Pieces {
    let mut pieces = Vec::new();
    let mut now = from;
    while now < until {
        let ids: Vec<_> = budget.sharers().iter().map(|sharer| sharer.id).collect();
        for id in ids {
            budget.want(id, 0, u64::MAX, piece(id)).unwrap();
        }
        note(budget.share_out(now), &mut pieces);
        now = budget.due(now).unwrap().max(now + 1);
    }
    pieces
}

/// The most in any time of a length.
fn most_in(pieces: &Pieces, window: Nanos) -> u64 {
    let mut sorted = pieces.clone();
    sorted.sort_by_key(|(_, at, _)| *at);
    let (mut first, mut sum, mut most) = (0, 0, 0);
    for last in 0..sorted.len() {
        sum += sorted[last].2;
        while sorted[last].1 - sorted[first].1 >= window {
            sum -= sorted[first].2;
            first += 1;
        }
        most = most.max(sum);
    }
    most
}

#[test]
fn nothing_is_granted_before_the_slots_of_one_who_held_it_before_are_over() {
    let mut budget = budget(&[("requests", "100/s")]);
    budget.join(1, String::new(), 1.0, 0);
    let pieces = run(&mut budget, |_| 1, 0, SECOND);
    assert!(pieces.iter().all(|(_, at, _)| *at >= QUIET));
    assert_eq!(pieces.first().unwrap().1, QUIET);
}

#[test]
fn those_who_share_a_rate_use_all_of_it_with_few_messages() {
    for sharers in [1, 4, 16] {
        let mut budget = budget(&[("requests", "2000/s")]);
        (0..sharers).for_each(|id| budget.join(id, String::new(), 1.0, 0));
        let (mut messages, mut now, mut pieces) = (0, 0, Pieces::new());
        while now < 10 * SECOND {
            (0..sharers).for_each(|id| budget.want(id, 0, u64::MAX, 1).unwrap());
            let tellings = budget.share_out(now);
            messages += tellings.len();
            note(tellings, &mut pieces);
            now = budget.due(now).unwrap().max(now + 1);
        }
        let count = pieces.iter().filter(|(_, at, _)| *at < 10 * SECOND).count() as u64;
        let ideal = 2 * (10_000 - QUIET / MILLISECOND);
        assert!(count.abs_diff(ideal) <= 1, "{count} of {ideal}");
        assert!(most_in(&pieces, SECOND) <= 2000);
        assert!(messages <= 10 * 60 * sharers as usize, "{messages} messages");
    }
}

fn terms(rates: &[(&str, &str)]) -> Terms {
    rates.iter().try_fold(Terms::new(), |terms, (unit, rate)| terms.rate(unit, rate)).unwrap()
}

#[test]
fn other_rates_hold_from_the_moment_on_at_which_they_are_set() {
    for (before, after) in [(100, 1000), (1000, 100)] {
        let mut budget = budget(&[("requests", &format!("{before}/s"))]);
        budget.join(1, String::new(), 1.0, 0);
        run(&mut budget, |_| 1, 0, 5 * SECOND);
        budget.change(terms(&[("requests", &format!("{after}/s"))]), 5 * SECOND).unwrap();
        // What was handed out ahead is used before.
        let pieces = run(&mut budget, |_| 1, 5 * SECOND, 10 * SECOND);
        assert!(pieces[0].1 <= 5 * SECOND + HORIZON + 10 * MILLISECOND, "{:?}", pieces[0]);
        assert!(most_in(&pieces, SECOND) <= after);
        let count = pieces.iter().filter(|(_, at, _)| (6 * SECOND..10 * SECOND).contains(at)).count() as u64;
        assert!(count.abs_diff(4 * after) <= 1, "{count} at {after}/s");
    }
}

#[test]
fn a_large_request_is_paid_for_sooner_at_a_larger_rate() {
    let mut budget = budget(&[("tokens", "60/min")]);
    budget.join(1, String::new(), 1.0, 0);
    budget.want(1, 0, 30, 30).unwrap();
    assert_eq!(budget.share_out(SECOND).len(), 1);
    budget.change(terms(&[("tokens", "600/min")]), SECOND).unwrap();
    let pieces = run(&mut budget, |_| 1, SECOND, 5 * SECOND);
    assert_eq!(pieces[0].1, 4 * SECOND);
}

#[test]
fn longer_windows_keep_what_was_used_of_them() {
    let mut budget = budget(&[("requests", "100/s"), ("requests", "1000/h")]);
    budget.join(1, String::new(), 1.0, 0);
    let used = run(&mut budget, |_| 1, 0, 6 * SECOND).len();
    budget.change(terms(&[("requests", "100/s"), ("requests", "800/2h")]), 6 * SECOND).unwrap();
    let more = run(&mut budget, |_| 1, 6 * SECOND, 3600 * SECOND).len();
    assert_eq!(used + more, 800);
}

#[test]
fn a_pause_outlasts_other_rates() {
    let mut budget = budget(&[("requests", "100/s")]);
    budget.join(1, String::new(), 1.0, 0);
    assert!(budget.pause(None, 3 * SECOND, SECOND));
    for rate in ["1000/s", "2/s"] {
        budget.change(terms(&[("requests", rate)]), 2 * SECOND).unwrap();
        let pieces = run(&mut budget.clone(), |_| 1, 2 * SECOND, 6 * SECOND);
        assert_eq!(pieces[0].1, 4 * SECOND, "{rate}");
    }
}

#[test]
fn who_wants_more_at_a_time_than_there_is_now_wants_nothing_until_it_has_heard() {
    let mut budget = budget(&[("tokens", "100/s")]);
    (1..3).for_each(|id| budget.join(id, String::new(), 1.0, 0));
    budget.want(1, 0, 80, 80).unwrap();
    budget.change(terms(&[("tokens", "50/s")]), 0).unwrap();
    assert_eq!(budget.due(0), None);
    // It was on its way.
    budget.want(1, 0, 80, 80).unwrap();
    assert_eq!(budget.due(0), None);
    budget.want(2, 0, 50, 50).unwrap();
    assert_eq!(budget.share_out(SECOND).len(), 1);
    assert!(budget.want(1, 0, 101, 101).unwrap_err().to_string().contains("never holds more than 50"));
}

#[test]
fn a_budget_goes_on_with_its_units_and_its_permits_or_not_at_all() {
    let mut budget = budget(&[("requests", "100/s"), ("tokens", "9/s")]);
    for (other, why) in [
        (terms(&[("tokens", "9/s"), ("requests", "9/s")]), "requests, tokens, not tokens, requests"),
        (terms(&[("requests", "9/s")]), "requests, tokens, not requests"),
        (terms(&[("requests", "9/s"), ("tokens", "9/s")]).concurrency(5), "cannot be given one"),
    ] {
        let error = budget.change(other, SECOND).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let mut of_permits = Budget::new(Terms::new().concurrency(4), 0);
    assert!(of_permits.change(Terms::new(), 0).unwrap_err().to_string().contains("goes on being one"));
    of_permits.join(1, String::new(), 1.0, 0);
    of_permits.want_permits(1, 100, 0, 0);
    let mut counts = Vec::new();
    for most in [4, 9, 2] {
        of_permits.change(Terms::new().concurrency(most), GRACE).unwrap();
        let told = of_permits.share_out(GRACE);
        counts
            .extend(told.iter().map(|telling| matches!(telling, Telling::Permits(all) if all.count == most)));
    }
    assert_eq!(counts, [true; 3]);
}

#[test]
fn who_comes_late_is_owed_nothing_for_the_time_before() {
    let mut budget = budget(&[("requests", "100/s")]);
    budget.join(1, String::new(), 1.0, 0);
    run(&mut budget, |_| 1, 0, 10 * SECOND);
    budget.join(2, String::new(), 1.0, 0);
    let pieces = run(&mut budget, |_| 1, 10 * SECOND, 12 * SECOND);
    let second = pieces.iter().filter(|(id, ..)| *id == 2).count();
    assert!(second.abs_diff(pieces.len() - second) <= 3, "{second} of {}", pieces.len());
}

#[test]
fn a_large_request_is_not_starved_by_small_ones() {
    let mut budget = budget(&[("tokens", "6000/min")]);
    (0..5).for_each(|id| budget.join(id, String::new(), 1.0, 0));
    let large = 3000;
    let pieces = run(&mut budget, |id| if id == 0 { large } else { 10 }, 0, 600 * SECOND);
    let of_large: u64 = pieces.iter().filter(|(id, ..)| *id == 0).map(|(.., piece)| piece).sum();
    // A fifth of ten minutes, to one request.
    assert!(of_large.abs_diff(12_000) <= large, "{of_large}");
    assert!(most_in(&pieces, 60 * SECOND) <= 6000 + large);
}

#[test]
fn what_never_fits_is_refused_and_named() {
    let mut budget = budget(&[("tokens", "90000/min")]);
    budget.join(1, String::new(), 1.0, 0);
    let text = budget.want(1, 0, 100_000, 100_000).unwrap_err().to_string();
    assert!(text.contains("100000 tokens") && text.contains("90000"), "{text}");
}

#[test]
fn a_pause_stops_all_grants_until_it_is_over() {
    let mut budget = budget(&[("requests", "1000/s")]);
    budget.join(1, String::new(), 1.0, 0);
    run(&mut budget, |_| 1, 0, SECOND);
    assert!(budget.pause(None, 5 * SECOND, SECOND));
    assert!(!budget.pause(None, SECOND, SECOND), "it is known already");
    let pieces = run(&mut budget, |_| 1, SECOND, 7 * SECOND);
    assert!(pieces.iter().all(|(_, at, _)| *at >= 6 * SECOND));
    assert!(!pieces.is_empty());
    assert!(budget.pause(Some("host"), SECOND, 7 * SECOND));
    assert_eq!(budget.pauses(7 * SECOND).collect::<Vec<_>>(), [(Some("host"), 8 * SECOND)]);
}

#[test]
fn permits_of_one_who_is_lost_are_kept_for_a_while() {
    let mut budget = Budget::new(Terms::new().concurrency(4), 0);
    budget.join(1, String::new(), 1.0, 0);
    budget.want_permits(1, 4, 0, 0);
    assert_eq!(budget.share_out(GRACE - 1), []);
    // But where there cannot have been one before.
    let mut first = budget.clone();
    first.open();
    assert_eq!(first.share_out(0).len(), 1);
    assert_eq!(budget.share_out(GRACE).len(), 1);
    budget.lose(1, 3 * SECOND);
    budget.join(2, String::new(), 1.0, 0);
    budget.want_permits(2, 4, 0, 0);
    assert_eq!(budget.share_out(3 * SECOND), []);
    assert_eq!(budget.due(3 * SECOND), Some(3 * SECOND + GRACE));
    assert_eq!(budget.share_out(3 * SECOND + GRACE).len(), 1);
    assert_eq!(budget.permits_of(2), (4, 4));
    assert_eq!(budget.sharers().len(), 1);
}

#[test]
fn what_another_holder_has_left_is_gone_on_with() {
    let mut first = budget(&[("requests", "10/s"), ("requests", "20/min")]);
    first.join(1, String::new(), 1.0, 0);
    let before = run(&mut first, |_| 1, 0, 3 * SECOND);
    assert_eq!(before.len(), 20);
    let mut second = budget(&[("requests", "10/s"), ("requests", "20/min")]);
    let unit = &first.units()[0];
    let (busy, used) = (unit.busy(3 * SECOND), unit.used(3 * SECOND));
    second.units_mut()[0].resume(3 * SECOND, busy, &used);
    second.join(1, String::new(), 1.0, 0);
    second.want(1, 0, 100, 1).unwrap();
    let due = second.due(3 * SECOND).unwrap();
    assert!(due >= 59 * SECOND, "{due}");
}

proptest! {
    /// However they come, want, give back and go: in no time is there more than the rate, and what was given back.
    #[test]
    fn no_rate_is_exceeded(
        per_second in 1..3000_u64,
        steps in proptest::collection::vec((0..5_u128, 0..4_u8, 0..300_u64, 0..50_u64), 1..300),
    ) {
        let mut budget = budget(&[("requests", &format!("{per_second}/s"))]);
        let mut pieces = Pieces::new();
        let (mut now, mut returned) = (0, 0);
        for (id, what, amount, wait) in steps {
            now += wait * MILLISECOND;
            if budget.sharers().iter().all(|sharer| sharer.id != id) {
                budget.join(id, String::new(), 1.0, 0);
            }
            match what {
                0 => budget.leave(id),
                1 => {
                    let before = budget.units()[0].returned;
                    budget.give_back(id, 0, amount);
                    returned += budget.units()[0].returned - before;
                }
                _ => {
                    let granted = budget.sharers().iter().find(|sharer| sharer.id == id).unwrap().claims[0].granted;
                    budget.want(id, 0, granted + amount, 1).unwrap();
                }
            }
            let before = pieces.len();
            note(budget.share_out(now), &mut pieces);
            for (_, at, _) in &pieces[before..] {
                prop_assert!((now..=now + HORIZON).contains(at), "a slot {} ahead", at - now);
            }
        }
        let granted: u64 = budget.units()[0].granted;
        prop_assert_eq!(granted, pieces.len() as u64);
        for window in [100 * MILLISECOND, SECOND, 5 * SECOND] {
            let ideal = (per_second * window).div_ceil(SECOND);
            let bound = (ideal + returned).min(ideal + ideal / 124 + 1);
            let most = most_in(&pieces, window);
            prop_assert!(most <= bound, "{} in {} ms at {}/s, {} given back", most, window / MILLISECOND, per_second, returned);
        }
    }

    /// Weights hold, whatever one request costs.
    #[test]
    fn shares_are_by_weight(
        weights in proptest::collection::vec(1..6_u32, 2..7),
        pieces_of in proptest::collection::vec(1..50_u64, 7),
    ) {
        let mut budget = budget(&[("tokens", "1000/s")]);
        for (id, weight) in weights.iter().enumerate() {
            budget.join(id as SharerId, String::new(), f64::from(*weight), 0);
        }
        let pieces = run(&mut budget, |id| pieces_of[id as usize], 0, 60 * SECOND);
        let all: u64 = pieces.iter().map(|(.., piece)| piece).sum();
        let of_weights: u32 = weights.iter().sum();
        for (id, weight) in weights.iter().enumerate() {
            let has: u64 = pieces.iter().filter(|(to, ..)| *to == id as SharerId).map(|(.., piece)| piece).sum();
            let fair = all as f64 * f64::from(*weight) / f64::from(of_weights);
            prop_assert!((has as f64 - fair).abs() <= 200.0 + fair * 0.01, "{} of {}", has, fair);
        }
    }

    /// Several windows hold together.
    #[test]
    fn longer_windows_hold_too(per_second in 5..50_u64, per_minute in 20..400_u64) {
        let mut budget = budget(&[("requests", &format!("{per_second}/s")), ("requests", &format!("{per_minute}/min"))]);
        budget.join(1, String::new(), 1.0, 0);
        budget.join(2, String::new(), 1.0, 0);
        let pieces = run(&mut budget, |_| 1, 0, 150 * SECOND);
        prop_assert!(most_in(&pieces, SECOND) <= per_second + 1);
        prop_assert!(most_in(&pieces, 60 * SECOND) <= per_minute);
        // All of it is used, but for the part that a quota remembers longer than it had to.
        let ideal = (per_second * 150).min(per_minute * 2);
        prop_assert!(pieces.len() as u64 >= ideal * 95 / 100, "{} of {}", pieces.len(), ideal);
    }
}
