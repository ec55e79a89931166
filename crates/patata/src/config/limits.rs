//! How much may be asked of servers.

use std::time::Duration;

use crate::config::rate::Rate;

/// How much may be asked of each host, and of all together. A value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Requests in flight at each host.
    pub(crate) concurrency_per_host: Option<usize>,
    /// Whether each host has as many as it can use, up to the limits above; and what these are where
    /// `concurrency_per_host` is not set.
    pub(crate) adaptive: Option<usize>,
    /// For all hosts together.
    pub(crate) rates: Vec<Rate>,
    /// For each host by itself.
    pub(crate) rates_per_host: Vec<Rate>,
    /// Where requests are tried again: the most in flight in all, of which hosts that say "too many" get less, and those
    /// that are new, unless a controller sees to that.
    pub(crate) gentle_below: Option<usize>,
    /// How long hosts in trouble are waited for.
    pub(crate) patience: Patience,
}

impl Limits {
    /// Whether there is none, so that nothing needs to be counted of hosts that are well.
    pub(crate) fn is_empty(&self) -> bool {
        self.concurrency_per_host.is_none()
            && self.adaptive.is_none()
            && self.rates.is_empty()
            && self.rates_per_host.is_empty()
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
