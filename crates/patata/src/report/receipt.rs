//! The run's accounts: what was taken in, and what became of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::cost::Costs;
use crate::cost::charge::Charge;
use crate::error::{Kind, Phase};
use crate::report::costs;
use crate::report::costs::Spent;
use crate::report::latency::Latency;
use crate::response::Outcome;
use crate::response::cache_status::CacheStatus;
use crate::response::statuses::OkStatuses;

/// The most hosts that are named.
const NAMED_HOSTS: usize = 1000;

/// How many requests a run took, and how each of them ended.
///
/// `submitted == ok + failed + cancelled + outstanding`, at any moment; `outstanding` is 0 at the end. And
/// `failed` is the sum of `errors` and `failed_statuses`.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let paths = ["/", "/status/404", "/", "/status/503", "/"];
/// let mut run = client.run(paths.map(|path| patata::Request::get(path, format!("{url}{path}"))));
/// run.by_ref().for_each(drop);
/// let receipt = run.receipt();
/// assert_eq!((receipt.submitted, receipt.ok, receipt.failed), (5, 3, 2));
/// assert!(receipt.failed_statuses.iter().eq([(&404, &1), (&503, &1)]));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Receipt {
    /// Requests taken from the input.
    pub submitted: u64,
    /// How many of these were led to by the responses of others, or were added from outside: see
    /// [`FollowedRun`](crate::FollowedRun).
    pub followed: u64,
    /// Requests that were answered with a status of success: one below 400, or one of
    /// [`ok_statuses`](crate::Builder::ok_statuses).
    pub ok: u64,
    /// Requests that ended in an error, or were answered with another status.
    pub failed: u64,
    /// Requests given up because the run was ended early.
    pub cancelled: u64,
    /// Requests of which not one byte reached a server because the run ended early: cancelled ones, and those
    /// that failed by its deadline. [`Run::unfinished`](crate::Run::unfinished) has the tags of the former.
    pub unsent: u64,
    /// Likewise, requests that were sent and have no outcome: the server may have done what they ask for.
    pub unknown: u64,
    /// Requests that are still under way.
    pub outstanding: u64,
    /// Attempts begun for all requests that have ended.
    pub attempts: u64,
    /// Requests that would have been tried again, had [`retry_budget`](crate::Builder::retry_budget) had room.
    pub retries_denied: u64,
    /// Bytes of all bodies received, after decoding; those that went to files are not among them.
    pub body_bytes: u64,
    /// How many requests ended in which kind of error.
    pub errors: BTreeMap<Kind, u64>,
    /// How many of the time-outs among [`errors`](Self::errors) were in connecting.
    pub connect_timeouts: u64,
    /// How many requests were not sent, as their host was not there, by host: the first 1000 of them.
    pub unavailable_hosts: BTreeMap<String, u64>,
    /// How many requests were answered with which status that is no success.
    pub failed_statuses: BTreeMap<u16, u64>,
    /// How long the requests took, from the start of the first attempt to the end of the last.
    pub latency: Latency,
    /// Requests that would have been sent again, had their bodies not been of those that can be read only once.
    pub not_resent: u64,
    /// What requests that have ended have cost, by unit, where there are [budgets](crate::Builder::budget), or
    /// [`settle`](crate::Builder::settle) says it.
    pub costs: BTreeMap<String, Spent>,
    /// For how long a budget was what kept requests from being sent: the time in which one was next at its host, and nothing
    /// but that budget had too little left. By the budget, as a [`BindingBudget`](crate::BindingBudget) is shown:
    /// `tokens`, `tokens per host`, `concurrency of the shared budget`. Empty where no request has waited for any.
    pub budget_waits: BTreeMap<String, Duration>,
    /// Requests that a [cache](crate::Builder::cache) has answered, so that nothing was sent.
    pub cache_hits: u64,
    /// Requests that were answered with what a cache had stored after the server was asked whether it is still good, or
    /// where it failed; and those whose file was left as it is.
    pub cache_revalidated: u64,
    /// Requests that a cache could have answered, and has not.
    pub cache_misses: u64,
    /// Requests that were answered with the response to an equal one.
    pub shared: u64,
    /// Why a cache has not kept something that it should have, where it has not: a disk that is full, above all.
    pub cache_trouble: Option<String>,
    /// Files that earlier processes left which ended in the middle of a download, and that this run has removed.
    pub removed_parts: u64,
    /// The folder of the last of them.
    pub removed_parts_in: Option<PathBuf>,
}

impl Receipt {
    /// Counts a request as taken. Returns its number, counted from 0.
    pub(crate) fn submit(&mut self) -> u64 {
        let number = self.submitted;
        self.submitted += 1;
        self.outstanding += 1;
        number
    }

    pub(crate) fn settle<T>(&mut self, outcome: &Outcome<T>, ok_statuses: &OkStatuses) {
        self.outstanding -= 1;
        self.attempts += u64::from(outcome.attempts);
        self.retries_denied += u64::from(outcome.retry_denied);
        if outcome.attempts > 0 {
            self.latency.record(outcome.elapsed);
        }
        if let Some(charge) = &outcome.charge {
            costs::count(&mut self.costs, charge);
        }
        match &outcome.result {
            Ok(response) => {
                self.note_cached(response.cached);
                self.body_bytes += response.body.len() as u64;
                if ok_statuses.takes(response) {
                    self.ok += 1;
                } else {
                    self.failed += 1;
                    *self.failed_statuses.entry(response.status.as_u16()).or_default() += 1;
                }
            }
            Err(error) => {
                self.failed += 1;
                *self.errors.entry(error.kind()).or_default() += 1;
                let is_connecting = (error.kind(), error.phase()) == (Kind::Timeout, Phase::Connect);
                self.connect_timeouts += u64::from(is_connecting);
                if error.is_run_deadline() {
                    self.note_unfinished(error.request_sent());
                }
                if let Some(host) = error.unavailable_host() {
                    self.name_host(host);
                }
            }
        }
    }

    fn note_cached(&mut self, status: CacheStatus) {
        match status {
            CacheStatus::Sent => {}
            CacheStatus::Hit => self.cache_hits += 1,
            CacheStatus::Revalidated | CacheStatus::Stale | CacheStatus::Unchanged => {
                self.cache_revalidated += 1
            }
            CacheStatus::Shared => self.shared += 1,
        }
    }

    /// Sets right what a request has cost that is counted.
    pub(crate) fn settle_costs(&mut self, charge: &Charge, actual: &Costs) {
        costs::settle(&mut self.costs, charge, actual);
    }

    /// Counts one more as taken that is given up at once.
    pub(crate) fn cancel_unsent(&mut self) -> u64 {
        let number = self.submitted;
        self.submitted += 1;
        self.cancelled += 1;
        self.unsent += 1;
        number
    }

    /// Gives up what is still under way, of which so many were not sent.
    pub(crate) fn cancel_rest(&mut self, unsent: u64) {
        let rest = std::mem::take(&mut self.outstanding);
        self.cancelled += rest;
        self.unsent += unsent;
        self.unknown += rest.saturating_sub(unsent);
    }

    fn note_unfinished(&mut self, was_sent: bool) {
        if was_sent {
            self.unknown += 1;
        } else {
            self.unsent += 1;
        }
    }

    fn name_host(&mut self, host: &str) {
        if let Some(count) = self.unavailable_hosts.get_mut(host) {
            *count += 1;
        } else if self.unavailable_hosts.len() < NAMED_HOSTS {
            self.unavailable_hosts.insert(host.to_owned(), 1);
        }
    }
}
