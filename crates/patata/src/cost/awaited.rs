//! Budgets that keep requests waiting, and how they are called.

use std::fmt;

use crate::cost::unit::Unit;

/// A budget that a request waits for. Unlike what users see of it, it is cheap to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) unit: Unit,
    pub(crate) whose: Whose,
}

/// Whom a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The client or the call.
    Own,
    /// Each host by itself.
    PerHost,
    /// Others too.
    Shared,
}

/// A budget that keeps a run from being faster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingBudget {
    /// What it is counted in; `concurrency` where it is requests in flight, and `no answer` where a shared one does not
    /// answer just now.
    pub unit: String,
    /// Whether it is one for each host.
    pub per_host: bool,
    /// Whether it is one that is [shared](crate::Builder::allotment) with others.
    pub shared: bool,
}

impl From<&Awaited> for BindingBudget {
    fn from(awaited: &Awaited) -> Self {
        Self {
            unit: awaited.unit.to_string(),
            per_host: awaited.whose == Whose::PerHost,
            shared: awaited.whose == Whose::Shared,
        }
    }
}

impl fmt::Display for BindingBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match (self.shared, self.per_host) {
            (true, _) => " of the shared budget",
            (false, true) => " per host",
            (false, false) => "",
        };
        write!(formatter, "{}{scope}", self.unit)
    }
}
