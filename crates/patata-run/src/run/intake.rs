//! The input of a run that is written down: what is to be sent of it is handed to the engine, what an earlier process has
//! dealt with waits for its turn to be handed out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patata::{PushedRun, Request};

use crate::gate::{Admission, Gate, Passed};
use crate::id::Id;
use crate::ticket::Ticket;

/// How long the input is taken from before it is looked for outcomes.
const TAKE_TIME: Duration = Duration::from_millis(1);
/// So many that were passed wait at most: an input may have nothing else.
const PASSED: usize = 1024;

/// By what the engine knows a request.
#[derive(Debug)]
pub(super) struct Tagged<T> {
    pub(super) tag: T,
    pub(super) ticket: Arc<Ticket>,
}

/// The input.
#[derive(Debug)]
pub(super) struct Intake<T, I> {
    /// Gone once it has ended.
    input: Option<I>,
    gate: Gate,
    is_ordered: bool,
    /// Requests that were passed, each with how many were sent that came before it.
    passed: VecDeque<(u64, Passed<T>)>,
    sent: u64,
    /// Whether all of the input was taken.
    is_complete: bool,
}

/// Whether there is more to take at once. There is not where too many wait that were passed: they are to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

impl<T, I: Iterator<Item = (Id, Request<T>)>> Intake<T, I> {
    pub(super) fn new(gate: Gate, input: I, is_ordered: bool) -> Self {
        Self { input: Some(input), gate, is_ordered, passed: VecDeque::new(), sent: 0, is_complete: false }
    }

    /// Takes as many as the run has room for, for a moment.
    pub(super) fn feed(&mut self, run: &mut PushedRun<Tagged<T>>) -> More {
        let Some(input) = &mut self.input else { return More::No };
        let mut room = run.room();
        if room == 0 {
            return More::No;
        }
        let begun = Instant::now();
        while room > 0 && self.passed.len() < PASSED {
            run.note_taking(true);
            let Some((id, request)) = input.next() else {
                self.is_complete = true;
                self.close(run);
                return More::No;
            };
            run.note_taking(false);
            if request.is_pause() {
                return More::No;
            }
            match self.gate.admit(id, request) {
                Ok(Admission::Send { request, ticket }) => {
                    if let Err(back) = run.push(with_ticket(request, ticket)) {
                        // The run was ended meanwhile.
                        run.give_up(back);
                        self.close(run);
                        return More::No;
                    }
                    self.sent += 1;
                    room -= 1;
                }
                Ok(Admission::Passed(passed)) => self.passed.push_back((self.sent, passed)),
                // The recorder says why.
                Err(_) => {
                    self.close(run);
                    return More::No;
                }
            }
            if begun.elapsed() > TAKE_TIME {
                return More::Yes;
            }
        }
        More::No
    }

    fn close(&mut self, run: &mut PushedRun<Tagged<T>>) {
        run.note_taking(false);
        self.input = None;
        run.close_input();
    }

    /// The next request that was passed, if it is its turn after so many outcomes were handed out: where the order is that
    /// of the input, behind the outcomes of all that came before it. Once the run `is_over` no more of these come.
    pub(super) fn take_passed(&mut self, handed_out: u64, is_over: bool) -> Option<Passed<T>> {
        let is_due = |sent_before: u64| is_over || !self.is_ordered || sent_before <= handed_out;
        let is_next = self.passed.front().is_some_and(|(sent_before, _)| is_due(*sent_before));
        if is_next { self.passed.pop_front().map(|(_, passed)| passed) } else { None }
    }

    /// Whether all of the input was taken.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

fn with_ticket<T>(request: Request<T>, ticket: Arc<Ticket>) -> Request<Tagged<T>> {
    let (request, tag) = request.with_tag(());
    request.with_tag(Tagged { tag, ticket }).0
}
