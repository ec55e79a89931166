//! Flags of how long is waited, and when a request is sent again.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::values::{RetryBudget, Statuses, duration};

/// When a request is sent again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retries")]
pub(crate) struct RetryFlags {
    /// Send again what failed in passing, up to so many times
    #[arg(long, value_name = "N", overrides_with = "retries")]
    pub(crate) retry: Option<u32>,

    /// The same as attempts in total: --retries 3 is --retry 2
    #[arg(long, value_parser = super::values::count::<NonZeroU32>, value_name = "N", overrides_with = "retry", hide_short_help = true)]
    pub(crate) retries: Option<NonZeroU32>,

    /// Statuses that are tried again [default: 408, 425, 429, 5xx save 501 and 505]
    #[arg(long, value_name = "STATUSES", hide_short_help = true)]
    pub(crate) retry_statuses: Option<Statuses>,

    /// Try again also what may have been done already, as a POST that was answered with 500
    #[arg(long, alias = "retry-all-errors", hide_short_help = true)]
    pub(crate) retry_non_idempotent: bool,

    /// Give each POST and the like a key, by which a server knows it again when it is sent twice
    #[arg(long, hide_short_help = true)]
    pub(crate) idempotency_key: bool,

    /// Send again at most such a share of all requests, as 10%; "none" for no limit [default: 10%]
    #[arg(long, value_name = "SHARE", hide_short_help = true)]
    pub(crate) retry_budget: Option<RetryBudget>,

    /// The longest wait before the first retry, doubled for each further one [default: 100ms]
    #[arg(long, alias = "retry-delay", value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) backoff: Option<Duration>,

    /// What the doubling stops at [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) max_backoff: Option<Duration>,
}

/// How long is waited. A time is a number of seconds, or has a unit: 500ms, 30s, 5m, 2h.
#[derive(Debug, Args)]
#[command(next_help_heading = "Times")]
pub(crate) struct TimeFlags {
    /// The longest that one attempt may take [default: 300s]
    #[arg(short = 'm', long, alias = "max-time", value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// The longest that connecting may take [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) connect_timeout: Option<Duration>,

    /// The longest that a request may take with all its retries
    #[arg(long, alias = "retry-max-time", value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) total_timeout: Option<Duration>,

    /// The longest that a host which has answered before is waited for when it is in trouble [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) host_timeout: Option<Duration>,

    /// The longest that the whole run may take
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) deadline: Option<Duration>,
}
