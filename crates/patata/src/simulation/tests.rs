//! What must hold in any network: rates and budgets, faults of the network and of machines, jumps of the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::config::limits::Limits;
use crate::config::rate::Rate;
use crate::config::retry_policy::RetryPolicy;
use crate::error::Kind;
use crate::request::Request;
use crate::simulation::server::{Answer, Arrival, busy, never, ok};
use crate::simulation::{CLIENT, Story, World};

/// The seeds that each is tried with; or the one of the environment, to look at a failure again.
pub(super) fn seeds() -> Vec<u64> {
    match std::env::var("PATATA_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => vec![1, 2, 3],
    }
}

pub(super) fn config() -> Config {
    Config {
        num_workers: 1,
        limits: limits(50, Some(0.1)),
        timeout: Duration::from_secs(5),
        ..Config::default()
    }
}

/// So many connections, and retries within such a budget or without one.
pub(super) fn limits(concurrency: usize, retry_budget: Option<f64>) -> Limits {
    Limits { concurrency: Some(concurrency), retry_budget: Some(retry_budget), ..Limits::default() }
}

/// Sends again at once, so often.
pub(super) fn retrying(attempts: u32) -> RetryPolicy {
    RetryPolicy { attempts, backoff: Duration::ZERO, ..config().retry }
}

pub(super) fn rates(texts: &[&str]) -> Vec<Rate> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(super) fn url(machine: u8, host: u16, id: u64) -> String {
    format!("http://10.0.1.{machine}:{}/{id}", 80 + host)
}

/// So many requests, in turn to so many hosts of a machine.
fn gets(machine: u8, hosts: u16, count: u64) -> Vec<Request<u64>> {
    (0..count).map(|id| Request::get(id, url(machine, (id % u64::from(hosts)) as u16, id))).collect()
}

impl Story {
    /// Each request has one end, and a response is its own.
    #[track_caller]
    fn assert_whole(&self, seed: u64, count: u64) {
        let ids: BTreeSet<_> = self.ended.iter().map(|(_, outcome)| outcome.tag).collect();
        assert!(ids.into_iter().eq(0..count) && self.ended.len() as u64 == count, "seed {seed}");
        let receipt = &self.receipt;
        assert_eq!((receipt.submitted, receipt.ok + receipt.failed), (count, count), "seed {seed}");
        for (_, outcome) in &self.ended {
            if let Ok(response) = &outcome.result {
                assert_eq!(response.text(), outcome.tag.to_string(), "seed {seed}");
            }
        }
    }

    #[track_caller]
    fn assert_all_ok(&self, seed: u64, count: u64) {
        self.assert_whole(seed, count);
        assert_eq!(self.receipt.ok, count, "seed {seed}: {:?}", self.receipt);
    }

    /// Arrivals a second, from the first to the last.
    fn rate(&self, is_counted: impl Fn(&&Arrival) -> bool) -> f64 {
        let times: Vec<_> = self.arrivals.iter().filter(is_counted).map(|arrival| arrival.at).collect();
        let span = *times.iter().max().unwrap() - *times.iter().min().unwrap();
        (times.len() - 1) as f64 / span.as_secs_f64()
    }
}

pub(super) fn within_a_percent(rate: f64, expected: f64) -> bool {
    (rate / expected - 1.0).abs() <= 0.01
}

#[test]
fn two_thousand_hosts_are_all_answered() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 2000, Arc::new(|arrival| ok(arrival.id % 40)));
        world.run(config(), gets(1, 2000, 4000), |_, _| ()).assert_all_ok(seed, 4000);
    }
}

