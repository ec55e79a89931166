//! `budget serve`, one limit for all who share it, in the foreground; and `budget status`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use patata_budget::{Handle, HolderBuilder, REQUESTS, Status, Terms, status};
use patata_run::figures;

use super::print;
use crate::args::budget::{BudgetCommand, BudgetServeArgs, BudgetStatusArgs};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::log::{self, Level};
use crate::picture::harmless;
use crate::secrets::filled;
use crate::signals::{LOOK, Signals};
use crate::variables::names_variable;

/// How often the status is told by `--watch`.
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn perform(command: &BudgetCommand, environment: &Environment) -> Result<Exit, Failure> {
    match command {
        BudgetCommand::Serve(args) => serve(args, environment),
        BudgetCommand::Status(args) => show(args),
    }
}

fn serve(args: &BudgetServeArgs, environment: &Environment) -> Result<Exit, Failure> {
    // Before the line is printed, as who reads it may stop us at once.
    let signals = Signals::taken()?;
    let mut builder = HolderBuilder::new(terms(args)?);
    if let Some(address) = args.listen {
        builder = builder.listen(address);
    }
    if let Some(path) = &args.unix {
        builder = builder.unix(path);
    }
    if let Some(secret) = &args.secret {
        builder = builder.secret(known(secret, environment)?);
    }
    if let Some(path) = &args.state {
        builder = builder.state(path);
    }
    let holder = builder.serve().map_err(|error| Failure::of_budget(&error))?;
    print(&holder.handle().reveal())?;
    let mut told = None;
    while signals.come().is_none() {
        sleep(LOOK);
        let unsaved = holder.unsaved();
        if unsaved != told {
            let text = format!("patata: {}", unsaved.as_deref().unwrap_or("its state is kept again"));
            log::say(Level::Warning, "message", &text);
            told = unsaved;
        }
    }
    holder.stop();
    Ok(Exit::Ok)
}

/// What the budget allows.
fn terms(args: &BudgetServeArgs) -> Result<Terms, Failure> {
    let mut terms = Terms::new().concurrency(args.concurrency.map_or(0, u32::from));
    for rate in &args.rate {
        terms = terms.rate(REQUESTS, rate).map_err(|error| Failure::usage(format!("--rate: {error}")))?;
    }
    for budget in &args.budget {
        let (unit, rate) = budget.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--budget: write a unit and a rate, as tokens=90000/min, got {budget:?}"))
        })?;
        terms = terms.rate(unit, rate).map_err(|error| Failure::usage(format!("--budget: {error}")))?;
    }
    if terms.is_empty() {
        let fix =
            "a budget limits something: give --rate 100/s, --budget tokens=90000/min or --concurrency 50";
        return Err(Failure::usage(fix));
    }
    Ok(terms)
}

/// The secret. One that stands on the command line is seen by all who list processes.
fn known(secret: &str, environment: &Environment) -> Result<String, Failure> {
    if !names_variable(secret) {
        return Err(Failure::usage(
            "--secret: a secret on the command line is seen by others; write --secret env:NAME, with it in that variable",
        ));
    }
    filled("--secret", secret, environment, str::to_owned)
}

fn show(args: &BudgetStatusArgs) -> Result<Exit, Failure> {
    let signals = Signals::taken()?;
    let handle: Handle = args.handle.parse().map_err(|error| Failure::of_budget(&error))?;
    loop {
        let told = status(&handle).map_err(|error| Failure::of_budget(&error))?;
        print(&if args.json { json(&told)? } else { text(&handle, &told) })?;
        let next = Instant::now() + SECOND;
        while args.watch && signals.come().is_none() && Instant::now() < next {
            sleep(LOOK);
        }
        if !args.watch || signals.come().is_some() {
            return Ok(Exit::Ok);
        }
    }
}

fn json(status: &Status) -> Result<String, Failure> {
    serde_json::to_string(status).map_err(|cause| Failure::local(format!("the status is no JSON: {cause}")))
}

/// As a person reads it: the whole, then a line for each who shares it.
fn text(handle: &Handle, status: &Status) -> String {
    let mut lines = vec![format!("{}: {}", handle.address(), status.terms)];
    if status.paused_s > 0.0 {
        lines.push(format!("all servers are left alone for {:.1} s", status.paused_s));
    }
    lines.extend(
        status
            .left_alone
            .iter()
            .map(|(host, left)| format!("{} is left alone for {left:.1} s", harmless(host))),
    );
    lines.extend(status.unsaved.iter().map(|why| harmless(why)));
    for unit in &status.units {
        lines.push(format!(
            "{}: {} used, {} in the last second, {} waiting",
            unit.unit,
            figures::count(unit.used),
            figures::count(unit.last_second),
            figures::count(unit.waiting),
        ));
    }
    if let Some(most) = status.concurrency {
        let held: u32 = status.sharers.iter().map(|sharer| sharer.holds).sum();
        lines.push(format!("in flight: {held} of {most} permits"));
    }
    if status.sharers.is_empty() {
        lines.push("nobody shares it now".to_owned());
    }
    for sharer in &status.sharers {
        let units = status.units.iter().zip(&sharer.units);
        let mut parts: Vec<String> =
            units.map(|(unit, (used, _))| format!("{} {}", figures::count(*used), unit.unit)).collect();
        if status.concurrency.is_some() {
            parts.push(format!("{} permits", sharer.holds));
        }
        let lost = if sharer.connected { "" } else { ", gone" };
        let weight = if (sharer.weight - 1.0).abs() < 1e-9 {
            String::new()
        } else {
            format!(", weight {}", sharer.weight)
        };
        lines.push(format!("  {}: {}{weight}{lost}", harmless(&sharer.name), parts.join(", ")));
    }
    lines.join("\n")
}
