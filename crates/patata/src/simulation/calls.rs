//! What must hold for several calls of one client at once: shares, nested limits, cancelling one, budgets, and what a
//! call learns for those after it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::Config;
use crate::config::limits::Limits;
use crate::engine::event_loop;
use crate::engine::routes::{Route, RouteKey};
use crate::engine::shared::Shared;
use crate::request::Request;
use crate::run::caller::{Caller, Step};
use crate::simulation::server::{Answer, Arrival, busy, never, ok};
use crate::simulation::tests::{config, limits, rates, retrying, seeds, url, within_a_percent};
use crate::simulation::{Performed, Plan, World, now};
use crate::transport::connect::Connector;
use crate::transport::connect::tls::Tls;

/// Ids of one call are so far from those of the next.
const APART: u64 = 1_000_000;

/// GETs of the `call`th call, in turn to these hosts of the first machine.
fn gets(call: u64, hosts: std::ops::Range<u16>, count: u64) -> Vec<Request<u64>> {
    let ids = (0..count).map(|id| call * APART + id);
    let host = |id: u64| hosts.start + (id % hosts.len() as u64) as u16;
    ids.map(|id| Request::get(id, url(1, host(id), id))).collect()
}

fn is_of(call: u64) -> impl Fn(&&Arrival) -> bool {
    move |arrival| arrival.id / APART == call
}

/// Arrivals a second, from the first to the last.
fn rate(arrivals: &[Arrival], is_counted: impl Fn(&&Arrival) -> bool) -> f64 {
    let times: Vec<_> = arrivals.iter().filter(is_counted).map(|arrival| arrival.at).collect();
    let span = *times.iter().max().unwrap() - *times.iter().min().unwrap();
    (times.len() - 1) as f64 / span.as_secs_f64()
}

/// Each of the `call`th call's requests has one end, a response is its own, and what has none is accounted for.
#[track_caller]
fn assert_whole(performed: &Performed, call: u64, count: u64) {
    let Performed { ended, receipt, unfinished } = performed;
    let ids = ended.iter().map(|(_, outcome)| outcome.tag).chain(unfinished.iter().copied());
    let all: BTreeSet<_> = ids.collect();
    assert!(all.into_iter().eq(call * APART..call * APART + count));
    assert_eq!(ended.len() + unfinished.len(), count as usize, "none comes twice");
    let done = receipt.ok + receipt.failed;
    assert_eq!((receipt.submitted, done), (count, ended.len() as u64));
    assert_eq!(receipt.cancelled, unfinished.len() as u64);
    for (_, outcome) in ended {
        if let Ok(response) = &outcome.result {
            assert_eq!(response.text(), outcome.tag.to_string());
        }
    }
}

#[track_caller]
fn assert_all_ok(performed: &Performed, call: u64, count: u64) {
    assert_whole(performed, call, count);
    assert_eq!(performed.receipt.ok, count, "{:?}", performed.receipt);
}

fn last(performed: &Performed) -> Duration {
    performed.ended.iter().map(|(at, _)| *at).max().unwrap()
}

#[test]
fn a_small_call_beside_a_large_one_at_the_same_host_is_done_as_if_it_had_half_of_it() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 1, Arc::new(|_| ok(50)));
        let begins = Duration::from_secs(2);
        let plans = vec![Plan::of(gets(0, 0..1, 1500)), Plan { begins, ..Plan::of(gets(1, 0..1, 20)) }];
        let client = Config { limits: limits(10, None), ..config() };
        let (performed, _) = world.run_calls(client, plans);
        assert_all_ok(&performed[0], 0, 1500);
        assert_all_ok(&performed[1], 1, 20);
        // Four turns of ten connections, and the one that was under way.
        let took = last(&performed[1]) - begins;
        assert!(took <= Duration::from_millis(5 * 60), "seed {seed}: {took:?}");
        assert!(last(&performed[0]) > Duration::from_secs(7), "seed {seed}");
    }
}

