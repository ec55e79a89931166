//! `set` and `pause`, and how `resume` lets a paused run go on: a run under way is told things.

use std::path::Path;

use patata_run::{Answer, LimitsNow, Order, RunFolder};

use super::{print, say};
use crate::args::commands::{FolderArgs, SetArgs};
use crate::exit::{Exit, Failure};
use crate::shell::quoted_path;

pub(super) fn set(args: &SetArgs) -> Result<Exit, Failure> {
    let mut order = Order::default();
    if !args.rate.is_empty() {
        let is_none = args.rate.iter().any(|rate| rate == "none");
        if is_none && args.rate.len() > 1 {
            return Err(Failure::usage("--rate: none is no limit at all, and stands alone"));
        }
        order.rate = Some(if is_none { Vec::new() } else { args.rate.clone() });
    }
    if !args.budget.is_empty() {
        if args.budget.contains(&None) && args.budget.len() > 1 {
            return Err(Failure::usage("--budget: none is no limit at all, and stands alone"));
        }
        order.budget = Some(args.budget.iter().flatten().map(ToString::to_string).collect());
    }
    order.concurrency = args.concurrency.map(usize::from);
    let (before, now) = tell(&args.folder.folder, &order)?;
    print(&change(&before, &now))?;
    Ok(Exit::Ok)
}

pub(super) fn pause(args: &FolderArgs) -> Result<Exit, Failure> {
    let order = Order { paused: Some(true), ..Order::default() };
    let (before, _) = tell(&args.folder, &order)?;
    let what = if before.paused { "is paused already" } else { "is paused" };
    print(&format!("{} {what}; what is in flight will come", args.folder.display()))?;
    say(false, &format!("patata resume {}", quoted_path(&args.folder)));
    Ok(Exit::Ok)
}

/// Lets a run go on that is paused. `false` where it is not.
pub(super) fn unpause(folder: &Path) -> Result<bool, Failure> {
    let order = Order { paused: Some(false), ..Order::default() };
    let (before, _) = tell(folder, &order)?;
    Ok(before.paused)
}

/// The limits before, and now.
fn tell(path: &Path, order: &Order) -> Result<(LimitsNow, LimitsNow), Failure> {
    let folder = RunFolder::open(path).map_err(Failure::of_run)?;
    if !folder.is_running() {
        let folder = quoted_path(path);
        return Err(Failure::usage(format!(
            "no process is at work in {}; go on with its run by `patata resume {folder}`, which takes limits too",
            path.display()
        )));
    }
    match send(path, order)? {
        Answer::Done { before, now } => Ok((*before, *now)),
        Answer::Refused(why) => Err(Failure::usage(why)),
    }
}

#[cfg(unix)]
fn send(path: &Path, order: &Order) -> Result<Answer, Failure> {
    patata_run::tell(path, order).map_err(Failure::of_run)
}

#[cfg(not(unix))]
fn send(_path: &Path, _order: &Order) -> Result<Answer, Failure> {
    Err(Failure::usage(
        "a run under way can be changed on systems with unix sockets only; interrupt and resume it",
    ))
}

/// What has become of the limits.
pub(super) fn change(before: &LimitsNow, now: &LimitsNow) -> String {
    let listed = |values: &[String]| if values.is_empty() { "none".to_owned() } else { values.join(" and ") };
    let concurrency =
        |limits: &LimitsNow| limits.concurrency.map_or("none".to_owned(), |count| count.to_string());
    let mut parts = Vec::new();
    if before.rate != now.rate {
        parts.push(format!("rate {} → {}", listed(&before.rate), listed(&now.rate)));
    }
    if before.budget != now.budget {
        parts.push(format!("budget {} → {}", listed(&before.budget), listed(&now.budget)));
    }
    if before.concurrency != now.concurrency {
        parts.push(format!("concurrency {} → {}", concurrency(before), concurrency(now)));
    }
    match (before.paused, now.paused) {
        (false, true) => parts.push("paused".to_owned()),
        (true, false) => parts.push("goes on".to_owned()),
        _ => {}
    }
    if parts.is_empty() { "nothing has changed".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_told() {
        let limits = |rate: &[&str], concurrency, paused| LimitsNow {
            rate: rate.iter().map(ToString::to_string).collect(),
            concurrency,
            paused,
            ..LimitsNow::default()
        };
        let before = limits(&[], Some(5), false);
        assert_eq!(
            change(&before, &limits(&["1/s", "9/min"], Some(5), true)),
            "rate none → 1/s and 9/min, paused"
        );
        assert_eq!(change(&before, &limits(&[], None, false)), "concurrency 5 → none");
        let budgeted = LimitsNow { budget: vec!["tokens=9/s".to_owned()], ..before.clone() };
        assert_eq!(change(&before, &budgeted), "budget none → tokens=9/s");
        assert_eq!(change(&before, &before), "nothing has changed");
    }
}
