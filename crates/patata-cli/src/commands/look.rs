//! Looks into a run folder: `status`, `report`, `show`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use patata_run::{RunFolder, Summary, Tick, Writers, figures, recent_ticks};
use serde_json::{Value, json};

use super::say;
use crate::args::commands::{ReportArgs, ShowArgs, StatusArgs};
use crate::args::output::DrawingFlags;
use crate::display::{Display, Due};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::picture::{self, Scene, harmless};
use crate::shell::quoted_path;
use crate::signals::Signals;

/// How often a run elsewhere is looked at: it writes once a second.
const LOOK: Duration = Duration::from_millis(500);

pub(super) fn status(args: &StatusArgs, environment: &Environment) -> Result<Exit, Failure> {
    let path = &args.folder.folder;
    let folder = RunFolder::open(path).map_err(Failure::of_run)?;
    if args.watch {
        watch(&folder, args.json, environment)?;
    }
    let is_running = folder.is_running();
    let summary = summary(&folder, is_running)?;
    let tick = last_tick(path)?;
    if args.json {
        return print_json(&status_json(&summary, tick.as_ref(), is_running));
    }
    Failure::of_stdout(print_status(&folder, &summary, tick.as_ref(), is_running))?;
    Ok(Exit::Ok)
}

/// The run in sum. One that did not end in order has accounts that are a second old, or none: its ledger tells.
fn summary(folder: &RunFolder, is_running: bool) -> Result<Summary, Failure> {
    let written = folder.summary().map_err(Failure::of_run)?;
    let is_true = |summary: &Summary| is_running || summary.ended.is_some();
    if let Some(summary) = written.as_ref().filter(|summary| is_true(summary)) {
        return Ok(summary.clone());
    }
    let (ended, failed, unknown) = folder.counts().map_err(Failure::of_run)?;
    Ok(Summary {
        ok: ended.saturating_sub(failed),
        failed,
        unknown,
        submitted: ended + unknown,
        ..written.unwrap_or_default()
    })
}

/// The run in sum, whether a process is at it, and its last second.
fn status_json(summary: &Summary, tick: Option<&Tick>, is_running: bool) -> Value {
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    if let Value::Object(members) = &mut value {
        members.insert("running".to_owned(), json!(is_running));
        members.insert("done".to_owned(), json!(summary.done()));
        members.insert("now".to_owned(), json!(tick.filter(|_| is_running)));
    }
    value
}

fn print_json(value: &Value) -> Result<Exit, Failure> {
    Failure::of_stdout(writeln!(io::stdout().lock(), "{value}"))?;
    Ok(Exit::Ok)
}

