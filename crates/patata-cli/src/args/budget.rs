//! The arguments of `budget serve` and `budget status`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help;

/// What is to be done with a shared budget.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Hold a budget until Ctrl-C; the handle that opens it is the first line on stdout
    #[command(after_help = help::BUDGET_SERVE_EXAMPLES)]
    Serve(BudgetServeArgs),
    /// Tell who uses how much of a budget, and what is waiting
    #[command(after_help = help::BUDGET_STATUS_EXAMPLES)]
    Status(BudgetStatusArgs),
}

/// Those of `budget serve`.
#[derive(Debug, Args)]
pub(crate) struct BudgetServeArgs {
    /// Requests in a time, as 100/s or 600/min; several hold together
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Vec<String>,

    /// Another unit in a time, as tokens=90000/min
    #[arg(long, value_name = "UNIT=RATE")]
    pub(crate) budget: Vec<String>,

    /// Requests in flight at once
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) concurrency: Option<NonZeroU32>,

    /// The address and port to listen on [default: 127.0.0.1 and a port that is free]
    ///
    /// What is said there is not encrypted: beyond this machine, it belongs into a network that is trusted.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "unix")]
    pub(crate) listen: Option<SocketAddr>,

    /// Listen on a socket in a folder, which the same user only can open
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,

    /// The secret that opens it, from a variable, as env:NAME [default: one that is made up]
    #[arg(long, value_name = "env:NAME")]
    pub(crate) secret: Option<String>,

    /// Keep in this file what is used up, and go on from there when started again
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

/// Those of `budget status`.
#[derive(Debug, Args)]
pub(crate) struct BudgetStatusArgs {
    /// What opens the budget: the line that serve printed, unix:///PATH, or redis://HOST/0?name=NAME
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: String,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Tell it each second, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
}
