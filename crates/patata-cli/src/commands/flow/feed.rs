//! The requests of a run, read and made on a thread of their own: a pipe may be slow, and must hold up nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use patata::{Control, Request};
use patata_run::{Admission, FoundRequests, Gate, InputBlock};

use super::names::Names;
use super::{KnownAs, Tag};
use crate::exit::Failure;
use crate::input::{Input, InputOptions, Row, Source, Template};
use crate::paging::{Chain, Paging};

/// Requests that are ready before they are asked for.
const READY: usize = 1024;
/// How long a thread that reads is waited for when its run is over. A pipe may never say more.
const PATIENCE: Duration = Duration::from_millis(200);

/// How often it is written down what has been read ahead.
const LOOK_AHEAD: Duration = Duration::from_secs(1);
/// After so many rows it is looked whether it is time for that.
const ROWS_A_LOOK: u64 = 1024;

/// Which rows are taken.
#[derive(Debug, Clone)]
pub(crate) enum Rows {
    All,
    Only(Arc<BTreeSet<u64>>),
    Except(Arc<BTreeSet<u64>>),
}

impl Rows {
    fn has(&self, index: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(rows) => rows.contains(&index),
            Self::Except(rows) => !rows.contains(&index),
        }
    }

    /// Whether no row from this one on is taken.
    fn is_over(&self, index: u64) -> bool {
        matches!(self, Self::Only(rows) if rows.last().is_none_or(|last| *last < index))
    }
}

/// What is read, and what is made of it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) sources: Vec<Source>,
    pub(crate) options: InputOptions,
    pub(crate) template: Template,
    pub(crate) rows: Rows,
    /// The way into a run folder, where there is one.
    pub(crate) gate: Option<Gate>,
    /// Where responses are pages.
    pub(crate) paging: Option<Paging>,
}

/// Requests as they are read.
#[derive(Debug)]
pub(super) struct Feed {
    shared: Arc<Shared>,
    /// Taken from the thread at once, as a lock for each would be dear.
    taken: std::vec::IntoIter<Request<Tag>>,
    is_over: bool,
}

/// What there is for who asks.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most are requests")]
pub(super) enum Next {
    Request(Request<Tag>),
    /// Nothing yet: the run is woken when there is.
    Later,
    End,
}

/// What is left when nothing more is read.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) blocks: Vec<InputBlock>,
    pub(super) gate: Option<Gate>,
    /// Whether the input was read to its end.
    pub(super) is_complete: bool,
    /// What ended it before its end.
    pub(super) failure: Option<Failure>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Told when there is room, or all is over.
    changed: Condvar,
    /// Whether who takes waits.
    is_awaited: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    requests: Vec<Request<Tag>>,
    blocks: Vec<InputBlock>,
    end: Option<Rest>,
    /// Whether nobody takes any more.
    is_abandoned: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole at any time, so a poisoned lock is no less good.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request in; `false` where nobody takes it.
    fn put(&self, request: Request<Tag>, blocks: Vec<InputBlock>) -> bool {
        let mut queue = self.queue();
        while queue.requests.len() >= READY && !queue.is_abandoned {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.blocks.extend(blocks);
        queue.requests.push(request);
        !queue.is_abandoned
    }
}

impl Feed {
    /// Begins to read. `control` is that of the run that takes the requests.
    ///
    /// # Errors
    /// What is wrong with the input before a row is read.
    pub(super) fn start(origin: Origin, control: Control) -> Result<Self, Failure> {
        let Origin { sources, options, template, rows, gate, paging } = origin;
        let input = Input::open(sources, options).map_err(Failure::of_input)?;
        let queue = Mutex::new(Queue::default());
        let shared = Arc::new(Shared { queue, changed: Condvar::new(), is_awaited: AtomicBool::new(false) });
        let own = shared.clone();
        let read = move || {
            let mut reading = Reading {
                input,
                template,
                rows,
                gate,
                paging,
                names: Names::default(),
                shared: &own,
                control: &control,
                next_look_ahead: None,
            };
            let rest = reading.all();
            own.queue().end = Some(rest);
            own.changed.notify_all();
            control.wake();
        };
        let spawned = thread::Builder::new().name("patata-input".to_owned()).spawn(read);
        spawned.map_err(|cause| Failure::local(format!("no thread for the input: {cause}")))?;
        Ok(Self { shared, taken: Vec::new().into_iter(), is_over: false })
    }

    /// The next request, without waiting for it.
    pub(super) fn next(&mut self) -> Next {
        if let Some(request) = self.taken.next() {
            return Next::Request(request);
        }
        if self.is_over {
            return Next::End;
        }
        // First, so that what comes after the look wakes us.
        self.shared.is_awaited.store(true, Ordering::SeqCst);
        let mut queue = self.shared.queue();
        if queue.requests.is_empty() {
            self.is_over = queue.end.is_some();
            return if self.is_over { Next::End } else { Next::Later };
        }
        self.taken = std::mem::replace(&mut queue.requests, Vec::with_capacity(READY)).into_iter();
        drop(queue);
        self.shared.is_awaited.store(false, Ordering::SeqCst);
        self.shared.changed.notify_all();
        self.taken.next().map_or(Next::Later, Next::Request)
    }

