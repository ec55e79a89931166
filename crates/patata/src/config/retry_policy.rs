//! Whether a finished attempt is followed by another, and after what wait.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, Kind, Phase};
use crate::response::statuses::Statuses;

/// When to try again. A value: it knows nothing of jobs, queues or clocks.
#[derive(Debug, Clone)]
pub(crate) struct RetryPolicy {
    /// Attempts in total; 1 is none but the first.
    pub(crate) attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub(crate) backoff: Duration,
    /// What the doubling stops at.
    pub(crate) max_backoff: Duration,
    /// The statuses that are tried again; `None` for those by which a server says "not now".
    pub(crate) statuses: Option<Statuses>,
    /// Whether requests are sent again whose repetition may do harm.
    pub(crate) non_idempotent: bool,
}

/// How an attempt ended, as far as a retry is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'a> {
    Answered {
        status: StatusCode,
        /// Whether the server has said when to come back.
        says_when: bool,
        /// Whether it should be asked again, where the server says so itself.
        should_retry: Option<bool>,
    },
    Failed(&'a Error),
}

impl Ending<'_> {
    /// Whether the server wishes to be asked later. That it is asked again then makes no outage worse.
    pub(crate) fn is_wish_to_wait(self) -> bool {
        match self {
            Self::Answered { status, says_when, .. } => match status.as_u16() {
                429 => true,
                // Some say 403 for 429, which they mean where they say when.
                403 | 503 => says_when,
                _ => false,
            },
            Self::Failed(_) => false,
        }
    }

    /// Whether the server may have done what it was asked to. It has not where nothing was sent, or where the
    /// answer says so: too early (425), too many (429), or "not now, but then" (503 with `Retry-After`).
    fn may_have_been_done(self) -> bool {
        match self {
            Self::Answered { should_retry: Some(true), .. } => false,
            Self::Answered { status, .. } => !self.is_wish_to_wait() && status != StatusCode::TOO_EARLY,
            Self::Failed(error) => error.request_sent(),
        }
    }
}

impl RetryPolicy {
    /// The wait before the next attempt, or `None` where this ending stands.
    ///
    /// `random` is drawn from 0..1: the wait is a random share of the backoff ("full jitter"), so that
    /// requests which failed together do not come back together.
    pub(crate) fn next(
        &self,
        ending: Ending<'_>,
        attempts: u32,
        idempotent: bool,
        random: f64,
    ) -> Option<Duration> {
        let is_worth_it = match ending {
            Ending::Answered { should_retry: Some(false), .. } => false,
            Ending::Answered { status, should_retry, .. } => {
                // Where users name the statuses themselves, it is these.
                let is_wished = should_retry.is_some() || ending.is_wish_to_wait();
                self.retries_status(status) || (self.statuses.is_none() && is_wished)
            }
            Ending::Failed(error) => is_passing(error),
        };
        let retry = is_worth_it && self.may_follow(ending, attempts, idempotent);
        retry.then(|| self.wait(attempts, random))
    }

    /// Whether an answer with this status is worth another attempt.
    pub(crate) fn retries_status(&self, status: StatusCode) -> bool {
        self.statuses.as_ref().map_or_else(|| is_error(status), |statuses| statuses.contains(status))
    }

    /// Whether another attempt may follow at all: there is one left, and it repeats nothing that must not be.
    pub(crate) fn may_follow(&self, ending: Ending<'_>, attempts: u32, idempotent: bool) -> bool {
        let is_harmless = idempotent || self.non_idempotent || !ending.may_have_been_done();
        is_harmless && attempts < self.attempts
    }

    /// The wait after so many attempts, of which `random` says the share.
    pub(crate) fn wait(&self, attempts: u32, random: f64) -> Duration {
        self.backoff(attempts).mul_f64(random)
    }

    fn backoff(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.backoff.saturating_mul(1 << doublings).min(self.max_backoff)
    }
}

/// Statuses by which a server says "not now": another attempt may be answered otherwise.
fn is_error(status: StatusCode) -> bool {
    match status.as_u16() {
        408 | 425 | 429 => true,
        501 | 505 => false,
        code => code >= 500,
    }
}

