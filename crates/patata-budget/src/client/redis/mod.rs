//! A budget in Redis, for jobs that have no process in common: the same leases, by two short scripts and Redis' own clock.

mod connection;
mod lease;
mod status;

pub(crate) use lease::lease;
pub(crate) use status::status;
