//! One second of a run: a line of its timeline.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::uses::Uses;

/// What keeps a run from being faster, as the accounts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// A rate.
    Rate,
    /// A budget of some unit.
    Budget,
    /// The most requests that may be in flight at once.
    Concurrency,
    /// The servers.
    Server,
    /// The input.
    Input,
    /// Whatever takes the responses.
    Consumer,
    /// A person, who has told it to pause.
    Paused,
    /// What this version does not know.
    #[serde(other)]
    Other,
}

impl LimitedBy {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 8] = [
        Self::Rate,
        Self::Budget,
        Self::Concurrency,
        Self::Server,
        Self::Input,
        Self::Consumer,
        Self::Paused,
        Self::Other,
    ];

    /// Its name in one word, as in a timeline.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Budget => "budget",
            Self::Concurrency => "concurrency",
            Self::Server => "server",
            Self::Input => "input",
            Self::Consumer => "consumer",
            Self::Paused => "paused",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<patata::Bottleneck> for LimitedBy {
    fn from(bottleneck: patata::Bottleneck) -> Self {
        match bottleneck {
            patata::Bottleneck::Rate => Self::Rate,
            patata::Bottleneck::Budget => Self::Budget,
            patata::Bottleneck::Concurrency => Self::Concurrency,
            patata::Bottleneck::Server => Self::Server,
            patata::Bottleneck::Input => Self::Input,
            patata::Bottleneck::Consumer => Self::Consumer,
            _ => Self::Other,
        }
    }
}

/// The limits that hold just now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsNow {
    /// The rates of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate: Vec<String>,
    /// The rates of each host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate_per_host: Vec<String>,
    /// The budgets of the run, each as a unit and its rate: `tokens=90000/min`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budget: Vec<String>,
    /// The budgets of each host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budget_per_host: Vec<String>,
    /// The most requests in flight; none where it is found out by trying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// The most requests in flight at one host, where that is fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_per_host: Option<usize>,
    /// Whether a person has told the run to pause.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// How many requests ended in which class of status, or without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Classes {
    /// Statuses from 200 to 299.
    #[serde(rename = "2xx", skip_serializing_if = "is_zero")]
    pub success: u64,
    /// Statuses from 300 to 399.
    #[serde(rename = "3xx", skip_serializing_if = "is_zero")]
    pub redirect: u64,
    /// Statuses from 400 to 499.
    #[serde(rename = "4xx", skip_serializing_if = "is_zero")]
    pub client_error: u64,
    /// Statuses from 500 to 599.
    #[serde(rename = "5xx", skip_serializing_if = "is_zero")]
    pub server_error: u64,
    /// Other statuses.
    #[serde(skip_serializing_if = "is_zero")]
    pub other: u64,
    /// No status: the request ended in an error.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Classes {
    /// How many there are at this status.
    pub(crate) fn add(&mut self, status: u16, count: u64) {
        let class = match status {
            200..300 => &mut self.success,
            300..400 => &mut self.redirect,
            400..500 => &mut self.client_error,
            500..600 => &mut self.server_error,
            _ => &mut self.other,
        };
        *class += count;
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        // A file may say anything.
        let add = |count: &mut u64, more: u64| *count = count.saturating_add(more);
        add(&mut self.success, other.success);
        add(&mut self.redirect, other.redirect);
        add(&mut self.client_error, other.client_error);
        add(&mut self.server_error, other.server_error);
        add(&mut self.other, other.other);
        add(&mut self.errors, other.errors);
    }

    /// The counts with the names that people know them by, in the order in which they are shown.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("2xx", self.success),
            ("3xx", self.redirect),
            ("4xx", self.client_error),
            ("5xx", self.server_error),
            ("other", self.other),
            ("errors", self.errors),
        ]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.named().iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// One second of a run, or as long as it took: where the run stands at its end, and what came during it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tick {
    /// Its end, in seconds since 1970.
    pub time: f64,
    /// How long it was.
    pub seconds: f64,
    /// Which process wrote it, counted from 1.
    pub process: u32,
    /// Requests taken from the input so far by this process, as far as the engine has told.
    pub submitted: u64,
    /// Requests that have ended so far, in this process and those before it.
    pub done: u64,
    /// Those of them that are a success.
    pub ok: u64,
    /// Those of them that have failed.
    pub failed: u64,
    /// Attempts made for them.
    pub attempts: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// What came in this second.
    pub responses: Classes,
    /// The time, in milliseconds, within which half of what came in this second was done.
    pub p50_ms: f64,
    /// Likewise, 90 %.
    pub p90_ms: f64,
    /// Likewise, 99 %.
    pub p99_ms: f64,
    /// Requests that connections are busy with.
    pub in_flight: usize,
    /// What keeps the run from being faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
    /// The unit of the budget that does so, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limiting_unit: Option<String>,
    /// Whether that is one which the run shares with others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_limited_by_shared: bool,
    /// The limits that hold.
    pub limits: LimitsNow,
    /// The busiest hosts of this second, and what came from each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<(String, u64)>,
    /// What was used in this second of each unit that there are budgets of, and granted.
    #[serde(skip_serializing_if = "Uses::is_empty")]
    pub budgets: Uses,
    /// The limit of a server's own that holds requests back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_limit: Option<String>,
    /// Hosts that do not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubled_hosts: Vec<String>,
}

impl Tick {
    /// The budget that limits the run, by its name, where it is one.
    pub(crate) fn limiting_budget(&self) -> Option<String> {
        let unit = self.limiting_unit.as_ref().filter(|_| self.limited_by == Some(LimitedBy::Budget))?;
        Some(if self.is_limited_by_shared { format!("{unit} of the shared budget") } else { unit.clone() })
    }

    /// Requests that ended, a second.
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.responses.total() as f64 / self.seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_named_where_it_is_one_that_limits() {
        let tick = |limited_by, is_limited_by_shared| Tick {
            limited_by: Some(limited_by),
            limiting_unit: Some("tokens".to_owned()),
            is_limited_by_shared,
            ..Tick::default()
        };
        assert_eq!(tick(LimitedBy::Budget, false).limiting_budget().as_deref(), Some("tokens"));
        let shared = tick(LimitedBy::Budget, true).limiting_budget();
        assert_eq!(shared.as_deref(), Some("tokens of the shared budget"));
        assert_eq!(tick(LimitedBy::Paused, false).limiting_budget(), None);
    }
}
