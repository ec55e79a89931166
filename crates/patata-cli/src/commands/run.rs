//! `run`, and what `resume` and `retry` have in common with it.

use std::path::Path;

use patata_run::{FoundRequests, Gate, LimitsNow, Recording, RunFolder, Statistics, Tick};

use super::flow::count::Total;
use super::flow::joining::Joining;
use super::flow::sink::Sink;
use super::flow::stdout::Stdout;
use super::flow::{Ended, Flow, Outflow};
use super::{dry_run, say};
use crate::args::commands::RunArgs;
use crate::args::limits::LimitFlags;
use crate::args::output::DrawingFlags;
use crate::args::telemetry::TelemetryFlags;
use crate::args::values::Concurrency;
use crate::display::{self, Display};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::paging::Paging;
use crate::reporting::Reporting;
use crate::resolve::{self, Plan};
use crate::shell::quoted_path;
use crate::signals::Signals;

pub(super) fn perform(
    args: &RunArgs,
    normalised: &[String],
    environment: &Environment,
) -> Result<Exit, Failure> {
    let mut plan = resolve::run(args, environment)?;
    let output = resolve::output(args)?;
    if args.rehearsal.dry_run {
        return dry_run::perform(&plan, args);
    }
    report(&mut plan, &args.telemetry, environment)?;
    match &args.output.output {
        None => to_stdout(plan, args, environment),
        Some(folder) => {
            let stored = resolve::stored(normalised, resolve::has_url(args));
            let manifest = resolve::manifest(stored, output);
            let options = resolve::record_options(args);
            let recording = RunFolder::create(folder, manifest, options).map_err(Failure::of_run)?;
            to_folder(plan, args, folder, recording, environment)
        }
    }
}

/// Begins to tell of a run whoever the flags name.
///
/// # Errors
/// What is wrong with these flags.
pub(super) fn report(
    plan: &mut Plan,
    flags: &TelemetryFlags,
    environment: &Environment,
) -> Result<(), Failure> {
    plan.reporting = Reporting::begin(flags, &mut plan.client, environment)?;
    Ok(())
}

fn to_stdout(mut plan: Plan, args: &RunArgs, environment: &Environment) -> Result<Exit, Failure> {
    if args.distinct.distinct {
        plan.client = resolve::distinct(&plan.client, None)?;
    }
    let stdout = Stdout::new(args.output.include, Statistics::new(display::now()));
    let flow = flow(&mut plan, args, Sink::Stdout(Box::new(stdout)), (None, None), environment)?;
    let canary = args.rehearsal.canary.map(usize::from);
    let Outflow { ended, ending, mut sink, display, submitted, cached, limits } = flow.run(&plan, canary)?;
    let tick = sink.tick(None, &limits, None);
    let mut summary = sink.statistics().summary();
    summary.cancelled = submitted.saturating_sub(summary.done());
    summary.submitted = submitted;
    summary.total = ending.total;
    summary.stopped = ending.stopped;
    // Of an input that cannot be read there is nothing to draw.
    if !matches!(ended, Ended::Failed(_)) || submitted > 0 {
        display.finish(&tick, &summary);
    }
    cached.lines().iter().for_each(|line| say(args.drawing.quiet, line));
    exit(ended, summary.failed, 0)
}

/// Goes on with a run in its folder, or begins it there.
pub(super) fn to_folder(
    mut plan: Plan,
    args: &RunArgs,
    folder: &Path,
    recording: Recording,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let Recording { gate, recorder, input, found, .. } = recording;
    input::verify(&plan.sources, &input).map_err(Failure::of_input)?;
    plan.input.earlier = input;
    if args.distinct.distinct {
        plan.client = resolve::distinct(&plan.client, Some(folder))?;
    }
    let flow =
        flow(&mut plan, args, Sink::Folder(Box::new(recorder)), (Some(gate), Some(found)), environment)?;
    let canary = args.rehearsal.canary.map(usize::from);
    let quiet = args.drawing.quiet;
    let Outflow { ended, mut ending, sink, display, submitted, cached, limits } =
        match flow.run(&plan, canary) {
            Ok(outflow) => outflow,
            Err(failure) => return Ok(refused_by_disk(quiet, folder, &failure)),
        };
    let Sink::Folder(recorder) = sink else { return exit(ended, 0, 0) };
    let left = recorder.left();
    let is_left = !matches!(ended, Ended::Over) || ending.cancelled > 0 || left > 0;
    ending.next = is_left.then(|| match ended {
        // To go on would be refused again, until the canary is better.
        Ended::Refused(_) => next("retry", folder, ""),
        _ => next("resume", folder, ""),
    });
    let tick = recorder.statistics().peek(display::now(), None, &limits);
    let summary = match recorder.finish(&ending).map_err(Failure::of_run) {
        Ok(summary) => summary,
        Err(failure) => return Ok(refused_by_disk(quiet, folder, &failure)),
    };
    // The folder counts each request once, however often it was sent.
    let tick = Tick { done: summary.done(), ok: summary.ok, failed: summary.failed, ..tick };
    display.finish(&tick, &summary);
    cached.lines().iter().for_each(|line| say(quiet, line));
    if submitted == 0 && matches!(ended, Ended::Over) && summary.unknown == 0 {
        say(quiet, &format!("nothing is left to do: {} ok, {} failed", summary.ok, summary.failed));
    }
    let last = match (&ending.next, summary.unknown, summary.failed) {
        (Some(next), ..) => next.clone(),
        (None, 1.., _) => next("resume", folder, " --unknown resend"),
        (None, 0, 1..) => next("retry", folder, ""),
        (None, 0, 0) => next("report", folder, ""),
    };
    // What failed is told before, so that the command stays the last line.
    if let Ended::Failed(failure) = &ended {
        crate::tell(failure);
    }
    say(quiet, &last);
    match ended {
        Ended::Failed(failure) => Ok(failure.exit),
        // The deadline came when all of the input had been taken.
        Ended::Over if left > 0 => Ok(Exit::Stopped),
        Ended::Over if submitted == 0 && summary.unknown == 0 => Ok(Exit::Ok),
        ended => exit(ended, summary.failed, summary.unknown),
    }
}