#[test]
fn hosts_take_turns_over_calls_and_calls_within_a_host() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 11, Arc::new(|_| ok(40)));
        // The first host is asked by two calls, the other ten by one of them.
        let plans = vec![Plan::of(gets(0, 0..1, 3000)), Plan::of(gets(1, 0..11, 3000))];
        let client = Config { limits: limits(22, None), ..config() };
        let (performed, arrivals) = world.run_calls(client, plans);
        assert_all_ok(&performed[0], 0, 3000);
        assert_all_ok(&performed[1], 1, 3000);
        // While all of them have something to send.
        let settled = Duration::from_secs(1)..Duration::from_secs(4);
        let counted: Vec<_> = arrivals.iter().filter(|arrival| settled.contains(&arrival.at)).collect();
        let share = |is_counted: &dyn Fn(&&&Arrival) -> bool| {
            counted.iter().copied().filter(|arrival| is_counted(&arrival)).count() as f64
                / counted.len() as f64
        };
        let at_first = share(&|arrival| arrival.host.1 == 80);
        let of_first = share(&|arrival| is_of(0)(arrival));
        assert!((at_first * 11.0 - 1.0).abs() < 0.03, "seed {seed}: {at_first}");
        assert!((of_first * 22.0 - 1.0).abs() < 0.03, "seed {seed}: {of_first}");
    }
}

/// Three calls to the same twenty hosts: the first two have rates of their own, and together they take twenty seconds.
fn rated(of_third: fn(&mut Config)) -> Vec<Plan> {
    let first: fn(&mut Config) = |config| config.limits.rates = rates(&["20/s"]);
    let second: fn(&mut Config) = |config| config.limits.rates = rates(&["30/s"]);
    let counts = [(0, 400, first), (1, 600, second), (2, 1000, of_third)];
    counts.map(|(call, count, change)| Plan { change, ..Plan::of(gets(call, 0..20, count)) }).into()
}

/// What arrives a second in all and of each call, where the client has a rate.
fn rates_within(seed: u64, of_client: &str, plans: Vec<Plan>) -> [f64; 4] {
    let behaviour = |arrival: &Arrival| if arrival.id.is_multiple_of(10) { ok(700) } else { ok(20) };
    let world = World::new(seed).machine(1, 20, Arc::new(behaviour));
    let client = Limits { rates: rates(&[of_client]), ..limits(200, None) };
    let (performed, arrivals) = world.run_calls(Config { limits: client, ..config() }, plans);
    for (call, count) in [(0, 400), (1, 600), (2, 1000)] {
        assert_all_ok(&performed[call as usize], call, count);
    }
    // As long as all of them have something to send.
    let end = arrivals.iter().filter(is_of(2)).map(|arrival| arrival.at).max();
    let together = rate(&arrivals, |arrival| Some(arrival.at) <= end);
    [together, rate(&arrivals, is_of(0)), rate(&arrivals, is_of(1)), rate(&arrivals, is_of(2))]
}

#[test]
fn rates_of_calls_hold_to_a_percent_where_the_clients_has_room() {
    for seed in seeds() {
        let plans = rated(|config| config.limits.rates = rates(&["50/s"]));
        let rates = rates_within(seed, "250/s", plans);
        let are_held =
            rates[1..].iter().zip([20.0, 30.0, 50.0]).all(|(rate, of)| within_a_percent(*rate, of));
        assert!(are_held, "seed {seed}: {rates:?}");
    }
}

#[test]
fn a_rate_of_the_client_holds_to_a_percent_and_no_call_has_more_than_its_own() {
    for seed in seeds() {
        let [all, first, second, _] = rates_within(seed, "100/s", rated(|_| ()));
        assert!(within_a_percent(all, 100.0), "seed {seed}: {all}");
        // They take turns with the others: what comes too late for its own rate is not made up for.
        assert!((18.0..=20.2).contains(&first), "seed {seed}: {first}");
        assert!((25.5..=30.3).contains(&second), "seed {seed}: {second}");
    }
}

