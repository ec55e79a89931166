//! Looks up host names, each once at a time in a whole run, and remembers the answers for a bounded time.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tokio::sync::SetOnce;
use tokio::time::timeout;

use crate::clock;
use crate::transport::blocking;

/// How long an answer is used. Short against the life of a record, long against a burst of connections.
const KEEP: Duration = Duration::from_secs(60);
/// How long a failure is used: enough that a thousand waiting connections ask once.
const KEEP_FAILURE: Duration = Duration::from_secs(1);
/// Names remembered before those that are no longer used are swept out.
const SWEEP_AT: usize = 1024;
/// Look-ups under way at once, each on a thread of its own, as the system's function blocks. They are not left
/// to tokio's threads, which serve files as well. More at once make name servers drop questions.
const FEW_LOOKUPS: usize = 64;
/// As many where those few are held up by names whose servers are silent, which takes many seconds each. So
/// this many dead names have to meet before one that is alive waits for them.
const MOST_LOOKUPS: usize = 512;
/// How long a thread waits for another name before it ends: to start one costs more than most look-ups.
const LINGER: Duration = Duration::from_millis(100);
/// Who has waited this long adds to the few.
const PATIENCE: Duration = Duration::from_millis(250);

/// The addresses of a name that the user gives, by name.
pub(crate) type Overrides = HashMap<String, Arc<[IpAddr]>>;

pub(crate) type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;

/// How names are looked up: a blocking function.
pub(crate) type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// The names that one run has looked up, for all its event loops.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Inner>);

struct Inner {
    overrides: Arc<Overrides>,
    lookup: Lookup,
    state: Mutex<State>,
    /// Tells a thread with nothing to do of a name.
    more: Condvar,
}

struct State {
    names: HashMap<String, Arc<Entry>>,
    /// How many names there are when they are swept next: twice as many as the last sweep left, so that what all
    /// sweeps cost grows with the names, and not with their square.
    sweep_at: usize,
    /// Threads that look names up.
    threads: usize,
    /// Those of them that have nothing to do.
    idle: usize,
    /// What none of them has begun with.
    waiting: VecDeque<(String, Arc<Entry>)>,
}

impl Default for State {
    fn default() -> Self {
        Self { names: HashMap::new(), sweep_at: SWEEP_AT, threads: 0, idle: 0, waiting: VecDeque::new() }
    }
}

impl State {
    /// Forgets names that are no longer used, where there are many. Returns how many it looked at.
    fn sweep(&mut self) -> usize {
        if self.names.len() < self.sweep_at {
            return 0;
        }
        let looked_at = self.names.len();
        self.names.retain(|_, entry| is_current(entry));
        self.sweep_at = (self.names.len() * 2).max(SWEEP_AT);
        looked_at
    }
}

/// The moment of an answer, and the answer; empty while the question is under way.
type Entry = SetOnce<(Instant, Answer)>;

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    pub(crate) fn new(overrides: Arc<Overrides>) -> Self {
        Self::with_lookup(overrides, ask_the_system)
    }

    pub(crate) fn with_lookup(overrides: Arc<Overrides>, lookup: Lookup) -> Self {
        Self(Arc::new(Inner { overrides, lookup, state: Mutex::default(), more: Condvar::new() }))
    }

    /// The addresses of `host`, which may take its time. A literal address is its own answer.
    pub(crate) async fn addresses(&self, host: &url::Host) -> Answer {
        let name = match host {
            url::Host::Ipv4(address) => return Ok(Arc::new([IpAddr::from(*address)])),
            url::Host::Ipv6(address) => return Ok(Arc::new([IpAddr::from(*address)])),
            url::Host::Domain(name) => name,
        };
        if let Some(addresses) = self.0.overrides.get(name) {
            return Ok(addresses.clone());
        }
        let entry = self.entry(name);
        loop {
            match timeout(PATIENCE, entry.wait()).await {
                Ok((_, answer)) => return answer.clone(),
                Err(_) => self.hurry(),
            }
        }
    }

    /// Adds a thread where names wait for one.
    fn hurry(&self) {
        let mut state = self.state();
        if !state.waiting.is_empty() && state.threads < MOST_LOOKUPS {
            self.start_thread(&mut state);
        }
    }

    /// Whether [`addresses`](Self::addresses) would answer without waiting.
    pub(crate) fn knows(&self, host: &url::Host) -> bool {
        let url::Host::Domain(name) = host else { return true };
        self.0.overrides.contains_key(name)
            || self.state().names.get(name).is_some_and(|entry| entry.initialized() && is_current(entry))
    }

    /// What is known of a name, or will be.
    fn entry(&self, name: &str) -> Arc<Entry> {
        let mut state = self.state();
        if let Some(entry) = state.names.get(name).filter(|entry| is_current(entry)) {
            return entry.clone();
        }
        state.sweep();
        let entry = Arc::new(Entry::new());
        state.names.insert(name.to_owned(), entry.clone());
        state.waiting.push_back((name.to_owned(), entry.clone()));
        if state.idle >= state.waiting.len() {
            self.0.more.notify_one();
        } else if state.threads < FEW_LOOKUPS {
            self.start_thread(&mut state);
        }
        entry
    }

    /// One more thread. Where there can be none, those that there are do its work; without any, nobody may
    /// be left waiting.
    fn start_thread(&self, state: &mut State) {
        let resolver = self.clone();
        let thread = std::thread::Builder::new().name("patata-names".to_owned());
        match thread.spawn(move || resolver.work()) {
            Ok(_) => state.threads += 1,
            Err(_) if state.threads > 0 => {}
            Err(cause) => {
                let cause = Arc::new(blocking::no_thread(cause));
                for (_, entry) in state.waiting.drain(..) {
                    settle(&entry, Err(cause.clone()));
                }
            }
        }
    }

    /// Looks up what waits, until nothing does.
    fn work(&self) {
        while let Some((name, entry)) = self.next() {
            settle(&entry, (self.0.lookup)(&name).map(Arc::from).map_err(Arc::new));
        }
    }

    fn next(&self) -> Option<(String, Arc<Entry>)> {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.idle += 1;
            let nothing = |state: &mut State| state.waiting.is_empty();
            let waited = self.0.more.wait_timeout_while(state, LINGER, nothing);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.threads -= 1;
        }
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settle(entry: &Entry, answer: Answer) {
    // Nobody else settles it: it is set once.
    let _ = entry.set((clock::now(), answer));
}

