//! What must hold for budgets over time: they are used and not exceeded, whatever requests cost, and nothing starves.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::config::budget;
use crate::config::budget::{Budget, BudgetLimits};
use crate::config::limits::Limits;
use crate::engine::event_loop;
use crate::engine::routes::{Route, RouteKey};
use crate::engine::shared::Shared;
use crate::report::receipt::Receipt;
use crate::request::Request;
use crate::request::priced::{EstimateCost, SettleCost};
use crate::run::caller::Caller;
use crate::simulation::server::{Arrival, busy, ok};
use crate::simulation::tests::{config, limits, retrying, seeds, url, within_a_percent};
use crate::simulation::{Plan, World, collect, now};
use crate::transport::connect::Connector;
use crate::transport::connect::tls::Tls;

/// Virtual time over which budgets are looked at.
const TEN_MINUTES: Duration = Duration::from_secs(600);

fn budgets(stated: &[(&str, &str)]) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for (unit, rate) in stated {
        budget::add(&mut budgets, unit, budget::parse(unit, rate).unwrap());
    }
    budgets
}

fn in_all(stated: &[(&str, &str)]) -> Option<Box<BudgetLimits>> {
    Some(Box::new(BudgetLimits { in_all: budgets(stated), per_host: Vec::new() }))
}

fn per_host(stated: &[(&str, &str)]) -> Option<Box<BudgetLimits>> {
    Some(Box::new(BudgetLimits { in_all: Vec::new(), per_host: budgets(stated) }))
}

/// What a request really costs, which its id alone says: from 10 to 8,000 tokens, each magnitude as often as another.
fn actual(id: u64) -> f64 {
    let share = fastrand::Rng::with_seed(id).f64();
    (10.0_f64.ln() + share * 800.0_f64.ln()).exp().round()
}

/// What it is thought to cost: up to 30 % more or less.
fn estimate(id: u64) -> f64 {
    actual(id) * (0.7 + 0.6 * fastrand::Rng::with_seed(id ^ 0xe571_ae7e).f64())
}

/// The number that a URL ends with.
fn id(url: &str) -> u64 {
    url.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap()
}

/// Costs by estimate, settled by what the response says.
fn priced(config: Config) -> Config {
    Config {
        estimate: Some(EstimateCost::new(|request| {
            Ok::<_, Infallible>([("tokens", estimate(id(&request.url())))])
        })),
        settle: Some(SettleCost::new(|response| [("tokens", actual(id(&response.url.to_string())))])),
        ..config
    }
}

fn gets(hosts: u16, ids: std::ops::Range<u64>) -> impl Iterator<Item = Request<u64>> {
    ids.map(move |id| Request::get(id, url(1, (id % u64::from(hosts)) as u16, id)))
}

/// Tokens a second, of what has arrived within a time.
fn used(arrivals: &[Arrival], time: std::ops::Range<Duration>) -> f64 {
    let counted = arrivals.iter().filter(|arrival| time.contains(&arrival.at));
    counted.map(|arrival| actual(arrival.id)).sum::<f64>() / (time.end - time.start).as_secs_f64()
}

/// Requests that come over time, and what came of them: when each was handed in, and the run's accounts.
async fn perform_over_time(
    config: Config,
    requests: Vec<(Duration, Request<u64>)>,
) -> (BTreeMap<u64, Duration>, Receipt) {
    let connector = Connector::new(Tls::default(), &config).simulated();
    let of_calls = Arc::new(config.of_calls());
    let route = Route::new(connector, false, RouteKey::default());
    let shared = Arc::new(Shared::new(Arc::new(config), route));
    let event_loop = tokio::task::spawn_local(event_loop::beside(shared.clone()));
    let (call, _) = shared.begin_call(of_calls, 0);
    let mut caller = Caller::over(shared.clone(), call, None);
    let (mut ended, mut came) = (Vec::new(), BTreeMap::new());
    for (at, request) in requests {
        let waits = at.saturating_sub(now());
        let _ = tokio::time::timeout(waits, collect(&mut caller, &mut ended)).await;
        came.insert(request.tag, now());
        caller.submit(request);
    }
    caller.close_input();
    collect(&mut caller, &mut ended).await;
    shared.close();
    event_loop.await.unwrap();
    (came, caller.cancel())
}