#[test]
fn a_rate_holds_to_a_percent_for_minutes_with_slow_servers_and_retries() {
    for seed in seeds() {
        let behaviour = |arrival: &Arrival| match arrival.id % 10 {
            0 if arrival.times == 1 => busy(),
            1 => ok(900),
            _ => ok(20),
        };
        let limits = Limits { rates: rates(&["100/s"]), ..limits(200, None) };
        let config = Config { limits, retry: retrying(3), ..config() };
        let world = World::new(seed).machine(1, 20, Arc::new(behaviour));
        let story = world.run(config, gets(1, 20, 6_000), |_, _| ());
        story.assert_all_ok(seed, 6_000);
        assert_eq!(story.arrivals.len(), 6_600, "seed {seed}");
        let rate = story.rate(|_| true);
        assert!(within_a_percent(rate, 100.0), "seed {seed}: {rate}");
    }
}

#[test]
fn each_host_has_a_rate_and_the_strictest_of_several_counts() {
    for seed in seeds() {
        let limits = Limits {
            rates: rates(&["1000/s"]),
            rates_per_host: rates(&["5/s", "1200/min"]),
            ..limits(50, Some(0.1))
        };
        let world = World::new(seed).machine(1, 10, Arc::new(|_| ok(20)));
        let story = world.run(Config { limits, ..config() }, gets(1, 10, 2000), |_, _| ());
        story.assert_all_ok(seed, 2000);
        for port in 80..90 {
            let rate = story.rate(|arrival| arrival.host.1 == port);
            assert!(within_a_percent(rate, 5.0), "seed {seed}, port {port}: {rate}");
        }
    }
}

#[test]
fn in_an_outage_the_retry_budget_holds_exactly() {
    for seed in seeds() {
        // Answers come after 100 ms, so that the run takes half a minute; the outage takes all of it.
        let behaviour = |_: &Arrival| Answer { after: Duration::from_millis(100), ..busy() };
        let world = World::new(seed).machine(1, 4, Arc::new(behaviour));
        let config = Config { retry: retrying(4), limits: limits(60, Some(0.1)), ..config() };
        let story = world.run(config, gets(1, 4, 14_000), |_, _| ());
        story.assert_whole(seed, 14_000);
        let firsts: Vec<_> = times(&story, true);
        let retries: Vec<_> = times(&story, false);
        assert!(retries.len() > 1000, "seed {seed}: {}", retries.len());
        // What arrives now was allowed a moment ago: when its first attempt came back, and before it was sent.
        let way = Duration::from_millis(120);
        for end in (0..30).map(Duration::from_secs) {
            let begin = end.saturating_sub(Duration::from_secs(10));
            let retried = retries.iter().filter(|at| (begin + way..=end).contains(*at)).count();
            let first =
                firsts.iter().filter(|at| (begin.saturating_sub(way)..=end + way).contains(*at)).count();
            let most = (first as f64 * 0.1).max(100.0);
            assert!(retried as f64 <= most, "seed {seed}, {end:?}: {retried} of {first}");
        }
        let total = retries.len() as f64 / firsts.len() as f64;
        assert!((0.08..=0.1).contains(&total), "seed {seed}: {total}");
    }
}

fn times(story: &Story, is_first: bool) -> Vec<Duration> {
    let counted = story.arrivals.iter().filter(|arrival| (arrival.times == 1) == is_first);
    counted.map(|arrival| arrival.at).collect()
}

#[test]
fn a_host_that_says_retry_after_is_left_alone_to_the_second_and_others_go_on() {
    for seed in seeds() {
        let behaviour = |arrival: &Arrival| match arrival.host.1 {
            80 if arrival.times == 1 && arrival.id < 100 => Answer { retry_after: Some(30), ..busy() },
            _ => ok(20),
        };
        let world = World::new(seed).machine(1, 5, Arc::new(behaviour));
        let config = Config { retry: retrying(3), limits: limits(5, None), ..config() };
        let story = world.run(config, gets(1, 5, 500), |_, _| ());
        story.assert_all_ok(seed, 500);
        let of = |port| story.arrivals.iter().filter(move |arrival| arrival.host.1 == port);
        let held: Vec<_> = of(80).map(|arrival| arrival.at).collect();
        assert!(held[1] - held[0] >= Duration::from_secs(30), "seed {seed}");
        assert!(held[1] - held[0] < Duration::from_millis(30_100), "seed {seed}");
        for port in 81..85 {
            assert!(of(port).all(|arrival| arrival.at < held[1]), "seed {seed}, port {port}");
        }
    }
}