/// Whether an entry's answer may still be used, or is awaited.
fn is_current(entry: &Entry) -> bool {
    entry.get().is_none_or(|(answered, answer)| {
        clock::now().saturating_duration_since(*answered) < if answer.is_ok() { KEEP } else { KEEP_FAILURE }
    })
}

fn ask_the_system(name: &str) -> io::Result<Vec<IpAddr>> {
    let addresses: Vec<_> = (name, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn resolver(lookup: Lookup) -> Resolver {
        Resolver::with_lookup(Arc::default(), lookup)
    }

    fn host(name: &str) -> url::Host {
        url::Host::parse(name).unwrap()
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn what_sweeping_costs_grows_with_the_names_and_not_with_their_square() {
        let mut state = State::default();
        let mut looked_at = 0;
        for name in 0..30_000 {
            looked_at += state.sweep();
            state.names.insert(name.to_string(), Arc::default());
        }
        assert!(looked_at <= 2 * 30_000, "{looked_at}");
    }

    #[test]
    fn a_name_is_looked_up_once_however_many_ask_and_from_wherever() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let resolver = resolver(|_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            Ok(vec![[127, 0, 0, 1].into()])
        });
        assert!(!resolver.knows(&host("a.example")));
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let resolver = resolver.clone();
                std::thread::spawn(move || run(resolver.addresses(&host("a.example"))).unwrap())
            })
            .collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap()[..], [IpAddr::from([127, 0, 0, 1])]);
        }
        assert!(resolver.knows(&host("a.example")));
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_thread_looks_up_one_name_after_the_other() {
        static THREADS: Mutex<Vec<std::thread::ThreadId>> = Mutex::new(Vec::new());
        let resolver = resolver(|_| {
            let (mut threads, this) = (THREADS.lock().unwrap(), std::thread::current().id());
            if !threads.contains(&this) {
                threads.push(this);
            }
            Ok(vec![[127, 0, 0, 1].into()])
        });
        run(async {
            for id in 0..1000 {
                resolver.addresses(&host(&format!("{id}.example"))).await.unwrap();
            }
        });
        let threads = THREADS.lock().unwrap().len();
        assert!(threads <= 100, "{threads} threads for 1000 names");
    }

    #[test]
    fn an_asker_that_gives_up_leaves_the_question_to_the_others() {
        let resolver = resolver(|_| {
            std::thread::sleep(Duration::from_millis(100));
            Ok(vec![[127, 0, 0, 1].into()])
        });
        run(async {
            let host = host("a.example");
            let hasty = resolver.addresses(&host);
            assert!(tokio::time::timeout(Duration::from_millis(1), hasty).await.is_err());
            assert!(resolver.addresses(&host).await.is_ok());
        });
    }

    #[test]
    fn more_dead_names_than_threads_hold_back_none_for_good() {
        let resolver = resolver(|name| {
            if name.starts_with("dead") {
                std::thread::sleep(Duration::from_millis(20));
                return Err(io::Error::other("no answer"));
            }
            Ok(vec![[127, 0, 0, 1].into()])
        });
        run(async {
            let hosts: Vec<_> = (0..2 * MOST_LOOKUPS).map(|id| host(&format!("dead{id}.example"))).collect();
            let alive = host("alive.example");
            let dead = futures_util::future::join_all(hosts.iter().map(|host| resolver.addresses(host)));
            let (dead, alive) = futures_util::future::join(dead, resolver.addresses(&alive)).await;
            assert!(alive.is_ok() && dead.iter().all(Result::is_err));
        });
        // The threads have ended, or are about to.
        while resolver.state().threads > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn as_many_dead_names_as_are_looked_up_at_once_hold_back_none() {
        let resolver = resolver(|name| {
            while name.starts_with("dead") {
                std::thread::park();
            }
            Ok(vec![[127, 0, 0, 1].into()])
        });
        run(async {
            let hosts: Vec<_> = (0..FEW_LOOKUPS).map(|id| host(&format!("dead{id}.example"))).collect();
            let alive = host("alive.example");
            let dead =
                futures_util::future::select_all(hosts.iter().map(|host| Box::pin(resolver.addresses(host))));
            let alive = std::pin::pin!(resolver.addresses(&alive));
            let first = futures_util::future::select(dead, alive).await;
            assert!(matches!(first, futures_util::future::Either::Right((Ok(_), _))));
        });
    }

    #[test]
    fn literal_addresses_and_overrides_are_known_without_a_look_up() {
        let overrides =
            Overrides::from([("a.example".to_owned(), Arc::from([IpAddr::from([127, 0, 0, 9])]))]);
        let resolver = Resolver::with_lookup(Arc::new(overrides), |name| panic!("{name} was looked up"));
        for (name, expected) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("A.example", "127.0.0.9")] {
            let host = host(name);
            assert!(resolver.knows(&host));
            assert_eq!(run(resolver.addresses(&host)).unwrap()[..], [expected.parse::<IpAddr>().unwrap()]);
        }
    }
}
