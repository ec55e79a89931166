//! Requests that pages have led to, which join the run: kept in memory, or in the run folder, where another process finds them.

use std::collections::VecDeque;

use patata::Request;
use patata_run::{FIRST_FOLLOW_UP, FoundRequests, Id, Left, NotedRequest, RunError};

use super::{KnownAs, Tag};
use crate::exit::Failure;
use crate::paging::{Chain, Next, Paging};

/// So many requests wait in memory; more are left in the run folder.
const MOST: usize = 10_000;

/// The requests that pages have led to.
#[derive(Debug)]
pub(crate) struct Joining {
    paging: Paging,
    /// Where there is a run folder.
    found: Option<FoundRequests>,
    waiting: VecDeque<Waiting>,
    /// Requests that were sent, of which it is not known yet what they lead to.
    open: u64,
    /// The number of the next one where there is no folder.
    next_index: u64,
}

#[derive(Debug)]
enum Waiting {
    Ready(Request<Tag>),
    /// Those that a page has led to, made when they are taken.
    Unmade(Id, Next),
}

/// Requests that are written down, and may be sent once what has led to them is.
#[derive(Debug, Default)]
pub(super) struct Noted(Vec<(Request<()>, Chain, NotedRequest)>);

impl Joining {
    pub(crate) fn new(paging: Paging, found: Option<FoundRequests>) -> Self {
        Self { paging, found, waiting: VecDeque::new(), open: 0, next_index: FIRST_FOLLOW_UP }
    }

    pub(super) fn paging(&self) -> &Paging {
        &self.paging
    }

    /// The next of the requests that is to be sent, if there is one now.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub(super) fn next(&mut self) -> Result<Option<Request<Tag>>, Failure> {
        while let Some(waiting) = self.waiting.pop_front() {
            match waiting {
                Waiting::Ready(request) => return Ok(Some(request)),
                Waiting::Unmade(id, mut next) => {
                    let Some((request, chain)) = self.paging.next(&mut next) else { continue };
                    let (method, index) = (request.method().clone(), self.next_index);
                    self.next_index += 1;
                    self.waiting.push_front(Waiting::Unmade(id.clone(), next));
                    return Ok(Some(tagged(request, KnownAs::Row { id, index, method }, chain)));
                }
            }
        }
        self.next_left().map_err(Failure::of_run)
    }

    /// The next of those that were left in the folder.
    fn next_left(&mut self) -> Result<Option<Request<Tag>>, RunError> {
        let Some(found) = &mut self.found else { return Ok(None) };
        loop {
            match found.next_left()? {
                Left::Found(left) => {
                    let position = left.position();
                    let chain = Chain::of(&left.request, left.depth);
                    let ticket = found.ticket(position, left.id, &left.request);
                    let request = found.guarded(left.request, &ticket);
                    return Ok(Some(tagged(request, KnownAs::Ticket(ticket), chain)));
                }
                Left::Passed(..) => {}
                Left::NotYet | Left::Nothing => return Ok(None),
            }
        }
    }

    /// States that a request is sent, which may lead to more.
    pub(super) fn note_sent(&mut self, request: &Request<Tag>) {
        self.open += u64::from(request.tag.chain.is_some());
    }

    /// Writes down what a page has led to, where there is a folder: before the page itself is.
    ///
    /// # Errors
    /// The inner one is what a folder cannot keep, with the fix; the outer one what the disk has refused.
    pub(super) fn note(
        &mut self,
        known_as: &KnownAs,
        next: &mut Next,
    ) -> Result<Result<Noted, String>, Failure> {
        let (Some(found), KnownAs::Ticket(parent)) = (&mut self.found, known_as) else {
            return Ok(Ok(Noted::default()));
        };
        let mut noted = Vec::new();
        while let Some((request, chain)) = self.paging.next(next) {
            match found.note(Some(parent), chain.depth, parent.id().clone(), &request) {
                Ok(written) => noted.push((request, chain, written)),
                // They are all alike, so it is the first one.
                Err(error @ RunError::FollowUp { .. }) => return Ok(Err(error.to_string())),
                Err(error) => return Err(Failure::of_run(error)),
            }
        }
        Ok(Ok(Noted(noted)))
    }

    /// Has the requests join that a page has led to, now that it is written.
    pub(super) fn release(&mut self, known_as: KnownAs, next: Next, noted: Noted) {
        self.open = self.open.saturating_sub(1);
        if let KnownAs::Row { id, .. } = known_as {
            return self.waiting.push_back(Waiting::Unmade(id, next));
        }
        let Some(found) = &mut self.found else { return };
        for (request, chain, written) in noted.0 {
            if found.has_left() || self.waiting.len() >= MOST {
                found.leave(&written);
                continue;
            }
            let request = found.guarded(request, &written.ticket);
            self.waiting.push_back(Waiting::Ready(tagged(request, KnownAs::Ticket(written.ticket), chain)));
        }
    }

    /// Whether there is nothing that is, or leads to, another request.
    pub(super) fn is_over(&self) -> bool {
        let has_left = self.found.as_ref().is_some_and(FoundRequests::has_left);
        self.open == 0 && self.waiting.is_empty() && !has_left
    }
}

fn tagged(request: Request<()>, known_as: KnownAs, chain: Chain) -> Request<Tag> {
    request.with_tag(Tag { known_as, chain: Some(Box::new(chain)) }).0
}
