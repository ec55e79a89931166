//! Which job is next: ready jobs per origin in fair turn, and delayed ones until they are due.

pub(crate) mod retry;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::plan::Job;
use crate::target::{ByOrigin, Origin};

/// The jobs of one run that no event loop holds. Shared by all event loops behind a lock, so every
/// operation is short and jobs are taken in batches.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    ready: ByOrigin<VecDeque<Box<Job<T>>>>,
    /// Origins that have ready jobs, each once, in the order of their turns.
    turns: VecDeque<Arc<Origin>>,
    ready_count: usize,
    delayed: BinaryHeap<Delayed<T>>,
    delayed_count: u64,
    /// Event loops that found nothing to do and wait to be woken.
    idle: Vec<usize>,
}

/// The most jobs of one origin taken before the next origin has its turn.
const TURN: usize = 16;

impl<T> Schedule<T> {
    pub(crate) fn new() -> Self {
        Self {
            ready: ByOrigin::default(),
            turns: VecDeque::new(),
            ready_count: 0,
            delayed: BinaryHeap::new(),
            delayed_count: 0,
            idle: Vec::new(),
        }
    }

    /// Jobs that could be sent now.
    pub(crate) fn ready(&self) -> usize {
        self.ready_count
    }

    /// Adds a job behind the others of its origin. Returns an idle event loop to wake, if there is one.
    pub(crate) fn push(&mut self, job: Box<Job<T>>) -> Option<usize> {
        self.ready_count += 1;
        if let Some(queue) = self.ready.get_mut(&job.target.origin) {
            queue.push_back(job);
        } else {
            let origin = job.target.origin.clone();
            self.turns.push_back(origin.clone());
            self.ready.insert(origin, VecDeque::from([job]));
        }
        self.idle.pop()
    }

    /// Adds a job that becomes ready at `due`. Returns an idle event loop to wake, so that one of them
    /// waits for the new time.
    pub(crate) fn push_at(&mut self, due: Instant, job: Box<Job<T>>) -> Option<usize> {
        self.delayed_count += 1;
        self.delayed.push(Delayed { due, sequence: self.delayed_count, job });
        self.idle.pop()
    }

    /// When the next delayed job becomes ready.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|delayed| delayed.due)
    }

    /// Moves at most `limit` jobs into `taken`, origins taking turns. An event loop that gets fewer than
    /// it could use is remembered as idle, and woken by the next push.
    pub(crate) fn take(
        &mut self,
        limit: usize,
        now: Instant,
        event_loop: usize,
        taken: &mut Vec<Box<Job<T>>>,
    ) {
        while self.next_due().is_some_and(|due| due <= now) {
            if let Some(delayed) = self.delayed.pop() {
                self.push_due(delayed.job);
            }
        }
        let mut wanted = limit;
        while wanted > 0 {
            let Some(origin) = self.turns.pop_front() else {
                break;
            };
            let Some(queue) = self.ready.get_mut(&origin) else {
                continue;
            };
            let count = queue.len().min(wanted).min(TURN);
            taken.extend(queue.drain(..count));
            wanted -= count;
            self.ready_count -= count;
            if queue.is_empty() {
                self.ready.remove(&origin);
            } else {
                self.turns.push_back(origin);
            }
        }
        self.idle.retain(|idle| *idle != event_loop);
        if wanted > 0 {
            self.idle.push(event_loop);
        }
    }

    fn push_due(&mut self, job: Box<Job<T>>) {
        // A due job wakes nobody: it is found by the event loop that is taking just now.
        if let Some(idle) = self.push(job) {
            self.idle.push(idle);
        }
    }

    /// Empties the schedule, for a run that ends early.
    pub(crate) fn drain(&mut self) -> Vec<Box<Job<T>>> {
        self.turns.clear();
        self.ready_count = 0;
        let ready = self.ready.drain().flat_map(|(_, queue)| queue);
        ready.chain(self.delayed.drain().map(|delayed| delayed.job)).collect()
    }
}

/// A job that waits; ordered so that the heap's greatest is the one due first.
#[derive(Debug)]
struct Delayed<T> {
    due: Instant,
    /// Keeps jobs of the same moment in their order.
    sequence: u64,
    job: Box<Job<T>>,
}

impl<T> Ord for Delayed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.sequence).cmp(&(self.due, self.sequence))
    }
}

impl<T> PartialOrd for Delayed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Delayed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Delayed<T> {}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::time::Duration;

    use super::*;
    use crate::plan::Planner;
    use crate::request::Request;

    type Jobs = Vec<Box<Job<u32>>>;

    fn jobs(urls: &[(u32, &str)]) -> Jobs {
        let mut planner = Planner::new(RandomState::new());
        urls.iter().map(|(tag, url)| planner.plan(Request::get(*tag, *url)).unwrap()).collect()
    }

    fn take(schedule: &mut Schedule<u32>, limit: usize, now: Instant) -> Vec<u32> {
        let mut taken = Vec::new();
        schedule.take(limit, now, 0, &mut taken);
        taken.into_iter().map(|job| job.tag).collect()
    }

    #[test]
    fn jobs_of_one_origin_keep_their_order() {
        let mut schedule = Schedule::new();
        for job in jobs(&[(1, "http://a/"), (2, "http://a/"), (3, "http://a/")]) {
            schedule.push(job);
        }
        assert_eq!(take(&mut schedule, 2, Instant::now()), [1, 2]);
        assert_eq!(schedule.ready(), 1);
        assert_eq!(take(&mut schedule, 2, Instant::now()), [3]);
        assert_eq!(schedule.ready(), 0);
    }

    #[test]
    fn a_long_queue_does_not_hold_back_another_origin() {
        let mut schedule = Schedule::new();
        let crowd: Vec<_> =
            (0..100).map(|tag| (tag, "http://crowd/")).chain([(100, "http://lone/")]).collect();
        for job in jobs(&crowd) {
            schedule.push(job);
        }
        assert!(take(&mut schedule, 20, Instant::now()).contains(&100));
    }

    #[test]
    fn a_delayed_job_is_taken_once_it_is_due_and_not_before() {
        let mut schedule = Schedule::new();
        let now = Instant::now();
        let mut both = jobs(&[(1, "http://a/"), (2, "http://a/")]);
        schedule.push_at(now + Duration::from_secs(2), both.remove(0));
        schedule.push_at(now + Duration::from_secs(1), both.remove(0));
        assert_eq!(schedule.next_due(), Some(now + Duration::from_secs(1)));
        assert!(take(&mut schedule, 9, now).is_empty());
        assert_eq!(take(&mut schedule, 9, now + Duration::from_secs(2)), [2, 1]);
    }

    #[test]
    fn an_event_loop_left_without_jobs_is_woken_by_the_next_one() {
        let mut schedule = Schedule::new();
        assert!(take(&mut schedule, 1, Instant::now()).is_empty());
        let mut both = jobs(&[(1, "http://a/"), (2, "http://a/")]);
        assert_eq!(schedule.push(both.remove(0)), Some(0));
        assert_eq!(schedule.push(both.remove(0)), None, "it is woken once");
    }

    #[test]
    fn draining_yields_every_job() {
        let mut schedule = Schedule::new();
        let mut both = jobs(&[(1, "http://a/"), (2, "http://b/")]);
        schedule.push(both.remove(0));
        schedule.push_at(Instant::now(), both.remove(0));
        assert_eq!(schedule.drain().len(), 2);
        assert_eq!(schedule.ready(), 0);
        assert!(take(&mut schedule, 9, Instant::now()).is_empty());
    }
}
