//! The book of a ledger test: every arrival at the servers, what became of it, and what is wrong with that.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Mutex;

use patata::{ErrorKind, Method};

use crate::items::{self, ATTEMPTS};

/// How often a request goes out again beside its attempts, and counts, where the server has not looked at it.
const REFUSALS: u32 = 5;

/// What a server did about an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The connection was closed without a byte of an answer.
    Dropped,
    /// The answer, or its stream, was broken off.
    Broken,
    /// No answer ever came.
    Silent,
    /// The server said that it has not acted on it.
    Undone,
    /// A whole answer was written.
    Answered(u16),
}

/// A request that a server has seen, in whole or in part.
#[derive(Debug, Clone)]
struct Arrival {
    connection: usize,
    /// Whether there had been an answer on this connection before.
    on_kept: bool,
    /// The hash of its body, where all of it was read.
    hash: Option<u64>,
    fate: Fate,
}

/// How a request came out of the run.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) id: u64,
    pub(crate) attempts: u32,
    pub(crate) result: Result<Answered, Failed>,
}

/// What an answer says of itself.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) id: u64,
    pub(crate) arrival: usize,
    pub(crate) hash: u64,
}

#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: ErrorKind,
    pub(crate) request_sent: bool,
}

#[derive(Debug, Default)]
struct Pages {
    arrivals: HashMap<u64, Vec<Arrival>>,
    count: usize,
    connections: usize,
    /// Connections that were torn down while requests were under way on them: answers may have been lost with
    /// them, though the server wrote them.
    torn: HashSet<usize>,
}

/// Everything that the servers of a test have seen.
#[derive(Debug, Default)]
pub(crate) struct Book(Mutex<Pages>);

impl Book {
    pub(crate) fn connect(&self) -> usize {
        let mut pages = self.0.lock().unwrap();
        pages.connections += 1;
        pages.connections
    }

    /// Writes an arrival down, as dropped until something else becomes of it. Returns its number among those
    /// of this id.
    pub(crate) fn arrive(&self, id: u64, connection: usize, on_kept: bool) -> usize {
        let mut pages = self.0.lock().unwrap();
        pages.count += 1;
        let arrivals = pages.arrivals.entry(id).or_default();
        arrivals.push(Arrival { connection, on_kept, hash: None, fate: Fate::Dropped });
        arrivals.len() - 1
    }

    pub(crate) fn read_whole(&self, id: u64, number: usize, hash: u64) {
        self.change(id, number, |arrival| arrival.hash = Some(hash));
    }

    /// Written before a byte goes out: what the client does next is then explained by the book.
    pub(crate) fn mark(&self, id: u64, number: usize, fate: Fate) {
        self.change(id, number, |arrival| arrival.fate = fate);
    }

    pub(crate) fn tear(&self, connection: usize) {
        self.0.lock().unwrap().torn.insert(connection);
    }

    /// Whether anything of a request has arrived that the server did not say it has left undone.
    pub(crate) fn knows(&self, id: u64) -> bool {
        let pages = self.0.lock().unwrap();
        pages
            .arrivals
            .get(&id)
            .is_some_and(|arrivals| arrivals.iter().any(|arrival| arrival.fate != Fate::Undone))
    }

    /// How many arrivals there have been.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }

    fn change(&self, id: u64, number: usize, change: impl FnOnce(&mut Arrival)) {
        let mut pages = self.0.lock().unwrap();
        let arrival = pages.arrivals.get_mut(&id).and_then(|arrivals| arrivals.get_mut(number));
        // What its call has ended without may have been forgotten by now.
        if let Some(arrival) = arrival {
            change(arrival);
        }
    }

    /// Forgets what has been looked at.
    pub(crate) fn forget(&self, ids: Range<u64>) {
        let mut pages = self.0.lock().unwrap();
        for id in ids {
            pages.arrivals.remove(&id);
        }
    }

    /// The ids that have arrived.
    pub(crate) fn ids(&self) -> BTreeSet<u64> {
        self.0.lock().unwrap().arrivals.keys().copied().collect()
    }

    /// How many arrivals met each sort of end, to see that a test has tried them all.
    pub(crate) fn fates(&self) -> HashMap<String, usize> {
        let mut fates = HashMap::new();
        for arrival in self.0.lock().unwrap().arrivals.values().flatten() {
            *fates.entry(format!("{:?}", arrival.fate)).or_default() += 1;
        }
        fates
    }

