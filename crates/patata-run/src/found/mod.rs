//! Requests that the responses of a run have led to: written down before their parents are done, and read again where
//! memory had no room for them, or an earlier process has left them.

pub(crate) mod line;
pub(crate) mod reader;
pub(crate) mod recovery;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use patata::Request;
use roaring::RoaringTreemap;

use crate::error::RunError;
use crate::found::line::Line;
use crate::found::reader::{Next, Reader};
use crate::gate::{Counts, RecordOptions, Unknown, Why, guarded};
use crate::id::Id;
use crate::journal::Journal;
use crate::key::idempotency_key;
use crate::ledger::state::{FIRST_FOLLOW_UP, State};
use crate::storage::disk::Disk;
use crate::ticket::Ticket;

/// A request that was read again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// What is to be sent.
    pub request: Request<()>,
    /// Its id.
    pub id: Id,
    /// How many responses have led to it, one to the next: 0 for what was added from outside.
    pub depth: u32,
    position: u64,
}

impl Found {
    /// Its place in the run.
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// A request that was written down.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotedRequest {
    /// What is wanted with the outcome.
    pub ticket: Arc<Ticket>,
    /// Where it stands in its file.
    begin: u64,
    end: u64,
}

/// What there is of the requests that are read again.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are requests")]
pub enum Left {
    /// One that is to be sent.
    Found(Found),
    /// One that is not, as an earlier process has dealt with it.
    Passed(Why, Id),
    /// One that is not on the disk yet: it will be in a moment.
    NotYet,
    /// There are none.
    Nothing,
}

/// The way into a run for requests that its responses have led to, beside the [`Gate`](crate::Gate) that its input goes
/// through.
///
/// Who finds one [checks](Self::check) it, [notes](Self::note) it, and only then records the response that has led to it: so
/// what was found is safe before its parent is. It may be sent once that is recorded; or it is [left](Self::leave) in the
/// folder, to be had [again](Self::next_left), together with what an earlier process has left.
#[derive(Debug)]
pub struct FoundRequests {
    journal: Arc<Journal>,
    counts: Arc<Counts>,
    folder: PathBuf,
    run: Arc<str>,
    options: RecordOptions,
    /// Of the follow-ups that earlier processes have found.
    ended: RoaringTreemap,
    sent: RoaringTreemap,
    /// The position of the next one.
    next: u64,
    reader: Reader,
}

/// What is known of a run before.
pub(crate) struct Prior<'a> {
    pub(crate) state: &'a State,
    /// What recovery has found in the file.
    pub(crate) file: recovery::File,
}