#[test]
fn a_partition_costs_attempts_and_no_request() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 10, Arc::new(|_| ok(20)));
        let retry = RetryPolicy { backoff: Duration::from_secs(1), ..retrying(20) };
        let config = Config { retry, limits: limits(50, None), timeout: Duration::from_secs(1), ..config() };
        let (mut is_apart, mut is_over) = (false, false);
        let story = world.run(config, gets(1, 10, 3000), |sim, passed| {
            let should_be = (Duration::from_millis(300)..Duration::from_secs(6)).contains(&passed);
            if should_be && !is_apart {
                sim.partition(CLIENT, world.machines[0].address);
                is_apart = true;
            } else if !should_be && is_apart && !is_over {
                sim.repair(CLIENT, world.machines[0].address);
                is_over = true;
            }
        });
        story.assert_all_ok(seed, 3000);
        assert!(story.receipt.attempts > 3000, "seed {seed}: nothing was cut off");
    }
}

#[test]
fn a_machine_that_crashes_costs_attempts_and_repeats_no_post() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 10, Arc::new(|arrival| ok(10 + arrival.id % 50)));
        let retry = RetryPolicy { backoff: Duration::from_millis(500), ..retrying(20) };
        let config = Config { retry, limits: limits(50, None), timeout: Duration::from_secs(1), ..config() };
        let requests = (0..3000).map(|id| {
            let url = url(1, (id % 10) as u16, id);
            if id % 2 == 0 { Request::get(id, url) } else { Request::post(id, url) }
        });
        let mut crashes = BTreeMap::from([(200, false), (700, true), (1200, false), (1500, true)]);
        let story = world.run(config, requests.collect(), |sim, passed| {
            let is_due = |at: &u64| passed >= Duration::from_millis(*at);
            if let Some(entry) = crashes.first_entry().filter(|entry| is_due(entry.key())) {
                match entry.remove() {
                    true => sim.bounce(world.machines[0].address),
                    false => sim.crash(world.machines[0].address),
                }
            }
        });
        story.assert_whole(seed, 3000);
        let posts = story.arrivals.iter().filter(|arrival| arrival.method == "POST");
        assert!(posts.clone().all(|arrival| arrival.times == 1), "seed {seed}: a POST came twice");
        let failed = story.ended.iter().filter(|(_, outcome)| outcome.result.is_err());
        let failed: BTreeSet<_> = failed.map(|(_, outcome)| outcome.tag).collect();
        assert!(failed.iter().all(|id| id % 2 == 1), "seed {seed}: a GET was given up");
        assert!(!failed.is_empty() && failed.len() < 200, "seed {seed}: {}", failed.len());
    }
}

#[test]
fn a_clock_that_jumps_an_hour_loses_nothing_and_lets_no_burst_through() {
    for seed in seeds() {
        let limits = Limits { rates: rates(&["50/s"]), ..limits(50, None) };
        let config = Config { limits, retry: retrying(5), ..config() };
        let world = World::new(seed).machine(1, 5, Arc::new(|_| ok(100)));
        let story = world.run_with_a_jump(config, gets(1, 5, 1000), Duration::from_secs(5));
        story.assert_all_ok(seed, 1000);
        let mut times: Vec<_> = story.arrivals.iter().map(|arrival| arrival.at).collect();
        times.sort();
        for window in times.windows(52) {
            let span = window[51] - window[0];
            assert!(span >= Duration::from_millis(950), "seed {seed}: 52 requests within {span:?}");
        }
    }
}

