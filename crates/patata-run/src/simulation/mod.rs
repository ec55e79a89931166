//! Whole runs over a disk that fails: whatever happens, and whenever it does, nothing is lost and nothing done twice.

mod dice;
mod disk;
mod parts;
mod promises;
mod session;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RunError;
use crate::folder::RunFolder;
use crate::folder::retry::Selection;
use crate::gate::{Identity, Unknown};
use crate::manifest::{Compression, Format};
use dice::Dice;
use disk::{Fault, SimulatedDisk};
use promises::{check_acknowledged, check_done};
use session::{End, FOLDER, Plan, session};
use world::{Asked, World};

/// What may happen to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kill,
    PowerCut,
    Fault,
    /// All of them, one after another.
    Mixed,
}

fn plan(dice: &mut Dice) -> Plan {
    let requests = 5 + dice.below(40) as i64;
    let format = *dice.pick(&[
        Format::Jsonl,
        Format::Jsonl,
        Format::Jsonl,
        Format::Csv,
        #[cfg(feature = "parquet")]
        Format::Parquet,
    ]);
    let has_schema = format == Format::Parquet && dice.percent(50);
    Plan {
        input: (0..requests).map(|id| Asked { id, is_post: dice.percent(50) }).collect(),
        part_rows: 1 + dice.below(12),
        format,
        items: format == Format::Jsonl && dice.percent(30),
        schema: has_schema.then_some("struct<row: int64>"),
        compression: *dice.pick(&[
            Compression::None,
            Compression::None,
            Compression::Zstd,
            Compression::Gzip,
        ]),
        identity: *dice.pick(&[Identity::Position, Identity::Key]),
        unknown: *dice.pick(&[Unknown::Keep, Unknown::Keep, Unknown::Resend]),
        in_flight: 1 + dice.below(8) as usize,
        gives_up: *dice.pick(&[0, 0, 3]),
        follows: dice.percent(50),
    }
}

/// Plans what happens next, and says what it is.
fn strike(disk: &SimulatedDisk, kind: Kind, dice: &mut Dice) -> Fault {
    let fault = match kind {
        Kind::Kill | Kind::PowerCut => Fault::Kill,
        Kind::Fault => {
            let room = dice.below(3000);
            *dice.pick(&[Fault::Full(room), Fault::ReadOnly, Fault::Quota, Fault::Sync, Fault::Sync])
        }
        Kind::Mixed if dice.percent(50) => Fault::Kill,
        Kind::Mixed => Fault::Sync,
    };
    let after = match dice.below(3) {
        0 => dice.below(30),
        1 => dice.below(120),
        _ => dice.below(500),
    };
    disk.plan(after + 1, fault);
    fault
}

/// Asks for some of what has failed once more.
fn retry(disk: &SimulatedDisk, world: &mut World, plan: &Plan, dice: &mut Dice) -> Result<u64, RunError> {
    let path = Path::new(FOLDER);
    let selection = Selection { failed: true, unknown: dice.percent(50), ..Selection::default() };
    let before = RunFolder::open_on(Arc::new(disk.clone()), path)?;
    let ids = |lines: Vec<Vec<u8>>| {
        let id = |line: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(line).unwrap()["id"].as_i64();
        lines.iter().filter_map(id).collect::<Vec<_>>()
    };
    let mut chosen = ids(before.failed()?);
    if selection.unknown {
        chosen.extend(ids(before.unknown()?));
        // Those are unknown too of which nobody has made a line yet.
        chosen.extend(plan.input.iter().map(|asked| asked.id).filter(|id| world.in_doubt.contains(id)));
    }
    world.wanted_again.extend(chosen);
    RunFolder::retry_on(Arc::new(disk.clone()), path, &selection)
}

/// What comes between two processes.
fn repair(disk: &SimulatedDisk, kind: Kind, fault: Fault, dice: &mut Dice) {
    disk.kill();
    if kind == Kind::PowerCut || (kind == Kind::Mixed && fault == Fault::Kill && dice.percent(50)) {
        disk.cut_power();
    }
    disk.heal();
}

