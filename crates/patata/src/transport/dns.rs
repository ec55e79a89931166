//! Looks up host names, once per name at a time, and remembers the answer for a bounded time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

/// How long an answer is used. Short against the life of a record, long against a burst of connections.
const KEEP: Duration = Duration::from_secs(60);
/// How long a failure is used: enough that a thousand waiting connections ask once.
const KEEP_FAILURE: Duration = Duration::from_secs(1);
/// Names remembered before those that are no longer used are swept out.
const SWEEP_AT: usize = 1024;

type Answer = Result<Arc<[IpAddr]>, Arc<io::Error>>;

/// The names one event loop has looked up.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    names: RefCell<HashMap<String, Rc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The moment of the answer, and the answer; empty while the question is under way.
    answer: OnceCell<(Instant, Answer)>,
}

impl Entry {
    fn is_current(&self, now: Instant) -> bool {
        self.answer.get().is_none_or(|(answered, answer)| {
            now.duration_since(*answered) < if answer.is_ok() { KEEP } else { KEEP_FAILURE }
        })
    }
}

impl Resolver {
    /// The addresses of `host`, with `port`. A literal address is its own answer.
    pub(crate) async fn lookup(
        &self,
        host: &url::Host,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let name = match host {
            url::Host::Ipv4(address) => return Ok(vec![(*address, port).into()]),
            url::Host::Ipv6(address) => return Ok(vec![(*address, port).into()]),
            url::Host::Domain(name) => name,
        };
        let entry = self.entry(name);
        let (_, answer) = entry.answer.get_or_init(|| async { (Instant::now(), ask(name).await) }).await;
        answer.clone().map(|addresses| addresses.iter().map(|address| (*address, port).into()).collect())
    }

    fn entry(&self, name: &str) -> Rc<Entry> {
        let now = Instant::now();
        let mut names = self.names.borrow_mut();
        if let Some(entry) = names.get(name).filter(|entry| entry.is_current(now)) {
            return entry.clone();
        }
        if names.len() >= SWEEP_AT {
            names.retain(|_, entry| entry.is_current(now));
        }
        let entry = Rc::new(Entry::default());
        names.insert(name.to_owned(), entry.clone());
        entry
    }
}

async fn ask(name: &str) -> Answer {
    let found = tokio::net::lookup_host((name, 0)).await.map_err(Arc::new)?;
    let addresses: Arc<[IpAddr]> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(Arc::new(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}