#[test]
fn an_outage_of_twenty_seconds_costs_those_who_meet_it_and_the_others_wait() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 1, Arc::new(|_| ok(200)));
        let (down, up) = (Duration::from_secs(2), Duration::from_secs(22));
        let (mut is_down, mut is_up) = (false, false);
        let story = world.run(config(), gets(1, 1, 2000), |sim, passed| {
            if passed >= down && !std::mem::replace(&mut is_down, true) {
                sim.crash(world.machines[0].address);
            }
            if passed >= up && !std::mem::replace(&mut is_up, true) {
                sim.bounce(world.machines[0].address);
            }
        });
        story.assert_whole(seed, 2000);
        // The fifty that were under way, ten until it is noticed and those beside them, and one at a time from then on.
        let lost = story.receipt.failed;
        assert!((1..=130).contains(&lost), "seed {seed}: {lost}");
        assert_eq!(story.receipt.errors.get(&Kind::HostUnavailable), None, "seed {seed}");
        let last = story.ended.iter().map(|(at, _)| *at).max().unwrap();
        assert!(last < up + Duration::from_secs(5 + 8 + 2), "seed {seed}: {last:?}");
    }
}

#[test]
fn time_limits_hold_to_the_tick() {
    for seed in seeds() {
        let world = World::new(seed).machine(1, 2, Arc::new(|_| never()));
        let limited = |total, deadline| Config {
            retry: retrying(9),
            timeout: Duration::from_secs(2),
            total_timeout: Some(Duration::from_millis(total)),
            deadline: Some(Duration::from_millis(deadline)),
            limits: limits(10, None),
            ..config()
        };
        for (total, deadline, expected, name) in
            [(5500, 100_000, 5500, "total_timeout"), (100_000, 7300, 7300, "the run's deadline")]
        {
            let story = world.run(limited(total, deadline), gets(1, 2, 10), |_, _| ());
            story.assert_whole(seed, 10);
            for (at, outcome) in &story.ended {
                let error = outcome.result.as_ref().unwrap_err();
                assert!(
                    error.kind() == Kind::Timeout && error.to_string().contains(name),
                    "seed {seed}: {error}"
                );
                let late = at.as_millis() as i64 - expected;
                assert!((0..=25).contains(&late), "seed {seed}: {late} ms late");
            }
        }
    }
}

#[test]
fn a_dead_host_among_two_thousand_takes_less_than_a_tenth_from_the_others() {
    for seed in seeds() {
        // Each fortieth request goes to the one that never answers.
        let took = |behaviour: fn() -> Answer| {
            let world = World::new(seed).machine(1, 2000, Arc::new(|_| ok(50)));
            let world = world.machine(2, 1, Arc::new(move |_| behaviour()));
            let requests = (0..4_000).map(|id| match id % 40 {
                0 => Request::get(id, url(2, 0, id)),
                _ => Request::get(id, url(1, (id % 2000) as u16, id)),
            });
            let config =
                Config { timeout: Duration::from_secs(60), limits: limits(100, Some(0.1)), ..config() };
            let story = world.run(config, requests.collect(), |_, _| ());
            story.assert_whole(seed, 4_000);
            let others = story.ended.iter().filter(|(_, outcome)| outcome.tag % 40 != 0);
            others.map(|(at, _)| *at).max().unwrap().as_secs_f64()
        };
        let (without, with) = (took(|| ok(50)), took(never));
        assert!(with < without / 0.9, "seed {seed}: {with} s, and {without} s without it");
    }
}

#[test]
fn the_same_seed_gives_the_same_story() {
    let story = |seed| {
        let behaviour = |arrival: &Arrival| if arrival.times.is_multiple_of(3) { ok(30) } else { busy() };
        let world = World::new(seed).machine(1, 7, Arc::new(behaviour));
        let retry = RetryPolicy { backoff: Duration::from_millis(300), ..retrying(5) };
        let config = Config { retry, limits: limits(50, None), ..config() };
        let mut arrivals = world.run(config, gets(1, 7, 500), |_, _| ()).arrivals;
        arrivals.sort_by_key(|arrival| (arrival.at, arrival.id));
        arrivals
    };
    assert!(story(1) == story(1) && story(1) != story(2));
}
