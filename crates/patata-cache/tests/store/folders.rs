//! Folders that are no cache, or one of another version, or just becoming one.

use std::path::Path;

use patata_cache::{Cache, CacheError, StoreOptions};

use super::{body, files, has, open, store};

/// Why a folder is refused, where it is left as it was.
fn refused(folder: &Path) -> CacheError {
    let before = files(folder);
    let error = Cache::open(folder, &StoreOptions::default()).unwrap_err();
    assert_eq!(files(folder), before);
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
    error
}

#[test]
fn a_cache_of_another_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    store(&open(folder.path()), "http://a/", &body("http://a/", 0, 100), None);
    std::fs::write(folder.path().join("format"), "patata cache, format 2\n").unwrap();
    let error = refused(folder.path());
    assert!(matches!(&error, CacheError::Format { found, known: 1, .. } if found == "2"), "{error:?}");
    assert!(error.to_string().contains("name another folder, or remove this one"), "{error}");
}

#[test]
fn a_folder_of_other_things_is_refused_and_left_as_it_is() {
    // What is somebody else's, and what only looks like a cache.
    let names: [&[&str]; 4] = [&["thesis.tex"], &["format"], &["segments", "notes"], &["CACHEDIR.TAG"]];
    for names in names {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "something").unwrap();
        }
        let error = refused(folder.path());
        assert!(matches!(error, CacheError::NotACache { .. }), "{names:?}: {error:?}");
    }
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "something").unwrap();
    for path in [path.clone(), path.join("cache")] {
        let error = Cache::open(&path, &StoreOptions::default()).unwrap_err();
        assert!(matches!(error, CacheError::NotACache { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"something");
}

#[test]
fn a_folder_that_was_half_made_is_made() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    std::fs::remove_file(folder.path().join("format")).unwrap();
    let cache = open(folder.path());
    store(&cache, "http://a/", &body("http://a/", 0, 100), None);
    assert!(has(&open(folder.path()), "http://a/"));
}

#[test]
fn many_may_make_one_folder_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/anew");
        std::thread::scope(|scope| {
            (0..16).for_each(|_| drop(scope.spawn(|| open(&path))));
        });
        assert_eq!(std::fs::read_to_string(path.join("format")).unwrap(), "patata cache, format 1\n");
        let names = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.count(), 4);
    }
}
