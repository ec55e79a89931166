//! What budgets do in the schedule, with moments that are made up.

use std::hash::RandomState;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::Config;
use crate::config::allotment::Allotment;
use crate::config::budget;
use crate::config::budget::BudgetLimits;
use crate::config::limits::Limits;
use crate::cost::Costs;
use crate::job::Job;
use crate::job::call::Call;
use crate::job::planner::Planner;
use crate::report::progress::Bottleneck;
use crate::request::Request;
use crate::schedule::host::Answered;
use crate::schedule::{Release, Room, Schedule};

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

const ROOM: Room = Room { limit: 100, spare: 0, connections: 100 };

fn budgets(in_all: &[(&str, &str)], per_host: &[(&str, &str)]) -> Limits {
    let parsed = |stated: &[(&str, &str)]| {
        let mut parsed = Vec::new();
        for (unit, rate) in stated {
            budget::add(&mut parsed, unit, budget::parse(unit, rate).unwrap());
        }
        parsed
    };
    let budgets = BudgetLimits { in_all: parsed(in_all), per_host: parsed(per_host) };
    Limits { budgets: Some(Box::new(budgets)), ..Limits::default() }
}

fn begin(schedule: &mut Schedule, limits: Limits) -> Arc<Call> {
    let number = schedule.calls().count() as u64 + 1;
    let config = Arc::new(Config { limits, ..Config::default() });
    schedule.begin(|place| Arc::new(Call::new(number, place, 0, config)))
}

/// Jobs of a call that cost so many tokens, each at a host of this name.
fn push(schedule: &mut Schedule, call: &Arc<Call>, jobs: &[(&str, f64)]) {
    let mut planner = Planner::new(HASHER.clone());
    for (host, tokens) in jobs {
        let request = Request::get((), format!("http://{host}/")).cost("tokens", *tokens);
        let job = planner.plan(request, call).unwrap().1;
        schedule.push(job).unwrap();
    }
}

/// The hosts that are sent something at a moment, and when there may be more.
fn take(schedule: &mut Schedule, now: Instant) -> (Vec<Box<Job>>, Option<Instant>) {
    let mut taken = Vec::new();
    let due = schedule.take(ROOM, now, 0, &mut taken).due;
    (taken, due)
}

/// The milliseconds at which each of so many jobs is sent, by a schedule that is looked at whenever it says.
fn sent(schedule: &mut Schedule, begin: Instant, count: usize) -> Vec<(u64, String, f64)> {
    let mut sent = Vec::new();
    let mut now = begin;
    while sent.len() < count {
        let (taken, due) = take(schedule, now);
        let passed = (now - begin).as_secs_f64() * 1000.0;
        sent.extend(taken.into_iter().map(|job| {
            let tokens = job.ticket.charge.as_ref().unwrap().estimate("tokens");
            (passed.round() as u64, job.target.origin.to_string(), tokens)
        }));
        match due {
            Some(due) if due > now => now = due,
            due => assert!(sent.len() >= count, "{due:?} after {sent:?}"),
        }
    }
    sent
}

fn times(sent: &[(u64, String, f64)]) -> Vec<u64> {
    sent.iter().map(|(at, ..)| *at).collect()
}

#[test]
fn a_clients_budget_spreads_the_jobs_of_all_hosts_by_what_they_cost() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "1000/s")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 100.0), ("b", 500.0), ("c", 50.0), ("a", 1.0)]);
    let sent = sent(&mut schedule, clock::now(), 4);
    assert_eq!(times(&sent)[0], 0);
    let total: f64 = sent[..3].iter().map(|(.., tokens)| tokens).sum();
    assert!((sent[3].0 as f64 - total).abs() <= 1.0, "{sent:?}");
}

#[test]
fn what_costs_nothing_of_a_unit_does_not_wait_for_it() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "10/s")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 10.0), ("a", 10.0), ("b", 0.0), ("b", 0.0)]);
    let (taken, due) = take(&mut schedule, clock::now());
    assert_eq!(taken.len(), 3);
    assert!(due.is_some());
}

#[test]
fn the_strictest_of_a_clients_a_calls_and_a_hosts_budgets_counts() {
    let begun = clock::now();
    for (of_client, of_call, expected) in [
        (budgets(&[("tokens", "1000/s")], &[]), budgets(&[("tokens", "100/s")], &[]), 100),
        (budgets(&[("tokens", "100/s")], &[]), budgets(&[("requests", "1000/s")], &[]), 100),
        (budgets(&[("tokens", "1000/s")], &[("tokens", "50/s")]), Limits::default(), 200),
        (Limits::default(), budgets(&[("tokens", "1000/s")], &[("tokens", "50/s")]), 200),
        (budgets(&[("requests", "10/s")], &[]), budgets(&[("tokens", "1000/s")], &[]), 100),
    ] {
        let mut schedule = Schedule::new(of_client, 100, 1);
        let call = begin(&mut schedule, of_call);
        push(&mut schedule, &call, &[("a", 10.0); 5]);
        let sent = sent(&mut schedule, begun, 5);
        assert_eq!(times(&sent), [0, 1, 2, 3, 4].map(|number| number * expected));
    }
}