/// A run from its beginning to its end, through all that happens.
fn run(seed: u64, kind: Kind) {
    let mut dice = Dice(seed);
    let mut plan = plan(&mut dice);
    let disk = SimulatedDisk::new(dice.number());
    let mut world = World::default();
    let mut retries = dice.below(3);
    let mut strikes = dice.below(8);
    loop {
        if plan.identity == Identity::Key && dice.percent(20) {
            // Another process may be given the same requests in another order, and more of them.
            dice.shuffle(&mut plan.input);
            let id = plan.input.len() as i64;
            plan.input.push(Asked { id, is_post: dice.percent(50) });
        }
        let mut fault = Fault::Kill;
        if strikes > 0 {
            fault = strike(&disk, kind, &mut dice);
        }
        let end = session(&disk, &plan, &mut world, &mut dice);
        if let End::Failed(error) = &end {
            assert!(matches!(error, RunError::Io { .. }), "{error}");
            assert!(strikes > 0, "nothing was wrong with the disk: {error}");
        }
        let is_over = strikes == 0;
        strikes = strikes.saturating_sub(1);
        if is_over {
            plan.gives_up = 0;
        }
        repair(&disk, kind, fault, &mut dice);
        check_acknowledged(&disk, &plan, &world);
        let End::Done(summary) = end else { continue };
        check_done(&disk, &plan, &world, &summary);
        if retries == 0 && is_over {
            return;
        }
        retries = retries.saturating_sub(1);
        fault = Fault::Kill;
        if strikes > 0 {
            fault = strike(&disk, kind, &mut dice);
        }
        if let Err(error) = retry(&disk, &mut world, &plan, &mut dice) {
            assert!(matches!(error, RunError::Io { .. }) && strikes > 0, "{error}");
        }
        repair(&disk, kind, fault, &mut dice);
        check_acknowledged(&disk, &plan, &world);
    }
}

/// What has an effect, and where, is the same each time: it is killed at each operation in turn.
fn run_and_kill_at(operation: u64, has_power: bool) -> bool {
    let mut dice = Dice(7);
    let plan = Plan { gives_up: 0, part_rows: 3, ..plan(&mut Dice(operation % 8)) };
    let plan = Plan { input: plan.input.into_iter().take(9).collect(), ..plan };
    let disk = SimulatedDisk::new(operation);
    let mut world = World::default();
    disk.plan(operation, Fault::Kill);
    let mut is_reached = false;
    for _ in 0..3 {
        let end = session(&disk, &plan, &mut world, &mut dice);
        disk.kill();
        if !has_power {
            disk.cut_power();
        }
        disk.heal();
        check_acknowledged(&disk, &plan, &world);
        match end {
            End::Done(summary) => {
                check_done(&disk, &plan, &world, &summary);
                return is_reached;
            }
            // It is killed again, while it is put in order or soon after.
            _ if !is_reached => disk.plan(1 + operation % 60, Fault::Kill),
            _ => {}
        }
        is_reached = true;
    }
    panic!("nothing was wrong with the disk any more");
}

#[test]
fn a_run_may_be_killed_at_each_operation() {
    for has_power in [true, false] {
        let last = (1..).find(|operation| !run_and_kill_at(*operation, has_power)).unwrap();
        assert!(last > 60, "{last}");
        for operation in last..last + 300 {
            run_and_kill_at(operation, has_power);
        }
    }
}

#[test]
fn a_folder_that_is_removed_ends_the_run_and_another_may_begin() {
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let plan = Plan { gives_up: 0, ..plan(&mut dice) };
        let (disk, mut world) = (SimulatedDisk::new(seed), World::default());
        disk.plan(10 + dice.below(60), Fault::Gone);
        match session(&disk, &plan, &mut world, &mut dice) {
            End::Done(summary) => check_done(&disk, &plan, &world, &summary),
            End::Failed(error) => assert!(matches!(error, RunError::Io { .. }), "{error}"),
            End::GaveUp => panic!("it had no reason to"),
        }
        disk.heal();
        let mut world = World::default();
        let End::Done(summary) = session(&disk, &plan, &mut world, &mut dice) else { panic!("all is well") };
        assert!(summary.done() > 0 || world.sends.is_empty());
    }
}

/// So many runs, on some threads, as they wait for one another a lot.
fn run_all(run: impl Fn(u64, Kind) + Sync, kind: Kind, seeds: std::ops::Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| seeds.contains(seed))
                {
                    let run = std::panic::AssertUnwindSafe(|| run(seed, kind));
                    if std::panic::catch_unwind(run).is_err() {
                        failures.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{kind:?} fails with the seeds {failures:?}");
}

/// More of them by hand: `SEEDS=20000 cargo test -p patata-run simulation`.
fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    let first = std::env::var("SEED").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    first..first + count
}

#[test]
fn a_run_outlives_its_process_being_killed_at_any_time() {
    run_all(run, Kind::Kill, seeds());
}

#[test]
fn a_run_outlives_power_cuts() {
    run_all(run, Kind::PowerCut, seeds());
}

#[test]
fn a_run_outlives_disks_that_are_full_or_fail() {
    run_all(run, Kind::Fault, seeds());
}

#[test]
fn a_run_outlives_all_of_them_in_turn() {
    run_all(run, Kind::Mixed, seeds());
}
