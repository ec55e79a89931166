//! What an allotment lets through, and what it does not.

use std::time::Duration;

use proptest::prelude::*;

use crate::clock;
use crate::config::allotment::Allotment;
use crate::cost::Costs;
use crate::cost::unit::Unit;

fn tokens(amount: f64) -> Costs {
    Costs::new([("tokens", amount)]).unwrap()
}

#[test]
fn a_slot_is_used_once_in_its_time_and_not_30_ms_later() {
    let allotment = Allotment::new(["tokens"]);
    let now = clock::now();
    let at = |milliseconds| now + Duration::from_millis(milliseconds);
    allotment.grant("tokens", at(10), 5.0);
    assert!(!allotment.take(&tokens(5.0), now));
    assert_eq!(allotment.next_due(now), Some(at(10)));
    assert!(allotment.take(&tokens(5.0), at(40)));
    assert!(!allotment.take(&tokens(5.0), at(40)));
    // Nobody has waited for what comes now: it is given back.
    assert!(allotment.take_settled().is_empty());
    let allotment = Allotment::new(["tokens"]);
    allotment.grant("tokens", at(50), 5.0);
    assert!(!allotment.take(&tokens(5.0), at(81)));
    assert_eq!(allotment.take_settled(), [("tokens".to_owned(), -5.0)]);
}

#[test]
fn who_has_waited_is_served_late_and_what_is_left_is_given_back() {
    let allotment = Allotment::new(["tokens"]);
    let now = clock::now();
    let at = |milliseconds| now + Duration::from_millis(milliseconds);
    assert!(!allotment.take(&tokens(5.0), now));
    allotment.grant_evenly("tokens", at(10), Duration::from_millis(1), 10, 2.0);
    // The process stood still.
    assert!(allotment.take(&tokens(5.0), at(500)));
    assert!(!allotment.take(&tokens(5.0), at(500)));
    assert_eq!(allotment.take_settled(), [("tokens".to_owned(), -15.0)]);
}

#[test]
fn nothing_is_sent_before_the_units_are_known_and_nothing_is_forgotten_when_they_are_stated_again() {
    let allotment = Allotment::leased(|_| None);
    let now = clock::now();
    assert!(allotment.known_units().is_none());
    assert_eq!(allotment.most(&Unit::new("tokens")), None);
    assert!(!allotment.take(&Costs::default(), now));
    allotment.set_units([("tokens", 10.0), ("pages", 5.0)]);
    assert!(allotment.take(&Costs::default(), now));
    allotment.grant("tokens", now, 3.0);
    allotment.set_units([("tokens", 20.0)]);
    assert!((allotment.ahead("tokens") - 3.0).abs() < 1e-9);
    assert_eq!(allotment.most(&Unit::new("tokens")), Some(Some(20.0)));
    assert_eq!(allotment.most(&Unit::new("pages")), Some(None));
}

#[test]
fn what_costs_nothing_of_it_needs_no_slot_and_what_is_no_amount_is_no_slot() {
    let allotment = Allotment::new(["tokens", "tokens"]);
    let now = clock::now();
    assert!(allotment.take(&Costs::default(), now));
    for (unit, amount) in [("tokens", f64::NAN), ("tokens", -1.0), ("tokens", f64::INFINITY), ("pages", 9.0)]
    {
        allotment.grant(unit, now, amount);
    }
    assert!(!allotment.take(&tokens(1.0), now));
}

#[test]
fn demand_is_told_once_to_a_thread_or_a_task() {
    let allotment = Allotment::new(["tokens"]);
    assert!(!allotment.wait_for_demand(Duration::ZERO));
    assert!(!allotment.take(&tokens(1.0), clock::now()));
    assert!(allotment.wait_for_demand(Duration::ZERO));
    assert!(!allotment.wait_for_demand(Duration::ZERO));
    assert!(!allotment.take(&tokens(1.0), clock::now()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(allotment.demand());
    assert!(!allotment.wait_for_demand(Duration::ZERO));
}

#[test]
fn nobody_is_asked_for_more_while_enough_is_on_its_way() {
    let allotment = Allotment::new(["tokens"]);
    let now = clock::now();
    let at = |milliseconds| now + Duration::from_millis(milliseconds);
    let asks = |cost, now| {
        assert!(!allotment.take(&tokens(cost), now));
        allotment.wait_for_demand(Duration::ZERO)
    };
    allotment.grant_evenly("tokens", at(10), Duration::from_millis(10), 10, 2.0);
    assert!(!asks(1.0, now), "it lasts for 100 ms");
    assert!(!asks(20.0, now), "it suffices");
    assert!(asks(21.0, now), "it does not suffice");
    assert!(asks(20.0, at(55)), "it lasts for less than 50 ms");
    allotment.set_permits(Some(0));
    assert!(asks(1.0, at(55)), "permits are to be asked for");
}

proptest! {
    /// Whatever is granted and wanted when: no more is used than was granted, and a request that waits is served as soon
    /// as all that it costs has come.
    #[test]
    fn no_more_is_used_than_was_granted(
        steps in prop::collection::vec((0..20_u64, 0..50_u32, 1..120_u32), 1..200),
    ) {
        let allotment = Allotment::new(["tokens"]);
        let mut now = clock::now();
        let (mut granted, mut used) = (0.0, 0.0);
        for (wait, amount, cost) in steps {
            now += Duration::from_millis(wait);
            if amount > 0 {
                allotment.grant("tokens", now, f64::from(amount));
                granted += f64::from(amount);
            }
            if allotment.take(&tokens(f64::from(cost)), now) {
                used += f64::from(cost);
            }
            prop_assert!(used <= granted + 1e-6, "{used} of {granted}");
        }
        // Pieces that come in time add up for one who waits for them.
        for _ in 0..130 {
            allotment.grant("tokens", now, 1.0);
            if allotment.take(&tokens(120.0), now) {
                return Ok(());
            }
            now += Duration::from_millis(20);
        }
        prop_assert!(false, "one who waits was not served");
    }
}