fn print_status(run: &RunFolder, summary: &Summary, tick: Option<&Tick>, is_running: bool) -> io::Result<()> {
    let path = run.path();
    let state = match (is_running, summary.ended, &summary.next, &summary.stopped) {
        (true, ..) => "under way",
        (false, None, _, Some(_)) => "has ended, as its disk failed",
        // Where not even that could be written.
        (false, None, _, None) => "was killed, or its disk failed",
        (false, Some(_), Some(_), _) => "was interrupted",
        (false, Some(_), None, _) => "is over",
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{} {state}", path.display())?;
    let total = summary.total.map(|total| format!(" of {}", figures::count(total))).unwrap_or_default();
    writeln!(
        out,
        "{}{total} done: {} ok, {} failed, {} unknown",
        figures::count(summary.done()),
        figures::count(summary.ok),
        figures::count(summary.failed),
        figures::count(summary.unknown),
    )?;
    if let Some(costs) = summary.costs.told() {
        writeln!(out, "cost {}", harmless(&costs))?;
    }
    for cluster in &summary.clusters {
        let what = cluster
            .status
            .map_or_else(|| cluster.kind.clone().unwrap_or_default(), |status| status.to_string());
        writeln!(
            out,
            "  {} × {what} from {} {}",
            figures::count(cluster.count),
            cluster.host,
            harmless(&cluster.message)
        )?;
    }
    if let Some(stopped) = &summary.stopped {
        writeln!(out, "stopped: {}", harmless(stopped))?;
    }
    if let Some(now) = tick.filter(|_| is_running) {
        let ticks = std::slice::from_ref(now);
        writeln!(out, "{}", picture::line(&Scene { ticks, now, summary, is_over: false }))?;
    }
    let folder = quoted_path(path);
    match () {
        () if is_running => writeln!(out, "patata status {folder} --watch"),
        () if run.manifest().writers == Writers::Many && summary.ended.is_none() => {
            writeln!(out, "run the job of the cluster again, with the same folder: it goes on")
        }
        () if summary.ended.is_none() || summary.next.is_some() => writeln!(out, "patata resume {folder}"),
        () if summary.unknown > 0 => writeln!(out, "patata resume {folder} --unknown resend"),
        () if summary.failed > 0 => writeln!(out, "patata retry {folder}"),
        () => writeln!(out, "patata report {folder}"),
    }
}

/// Shows the picture of a run elsewhere, until it ends or somebody has seen enough.
fn watch(folder: &RunFolder, as_json: bool, environment: &Environment) -> Result<(), Failure> {
    let signals = Signals::taken()?;
    let flags = DrawingFlags { progress: None, quiet: as_json, config: None };
    let mut display = Display::new(&flags, environment, false);
    let mut last = 0.0;
    while folder.is_running() && signals.come().is_none() {
        let tick = last_tick(folder.path())?;
        if let (Some(tick), Some(summary)) = (tick, folder.summary().map_err(Failure::of_run)?)
            && tick.time > last
        {
            last = tick.time;
            match as_json {
                true => drop(print_json(&status_json(&summary, Some(&tick), true))?),
                false => display.show(Due::Tick, tick, &summary),
            }
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// The last second of the timeline, which may be long. None before the first.
fn last_tick(folder: &Path) -> Result<Option<Tick>, Failure> {
    let path = folder.join("timeline.jsonl");
    match File::open(&path).and_then(|file| recent_ticks(file, 1)) {
        Ok(mut ticks) => Ok(ticks.pop()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Failure::file("reading", &path, cause)),
    }
}

pub(super) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open(&args.folder.folder).map_err(Failure::of_run)?;
    let page = folder.report().map_err(Failure::of_run)?;
    let path = args.folder.folder.join("report.html");
    std::fs::write(&path, page).map_err(|cause| Failure::file("writing", &path, cause))?;
    Failure::of_stdout(writeln!(io::stdout().lock(), "{}", path.display()))?;
    if args.open {
        open(&path)?;
    }
    Ok(Exit::Ok)
}

/// Has the system show a page.
fn open(path: &Path) -> Result<(), Failure> {
    let (program, before) = match std::env::consts::OS {
        "macos" => ("open", &[][..]),
        "windows" => ("cmd", &["/C", "start", ""][..]),
        _ => ("xdg-open", &[][..]),
    };
    let mut command = Command::new(program);
    command.args(before).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn();
    started.map(drop).map_err(|cause| {
        Failure::local(format!(
            "--open: {program} cannot be started ({cause}); open {} yourself",
            path.display()
        ))
    })
}

pub(super) fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open(&args.folder.folder).map_err(Failure::of_run)?;
    let (mut by_id, mut by_index) = (Vec::new(), Vec::new());
    for row in folder.kept_rows().map_err(Failure::of_run)? {
        let line = row.map_err(Failure::of_run)?;
        let Ok(row) = serde_json::from_slice::<Known>(&line) else { continue };
        if row.id.is_some_and(|id| is_same(&id, &args.id)) {
            by_id.push(line);
        } else if row.index.is_some_and(|index| args.id == index.to_string()) {
            by_index.push(line);
        }
    }
    let found = if by_id.is_empty() { by_index } else { by_id };
    if found.is_empty() {
        let place = args.folder.folder.display();
        say(false, &format!("no request that has ended in {place} is known by {:?}", args.id));
        return Ok(Exit::Failed);
    }
    let mut out = io::stdout().lock();
    for line in found {
        Failure::of_stdout(out.write_all(line.trim_ascii_end()).and_then(|()| out.write_all(b"\n")))?;
    }
    Ok(Exit::Ok)
}

/// By what a row is known.
#[derive(serde::Deserialize)]
struct Known {
    id: Option<patata_run::Id>,
    /// Parquet has it where it is one of the columns.
    index: Option<u64>,
}

fn is_same(id: &patata_run::Id, written: &str) -> bool {
    id.to_string() == written
}
