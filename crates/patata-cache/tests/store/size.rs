//! A cache takes no more room than it may.

use std::path::Path;

use patata_cache::{Cache, StoreOptions};

use super::{body, files, has, invalidate, open, store};

const MOST: u64 = 2_000_000;

fn limited(folder: &Path) -> Cache {
    let mut options = StoreOptions::default();
    options.max_size = MOST;
    Cache::open(folder, &options).unwrap()
}

fn url(number: usize) -> String {
    format!("http://a/{number}")
}

fn size(folder: &Path) -> u64 {
    files(folder).iter().map(|(_, length)| length).sum()
}

/// Stores so many of a length by caches in turn, and looks at the size after each.
fn fill(folder: &Path, caches: &[Cache], count: usize, length: usize) {
    for number in 0..count {
        let cache = &caches[number % caches.len()];
        store(cache, &url(number), &body(&url(number), 0, length), None);
        assert!(has(cache, &url(number)), "{number} has just been stored");
        let size = size(folder);
        assert!(size <= MOST, "{size} bytes after {number}");
    }
    assert!(caches.iter().all(|cache| cache.take_trouble().is_none()));
    let late = open(folder);
    let found: Vec<_> = (0..count).filter(|number| has(&late, &url(*number))).collect();
    // Most of the room is used, by those that came last.
    assert!(found.len() * length > usize::try_from(MOST).unwrap() / 2, "{} are left", found.len());
    assert!(found.iter().all(|number| number + MOST as usize / length + 200 > count), "{found:?}");
    assert!(!has(&late, &url(0)));
}

#[test]
fn what_was_stored_first_goes_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &[limited(folder.path())], 3_000, 2_000);
}

#[test]
fn bodies_in_files_count_and_go_too() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), &[limited(folder.path())], 100, 100_000);
}

#[test]
fn several_that_store_keep_to_one_size() {
    let folder = tempfile::tempdir().unwrap();
    let caches: Vec<_> = (0..8).map(|_| limited(folder.path())).collect();
    fill(folder.path(), &caches, 3_000, 2_000);
}

#[test]
fn a_response_that_would_drive_out_all_others_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let cache = limited(folder.path());
    store(&cache, &url(0), &body(&url(0), 0, 1_000), None);
    store(&cache, &url(1), &body(&url(1), 0, 300_000), None);
    assert!(has(&cache, &url(0)) && !has(&cache, &url(1)));
    assert!(cache.take_trouble().is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn who_has_read_what_goes_gives_the_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, reader) = (limited(folder.path()), limited(folder.path()));
    for number in 0..3_000 {
        store(&writer, &url(number), &body(&url(number), 0, 2_000), None);
        // It has opened each segment.
        has(&reader, &url(number));
    }
    // What has changed is seen once the disk's clock has gone on.
    let begun = std::time::Instant::now();
    loop {
        assert!(!has(&reader, "http://a/none") && !has(&writer, "http://a/none"));
        let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let links = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        let gone = links
            .filter(|path| path.starts_with(folder.path()) && path.to_string_lossy().ends_with("(deleted)"));
        let gone = gone.count();
        if gone == 0 {
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "{gone} files are gone, and open");
    }
}

#[test]
fn what_was_forgotten_does_not_come_back_when_room_is_made() {
    let folder = tempfile::tempdir().unwrap();
    // Its segment is the oldest, and stays as long as it may go on.
    let first = limited(folder.path());
    store(&first, "http://a/changed", &body("http://a/changed", 0, 100), None);
    let second = limited(folder.path());
    assert!(has(&second, "http://a/changed"));
    std::thread::sleep(std::time::Duration::from_millis(2));
    invalidate(&second, "http://a/changed");
    for number in 0..3_000 {
        store(&second, &url(number), &body(&url(number), 0, 2_000), None);
    }
    assert!(size(folder.path()) <= MOST);
    let late = open(folder.path());
    assert!(!has(&late, &url(0)), "room was made");
    assert!(!has(&late, "http://a/changed"));
}
