//! `resume` and `retry`: another process goes on with a run.

use std::path::Path;

use patata::ErrorKind;
use patata_run::{Manifest, RunError, RunFolder, Selection, Writers};

use super::flow::changed::PAGE;
use super::{control, print, run, say};
use crate::args::Command;
use crate::args::commands::{ResumeArgs, RetryArgs, RunArgs};
use crate::args::parse::{Refused, parse_again};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::resolve::{self, Plan};
use crate::similar::nearest;

pub(super) fn perform(resume: ResumeArgs, environment: &Environment) -> Result<Exit, Failure> {
    let folder = resume.folder.folder;
    if is_of_cluster(&folder)? {
        return Err(Failure::usage(format!("{}: {GO_ON}", folder.display())));
    }
    let mut args = args_of(&folder)?;
    args.output.unknown = resume.unknown.or(args.output.unknown);
    run::overlay(&mut args, resume.limits, resume.telemetry, resume.drawing);
    // Before the folder is touched, so that what is wrong changes nothing in it.
    let mut plan = resolve::run(&args, environment)?;
    run::report(&mut plan, &args.telemetry, environment)?;
    go_on(plan, &args, &folder, environment)
}

pub(super) fn retry(retry: RetryArgs, environment: &Environment) -> Result<Exit, Failure> {
    let folder = retry.folder.folder;
    let selection = Selection {
        statuses: retry.status.map(|statuses| statuses.0).unwrap_or_default(),
        kinds: retry.kind.iter().map(|name| kind(name)).collect::<Result<_, _>>()?,
        unknown: retry.unknown,
        failed: true,
    };
    if is_of_cluster(&folder)? {
        return mark(&folder, &selection);
    }
    let mut args = args_of(&folder)?;
    run::overlay(&mut args, retry.limits, retry.telemetry, retry.drawing);
    let mut plan = resolve::run(&args, environment)?;
    run::report(&mut plan, &args.telemetry, environment)?;
    match RunFolder::retry(&folder, &selection).map_err(Failure::of_run)? {
        0 => {
            say(args.drawing.quiet, "no request of the run is to be sent again");
            Ok(Exit::Ok)
        }
        _ => go_on(plan, &args, &folder, environment),
    }
}

/// What is left to whoever has begun the run of a cluster.
const GO_ON: &str = "the workers of a cluster write to it; the job that began it goes on with it: run that again, with the same folder";

/// Whether the workers of a cluster write to a folder.
fn is_of_cluster(folder: &Path) -> Result<bool, Failure> {
    let run = RunFolder::open(folder).map_err(Failure::of_run)?;
    Ok(run.manifest().writers == Writers::Many)
}

/// Marks what is to be sent again by the next session of a cluster.
fn mark(folder: &Path, selection: &Selection) -> Result<Exit, Failure> {
    let marked = RunFolder::retry(folder, selection).map_err(Failure::of_run)?;
    print(&format!("{marked} requests are to be sent again. {}: {GO_ON}", folder.display()))?;
    Ok(Exit::Ok)
}

fn go_on(plan: Plan, args: &RunArgs, folder: &Path, environment: &Environment) -> Result<Exit, Failure> {
    let recording = match RunFolder::resume(folder, resolve::record_options(args)) {
        Err(locked @ RunError::Locked { .. }) => return unpaused(folder, locked),
        Err(refused @ RunError::Io { .. }) => {
            return Ok(run::refused_by_disk(args.drawing.quiet, folder, &Failure::of_run(refused)));
        }
        recording => recording.map_err(Failure::of_run)?,
    };
    run::to_folder(plan, args, folder, recording, environment)
}

/// Another process is at the run: it goes on, if it is paused, and is left alone otherwise.
fn unpaused(folder: &Path, locked: RunError) -> Result<Exit, Failure> {
    match control::unpause(folder) {
        Ok(true) => {
            print(&format!("{} goes on", folder.display()))?;
            Ok(Exit::Ok)
        }
        _ => Err(Failure::of_run(locked)),
    }
}

/// The arguments that the run was begun with.
fn args_of(folder: &Path) -> Result<RunArgs, Failure> {
    let run = RunFolder::open(folder).map_err(Failure::of_run)?;
    let manifest = run.manifest();
    let mut args = parsed(manifest, folder)?;
    args.output.output = Some(folder.to_owned());
    Ok(args)
}

fn parsed(manifest: &Manifest, folder: &Path) -> Result<RunArgs, Failure> {
    let place = folder.display();
    if manifest.program != "patata" {
        return Err(Failure::usage(format!(
            "{place} was begun by {}, not by this program; go on with it there",
            manifest.program
        )));
    }
    let command = match parse_again(&manifest.arguments) {
        Ok(arguments) => arguments.command,
        Err(Refused::Failure(failure)) => return Err(failure),
        Err(Refused::Usage(error)) => {
            return Err(Failure::usage(format!(
                "{place}/manifest.json has arguments that are not understood: {error}"
            )));
        }
    };
    match command {
        Command::Run(args) => Ok(*args),
        _ => Err(Failure::usage(format!(
            "{place}/manifest.json has the arguments of another command than run"
        ))),
    }
}

/// The name of a kind of error, by how a user writes it.
fn kind(name: &str) -> Result<String, Failure> {
    if name == PAGE {
        return Ok(PAGE.to_owned());
    }
    if let Some(known) = ErrorKind::from_name(name) {
        return Ok(known.name().to_owned());
    }
    let names = ErrorKind::ALL.map(ErrorKind::name);
    let written = name.to_lowercase().replace(['-', '_'], " ");
    let hint = nearest(&written, names.into_iter()).map(|known| format!("; did you mean {known:?}?"));
    Err(Failure::usage(format!(
        "--kind: {name:?} is no kind of error{}; there are {}",
        hint.unwrap_or_default(),
        names.join(", ")
    )))
}
