//! Jobs that leave the schedule unsent: their time is over, their call has ended, or nobody is left to send them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::job::Job;
use crate::job::call::Call;
use crate::schedule::ready::Queue;
use crate::schedule::{Schedule, note_activity};

/// How late a job may hear that its time is over. Thousands have thousands of deadlines; so they are looked
/// through now and then, and not for each of them.
const GRAIN: Duration = Duration::from_millis(20);

impl Schedule {
    /// Takes out the jobs whose time is over. Adds the calls of which it is now.
    pub(crate) fn expire(&mut self, now: Instant, overdue: &mut Vec<Arc<Call>>) -> Vec<Box<Job>> {
        if self.expiry.is_none_or(|expiry| expiry > now) {
            return Vec::new();
        }
        for entry in self.calls.iter_mut().filter(|entry| !entry.is_overdue && entry.call.is_overdue(now)) {
            entry.is_overdue = true;
            overdue.push(entry.call.clone());
        }
        let is_over =
            |job: &Job| job.attempt.expires.is_some_and(|expiry| expiry <= now) || job.call.is_overdue(now);
        let expired = self.extract(is_over);
        if !expired.is_empty() {
            self.look_at_all_waiting();
        }
        let calls = self.calls.iter().filter(|entry| !entry.is_overdue);
        let deadlines: Vec<_> = calls.filter_map(|entry| entry.call.timeouts.run).collect();
        let ready = self.hosts.values().flat_map(|host| host.ready.queues()).flat_map(Queue::iter);
        let all = ready.chain(self.delayed.iter().map(|one| &*one.what));
        let expiries = all.filter_map(|job| job.attempt.expires).chain(deadlines);
        self.expiry = expiries.min().map(|expiry| expiry.max(now + GRAIN));
        expired
    }

    /// Takes out the jobs that could be sent by their own time.
    pub(super) fn extract_ready(&mut self) -> Vec<Box<Job>> {
        let delayed = std::mem::take(&mut self.delayed);
        let ready = self.extract(|_| true);
        self.delayed = delayed;
        ready
    }

    /// Takes those jobs out that are meant, wherever they wait.
    fn extract(&mut self, is_meant: impl Fn(&Job) -> bool) -> Vec<Box<Job>> {
        let mut extracted = Vec::new();
        for host in self.hosts.values_mut() {
            for queue in host.ready.queues_mut() {
                let count = queue.iter().filter(|job| is_meant(job)).count();
                if count > 0 && queue.hold.is_some() {
                    queue.let_go(clock::now());
                }
                self.calls.uncount(queue.place, queue.counted, count);
            }
            extracted.extend(host.ready.extract(&is_meant));
            note_activity(&mut self.active_hosts, host);
        }
        self.extract_delayed(is_meant, &mut extracted);
        extracted
    }

    fn extract_delayed(&mut self, is_meant: impl Fn(&Job) -> bool, extracted: &mut Vec<Box<Job>>) {
        if self.delayed.iter().any(|delayed| is_meant(&delayed.what)) {
            let delayed = std::mem::take(&mut self.delayed).into_iter();
            let (meant, others): (Vec<_>, _) = delayed.partition(|delayed| is_meant(&delayed.what));
            self.delayed = others.into();
            extracted.extend(meant.into_iter().map(|delayed| delayed.what));
        }
    }

    pub(super) fn remove_jobs(&mut self, call: &Call) -> Vec<Box<Job>> {
        let mut removed = Vec::new();
        for host in self.hosts.values_mut() {
            if let Some(queue) = host.ready.remove_call(call.number) {
                self.calls.uncount(queue.place, queue.counted, queue.len());
                removed.extend(queue.into_jobs());
                note_activity(&mut self.active_hosts, host);
            }
        }
        self.extract_delayed(|job| job.call.number == call.number, &mut removed);
        removed
    }

    /// Takes out all jobs, as nobody is left to send them.
    pub(crate) fn drain(&mut self) -> Vec<Box<Job>> {
        self.extract(|_| true)
    }
}
