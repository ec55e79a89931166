//! Files of a run folder that are gone or damaged: no request is sent twice for that, and what follows from others is
//! made anew.

use std::fs;

use patata_testserver::Server;

use super::support::{Place, rows_in};

/// A run of so many requests that has ended.
fn run(place: &Place, server: &Server, flags: &[&str]) {
    let lines: String = (0..20).map(|number| format!("{}/?{number}\n", server.url())).collect();
    place.file("urls", lines);
    place.run(&[&["run", "urls", "-o", "run"], flags].concat()).ended(0);
}

#[test]
fn without_its_ledger_a_run_is_not_begun_again() {
    // What is there besides decides, whatever of it is left.
    let others = ["timeline.jsonl", "unknown.jsonl", "report.html"];
    type Damage = (&'static str, fn(&Place));
    let damages: [Damage; 5] = [
        ("gone", |place| fs::remove_file(place.path("run/ledger/w0-000001.csv")).unwrap()),
        ("its folder gone", |place| fs::remove_dir_all(place.path("run/ledger")).unwrap()),
        ("emptied", |place| fs::write(place.path("run/ledger/w0-000001.csv"), "").unwrap()),
        ("cut", |place| {
            let text = place.read("run/ledger/w0-000001.csv");
            let first = text.split_inclusive('\n').next().unwrap();
            fs::write(place.path("run/ledger/w0-000001.csv"), first).unwrap();
        }),
        ("cut, and no summary", |place| {
            let text = place.read("run/ledger/w0-000001.csv");
            let first = text.split_inclusive('\n').next().unwrap();
            fs::write(place.path("run/ledger/w0-000001.csv"), first).unwrap();
            fs::remove_file(place.path("run/summary.json")).unwrap();
        }),
    ];
    for (damage, make) in damages {
        let (place, server) = (Place::new(), Server::start().unwrap());
        run(&place, &server, &[]);
        make(&place);
        for command in [&["resume", "run"][..], &["retry", "run"], &["show", "run", "0"]] {
            let refused = place.run(command).ended(5);
            assert!(refused.stderr.contains("error: run/ledger is damaged: "), "{damage}: {refused:?}");
            assert!(refused.stderr.contains("restore it from a copy"), "{damage}: {refused:?}");
        }
        assert_eq!(server.requests(), 20, "{damage}");
        if damage == "gone" {
            fs::remove_dir_all(place.path("run/out")).unwrap();
            fs::remove_file(place.path("run/summary.json")).unwrap();
            place.run(&["resume", "run"]).ended(5);
            // Nothing tells of a row any more: so it is where a process has ended before its first.
            others.iter().for_each(|name| fs::remove_file(place.path(&format!("run/{name}"))).unwrap());
            place.run(&["resume", "run"]).ended(0);
            assert_eq!((server.requests(), rows_in(&place.path("run")).len()), (40, 20));
        }
    }
}

#[test]
fn an_earlier_file_of_the_ledger_that_is_gone_is_missed() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    run(&place, &server, &[]);
    place.file("urls", place.read("urls") + &format!("{}/?more\n", server.url()));
    place.run(&["resume", "run"]).ended(0);
    for make in [
        |place: &Place| fs::write(place.path("run/ledger/w0-000001.csv"), "").unwrap(),
        |place: &Place| fs::remove_file(place.path("run/ledger/w0-000001.csv")).unwrap(),
    ] {
        make(&place);
        let refused = place.run(&["resume", "run"]).ended(5);
        assert!(refused.stderr.contains("is damaged"), "{refused:?}");
    }
    assert_eq!(server.requests(), 21);
}

#[test]
fn a_summary_that_cannot_be_read_is_made_anew() {
    for (flags, text) in [(&[][..], "{\"ok\": 2"), (&[], ""), (&["--format", "csv"], "\0\0")] {
        let (place, server) = (Place::new(), Server::start().unwrap());
        run(&place, &server, flags);
        let before = place.run(&["status", "run", "--json"]).ended(0).json();
        place.file("run/summary.json", text);
        let status = place.run(&["status", "run", "--json"]).ended(0).json();
        for name in ["command", "ok", "failed", "unknown", "submitted", "attempts", "ledger_rows", "statuses"]
        {
            assert_eq!(status[name], before[name], "{name}");
        }
        place.run(&["report", "run"]).ended(0);
        assert!(place.read("run/report.html").contains("20"));
        place.run(&["resume", "run"]).ended(0);
        assert_eq!(server.requests(), 20);
        let written: serde_json::Value = serde_json::from_str(&place.read("run/summary.json")).unwrap();
        assert_eq!((&written["ok"], &written["submitted"]), (&20.into(), &20.into()));
        assert_eq!(written["started"].as_f64().unwrap() as u64, before["started"].as_f64().unwrap() as u64);
    }
}

#[test]
fn a_timeline_that_cannot_be_read_is_left_aside() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    run(&place, &server, &[]);
    place.file("run/timeline.jsonl", b"\xff\xff{]\n");
    for command in ["status", "report", "resume"] {
        place.run(&[command, "run"]).ended(0);
    }
}

/// Nor is it taken for what the run has written.
#[test]
fn what_somebody_else_has_put_there_is_left_alone() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    run(&place, &server, &[]);
    let others = ["ledger/notes.csv", "ledger/notes-2.csv", "out/README", "out/mine-7.csv", "live/a-1.jsonl"];
    for name in others {
        place.file(&format!("run/{name}"), "theirs");
    }
    place.file("urls", place.read("urls") + &format!("{}/?more\n", server.url()));
    place.run(&["resume", "run"]).ended(0);
    for name in others {
        assert_eq!(place.read(&format!("run/{name}")), "theirs", "{name}");
    }
    assert_eq!(server.requests(), 21);
}
