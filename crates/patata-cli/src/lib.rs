//! patata on the command line: what is said is parsed, resolved, run and printed, in that order. No policy is made here.

use std::ffi::OsString;

mod args;
mod commands;
mod config;
mod display;
mod environment;
mod exit;
pub mod input;
mod log;
mod paging;
mod picture;
mod redaction;
mod reporting;
mod resolve;
mod secrets;
mod shell;
mod signals;
mod similar;
mod variables;

use args::parse::Refused;
use environment::Environment;
use exit::{Exit, Failure};
use log::Level;

/// The program, given its arguments with its own name first. Gives what the process should end with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    perform(arguments) as u8
}

fn perform(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    signals::outlive_file_size_limit();
    let environment = Environment::of_process();
    let failure = match args::parse::parse(arguments, &environment) {
        Ok(parsed) => match commands::perform(parsed, &environment) {
            Ok(exit) => return exit,
            Err(failure) => failure,
        },
        Err(Refused::Failure(failure)) => failure,
        Err(Refused::Usage(error)) => {
            let printed = error.print();
            if error.use_stderr() {
                return Exit::Usage;
            }
            match Failure::of_stdout(printed) {
                Ok(()) => return Exit::Ok,
                Err(failure) => failure,
            }
        }
    };
    tell(&failure);
    failure.exit
}

/// Says why it cannot be done.
fn tell(failure: &Failure) {
    log::say(Level::Error, "error", &failure.message);
}
