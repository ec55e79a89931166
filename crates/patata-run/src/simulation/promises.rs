//! What a folder must hold at any time, and in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::accounts::Summary;
use crate::folder::RunFolder;
use crate::gate::Unknown;
use crate::journal::files::OUT;
use crate::manifest::Format;
use crate::output::seal::unpacked;
use crate::simulation::disk::SimulatedDisk;
use crate::simulation::session::{FOLDER, Plan, leftovers};
use crate::simulation::world::{Asked, World};

/// The rows of a folder: request, number of the row, whether it is a success, and its status.
type Row = (i64, u64, bool, Option<u16>);

fn rows(disk: &SimulatedDisk, folder: &RunFolder, plan: &Plan) -> Vec<Row> {
    if plan.format == Format::Csv {
        return csv_rows(disk);
    }
    let rows = folder.kept_rows().unwrap().map(|row| serde_json::from_slice::<Value>(&row.unwrap()).unwrap());
    let rows: Vec<Value> = rows.collect();
    let seconds = rows.iter().filter(|row| row["item"] == 1).count();
    assert_eq!(rows.iter().filter(|row| row["item"] == 0).count(), seconds, "an item of a page is lost");
    let of_requests = rows.iter().filter(|row| row["item"] != 1).map(|row| {
        let status = row["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        // Until its part is sealed, a page is one row.
        let body = row["body"].get(0).unwrap_or(&row["body"]);
        (row["id"].as_i64().unwrap(), body["row"].as_u64().unwrap(), row["ok"] == true, status)
    });
    of_requests.collect()
}

/// What stands in the output folder, with no regard to the ledger.
fn csv_rows(disk: &SimulatedDisk) -> Vec<Row> {
    let out = Path::new(FOLDER).join(OUT);
    let mut rows = Vec::new();
    for path in disk.files().into_iter().filter(|path: &PathBuf| path.parent() == Some(&*out)) {
        let mut text = String::new();
        unpacked(disk, &path).unwrap().read_to_string(&mut text).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().unwrap().clone();
        for record in reader.records() {
            let record = record.unwrap();
            let field = |name| record.get(headers.iter().position(|header| header == name).unwrap()).unwrap();
            let body: Value = serde_json::from_str(field("body")).unwrap();
            let (id, row) = (field("id").parse().unwrap(), body["row"].as_u64().unwrap());
            rows.push((id, row, field("ok") == "true", field("status").parse().ok()));
        }
    }
    rows
}

/// Whatever has just happened: what was acknowledged is there.
pub(crate) fn check_acknowledged(disk: &SimulatedDisk, plan: &Plan, world: &World) {
    let folder = match RunFolder::open_on(Arc::new(disk.clone()), Path::new(FOLDER)) {
        Ok(folder) => folder,
        Err(error) => {
            assert!(world.acknowledged.is_empty() && world.in_doubt.is_empty(), "{error}");
            return;
        }
    };
    let (ended, failed, _) = folder.counts().unwrap();
    assert!(failed <= ended);
    if plan.format == Format::Csv {
        return;
    }
    let mut latest: BTreeMap<i64, u64> = BTreeMap::new();
    for (id, row, ..) in rows(disk, &folder, plan) {
        let latest = latest.entry(id).or_default();
        *latest = row.max(*latest);
    }
    for (id, row) in &world.acknowledged {
        let is_there = latest.get(id) >= Some(row) || world.wanted_again.contains(id);
        assert!(is_there, "row {row} of {id} was acknowledged, and is lost");
    }
}

/// Once a run is done.
pub(crate) fn check_done(disk: &SimulatedDisk, plan: &Plan, world: &World, summary: &Summary) {
    assert!(leftovers(disk).is_empty(), "{:?}", leftovers(disk));
    check_end(disk, plan, world, summary);
    let folder = RunFolder::open_on(Arc::new(disk.clone()), Path::new(FOLDER)).unwrap();
    let written = folder.summary().unwrap().unwrap();
    assert_eq!((written.ok, written.failed, written.unknown), (summary.ok, summary.failed, summary.unknown));
    assert!(written.ended.is_some());
}

/// The same, but for what is left of how it came about.
pub(crate) fn check_end(disk: &SimulatedDisk, plan: &Plan, world: &World, summary: &Summary) {
    let folder = RunFolder::open_on(Arc::new(disk.clone()), Path::new(FOLDER)).unwrap();
    let rows = rows(disk, &folder, plan);
    let listed = |lines: Vec<Vec<u8>>| -> BTreeSet<i64> {
        let id = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap()["id"].as_i64().unwrap();
        lines.iter().map(id).collect()
    };
    let unknown = listed(folder.unknown().unwrap());
    let mut ended = BTreeMap::new();
    for (id, row, is_ok, _) in &rows {
        let other = ended.insert(*id, (*row, *is_ok));
        assert!(other.is_none(), "{id} has two rows");
    }
    for asked in &plan.input {
        let id = asked.id;
        assert!(ended.contains_key(&id) || unknown.contains(&id), "{id} is lost");
        assert!(!(ended.contains_key(&id) && unknown.contains(&id)), "{id} has ended, and is unknown");
    }
    if plan.follows {
        let successes = rows.iter().filter(|row| row.2).map(|row| Asked { id: row.0, is_post: false });
        for found in successes.flat_map(Asked::follow_ups) {
            let id = found.id;
            assert!(ended.contains_key(&id) || unknown.contains(&id), "{id} was found, and is lost");
        }
    }
    for id in &unknown {
        assert!(world.in_doubt.contains(id) && plan.unknown == Unknown::Keep, "{id} is not unknown");
    }
    for (id, row) in &world.acknowledged {
        let is_there = ended.get(id).is_some_and(|(latest, _)| latest >= row);
        assert!(
            is_there || world.wanted_again.contains(id) || unknown.contains(id),
            "row {row} of {id} is lost"
        );
    }
    check_lists(&folder, &ended, &unknown, listed(folder.failed().unwrap()));
    check_summary(summary, &rows, &unknown);
}

fn check_lists(
    folder: &RunFolder,
    ended: &BTreeMap<i64, (u64, bool)>,
    unknown: &BTreeSet<i64>,
    failed: BTreeSet<i64>,
) {
    let (_, failures, in_doubt) = folder.counts().unwrap();
    assert_eq!(in_doubt, unknown.len() as u64, "unknown.jsonl is not complete");
    assert_eq!(failures, failed.len() as u64, "failed.jsonl is not complete");
    let of_rows = ended.iter().filter(|(id, (_, is_ok))| !is_ok && !unknown.contains(id));
    assert!(of_rows.map(|(id, _)| *id).eq(failed), "failed.jsonl is not what has failed");
}

fn check_summary(summary: &Summary, rows: &[Row], unknown: &BTreeSet<i64>) {
    let ok = rows.iter().filter(|row| row.2).count() as u64;
    assert_eq!((summary.ok, summary.failed), (ok, rows.len() as u64 - ok), "the summary miscounts");
    assert_eq!(summary.unknown, unknown.len() as u64);
    assert_eq!(summary.submitted, summary.ok + summary.failed + summary.cancelled);
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    rows.iter().filter_map(|row| row.3).for_each(|status| *statuses.entry(status).or_default() += 1);
    assert_eq!(summary.statuses, statuses);
    let errors = rows.iter().filter(|row| row.3.is_none()).count() as u64;
    assert_eq!(summary.errors.values().sum::<u64>(), errors);
}
