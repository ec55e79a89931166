//! What may be said on the command line, as clap reads it. What it means is `resolve`'s to say.

pub(crate) mod budget;
pub(crate) mod caching;
pub(crate) mod commands;
pub(crate) mod connections;
pub(crate) mod help;
pub(crate) mod input;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod pages;
pub(crate) mod parse;
pub(crate) mod request;
pub(crate) mod retries;
pub(crate) mod telemetry;
pub(crate) mod values;

use clap::{CommandFactory, Parser, Subcommand};

use self::budget::BudgetCommand;
use self::commands::{
    CompletionsArgs, FolderArgs, ReportArgs, RequestArgs, ResumeArgs, RetryArgs, RunArgs, ServeArgs, SetArgs,
    ShowArgs, StatusArgs,
};
use self::telemetry::LogFormat;

/// HTTP requests in bulk: any list of them in, a folder of responses out.
#[derive(Debug, Parser)]
#[command(
    name = "patata",
    version,
    propagate_version = true,
    args_override_self = true,
    infer_long_args = false,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = help::PROGRAM_EXAMPLES
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What clap is to read.
pub(crate) fn program() -> clap::Command {
    help::with_help(Arguments::command())
}

/// What the program is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a request for each row of an input
    #[command(after_help = help::RUN_EXAMPLES, after_long_help = help::RUN_EXAMPLES_AND_EXIT)]
    Run(Box<RunArgs>),
    /// Go on with a run that was interrupted or paused
    #[command(after_help = help::RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// Send again what failed in a run
    #[command(after_help = help::RETRY_EXAMPLES)]
    Retry(RetryArgs),
    /// Tell how far a run is
    #[command(after_help = help::STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Write the report of a run, a page of HTML
    Report(ReportArgs),
    /// Show what became of one request of a run
    Show(ShowArgs),
    /// Change the limits of a run that is under way
    #[command(after_help = help::SET_EXAMPLES)]
    Set(SetArgs),
    /// Have a run that is under way send nothing more, until `patata resume`
    Pause(FolderArgs),
    /// Send one GET request and print the body of the response
    #[command(after_help = help::GET_EXAMPLES)]
    Get(Box<RequestArgs>),
    /// Send one POST request and print the body of the response
    #[command(after_help = help::POST_EXAMPLES)]
    Post(Box<RequestArgs>),
    /// Send one PUT request and print the body of the response
    Put(Box<RequestArgs>),
    /// Send one PATCH request and print the body of the response
    Patch(Box<RequestArgs>),
    /// Send one DELETE request and print the body of the response
    Delete(Box<RequestArgs>),
    /// Send one HEAD request and print the headers of the response
    Head(Box<RequestArgs>),
    /// Serve on this machine what can be asked for in tests
    #[command(after_help = help::SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Hold one limit for all who share it, and tell how it is used
    #[command(
        subcommand,
        subcommand_required = true,
        arg_required_else_help = true,
        disable_help_subcommand = true,
        after_help = help::BUDGET_EXAMPLES
    )]
    Budget(BudgetCommand),
    /// Print what a shell needs to complete the arguments of this program
    #[command(after_help = help::COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

impl Command {
    /// Whether it is told as lines of JSON what happens, and whether nothing is told but errors.
    pub(crate) fn log(&self) -> (bool, bool) {
        let (telemetry, drawing) = match self {
            Self::Run(args) => (&args.telemetry, &args.drawing),
            Self::Resume(args) => (&args.telemetry, &args.drawing),
            Self::Retry(args) => (&args.telemetry, &args.drawing),
            _ => return (false, false),
        };
        (telemetry.log == Some(LogFormat::Json), drawing.quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        program().debug_assert();
    }
}
