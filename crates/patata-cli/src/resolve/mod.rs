//! From what was said to what is to be done: the client, the rows, the requests made of them, what is written.

mod caching;
mod client;
mod costs;
mod folder;
mod one;
mod paths;
mod schema;
mod template;

pub(crate) use caching::distinct;
pub(crate) use costs::Settling;
pub(crate) use folder::{manifest, output, record_options};
pub(crate) use one::One;
pub(crate) use paths::stored;

use std::sync::Arc;

use patata::{Client, MaxFailures};

use crate::args::commands::RunArgs;
use crate::args::input::Form;
use crate::args::output::Format;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::{Input, InputFormat, InputOptions, Source, Template};
use crate::paging::Paging;
use crate::redaction::Redaction;
use crate::reporting::Reporting;
use crate::secrets;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) client: Client,
    /// Where answers say what they have cost.
    pub(crate) settling: Arc<Settling>,
    pub(crate) sources: Vec<Source>,
    pub(crate) input: InputOptions,
    pub(crate) template: Template,
    pub(crate) max_failures: Option<MaxFailures>,
    /// Bytes of bodies in a second.
    pub(crate) limit_rate: Option<usize>,
    /// Where responses are pages.
    pub(crate) paging: Option<Paging>,
    /// What is kept out of rows.
    pub(crate) redaction: Redaction,
    /// Who else is told of it, once it has begun.
    pub(crate) reporting: Reporting,
}

/// What a run is to do.
///
/// # Errors
/// The first thing that cannot be done, by its flag.
pub(crate) fn run(args: &RunArgs, environment: &Environment) -> Result<Plan, Failure> {
    let (files, url) = sources(args)?;
    url.as_deref().map_or(Ok(()), secrets::refuse_variables_in_url)?;
    if args.output.output.is_some() {
        secrets::refuse_plain(args, url.as_deref(), template::body(&args.request)?.as_ref())?;
        let is_table = matches!(args.output.format, Some(Format::Csv | Format::Parquet));
        if !args.output.columns.is_empty() && !is_table {
            return Err(Failure::usage(
                "--columns is for CSV and Parquet, and a row of JSONL has all members; add --format csv or --format \
                 parquet",
            ));
        }
        if args.output.schema.is_some() && args.output.format != Some(Format::Parquet) {
            return Err(Failure::usage(
                "--schema is for Parquet, and other formats have bodies as they came; add --format parquet",
            ));
        }
    } else {
        refuse_of_folders(args)?;
    }
    refuse_with_pages(args)?;
    let template = template::template(&args.request, url, args, environment)?;
    let (client, settling) = client::for_run(args, environment)?;
    let required = template.fields().cloned().collect();
    let format = args.input.input_format.map(format);
    let sources: Vec<_> = files.into_iter().map(Source::new).collect();
    let input = InputOptions { format, required, ..InputOptions::default() };
    look_at(&sources, &input)?;
    Ok(Plan {
        client,
        settling,
        sources,
        input,
        template,
        max_failures: args.failures.max_failures.map(|budget| budget.0),
        limit_rate: args.limits.limit_rate,
        paging: Paging::of(&args.pages, &args.request.params),
        redaction: Redaction::of(&args.request.params),
        reporting: Reporting::default(),
    })
}

/// What is wrong with the beginning of an input, told before anything is begun; of a pipe it is told later.
fn look_at(sources: &[Source], options: &InputOptions) -> Result<(), Failure> {
    let mut input = Input::open(sources.to_vec(), options.clone()).map_err(Failure::of_input)?;
    match sources.iter().all(Source::is_regular) {
        true => input.prepare().map_err(Failure::of_input),
        false => Ok(()),
    }
}

/// The files, and the URL that is for all rows.
pub(crate) fn sources(args: &RunArgs) -> Result<(Vec<String>, Option<String>), Failure> {
    let mut files = args.input.rows.clone();
    if let Some(url) = &args.input.url {
        return Ok((files, Some(url.clone())));
    }
    let is_url =
        |text: &String| (text.contains("://") || text.contains('{')) && !std::path::Path::new(text).exists();
    let url = files.pop_if(|last| is_url(last));
    match url {
        Some(url) if files.is_empty() => Err(Failure::usage(format!(
            "{url:?} is a URL where the input should be; for one request: patata get {url}; for many: patata run \
             FILE {url}, or - for what is piped in"
        ))),
        url => Ok((files, url)),
    }
}

/// Whether the last of the arguments without a name is a URL.
pub(crate) fn has_url(args: &RunArgs) -> bool {
    args.input.url.is_none() && sources(args).is_ok_and(|(_, url)| url.is_some())
}

/// Refuses what pages cannot be had with.
fn refuse_with_pages(args: &RunArgs) -> Result<(), Failure> {
    let flags = &args.pages;
    let flag = match (&flags.pages, &flags.items) {
        (Some(_), _) => "--pages",
        (None, Some(_)) => "--items",
        (None, None) => return Ok(()),
    };
    if args.output.save_to.is_some() {
        return Err(Failure::usage(format!(
            "{flag}: what is on a page is looked for in its body, which --save-to puts into a file; leave one out"
        )));
    }
    let is_table = !matches!(args.output.format, None | Some(Format::Jsonl));
    if flags.items.is_some() && is_table {
        return Err(Failure::usage(
            "--items: items are written as JSONL; leave --format out, and turn the finished parts into what you like",
        ));
    }
    let body = template::body(&args.request)?;
    if flags.pages.is_some() && body.is_some_and(|body| body.names_variables()) {
        return Err(Failure::usage(
            "--pages: the body names an environment variable, which would be lost on the way to the next page; give it in \
             a header (-H), or as a parameter (--param)",
        ));
    }
    Ok(())
}

fn refuse_of_folders(args: &RunArgs) -> Result<(), Failure> {
    let output = &args.output;
    let given = [
        ("--format", output.format.is_some()),
        ("--compress", output.compress.is_some()),
        ("--columns", !output.columns.is_empty()),
        ("--schema", output.schema.is_some()),
        ("--part-rows", output.part_rows.is_some()),
        ("--unknown", output.unknown.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Failure::usage(format!(
            "{flag} is for run folders, and rows on stdout are JSONL; name a folder with -o, or leave {flag} out"
        ))),
        None => Ok(()),
    }
}

fn format(form: Form) -> InputFormat {
    match form {
        Form::Lines => InputFormat::Lines,
        Form::Jsonl => InputFormat::Jsonl,
        Form::Csv => InputFormat::Csv,
        Form::Tsv => InputFormat::Tsv,
        Form::Parquet => InputFormat::Parquet,
    }
}