#[test]
fn calls_share_the_clients_budget_and_one_that_has_its_own_leaves_the_rest_to_others() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "100/s")], &[]), 100, 1);
    let slow = begin(&mut schedule, budgets(&[("tokens", "10/s")], &[]));
    let fast = begin(&mut schedule, Limits::default());
    push(&mut schedule, &slow, &[("a", 1.0); 20]);
    push(&mut schedule, &fast, &[("a", 2.0); 60]);
    let sent = sent(&mut schedule, clock::now(), 60);
    let of_slow = sent.iter().filter(|(.., tokens)| *tokens == 1.0).count();
    let of_fast = sent.iter().filter(|(.., tokens)| *tokens == 2.0).count();
    assert!(of_slow >= 9 && of_fast >= 45, "{sent:?}");
    let used = of_slow + 2 * of_fast;
    assert!(sent.last().unwrap().0 as usize <= used * 10 + 20, "{sent:?}");
}

#[test]
fn a_thousand_hosts_are_not_looked_at_whenever_one_may_send() {
    let mut schedule = Schedule::new(budgets(&[("requests", "1000/s")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    let names: Vec<_> = (0..1000).map(|host| format!("host{host}")).collect();
    let jobs: Vec<_> = names.iter().map(|name| (&**name, 0.0)).collect();
    push(&mut schedule, &call, &jobs[..1]);
    let mut planner = Planner::new(HASHER.clone());
    for name in &names {
        let request = Request::get((), format!("http://{name}/"));
        schedule.push(planner.plan(request, &call).unwrap().1).unwrap();
    }
    let begun = clock::now();
    for step in 0..1001 {
        let (taken, _) = take(&mut schedule, begun + Duration::from_millis(step));
        assert_eq!(taken.len(), 1, "{step}");
    }
}

#[test]
fn what_was_not_sent_is_given_back_and_may_be_used_by_the_next() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "100/s")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 100.0), ("a", 10.0)]);
    let now = clock::now();
    let (mut taken, due) = take(&mut schedule, now);
    assert_eq!((taken.len(), due), (1, Some(now + Duration::from_secs(1))));
    let charge = taken[0].ticket.charge.as_mut().unwrap();
    let sending = charge.take_back().unwrap();
    assert_eq!(charge.sendings(), 0);
    schedule.give_back(&call, &charge.estimate, &sending, now);
    let later = now + Duration::from_millis(5);
    assert_eq!(take(&mut schedule, later).0.len(), 1);
}

#[test]
fn what_was_settled_counts_in_all_budgets_that_have_counted_it() {
    let limits = || budgets(&[("tokens", "100/s")], &[("tokens", "100/s")]);
    let mut schedule = Schedule::new(limits(), 100, 1);
    let call = begin(&mut schedule, limits());
    push(&mut schedule, &call, &[("a", 10.0), ("a", 1.0)]);
    let now = clock::now();
    let (taken, _) = take(&mut schedule, now);
    let charge = taken[0].ticket.charge.as_ref().unwrap();
    let actual = Costs::new([("tokens", 50.0)]).unwrap();
    schedule.settle_costs(&call, charge, &actual, now);
    let at = |milliseconds: u64| now + Duration::from_millis(milliseconds);
    assert_eq!(take(&mut schedule, at(499)).0.len(), 0);
    let half = Costs::new([("tokens", 40.0)]).unwrap();
    let mut settled = charge.clone();
    settled.estimate = actual;
    schedule.settle_costs(&call, &settled, &half, at(300));
    assert_eq!(take(&mut schedule, at(399)).0.len(), 0);
    assert_eq!(take(&mut schedule, at(401)).0.len(), 1);
}

#[test]
fn a_large_request_goes_in_its_turn_and_not_after_all_small_ones() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "1000/s;burst=200")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    let mut jobs = vec![("small", 10.0); 400];
    jobs.insert(100, ("large", 800.0));
    push(&mut schedule, &call, &jobs);
    let sent = sent(&mut schedule, clock::now(), 401);
    let large = sent.iter().position(|(.., tokens)| *tokens == 800.0).unwrap();
    assert!(large <= 30, "{large}");
}

