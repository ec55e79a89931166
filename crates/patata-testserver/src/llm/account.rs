//! What an account has left of its limits: buckets that are refilled all the time.

use std::time::Duration;

use super::LlmLimits;

const MINUTE: f64 = 60.0;

/// So much at once, and as much again in a minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub(super) limit: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    fn new(limit: f64) -> Self {
        Self { limit, level: limit, at: Duration::ZERO }
    }

    fn refill(&mut self, passed: Duration) {
        let seconds = passed.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + self.limit * seconds / MINUTE).min(self.limit);
        self.at = self.at.max(passed);
    }

    /// What is whole of what remains.
    pub(super) fn remaining(&self) -> f64 {
        (self.level + 1e-9).floor()
    }

    /// Which part of it remains.
    pub(super) fn part(&self) -> f64 {
        self.level / self.limit
    }

    /// How long until it is full again.
    pub(super) fn until_full(&self) -> f64 {
        self.until(self.limit)
    }

    fn until(&self, level: f64) -> f64 {
        (level - self.level).max(0.0) * MINUTE / self.limit
    }
}

/// All limits.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) requests: Bucket,
    pub(super) tokens: Bucket,
    /// Those of prompts and of answers alone, where there are such.
    pub(super) input: Option<Bucket>,
    pub(super) output: Option<Bucket>,
}

/// What a request takes of each limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Takes {
    pub(super) tokens: u64,
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Whether a request is served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Admission {
    Granted,
    /// So much later it would be, for the sake of this limit.
    Refused {
        what: &'static str,
        wait: Duration,
    },
}

impl Account {
    pub(super) fn new(limits: LlmLimits) -> Self {
        let tokens = |a_minute: u64| Bucket::new(a_minute.max(1) as f64);
        Self {
            requests: Bucket::new(f64::from(limits.requests_per_minute.max(1))),
            tokens: tokens(limits.tokens_per_minute),
            input: limits.input_tokens_per_minute.map(tokens),
            output: limits.output_tokens_per_minute.map(tokens),
        }
    }

    /// Each by its name, with what a request takes of it.
    fn buckets(&mut self, takes: Takes) -> impl Iterator<Item = (&'static str, &mut Bucket, f64)> {
        let in_all = [("requests", &mut self.requests, 1), ("tokens", &mut self.tokens, takes.tokens)];
        let input = self.input.as_mut().map(|bucket| ("input-tokens", bucket, takes.input));
        let output = self.output.as_mut().map(|bucket| ("output-tokens", bucket, takes.output));
        let all = in_all.into_iter().chain(input).chain(output);
        all.map(|(name, bucket, takes)| (name, bucket, takes as f64))
    }

    /// What has come back until now.
    pub(super) fn refill(&mut self, passed: Duration) {
        self.buckets(Takes::default()).for_each(|(_, bucket, _)| bucket.refill(passed));
    }

    /// A request comes in. One that is refused takes nothing.
    pub(super) fn ask(&mut self, passed: Duration, takes: Takes) -> Admission {
        self.refill(passed);
        let waits = self.buckets(takes).map(|(what, bucket, takes)| (what, bucket.until(takes)));
        // What has come back is a sum of many parts, none of which is exact.
        let longest = waits.filter(|(_, wait)| *wait > 1e-9).max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((what, wait)) = longest {
            return Admission::Refused { what, wait: Duration::from_secs_f64(wait) };
        }
        self.buckets(takes).for_each(|(_, bucket, takes)| bucket.level -= takes);
        Admission::Granted
    }
}