    /// What was read of the input since the last time.
    pub(super) fn take_blocks(&self) -> Vec<InputBlock> {
        std::mem::take(&mut self.shared.queue().blocks)
    }

    /// Ends the reading.
    pub(super) fn close(self) -> Rest {
        let mut queue = self.shared.queue();
        queue.is_abandoned = true;
        self.shared.changed.notify_all();
        let is_under_way = |queue: &mut Queue| queue.end.is_none();
        let waited = self.shared.changed.wait_timeout_while(queue, PATIENCE, is_under_way);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut rest = queue.end.take().unwrap_or_default();
        let blocks = std::mem::take(&mut queue.blocks);
        rest.blocks.splice(0..0, blocks);
        rest
    }
}

/// The thread's work.
struct Reading<'a> {
    input: Input,
    template: Template,
    rows: Rows,
    gate: Option<Gate>,
    paging: Option<Paging>,
    names: Names,
    shared: &'a Shared,
    control: &'a Control,
    /// When what lies ahead is written down; `None` before the first time.
    next_look_ahead: Option<Instant>,
}

impl Reading<'_> {
    fn all(&mut self) -> Rest {
        let (is_complete, failure) = match self.read() {
            Ok(is_complete) => (is_complete, None),
            Err(failure) => (false, Some(failure)),
        };
        let mut blocks = self.input.take_blocks();
        if !is_complete {
            // Their rows may be under way.
            blocks.extend(self.input.blocks_ahead());
        }
        Rest { blocks, gate: self.gate.take(), is_complete, failure }
    }

    /// Reads on until the end. `false` where nobody takes what is read, or wants the rest.
    fn read(&mut self) -> Result<bool, Failure> {
        loop {
            let index = self.input.index();
            if self.rows.is_over(index) {
                return Ok(false);
            }
            let is_left_out = self.is_left_out(index);
            if is_left_out && !self.template.saves() {
                match self.input.skip_row().map_err(Failure::of_input)? {
                    true => continue,
                    false => return Ok(true),
                }
            }
            let Some(row) = self.input.next_row().map_err(Failure::of_input)? else { return Ok(true) };
            let file = self.template.file(row);
            if is_left_out {
                self.names.keep(file, index);
                continue;
            }
            let id = self.template.id(row);
            let request = match self.names.check(file.as_deref()) {
                Ok(()) => self.template.request(row, ()),
                Err(message) => Request::invalid((), row.at(message)),
            };
            let (request, chain) = begun(self.paging.as_ref(), self.gate.is_some(), row, request);
            let (request, known_as) = match &mut self.gate {
                None => {
                    let method = request.method().clone();
                    (request, KnownAs::Row { id, index, method })
                }
                Some(gate) => match gate.admit(id, request).map_err(Failure::of_run)? {
                    Admission::Send { request, ticket, .. } => (request, KnownAs::Ticket(ticket)),
                    _ => {
                        self.names.keep(file, index);
                        continue;
                    }
                },
            };
            // What is written down of it has the names of variables.
            let request = self.template.with_variables(row, request);
            let blocks = self.blocks(index);
            let tag = Tag { known_as, chain };
            if !self.shared.put(request.with_tag(tag).0, blocks) {
                return Ok(false);
            }
            if self.shared.is_awaited.swap(false, Ordering::SeqCst) {
                self.control.wake();
            }
        }
    }

    /// What has been read, to be written down: so that a change of the input is seen, whatever ends this process. Blocks that
    /// lie ahead are told when the first row is sent, and now and then after that, as small inputs are not longer.
    fn blocks(&mut self, index: u64) -> Vec<InputBlock> {
        if self.gate.is_none() {
            return Vec::new();
        }
        let mut blocks = self.input.take_blocks();
        // The clock is not read for each row of a fast input.
        let may_be_time =
            || index.is_multiple_of(ROWS_A_LOOK) || self.shared.is_awaited.load(Ordering::Relaxed);
        if self.next_look_ahead.is_none_or(|next| may_be_time() && next <= Instant::now()) {
            blocks.extend(self.input.blocks_ahead());
            self.next_look_ahead = Some(Instant::now() + LOOK_AHEAD);
        }
        blocks
    }

    /// Whether a row is not taken: as it is none of those that are, or as an earlier process has done it.
    fn is_left_out(&mut self, index: u64) -> bool {
        let is_chosen = self.rows.has(index);
        match &mut self.gate {
            Some(gate) if is_chosen => gate.pass(),
            Some(gate) => {
                gate.leave_out();
                true
            }
            None => !is_chosen,
        }
    }
}

/// The request as it is to be sent, and the chain of pages that it begins. One that a folder cannot keep is not sent: those for
/// the pages after it would be alike.
fn begun(
    paging: Option<&Paging>,
    has_folder: bool,
    row: &Row,
    request: Request<()>,
) -> (Request<()>, Option<Box<Chain>>) {
    let Some(paging) = paging else { return (request, None) };
    if paging.follows()
        && has_folder
        && !request.is_invalid()
        && let Err(refused) = FoundRequests::check(&request)
    {
        return (Request::invalid((), row.at(refused.to_string())), None);
    }
    let (request, chain) = paging.begun(request);
    (request, chain.map(Box::new))
}
