//! The engine in a simulated network with a clock that is made up: its own schedule, main loop and transport,
//! and nothing real below them.

mod allotments;
mod budgets;
mod calls;
mod server;
mod tests;
mod told_limits;

use std::cell::Cell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use turmoil::{Builder, Sim};

use crate::config::Config;
use crate::config::proxies::Proxies;
use crate::engine::event_loop;
use crate::engine::routes::{Route, RouteKey};
use crate::engine::shared::Shared;
use crate::report::receipt::Receipt;
use crate::request::Request;
use crate::response::Outcome;
use crate::run::caller::{Caller, Step};
use crate::transport::connect::Connector;
use crate::transport::connect::tls::Tls;
use server::{Arrival, Behaviour, serve};

/// Where the engine is.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// How long it takes at most until an event loop has handed back what a cancelled call had in flight.
const HANDED_BACK: Duration = Duration::from_millis(20);

/// What all servers have seen.
#[derive(Default)]
struct Book {
    arrivals: Vec<Arrival>,
    /// How often each id has arrived.
    times: HashMap<u64, usize>,
}

type Log = Arc<Mutex<Book>>;

/// A network: machines with servers, and how fast it is.
struct World {
    seed: u64,
    tick: Duration,
    machines: Vec<Machine>,
}

/// A machine with a server on each of some ports: each is a host of its own for the engine.
#[derive(Clone)]
struct Machine {
    address: Ipv4Addr,
    ports: std::ops::Range<u16>,
    behaviour: Behaviour,
}

/// What happened.
struct Story {
    /// When each request ended, and how.
    ended: Vec<(Duration, Outcome<u64>)>,
    arrivals: Vec<Arrival>,
    receipt: Receipt,
}

impl World {
    fn new(seed: u64) -> Self {
        Self { seed, tick: Duration::from_millis(1), machines: Vec::new() }
    }

    /// Adds a machine, the `number`th, with servers on so many ports from 80 on.
    fn machine(mut self, number: u8, hosts: u16, behaviour: Behaviour) -> Self {
        let address = Ipv4Addr::new(10, 0, 1, number);
        self.machines.push(Machine { address, ports: 80..80 + hosts, behaviour });
        self
    }

