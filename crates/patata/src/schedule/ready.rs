//! The jobs of a host that could be sent: calls in turn, and of each what has begun before what has not.

use std::collections::VecDeque;

use crate::job::Job;
use crate::schedule::budgets::Hold;

/// What waits at one host, by call.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// The first one's turn is next.
    queues: VecDeque<Queue>,
}

/// Jobs of one call, each kind in the order in which they came: those that have begun are retries, redirects, and
/// jobs whose connection was on its way out.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The call's number, and where the schedule keeps what it knows of it.
    pub(crate) call: u64,
    pub(crate) place: usize,
    /// Whether the call itself, or a budget, keeps them from being sent.
    pub(crate) block: Block,
    /// How they are counted just now.
    pub(crate) counted: Counted,
    /// Whether the call will come back to this host when it has room again.
    pub(crate) is_parked: bool,
    /// The budget that the next one waits for.
    pub(crate) hold: Option<Box<Hold>>,
    begun: VecDeque<Box<Job>>,
    fresh: VecDeque<Box<Job>>,
}

/// What keeps a call's jobs at one host, apart from the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Block {
    #[default]
    None,
    /// A limit of the call at this host.
    AtHost,
    /// A limit of the whole call.
    InAll,
    /// A budget of the whole call or of the client.
    Budget,
}

/// As what ready jobs are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// As those that could be sent.
    pub(crate) sendable: bool,
    /// As those that are read ahead of the input: it is not read on for the sake of others.
    pub(crate) ahead: bool,
}

impl Queue {
    fn new(job: &Job) -> Self {
        Self {
            call: job.call.number,
            place: job.call.place,
            block: Block::None,
            counted: Counted::default(),
            is_parked: false,
            hold: None,
            begun: VecDeque::new(),
            fresh: VecDeque::new(),
        }
    }

    fn push(&mut self, job: Box<Job>) {
        let queue = if job.attempt.number > 0 { &mut self.begun } else { &mut self.fresh };
        queue.push_back(job);
    }

    fn pop(&mut self) -> Option<Box<Job>> {
        self.begun.pop_front().or_else(|| self.fresh.pop_front())
    }

    /// The job that is next.
    pub(crate) fn peek(&self) -> Option<&Job> {
        self.begun.front().or_else(|| self.fresh.front()).map(|job| &**job)
    }

    /// The same, to be changed.
    pub(crate) fn peek_mut(&mut self) -> Option<&mut Job> {
        self.begun.front_mut().or_else(|| self.fresh.front_mut()).map(|job| &mut **job)
    }

    pub(crate) fn len(&self) -> usize {
        self.begun.len() + self.fresh.len()
    }

    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.fresh.is_empty()
    }

    fn take(&mut self, count: usize, taken: &mut Vec<Box<Job>>) {
        let begun = self.begun.len().min(count);
        taken.extend(self.begun.drain(..begun));
        let fresh = self.fresh.len().min(count - begun);
        taken.extend(self.fresh.drain(..fresh));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.begun.iter().chain(&self.fresh).map(|job| &**job)
    }

    fn extract(&mut self, is_meant: &impl Fn(&Job) -> bool, extracted: &mut Vec<Box<Job>>) {
        for queue in [&mut self.begun, &mut self.fresh] {
            let (meant, others): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(queue).into_iter().partition(|job| is_meant(job));
            *queue = others;
            extracted.extend(meant);
        }
    }

    pub(crate) fn into_jobs(self) -> impl Iterator<Item = Box<Job>> {
        self.begun.into_iter().chain(self.fresh)
    }
}

impl Ready {
    /// Adds a job behind the others of its call. Returns its queue, and whether that is a new one.
    pub(crate) fn push(&mut self, job: Box<Job>) -> (&mut Queue, bool) {
        let number = job.call.number;
        let found = self.queues.iter().position(|queue| queue.call == number);
        let place = found.unwrap_or_else(|| {
            self.queues.push_back(Queue::new(&job));
            self.queues.len() - 1
        });
        let queue = &mut self.queues[place];
        queue.push(job);
        (queue, found.is_none())
    }

    /// How many calls have jobs here.
    pub(crate) fn calls(&self) -> usize {
        self.queues.len()
    }

    /// The queue whose turn it is.
    pub(crate) fn next(&mut self) -> Option<&mut Queue> {
        self.queues.front_mut()
    }

    /// The next call's turn.
    pub(crate) fn rotate(&mut self) {
        if self.queues.len() > 1 {
            self.queues.rotate_left(1);
        }
    }

    /// A job of the call whose turn it is; then it is the next one's.
    pub(crate) fn pop(&mut self) -> Option<Box<Job>> {
        let queue = self.queues.front_mut()?;
        let job = queue.pop();
        if queue.is_empty() {
            self.queues.pop_front();
        } else {
            self.rotate();
        }
        job
    }

    /// The queue whose turn it is, with all that is in it.
    pub(crate) fn remove_next(&mut self) -> Option<Queue> {
        self.queues.pop_front()
    }

    /// The queue of a call.
    pub(crate) fn of_call(&mut self, call: u64) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|queue| queue.call == call)
    }

    /// The queue of a call, with all that is in it.
    pub(crate) fn remove_call(&mut self, call: u64) -> Option<Queue> {
        let place = self.queues.iter().position(|queue| queue.call == call)?;
        self.queues.remove(place)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter()
    }

    pub(crate) fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.queues.iter_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Takes so many of one call, where it is the only one.
    pub(crate) fn take(&mut self, count: usize, taken: &mut Vec<Box<Job>>) {
        if let Some(queue) = self.queues.front_mut() {
            queue.take(count, taken);
            if queue.is_empty() {
                self.queues.pop_front();
            }
        }
    }

    /// Takes those out that are meant.
    pub(crate) fn extract(&mut self, is_meant: impl Fn(&Job) -> bool) -> Vec<Box<Job>> {
        let mut extracted = Vec::new();
        for queue in &mut self.queues {
            queue.extract(&is_meant, &mut extracted);
        }
        self.queues.retain(|queue| !queue.is_empty());
        extracted
    }
}
