//! Several processes use one cache at once.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::child::{Process, say};
use super::{body, has, open, store};

/// How many responses each of them stores.
const EACH: usize = 200;

fn url(who: usize, number: usize) -> String {
    format!("http://of-{who}/{number}")
}

/// One of so many: stores what is its own and what all store, then finds all that the others have stored.
pub(crate) fn take_part(folder: &Path, who: usize, count: usize) {
    let cache = open(folder);
    for number in 0..EACH {
        let (own, shared) = (url(who, number), format!("http://shared/{number}"));
        let length = if number % 20 == 0 { 100_000 } else { 1_000 };
        store(&cache, &own, &body(&own, who, length), None);
        store(&cache, &shared, &body(&shared, who, length), None);
        // Whoever has stored it, and whether it is there yet: it is right.
        has(&cache, &url((who + 1) % count, number));
        assert!(has(&cache, &shared) && has(&cache, &own));
    }
    say("stored");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let is_found = |url: String| {
        // What has just been stored is looked for now and then only.
        let begun = Instant::now();
        while !has(&cache, &url) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{url} is not found");
        }
    };
    (0..count).for_each(|who| (0..EACH).for_each(|number| is_found(url(who, number))));
    assert!(cache.take_trouble().is_none());
    say("found");
}

fn run(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    // It is there before them all, and sees what comes.
    let cache = open(folder.path());
    let start = |who| Process::start(folder.path(), &format!("one-of {who} {count}"));
    let mut all: Vec<_> = (0..count).map(start).collect();
    for process in &mut all {
        assert_eq!(process.next().as_deref(), Some("stored"));
    }
    for process in &mut all {
        process.input.write_all(b"go\n").unwrap();
    }
    for process in &mut all {
        assert_eq!(process.rest(), ["found"]);
    }
    for late in [cache, open(folder.path())] {
        assert!((0..count).all(|who| (0..EACH).all(|number| has(&late, &url(who, number)))));
        assert!((0..EACH).all(|number| has(&late, &format!("http://shared/{number}"))));
    }
}

#[test]
fn two_processes_see_what_the_other_stores() {
    run(2);
}

#[test]
fn eight_processes_see_what_the_others_store() {
    run(8);
}
