//! The arguments of each command.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::caching::{CacheFlags, DistinctFlags};
use super::connections::ConnectionFlags;
use super::input::InputFlags;
use super::limits::{BudgetFlags, CostFlags, FailureFlags, LimitFlags};
use super::output::{DrawingFlags, OutputFlags, RehearsalFlags, Unknown};
use super::pages::PageFlags;
use super::request::RequestFlags;
use super::retries::{RetryFlags, TimeFlags};
use super::telemetry::TelemetryFlags;
use super::values::{Budget, Statuses};

/// Those of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) input: InputFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) pages: PageFlags,
    #[command(flatten)]
    pub(crate) request: RequestFlags,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) costs: CostFlags,
    #[command(flatten)]
    pub(crate) failures: FailureFlags,
    #[command(flatten)]
    pub(crate) retries: RetryFlags,
    #[command(flatten)]
    pub(crate) times: TimeFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) distinct: DistinctFlags,
    #[command(flatten)]
    pub(crate) connections: ConnectionFlags,
    #[command(flatten)]
    pub(crate) rehearsal: RehearsalFlags,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryFlags,
    #[command(flatten)]
    pub(crate) drawing: DrawingFlags,
}

/// Those of `get`, `post` and the like.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// What to ask for
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Write the body to a file, and nothing to stdout
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Print status and headers before the body
    #[arg(short, long)]
    pub(crate) include: bool,

    /// Print no body where the status is that of a failure; the status goes to stderr
    #[arg(short, long)]
    pub(crate) fail: bool,

    /// Print no message of what failed, only exit by its code
    #[arg(short = 's', long, alias = "quiet")]
    pub(crate) silent: bool,

    /// Statuses that are no failure [default: all below 400]
    #[arg(long, value_name = "STATUSES", hide_short_help = true)]
    pub(crate) ok: Option<Statuses>,

    #[command(flatten)]
    pub(crate) pages: PageFlags,
    #[command(flatten)]
    pub(crate) request: RequestFlags,
    #[command(flatten)]
    pub(crate) budgets: BudgetFlags,
    #[command(flatten)]
    pub(crate) retries: RetryFlags,
    #[command(flatten)]
    pub(crate) times: TimeFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
    #[command(flatten)]
    pub(crate) connections: ConnectionFlags,

    /// Read defaults from this file [default: ~/.config/patata/config.toml]
    #[arg(long, value_name = "FILE", hide_short_help = true, value_hint = clap::ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// Those of a command that needs a run folder and nothing else.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// The folder of the run
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

/// Those of `resume`. What the run was begun with is in its folder.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// What to do with requests that were sent and whose outcome nobody knows
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) unknown: Option<Unknown>,

    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryFlags,
    #[command(flatten)]
    pub(crate) drawing: DrawingFlags,
}

/// Those of `retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Only what was answered with one of these statuses, as 429,5xx
    #[arg(long, value_name = "STATUSES")]
    pub(crate) status: Option<Statuses>,

    /// Only what ended in such an error, as timeout or connect; several are separated by commas
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,

    /// Also what was sent and whose outcome nobody knows: it may be done twice
    #[arg(long)]
    pub(crate) unknown: bool,

    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryFlags,
    #[command(flatten)]
    pub(crate) drawing: DrawingFlags,
}

/// Those of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Go on telling until the run ends
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Those of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Show it in the browser
    #[arg(long)]
    pub(crate) open: bool,
}

/// Those of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// By what the request is known: its id, or its place in the input, counted from 0
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
}

/// Those of `set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,

    /// Send at most so many in a time, as 50/s; "none" for no limit, "auto" for what servers tell; several hold together
    #[arg(long, value_name = "RATE|auto", required_unless_present_any = ["concurrency", "budget"])]
    pub(crate) rate: Vec<String>,

    /// Use at most so much of a unit in a time, as tokens=90000/min, in place of all that it has; "none" for no limit
    #[arg(long, value_name = "UNIT=RATE", value_parser = budget_or_none)]
    pub(crate) budget: Vec<Option<Budget>>,

    /// Have at most so many in flight
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N")]
    pub(crate) concurrency: Option<NonZeroUsize>,
}

fn budget_or_none(text: &str) -> Result<Option<Budget>, String> {
    if text == "none" { Ok(None) } else { text.parse().map(Some) }
}

/// Those of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address and port to serve on; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) address: SocketAddr,

    /// How many threads serve
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N", default_value = "1")]
    pub(crate) threads: NonZeroUsize,

    /// Be a language model's API too, which serves so many requests a minute
    ///
    /// POST /v1/chat/completions is answered as OpenAI's API does, and POST /v1/messages as Anthropic's, with their
    /// headers of what remains: a server to try --rate auto against.
    #[arg(long, value_name = "N")]
    pub(crate) requests_per_minute: Option<NonZeroU32>,

    /// The same for tokens, of prompts and answers; a word is a token
    #[arg(long, value_name = "N")]
    pub(crate) tokens_per_minute: Option<NonZeroU64>,
}

/// Those of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
