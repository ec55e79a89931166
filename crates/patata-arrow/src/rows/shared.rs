//! Answers that rows of equal requests share: the first of them is asked, the others wait for what it is answered.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patata::Request;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::rows::answer::Answer;
use crate::rows::row::Row;

/// How many rows may wait for the answers of others, before the input is read on: so that memory is bounded where all rows
/// are the same.
const MOST_WAITING: usize = 1 << 16;

/// What becomes of a row's request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are requests")]
pub(crate) enum Asked {
    /// It is the first of its kind, or can be no other's.
    Send(Request<Row>),
    /// The row gets the answer of an equal one.
    Shares,
}

/// The answers of a run, as long as an equal row may come: known to what reads the rows, and to what gives their results.
#[derive(Clone)]
pub(crate) struct SharedAnswers(Arc<Mutex<State>>);

impl fmt::Debug for SharedAnswers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedAnswers").finish_non_exhaustive()
    }
}

struct State {
    /// Rows come in the order of the input.
    is_ordered: bool,
    /// By which digests differ from process to process: so nobody can make two requests that have the same one.
    seed: u64,
    /// By the digests of requests.
    questions: HashMap<u128, NonZeroU32>,
    /// By the numbers of questions, which are counted from 1.
    answers: Vec<Known>,
    /// Rows that share an answer: in order, all of them; else those whose answer is there.
    queue: VecDeque<Row>,
    /// How many rows share an answer and were not given it.
    waiting: usize,
    /// The position behind that of the last row which was given back.
    next: u64,
    scratch: Vec<u8>,
}

/// What is known of a question.
enum Known {
    /// It was asked; these rows wait besides those that wait in their order.
    Asked(Vec<Row>),
    Answered(Arc<Answer>),
}

impl SharedAnswers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            is_ordered: true,
            seed: RandomState::new().hash_one(0),
            questions: HashMap::new(),
            answers: Vec::new(),
            queue: VecDeque::new(),
            waiting: 0,
            next: 0,
            scratch: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether rows are in the order of the input.
    pub(crate) fn set_ordered(&self, is_ordered: bool) {
        self.state().is_ordered = is_ordered;
    }

    /// Whether so many rows wait that no more should be read for now.
    pub(crate) fn is_full(&self) -> bool {
        self.state().waiting >= MOST_WAITING
    }

    /// Says what becomes of a request.
    pub(crate) fn ask(&self, request: Request<Row>) -> Asked {
        self.state().ask(request)
    }

    /// Takes the answer of a row that was asked, for all that share it.
    pub(crate) fn answer(&self, row: &Row, answer: Answer) -> Answer {
        self.state().answer(row, answer)
    }

    /// The next row whose answer is there, where it is its turn.
    pub(crate) fn take(&self) -> Option<(Row, Answer)> {
        let mut state = self.state();
        let next = state.next;
        state.take(next)
    }

    /// The next row whose answer is there, of those that stand before this one.
    pub(crate) fn take_before(&self, row: &Row) -> Option<(Row, Answer)> {
        let mut state = self.state();
        if state.is_ordered { state.take(row.position()) } else { None }
    }

    /// Whether there is a row whose turn it is.
    pub(crate) fn has_row(&self) -> bool {
        let state = self.state();
        state.queue.front().is_some_and(|row| !state.is_ordered || row.position() <= state.next)
    }

    /// There will be no more answers: rows have no order any more, and some have no answer.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.is_ordered = false;
        let State { queue, answers, .. } = &mut *state;
        queue.retain(|row| matches!(known(answers, row), Some(Known::Answered(_))));
    }

    /// How many rows share an answer that they were not given.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting
    }
}

fn known<'a>(answers: &'a mut [Known], row: &Row) -> Option<&'a mut Known> {
    answers.get_mut(row.question?.get() as usize - 1)
}

impl State {
    fn ask(&mut self, mut request: Request<Row>) -> Asked {
        let Some(digest) = self.digest(&request) else { return Asked::Send(request) };
        let number = u32::try_from(self.answers.len() + 1).ok().and_then(NonZeroU32::new);
        match (self.questions.entry(digest), number) {
            (Entry::Vacant(_), None) => Asked::Send(request),
            (Entry::Vacant(entry), Some(number)) => {
                request.tag.question = Some(*entry.insert(number));
                self.answers.push(Known::Asked(Vec::new()));
                Asked::Send(request)
            }
            (Entry::Occupied(entry), _) => {
                let mut row = request.tag;
                row.question = Some(*entry.get());
                self.waiting += 1;
                match known(&mut self.answers, &row) {
                    Some(Known::Asked(rows)) if !self.is_ordered => rows.push(row),
                    _ => self.queue.push_back(row),
                }
                Asked::Shares
            }
        }
    }

    /// Of all that is sent; `None` for what cannot be, or not be compared.
    fn digest(&mut self, request: &Request<Row>) -> Option<u128> {
        if request.is_invalid() {
            return None;
        }
        let Self { scratch, seed, .. } = self;
        scratch.clear();
        let mut part = |bytes: &[u8]| {
            scratch.extend_from_slice(&bytes.len().to_le_bytes());
            scratch.extend_from_slice(bytes);
        };
        part(request.method().as_str().as_bytes());
        part(request.url().as_bytes());
        if let Some(body) = request.own_body() {
            part(body.media_type().unwrap_or_default().as_bytes());
            // Apart, as it may be large.
            part(&xxh3_128_with_seed(body.bytes()?, *seed).to_le_bytes());
        }
        for (name, value) in request.headers().into_iter().flatten() {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        Some(xxh3_128_with_seed(scratch, *seed))
    }

    fn answer(&mut self, row: &Row, answer: Answer) -> Answer {
        self.next = self.next.max(row.position() + 1);
        let Some(known) = known(&mut self.answers, row) else { return answer };
        let answer = Arc::new(answer);
        if let Known::Asked(rows) = std::mem::replace(known, Known::Answered(answer.clone())) {
            self.queue.extend(rows);
        }
        Answer::Shared(answer)
    }

    /// The first row in the queue, where it stands no further than this.
    fn take(&mut self, position: u64) -> Option<(Row, Answer)> {
        loop {
            let front = self.queue.front()?;
            if self.is_ordered && front.position() > position {
                return None;
            }
            let row = self.queue.pop_front()?;
            match known(&mut self.answers, &row) {
                Some(Known::Answered(answer)) => {
                    let answer = Answer::Shared(answer.clone());
                    self.waiting -= 1;
                    self.next = self.next.max(row.position() + 1);
                    return Some((row, answer));
                }
                // Its turn has come before that of the one asked: the run has ended early, and given up its order.
                Some(Known::Asked(rows)) => rows.push(row),
                None => {}
            }
        }
    }
}
