//! The threads that send: a client's engine, its event loops, and what they share.

pub(crate) mod body_decoding;
pub(crate) mod connection_task;
pub(crate) mod event_loop;
pub(crate) mod name_waits;
pub(crate) mod readiness;
pub(crate) mod routes;
pub(crate) mod settlement;
pub(crate) mod shared;
pub(crate) mod stall_watches;
pub(crate) mod watching;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock;
use crate::config::Config;
use crate::config::allotment::Allotment;
use crate::engine::routes::{Route, RouteKey};
use crate::engine::shared::Shared;
use crate::job::call::Call;
use crate::transport::connect::Connector;
use crate::transport::connect::tls::Tls;

/// How long threads are waited for that have nothing to do, and how often it is looked.
const REST: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_micros(100);

/// The options of a client's calls.
#[derive(Clone)]
pub(crate) struct CallOptions {
    pub(crate) config: Arc<Config>,
    pub(crate) tls: Tls,
    /// What they say that makes connections differ.
    pub(crate) route: RouteKey,
}

/// What a client has for all of its calls. Nothing is started before the first one; without any, threads end after a
/// while, and come back with the next.
pub(crate) struct Engine {
    /// The client's own options.
    pub(crate) options: CallOptions,
    generation: Generation,
}

impl fmt::Debug for Engine {
    /// Without its options, as default headers may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// An engine in one process. A child of a fork has none of the threads, and finds locks held for ever by those that it
/// has not: it begins with a generation of its own, and lets the one before be.
struct Generation {
    process: u32,
    started: OnceLock<Started>,
    next: OnceLock<Box<Generation>>,
}

struct Started {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Generation {
    fn new() -> Self {
        Self { process: std::process::id(), started: OnceLock::new(), next: OnceLock::new() }
    }

    /// That of this process.
    fn current(&self) -> &Self {
        let mut generation = self;
        while generation.process != std::process::id() {
            generation = generation.next.get_or_init(|| Box::new(Self::new()));
        }
        generation
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let Some(started) = self.started.take() else { return };
        if self.process != std::process::id() {
            return std::mem::forget(started);
        }
        started.shared.close();
        let threads = std::mem::take(&mut *started.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // One that panicked has said so on stderr, and its jobs have become outcomes.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Engine {
    pub(crate) fn new(options: CallOptions) -> Self {
        Self { options, generation: Generation::new() }
    }

    fn started(&self) -> &Started {
        self.generation.current().started.get_or_init(|| {
            let config = self.options.config.clone();
            let shared = Shared::attached(config, self.options.to_route());
            Started { shared, threads: Mutex::default() }
        })
    }

    /// The client's part of a shared budget, where it has one.
    pub(crate) fn allotment(&self) -> Option<&Allotment> {
        let started = self.generation.current().started.get();
        let config = started.map_or(&self.options.config, |started| &started.shared.config);
        config.limits.allotment.as_ref()
    }

    /// Begins a call, and starts the event loops that are not there.
    pub(crate) fn begin_call(&self, options: &CallOptions) -> (Arc<Shared>, Arc<Call>) {
        let started = self.started();
        let route = match options.route == self.options.route {
            true => 0,
            false => started.shared.routes.number(&options.route, || options.to_route()),
        };
        let (call, missing) = started.shared.begin_call(options.config.clone(), route);
        if !missing.is_empty() {
            started.start(&missing);
        }
        (started.shared.clone(), call)
    }

    /// Ends threads and connections now, unless there is a call, and waits a moment for them.
    pub(crate) fn rest(&self) {
        let Some(started) = self.generation.current().started.get() else { return };
        started.shared.rest();
        let end = clock::now() + REST;
        while !started.has_ended() && started.shared.is_idle() && clock::now() < end {
            std::thread::sleep(LOOK);
        }
    }
}

impl CallOptions {
    fn to_route(&self) -> Route {
        let connector = Connector::new(self.tls.clone(), &self.config);
        Route::new(connector, self.config.is_one_server(), self.route.clone())
    }
}

impl Started {
    /// Whether no thread is left.
    fn has_ended(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.extract_if(.., |thread| thread.is_finished()) {
            // It may still be listed among the process's threads until then.
            let _ = thread.join();
        }
        threads.is_empty()
    }

    fn start(&self, event_loops: &[usize]) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        for index in event_loops {
            match event_loop::spawn(&self.shared, *index) {
                Ok(thread) => threads.push(thread),
                // One that cannot be started counts as one that has ended: the others do its work.
                Err(cause) => self.shared.begin_falsely(*index, &cause),
            }
        }
    }
}
