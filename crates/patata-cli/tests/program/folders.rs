//! `run -o` and what goes on with it: `resume`, `retry`, `status`, `report`, `show`.

use std::fs;

use patata_testserver::Server;
use serde_json::{Value, json};

use super::support::{Place, rows_in};

/// A file of so many URLs that are answered well.
fn urls(place: &Place, server: &Server, count: usize) {
    let lines: String = (0..count).map(|number| format!("{}/?{number}\n", server.url())).collect();
    place.file("urls", lines);
}

#[test]
fn a_folder_has_all_that_came() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    urls(&place, &server, 50);
    let ran = place.run(&["run", "urls", "-o", "run"]).ended(0);
    assert_eq!((ran.stdout.as_str(), ran.last_line()), ("", "patata report run"));
    assert!(rows_in(&place.path("run")).iter().map(|row| row["index"].as_u64().unwrap()).eq(0..50));
    let manifest: Value = serde_json::from_str(&place.read("run/manifest.json")).unwrap();
    let input = fs::canonicalize(place.path("urls")).unwrap();
    assert_eq!(manifest["arguments"], json!(["run", "--", input]));
    let again = place.run(&["run", "urls", "-o", "run"]).ended(2);
    assert!(again.stderr.contains("go on with it by `patata resume run`"), "{again:?}");
}

#[test]
fn options_of_output_are_kept_for_the_next_process() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    urls(&place, &server, 5);
    let flags =
        ["--format", "csv", "--compress", "gzip", "--columns", "id,status,body.message", "--part-rows", "2"];
    place.run(&[&["run", "urls", "-o", "run", "-i", "--unknown", "resend"], &flags[..]].concat()).ended(0);
    let names: Vec<_> =
        fs::read_dir(place.path("run/out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| name.to_str().unwrap().ends_with(".csv.gz")));
    let manifest: Value = serde_json::from_str(&place.read("run/manifest.json")).unwrap();
    let columns = json!(["id", "status", "body.message"]);
    let expected =
        json!({"format": "csv", "compression": "gzip", "part_rows": 2, "columns": columns, "headers": true});
    assert_eq!(manifest["output"], expected);
}

#[test]
fn a_resume_does_what_is_left() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    urls(&place, &server, 10);
    place.run(&["run", "urls", "-o", "run"]).ended(0);
    let finished = place.run(&["resume", "run"]).ended(0);
    assert!(finished.stderr.contains("nothing is left to do: 10 ok, 0 failed"), "{finished:?}");
    assert_eq!(server.requests(), 10);
    urls(&place, &server, 15);
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let resumed =
        place.command(&["resume", "../run", "-c", "1", "--rate", "1000/s"]).current_dir(elsewhere).output();
    assert_eq!(resumed.unwrap().status.code(), Some(0));
    assert_eq!((server.requests(), rows_in(&place.path("run")).len()), (15, 15));
}

#[test]
fn an_input_that_has_changed_is_refused() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    urls(&place, &server, 10);
    place.run(&["run", "urls", "-o", "run"]).ended(0);
    place.file("urls", place.read("urls").replace("?3\n", "?x\n"));
    let refused = place.run(&["resume", "run"]).ended(2);
    assert!(
        refused.stderr.contains("the input has changed") && refused.stderr.contains("row"),
        "{refused:?}"
    );
    assert_eq!(server.requests(), 10);
}

#[test]
fn what_was_piped_in_is_piped_in_again() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines =
        |count: usize| (0..count).map(|number| format!("{}/?{number}\n", server.url())).collect::<String>();
    place.run_with(&lines(3), &["run", "-", "-o", "run"]).ended(0);
    place.run_with(&lines(5), &["resume", "run"]).ended(0);
    assert_eq!((server.requests(), rows_in(&place.path("run")).len()), (5, 5));
}

