//! Runs with many writers over a disk that fails: whichever worker is killed when, and however a later session cuts the
//! input.

use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::dice::Dice;
use super::disk::{Fault, SimulatedDisk};
use super::promises::{check_acknowledged, check_end};
use super::session::{End, FOLDER, Plan, request, work_at};
use super::world::{Asked, World};
use super::{Kind, plan, repair, run_all, seeds, strike};
use crate::cluster::part::{self, Part};
use crate::error::RunError;
use crate::folder::RunFolder;
use crate::folder::retry::Selection;
use crate::id::Id;
use crate::manifest::Format;
use crate::storage::disk::Disk;

/// The input in some parts, each with the name of its place and content.
fn cut(input: &[Asked], dice: &mut Dice) -> Vec<(String, Vec<Asked>)> {
    let length = 1 + dice.below(input.len() as u64) as usize;
    let named = |(place, asked): (usize, &[Asked])| {
        let text: String = asked.iter().map(|asked| format!("{},", asked.id)).collect();
        (format!("{place}-{:016x}", xxh3_64(text.as_bytes())), asked.to_vec())
    };
    input.chunks(length).enumerate().map(named).collect()
}

/// One worker, at one part.
fn work(disk: &SimulatedDisk, plan: &Plan, part: &Part, world: &mut World, dice: &mut Dice) -> End {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let requests = || plan.input.iter().map(|asked| (Id::from(asked.id), request(*asked)));
    work_at(part::open(disk, Path::new(FOLDER), part, plan.options(), requests), plan, world, dice)
}

/// Workers that take the parts in turn, each as often as it needs to. Says whether they have come to the end before the
/// driver was ended too.
fn go(
    disk: &SimulatedDisk,
    kind: Kind,
    plan: &Plan,
    parts: &Parts,
    world: &mut World,
    dice: &mut Dice,
) -> bool {
    for (name, input) in &parts.cuts {
        let of_part = Plan { input: input.clone(), ..plan.clone() };
        let part = Part::new(name, parts.session);
        loop {
            let strikes = dice.percent(parts.strikes);
            let fault = if strikes { strike(disk, kind, dice) } else { Fault::Kill };
            let end = work(disk, &of_part, &part, world, dice);
            if let End::Failed(error) = &end {
                assert!(strikes && matches!(error, RunError::Io { .. }), "{error}");
            }
            repair(disk, kind, fault, dice);
            check_acknowledged(disk, plan, world);
            match end {
                End::Done(_) => break,
                _ if dice.percent(40) => return false,
                _ => {}
            }
        }
    }
    true
}

/// What a session has to do.
struct Parts {
    session: u64,
    cuts: Vec<(String, Vec<Asked>)>,
    /// How likely it is, in percent, that something happens to a worker.
    strikes: u64,
}

fn run(seed: u64, kind: Kind) {
    let mut dice = Dice(seed);
    let mut plan =
        Plan { format: Format::Jsonl, items: false, schema: None, follows: false, ..plan(&mut dice) };
    let disk = SimulatedDisk::new(dice.number());
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut world = World::default();
    let mut sessions = 1 + dice.below(5);
    let mut retries = dice.below(3);
    let mut cuts = cut(&plan.input, &mut dice);
    let mut older = Vec::new();
    loop {
        let session = part::begin_session(&shared, Path::new(FOLDER), plan.manifest()).unwrap();
        let strikes = if sessions > 0 { 50 } else { 0 };
        if sessions == 0 {
            plan.gives_up = 0;
        }
        let parts = Parts { session, cuts: cuts.clone(), strikes };
        let is_over = go(&disk, kind, &plan, &parts, &mut world, &mut dice);
        if is_over {
            let folder = RunFolder::open_on(shared.clone(), Path::new(FOLDER)).unwrap();
            check_end(&disk, &plan, &world, &folder.summary().unwrap().unwrap());
            if sessions == 0 && retries == 0 {
                return;
            }
            if retries > 0 {
                retries -= 1;
                retry(&shared, &mut world);
            }
        }
        sessions = sessions.saturating_sub(1);
        older.push(cuts.clone());
        // The next one is given what the last one was, other parts, or those of one before it.
        cuts = match dice.below(3) {
            0 => cuts,
            1 => dice.pick(&older).clone(),
            _ => {
                dice.shuffle(&mut plan.input);
                cut(&plan.input, &mut dice)
            }
        };
    }
}

/// Asks for all that has failed once more.
fn retry(disk: &Arc<dyn Disk>, world: &mut World) {
    let folder = RunFolder::open_on(disk.clone(), Path::new(FOLDER)).unwrap();
    let id = |line: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&line).unwrap()["id"].as_i64();
    let failed: Vec<_> = folder.failed().unwrap().into_iter().filter_map(id).collect();
    world.wanted_again.extend(&failed);
    let selection = Selection { failed: true, ..Selection::default() };
    let marked = RunFolder::retry_on(disk.clone(), Path::new(FOLDER), &selection).unwrap();
    assert!(marked >= failed.len() as u64);
}

/// Each has several runs in it: fewer of them will do.
fn some() -> std::ops::Range<u64> {
    let seeds = seeds();
    match std::env::var("SEEDS") {
        Ok(_) => seeds,
        Err(_) => seeds.start..seeds.start + 40,
    }
}

#[test]
fn a_run_of_many_writers_outlives_its_workers_being_killed() {
    run_all(run, Kind::Kill, some());
}

#[test]
fn a_run_of_many_writers_outlives_power_cuts() {
    run_all(run, Kind::PowerCut, some());
}

#[test]
fn a_run_of_many_writers_outlives_all_that_may_happen_to_disks() {
    run_all(run, Kind::Mixed, some());
    run_all(run, Kind::Fault, some());
}
