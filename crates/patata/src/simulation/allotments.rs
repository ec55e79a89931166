//! What must hold for a client whose budget is leased: it uses what it is granted, nothing else, and little of it is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;
use crate::config::Config;
use crate::config::allotment::Allotment;
use crate::config::limits::Limits;
use crate::engine::event_loop;
use crate::engine::routes::{Route, RouteKey};
use crate::engine::shared::Shared;
use crate::error::Kind;
use crate::report::receipt::Receipt;
use crate::request::Request;
use crate::response::Outcome;
use crate::run::caller::Caller;
use crate::simulation::server::{Answer, Arrival, busy, ok};
use crate::simulation::tests::{config, limits, seeds, url, within_a_percent};
use crate::simulation::{World, collect, now};
use crate::transport::connect::Connector;
use crate::transport::connect::tls::Tls;

/// What came of a client's requests: when each ended, and how.
type Ended = Vec<(Duration, Outcome<u64>)>;

/// Performs requests of a client with an allotment, while somebody leases for it.
async fn perform(
    config: Config,
    allotment: Allotment,
    requests: Vec<Request<u64>>,
    leasing: impl Future<Output = ()> + 'static,
) -> (Ended, Receipt) {
    let limits = Limits { allotment: Some(allotment), ..config.limits.clone() };
    let config = Config { limits, ..config };
    let connector = Connector::new(Tls::default(), &config).simulated();
    let of_calls = Arc::new(config.of_calls());
    let shared = Shared::attached(Arc::new(config), Route::new(connector, false, RouteKey::default()));
    let event_loop = tokio::task::spawn_local(event_loop::beside(shared.clone()));
    let leasing = tokio::task::spawn_local(leasing);
    let (call, _) = shared.begin_call(of_calls, 0);
    let mut caller = Caller::over(shared.clone(), call, None);
    for request in requests {
        caller.submit(request);
    }
    caller.close_input();
    let mut ended = Vec::new();
    collect(&mut caller, &mut ended).await;
    leasing.abort();
    shared.close();
    event_loop.await.unwrap();
    (ended, caller.cancel())
}

/// A holder as a shared budget has one, which is away by a round trip: it grants what is wanted, spread by the rate, at
/// most 100 ms ahead.
async fn lease(allotment: Allotment, unit: &'static str, each_second: f64, round_trip: Duration) {
    let mut next = clock::now();
    let mut granted = 0.0_f64;
    let mut done: VecDeque<(std::time::Instant, f64)> = VecDeque::new();
    loop {
        allotment.demand().await;
        sleep(round_trip).await;
        let now = clock::now();
        while let Some((at, amount)) = done.front().copied().filter(|(at, _)| *at <= now) {
            let _ = at;
            granted -= amount;
            done.pop_front();
        }
        next = next.max(now);
        // What is under way already is not granted twice.
        let mut skipped = granted;
        for amount in allotment.wanted().amounts(unit) {
            if skipped > 0.0 {
                skipped -= amount;
                continue;
            }
            if next > now + Duration::from_millis(100) {
                break;
            }
            allotment.grant(unit, next, *amount);
            granted += amount;
            done.push_back((next, *amount));
            next += Duration::from_secs_f64(amount / each_second);
        }
    }
}

fn gets(hosts: u16, count: u64) -> Vec<Request<u64>> {
    (0..count).map(|id| Request::get(id, url(1, (id % u64::from(hosts)) as u16, id))).collect()
}

fn rate(arrivals: &[Arrival]) -> f64 {
    let times: Vec<_> = arrivals.iter().map(|arrival| arrival.at).collect();
    (times.len() - 1) as f64 / (*times.iter().max().unwrap() - *times.iter().min().unwrap()).as_secs_f64()
}

