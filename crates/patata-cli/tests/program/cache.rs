//! What is not asked for again: `--cache`, `--distinct`, `--if-changed`.

use std::fs;

use patata_testserver::Server;

use super::support::{Place, rows_in};

#[test]
fn what_a_cache_has_is_not_sent_by_the_next_process() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines: String = (0..30).map(|number| format!("{}/?{}\n", server.url(), number % 10)).collect();
    place.file("urls", lines);
    let arguments = ["run", "urls", "--cache=kept", "--cache-mode", "forever"];
    for (hits, misses) in [(20, 10), (30, 0)] {
        let ran = place.run(&arguments).ended(0);
        assert_eq!(ran.rows().len(), 30);
        let line = format!("cache: {hits} hits, 0 revalidated, {misses} misses");
        assert!(ran.stderr.lines().any(|other| other == line), "{ran:?}");
    }
    assert_eq!(server.requests(), 10);
}

#[test]
fn one_request_is_answered_out_of_the_users_cache() {
    let home = tempfile::tempdir().unwrap();
    let place = Place::new().with_variable("XDG_CACHE_HOME", home.path().to_str().unwrap());
    let server = Server::start().unwrap();
    let url = format!("{}/tagged/a", server.url());
    let asked = |mode: &str| place.run(&["get", &url, "--cache", "--cache-mode", mode, "-i"]);
    assert!(asked("standard").ended(0).stdout.contains("200 OK"));
    assert!(asked("refresh").ended(0).stdout.ends_with(r#"{"message":"Hello world!"}"#));
    assert_eq!(server.requests(), 2);
    assert!(asked("offline").ended(0).stdout.ends_with(r#"{"message":"Hello world!"}"#));
    assert_eq!(server.requests(), 2);
    assert!(home.path().join("patata/http").is_dir());
    let other = format!("{}/other", server.url());
    let missing = place.run(&["get", &other, "--cache", "--cache-mode", "offline"]).ended(1);
    assert!(missing.stderr.contains("nothing is stored for it that may be used"), "{missing:?}");
}

#[test]
fn a_run_goes_on_with_its_cache_and_what_equal_requests_share() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines =
        |count| (0..count).map(|number| format!("{}/?{}\n", server.url(), number % 5)).collect::<String>();
    place.file("urls", lines(20));
    let begun = place.run(&["run", "urls", "-o", "run", "--distinct", "--cache=kept", "-X", "POST"]).ended(0);
    assert!(begun.stderr.contains("distinct: 15 answered by equal requests"), "{begun:?}");
    place.file("urls", lines(40));
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let resumed = place.command(&["resume", "../run"]).current_dir(&elsewhere).output().unwrap();
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!((rows_in(&place.path("run")).len(), server.requests()), (40, 5));
    assert!(place.path("kept").is_dir() && fs::read_dir(&elsewhere).unwrap().count() == 0);
}

#[test]
fn files_that_have_not_changed_are_left_alone() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{0}/tagged/a\n{0}/tagged/b\n", server.url()));
    let arguments = ["run", "urls", "--save-to", "files/{index}", "--if-changed"];
    let statuses = || -> Vec<_> {
        place.run(&arguments).ended(0).rows().iter().map(|row| row["status"].as_u64().unwrap()).collect()
    };
    assert_eq!(statuses(), [200, 200]);
    fs::write(place.path("files/1"), "mine").unwrap();
    assert_eq!(statuses(), [304, 200]);
    assert_eq!(place.read("files/1"), r#"{"message":"Hello world!"}"#);
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_sent() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("mine/file", "precious");
    place.file("urls", server.url());
    for (arguments, message) in [
        (&["--cache=mine"][..], "mine is no cache of patata's, and no empty folder; name another one"),
        (&["--cache=c", "--cache-mode", "online"], "write one of standard, offline, refresh, forever"),
        (&["--cache-mode", "offline"], "--cache"),
        (&["--if-changed"], "--save-to"),
    ] {
        let ran = place.run(&[&["run", "urls"], arguments].concat()).ended(2);
        assert!(ran.stderr.contains(message), "{ran:?}");
    }
    assert_eq!(server.requests(), 0);
}