#[test]
fn a_quota_that_a_large_request_waits_for_is_free_again_when_that_is_gone() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "1000/s"), ("tokens", "1000/day")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    let other = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 600.0), ("a", 600.0)]);
    let now = clock::now();
    assert_eq!(take(&mut schedule, now).0.len(), 1);
    let later = now + Duration::from_secs(1);
    push(&mut schedule, &other, &[("b", 10.0)]);
    let (taken, due) = take(&mut schedule, later);
    // Whoever of the two was looked at first: the large one's turn keeps the small one waiting.
    let small = taken.len();
    assert!(due.is_some());
    schedule.end(&call);
    let (taken, _) = take(&mut schedule, later + Duration::from_secs(1));
    assert_eq!(small + taken.len(), 1);
}

#[test]
fn it_is_told_which_budget_binds() {
    let begun = clock::now();
    for (limits, per_host) in
        [(budgets(&[("tokens", "1/s")], &[]), false), (budgets(&[], &[("tokens", "1/s")]), true)]
    {
        for is_of_call in [false, true] {
            let (of_client, of_call) = if is_of_call {
                (Limits::default(), limits.clone())
            } else {
                (limits.clone(), Limits::default())
            };
            let mut schedule = Schedule::new(of_client, 100, 1);
            let call = begin(&mut schedule, of_call);
            push(&mut schedule, &call, &[("a", 5.0), ("a", 1.0), ("a", 1.0)]);
            assert_eq!(take(&mut schedule, begun).0.len(), 1);
            let (kind, budget) = schedule.hindrance(&call, begun).unwrap();
            let budget = budget.unwrap();
            assert_eq!(
                (kind, budget.unit.as_str(), budget.per_host),
                (Bottleneck::Budget, "tokens", per_host)
            );
            // The input is read on where other hosts may be behind these in it.
            assert_eq!(schedule.ahead(&call), if per_host { 0 } else { 2 });
        }
    }
}

#[test]
fn budgets_may_change_under_way_and_what_was_used_of_the_others_counts_on() {
    let mut schedule = Schedule::new(Limits::default(), 100, 1);
    let call = begin(&mut schedule, budgets(&[("tokens", "1/s"), ("requests", "2/s")], &[]));
    push(&mut schedule, &call, &[("a", 60.0), ("a", 1.0), ("a", 1.0)]);
    let now = clock::now();
    assert_eq!(take(&mut schedule, now).0.len(), 1);
    assert_eq!(take(&mut schedule, now + Duration::from_millis(100)).0.len(), 0);
    let other = budgets(&[("tokens", "1000/s"), ("requests", "2/s")], &[]).budgets;
    assert!(schedule.limit(&call, |limits| limits.budgets = other));
    assert_eq!(take(&mut schedule, now + Duration::from_millis(200)).0.len(), 0);
    assert_eq!(take(&mut schedule, now + Duration::from_millis(501)).0.len(), 1);
    assert!(schedule.limit(&call, |limits| limits.budgets = None));
    assert_eq!(take(&mut schedule, now + Duration::from_millis(502)).0.len(), 1);
}

#[test]
fn costs_that_no_budget_holds_are_named() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "1000/min"), ("tokens", "500/h")], &[]), 100, 1);
    let call = begin(&mut schedule, budgets(&[("pages", "10/s")], &[("pages", "5/s")]));
    let check = |unit: &str, amount: f64| {
        schedule.check_costs(&call, &Costs::new([(unit, amount)]).unwrap()).err().unwrap_or_default()
    };
    assert_eq!(check("tokens", 500.0), "");
    assert!(
        check("tokens", 501.0).contains("costs 501 tokens")
            && check("tokens", 501.0).contains("more than 500")
    );
    assert!(check("pages", 6.0).contains("more than 5"));
    assert!(check("page", 1.0).contains("of which there is no budget (there are: pages, tokens)"));
}

#[test]
fn a_shared_budget_that_is_told_its_units_meanwhile_refuses_nothing_that_it_has() {
    for _ in 0..200 {
        let allotment = Allotment::leased(|_| None);
        let limits = Limits { allotment: Some(allotment.clone()), ..Limits::default() };
        let mut schedule = Schedule::new(limits, 100, 1);
        let call = begin(&mut schedule, Limits::default());
        let costs = Costs::new([("tokens", 1.0)]).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| allotment.set_units([("tokens", 10.0)]));
            while allotment.known_units().is_none() {
                assert_eq!(schedule.check_costs(&call, &costs), Ok(()));
            }
        });
        assert_eq!(schedule.check_costs(&call, &costs), Ok(()));
    }
}

