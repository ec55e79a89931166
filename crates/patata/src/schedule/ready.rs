//! The jobs of a host that could be sent: what has begun before what has not.

use std::collections::VecDeque;

use crate::job::Job;

/// First come, first served, in two classes. The time of some that have begun is running, and a retry that was
/// allowed now must not come when it no longer would be.
#[derive(Debug)]
pub(crate) struct Ready<T> {
    begun: VecDeque<Box<Job<T>>>,
    fresh: VecDeque<Box<Job<T>>>,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self { begun: VecDeque::new(), fresh: VecDeque::new() }
    }
}

impl<T> Ready<T> {
    pub(crate) fn push(&mut self, job: Box<Job<T>>) {
        let queue = if job.attempts > 0 { &mut self.begun } else { &mut self.fresh };
        queue.push_back(job);
    }

    pub(crate) fn pop(&mut self) -> Option<Box<Job<T>>> {
        self.begun.pop_front().or_else(|| self.fresh.pop_front())
    }

    pub(crate) fn len(&self) -> usize {
        self.begun.len() + self.fresh.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.fresh.is_empty()
    }

    /// Moves the next `count` into `taken`, or all that there are.
    pub(crate) fn take(&mut self, count: usize, taken: &mut Vec<Box<Job<T>>>) {
        let begun = self.begun.len().min(count);
        taken.extend(self.begun.drain(..begun));
        let fresh = self.fresh.len().min(count - begun);
        taken.extend(self.fresh.drain(..fresh));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job<T>> {
        self.begun.iter().chain(&self.fresh).map(|job| &**job)
    }

    /// Takes out those of which this is true.
    pub(crate) fn extract(&mut self, is_meant: impl Fn(&Job<T>) -> bool) -> Vec<Box<Job<T>>> {
        let mut extracted = Vec::new();
        for queue in [&mut self.begun, &mut self.fresh] {
            let (meant, others): (Vec<_>, Vec<_>) =
                std::mem::take(queue).into_iter().partition(|job| is_meant(job));
            *queue = others.into();
            extracted.extend(meant);
        }
        extracted
    }

    /// All of them.
    pub(crate) fn into_jobs(self) -> impl Iterator<Item = Box<Job<T>>> {
        self.begun.into_iter().chain(self.fresh)
    }
}
