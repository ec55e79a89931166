//! What the schedule gives a request on its way, and looks at when it comes back.

use crate::cost::charge::Charge;

/// As what an attempt that is under way is counted.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    /// Whether its host counts it as in flight.
    pub(crate) is_counted: bool,
    /// Whether its call counts it as in flight at its host.
    pub(crate) is_counted_by_call: bool,
    /// Whether it tries a host that is in trouble.
    pub(crate) is_probe: bool,
    /// By what the pacer of its host knows it; nought where there is none.
    pub(crate) paced: u32,
    /// By what the controller of its host's concurrency knows it, where there is one.
    pub(crate) sample: Option<Box<Sample>>,
    /// What it costs, where budgets count that.
    pub(crate) charge: Option<Box<Charge>>,
}

/// By what a controller knows an attempt again when it has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// 0 for none.
    pub(crate) cohort: u64,
    pub(crate) sequence: u64,
    /// When it was sent.
    pub(crate) sent: f64,
    /// Requests in flight with it.
    pub(crate) in_flight: u32,
}
