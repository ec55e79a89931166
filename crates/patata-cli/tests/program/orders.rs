//! A run under way is told things: `set`, `pause`, `resume`; others are kept away.
#![cfg(unix)]

use std::time::Duration;

use patata_testserver::{LlmLimits, Server};

use super::support::{Place, ended, wait_until};

#[test]
fn a_run_under_way_is_changed_paused_and_let_go_on() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let lines: String = (0..100).map(|number| format!("{}/?{number}\n", server.url())).collect();
    place.file("urls", lines);
    let child = place.spawn(&["run", "urls", "-o", "run", "--rate", "3/s", "--progress", "plain"]);
    wait_until("the first request", || server.requests() > 0);
    assert!(
        place.run(&["run", "urls", "-o", "run"]).ended(11).stderr.contains("run is in use by another run")
    );
    assert!(place.run(&["resume", "run"]).ended(11).stderr.contains("`patata set`"));
    assert!(place.run(&["retry", "run"]).ended(11).stderr.contains("in use"));
    wait_until("the socket", || place.path("run/control/socket").exists());
    assert!(place.run(&["pause", "run"]).ended(0).stdout.starts_with("run is paused; "));
    assert!(place.run(&["pause", "run"]).ended(0).stdout.starts_with("run is paused already"));
    let paused_at = server.requests();
    wait_until("a second", || place.path("run/timeline.jsonl").exists());
    let status = place.run(&["status", "run"]).ended(0).stdout;
    assert!(
        status.starts_with("run under way\n") && status.ends_with("patata status run --watch\n"),
        "{status}"
    );
    wait_until("the total", || place.run(&["status", "run", "--json"]).ended(0).json()["total"] == 100);
    assert_eq!(place.run(&["status", "run", "--json"]).ended(0).json()["running"], true);
    let watched = place.spawn(&["status", "run", "--watch", "--json"]);
    let set = place.run(&["set", "run", "--rate", "none", "--concurrency", "3"]).ended(0);
    assert_eq!(set.stdout, "rate 3/s → none, concurrency none → 3\n");
    assert!(server.requests() <= paused_at + 1, "nothing is sent while it is paused");
    let set = place.run(&["set", "run", "--rate", "auto", "--rate", "500/s"]).ended(0);
    assert_eq!(set.stdout, "rate none → auto and 500/s\n");
    assert!(place.run(&["set", "run", "--rate", "fast"]).ended(2).stderr.contains("rate must be"));
    assert_eq!(place.run(&["resume", "run"]).ended(0).stdout, "run goes on\n");
    let ran = ended(child).ended(0);
    assert_eq!(server.requests(), 100);
    let watched = ended(watched).ended(0).stdout;
    let last: serde_json::Value = serde_json::from_str(watched.lines().last().unwrap()).unwrap();
    assert_eq!((&last["done"], &last["running"]), (&100.into(), &false.into()));
    assert_eq!(ran.last_line(), "patata report run");
    let over = place.run(&["set", "run", "--rate", "1/s"]).ended(2);
    assert!(over.stderr.contains("no process is at work in run"), "{over:?}");
}

#[test]
fn a_language_models_api_is_asked_at_the_pace_that_it_tells() {
    let limits =
        LlmLimits { requests_per_minute: 12_000, tokens_per_minute: 10_000_000, ..LlmLimits::default() };
    let server = Server::builder().llm(limits, Duration::from_millis(5)).start().unwrap();
    let place = Place::new();
    let url = format!("{}/v1/chat/completions", server.url());
    place.file("prompts.jsonl", "{\"prompt\": \"say it\"}\n".repeat(300));
    let body = r#"{"messages": [{"role": "user", "content": {prompt}}], "max_tokens": 1}"#;
    let run = ["run", "prompts.jsonl", &url, "--json", body, "--rate", "auto", "--no-learn-limits"];
    let ran = place.run(&run).ended(0);
    assert_eq!(ran.stdout.lines().count(), 300, "{ran:?}");
    let counts = server.llm_counts().unwrap();
    assert_eq!((counts.requests, counts.refused, counts.tokens), (300, 0, 900));
}
