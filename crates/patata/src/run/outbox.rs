//! What has ended and waits to be handed out: first come, first served, or in the order of the input.

use std::collections::VecDeque;

use crate::job::Job;
use crate::report::unfinished::Left;
use crate::response::Outcome;
use crate::run::reorder::Reorder;

/// Outcomes that the caller has not been handed.
#[derive(Debug)]
pub(crate) enum Outbox<T> {
    /// Handed out as they come.
    Any {
        done: VecDeque<(Box<Job>, T)>,
        /// Of requests that could not be planned, with their numbers.
        refused: VecDeque<(u64, Outcome<T>)>,
    },
    /// Handed out in the order in which the requests were taken from the input.
    InOrder(Reorder<Ended<T>>),
}

/// How a request has ended.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    Done(Box<Job>, T),
    /// By its number, as it has no job to say it.
    Refused(u64, Box<Outcome<T>>),
}

impl<T> Outbox<T> {
    pub(crate) fn new(ordered: bool) -> Self {
        if ordered {
            Self::InOrder(Reorder::new())
        } else {
            Self::Any { done: VecDeque::new(), refused: VecDeque::new() }
        }
    }

    /// Whether there is an outcome to hand out now.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Any { done, refused } => !done.is_empty() || !refused.is_empty(),
            Self::InOrder(order) => order.is_ready(),
        }
    }

    /// Takes a job that has ended, with its tag.
    pub(crate) fn insert(&mut self, job: Box<Job>, tag: T) {
        match self {
            Self::Any { done, .. } => done.push_back((job, tag)),
            Self::InOrder(order) => order.insert(job.asked.number, Ended::Done(job, tag)),
        }
    }

    /// Takes the outcome of a request, by its number, that never became a job.
    pub(crate) fn refuse(&mut self, number: u64, outcome: Outcome<T>) {
        match self {
            Self::Any { refused, .. } => refused.push_back((number, outcome)),
            Self::InOrder(order) => order.insert(number, Ended::Refused(number, Box::new(outcome))),
        }
    }

    /// What is missing will not come: the others are handed out without it.
    pub(crate) fn give_up_order(&mut self) {
        if let Self::InOrder(order) = self {
            order.skip_missing();
        }
    }

    /// The next outcome to hand out.
    pub(crate) fn pop(&mut self) -> Option<Outcome<T>> {
        match self {
            Self::Any { done, refused } => {
                let refused = refused.pop_front().map(|(_, outcome)| outcome);
                refused.or_else(|| done.pop_front().map(|(job, tag)| job.into_outcome(tag)))
            }
            Self::InOrder(order) => order.pop().map(|ended| match ended {
                Ended::Done(job, tag) => job.into_outcome(tag),
                Ended::Refused(_, outcome) => *outcome,
            }),
        }
    }

    /// Takes out all, as nothing more is handed out.
    pub(crate) fn drain(&mut self) -> Vec<Left<T>> {
        let refusal = |number, tag| Left { number, tag, was_sent: false };
        let done_with =
            |job: Box<Job>, tag| Left { number: job.asked.number, tag, was_sent: job.attempt.was_sent };
        match self {
            Self::Any { done, refused } => {
                let refused = refused.drain(..).map(|(number, outcome)| refusal(number, outcome.tag));
                refused.chain(done.drain(..).map(|(job, tag)| done_with(job, tag))).collect()
            }
            Self::InOrder(order) => std::iter::from_fn(|| {
                order.skip_missing();
                order.pop()
            })
            .map(|ended| match ended {
                Ended::Done(job, tag) => done_with(job, tag),
                Ended::Refused(number, outcome) => refusal(number, outcome.tag),
            })
            .collect(),
        }
    }
}