/// Faults that another attempt may not meet. What the request or the server's configuration brings about
/// would only come again.
fn is_passing(error: &Error) -> bool {
    match error.kind() {
        Kind::Resolve | Kind::Connect | Kind::Proxy | Kind::Timeout | Kind::Protocol | Kind::Body => {
            error.phase() != Phase::Plan && !error.is_lasting()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        backoff: Duration::from_millis(100),
        max_backoff: Duration::from_millis(300),
        statuses: None,
        non_idempotent: false,
    };

    fn after(ending: Ending<'_>, attempts: u32, idempotent: bool) -> Option<Duration> {
        POLICY.next(ending, attempts, idempotent, 1.0)
    }

    fn answered(code: u16) -> Ending<'static> {
        Ending::Answered { status: StatusCode::from_u16(code).unwrap(), says_when: false, should_retry: None }
    }

    #[test]
    fn statuses_that_count_as_errors_are_tried_again() {
        for code in [408, 425, 429, 500, 502, 503, 504, 507, 599] {
            assert!(after(answered(code), 1, true).is_some(), "{code}");
        }
        for code in [200, 204, 301, 400, 401, 403, 404, 409, 422, 501, 505] {
            assert!(after(answered(code), 1, true).is_none(), "{code}");
        }
    }

    #[test]
    fn faults_that_may_pass_are_tried_again_and_others_are_not() {
        for kind in [Kind::Resolve, Kind::Connect, Kind::Timeout, Kind::Protocol, Kind::Body] {
            assert!(after(Ending::Failed(&Error::new(kind, Phase::Head, "")), 1, true).is_some(), "{kind:?}");
        }
        for kind in [
            Kind::InvalidRequest,
            Kind::Tls,
            Kind::Redirect,
            Kind::Decode,
            Kind::TooLarge,
            Kind::OutOfMemory,
            Kind::Cancelled,
        ] {
            assert!(after(Ending::Failed(&Error::new(kind, Phase::Head, "")), 1, true).is_none(), "{kind:?}");
        }
    }

    #[test]
    fn what_is_not_idempotent_is_tried_again_only_where_nothing_was_done() {
        for code in 400..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let says_when = Ending::Answered { status, says_when: true, should_retry: None };
            assert_eq!(after(answered(code), 1, false).is_some(), [425, 429].contains(&code), "{code}");
            assert_eq!(after(says_when, 1, false).is_some(), [403, 425, 429, 503].contains(&code), "{code}");
        }
        let with_leave = RetryPolicy { non_idempotent: true, ..POLICY };
        assert!(with_leave.next(answered(500), 1, false, 1.0).is_some());
        let lost = Error::new(Kind::Protocol, Phase::Head, "");
        assert!(after(Ending::Failed(&lost), 1, false).is_none());
        let refused = Error::new(Kind::Connect, Phase::Connect, "");
        assert!(after(Ending::Failed(&refused), 1, false).is_some());
    }

    #[test]
    fn a_server_that_says_whether_it_should_be_asked_again_is_obeyed() {
        for code in [400, 409, 429, 500, 503] {
            let status = StatusCode::from_u16(code).unwrap();
            for (should_retry, idempotent) in [(true, true), (true, false), (false, true), (false, false)] {
                let ending = Ending::Answered { status, says_when: false, should_retry: Some(should_retry) };
                assert_eq!(after(ending, 1, idempotent).is_some(), should_retry, "{code}");
                assert_eq!(after(ending, 3, idempotent), None, "there is none left");
            }
        }
    }

    #[test]
    fn statuses_that_a_user_names_are_all_that_are_tried_again() {
        let policy = RetryPolicy { statuses: Some(vec![500].try_into().unwrap()), ..POLICY };
        let status = StatusCode::FORBIDDEN;
        let ending = Ending::Answered { status, says_when: true, should_retry: None };
        assert!(policy.next(ending, 1, true, 1.0).is_none() && after(ending, 1, true).is_some());
    }

    #[test]
    fn the_wait_doubles_up_to_its_bound_and_ends_with_the_attempts() {
        let ending = answered(503);
        assert_eq!(after(ending, 1, true), Some(Duration::from_millis(100)));
        assert_eq!(after(ending, 2, true), Some(Duration::from_millis(200)));
        assert_eq!(after(ending, 3, true), None);
        let patient = RetryPolicy { attempts: 100, ..POLICY };
        assert_eq!(patient.next(ending, 60, true, 1.0), Some(Duration::from_millis(300)));
        assert_eq!(patient.next(ending, 60, true, 0.5), Some(Duration::from_millis(150)));
    }
}
