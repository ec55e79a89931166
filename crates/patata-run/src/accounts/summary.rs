//! A run in sum: what `summary.json` holds, and what report, receipt and exit code are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clusters::Cluster;
use super::costs::Costs;
use super::histogram::Histogram;
use super::hosts::Host;
use super::tick::LimitedBy;

/// A run in sum, over all processes that have worked at it.
///
/// [`Statistics::summary`](crate::Statistics::summary) fills in what it has counted; the rest is known to who runs it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// What began it, as a person would type it.
    pub command: String,
    /// Its folder, as a person would type it.
    pub folder: String,
    /// The versions of patata that have worked at it, each once.
    pub versions: Vec<String>,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// When these figures were true.
    pub time: f64,
    /// When it ended; none while a process works at it.
    pub ended: Option<f64>,
    /// How long processes have worked at it, in seconds.
    pub seconds: f64,
    /// How many of them there were.
    pub processes: u32,
    /// How many requests the input has, where that is known.
    pub total: Option<u64>,
    /// Requests taken from the input: `ok + failed + cancelled + skipped`, once it has ended.
    pub submitted: u64,
    /// Requests that are a success.
    pub ok: u64,
    /// Requests that have failed.
    pub failed: u64,
    /// Requests given up because the run was ended early.
    pub cancelled: u64,
    /// Requests that an earlier process had done, and that are not among the others.
    pub skipped: u64,
    /// Requests that were sent and of which no answer is known: the server may have done what they ask for.
    pub unknown: u64,
    /// Requests of which not one byte was sent.
    pub unsent: u64,
    /// Rows of the ledger that are counted here: those behind them are added by whoever goes on.
    pub ledger_rows: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Bytes of the bodies received.
    pub bytes: u64,
    /// What the requests have cost, by unit, where budgets count that. Of a process that was killed, what came in its last
    /// second is not among it.
    #[serde(skip_serializing_if = "Costs::is_empty")]
    pub costs: Costs,
    /// How many requests were answered with which status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many requests ended in which kind of error.
    pub errors: BTreeMap<String, u64>,
    /// How long the requests took, all attempts of each together.
    pub latency: Histogram,
    /// The hosts, the busiest first.
    pub hosts: Vec<Host>,
    /// Failures of the same sort, the most frequent first.
    pub clusters: Vec<Cluster>,
    /// Failures that are in none of them, as there are too many sorts.
    pub other_failures: u64,
    /// For how many seconds what kept the run from being faster.
    pub limited_seconds: BTreeMap<LimitedBy, f64>,
    /// Where it was a budget, for how many seconds which: `tokens`, `tokens of the shared budget`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limiting_budgets: BTreeMap<String, f64>,
    /// Why the run ended before its input did.
    pub stopped: Option<String>,
    /// The options that it ran with.
    pub options: BTreeMap<String, serde_json::Value>,
    /// The command that goes on with it, where there is something left to do.
    pub next: Option<String>,
}

impl Summary {
    /// Requests that have ended.
    pub fn done(&self) -> u64 {
        self.ok.saturating_add(self.failed)
    }

    /// Requests that ended, a second, over all the time that processes have worked.
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.done() as f64 / self.seconds } else { 0.0 }
    }

    /// The share of what has ended that has failed.
    pub fn failed_share(&self) -> f64 {
        if self.done() > 0 { self.failed as f64 / self.done() as f64 } else { 0.0 }
    }

    /// The same with what of rows alone is counted: how they ended, what came, and from where.
    pub(crate) fn with_counts_of(self, counted: Self) -> Self {
        Self {
            ok: counted.ok,
            failed: counted.failed,
            attempts: counted.attempts,
            bytes: counted.bytes,
            statuses: counted.statuses,
            errors: counted.errors,
            latency: counted.latency,
            hosts: counted.hosts,
            clusters: counted.clusters,
            other_failures: counted.other_failures,
            ..self
        }
    }
}
