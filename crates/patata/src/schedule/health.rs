//! Whether a host is there, as its failures and answers say: a pure state machine.
//!
//! A host of which nothing has failed since its last answer has none of it. So nothing is counted for those that
//! are well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::FOREVER;
use crate::config::limits::Patience;

/// So many failures in a row, and a host is in trouble.
const FAILURES: u32 = 10;
/// The wait before one request tries a host in trouble; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often one request tries a host that was given up.
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
/// What a host may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A request; only one where the host is in trouble.
    Open,
    /// Nothing before this moment, unless the host answers.
    Until(Instant),
    /// Nothing: what waits for it has failed.
    Unavailable,
}

/// A host of which something has failed since its last answer.
#[derive(Debug, Default)]
pub(crate) struct Health {
    stage: Stage,
    /// How the last request failed.
    cause: Arc<str>,
}

#[derive(Debug)]
enum Stage {
    /// So many failures in a row.
    Failing(u32),
    /// One request at a time tries it, while the others wait.
    Tried { gives_up: Instant, next: Instant, wait: Duration, is_under_way: bool },
    /// Given up. One request tries it now and then, the others have failed.
    GivenUp { next: Instant },
}

impl Default for Stage {
    fn default() -> Self {
        Self::Failing(0)
    }
}

impl Health {
    /// Whether it may be sent requests as if nothing were.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Failing(_))
    }

    /// Whether one request tries it, while the others wait.
    pub(crate) fn is_tried(&self) -> bool {
        matches!(self.stage, Stage::Tried { .. })
    }

    /// How the last request failed.
    pub(crate) fn cause(&self) -> &Arc<str> {
        &self.cause
    }

    /// Whether it may be sent a request now.
    pub(crate) fn access(&mut self, now: Instant) -> Access {
        if let Stage::Tried { gives_up, .. } = self.stage
            && gives_up <= now
        {
            self.stage = Stage::GivenUp { next: now + PROBE_INTERVAL };
        }
        match self.stage {
            Stage::Failing(_) => Access::Open,
            Stage::Tried { gives_up, is_under_way: true, .. } => Access::Until(gives_up),
            Stage::Tried { gives_up, next, .. } if next > now => Access::Until(next.min(gives_up)),
            Stage::GivenUp { next } if next > now => Access::Unavailable,
            Stage::Tried { .. } | Stage::GivenUp { .. } => Access::Open,
        }
    }

    /// A request is sent. Returns whether it is one that tries a host in trouble.
    pub(crate) fn sent(&mut self, now: Instant) -> bool {
        match &mut self.stage {
            Stage::Failing(_) => return false,
            Stage::Tried { is_under_way, .. } => *is_under_way = true,
            Stage::GivenUp { next } => *next = now + PROBE_INTERVAL,
        }
        true
    }

    /// A request has failed to connect or timed out. What was sent before the host was known to be in trouble says
    /// nothing new of it.
    pub(crate) fn failed(&mut self, now: Instant, failure: Failure, patience: Patience) {
        match &mut self.stage {
            Stage::Failing(count) => {
                *count += 1;
                if *count >= FAILURES {
                    self.stage = match failure.has_answered {
                        true => Stage::Tried {
                            gives_up: now + patience.0.unwrap_or(FOREVER).min(FOREVER),
                            next: now + FIRST_WAIT,
                            wait: FIRST_WAIT,
                            is_under_way: false,
                        },
                        false => Stage::GivenUp { next: now + PROBE_INTERVAL },
                    };
                }
            }
            Stage::Tried { next, wait, is_under_way, .. } if failure.was_probe => {
                *wait = (*wait * 2).min(LONGEST_WAIT);
                *next = now + *wait;
                *is_under_way = false;
            }
            Stage::Tried { .. } => return,
            Stage::GivenUp { .. } => {}
        }
        self.cause = failure.cause;
    }

    /// The request that was to try the host has come back without having done so.
    pub(crate) fn untried(&mut self, now: Instant) {
        match &mut self.stage {
            Stage::Failing(_) => {}
            Stage::Tried { next, is_under_way, .. } => (*next, *is_under_way) = (now, false),
            Stage::GivenUp { next } => *next = now,
        }
    }

    /// Whether little is lost with it.
    pub(crate) fn is_forgettable(&self, now: Instant) -> bool {
        match self.stage {
            Stage::Failing(_) => true,
            Stage::Tried { gives_up, .. } => gives_up <= now,
            Stage::GivenUp { next } => next <= now,
        }
    }
}

