//! The folder of a cluster's job: looked into as any other, and gone on with by the job itself.

use patata::{Client, Request};
use patata_run::{Id, Manifest, Part, RecordOptions, RecordedRun, RunFolder};
use patata_testserver::Server;
use serde_json::Value;

use super::support::Place;

/// What two workers have done: 20 rows, of which each tenth is not found.
fn two_parts(place: &Place, server: &Server) {
    let path = place.path("run");
    let session = RunFolder::begin_session(&path, Manifest::new("python")).unwrap();
    let client = Client::builder().build().unwrap();
    for (name, rows) in [("a", 0..7), ("b", 7..20)] {
        let request = |row: i64| {
            let way = if row % 10 == 0 { "status/404" } else { "" };
            (Id::from(row), Request::get((), format!("{}/{way}", server.url())))
        };
        let requests = || rows.clone().map(request);
        let part = Part::new(name, session);
        let recording = RunFolder::open_part(&path, &part, RecordOptions::default(), requests).unwrap();
        let mut run = RecordedRun::start(&client, recording, requests());
        run.by_ref().for_each(|recorded| drop(recorded.unwrap()));
        run.finish(None).unwrap();
    }
}

#[test]
fn the_folder_of_a_cluster_is_looked_into_as_one_run() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    two_parts(&place, &server);
    let ran = place.run(&["status", "run"]).ended(0);
    assert!(ran.stdout.contains("20 of 20 done: 18 ok, 2 failed, 0 unknown"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("patata retry run\n"), "{}", ran.stdout);
    let status: Value =
        serde_json::from_str(&place.run(&["status", "run", "--json"]).ended(0).stdout).unwrap();
    assert_eq!(
        (&status["ok"], &status["processes"], &status["running"]),
        (&18.into(), &2.into(), &false.into())
    );
    let row: Value = serde_json::from_str(&place.run(&["show", "run", "13"]).ended(0).stdout).unwrap();
    assert_eq!((&row["id"], &row["status"]), (&13.into(), &200.into()));
    place.run(&["report", "run"]).ended(0);
    assert!(place.read("run/report.html").contains("404"));
}

#[test]
fn the_job_of_a_cluster_goes_on_by_itself() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    two_parts(&place, &server);
    let ran = place.run(&["resume", "run"]).ended(2);
    assert!(ran.stderr.contains("the job that began it goes on with it: run that again"), "{}", ran.stderr);
    let ran = place.run(&["retry", "run"]).ended(0);
    assert!(ran.stdout.starts_with("2 requests are to be sent again. run: "), "{}", ran.stdout);
    two_parts(&place, &server);
    assert_eq!(server.requests(), 22);
    let ran = place.run(&["run", "-o", "run", "-"]).ended(2);
    assert!(ran.stderr.contains("run holds a run already"), "{}", ran.stderr);
}