/// Tells what the disk has refused, and by which command the run goes on once that is mended.
pub(super) fn refused_by_disk(quiet: bool, folder: &Path, failure: &Failure) -> Exit {
    crate::tell(failure);
    say(quiet, &next("resume", folder, ""));
    failure.exit
}

/// The command that goes on.
fn next(command: &str, folder: &Path, options: &str) -> String {
    format!("patata {command} {}{options}", quoted_path(folder))
}

fn flow(
    plan: &mut Plan,
    args: &RunArgs,
    sink: Sink,
    (gate, found): (Option<Gate>, Option<FoundRequests>),
    environment: &Environment,
) -> Result<Flow, Failure> {
    let signals = Signals::taken()?;
    let display = Display::new(&args.drawing, environment, matches!(sink, Sink::Stdout(_)));
    // Others may look at a run in a folder, even where nothing is drawn here.
    let is_wanted = display.is_visible() || args.output.output.is_some();
    let follows = plan.paging.as_ref().is_some_and(Paging::follows);
    let total = match is_wanted && !follows {
        true => Total::counted(&plan.sources, &plan.input),
        false => Total::unknown(),
    };
    let limits = limits_now(&args.limits);
    let folder = args.output.output.clone();
    Ok(Flow {
        sink,
        folder,
        gate,
        joining: plan.paging.clone().map(|paging| Joining::new(paging, found)),
        display,
        signals,
        total,
        limits_of_plan: limits.clone(),
        limits,
        has_told_misses: false,
        reporting: std::mem::take(&mut plan.reporting),
    })
}

/// What the process ends with, in the order of what matters most.
fn exit(ended: Ended, failed: u64, unknown: u64) -> Result<Exit, Failure> {
    Ok(match ended {
        Ended::Failed(failure) => return Err(failure),
        Ended::Signal(exit) => exit,
        Ended::Stopped(patata::Stop::CannotStart(cause)) => {
            return Err(Failure::local(format!("no event loop could be started: {cause}")));
        }
        Ended::Stopped(_) | Ended::Refused(_) => Exit::Stopped,
        Ended::ReaderLeft => Exit::Ok,
        Ended::Over if unknown > 0 => Exit::Unknown,
        Ended::Over if failed > 0 => Exit::Failed,
        Ended::Over => Exit::Ok,
    })
}

/// The limits as the picture shows them.
fn limits_now(flags: &LimitFlags) -> LimitsNow {
    LimitsNow {
        rate: flags.rate.clone(),
        rate_per_host: flags.rate_per_host.clone(),
        budget: flags.budgets.own().map(ToString::to_string).collect(),
        budget_per_host: flags.budget_per_host.iter().map(ToString::to_string).collect(),
        concurrency: match flags.concurrency {
            Some(Concurrency::Count(count)) => Some(count),
            Some(Concurrency::Auto) | None => None,
        },
        concurrency_per_host: flags.concurrency_per_host.map(usize::from),
        paused: false,
    }
}

/// What a later command says in the place of what the run was begun with.
pub(super) fn overlay(
    args: &mut RunArgs,
    limits: LimitFlags,
    telemetry: TelemetryFlags,
    drawing: DrawingFlags,
) {
    let LimitFlags {
        concurrency,
        concurrency_per_host,
        rate,
        rate_per_host,
        no_learn_limits,
        budgets,
        budget_per_host,
        limit_rate,
        workers,
        queue_max_size,
    } = limits;
    let own = &mut args.limits;
    own.concurrency = concurrency.or(own.concurrency);
    own.concurrency_per_host = concurrency_per_host.or(own.concurrency_per_host);
    own.limit_rate = limit_rate.or(own.limit_rate);
    own.workers = workers.or(own.workers);
    own.no_learn_limits |= no_learn_limits;
    own.queue_max_size = queue_max_size.or(own.queue_max_size);
    if !rate.is_empty() {
        own.rate = rate;
    }
    if !rate_per_host.is_empty() {
        own.rate_per_host = rate_per_host;
    }
    own.budgets.overlay(budgets);
    if !budget_per_host.is_empty() {
        own.budget_per_host = budget_per_host;
    }
    args.telemetry = telemetry;
    args.drawing = drawing;
}
