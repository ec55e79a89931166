//! Budgets that are held and looked at from the command line.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Instant;

use patata_budget::{ClientOptions, Purse};
use patata_testserver::Server;

use super::support::{Place, ended, send, wait_until};

/// Starts a holder, and gives its handle.
fn serve(place: &Place, arguments: &[&str]) -> (Child, String) {
    let mut child = place.spawn(&[&["budget", "serve"], arguments].concat());
    let mut handle = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut handle).unwrap();
    (child, handle.trim().to_owned())
}

#[test]
fn a_budget_is_held_until_ctrl_c_and_tells_how_it_is_used() {
    let place = Place::new().with_variable("SECRET", "hush hush");
    let (child, handle) = serve(
        &place,
        &[
            "--rate",
            "1000/s",
            "--budget",
            "tokens=90000/min",
            "--concurrency",
            "50",
            "--secret",
            "env:SECRET",
        ],
    );
    assert!(handle.starts_with("budget://127.0.0.1:") && handle.contains("?secret=hush+hush"), "{handle}");
    let unused = place.run(&["budget", "status", &handle]).ended(0).stdout;
    assert!(unused.contains("requests 1000/s, tokens 90000/min, concurrency 50"), "{unused}");
    assert!(unused.contains("nobody shares it now") && !unused.contains("hush"), "{unused}");
    let purse = Purse::open(
        handle.parse().unwrap(),
        ClientOptions { name: "a test".to_owned(), ..Default::default() },
    );
    let purse = purse.unwrap();
    let permit = purse.take(&[("requests", 1), ("tokens", 120)]).unwrap();
    let status = place.run(&["budget", "status", &handle, "--json"]).ended(0).json();
    assert_eq!((&status["units"][1]["used"], &status["sharers"][0]["name"]), (&120.into(), &"a test".into()));
    let text = place.run(&["budget", "status", &handle]).ended(0).stdout;
    assert!(text.contains("  a test: 1 requests, 120 tokens, 1 permits"), "{text}");
    drop((permit, purse));
    wait_until("the goodbye", || {
        place.run(&["budget", "status", &handle]).ended(0).stdout.contains("nobody shares it now")
    });
    send(&child, "-INT");
    ended(child).ended(0);
    let gone = place.run(&["budget", "status", &handle]).ended(5).stderr;
    assert!(gone.contains("patata budget serve") && !gone.contains("hush"), "{gone}");
}

#[test]
fn a_wrong_secret_is_named_and_not_shown() {
    let place = Place::new();
    let (child, handle) = serve(&place, &["--rate", "1/s"]);
    let (address, _) = handle.split_once("secret=").unwrap();
    let told = place.run(&["budget", "status", &format!("{address}secret=guessed")]).ended(2).stderr;
    assert!(told.contains("the secret for the budget at 127.0.0.1:") && !told.contains("guessed"), "{told}");
    send(&child, "-TERM");
    ended(child).ended(0);
}

#[test]
fn a_socket_in_a_folder_is_for_its_owner_and_goes_with_its_holder() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let (child, handle) = serve(&place, &["--concurrency", "2", "--unix", "b.sock"]);
    let path = place.path("b.sock");
    assert_eq!(handle, format!("unix://{}", path.display()));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let taken = place.run(&["budget", "serve", "--rate", "1/s", "--unix", "b.sock"]).ended(5).stderr;
    assert!(taken.contains("a holder is at work there already"), "{taken}");
    assert!(place.run(&["budget", "status", &handle]).ended(0).stdout.contains("0 of 2 permits"));
    send(&child, "-INT");
    ended(child).ended(0);
    assert!(!path.exists());
    place.file("b.sock", "mine");
    let file = place.run(&["budget", "serve", "--rate", "1/s", "--unix", "b.sock"]).ended(5).stderr;
    assert!(file.contains("which is no socket"), "{file}");
}

/// Forty requests, and the URL that answers them.
fn rows(place: &Place, server: &Server) -> String {
    let rows: String = (0..40).map(|n| format!("{n}\n")).collect();
    place.file("rows.csv", format!("n\n{rows}"));
    format!("{}/echo?n={{n}}", server.url())
}

#[test]
fn runs_and_single_requests_share_a_budget_that_a_variable_opens() {
    let server = Server::start().unwrap();
    let (child, handle) = serve(&Place::new(), &["--rate", "200/s", "--budget", "tokens=900/s"]);
    let place = Place::new().with_variable("CRM", &handle);
    let url = rows(&place, &server);
    let begin = Instant::now();
    let shared = ["--budget", "env:CRM", "-c", "8"];
    place
        .run(&[&["run", "rows.csv", &url, "--cost", "tokens=10", "-o", "run"], &shared[..]].concat())
        .ended(0);
    assert!(begin.elapsed().as_millis() >= 390);
    place.run(&["retry", "run", "--status", "200", "--budget", "env:CRM"]).ended(0);
    place.run(&["get", server.url(), "--budget", "env:CRM"]).ended(0);
    let status = place.run(&["budget", "status", &handle, "--json"]).ended(0).json();
    assert_eq!((&status["units"][0]["used"], &status["units"][1]["used"]), (&41.into(), &400.into()));
    let manifest = place.read("run/manifest.json");
    assert!(manifest.contains("env:CRM") && !manifest.contains("secret="), "{manifest}");
    send(&child, "-TERM");
    ended(child).ended(0);
}

#[test]
fn a_shared_budget_that_cannot_be_had_is_told_with_the_fix() {
    let place = Place::new().with_variable("CRM", "budget://127.0.0.1:1/?secret=hush");
    let server = Server::start().unwrap();
    let url = rows(&place, &server);
    let plain = "budget://127.0.0.1:1/?secret=hush";
    for (flags, expected) in [
        (&["--budget", plain, "-o", "run"][..], "--budget env:BUDGET"),
        (&["--budget", "redis://:hush@host/0?name=a", "-o", "run"], "--budget env:BUDGET"),
        (&["--budget", "env:CRM", "--budget", plain], "leave one"),
        (&["--budget", "env:NONE"], "NONE is not set"),
        (&["--budget", "http://host"], "no http://"),
        (&["--budget", "tokens"], "or a handle, as env:NAME"),
        (&["--budget-timeout", "1s"], "no shared budget"),
    ] {
        let told = place.run(&[&["run", "rows.csv", &url], flags].concat()).ended(2).stderr;
        assert!(told.contains(expected) && !told.contains("hush"), "{flags:?}: {told}");
    }
    assert!(!place.path("run").exists());
    let shared = ["--budget", "env:CRM", "--budget-timeout", "200ms"];
    let ran = place.run(&[&["run", "rows.csv", &url], &shared[..]].concat()).ended(1);
    assert!(
        ran.stdout.contains("127.0.0.1:1 has not answered") && !ran.stdout.contains("hush"),
        "{}",
        ran.stdout
    );
    assert_eq!(server.requests(), 0);
}