#[test]
fn leased_slots_are_used_and_nothing_is_sent_without_one() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 5, Arc::new(|arrival| ok(arrival.id % 50)));
        let allotment = Allotment::new(["requests"]);
        let leasing = lease(allotment.clone(), "requests", 200.0, Duration::from_millis(3));
        let config = world.simulated(Config { limits: limits(100, None), ..config() });
        let client = perform(config, allotment, gets(5, 4000), leasing);
        let ((_, receipt), arrivals) = world.simulate(client, |_, _| ());
        assert_eq!(receipt.ok, 4000, "seed {seed}");
        let rate = rate(&arrivals);
        assert!((196.0..=202.0).contains(&rate), "seed {seed}: {rate}");
        for second in 0..19 {
            let time = Duration::from_secs(second)..Duration::from_secs(second + 1);
            let count = arrivals.iter().filter(|arrival| time.contains(&arrival.at)).count();
            assert!(count <= 210, "seed {seed}, {second}: {count}");
        }
    }
}

#[test]
fn a_request_that_costs_more_than_a_slot_is_paid_by_several() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 1, Arc::new(|_| ok(20)));
        let allotment = Allotment::new(["tokens"]);
        let granting = allotment.clone();
        // A hundred tokens each 50 ms, whatever is wanted.
        let leasing = async move {
            loop {
                granting.grant("tokens", clock::now(), 100.0);
                sleep(Duration::from_millis(50)).await;
            }
        };
        let costs = |id: u64| if id.is_multiple_of(5) { 1000.0 } else { 250.0 };
        let requests = gets(1, 100).into_iter().map(|request| {
            let cost = costs(request.tag);
            request.cost("tokens", cost)
        });
        let config = world.simulated(Config { limits: limits(100, None), ..config() });
        let client = perform(config, allotment, requests.collect(), leasing);
        let ((_, receipt), arrivals) = world.simulate(client, |_, _| ());
        assert_eq!(receipt.ok, 100, "seed {seed}");
        let used: f64 = arrivals.iter().map(|arrival| costs(arrival.id)).sum();
        let each_second = used / arrivals.last().unwrap().at.as_secs_f64();
        assert!(within_a_percent(each_second, 2000.0), "seed {seed}: {each_second}");
        assert_eq!(receipt.costs["tokens"].settled, used, "seed {seed}");
    }
}

#[test]
fn permits_bound_what_is_in_flight_and_may_change() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 3, Arc::new(|_| ok(100)));
        let allotment = Allotment::new::<&str>([]);
        allotment.set_permits(Some(4));
        let more = allotment.clone();
        let leasing = async move {
            sleep(Duration::from_secs(2)).await;
            more.set_permits(Some(10));
        };
        let config = world.simulated(Config { limits: limits(50, None), ..config() });
        let ((_, receipt), arrivals) =
            world.simulate(perform(config, allotment, gets(3, 300), leasing), |_, _| ());
        assert_eq!(receipt.ok, 300, "seed {seed}");
        let most = |time: std::ops::Range<u64>| {
            let is_within = |at: Duration| (time.start..time.end).contains(&(at.as_millis() as u64));
            let within: Vec<_> =
                arrivals.iter().map(|arrival| arrival.at).filter(|at| is_within(*at)).collect();
            let in_flight = |at: Duration| {
                within
                    .iter()
                    .filter(|begun| (**begun..**begun + Duration::from_millis(100)).contains(&at))
                    .count()
            };
            within.iter().map(|at| in_flight(*at)).max().unwrap()
        };
        assert_eq!((most(0..1990), most(2200..3000)), (4, 10), "seed {seed}");
    }
}

