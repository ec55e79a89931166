//! How much may be asked of servers.

use std::time::Duration;

use crate::config::allotment::Allotment;
use crate::config::budget::BudgetLimits;
use crate::config::rate::Rate;

/// How much may be asked of servers: by a client, for all of its calls together, or by one call besides. A value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Requests in flight.
    pub(crate) concurrency: Option<usize>,
    /// Requests in flight at each host.
    pub(crate) concurrency_per_host: Option<usize>,
    /// Whether each host has as many as it can use, up to the limits above; and what these are where
    /// `concurrency_per_host` is not set.
    pub(crate) adaptive: Option<usize>,
    /// For all hosts together.
    pub(crate) rates: Vec<Rate>,
    /// For each host by itself.
    pub(crate) rates_per_host: Vec<Rate>,
    /// Whether each host is asked at the pace at which what it tells of its own limits lasts until they are reset.
    pub(crate) is_rate_auto: bool,
    /// How much of other units than requests, and of these, where any is said.
    pub(crate) budgets: Option<Box<BudgetLimits>>,
    /// What the client has of a budget that others use too.
    pub(crate) allotment: Option<Allotment>,
    /// The share of requests that may be sent again, or that all may; `None` where nothing is said.
    pub(crate) retry_budget: Option<Option<f64>>,
    /// Whether nothing may be sent for now.
    pub(crate) is_paused: bool,
}

impl Limits {
    /// Requests in flight, where that is limited.
    pub(crate) fn most(&self) -> Option<usize> {
        self.adaptive.or(self.concurrency)
    }

    /// Whether there are budgets.
    pub(crate) fn is_budgeted(&self) -> bool {
        self.budgets.is_some() || self.allotment.is_some()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.concurrency.is_none() && self.retry_budget.is_none() && !self.are_counted()
    }

    /// Whether there are some for which it is counted what is sent to hosts that are well.
    pub(crate) fn are_counted(&self) -> bool {
        self.concurrency_per_host.is_some()
            || self.adaptive.is_some()
            || !self.rates.is_empty()
            || !self.rates_per_host.is_empty()
            || self.is_rate_auto
            || self.is_budgeted()
    }
}

/// How long a host that has answered before is waited for; `None` is for ever, and zero turns all of this off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience(pub(crate) Option<Duration>);

impl Default for Patience {
    fn default() -> Self {
        Self(Some(Duration::from_secs(60)))
    }
}

impl Patience {
    /// Whether anything is to be noted at all.
    pub(crate) fn is_on(self) -> bool {
        self.0 != Some(Duration::ZERO)
    }
}