#[test]
fn concurrencies_of_the_client_and_of_its_calls_hold_at_once() {
    for seed in seeds() {
        // Every answer takes the same time, so that what is in flight follows from the rate.
        let world = World::new(seed).machine(1, 4, Arc::new(|_| ok(200)));
        let plans = vec![
            Plan { change: |config| config.limits.concurrency = Some(3), ..Plan::of(gets(0, 0..4, 150)) },
            Plan {
                change: |config| config.limits.concurrency_per_host = Some(1),
                ..Plan::of(gets(1, 0..4, 200))
            },
            Plan::of(gets(2, 0..4, 800)),
        ];
        let client = Config { limits: limits(20, None), ..config() };
        let (performed, arrivals) = world.run_calls(client, plans);
        for (call, count) in [(0, 150), (1, 200), (2, 800)] {
            assert_all_ok(&performed[call as usize], call, count);
        }
        let most = |is_counted: &dyn Fn(&&Arrival) -> bool| {
            let times: Vec<_> = arrivals.iter().filter(is_counted).map(|arrival| arrival.at).collect();
            let in_flight = |at: Duration| {
                times
                    .iter()
                    .filter(|begun| (**begun..**begun + Duration::from_millis(200)).contains(&at))
                    .count()
            };
            times.iter().map(|at| in_flight(*at)).max().unwrap()
        };
        assert_eq!(most(&|_| true), 20, "seed {seed}");
        assert_eq!(most(&is_of(0)), 3, "seed {seed}");
        for port in 80..84 {
            let at_host = most(&|arrival| is_of(1)(arrival) && arrival.host.1 == port);
            assert_eq!(at_host, 1, "seed {seed}, port {port}");
        }
    }
}

#[test]
fn a_call_that_is_cancelled_stops_arriving_at_once_and_the_others_do_not_notice() {
    for seed in seeds() {
        // What is cancelled is in flight for ever, waits to be tried again, for its own rate, or for a connection.
        let behaviour = |arrival: &Arrival| match arrival.id {
            id if id < APART && id % 50 == 0 => never(),
            id if id < APART && id % 10 == 1 => Answer { retry_after: Some(1), ..busy() },
            id if id < APART && id % 10 == 2 => busy(),
            _ => ok(30),
        };
        let world = World::new(seed).machine(1, 12, Arc::new(behaviour));
        let at = Duration::from_millis(2500);
        let plans = vec![
            Plan {
                change: |config| config.limits.rates = rates(&["150/s"]),
                is_cancelled: Some(at),
                ..Plan::of(gets(0, 0..10, 600))
            },
            Plan::of(gets(1, 5..12, 3000)),
            Plan { change: |config| config.limits.concurrency = Some(4), ..Plan::of(gets(2, 0..12, 400)) },
        ];
        let retry = retrying(4);
        let client = Config { limits: limits(30, None), retry, timeout: Duration::from_secs(60), ..config() };
        let (performed, arrivals) = world.run_calls(client, plans);
        assert_whole(&performed[0], 0, 600);
        assert!(performed[0].receipt.ok > 50 && performed[0].unfinished.len() > 50, "seed {seed}");
        assert_all_ok(&performed[1], 1, 3000);
        assert_all_ok(&performed[2], 2, 400);
        // On its way it was for five milliseconds at the most.
        let late = arrivals.iter().filter(is_of(0)).map(|arrival| arrival.at).max().unwrap();
        assert!(late <= at + Duration::from_millis(7), "seed {seed}: {late:?}");
        assert!(last(&performed[1]) > at + Duration::from_millis(100), "seed {seed}: they were at it");
        let others = arrivals.iter().filter(|arrival| arrival.id >= APART);
        assert!(others.clone().all(|arrival| arrival.times == 1), "seed {seed}: one was sent twice");
        assert_eq!(others.count(), 3400, "seed {seed}");
    }
}

#[test]
fn in_an_outage_the_budgets_of_the_client_and_of_a_call_both_hold_exactly() {
    for seed in seeds() {
        let behaviour = |_: &Arrival| Answer { after: Duration::from_millis(100), ..busy() };
        let world = World::new(seed).machine(1, 4, Arc::new(behaviour));
        let plans = vec![
            Plan {
                change: |config| config.limits.retry_budget = Some(Some(0.15)),
                ..Plan::of(gets(0, 0..4, 3000))
            },
            Plan::of(gets(1, 0..4, 3000)),
        ];
        let client = Config { retry: retrying(4), limits: limits(40, Some(0.2)), ..config() };
        let (performed, arrivals) = world.run_calls(client, plans);
        assert_whole(&performed[0], 0, 3000);
        assert_whole(&performed[1], 1, 3000);
        assert_budget(seed, 0.2, 0.16, &arrivals.iter().collect::<Vec<_>>());
        assert_budget(seed, 0.15, 0.11, &arrivals.iter().filter(is_of(0)).collect::<Vec<_>>());
    }
}

