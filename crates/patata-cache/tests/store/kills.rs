//! Processes are killed while they store.

use std::path::Path;
use std::time::Duration;

use patata_cache::Cache;

use super::child::Process;
use super::{has, open};

const KILLS: u32 = 50;

/// Has a process store from a number on, kills it, and returns what it has said to be stored last.
fn store_until_killed(folder: &Path, witness: &Cache, first: usize, wait: Duration) -> usize {
    let mut process = Process::start(folder, &format!("store-on {first}"));
    let said: usize = process.next().unwrap().parse().unwrap();
    while !has(witness, &format!("http://a/{said}")) {}
    std::thread::sleep(wait);
    process.child.kill().unwrap();
    process.rest().last().map_or(said, |last| last.parse().unwrap())
}

#[test]
fn what_was_stored_is_found_however_often_processes_are_killed_and_nothing_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    // It follows all of them while they live.
    let witness = open(folder.path());
    let mut next = 0;
    for kill in 0..KILLS {
        // At any place of a write: these are no multiples of anything.
        let wait = Duration::from_micros(u64::from(kill * 7_919 % 10_007));
        let last = store_until_killed(folder.path(), &witness, next, wait);
        let late = open(folder.path());
        for cache in [&witness, &late] {
            for number in next..=last {
                assert!(has(cache, &format!("http://a/{number}")), "{number} was stored, and is lost");
            }
            assert!(has(cache, "http://a/same"));
            // What it was about to store is whole or missing: that it is wrong would fail.
            has(cache, &format!("http://a/{}", last + 1));
        }
        next = last + 2;
    }
    #[cfg(target_os = "linux")]
    assert!(open_rows(folder.path()) < 10, "segments of the dead are followed no more");
}

/// How many segments' rows this process has open: those that it follows.
#[cfg(target_os = "linux")]
fn open_rows(folder: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let paths = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    paths
        .filter(|path| path.starts_with(folder) && path.extension().is_some_and(|name| name == "index"))
        .count()
}
