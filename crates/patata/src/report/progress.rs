//! How far a run has come, for who watches it from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::cost::awaited::BindingBudget;

/// How far a run has come, and what it waits for: see [`Control::progress`](crate::Control::progress).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Requests taken from the input.
    pub submitted: u64,
    /// Requests whose outcomes have been handed out.
    pub done: u64,
    /// Those of them that have failed, as [`Receipt`](crate::Receipt) counts.
    pub failed: u64,
    /// Requests that connections are busy with.
    pub in_flight: usize,
    /// What keeps the run from being faster just now.
    pub bottleneck: Bottleneck,
    /// The limit that a server has told of and that holds requests back just now ([`rate`](crate::Builder::rate)
    /// `"auto"`), by the name that the server gives it: `tokens (90000) of api.example`.
    pub server_limit: Option<String>,
    /// The budget that does so, where it is one.
    pub budget: Option<BindingBudget>,
    /// What its budgets allow, by unit: none where there are no budgets.
    pub granted: Vec<Granted>,
    /// Hosts that do not answer just now, up to ten of them: see
    /// [`host_timeout`](crate::Builder::host_timeout).
    pub troubled_hosts: Vec<String>,
}

/// What keeps a run from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bottleneck {
    /// [`rate`](crate::Builder::rate) or [`rate_per_host`](crate::Builder::rate_per_host).
    Rate,
    /// [`concurrency`](crate::Builder::concurrency) or
    /// [`concurrency_per_host`](crate::Builder::concurrency_per_host): more is ready to be sent.
    Concurrency,
    /// The servers: all is sent that there is, or they have asked to be left alone for a while, or what failed
    /// waits to be sent again.
    Server,
    /// The input, which gives its requests too slowly.
    Input,
    /// The caller, who takes the outcomes too slowly.
    Consumer,
    /// [`budget`](crate::Builder::budget), [`budget_per_host`](crate::Builder::budget_per_host), or a budget that is
    /// [shared](crate::Builder::allotment): [`Progress::budget`] says which, and of which unit.
    Budget,
}

/// How much of a unit the budgets of a run allow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Granted {
    /// What it is counted in.
    pub unit: String,
    /// How much may be used in a second by the strictest of the run's own budgets, over the shortest of its windows; `None`
    /// where there are none but for each host, or shared ones.
    pub per_second: Option<f64>,
    /// How much the budget that is [shared](crate::Builder::allotment) has granted to this client so far; `None` where there
    /// is none of this unit.
    pub shared: Option<f64>,
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Server => "server",
            Self::Input => "input",
            Self::Consumer => "consumer",
            Self::Budget => "budget",
        })
    }
}

/// What the threads of a run publish of themselves now and then, without a lock.
#[derive(Debug, Default)]
pub(crate) struct Board {
    submitted: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    has_outcome: AtomicBool,
    /// How often the caller has turned to its input, and away: odd while it is there.
    turns: AtomicU64,
}

/// The caller's part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerNews {
    pub(crate) submitted: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// Whether there is an outcome that has not been handed out.
    pub(crate) has_outcome: bool,
}

impl Board {
    pub(crate) fn publish(&self, news: CallerNews) {
        self.submitted.store(news.submitted, Ordering::Relaxed);
        self.done.store(news.done, Ordering::Relaxed);
        self.failed.store(news.failed, Ordering::Relaxed);
        self.has_outcome.store(news.has_outcome, Ordering::Relaxed);
    }

    pub(crate) fn publish_taking(&self, is_taking: bool) {
        let turns = self.turns.load(Ordering::Relaxed);
        if (turns % 2 == 1) != is_taking {
            // The caller alone writes it.
            self.turns.store(turns + 1, Ordering::Relaxed);
        }
    }

    /// Whether the caller waits for its input.
    pub(crate) fn is_taking(&self) -> bool {
        self.taking().is_some()
    }

    /// Which time it is that the caller waits for its input, where it does.
    pub(crate) fn taking(&self) -> Option<u64> {
        Some(self.turns.load(Ordering::Relaxed)).filter(|turns| turns % 2 == 1)
    }

    pub(crate) fn news(&self) -> CallerNews {
        CallerNews {
            submitted: self.submitted.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            has_outcome: self.has_outcome.load(Ordering::Relaxed),
        }
    }
}