#[test]
fn all_are_left_alone_until_the_moment_that_is_said_and_who_leases_hears_of_servers_that_ask_for_it() {
    for seed in seeds() {
        let behaviour = |arrival: &Arrival| match arrival.id {
            5 => Answer { status: 429, retry_after: Some(2), ..busy() },
            _ => ok(10),
        };
        let world = World::new(seed).machine(1, 2, Arc::new(behaviour));
        let allotment = Allotment::new(["requests"]);
        let told = allotment.clone();
        let leasing = async move {
            let mut is_told = false;
            loop {
                let now = clock::now();
                if let Some(until) = told.asked_until().filter(|_| !is_told) {
                    assert!(until > now + Duration::from_millis(1900));
                    // As the holder would tell all others.
                    told.leave_alone(until);
                    is_told = true;
                }
                told.grant("requests", now, 1.0);
                sleep(Duration::from_millis(20)).await;
            }
        };
        let config = world.simulated(Config { limits: limits(50, None), ..config() });
        let (_, arrivals) = world.simulate(perform(config, allotment, gets(2, 60), leasing), |_, _| ());
        let at = arrivals.iter().find(|arrival| arrival.id == 5).unwrap().at;
        let meanwhile = at + Duration::from_millis(60)..at + Duration::from_millis(1980);
        let sent = arrivals.iter().filter(|arrival| meanwhile.contains(&arrival.at)).count();
        assert_eq!((sent, arrivals.len()), (0, 60), "seed {seed}");
    }
}

#[test]
fn one_server_is_left_alone_that_others_know_wants_to_be_and_the_rest_goes_on() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 2, Arc::new(|_| ok(10)));
        let allotment = Allotment::leased(|allotment| {
            allotment.set_units([("requests", f64::INFINITY)]);
            None
        });
        let told = allotment.clone();
        let leasing = async move {
            // Before anything is known of the server here, and for one that is no server.
            told.leave_server_alone("http://10.0.1.1:81", clock::now() + Duration::from_secs(2));
            told.leave_server_alone("nobody", clock::now() + Duration::from_secs(9));
            loop {
                told.grant("requests", clock::now(), 1.0);
                sleep(Duration::from_millis(10)).await;
            }
        };
        let config = world.simulated(Config { limits: limits(50, None), ..config() });
        let ((_, receipt), arrivals) =
            world.simulate(perform(config, allotment, gets(2, 100), leasing), |_, _| ());
        let begin = arrivals.iter().map(|arrival| arrival.at).min().unwrap();
        let early = |port: u16| {
            let early = |arrival: &&Arrival| {
                arrival.host.1 == port && arrival.at < begin + Duration::from_millis(1900)
            };
            arrivals.iter().filter(early).count()
        };
        assert_eq!((early(80), early(81), receipt.ok), (50, 0, 100), "seed {seed}");
    }
}

#[test]
fn who_costs_what_a_lease_never_holds_ends_with_an_error_once_that_is_known() {
    let world = World::new(1).machine(1, 1, Arc::new(|_| ok(10)));
    let allotment = Allotment::leased(|_| None);
    let told = allotment.clone();
    let leasing = async move {
        sleep(Duration::from_millis(500)).await;
        told.set_units([("tokens", 100.0)]);
        loop {
            told.grant("tokens", clock::now(), 50.0);
            sleep(Duration::from_millis(10)).await;
        }
    };
    let costs = [("tokens", 50.0), ("tokens", 101.0), ("pages", 1.0), ("tokens", 100.0)];
    let requests =
        (0..).zip(costs).map(|(id, (unit, cost))| Request::get(id, url(1, 0, id)).cost(unit, cost));
    let config = world.simulated(Config { limits: limits(50, None), ..config() });
    let ((ended, receipt), arrivals) =
        world.simulate(perform(config, allotment, requests.collect(), leasing), |_, _| ());
    assert_eq!((receipt.ok, receipt.errors[&Kind::InvalidRequest]), (2, 2));
    let sent: Vec<_> = arrivals.iter().map(|arrival| arrival.id).collect();
    assert_eq!(sent, [0, 3]);
    let errors: Vec<_> = ended.iter().filter_map(|(_, outcome)| outcome.result.as_ref().err()).collect();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|text| text.contains("costs 101 tokens") && text.contains("more than 100")));
    assert!(told.iter().any(|text| text.contains("costs pages") && text.contains("there are: tokens")));
}