/// How a request failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Whether it was one that tried a host in trouble.
    pub(crate) was_probe: bool,
    /// Whether the host has ever answered.
    pub(crate) has_answered: bool,
    pub(crate) cause: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    const PATIENCE: Patience = Patience(Some(Duration::from_secs(60)));

    fn failure(was_probe: bool, has_answered: bool) -> Failure {
        Failure { was_probe, has_answered, cause: "refused".into() }
    }

    /// One that is in trouble since `now`.
    fn troubled(has_answered: bool, now: Instant) -> Health {
        let mut health = Health::default();
        for _ in 0..FAILURES {
            assert_eq!(health.access(now), Access::Open);
            assert!(!health.sent(now));
            health.failed(now, failure(false, has_answered), PATIENCE);
        }
        assert!(!health.is_open());
        health
    }

    #[test]
    fn a_host_that_has_answered_is_tried_by_one_at_a_time_and_given_up_at_last() {
        let begin = clock::now();
        let mut health = troubled(true, begin);
        let (mut now, mut tries) = (begin, Vec::new());
        loop {
            match health.access(now) {
                Access::Until(later) => now = later,
                Access::Open => {
                    tries.push((now - begin).as_millis());
                    assert!(health.sent(now));
                    assert_eq!(health.access(now), Access::Until(begin + Duration::from_secs(60)));
                    health.failed(now, failure(true, true), PATIENCE);
                }
                Access::Unavailable => break,
            }
        }
        assert_eq!(now - begin, Duration::from_secs(60));
        assert_eq!(tries[..8], [100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
        // Then one each 30 seconds.
        now += PROBE_INTERVAL;
        assert_eq!(health.access(now), Access::Open);
        assert!(health.sent(now));
        assert_eq!(health.access(now), Access::Unavailable);
    }

    #[test]
    fn a_host_that_never_answered_is_given_up_at_once() {
        let now = clock::now();
        let mut health = troubled(false, now);
        assert_eq!(health.access(now), Access::Unavailable);
        assert_eq!(&**health.cause(), "refused");
        assert_eq!(health.access(now + PROBE_INTERVAL), Access::Open);
    }

    #[test]
    fn without_a_limit_it_is_tried_for_ever() {
        let mut now = clock::now();
        let mut health = Health::default();
        for _ in 0..1000 {
            while let Access::Until(later) = health.access(now) {
                now = later;
            }
            assert_eq!(health.access(now), Access::Open);
            let was_probe = health.sent(now);
            health.failed(now, failure(was_probe, true), Patience(None));
        }
        assert!(health.is_tried());
    }

    #[test]
    fn one_that_comes_back_untried_is_followed_by_another_at_once() {
        let begin = clock::now();
        let mut health = troubled(true, begin);
        let now = begin + FIRST_WAIT;
        assert_eq!(health.access(now), Access::Open);
        health.sent(now);
        health.untried(now);
        assert_eq!(health.access(now), Access::Open);
    }

    proptest! {
        /// Whatever fails and whenever somebody asks: a host in trouble has one request at a time, what waits for it
        /// waits no longer than the patience, and nothing opens it but an answer.
        #[test]
        fn a_host_in_trouble_has_one_request_at_a_time(
            steps in prop::collection::vec((0..4_u8, 0..20_000_u64), 1..200),
        ) {
            let begin = clock::now();
            let mut health = troubled(true, begin);
            let (mut now, mut under_way, mut was_given_up) = (begin, 0, false);
            for (step, milliseconds) in steps {
                now += Duration::from_millis(milliseconds);
                match step {
                    0 => health.failed(now, failure(false, true), PATIENCE),
                    1 if under_way > 0 => {
                        under_way -= 1;
                        health.failed(now, failure(true, true), PATIENCE);
                    }
                    2 if under_way > 0 => {
                        under_way -= 1;
                        health.untried(now);
                    }
                    _ => {}
                }
                let access = health.access(now);
                was_given_up |= access == Access::Unavailable;
                prop_assert!(!health.is_open());
                match access {
                    Access::Until(later) => {
                        prop_assert!(!was_given_up && later > now && later <= begin + Duration::from_secs(60));
                    }
                    Access::Open => {
                        prop_assert!(was_given_up || under_way == 0);
                        under_way += 1;
                        prop_assert!(health.sent(now));
                        prop_assert!(health.access(now) != Access::Open);
                    }
                    Access::Unavailable => prop_assert!(now >= begin + Duration::from_secs(60)),
                }
            }
        }
    }
}