impl FoundRequests {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        journal: Arc<Journal>,
        counts: Arc<Counts>,
        folder: PathBuf,
        run: Arc<str>,
        options: RecordOptions,
        prior: &Prior<'_>,
    ) -> Self {
        let Prior { state, file } = prior;
        Self {
            reader: Reader::new(disk, &folder, file.length),
            journal,
            counts,
            folder,
            run,
            options,
            ended: follow_ups_of(&state.ended),
            sent: follow_ups_of(&state.sent),
            next: file.next,
        }
    }

    /// Finds out whether a request can be kept, so that another process could send it.
    ///
    /// # Errors
    /// [`RunError::FollowUp`] for one that has secrets of its own, as a folder holds none, or a body that can be read only
    /// from elsewhere.
    ///
    /// ```
    /// use patata::Request;
    /// use patata_run::FoundRequests;
    ///
    /// assert!(FoundRequests::check(&Request::get((), "http://host/")).is_ok());
    /// let error = FoundRequests::check(&Request::get((), "http://host/").bearer_auth("secret")).unwrap_err();
    /// assert!(error.to_string().contains("give credentials to the client"));
    /// ```
    pub fn check<T>(request: &Request<T>) -> Result<(), RunError> {
        Line::of(0, None, 0, &Id::None, request).map(drop)
    }

    /// What is wrong where nobody would send what was left.
    pub(crate) fn refusal(&self) -> Option<RunError> {
        self.has_left().then(|| RunError::Followed { path: self.folder.clone() })
    }

    /// The place in the run of the request that is noted next.
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// Writes a request down that a response has led to; `parent` is what that answers, and will be recorded behind this.
    /// None have those that were added from outside.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and what the disk has refused.
    pub fn note<T>(
        &mut self,
        parent: Option<&Ticket>,
        depth: u32,
        id: Id,
        request: &Request<T>,
    ) -> Result<NotedRequest, RunError> {
        let position = self.next;
        let line = Line::of(position, parent.map(Ticket::position), depth, &id, request)?.written();
        let begin = self.journal.stage()?.found(&line);
        if parent.is_none() {
            // Nothing is recorded behind it that would ring.
            self.journal.ring();
        }
        self.next += 1;
        let ticket = Arc::new(Ticket::new(position, id, None, request));
        Ok(NotedRequest { ticket, begin, end: begin + line.len() as u64 })
    }

    /// Leaves a request that was just noted in the folder: it comes again by [`next_left`](Self::next_left), behind those
    /// that were left before. Once one is left, all that are noted behind it have to be, until none is
    /// [left](Self::has_left).
    pub fn leave(&mut self, noted: &NotedRequest) {
        self.reader.leave(noted.begin, noted.end);
    }

    /// Whether there may be requests that were left.
    pub fn has_left(&self) -> bool {
        self.reader.has_more()
    }

    /// The next of the requests that were left.
    ///
    /// # Errors
    /// [`RunError::Damaged`], and what the disk refuses.
    pub fn next_left(&mut self) -> Result<Left, RunError> {
        let safe = self.journal.found_safe();
        let line = match self.reader.next(safe)? {
            Next::Line(line) => line,
            Next::NotYet => {
                self.journal.hurry();
                return Ok(Left::NotYet);
            }
            Next::Nothing => return Ok(Left::Nothing),
        };
        if self.ended.contains(line.index) {
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
            return Ok(Left::Passed(Why::Skipped, line.id));
        }
        let found = line.into_found(&self.folder)?;
        if self.sent.contains(found.position) && !self.sends_again(&found)? {
            return Ok(Left::Passed(Why::Unknown, found.id));
        }
        Ok(Left::Found(found))
    }

    /// What becomes of one that an earlier process has sent, nobody knows to what effect.
    fn sends_again(&self, found: &Found) -> Result<bool, RunError> {
        let mut staged = self.journal.stage()?;
        let may_send = self.options.unknown == Unknown::Resend || self.options.idempotency_keys;
        if may_send {
            staged.again(found.position);
            self.counts.resent.fetch_add(1, Ordering::Relaxed);
        } else {
            let mut line = Vec::new();
            Ticket::new(found.position, found.id.clone(), None, &found.request).write_line(&mut line);
            staged.keep_unknown(found.position, line);
            self.counts.kept.fetch_add(1, Ordering::Relaxed);
        }
        drop(staged);
        self.journal.ring();
        Ok(may_send)
    }

    /// The ticket of one that was read again, for the request that is made of it.
    pub fn ticket<T>(&self, position: u64, id: Id, request: &Request<T>) -> Arc<Ticket> {
        Arc::new(Ticket::new(position, id, None, request))
    }

    /// The request as it is to be sent: one that is not idempotent waits until it is written down that it will be.
    pub fn guarded<T>(&self, request: Request<T>, ticket: &Arc<Ticket>) -> Request<T> {
        if request.method().is_idempotent() {
            return request;
        }
        let known_as = self.options.idempotency_keys.then(|| idempotency_key(&self.run, ticket.position()));
        guarded(&self.journal, &self.folder, request, ticket, known_as)
    }
}

/// Those of the positions that are of follow-ups.
fn follow_ups_of(positions: &RoaringTreemap) -> RoaringTreemap {
    if positions.max().is_none_or(|last| last < FIRST_FOLLOW_UP) {
        return RoaringTreemap::new();
    }
    let mut follow_ups = positions.clone();
    follow_ups.remove_range(..FIRST_FOLLOW_UP);
    follow_ups
}