#[test]
fn ninety_thousand_tokens_a_minute_are_used_with_estimates_that_are_wrong_and_nothing_starves() {
    const EACH_SECOND: f64 = 1500.0;
    for seed in seeds() {
        // A large answer takes longer, as of a model that writes it.
        let behaviour = |arrival: &Arrival| ok(200 + actual(arrival.id) as u64);
        let world = World { tick: Duration::from_millis(5), ..World::new(seed) };
        let world = world.machine(1, 4, Arc::new(behaviour));
        let limits = Limits { budgets: in_all(&[("tokens", "90000/min")]), ..limits(100, None) };
        let timeout = Duration::from_secs(60);
        let config = world.simulated(priced(Config { limits, timeout, ..config() }));
        // So many that a quarter of a minute's worth waits all the time, and some are left after ten minutes.
        let (backlog, mut sum) = (EACH_SECOND * 15.0, 0.0);
        let requests = gets(4, seed * 10_000..u64::MAX).map_while(|request| {
            let at = Duration::from_secs_f64(f64::max(sum - backlog, 0.0) / EACH_SECOND);
            sum += actual(request.tag);
            (at < TEN_MINUTES).then_some((at, request))
        });
        let requests: Vec<_> = requests.collect();
        let count = requests.len() as u64;
        let ((came, receipt), arrivals) = world.simulate(perform_over_time(config, requests), |_, _| ());
        assert_eq!(receipt.ok, count, "seed {seed}: {receipt:?}");
        let rate = used(&arrivals, Duration::ZERO..TEN_MINUTES);
        assert!((rate / EACH_SECOND - 1.0).abs() <= 0.02, "seed {seed}: {rate}");
        let total: f64 = came.keys().map(|id| actual(*id)).sum();
        let spent = receipt.costs["tokens"];
        assert!((spent.settled - total).abs() < 1.0 && (spent.estimated - total).abs() > 1.0, "{spent:?}");

        let waits =
            arrivals.iter().map(|arrival| ((arrival.at - came[&arrival.id]).as_secs_f64(), arrival.id));
        let mut waits: Vec<_> = waits.collect();
        waits.sort_by(|one, other| one.0.total_cmp(&other.0));
        let median = waits[waits.len() / 2].0;
        let of_largest = waits.iter().filter(|(_, id)| actual(*id) > 7000.0).map(|(wait, _)| *wait);
        let longest = of_largest.fold(0.0, f64::max);
        assert!(
            median > 5.0 && longest <= 3.0 * median,
            "seed {seed}: {longest} of the large, half {median}"
        );
    }
}

#[test]
fn budgets_of_the_client_of_calls_and_of_hosts_hold_at_once() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 4, Arc::new(|_| ok(20)));
        let of_call: fn(&mut Config) = |config| config.limits.budgets = in_all(&[("requests", "10/s")]);
        let of_hosts: fn(&mut Config) = |config| config.limits.budgets = per_host(&[("requests", "8/s")]);
        let apart = 1_000_000;
        let call = |number: u64, count: u64, change| {
            let ids = number * apart..number * apart + count;
            Plan { change, ..Plan::of(gets(4, ids).collect()) }
        };
        let plans = vec![call(0, 300, of_call), call(1, 900, of_hosts), call(2, 3000, |_| ())];
        let client = Limits { budgets: in_all(&[("requests", "100/s")]), ..limits(100, None) };
        let (performed, arrivals) = world.run_calls(Config { limits: client, ..config() }, plans);
        for (call, count) in [(0, 300), (1, 900), (2, 3000)] {
            assert_eq!(performed[call as usize].receipt.ok, count, "seed {seed}");
        }
        let rate = |is_counted: &dyn Fn(&&Arrival) -> bool| {
            let times: Vec<_> = arrivals.iter().filter(is_counted).map(|arrival| arrival.at).collect();
            (times.len() - 1) as f64
                / (*times.iter().max().unwrap() - *times.iter().min().unwrap()).as_secs_f64()
        };
        assert!(within_a_percent(rate(&|_| true), 100.0), "seed {seed}: {}", rate(&|_| true));
        let of_first = rate(&|arrival| arrival.id < apart);
        assert!((8.0..=10.1).contains(&of_first), "seed {seed}: {of_first}");
        for port in 80..84 {
            let of_host = rate(&|arrival| arrival.id / apart == 1 && arrival.host.1 == port);
            assert!((6.5..=8.1).contains(&of_host), "seed {seed}, {port}: {of_host}");
        }
    }
}

/// At most fifty requests a second.
fn fifty_a_second() -> Limits {
    Limits { budgets: in_all(&[("requests", "50/s")]), ..limits(50, None) }
}

#[test]
fn each_retry_costs_again() {
    for seed in seeds() {
        let behaviour = |arrival: &Arrival| if arrival.times == 1 { busy() } else { ok(10) };
        let world = World::new(seed).machine(1, 2, Arc::new(behaviour));
        let config = Config { limits: fifty_a_second(), retry: retrying(3), ..config() };
        let story = world.run(config, gets(2, 0..500).collect(), |_, _| ());
        assert_eq!((story.receipt.ok, story.arrivals.len()), (500, 1000), "seed {seed}");
        let took = story.arrivals.last().unwrap().at.as_secs_f64();
        assert!((took / 20.0 - 1.0).abs() < 0.02, "seed {seed}: {took}");
        assert_eq!(story.receipt.costs["requests"].settled, 1000.0, "seed {seed}");
    }
}

#[test]
fn what_could_not_be_sent_costs_nothing_and_leaves_the_whole_budget_to_others() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 1, Arc::new(|_| ok(10)));
        let world = world.machine(2, 1, Arc::new(|_| ok(10)));
        // Nobody listens there.
        let nowhere = (1_000..1_100).map(|id| Request::get(id, format!("http://10.0.1.2:9/{id}")));
        let requests = gets(1, 0..500).chain(nowhere).collect();
        let story = world.run(Config { limits: fifty_a_second(), ..config() }, requests, |_, _| ());
        assert_eq!((story.receipt.ok, story.receipt.failed), (500, 100), "seed {seed}");
        assert_eq!(story.receipt.costs["requests"].settled, 500.0, "seed {seed}");
        let took = story.arrivals.last().unwrap().at.as_secs_f64();
        assert!((took / 10.0 - 1.0).abs() < 0.03, "seed {seed}: {took}");
    }
}
