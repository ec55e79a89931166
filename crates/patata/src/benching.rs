//! What benchmarks call of the stages that the interface hides. No part of the crate's interface.

#![allow(missing_docs, reason = "it is for the benchmarks in this repository, which say what each does")]

use std::hash::RandomState;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock;
use crate::config::limits::Limits;
use crate::job::Job;
use crate::job::call::Call;
use crate::job::completions::CompletionQueue;
use crate::job::planner::Planner;
use crate::request::Request;
use crate::response::decoding::{self, SizeLimits};
use crate::response::headers::Headers;
use crate::schedule::{Room, Schedule};

/// Jobs that are ready to be scheduled or delivered.
#[derive(Debug)]
pub struct Jobs(Vec<Box<Job>>, Arc<Call>);

impl Jobs {
    /// So many, in turn for so many hosts.
    pub fn new(count: u64, hosts: u64) -> Self {
        let mut planner = Planner::new(RandomState::new());
        let request = |tag| Request::get(tag, format!("http://host{}.example/path", tag % hosts));
        let call: Arc<Call> = Arc::default();
        let planned = (0..count).filter_map(|tag| planner.plan(request(tag), &call).ok());
        Self(planned.map(|(_, job)| job).collect(), call)
    }

    /// Puts all into a schedule, and takes them out in batches. Returns them, in another order.
    pub fn scheduled(self, batch: usize) -> Self {
        let now = clock::now();
        let count = self.0.len();
        let mut schedule = Schedule::new(Limits::default(), batch, 1);
        schedule.begin(|_| self.1.clone());
        for job in self.0 {
            let pushed = schedule.push(job);
            debug_assert!(pushed.is_ok(), "the call is under way");
        }
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            schedule.take(Room { limit: batch, spare: 0, connections: batch }, now, 0, &mut taken);
        }
        Self(taken, self.1)
    }

    /// Hands all over in batches, and takes each.
    pub fn delivered(mut self, batch: usize) -> Self {
        let completions = CompletionQueue::new();
        let mut taken = Vec::with_capacity(self.0.len());
        while !self.0.is_empty() {
            let rest = self.0.split_off(batch.min(self.0.len()));
            completions.send(std::mem::replace(&mut self.0, rest));
            taken.extend(completions.take());
        }
        Self(taken, self.1)
    }
}

/// Decodes a body of a coding. Returns its length.
///
/// # Panics
/// Where it cannot be decoded.
#[expect(clippy::expect_used, reason = "a benchmark of a failure is none")]
pub fn decoded(coding: &str, body: Bytes) -> usize {
    let headers = Headers::collect([("content-encoding", coding.as_bytes())], &mut Vec::new());
    let limits = SizeLimits { most: 64 << 20, ratio: Some(200) };
    decoding::decode(&headers, body, limits).expect("the body is what its coding says").len()
}
