//! Ctrl-C and SIGTERM.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use patata_testserver::Server;

use super::support::{Place, ended, rows_in, send, wait_until};

#[test]
fn an_interrupted_run_can_be_resumed() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines: String = (0..60).map(|number| format!("{}/?{number}\n", server.url())).collect();
    place.file("urls", lines);
    let child = place.spawn(&["run", "urls", "-o", "run", "--rate", "20/s"]);
    wait_until("some requests", || server.requests() >= 5);
    send(&child, "-INT");
    let ran = ended(child).ended(130);
    assert_eq!(ran.last_line(), "patata resume run");
    assert!(place.run(&["status", "run"]).ended(0).stdout.contains("stopped: interrupted (Ctrl-C)"));
    let child = place.spawn(&["resume", "run", "--rate", "20/s"]);
    let before = server.requests();
    wait_until("some more", || server.requests() >= before + 2);
    send(&child, "-TERM");
    ended(child).ended(143);
    place.run(&["resume", "run", "--rate", "1000/s"]).ended(0);
    assert!(rows_in(&place.path("run")).iter().map(|row| row["index"].as_u64().unwrap()).eq(0..60));
}

#[test]
fn a_run_that_waits_for_its_input_hears_it_too() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = place.command(&["run", "-", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::io::Write::write_all(&mut input, format!("{}/\n", server.url()).as_bytes()).unwrap();
        output.read_line(&mut String::new()).unwrap();
        send(&child, signal);
        ended(child).ended(code);
        drop(input);
    }
}

#[test]
fn a_request_without_an_answer_holds_up_no_interrupt() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{0}/\n{0}/delay/600000\n", server.url()));
    let child = place.spawn(&["run", "urls", "-o", "run"]);
    wait_until("both requests", || server.requests() == 2);
    send(&child, "-INT");
    let ran = ended(child).ended(130);
    assert_eq!(ran.last_line(), "patata resume run");
    let status = place.run(&["status", "run", "--json"]).ended(0).json();
    assert_eq!((&status["ok"], &status["unknown"]), (&1.into(), &0.into()), "a GET can be sent again");
}

/// Who does not read holds up even the end in order.
#[test]
fn a_second_interrupt_ends_it_at_once() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/bytes/10000\n", server.url()).repeat(1000));
    let mut child = place.spawn(&["run", "urls", "-q"]);
    let unread = child.stdout.take();
    wait_until("the first requests", || server.requests() > 0);
    // The pipe is full before half of it is written. Signals that have not been taken yet are one.
    wait_until("the end", || {
        let is_over = child.try_wait().unwrap().is_some();
        if !is_over {
            send(&child, "-INT");
        }
        is_over
    });
    drop(unread);
    ended(child).ended(130);
}

#[test]
fn the_test_server_serves_until_it_is_told_to_stop() {
    let place = Place::new();
    let mut child = place.spawn(&["serve", "--address", "127.0.0.1:0", "--threads", "2"]);
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    let answer = place.run(&["get", url.trim()]).ended(0);
    assert_eq!(answer.stdout, "{\"message\":\"Hello world!\"}");
    let taken = place.run(&["serve", "--address", url.trim().trim_start_matches("http://")]).ended(5);
    assert!(taken.stderr.contains("cannot serve on"), "{taken:?}");
    send(&child, "-INT");
    ended(child).ended(0);
}
