//! When so many requests have failed that going on makes no sense.

use std::collections::BTreeMap;
use std::fmt;

use http::StatusCode;

use crate::error::{Error, Kind};
use crate::response::statuses::{OkStatuses, Statuses};

/// Requests that must have ended before a share of them is judged.
const LEAST_SAMPLE: u64 = 100;
/// Failures that are shown in full.
const EXAMPLES: usize = 3;

/// What a run puts up with. A value.
#[derive(Debug, Clone, Default)]
pub(crate) struct FailurePolicy {
    pub(crate) most: Option<MaxFailures>,
    /// Statuses of which the first one ends the run.
    pub(crate) abort_on: Option<Statuses>,
}

/// The most failures that a run puts up with: see [`max_failures`](crate::Builder::max_failures).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFailures {
    /// So many.
    Count(u64),
    /// Of all requests that have ended, once there are enough to tell.
    Share(f64),
}

impl From<u64> for MaxFailures {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for MaxFailures {
    fn from(share: f64) -> Self {
        Self::Share(share)
    }
}

impl FailurePolicy {
    /// Whether a run can end by it at all.
    pub(crate) fn is_set(&self) -> bool {
        self.most.is_some() || self.abort_on.is_some()
    }

    fn exceeded_by(&self, tally: &FailureTally) -> Option<String> {
        match self.most? {
            MaxFailures::Count(most) => {
                (tally.failures > most).then(|| format!("more than max_failures={most} allows"))
            }
            MaxFailures::Share(share) => {
                let exceeded =
                    tally.requests >= LEAST_SAMPLE && tally.failures as f64 > share * tally.requests as f64;
                exceeded.then(|| format!("more than max_failures={share} allows"))
            }
        }
    }
}

/// What has failed so far, and why.
#[derive(Debug, Default)]
pub(crate) struct FailureTally {
    requests: u64,
    failures: u64,
    reasons: BTreeMap<Reason, u64>,
    examples: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Status(u16),
    Kind(Kind),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(formatter, "status {code}"),
            Self::Kind(kind) => write!(formatter, "{} error", kind.name()),
        }
    }
}

impl FailureTally {
    /// Counts how a request ended. Returns why the run must end, where this was one too many.
    pub(crate) fn count(
        &mut self,
        policy: &FailurePolicy,
        ok_statuses: &OkStatuses,
        url: &dyn fmt::Display,
        result: Result<StatusCode, &Error>,
    ) -> Option<TooManyFailures> {
        self.requests += 1;
        let aborts = |status| policy.abort_on.as_ref().is_some_and(|abort_on| abort_on.contains(status));
        let (reason, text) = match result {
            Ok(status) if ok_statuses.contains(status) && !aborts(status) => return None,
            Ok(status) => (Reason::Status(status.as_u16()), status.to_string()),
            Err(error) => (Reason::Kind(error.kind()), error.to_string()),
        };
        self.failures += 1;
        *self.reasons.entry(reason).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{url}: {text}"));
        }
        let limit = match result {
            Ok(status) if aborts(status) => Some(format!("and abort_on has {}", status.as_u16())),
            _ => policy.exceeded_by(self),
        }?;
        Some(TooManyFailures {
            failures: self.failures,
            requests: self.requests,
            limit,
            reasons: self.reasons.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
            examples: self.examples.clone(),
        })
    }
}

/// More requests failed than [`max_failures`](crate::Builder::max_failures) puts up with, or one was answered
/// with a status of [`abort_on`](crate::Builder::abort_on).
///
/// Its `Display` says how many of what, with examples.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().abort_on([403]).build()?;
/// let mut run = client.run([patata::Request::get(1, format!("{url}/status/403"))]);
/// assert!(run.by_ref().all(|outcome| outcome.result.is_ok()));
/// let Some(patata::Stop::TooManyFailures(stop)) = run.stopped() else { panic!() };
/// assert_eq!((stop.failures, stop.requests), (1, 1));
/// assert_eq!(stop.reasons, [("status 403".to_owned(), 1)]);
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooManyFailures {
    /// Requests that failed: without an answer, or with a status that is no success.
    pub failures: u64,
    /// Requests that had ended by then.
    pub requests: u64,
    /// Which limit that was too much for.
    limit: String,
    /// How many of what: statuses and kinds of errors.
    pub reasons: Vec<(String, u64)>,
    /// The first few, each with its URL.
    pub examples: Vec<String>,
}

impl fmt::Display for TooManyFailures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} requests failed, {}: ", self.failures, self.requests, self.limit)?;
        let reasons: Vec<_> =
            self.reasons.iter().map(|(reason, count)| format!("{count} with {reason}")).collect();
        write!(formatter, "{}; for example {}", reasons.join(", "), self.examples.join("; "))
    }
}

impl std::error::Error for TooManyFailures {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Phase;

    fn count(tally: &mut FailureTally, policy: &FailurePolicy, code: u16) -> Option<TooManyFailures> {
        let status = StatusCode::from_u16(code).unwrap();
        tally.count(policy, &OkStatuses::default(), &"http://a/", Ok(status))
    }

    fn policy(most: MaxFailures) -> FailurePolicy {
        FailurePolicy { most: Some(most), abort_on: None }
    }

    #[test]
    fn one_more_than_the_count_is_too_many() {
        let policy = policy(MaxFailures::Count(2));
        let mut tally = FailureTally::default();
        for code in [200, 500, 404, 200] {
            assert_eq!(count(&mut tally, &policy, code), None);
        }
        let error = Error::new(Kind::Connect, Phase::Connect, "Cannot connect to a:80");
        let stop = tally.count(&policy, &OkStatuses::default(), &"http://a/x", Err(&error)).unwrap();
        assert_eq!(
            stop.to_string(),
            "3 of 5 requests failed, more than max_failures=2 allows: 1 with status 404, \
             1 with status 500, 1 with connect error; for example \
             http://a/: 500 Internal Server Error; http://a/: 404 Not Found; \
             http://a/x: Cannot connect to a:80"
        );
    }

    #[test]
    fn a_share_is_judged_once_there_are_enough() {
        let policy = policy(MaxFailures::Share(0.1));
        let mut tally = FailureTally::default();
        for _ in 0..99 {
            assert_eq!(count(&mut tally, &policy, 500), None);
        }
        let stop = count(&mut tally, &policy, 200);
        assert_eq!(stop, None, "a success ends nothing");
        assert_eq!(count(&mut tally, &policy, 500).unwrap().failures, 100);
    }

    #[test]
    fn a_share_that_is_kept_ends_nothing() {
        let policy = policy(MaxFailures::Share(0.1));
        let mut tally = FailureTally::default();
        for number in 0..10_000 {
            assert_eq!(count(&mut tally, &policy, if number % 10 == 9 { 500 } else { 200 }), None);
        }
    }

    #[test]
    fn the_first_status_to_abort_on_is_one_too_many() {
        let abort_on = Some(Statuses::try_from(vec![401, 200]).unwrap());
        let policy = FailurePolicy { most: None, abort_on };
        let mut tally = FailureTally::default();
        assert_eq!(count(&mut tally, &policy, 500), None);
        let stop = count(&mut tally, &policy, 401).unwrap();
        assert!(stop.to_string().starts_with("2 of 2 requests failed, and abort_on has 401: "), "{stop}");
        assert!(count(&mut tally, &policy, 200).is_some(), "even a success, where the user says so");
    }
}