#[test]
fn a_host_whose_budget_is_used_is_not_forgotten() {
    let mut schedule = Schedule::new(budgets(&[], &[("tokens", "10/s")]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 10.0)]);
    let now = clock::now();
    let (taken, _) = take(&mut schedule, now);
    let origin = taken[0].target.origin.clone();
    schedule.release(Release { was_counted: true, ..Release::new(origin) }, now);
    push(&mut schedule, &call, &[("a", 1.0)]);
    assert_eq!(take(&mut schedule, now + Duration::from_millis(500)).0.len(), 0);
    assert_eq!(take(&mut schedule, now + Duration::from_secs(1)).0.len(), 1);
}

/// For how long each of these jobs has waited for which budgets, in milliseconds.
fn waits(jobs: &[Box<Job>]) -> Vec<Vec<(String, u128)>> {
    let of_job = |job: &Job| {
        let waits = job.ticket.charge.as_ref().unwrap().waits();
        waits.map(|(budget, time)| (budget.to_string(), time.as_millis())).collect()
    };
    jobs.iter().map(|job| of_job(job)).collect()
}

#[test]
fn jobs_and_their_call_are_told_which_budget_they_have_waited_for_and_how_long() {
    let begun = clock::now();
    let at = |milliseconds: u64| begun + Duration::from_millis(milliseconds);
    for (limits, name) in [
        (budgets(&[("tokens", "100/s")], &[]), "tokens"),
        (budgets(&[], &[("tokens", "100/s")]), "tokens per host"),
    ] {
        for is_of_call in [false, true] {
            let (of_client, of_call) = if is_of_call {
                (Limits::default(), limits.clone())
            } else {
                (limits.clone(), Limits::default())
            };
            let mut schedule = Schedule::new(of_client, 100, 1);
            let call = begin(&mut schedule, of_call);
            push(&mut schedule, &call, &[("a", 50.0), ("a", 20.0), ("a", 1.0)]);
            let mut taken = take(&mut schedule, begun).0;
            assert_eq!(call.waits().unwrap().totals(at(100))[name].as_millis(), 100, "it goes on");
            assert!(take(&mut schedule, at(300)).0.is_empty());
            taken.extend(take(&mut schedule, at(500)).0);
            taken.extend(take(&mut schedule, at(700)).0);
            let waited = |time| vec![(name.to_owned(), time)];
            assert_eq!(waits(&taken), [vec![], waited(500), waited(200)]);
            assert_eq!(call.waits().unwrap().totals(at(9000))[name].as_millis(), 700);
        }
    }
}

#[test]
fn who_waits_for_two_budgets_one_after_the_other_is_told_of_both() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "100/s"), ("requests", "2/s")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 20.0), ("b", 10.0)]);
    let begun = clock::now();
    let mut taken = take(&mut schedule, begun).0;
    // What it has waited for is settled: another one is now what it waits for the longest.
    let charge = taken[0].ticket.charge.as_ref().unwrap().clone();
    let at = |milliseconds: u64| begun + Duration::from_millis(milliseconds);
    schedule.settle_costs(&call, &charge, &Costs::new([("tokens", 100.0)]).unwrap(), at(200));
    assert!(take(&mut schedule, at(500)).0.is_empty());
    taken.extend(take(&mut schedule, at(1000)).0);
    let expected = [("requests".to_owned(), 500), ("tokens".to_owned(), 500)];
    assert_eq!(waits(&taken), [vec![], expected.to_vec()]);
}

#[test]
fn time_that_a_job_has_waited_for_room_is_not_its_budgets() {
    let mut schedule = Schedule::new(budgets(&[], &[("tokens", "100/s")]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 10.0), ("a", 10.0)]);
    let begun = clock::now();
    let mut taken = take(&mut schedule, begun).0;
    // No event loop has looked for a second, as all were busy.
    taken.extend(take(&mut schedule, begun + Duration::from_millis(1100)).0);
    assert_eq!(waits(&taken), [vec![], vec![("tokens per host".to_owned(), 100)]]);
}

#[test]
fn a_call_that_ends_while_it_waits_has_waited_until_then() {
    let mut schedule = Schedule::new(budgets(&[("tokens", "1/day")], &[]), 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 1.0), ("a", 1.0)]);
    let begun = clock::now() - Duration::from_secs(60);
    assert_eq!(take(&mut schedule, begun).0.len(), 1);
    assert_eq!(schedule.end(&call).len(), 1);
    let total = call.waits().unwrap().totals(begun + Duration::from_secs(9000))["tokens"];
    assert!((60..70).contains(&total.as_secs()), "{total:?}");
}

