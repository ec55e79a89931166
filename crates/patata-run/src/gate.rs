//! The way into a run: which requests are sent, and which an earlier process has dealt with.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patata::Request;

use crate::cluster::others::Others;
use crate::error::RunError;
use crate::id::Id;
use crate::journal::Journal;
use crate::key::{idempotency_key, key};
use crate::ledger::entry::Entry;
use crate::ledger::state::{State, digest};
use crate::ticket::Ticket;

/// What is done with requests that an earlier process has sent, and whose answers nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unknown {
    /// They are left alone, and listed in `unknown.jsonl`.
    #[default]
    Keep,
    /// They are sent again: what they ask for may be done twice.
    Resend,
}

/// How a run knows its requests again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Identity {
    /// By their places in an input that is checked in other ways: see [`Recorder::note_input`](crate::Recorder::note_input).
    Position,
    /// By their places, and by keys besides: of their ids, or of all that they say where they have none. So an input
    /// may be made anew, and grow or shrink anywhere.
    #[default]
    Key,
}

/// How a run is to be recorded.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RecordOptions {
    /// Default: they are kept.
    pub unknown: Unknown,
    /// Default: keys.
    pub identity: Identity,
    /// Whether requests that are not idempotent carry an `Idempotency-Key` that is the same in each process, by which
    /// the server knows them again. Then those that are unknown are sent again. Default: no.
    pub idempotency_keys: bool,
}

/// What becomes of a request that is asked for.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are requests")]
pub enum Admission<T> {
    /// It is to be sent, and its outcome to be recorded with this ticket.
    #[non_exhaustive]
    Send {
        /// As it is to be sent.
        request: Request<T>,
        /// What is wanted with the outcome.
        ticket: Arc<Ticket>,
    },
    /// It is not sent: an earlier process has dealt with it.
    Passed(Passed<T>),
}

/// A request that is not sent, as an earlier process has dealt with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed<T> {
    /// The request's own tag.
    pub tag: T,
    /// Its place in the run, by which [`Earlier::row`](crate::Earlier::row) finds its row.
    pub position: u64,
    /// Why it is not sent.
    pub why: Why,
}

/// Why a request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has ended in an earlier process, and has a row.
    Skipped,
    /// An earlier process has sent it, and nobody knows what became of it.
    Unknown,
}

/// Counts that gate and recorder share.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) skipped: AtomicU64,
    /// Requests that are unknown, and left alone.
    pub(crate) kept: AtomicU64,
    /// Of what earlier processes left unknown, how much is to be sent again.
    pub(crate) resent: AtomicU64,
    /// Requests that are kept as they are unknown, of which that is known by other parts of the run only.
    pub(crate) kept_of_others: AtomicU64,
}

/// The way into a run, in the order of its input.
#[derive(Debug)]
pub struct Gate {
    journal: Arc<Journal>,
    counts: Arc<Counts>,
    folder: PathBuf,
    run: Arc<str>,
    options: RecordOptions,
    prior: Prior,
    /// What other parts of the run have done.
    others: Others,
    /// The place of the next request in the input.
    next: u64,
}

/// What earlier processes have done.
#[derive(Debug)]
struct Prior {
    state: State,
    is_empty: bool,
    /// Digests of all keys, in order, once it had to be looked whether one is among them.
    digests: Option<Vec<u64>>,
    moved: Option<Moved>,
}

/// The positions of requests that are no longer where they were.
#[derive(Debug)]
struct Moved {
    positions: HashMap<u64, VecDeque<u64>>,
    /// For those that are new.
    next: u64,
}

impl Gate {
    pub(crate) fn new(
        journal: Arc<Journal>,
        counts: Arc<Counts>,
        folder: PathBuf,
        run: Arc<str>,
        options: RecordOptions,
        state: State,
        others: Others,
    ) -> Self {
        let is_empty = state.ended.is_empty() && state.sent.is_empty();
        let prior = Prior { state, is_empty, digests: None, moved: None };
        Self { journal, counts, folder, run, options, prior, others, next: 0 }
    }

    /// Whether the next request of the input has ended in an earlier process; if so, it is passed. Only for inputs whose
    /// requests are known by their places, which need not make what is not sent.
    pub fn pass(&mut self) -> bool {
        let has_ended = !self.prior.is_empty
            && self.options.identity == Identity::Position
            && self.prior.state.ended.contains(self.next);
        if has_ended {
            self.next += 1;
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
        }
        has_ended
    }

    /// Leaves out the next request of the input, for now or for good: nothing is written down of it.
    pub fn leave_out(&mut self) {
        self.next += 1;
    }