#[test]
fn a_budget_that_is_lost_ends_what_waits_with_a_typed_error_until_it_is_there_again() {
    let world = World::new(1).machine(1, 2, Arc::new(|_| ok(10)));
    let allotment = Allotment::new(["requests"]);
    let lost = allotment.clone();
    let leasing = async move {
        for _ in 0..7 {
            lost.grant("requests", clock::now(), 1.0);
            sleep(Duration::from_millis(50)).await;
        }
        lost.fail("no answer from the holder for 60 s");
    };
    let config = world.simulated(Config { limits: limits(50, None), ..config() });
    let ((ended, receipt), arrivals) =
        world.simulate(perform(config, allotment, gets(2, 100), leasing), |_, _| ());
    // The first grant may come before anybody waits, and be too old then.
    let sent = arrivals.len() as u64;
    assert!((6..=7).contains(&sent));
    assert_eq!((receipt.ok, receipt.errors[&Kind::Budget]), (sent, 100 - sent));
    let errors: Vec<_> = ended.iter().filter_map(|(_, outcome)| outcome.result.as_ref().err()).collect();
    assert!(errors.iter().all(|error| !error.request_sent()));
    assert!(errors[0].to_string().contains("The shared budget was lost: no answer from the holder for 60 s"));
    assert!(ended.iter().all(|(_, outcome)| (outcome.attempts == 0) == outcome.result.is_err()));
}

#[test]
fn what_was_not_sent_and_what_cost_less_is_told_to_who_leases() {
    let world = World::new(1).machine(1, 1, Arc::new(|_| ok(10))).machine(2, 1, Arc::new(|_| ok(10)));
    let allotment = Allotment::new(["tokens"]);
    let granting = allotment.clone();
    let leasing = async move {
        loop {
            granting.grant("tokens", clock::now(), 100.0);
            sleep(Duration::from_millis(10)).await;
        }
    };
    let nowhere = Request::get(1, "http://10.0.1.2:9/1").cost("tokens", 30.0);
    let requests = vec![Request::get(0, url(1, 0, 0)).cost("tokens", 100.0), nowhere];
    let settle = crate::request::priced::SettleCost::new(|_| [("tokens", 60.0)]);
    let config = world.simulated(Config { settle: Some(settle), ..config() });
    let ((_, receipt), _) = world.simulate(perform(config, allotment.clone(), requests, leasing), |_, _| ());
    assert_eq!((receipt.ok, receipt.failed), (1, 1));
    assert_eq!(allotment.take_settled(), [("tokens".to_owned(), -70.0)]);
    assert!(allotment.take_settled().is_empty());
    assert!(now().is_zero());
}

#[test]
fn it_is_told_how_long_slots_and_permits_of_a_shared_budget_were_waited_for() {
    let world = World::new(1).machine(1, 1, Arc::new(|_| ok(100)));
    let allotment = Allotment::new(["requests"]);
    let granting = allotment.clone();
    let leasing = async move {
        granting.set_permits(Some(1));
        // Slots for all while there is one permit, and then permits without slots.
        let begun = clock::now();
        while clock::now() < begun + Duration::from_millis(1950) {
            granting.grant("requests", clock::now(), 1.0);
            sleep(Duration::from_millis(10)).await;
        }
        granting.set_permits(None);
        sleep(Duration::from_secs(3)).await;
        loop {
            granting.grant("requests", clock::now(), 1.0);
            sleep(Duration::from_millis(10)).await;
        }
    };
    let config = world.simulated(Config { limits: limits(50, None), ..config() });
    let ((ended, receipt), _) = world.simulate(perform(config, allotment, gets(1, 60), leasing), |_, _| ());
    assert_eq!(receipt.ok, 60);
    let waited = |name: &str| receipt.budget_waits[name].as_secs_f64();
    assert!((1.5..2.1).contains(&waited("concurrency of the shared budget")), "{receipt:?}");
    assert!((2.9..3.6).contains(&waited("requests of the shared budget")), "{receipt:?}");
    let waits = ended.iter().flat_map(|(_, outcome)| outcome.charge.as_ref().unwrap().waits());
    let all: f64 = waits.map(|(_, time)| time.as_secs_f64()).sum();
    let in_all: f64 = receipt.budget_waits.values().map(Duration::as_secs_f64).sum();
    assert!((all - in_all).abs() < 0.01, "{all} of {in_all}");
}
