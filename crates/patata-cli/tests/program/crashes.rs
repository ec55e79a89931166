//! A process that is killed, and a disk that is full: what came is safe, and the run goes on.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use patata_testserver::Server;

use super::support::{Place, Ran, ended, rows_in, send, wait_until};

/// A server that leaves its first request without an answer, and answers those after it. Gives its URL, and what hears
/// of the first one.
fn answers_from_the_second_on() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (first, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut unanswered = None;
        for mut connection in listener.incoming().map(Result::unwrap) {
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().is_empty()), "a whole head comes");
            if unanswered.is_none() {
                unanswered = Some(connection);
                first.send(()).unwrap();
                continue;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, heard)
}

/// What the ledger says so far, in all of its files.
fn ledger(place: &Place) -> String {
    let Ok(files) = fs::read_dir(place.path("run/ledger")) else { return String::new() };
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default()).collect()
}

#[test]
fn an_input_that_has_changed_since_a_process_was_killed_is_refused() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let (other, heard) = answers_from_the_second_on();
    place.file("urls", format!("{}/?a\n", server.url()).repeat(5) + &other + "\n");
    let child = place.spawn(&["run", "urls", "-o", "run"]);
    wait_until("five responses", || ledger(&place).matches(",done,200,").count() == 5);
    wait_until("the sixth request", || heard.try_recv().is_ok());
    send(&child, "-KILL");
    ended(child).ended(-9);
    let urls = place.read("urls");
    place.file("urls", urls.replacen("?a", "?b", 1));
    let refused = place.run(&["resume", "run"]).ended(2);
    assert!(
        refused.stderr.contains("the input has changed since the run began, from row 0 on"),
        "{refused:?}"
    );
    place.file("urls", urls);
    place.run(&["resume", "run"]).ended(0);
    assert_eq!((server.requests(), rows_in(&place.path("run")).len()), (5, 6));
}

#[test]
fn a_post_that_was_under_way_is_sent_again_only_with_leave() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let (other, heard) = answers_from_the_second_on();
    place.file("urls", format!("{}/\n", server.url()).repeat(5) + &other + "\n");
    let child = place.spawn(&["run", "urls", "-X", "POST", "-o", "run"]);
    wait_until("five responses", || ledger(&place).matches(",done,200,").count() == 5);
    wait_until("the sixth request", || heard.try_recv().is_ok());
    send(&child, "-KILL");
    ended(child).ended(-9);
    let status = place.run(&["status", "run"]).ended(0).stdout;
    assert!(status.contains("was killed") && status.contains("patata resume run"), "{status}");

    let resumed = place.run(&["resume", "run"]).ended(4);
    assert_eq!(resumed.last_line(), "patata resume run --unknown resend");
    assert_eq!((server.requests(), rows_in(&place.path("run")).len()), (5, 5));
    let unknown: serde_json::Value = serde_json::from_str(&place.read("run/unknown.jsonl")).unwrap();
    assert_eq!(
        (&unknown["index"], &unknown["method"], &unknown["url"]),
        (&5.into(), &"POST".into(), &other.into())
    );
    place.run(&["resume", "run"]).ended(4);

    place.run(&["resume", "run", "--unknown", "resend"]).ended(0);
    assert!(rows_in(&place.path("run")).iter().map(|row| row["index"].as_u64().unwrap()).eq(0..6));
    assert_eq!((server.requests(), place.read("run/unknown.jsonl").as_str()), (5, ""));
}

/// Runs the program where no file may be larger than so many KiB.
fn on_a_small_disk(place: &Place, kibibytes: usize, arguments: &[&str]) -> Ran {
    let program = place.command(&[]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -f \"$1\"; shift; exec \"$@\"", "sh", &(2 * kibibytes).to_string()]);
    command.arg(program.get_program()).args(arguments).current_dir(place.path(""));
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(command.spawn().unwrap())
}

#[test]
fn a_full_disk_ends_the_run_and_it_goes_on_once_there_is_room() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines: String = (0..300).map(|number| format!("{}/bytes/1000?{number}\n", server.url())).collect();
    place.file("urls", lines);
    for arguments in [&["run", "urls", "-o", "run"][..], &["resume", "run"]] {
        let full = on_a_small_disk(&place, 32, arguments).ended(5);
        assert!(full.stderr.contains("error: writing run/live/"), "{full:?}");
        assert_eq!(full.last_line(), "patata resume run");
        let status = place.run(&["status", "run"]).ended(0).stdout;
        assert!(status.starts_with("run has ended, as its disk failed\n"), "{status}");
        assert!(
            status.contains("\nstopped: writing run/live/") && status.ends_with("\npatata resume run\n"),
            "{status}"
        );
        let done = place.run(&["status", "run", "--json"]).ended(0).json()["done"].as_u64().unwrap();
        assert_eq!(done, ledger(&place).matches(",done,200,").count() as u64);
    }
    let full = on_a_small_disk(&place, 0, &["resume", "run"]).ended(5);
    assert_eq!(full.last_line(), "patata resume run");
    place.run(&["resume", "run"]).ended(0);
    assert!(rows_in(&place.path("run")).iter().map(|row| row["index"].as_u64().unwrap()).eq(0..300));
}
