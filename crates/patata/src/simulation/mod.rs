//! The engine in a simulated network with a clock that is made up: its own schedule, main loop and transport,
//! and nothing real below them.

mod server;
mod tests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

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
        mut act: impl FnMut(&mut Sim<'_>, Duration),
    ) -> Story {
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
        let told = Arc::new(Mutex::new(None));
        let telling = told.clone();
        let config = Config { proxies: Proxies::Never, seed: Some(self.seed), ..config };
        sim.client(IpAddr::V4(CLIENT), async move {
            if let Some(at) = jump {
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(at).await;
                    tokio::time::advance(Duration::from_secs(3600)).await;
                });
            }
            let end = perform(config, requests).await;
            *telling.lock().unwrap() = Some(end);
            Ok(())
        });
        while !sim.step().unwrap() {
            let passed = sim.elapsed();
            act(&mut sim, passed);
        }
        drop(sim);
        let (ended, receipt) = told.lock().unwrap().take().unwrap();
        let arrivals = std::mem::take(&mut log.lock().unwrap().arrivals);
        Story { ended, arrivals, receipt }
    }
}

/// The caller's side, and one event loop beside it.
async fn perform(config: Config, requests: Vec<Request<u64>>) -> (Vec<(Duration, Outcome<u64>)>, Receipt) {
    let connector = Connector::new(Tls::default(), &config).simulated();
    let of_calls = Arc::new(config.of_calls());
    let shared = Arc::new(Shared::new(Arc::new(config), Route::new(connector, false, RouteKey::default())));
    let (call, _) = shared.begin_call(of_calls, 0);
    let mut caller = Caller::over(shared.clone(), call, None);
    let event_loop = tokio::task::spawn_local(event_loop::beside(shared.clone()));
    for request in requests {
        caller.submit(request);
    }
    caller.close_input();
    let mut ended = Vec::new();
    loop {
        match caller.step() {
            Step::Outcome(outcome) => ended.push((now(), outcome)),
            Step::End => break,
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
    let receipt = caller.cancel();
    shared.close();
    event_loop.await.unwrap();
    (ended, receipt)
}

/// The time that has passed in the simulation.
fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}
