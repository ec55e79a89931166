//! What each command does.

mod budget;
mod complete;
mod control;
mod dry_run;
mod flow;
mod look;
mod one;
mod paged;
mod resume;
mod run;
mod serve;

use std::io::{self, Write};

use patata::Method;

use crate::args::Command;
use crate::args::parse::Parsed;
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::log::{self, Level};

/// Does what was said.
///
/// # Errors
/// Why it cannot be done.
pub(crate) fn perform(parsed: Parsed, environment: &Environment) -> Result<Exit, Failure> {
    let (is_json, is_quiet) = parsed.arguments.command.log();
    log::configure(is_json, is_quiet);
    match parsed.arguments.command {
        Command::Run(args) => run::perform(&args, &parsed.normalised, environment),
        Command::Resume(args) => resume::perform(args, environment),
        Command::Retry(args) => resume::retry(args, environment),
        Command::Status(args) => look::status(&args, environment),
        Command::Report(args) => look::report(&args),
        Command::Show(args) => look::show(&args),
        Command::Get(args) => one::perform(&args, Method::GET, environment),
        Command::Post(args) => one::perform(&args, Method::POST, environment),
        Command::Put(args) => one::perform(&args, Method::PUT, environment),
        Command::Patch(args) => one::perform(&args, Method::PATCH, environment),
        Command::Delete(args) => one::perform(&args, Method::DELETE, environment),
        Command::Head(args) => one::perform(&args, Method::HEAD, environment),
        Command::Serve(args) => serve::perform(&args),
        Command::Budget(command) => budget::perform(&command, environment),
        Command::Completions(args) => complete::completions(args.shell),
        Command::Man => complete::man(),
        Command::Set(args) => control::set(&args),
        Command::Pause(args) => control::pause(&args),
    }
}

/// Prints a line on stdout. A reader who has left is no failure.
fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    Failure::of_stdout(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Says something to who runs it, unless that is not wanted.
fn say(quiet: bool, text: &str) {
    if !quiet {
        log::say(Level::Info, "message", text);
    }
}
