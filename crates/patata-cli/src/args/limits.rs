//! Flags of how much is asked of servers, and how many failures are put up with.

use std::num::NonZeroUsize;

use clap::Args;

use super::values::{Concurrency, FailureBudget, Statuses, size_above_zero};

/// How much is asked at a time, and in a time.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitFlags {
    /// Requests in flight at once; auto finds out how many are best
    #[arg(short = 'c', long, value_name = "N|auto")]
    pub(crate) concurrency: Option<Concurrency>,

    /// Requests in flight at once at each host
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N", hide_short_help = true)]
    pub(crate) concurrency_per_host: Option<NonZeroUsize>,

    /// Requests in a time, as 100/s or 600/min
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Vec<String>,

    /// Requests in a time to each host
    #[arg(long, value_name = "RATE", hide_short_help = true)]
    pub(crate) rate_per_host: Vec<String>,

    /// Bytes of bodies in a second, on average, as 500K or 10M
    ///
    /// Requests are held back while more have come; a body that is on its way is not slowed down.
    #[arg(long, value_name = "SPEED", value_parser = size_above_zero, hide_short_help = true)]
    pub(crate) limit_rate: Option<usize>,

    /// Threads that send [default: as many as there are processors]
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, alias = "num-workers", value_name = "N", hide_short_help = true)]
    pub(crate) workers: Option<NonZeroUsize>,

    /// Requests that are held in memory at most [default: 100000]
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N", hide_short_help = true)]
    pub(crate) queue_max_size: Option<NonZeroUsize>,
}

/// What a failure is, and when there are too many.
#[derive(Debug, Args)]
#[command(next_help_heading = "Failures")]
pub(crate) struct FailureFlags {
    /// Stop once more have failed, as 10 or 1% (exit code 3)
    #[arg(long, value_name = "N|SHARE")]
    pub(crate) max_failures: Option<FailureBudget>,

    /// Statuses that are no failure, as 2xx,404 [default: below 400]
    #[arg(long, alias = "ok-statuses", value_name = "STATUSES")]
    pub(crate) ok: Option<Statuses>,

    /// Stop at the first of these statuses (exit code 3)
    #[arg(long, value_name = "STATUSES", hide_short_help = true)]
    pub(crate) abort_on: Option<Statuses>,
}
