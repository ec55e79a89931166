//! Bodies that were saved to files: they are linked, and whatever users do with their own, what is stored is right.

use std::path::Path;

use bytes::Bytes;
use patata_cache::Cache;

use super::{body, find, is_right, open, store};

const URL: &str = "http://a/file";
/// Larger than what stands in a segment.
const LENGTH: usize = 300_000;

/// A cache that has a file of the user's, with that file.
fn stored(folder: &Path) -> (Cache, std::path::PathBuf) {
    let (cache, path) = (open(&folder.join("cache")), folder.join("mine"));
    std::fs::write(&path, body(URL, 0, LENGTH)).unwrap();
    store(&cache, URL, &Bytes::new(), Some(&path));
    (cache, path)
}

/// The body of what is stored, as a file and in memory, where there is any.
fn found(cache: &Cache, folder: &Path) -> Option<Vec<u8>> {
    let in_memory = find(cache, URL, None).map(|response| response.body.to_vec());
    let as_file = find(cache, URL, Some(&folder.join("other")));
    assert_eq!(as_file.map(|response| std::fs::read(response.file.unwrap()).unwrap()), in_memory);
    in_memory
}

#[test]
#[cfg(unix)]
fn a_file_is_linked_and_not_copied() {
    use std::os::unix::fs::MetadataExt;

    let folder = tempfile::tempdir().unwrap();
    let (cache, path) = stored(folder.path());
    let response = find(&cache, URL, Some(&folder.path().join("other"))).unwrap();
    assert!(response.body.is_empty());
    let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&response.file.unwrap()), inode(&path));
}

#[test]
fn a_user_who_changes_a_file_does_not_change_what_is_stored() {
    let changes: [fn(&Path); 3] = [
        |path| std::fs::write(path, "mine now").unwrap(),
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[LENGTH / 2] ^= 1;
            std::fs::write(path, bytes).unwrap();
        },
        |path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap(),
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let (cache, path) = stored(folder.path());
        change(&path);
        // It is one file, so nothing is right that could be given.
        assert_eq!(found(&cache, folder.path()), None);
        store(&cache, URL, &body(URL, 1, LENGTH), None);
        assert!(is_right(URL, &found(&cache, folder.path()).unwrap()));
        assert!(cache.take_trouble().is_none());
    }
}

#[test]
fn a_user_who_removes_or_replaces_a_file_leaves_what_is_stored() {
    let changes: [fn(&Path); 2] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| {
            let other = path.with_extension("other");
            std::fs::write(&other, "mine now").unwrap();
            std::fs::rename(&other, path).unwrap();
        },
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let (cache, path) = stored(folder.path());
        change(&path);
        assert!(is_right(URL, &found(&cache, folder.path()).unwrap()));
    }
}

#[test]
fn a_file_that_is_gone_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = stored(folder.path());
    std::fs::remove_dir_all(folder.path().join("cache/bodies")).unwrap();
    assert_eq!(found(&cache, folder.path()), None);
}