    /// All that contradicts the promises: these ids went in, and `endings` came out. Where the run was cancelled, some
    /// may be missing.
    pub(crate) fn faults(
        &self,
        seed: u64,
        submitted: Range<u64>,
        endings: &[Ending],
        is_cancelled: bool,
    ) -> Vec<String> {
        let pages = self.0.lock().unwrap();
        let mut faults = Vec::new();
        let mut out = HashMap::<u64, Vec<&Ending>>::new();
        for ending in endings {
            out.entry(ending.id).or_default().push(ending);
        }
        for id in out.keys().filter(|id| !submitted.contains(id)) {
            faults.push(format!("{id} was never handed in"));
        }
        for id in submitted {
            let endings = out.get(&id).map_or(&[][..], Vec::as_slice);
            let arrivals = pages.arrivals.get(&id).map_or(&[][..], Vec::as_slice);
            let told = match (endings, is_cancelled) {
                ([ending], _) => pages.check(seed, arrivals, Some(ending)),
                ([], true) => pages.check(seed, arrivals, None),
                _ => Err(format!("it came out {} times", endings.len())),
            };
            let told = told.and_then(|()| pages.check_repetition(seed, id, arrivals));
            if let Err(fault) = told {
                let method = items::method(id);
                faults.push(format!("{method} {id}: {fault}\n  in: {arrivals:?}\n  out: {endings:?}"));
            }
        }
        faults
    }
}

impl Pages {
    /// Whether what came out agrees with what went in.
    fn check(&self, seed: u64, arrivals: &[Arrival], ending: Option<&Ending>) -> Result<(), String> {
        let counted = arrivals.iter().filter(|arrival| !self.is_free(arrival)).count();
        let attempts = ending.map_or(ATTEMPTS, |ending| ending.attempts) as usize;
        if counted > attempts || attempts > (ATTEMPTS + REFUSALS) as usize {
            return Err(format!("{counted} arrivals count as attempts, of which there were {attempts}"));
        }
        match ending.map(|ending| (ending.id, &ending.result)) {
            Some((id, Ok(answered))) => check_answer(seed, id, answered, attempts, arrivals),
            Some((id, Err(failed))) => check_failure(id, failed, arrivals),
            None => Ok(()),
        }
    }

    /// Whether every arrival had the body, and what must not be repeated was not.
    fn check_repetition(&self, seed: u64, id: u64, arrivals: &[Arrival]) -> Result<(), String> {
        let expected = items::hash(&items::body(seed, id));
        if arrivals.iter().any(|arrival| arrival.hash.is_some_and(|hash| hash != expected)) {
            return Err("a body is not what was sent".to_owned());
        }
        match arrivals {
            [earlier @ .., _] if items::method(id) == Method::POST && !earlier.iter().all(is_repeatable) => {
                Err("it was sent again though the server may have acted on it".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether an arrival may be one more of the same attempt: the server had not acted on it, or the
    /// connection was kept from before and turned out dead.
    fn is_free(&self, arrival: &Arrival) -> bool {
        let was_dead = arrival.fate == Fate::Dropped && arrival.on_kept;
        arrival.fate == Fate::Undone || was_dead || self.torn.contains(&arrival.connection)
    }
}

/// An answer is that of one of the request's own arrivals, and not one that is tried again.
fn check_answer(
    seed: u64,
    id: u64,
    answered: &Answered,
    attempts: usize,
    arrivals: &[Arrival],
) -> Result<(), String> {
    let expected = items::hash(&items::body(seed, id));
    if answered.id != id || answered.hash != expected {
        return Err("the answer is another's".to_owned());
    }
    if arrivals.get(answered.arrival).map(|arrival| arrival.fate) != Some(Fate::Answered(answered.status)) {
        return Err("the server never gave this answer".to_owned());
    }
    // A POST may have been done where the status is another than 429.
    let is_final = answered.status == 200 || (items::method(id) == Method::POST && answered.status != 429);
    if !is_final && attempts < ATTEMPTS as usize {
        return Err("a passing fault was not tried again".to_owned());
    }
    Ok(())
}

fn check_failure(id: u64, failed: &Failed, arrivals: &[Arrival]) -> Result<(), String> {
    if matches!(failed.kind, ErrorKind::InvalidRequest | ErrorKind::Cancelled | ErrorKind::TooLarge) {
        return Err("nothing was wrong with it".to_owned());
    }
    let is_post = items::method(id) == Method::POST;
    if is_post && !failed.request_sent && !arrivals.iter().all(is_repeatable) {
        return Err("the error says that nothing was sent".to_owned());
    }
    Ok(())
}

/// Whether a request that is not idempotent may follow this arrival.
fn is_repeatable(arrival: &Arrival) -> bool {
    matches!(arrival.fate, Fate::Undone | Fate::Answered(429))
}
