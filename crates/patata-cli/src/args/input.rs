//! Flags of what is read.

use clap::Args;

/// Where rows come from, and what they are taken for.
#[derive(Debug, Args)]
pub(crate) struct InputFlags {
    /// Files of rows, or - for stdin; then the URL with {fields} of the row
    ///
    /// A file has URLs, one a line; requests as JSONL (url, id, method, headers, params, json, form, content, and any
    /// other field for the URL to name); or CSV or TSV with a header. All of these may be packed with gzip or zstd. Or it
    /// is Parquet, whose columns are fields, and user.id what is within one. What comes last is the URL, if it has :// or a {field} in it. Rows that have their own need none.
    #[arg(value_name = "IN... [URL]", required = true, num_args = 1.., value_hint = clap::ValueHint::FilePath)]
    pub(crate) rows: Vec<String>,

    /// The field that a row is known by [default: its place, in JSONL id]
    #[arg(long, value_name = "FIELD", help_heading = "Input")]
    pub(crate) id: Option<String>,

    /// The form of the rows [default: what the file's name or beginning says]
    #[arg(long, value_name = "FORM", help_heading = "Input", hide_short_help = true, value_enum)]
    pub(crate) input_format: Option<Form>,

    /// The URL, whatever it looks like
    #[arg(long, value_name = "URL", help_heading = "Input", hide_short_help = true)]
    pub(crate) url: Option<String>,
}

/// The forms that rows may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    Lines,
    Jsonl,
    Csv,
    Tsv,
    Parquet,
}
