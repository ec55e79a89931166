//! Runs that are killed two hundred times, and gone on with each time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use patata_run::RunFolder;

use crate::child::{Process, REQUESTS, is_post};
use crate::server::{self, Arrivals};

const KILLS: u32 = 200;

pub(crate) fn ids(said: &[String]) -> impl Iterator<Item = i64> {
    // The first one may stand behind what the test harness says.
    said.iter().filter_map(|line| line.rsplit_once("safe ")?.1.parse().ok())
}

/// By request, how many rows it has.
pub(crate) fn rows(folder: &RunFolder) -> HashMap<i64, u32> {
    let mut rows = HashMap::new();
    for row in folder.rows().unwrap() {
        let row: serde_json::Value = serde_json::from_slice(&row.unwrap()).unwrap();
        *rows.entry(row["id"].as_i64().unwrap()).or_default() += 1;
    }
    rows
}

pub(crate) fn listed(lines: Vec<Vec<u8>>) -> HashSet<i64> {
    let id = |line: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(line).unwrap()["id"].as_i64();
    lines.iter().filter_map(id).collect()
}

#[test]
fn two_hundred_kills_lose_nothing_and_repeat_nothing() {
    let mut kills = 0;
    let mut random = 7_u64;
    let mut runs = 0;
    while kills < KILLS {
        let (url, arrivals) = server::start();
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run");
        let path = path.to_str().unwrap();
        let mut safe: HashSet<i64> = HashSet::new();
        loop {
            let mut process = Process::start(path, &url, "");
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // After some rows, of which there are none in every fourth process, and some time more.
            let rows = if (random >> 60).is_multiple_of(4) {
                0
            } else {
                usize::try_from((random >> 40) % 300).unwrap()
            };
            while process.said.lock().unwrap().len() < rows && process.child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis((random >> 33) % 40));
            let is_over = process.child.try_wait().unwrap().is_some();
            if !is_over && kills < KILLS {
                process.child.kill().unwrap();
                kills += 1;
            }
            let said = process.join();
            for id in ids(&said) {
                assert!(safe.insert(id), "{id} is given twice");
            }
            if std::path::Path::new(path).join("manifest.json").exists() {
                check(path, &safe);
            } else {
                assert!(safe.is_empty());
            }
            if said.iter().any(|line| line == "done") {
                break;
            }
            let refused = said.iter().find(|line| line.starts_with("io ") || line.starts_with("other "));
            assert_eq!(refused, None);
        }
        runs += 1;
        check_end(path, &safe, &arrivals);
    }
    assert!(runs > 1, "they were killed too early to get on");
}

/// After any kill.
fn check(path: &str, safe: &HashSet<i64>) {
    let folder = RunFolder::open(path).unwrap();
    let rows = rows(&folder);
    assert!(safe.iter().all(|id| rows.contains_key(id)), "what was given is not there");
    assert!(rows.values().all(|count| *count == 1), "a request has two rows");
}

fn check_end(path: &str, safe: &HashSet<i64>, arrivals: &Arrivals) {
    check(path, safe);
    let folder = RunFolder::open(path).unwrap();
    let (rows, unknown) = (rows(&folder), listed(folder.unknown().unwrap()));
    let arrivals = arrivals.lock().unwrap();
    for id in 0..REQUESTS {
        let arrived = arrivals.get(&format!("/{id}")).copied().unwrap_or_default();
        assert!(rows.contains_key(&id) != unknown.contains(&id), "{id} has neither ended nor is it unknown");
        assert!(arrived > 0 || unknown.contains(&id), "{id} was never sent");
        assert!(arrived <= 1 || !is_post(id), "{id} has an effect, and was sent {arrived} times");
    }
    assert!(unknown.iter().all(|id| is_post(*id) && !safe.contains(id)));
    let failed = listed(folder.failed().unwrap());
    assert!(rows.keys().all(|id| failed.contains(id) == (id % 10 == 3)));
    let summary = folder.summary().unwrap().unwrap();
    assert_eq!(summary.ok + summary.failed, rows.len() as u64);
    assert_eq!((summary.unknown, summary.failed), (unknown.len() as u64, failed.len() as u64));
    assert_eq!(summary.submitted, REQUESTS as u64);
    assert_eq!(summary.statuses.values().sum::<u64>(), rows.len() as u64);
    assert_eq!(std::fs::read_dir(folder.path().join("live")).unwrap().count(), 0);
}
