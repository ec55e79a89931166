//! What is written down of a run, and how.

use patata_run::{Compression, Format, Identity, Manifest, OutputOptions, RecordOptions, Unknown};

use crate::args::commands::RunArgs;
use crate::args::output;
use crate::exit::Failure;
use crate::resolve::schema::schema;

/// What a folder says of its run. `stored` are the arguments by which another process goes on.
pub(crate) fn manifest(stored: Vec<String>, output: OutputOptions) -> Manifest {
    let mut manifest = Manifest::new("patata");
    for argument in stored.iter().filter_map(|argument| argument.strip_prefix("--")) {
        let (name, value) = argument.split_once('=').unwrap_or((argument, "true"));
        if !name.is_empty() {
            let value = serde_json::Value::from(value);
            // What is given several times is a list.
            match manifest.options.entry(name.replace('-', "_")) {
                std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(value)),
                std::collections::btree_map::Entry::Occupied(mut entry) => match entry.get_mut() {
                    serde_json::Value::Array(values) => values.push(value),
                    one => *one = vec![one.take(), value].into(),
                },
            }
        }
    }
    manifest.arguments = std::iter::once("run".to_owned()).chain(stored).collect();
    manifest.output = output;
    manifest
}

/// How responses are written.
///
/// # Errors
/// What they cannot be written as.
pub(crate) fn output(args: &RunArgs) -> Result<OutputOptions, Failure> {
    let flags = &args.output;
    let mut output = OutputOptions::default();
    output.format = match flags.format {
        Some(output::Format::Csv) => Format::Csv,
        Some(output::Format::Parquet) => Format::Parquet,
        Some(output::Format::Jsonl) | None => Format::Jsonl,
    };
    output.compression = match flags.compress {
        Some(output::Compression::Zstd) => Compression::Zstd,
        Some(output::Compression::Gzip) => Compression::Gzip,
        None => Compression::None,
    };
    if let Some(rows) = flags.part_rows {
        output.part_rows = rows.get();
    }
    output.columns = flags.columns.clone();
    output.schema = flags.schema.as_deref().map(schema).transpose()?;
    output.headers = flags.include;
    output.items = args.pages.items.is_some();
    output.check().map_err(Failure::of_run)?;
    Ok(output)
}

/// How it is recorded. The input is checked by what stands in it, so that its rows are known by their places.
pub(crate) fn record_options(args: &RunArgs) -> RecordOptions {
    let mut options = RecordOptions::default();
    options.identity = Identity::Position;
    options.idempotency_keys = args.retries.idempotency_key;
    options.unknown = match args.output.unknown {
        Some(output::Unknown::Resend) => Unknown::Resend,
        Some(output::Unknown::Keep) | None => Unknown::Keep,
    };
    options
}
