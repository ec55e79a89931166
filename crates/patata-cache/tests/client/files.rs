//! Bodies that go to files: linked from a cache, and left alone where they have not changed.

use std::fs;
use std::os::unix::fs::MetadataExt;

use patata::{CacheStatus, Request};
use patata_cache::{CacheMode, IfChanged};

use super::server::{Answer, Asked, Server};
use super::{builder, cache, came, outcomes};

const LARGE: usize = 200_000;

#[test]
fn a_stored_body_is_linked_and_one_that_was_not_saved_is_written() {
    let answer = |asked: &Asked| {
        let length = if asked.path == "/small" { 10 } else { LARGE };
        Answer("200 OK", vec![("Cache-Control", "max-age=60".to_owned())], "x".repeat(length))
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(&folder.path().join("cache"), CacheMode::Standard)).build().unwrap();
    // A body in memory is a file of the cache's only where it is large.
    for (path, is_linked) in [("saved", true), ("large", true), ("small", false)] {
        let request = || Request::get((), format!("{}/{path}", server.url));
        if path != "saved" {
            assert!(client.run([request()]).next().unwrap().result.is_ok());
        }
        for name in ["first", "second", "second"] {
            let target = folder.path().join(format!("{name}-{path}"));
            let outcome = client.run([request().stream_to(&target)]).next().unwrap();
            assert_eq!(outcome.result.unwrap().saved_to.as_deref(), Some(&*target));
        }
        let of = |name: &str| folder.path().join(format!("{name}-{path}")).metadata().unwrap();
        assert_eq!(of("first").len(), of("second").len());
        assert_eq!(of("first").ino() == of("second").ino(), is_linked, "{path}");
    }
    assert_eq!(server.count(), 3);
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
}

#[test]
fn a_file_that_has_not_changed_is_left_alone_and_one_that_has_is_fetched() {
    let answer = |asked: &Asked| {
        let tag = if asked.before < 3 { "\"1\"" } else { "\"2\"" };
        let headers = vec![("ETag", tag.to_owned())];
        match asked.header("if-none-match") == Some(tag) {
            true => Answer("304 Not Modified", headers, String::new()),
            false => Answer("200 OK", headers, format!("potato {tag}")),
        }
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let target = folder.path().join("potato");
    let fetch = || {
        // As another process would: nothing is known but what is on disk.
        let client = builder(IfChanged::new(None)).build().unwrap();
        let (came, receipt) = outcomes(&client, [Request::get((), &*server.url).stream_to(&target)]);
        assert_eq!((receipt.ok, receipt.failed), (1, 0));
        (came[0].clone(), fs::metadata(&target).unwrap().ino(), fs::read_to_string(&target).unwrap())
    };
    let (first, inode, text) = fetch();
    assert_eq!((first, text.as_str()), (came("200 ", CacheStatus::Sent), "potato \"1\""));
    assert_eq!(fetch(), (came("304 ", CacheStatus::Unchanged), inode, text.clone()));
    fs::write(&target, "the user's own").unwrap();
    assert_eq!((fetch().0, fs::read_to_string(&target).unwrap()), (came("200 ", CacheStatus::Sent), text));
    assert_eq!(
        (fetch().0, fs::read_to_string(&target).unwrap().as_str()),
        (came("200 ", CacheStatus::Sent), "potato \"2\"")
    );
    fs::remove_file(&target).unwrap();
    assert_eq!(fetch().0, came("200 ", CacheStatus::Sent));
    assert_eq!(server.log().iter().filter(|asked| asked.header("if-none-match").is_some()).count(), 2);
}