#[test]
fn what_failed_is_sent_again_if_wanted() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = server.url();
    place.file("urls", format!("{url}/flaky/a/1\n{url}/status/404\n{url}/\nhttp://127.0.0.1:1/\n"));
    let ran = place.run(&["run", "urls", "-o", "run"]).ended(1);
    assert_eq!(ran.last_line(), "patata retry run");
    assert_eq!(place.read("run/failed.jsonl").lines().count(), 3);
    let before = server.requests();
    place.run(&["retry", "run", "--status", "5xx"]).ended(1);
    assert_eq!(server.requests() - before, 1, "the other failures are left alone");
    assert_eq!(place.run(&["status", "run", "--json"]).ended(0).json()["failed"], 2);
    place.run(&["retry", "run", "--kind", "connect"]).ended(1);
    assert_eq!(server.requests() - before, 1);
    place.run(&["retry", "run", "--unknown", "-c", "1"]).ended(1);
    assert_eq!(server.requests() - before, 2);
    let none = place.run(&["retry", "run", "--status", "418"]).ended(0);
    assert_eq!(none.stderr, "no request of the run is to be sent again\n");
    let unknown = place.run(&["retry", "run", "--kind", "time-out"]).ended(2);
    assert!(unknown.stderr.contains("did you mean \"timeout\"?"), "{unknown:?}");
}

/// Of what it sent, and what it did not: neither has failed.
#[test]
fn what_the_deadline_ends_is_left_to_a_resume() {
    let (place, server) = (Place::new().with_variable("KEY", "secret"), Server::start().unwrap());
    let url = server.url();
    place.file("urls", format!("{url}/\n{url}/delay/60000\n{url}/delay/60000\n{url}/\n"));
    for (folder, flags) in [("run", &[][..]), ("redacted", &["--param", "key=env:KEY"])] {
        let limits = ["-c", "2", "--deadline", "1s"];
        let ran = place.run(&[&["run", "urls", "-o", folder], &limits[..], flags].concat()).ended(3);
        assert_eq!(ran.last_line(), format!("patata resume {folder}"));
        let status = place.run(&["status", folder, "--json"]).ended(0).json();
        let counts = ["ok", "failed", "unknown", "cancelled"].map(|name| status[name].as_u64().unwrap());
        assert_eq!((counts, rows_in(&place.path(folder)).len()), ([1, 0, 0, 3], 1));
        assert!(status["stopped"].as_str().unwrap().contains("deadline"), "{status}");
        place.run(&["resume", folder, "-c", "3"]).ended(3);
        assert!(rows_in(&place.path(folder)).iter().map(|row| &row["index"]).eq([0, 3].iter()));
    }
}

/// In whatever form the parts are.
#[test]
fn a_request_that_was_sent_again_has_one_row() {
    for flags in [&[][..], &["--compress", "zstd"], &["--compress", "gzip"], &["--columns", "id,body"]] {
        let (place, server) = (Place::new(), Server::start().unwrap());
        let url = server.url();
        place.file("urls", format!("{url}/\n{url}/flaky/a/1\n{url}/status/404\n{url}/\n{url}/status/404\n"));
        let csv = [&["run", "urls", "-o", "run", "--format", "csv", "--part-rows", "2"], flags].concat();
        place.run(&csv).ended(1);
        place.run(&["retry", "run"]).ended(1);
        place.run(&["retry", "run", "--status", "404"]).ended(1);
        let status = place.run(&["status", "run", "--json"]).ended(0).json();
        let counts = ["ok", "failed", "submitted", "attempts"].map(|name| status[name].as_u64().unwrap());
        assert_eq!(counts, [3, 2, 5, 5], "{flags:?}");
        let mut ids: Vec<_> =
            csv_rows(&place.path("run/out")).into_iter().map(|row| row[0].to_owned()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["0", "1", "2", "3", "4"], "{flags:?}");
    }
}

/// The rows of all parts that are CSV, however they are compressed.
fn csv_rows(out: &std::path::Path) -> Vec<csv::StringRecord> {
    let mut rows = Vec::new();
    for part in fs::read_dir(out).unwrap() {
        let path = part.unwrap().path();
        let file = fs::File::open(&path).unwrap();
        let file: Box<dyn std::io::Read> = match path.extension().unwrap().to_str().unwrap() {
            "zst" => Box::new(zstd::Decoder::new(file).unwrap()),
            "gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
            _ => Box::new(file),
        };
        rows.extend(csv::Reader::from_reader(file).into_records().map(Result::unwrap));
    }
    rows
}