    /// Begins with the input anew, whose requests are then admitted in parts: each in one of them, and left out
    /// otherwise.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// Says what becomes of the next request of the input.
    ///
    /// One that is not idempotent will wait, before it is sent, until it is written down that it will be.
    ///
    /// # Errors
    /// What the disk has refused.
    pub fn admit<T>(&mut self, id: Id, request: Request<T>) -> Result<Admission<T>, RunError> {
        let place = self.next;
        self.next += 1;
        let key = (self.options.identity == Identity::Key).then(|| key(&id, &request));
        let position = match key {
            Some(key) if !self.prior.is_empty => self.prior.position(place, digest(key)),
            _ => place,
        };
        if !self.prior.is_empty && self.prior.state.ended.contains(position) {
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
            return Ok(passed(request.tag, position, Why::Skipped));
        }
        let elsewhere = self.others.get(key);
        if let Some(found) = elsewhere.filter(|found| found.has_ended()) {
            self.others.note(position, found);
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
            return Ok(passed(request.tag, position, Why::Skipped));
        }
        let ticket = Arc::new(Ticket::new(position, id, key, &request));
        let is_sent_here = !self.prior.is_empty && self.prior.state.sent.contains(position);
        if is_sent_here || elsewhere.is_some() {
            if self.options.unknown == Unknown::Keep && !self.options.idempotency_keys {
                self.keep(&ticket, is_sent_here)?;
                return Ok(passed(request.tag, position, Why::Unknown));
            }
            if is_sent_here {
                self.counts.resent.fetch_add(1, Ordering::Relaxed);
                self.journal.stage()?.again(position);
                self.journal.ring();
            }
        }
        if request.method().is_idempotent() {
            return Ok(Admission::Send { request, ticket });
        }
        let (run, known_at) =
            elsewhere.and_then(|found| found.first_sent_as(is_sent_here)).unwrap_or((&self.run, position));
        let known_as = self.options.idempotency_keys.then(|| idempotency_key(run, known_at));
        Ok(Admission::Send {
            request: guarded(&self.journal, &self.folder, request, &ticket, known_as),
            ticket,
        })
    }

    /// Leaves a request alone of which nobody knows what became.
    fn keep(&self, ticket: &Ticket, is_sent_here: bool) -> Result<(), RunError> {
        let mut line = Vec::new();
        ticket.write_line(&mut line);
        let mut staged = self.journal.stage()?;
        if !is_sent_here {
            // It is listed in this folder, which has to say so by itself.
            staged.note(&Entry::Sent { position: ticket.position, key: ticket.key });
            self.counts.kept_of_others.fetch_add(1, Ordering::Relaxed);
        }
        staged.keep_unknown(ticket.position, line);
        drop(staged);
        self.journal.ring();
        self.counts.kept.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What a request that has an effect waits for.
    #[cfg(test)]
    pub(crate) fn ask_leave(
        &self,
        ticket: &Arc<Ticket>,
    ) -> futures_channel::oneshot::Receiver<Result<(), RunError>> {
        self.journal.stage_sent(ticket)
    }

    /// How many requests of the input have been passed or admitted.
    pub fn taken(&self) -> u64 {
        self.next
    }
}

/// Has a request wait until it is written down that it will be sent; `known_as` is by what the server knows it again.
pub(crate) fn guarded<T>(
    journal: &Arc<Journal>,
    folder: &Path,
    mut request: Request<T>,
    ticket: &Arc<Ticket>,
    known_as: Option<String>,
) -> Request<T> {
    if let Some(known_as) = known_as
        && request.headers().is_none_or(|headers| !headers.contains_key("idempotency-key"))
    {
        request = request.header("idempotency-key", known_as);
    }
    let (journal, ticket, folder) = (journal.clone(), ticket.clone(), folder.to_owned());
    request.before_send(move || {
        let written = journal.stage_sent(&ticket);
        let folder = folder.clone();
        async move {
            let gone = |_| Err(RunError::NotARunFolder { path: folder, why: "its run has ended".to_owned() });
            written.await.unwrap_or_else(gone)
        }
    })
}

fn passed<T>(tag: T, position: u64, why: Why) -> Admission<T> {
    Admission::Passed(Passed { tag, position, why })
}

impl Prior {
    /// The position of the request that is at this place now.
    fn position(&mut self, place: u64, digest: u64) -> u64 {
        if self.moved.is_none() {
            match self.state.key_of(place) {
                Some(known) if known == digest => return place,
                None if !self.is_known(digest) => return place,
                // It stands elsewhere, or another stood here.
                _ => self.moved = Some(self.look_for_others(place)),
            }
        }
        let Some(moved) = &mut self.moved else { return place };
        if let Some(position) = moved.positions.get_mut(&digest).and_then(VecDeque::pop_front) {
            return position;
        }
        let position = moved.next;
        moved.next += 1;
        position
    }

    /// Whether a request with this key was anywhere.
    fn is_known(&mut self, digest: u64) -> bool {
        if self.state.keys.is_empty() {
            return false;
        }
        let digests = self.digests.get_or_insert_with(|| {
            let mut digests = self.state.keys.clone();
            digests.sort_unstable();
            digests
        });
        digests.binary_search(&digest).is_ok()
    }

    /// The positions of all that are behind this place, by their keys. Those before it are where they were.
    fn look_for_others(&self, place: u64) -> Moved {
        let mut positions: HashMap<u64, VecDeque<u64>> = HashMap::new();
        let from = usize::try_from(place).unwrap_or(usize::MAX);
        for (position, digest) in
            (place..).zip(self.state.keys.iter().skip(from)).filter(|(_, digest)| **digest != 0)
        {
            positions.entry(*digest).or_default().push_back(position);
        }
        Moved { positions, next: self.state.next_position().max(place) }
    }
}
