//! What the schedule gives a request on its way.

/// By what an attempt is known again when it has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// 0 for none.
    pub(crate) cohort: u64,
    pub(crate) sequence: u64,
    /// When it was sent.
    pub(crate) sent: f64,
    /// Requests in flight with it.
    pub(crate) in_flight: u32,
}