#[test]
fn a_run_can_be_looked_at() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = server.url();
    place.file(
        "in.jsonl",
        format!("{{\"url\":\"{url}/\",\"id\":\"a\"}}\n{{\"url\":\"{url}/status/404\",\"id\":9}}\n"),
    );
    place.run(&["run", "in.jsonl", "-o", "run"]).ended(1);
    let status = place.run(&["status", "run"]).ended(0);
    let expected = format!(
        "run is over\n2 of 2 done: 1 ok, 1 failed, 0 unknown\n  1 × 404 from {} \npatata retry run\n",
        server.address()
    );
    assert_eq!(status.stdout, expected);
    let json = place.run(&["status", "run", "--json"]).ended(0).json();
    assert_eq!((&json["done"], &json["running"], &json["total"]), (&json!(2), &json!(false), &json!(2)));
    place.run(&["status", "run", "--watch"]).ended(0);
    for (asked, index) in [("a", 0), ("9", 1), ("1", 1), ("0", 0)] {
        assert_eq!(place.run(&["show", "run", asked]).ended(0).json()["index"], index, "{asked}");
    }
    let missing = place.run(&["show", "run", "b"]).ended(1);
    assert_eq!(missing.stderr, "no request that has ended in run is known by \"b\"\n");
    assert_eq!(place.run(&["report", "run"]).ended(0).stdout, "run/report.html\n");
    assert!(place.read("run/report.html").contains("<html"));
    let place = place.with_variable("PATH", "/none");
    let opened = place.run(&["report", "run", "--open"]).ended(5);
    assert!(opened.stderr.contains("open run/report.html yourself"), "{opened:?}");
}

/// Whichever process sends it: a file has the body of the row that its line says.
#[test]
fn no_file_is_overwritten_by_another_row() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let row = |bytes: u64, name: &str| format!("{}/bytes/{bytes},{name}\n", server.url());
    place.file("files.csv", format!("url,name\n{}{}{}", row(10, "a"), row(20, "b"), row(30, "a")));
    place.run(&["run", "files.csv", "{url}", "--save-to", "files/{name}", "-o", "run"]).ended(1);
    place.run(&["retry", "run"]).ended(1);
    let failed = place.run(&["show", "run", "2"]).ended(0).stdout;
    assert!(failed.contains("as that of row 0 (counted from 0) does"), "{failed}");
    assert_eq!((place.read("files/a").len(), place.read("files/b").len()), (10, 20));
    let canary = ["--canary", "1", "--max-failures", "5"];
    place
        .run(
            &[&["run", "files.csv", "{url}", "--save-to", "others/{name}", "-o", "other"], &canary[..]]
                .concat(),
        )
        .ended(1);
    assert_eq!(place.read("others/a").len(), 10);
}

#[test]
fn a_canary_decides_on_the_rest_in_a_folder_too() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines: String = (0..50).map(|number| format!("{}/no?{number}\n", server.url())).collect();
    place.file("urls", lines);
    let refused = place.run(&["run", "urls", "-o", "run", "--canary", "5"]).ended(3);
    assert_eq!((server.requests(), refused.last_line()), (5, "patata retry run"));
    place.run(&["resume", "run"]).ended(3);
    assert_eq!(server.requests(), 5, "the rest is sent only if the canary is good");
    place.run(&["retry", "run"]).ended(3);
    assert_eq!(server.requests(), 10);
    urls(&place, &server, 50);
    place.run(&["run", "urls", "-o", "good", "--canary", "5"]).ended(0);
    assert!(rows_in(&place.path("good")).iter().map(|row| row["index"].as_u64().unwrap()).eq(0..50));
}

#[test]
fn what_is_no_run_folder_is_told_so() {
    let place = Place::new();
    place.file("other/file", "");
    place.file("newer/manifest.json", "{\"format\":1000}");
    for command in ["resume", "retry", "status", "report", "pause"] {
        for folder in ["none", "other", "other/file"] {
            let ran = place.run(&[command, folder]).ended(2);
            assert!(ran.stderr.contains(&format!("{folder} is not a run folder")), "{command}: {ran:?}");
        }
        let newer = place.run(&[command, "newer"]).ended(2);
        assert!(newer.stderr.contains("use a newer patata"), "{command}: {newer:?}");
    }
    let taken = place.run(&["run", "other/file", "-o", "other"]).ended(2);
    assert!(taken.stderr.contains("name a folder that is empty"), "{taken:?}");
}