/// In no ten seconds are there more retries than this share of the first attempts, and over all not many fewer.
#[track_caller]
fn assert_budget(seed: u64, share: f64, least: f64, arrivals: &[&Arrival]) {
    let times = |is_first: bool| -> Vec<Duration> {
        let counted = arrivals.iter().filter(|arrival| (arrival.times == 1) == is_first);
        counted.map(|arrival| arrival.at).collect()
    };
    let (firsts, retries) = (times(true), times(false));
    // What arrives now was allowed a moment ago: when its first attempt came back, and before it was sent.
    let way = Duration::from_millis(120);
    for end in (0..30).map(Duration::from_secs) {
        let begin = end.saturating_sub(Duration::from_secs(10));
        let retried = retries.iter().filter(|at| (begin + way..=end).contains(*at)).count();
        let first = firsts.iter().filter(|at| (begin.saturating_sub(way)..=end + way).contains(*at)).count();
        let most = (first as f64 * share).max(100.0);
        assert!(retried as f64 <= most, "seed {seed}, {end:?}: {retried} of {first}");
    }
    let total = retries.len() as f64 / firsts.len() as f64;
    assert!((least..=share).contains(&total), "seed {seed}: {total}");
}

#[test]
fn a_second_call_starts_with_the_concurrency_that_the_first_has_found() {
    const MOST: usize = 24;
    for seed in seeds() {
        // Answers after 40 ms, and says "busy" to more than so many at once.
        let until = Mutex::new(Vec::<Duration>::new());
        let behaviour = move |_: &Arrival| {
            let mut until = until.lock().unwrap();
            until.retain(|end| *end > now());
            if until.len() >= MOST {
                return busy();
            }
            until.push(now() + Duration::from_millis(40));
            ok(40)
        };
        let world = World::new(seed).machine(1, 1, Arc::new(behaviour));
        let begins = Duration::from_secs(30);
        let plans = vec![Plan::of(gets(0, 0..1, 4000)), Plan { begins, ..Plan::of(gets(1, 0..1, 1000)) }];
        let client = Limits { adaptive: Some(500), ..Limits::default() };
        let (performed, arrivals) = world.run_calls(Config { limits: client, ..config() }, plans);
        assert!(last(&performed[0]) < begins, "seed {seed}: {:?}", last(&performed[0]));
        let at_first = |call: u64, begins: Duration| {
            let begin = begins..begins + Duration::from_millis(90);
            arrivals.iter().filter(is_of(call)).filter(|arrival| begin.contains(&arrival.at)).count()
        };
        let (cold, warm) = (at_first(0, Duration::ZERO), at_first(1, begins));
        assert!(warm >= 2 * cold && warm >= MOST, "seed {seed}: {cold}, then {warm}");
        let rejected =
            |call: usize| performed[call].receipt.failed as f64 / performed[call].receipt.submitted as f64;
        assert!(rejected(1) <= rejected(0).max(0.03), "seed {seed}: {}, then {}", rejected(0), rejected(1));
    }
}

#[test]
fn an_event_loop_without_connections_ends_after_a_while_without_calls() {
    let world = World::new(1).machine(1, 1, Arc::new(|_| ok(20)));
    let config = world.simulated(config());
    let client = async move {
        let connector = Connector::new(Tls::default(), &config).simulated();
        let of_calls = Arc::new(config.of_calls());
        let shared =
            Arc::new(Shared::new(Arc::new(config), Route::new(connector, false, RouteKey::default())));
        let (call, started) = shared.begin_call(of_calls, 0);
        assert_eq!(started, [0]);
        let event_loop = tokio::task::spawn_local(event_loop::beside(shared.clone()));
        let mut caller = Caller::<u64>::over(shared.clone(), call, None);
        tokio::time::sleep(Duration::from_secs(40)).await;
        assert!(!shared.is_dead(), "there is a call");
        caller.close_input();
        assert!(matches!(caller.step(), Step::End));
        tokio::time::sleep(Duration::from_secs(40)).await;
        assert!(shared.is_dead());
        event_loop.await.unwrap();
    };
    world.simulate(client, |_, _| ());
}
