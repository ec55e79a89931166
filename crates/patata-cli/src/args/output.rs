//! Flags of what is written, what is shown meanwhile, and what is tried beforehand.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// What is said of types at length.
const SCHEMA: &str = "The types of bodies in Parquet, as 'name=string,tags=list<string>', or @FILE of JSON

Without it, bodies are texts. What does not fit is null, and the column body_error says why. Types are bool, int8 to int64, \
uint8 to uint64, float32, float64, string, date32, timestamp, timestamp[ms], timestamp[us, UTC], decimal(10, 2), list<T>, \
struct<name: T, ...>, map<string, T>.";

/// What a row has.
const MEMBERS: [&str; 12] =
    ["id", "index", "status", "ok", "url", "method", "attempts", "ms", "headers", "path", "body", "error"];

/// Where responses go, and in which form.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// The folder of the run, which can be resumed [default: stdout]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// The format of finished parts [default: jsonl]
    #[arg(long, value_name = "jsonl|csv|parquet", value_enum)]
    pub(crate) format: Option<Format>,

    /// Compress finished parts
    #[arg(long, value_name = "zstd|gzip", value_enum)]
    pub(crate) compress: Option<Compression>,

    /// The columns of CSV and Parquet, as id,status,body.name
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = column, hide_short_help = true)]
    pub(crate) columns: Vec<String>,

    // No doc comment, which rustdoc would take for links and HTML.
    #[arg(
        long,
        value_name = "MEMBERS",
        hide_short_help = true,
        help = "The types of bodies in Parquet, as 'name=string,tags=list<string>', or @FILE of JSON",
        long_help = SCHEMA
    )]
    pub(crate) schema: Option<String>,

    /// Rows in a part [default: 100000]
    #[arg(long, value_parser = super::values::count::<NonZeroU64>, value_name = "N", hide_short_help = true)]
    pub(crate) part_rows: Option<NonZeroU64>,

    /// Save each body to a file, as "files/{id}.bin"
    #[arg(long, value_name = "PATH")]
    pub(crate) save_to: Option<String>,

    /// Put the headers of responses into the rows
    #[arg(short, long, hide_short_help = true)]
    pub(crate) include: bool,

    /// Give responses in the order of the input
    #[arg(long, hide_short_help = true)]
    pub(crate) ordered: bool,

    /// What a resume does with requests that were sent and whose outcome nobody knows [default: keep]
    #[arg(long, value_name = "keep|resend", hide_short_help = true, value_enum)]
    pub(crate) unknown: Option<Unknown>,
}

/// A column: a member of a row, or one within it.
fn column(text: &str) -> Result<String, String> {
    let mut names = text.split('.');
    let is_known = names.next().is_some_and(|name| MEMBERS.contains(&name));
    match is_known && names.all(|name| !name.is_empty()) {
        true => Ok(text.to_owned()),
        false => Err(format!("a column is one of {}, or within it, as body.name", MEMBERS.join(", "))),
    }
}

/// The formats of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Csv,
    Parquet,
}

/// The compressions of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Compression {
    Zstd,
    Gzip,
}

/// What becomes of requests whose outcome nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unknown {
    /// They stay as they are
    Keep,
    /// They are sent again, and may be done twice
    Resend,
}

/// What is done before the flood.
#[derive(Debug, Args)]
#[command(next_help_heading = "Before the flood")]
pub(crate) struct RehearsalFlags {
    /// Check the whole input, send nothing, tell what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// With --dry-run: send so many of the GETs to tell how long it will take
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N", requires = "dry_run", hide_short_help = true)]
    pub(crate) probe: Option<NonZeroUsize>,

    /// With --probe: send requests of this method too
    #[arg(long, value_name = "METHOD", requires = "probe", hide_short_help = true)]
    pub(crate) probe_method: Vec<String>,

    /// Send so many first, and the rest only if these are good enough
    ///
    /// They are spread over the input. Nothing more is sent if more of them fail than --max-failures allows; where
    /// that is not given, if any fails.
    #[arg(long, value_parser = super::values::count::<NonZeroUsize>, value_name = "N", conflicts_with = "dry_run")]
    pub(crate) canary: Option<NonZeroUsize>,
}

/// What is shown meanwhile.
#[derive(Debug, Args)]
#[command(next_help_heading = "Display")]
pub(crate) struct DrawingFlags {
    /// What is told on stderr meanwhile: auto, bar, plain, json, none
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) progress: Option<Progress>,

    /// Tell nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Read defaults from this file [default: ~/.config/patata/config.toml]
    #[arg(long, value_name = "FILE", hide_short_help = true, value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// How it is told how far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Progress {
    /// A picture on a terminal, else lines
    Auto,
    /// A picture, five times a second
    Bar,
    /// A line every ten seconds
    Plain,
    /// A line of JSON every second
    Json,
    /// Nothing
    None,
}
