//! Hosts in trouble: what their failures and answers do to the jobs that wait for them.

use std::sync::Arc;
use std::time::Instant;

use crate::address::target::Origin;
use crate::config::limits::Patience;
use crate::job::Job;
use crate::schedule::Schedule;
use crate::schedule::health::Failure;
use crate::schedule::host::{Host, Standing};

/// Hosts that are remembered for having answered; past this many the memory starts anew.
const REMEMBERED: usize = 65_536;
/// The most hosts that are named at once.
const NAMED: usize = 10;

/// A job that is not sent.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) job: Box<Job>,
    pub(crate) why: Refusal,
}

/// Why a job is not sent.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Its host is not there, to which the last request failed so.
    Away(Arc<str>),
    /// The shared budget is lost.
    Unpaid(Arc<str>),
    /// It costs what there never is.
    TooDear(String),
}

/// What a request that is no longer in flight says of its host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Nothing that needs to be noted.
    #[default]
    None,
    /// It has answered.
    Answered,
    /// The request was to try it, and has come back without having done so.
    Untried,
}

impl Schedule {
    /// Whether there is a host of which something has failed since its last answer: then answers are to be told.
    pub(crate) fn has_suspects(&self) -> bool {
        self.suspects > 0
    }

    /// Takes out the jobs that have been refused since the last time.
    pub(crate) fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// A request has failed to connect or timed out. Returns whether others of its host wait for one that tries it, so
    /// that a request which was not sent may wait with them.
    pub(crate) fn note_failure(
        &mut self,
        origin: &Arc<Origin>,
        now: Instant,
        was_probe: bool,
        patience: Patience,
        cause: Arc<str>,
    ) -> bool {
        let failure = Failure { was_probe, has_answered: self.answered.contains_key(origin), cause };
        if !self.hosts.contains_key(origin) {
            self.add_host(origin);
        }
        let Some(host) = self.hosts.get_mut(origin) else { return false };
        self.suspects += usize::from(host.health.is_none());
        let health = host.health.get_or_insert_default();
        health.failed(now, failure, patience);
        let is_tried = health.is_tried();
        self.look_again(origin);
        is_tried
    }

    pub(crate) fn note_sign(&mut self, origin: &Arc<Origin>, sign: Sign, now: Instant) {
        match sign {
            Sign::None => {}
            Sign::Answered => {
                self.remember(origin);
                let health = self.hosts.get_mut(origin).and_then(|host| host.health.take());
                if health.is_some() {
                    self.suspects -= 1;
                    self.look_again(origin);
                }
            }
            Sign::Untried => {
                let health = self.hosts.get_mut(origin).and_then(|host| host.health.as_mut());
                if let Some(health) = health {
                    health.untried(now);
                    self.look_again(origin);
                }
            }
        }
    }

    /// The jobs of the call that is next at a host are over, as the host is not there.
    pub(super) fn refuse_next(&mut self, origin: &Arc<Origin>) {
        let Some(host) = self.hosts.get_mut(origin) else { return };
        let Some(health) = &host.health else { return };
        let cause = health.cause().clone();
        if let Some(queue) = host.ready.remove_next() {
            self.calls.uncount(queue.place, queue.counted, queue.len());
            let refuse = |job| Refused { job, why: Refusal::Away(cause.clone()) };
            self.refused.extend(queue.into_jobs().map(refuse));
        }
    }

    /// The names of some hosts that are in trouble.
    pub(crate) fn troubled(&self) -> Vec<String> {
        if self.suspects == 0 {
            return Vec::new();
        }
        let is_troubled = |host: &Host| host.health.as_ref().is_some_and(|health| !health.is_open());
        let mut names: Vec<_> = self
            .hosts
            .iter()
            .filter(|(_, host)| is_troubled(host))
            .map(|(origin, _)| origin.to_string())
            .take(NAMED)
            .collect();
        names.sort_unstable();
        names
    }

    /// A host that stands aside is looked at again.
    pub(super) fn look_again(&mut self, origin: &Arc<Origin>) {
        if self.hosts.get(origin).is_some_and(|host| host.place == Standing::Waiting) {
            self.line_up(origin);
        }
    }

    /// A host is to be left alone, as somebody else knows.
    pub(crate) fn leave_alone(&mut self, origin: &Arc<Origin>, until: Instant) {
        if !self.hosts.contains_key(origin) {
            self.add_host(origin);
        }
        if let Some(host) = self.hosts.get_mut(origin) {
            host.hold(until);
        }
        self.look_again(origin);
    }

    fn remember(&mut self, origin: &Arc<Origin>) {
        if !self.answered.contains_key(origin) {
            if self.answered.len() >= REMEMBERED {
                self.answered.clear();
            }
            self.answered.insert(origin.clone(), ());
        }
    }
}