#[test]
fn it_is_told_how_much_of_each_unit_budgets_allow() {
    let of_client = budgets(&[("tokens", "6000/min"), ("pages", "5/s"), ("pages", "1000/h")], &[]);
    let mut schedule = Schedule::new(of_client, 100, 1);
    let call = begin(&mut schedule, budgets(&[("tokens", "50/s")], &[("bytes", "1MB/s")]));
    let told = |schedule: &Schedule| {
        let granted = schedule.granted(&call).into_iter();
        granted.map(|granted| (granted.unit, granted.per_second, granted.shared)).collect::<Vec<_>>()
    };
    let expected = [("tokens", Some(50.0)), ("bytes", None), ("pages", Some(5.0))];
    assert_eq!(told(&schedule), expected.map(|(unit, per_second)| (unit.to_owned(), per_second, None)));
    schedule.limit(&call, |limits| limits.budgets = None);
    let expected = [("tokens", Some(100.0)), ("pages", Some(5.0))];
    assert_eq!(told(&schedule), expected.map(|(unit, per_second)| (unit.to_owned(), per_second, None)));
    assert_eq!(Schedule::new(Limits::default(), 100, 1).granted(&call), []);
}

#[test]
fn what_a_shared_budget_has_granted_is_told() {
    let allotment = crate::config::allotment::Allotment::new(["tokens", "requests"]);
    let limits = Limits { allotment: Some(allotment.clone()), ..budgets(&[("tokens", "9/s")], &[]) };
    let mut schedule = Schedule::new(limits, 100, 1);
    let call = begin(&mut schedule, Limits::default());
    allotment.grant("tokens", clock::now(), 40.0);
    allotment.grant("tokens", clock::now(), 2.0);
    let granted = schedule.granted(&call);
    let granted: Vec<_> = granted.iter().map(|of| (of.unit.as_str(), of.per_second, of.shared)).collect();
    assert_eq!(granted, [("requests", None, Some(0.0)), ("tokens", Some(9.0), Some(42.0))]);
}

#[test]
fn who_leases_hears_how_long_a_server_is_left_alone_that_says_too_many_with_or_without_a_time() {
    let allotment = Allotment::new(["requests"]);
    let limits = Limits { allotment: Some(allotment.clone()), ..Limits::default() };
    let mut schedule = Schedule::new(limits, 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 0.0)]);
    let now = clock::now();
    allotment.grant("requests", now, 1.0);
    let origin = take(&mut schedule, now).0[0].target.origin.clone();
    let told = |schedule: &mut Schedule, sent: Instant, now: Instant, retry_after: Option<Duration>| {
        let answered = Some(Answered::TooMany { sent, says_when: retry_after.is_some() });
        schedule.release(Release { answered, retry_after, ..Release::new(origin.clone()) }, now);
        allotment.take_asked()
    };
    let at = |milliseconds| now + Duration::from_millis(milliseconds);
    let server = "http://a:80".to_owned();
    // One request in 200 ms is five a second, and so half of that is one in 400 ms.
    assert_eq!(told(&mut schedule, now, at(200), None), [(server.clone(), at(600))]);
    // What was sent before is no reason to ask for less once more.
    assert_eq!(told(&mut schedule, now, at(250), None), []);
    assert_eq!(told(&mut schedule, now, at(260), Some(Duration::from_secs(2))), [(server, at(2260))]);
}

#[test]
fn a_shared_budget_that_does_not_answer_is_what_limits() {
    let allotment = Allotment::leased(|_| None);
    let limits = Limits { allotment: Some(allotment.clone()), ..Limits::default() };
    let mut schedule = Schedule::new(limits, 100, 1);
    let call = begin(&mut schedule, Limits::default());
    push(&mut schedule, &call, &[("a", 0.0)]);
    let now = clock::now();
    let mut limiting = |milliseconds| {
        let now = now + Duration::from_millis(milliseconds);
        assert_eq!(take(&mut schedule, now).0.len(), 0);
        let (kind, budget) = schedule.hindrance(&call, now).unwrap();
        (kind, budget.unwrap().to_string())
    };
    let of = |unit: &str| (Bottleneck::Budget, format!("{unit} of the shared budget"));
    assert_eq!(limiting(0), of("no answer"));
    allotment.set_units([("requests", 10.0)]);
    assert_eq!(limiting(1), of("requests"));
    allotment.note_silence();
    assert_eq!(limiting(2), of("no answer"));
    allotment.set_units([("requests", 10.0)]);
    assert_eq!(limiting(3), of("requests"));
}