    /// Performs the requests. `act` is called at each step of the simulation, with the time that has passed.
    fn run(
        &self,
        config: Config,
        requests: Vec<Request<u64>>,
        act: impl FnMut(&mut Sim<'_>, Duration),
    ) -> Story {
        self.run_until(config, requests, None, act)
    }

    /// The same, while the engine's clock leaps ahead by an hour at a moment, as that of a machine that slept.
    fn run_with_a_jump(&self, config: Config, requests: Vec<Request<u64>>, at: Duration) -> Story {
        self.run_until(config, requests, Some(at), |_, _| ())
    }

    fn run_until(
        &self,
        config: Config,
        requests: Vec<Request<u64>>,
        jump: Option<Duration>,
        act: impl FnMut(&mut Sim<'_>, Duration),
    ) -> Story {
        let config = self.simulated(config);
        let client = async move {
            if let Some(at) = jump {
                tokio::task::spawn_local(async move {
                    sleep(at).await;
                    tokio::time::advance(Duration::from_secs(3600)).await;
                });
            }
            let mut calls = perform_all(config, vec![Plan::of(requests)]).await;
            calls.remove(0)
        };
        let (call, arrivals) = self.simulate(client, act);
        Story { ended: call.ended, arrivals, receipt: call.receipt }
    }

    /// Performs calls of one client at once. The limits of `config` are the client's.
    fn run_calls(&self, config: Config, plans: Vec<Plan>) -> (Vec<Performed>, Vec<Arrival>) {
        self.simulate(perform_all(self.simulated(config), plans), |_, _| ())
    }

    fn simulated(&self, config: Config) -> Config {
        Config { proxies: Proxies::Never, seed: Some(self.seed), ..config }
    }

    /// What comes of a client in this network, and what arrived at the servers.
    fn simulate<T: 'static>(
        &self,
        client: impl Future<Output = T> + 'static,
        mut act: impl FnMut(&mut Sim<'_>, Duration),
    ) -> (T, Vec<Arrival>) {
        let log = Log::default();
        let mut sim = Builder::new()
            .simulation_duration(Duration::from_secs(24 * 3600))
            .tick_duration(self.tick)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(5))
            .tcp_capacity(65_536)
            .rng_seed(self.seed)
            .build();
        for machine in &self.machines {
            let (machine, log) = (machine.clone(), log.clone());
            sim.host(IpAddr::V4(machine.address), move || serve(machine.clone(), log.clone()));
        }
        let told = Rc::new(Cell::new(None));
        let telling = told.clone();
        sim.client(IpAddr::V4(CLIENT), async move {
            telling.set(Some(client.await));
            Ok(())
        });
        while !sim.step().unwrap() {
            let passed = sim.elapsed();
            act(&mut sim, passed);
        }
        drop(sim);
        let arrivals = std::mem::take(&mut log.lock().unwrap().arrivals);
        (told.take().unwrap(), arrivals)
    }
}

/// A call to be performed.
struct Plan {
    /// What differs from the client's options: limits are those of the call besides.
    change: fn(&mut Config),
    requests: Vec<Request<u64>>,
    begins: Duration,
    is_cancelled: Option<Duration>,
}

/// What came of a call.
struct Performed {
    ended: Vec<(Duration, Outcome<u64>)>,
    receipt: Receipt,
    /// The ids of requests that came to no end, as the call was cancelled.
    unfinished: Vec<u64>,
}

impl Plan {
    /// One with the client's options, from the beginning on.
    fn of(requests: Vec<Request<u64>>) -> Self {
        Self { change: |_| (), requests, begins: Duration::ZERO, is_cancelled: None }
    }
}

/// Several calls of one engine, and one event loop beside them.
async fn perform_all(config: Config, plans: Vec<Plan>) -> Vec<Performed> {
    let connector = Connector::new(Tls::default(), &config).simulated();
    let route = Route::new(connector, false, RouteKey::default());
    let of_calls = config.of_calls();
    let shared = Arc::new(Shared::new(Arc::new(config), route));
    let event_loop = tokio::task::spawn_local(event_loop::beside(shared.clone()));
    let calls = plans.into_iter().map(|plan| {
        let mut of_call = of_calls.clone();
        (plan.change)(&mut of_call);
        tokio::task::spawn_local(perform(shared.clone(), Arc::new(of_call), plan))
    });
    let mut performed = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        performed.push(call.await.unwrap());
    }
    shared.close();
    event_loop.await.unwrap();
    performed
}

/// The caller's side of one call.
async fn perform(shared: Arc<Shared>, config: Arc<Config>, plan: Plan) -> Performed {
    sleep(plan.begins).await;
    let (call, _) = shared.begin_call(config, 0);
    let mut caller = Caller::over(shared, call, None);
    for request in plan.requests {
        caller.submit(request);
    }
    caller.close_input();
    let mut ended = Vec::new();
    let to_the_end = collect(&mut caller, &mut ended);
    match plan.is_cancelled {
        None => to_the_end.await,
        Some(at) => {
            let is_over = timeout(at.saturating_sub(now()), to_the_end).await.is_ok();
            assert!(!is_over, "there is something left to be cancelled");
            caller.control().cancel();
            // The event loop hands back what it has. Waiting for that as usual would stop the whole simulation.
            sleep(HANDED_BACK).await;
        }
    }
    let receipt = caller.cancel();
    let unfinished = caller.unfinished();
    let unfinished = [&unfinished.unsent[..], &unfinished.unknown[..]].concat();
    Performed { ended, receipt, unfinished }
}

/// Takes outcomes until there are no more.
async fn collect(caller: &mut Caller<u64>, ended: &mut Vec<(Duration, Outcome<u64>)>) {
    loop {
        match caller.step() {
            Step::Outcome(outcome) => ended.push((now(), outcome)),
            Step::End => return,
            Step::Wait => {
                poll_fn(|context| {
                    caller.collect();
                    let is_pending = !caller.has_outcome() && caller.register(context.waker());
                    if is_pending { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
            }
        }
    }
}

/// The time that has passed in the simulation.
fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}
