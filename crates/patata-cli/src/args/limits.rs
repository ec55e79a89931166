//! Flags of how much is asked of servers, and how many failures are put up with.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::values::{
    AnyBudget, Budget, Concurrency, Cost, FailureBudget, Statuses, duration, size_above_zero,
};

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

    /// Requests in a time, as 100/s or 600/min; auto is what servers tell
    #[arg(long, value_name = "RATE|auto")]
    pub(crate) rate: Vec<String>,

    /// Requests in a time to each host
    #[arg(long, value_name = "RATE", hide_short_help = true)]
    pub(crate) rate_per_host: Vec<String>,

    /// Ask on where a server says that nothing of its limit remains
    #[arg(long, hide_short_help = true)]
    pub(crate) no_learn_limits: bool,

    #[command(flatten)]
    pub(crate) budgets: BudgetFlags,

    /// How much of a unit in a time at each host
    #[arg(long, value_name = "UNIT=RATE", hide_short_help = true)]
    pub(crate) budget_per_host: Vec<Budget>,

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

/// What may be used in a time, by this process or by all that share it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct BudgetFlags {
    /// How much of a unit in a time, as tokens=90000/min; or the handle of a budget that is shared, as env:NAME
    ///
    /// What a request costs is said by --cost and --settle: one of requests unless told, nothing of other units. Large
    /// requests wait no longer than small ones. Several hold together, and beside --rate; with requests=500/min;burst=50
    /// so many may go at once.
    ///
    /// A handle is what patata budget serve prints, unix:///PATH, or redis://HOST/0?name=NAME. It has a secret in it: put
    /// it into a variable, and write env:NAME.
    #[arg(long, value_name = "UNIT=RATE|HANDLE")]
    pub(crate) budget: Vec<AnyBudget>,

    /// Wait so long for a shared budget that does not answer [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    pub(crate) budget_timeout: Option<Duration>,
}

impl BudgetFlags {
    /// The budgets of this process alone.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Budget> {
        self.budget.iter().filter_map(|budget| match budget {
            AnyBudget::Own(budget) => Some(budget),
            AnyBudget::Shared(_) => None,
        })
    }

    /// The handles of those that are shared, of which there should be one.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &str> {
        self.budget.iter().filter_map(|budget| match budget {
            AnyBudget::Shared(handle) => Some(handle.as_str()),
            AnyBudget::Own(_) => None,
        })
    }

    /// What a later command says, in the place of what was said before.
    pub(crate) fn overlay(&mut self, later: Self) {
        let is_own = |budget: &AnyBudget| matches!(budget, AnyBudget::Own(_));
        let (has_own, has_shared) = (later.own().next().is_some(), later.shared().next().is_some());
        self.budget.retain(|budget| if is_own(budget) { !has_own } else { !has_shared });
        self.budget.extend(later.budget);
        self.budget_timeout = later.budget_timeout.or(self.budget_timeout);
    }
}

/// What requests cost of what there are budgets of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct CostFlags {
    /// What a request costs, by a field of its row or a number, as tokens=prompt_tokens
    #[arg(long, value_name = "UNIT=FIELD|N", hide_short_help = true)]
    pub(crate) cost: Vec<Cost>,

    /// What it did cost, by the response's JSON, as tokens=usage.total_tokens
    ///
    /// What was estimated too much is given back, what was too little is owed. Where the response has no such number, the
    /// estimate stands.
    #[arg(long, value_name = "UNIT=PATH", hide_short_help = true)]
    pub(crate) settle: Vec<Cost>,
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
