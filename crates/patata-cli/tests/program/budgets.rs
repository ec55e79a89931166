//! `--budget`, `--cost` and `--settle`: what is used of which unit in a time.

use std::time::{Duration, Instant};

use patata_testserver::{LlmLimits, Server};

use super::support::{Place, ended, wait_until};

/// Eleven rows of ten tokens each, and the URL that answers with what it is sent.
fn table(place: &Place, server: &Server) -> String {
    place.file("rows.csv", format!("n,tokens\n{}", "1,10\n".repeat(11)));
    format!("{}/echo", server.url())
}

#[test]
fn a_budget_spreads_requests_by_what_a_field_or_a_number_says_that_they_cost() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = table(&place, &server);
    place.file("budget.toml", "budget = [\"tokens=500/s\", \"pages=1k/s\"]\n");
    for flags in [
        &["--budget", "tokens=500/s", "--cost", "tokens=tokens"][..],
        &["--budget", "tokens=500/s", "--cost", "tokens=10"],
        &["--budget-per-host", "requests=50/s"],
        &["--budget", "requests=1k/s", "--budget", "requests=50/s"],
        &["--config", "budget.toml", "--cost", "tokens={tokens}"],
    ] {
        let begin = Instant::now();
        place.run(&[&["run", "rows.csv", &url], flags].concat()).ended(0);
        assert!(begin.elapsed().as_millis() >= 195, "{flags:?}");
    }
}

#[test]
fn what_responses_say_that_requests_did_cost_is_given_back_or_owed() {
    let place = Place::new();
    // A word is a token: 100 are asked, and 100 answered, after longer than it takes to settle the one before.
    let limits =
        LlmLimits { requests_per_minute: 10_000, tokens_per_minute: 1_000_000, ..LlmLimits::default() };
    let server = Server::builder().llm(limits, Duration::from_millis(50)).start().unwrap();
    place.file("rows.jsonl", format!("{{\"text\": \"{}\"}}\n", "w ".repeat(100)).repeat(6));
    let url = format!("{}/v1/chat/completions", server.url());
    let run = |estimate: &str| {
        let begin = Instant::now();
        let body = r#"{"messages": [{"role": "user", "content": {text}}], "max_tokens": 100}"#;
        let flags = ["--json", body, "--cost", estimate, "--settle", "tokens=usage.total_tokens"];
        let limits = ["--budget", "tokens=2k/s", "-c", "1"];
        place.run(&[&["run", "rows.jsonl", &url], &flags[..], &limits].concat()).ended(0);
        begin.elapsed().as_millis()
    };
    // The second may be on its way before it is known what the first did cost.
    assert!(run("tokens=1") >= 395);
    assert!(run("tokens=2000") < 5 * 1000);
    assert_eq!((server.llm_counts().unwrap().refused, server.llm_counts().unwrap().tokens), (0, 2400));
}

#[test]
fn a_place_where_no_answer_says_what_it_did_cost_is_told_with_those_where_it_may_be() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("rows.jsonl", "{\"n\":1}\n".repeat(6));
    let url = format!("{}/status/200", server.url());
    let told = |settle: &str| {
        let flags = ["--settle", settle, "--progress", "plain"];
        place.run(&[&["run", "rows.jsonl", &url], &flags[..]].concat()).ended(0).stderr
    };
    let missed = "--settle tokens=usage.tokens: no answer has a number there, of 6, and what was estimated stands for \
                  them; the first one has one at status";
    assert!(told("tokens=usage.tokens").contains(missed), "{}", told("tokens=usage.tokens"));
    assert!(!told("tokens=status").contains("--settle"));
    // Where it failed, there need be none.
    let flags = ["--settle", "tokens=usage.tokens", "--progress", "plain"];
    let url = format!("{}/status/500", server.url());
    let told = place.run(&[&["run", "rows.jsonl", &url], &flags[..]].concat()).ended(1).stderr;
    assert!(!told.contains("--settle"), "{told}");
}

#[test]
fn what_cannot_be_used_is_named_with_the_fix() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = table(&place, &server);
    for (flags, expected) in [
        (&["--budget", "tokens"][..], "write a unit and its rate, as tokens=90000/min"),
        (&["--budget", "tokens=fast"], "--budget must be an amount and a unit of time"),
        (&["--budget-per-host", "a b=1/s"], "--budget-per-host must be a unit's name"),
        (&["--cost", "tokens"], "write a unit and what says how much"),
    ] {
        let ran = place.run(&[&["run", "rows.csv", &url], flags].concat()).ended(2);
        assert!(ran.stderr.contains(expected), "{flags:?}: {}", ran.stderr);
    }
    let cost = |cost: &str| {
        let flags = ["--budget", "tokens=5/s", "--cost", cost];
        let rows = place.run(&[&["run", "rows.csv", &url], &flags[..]].concat()).ended(1).rows();
        rows[0]["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(cost("pages=1").contains("costs pages, of which there is no budget (there are: tokens)"));
    assert!(cost("tokens=tokens").contains("never holds more than 5"));
    for amount in ["-1", "inf", "-inf", "nan"] {
        let told = cost(&format!("tokens={amount}"));
        assert!(
            told.contains("cost in tokens must be a number that is neither negative nor infinite"),
            "{told}"
        );
    }
    place.file("rows.csv", "n,tokens\n1,-5\n");
    assert!(cost("tokens=tokens").contains("neither negative nor infinite, it is -5"));
    place.file("rows.csv", "n,tokens\n1,many\n");
    assert!(
        cost("tokens=tokens")
            .contains("the field \"tokens\" is \"many\", and what it costs in tokens is a number")
    );
}

#[test]
fn what_a_run_has_cost_is_summed_over_all_processes_and_told_at_its_end() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("rows.jsonl", "{\"n\":1}\n".repeat(6));
    let url = format!("{}/status/503", server.url());
    let flags = ["--budget", "tokens=1M/s", "--cost", "tokens=500", "--settle", "tokens=status", "-o", "run"];
    let ran = place
        .run(&[&["run", "rows.jsonl", &url, "--canary", "2", "--max-failures", "50"], &flags[..]].concat());
    let told = ran.ended(1).stderr;
    assert!(told.contains("; cost 3,018 tokens (estimated 3,000)"), "{told}");
    let summary = || serde_json::from_str::<serde_json::Value>(&place.read("run/summary.json")).unwrap();
    assert_eq!(summary()["costs"]["tokens"], serde_json::json!({"estimated": 3000.0, "settled": 3018.0}));
    let told = place.run(&["retry", "run", "--progress", "json"]).ended(1).stderr;
    let last =
        told.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).next_back();
    assert_eq!(last.unwrap()["costs"]["tokens"], serde_json::json!({"estimated": 6000.0, "settled": 6036.0}));
    assert_eq!(summary()["costs"]["requests"]["settled"], 12.0);
    assert!(place.read("run/report.html").contains("Cost: 6,036 tokens (estimated 6,000)."));
    let told = place.run(&["status", "run"]).ended(0).stdout;
    assert!(told.contains("6,036 tokens"), "{told}");
}

#[test]
fn a_run_without_a_folder_tells_what_it_has_cost_too() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("rows.jsonl", "{\"n\":1}\n".repeat(6));
    let url = format!("{}/status/200", server.url());
    // Units that there is no budget of are summed all the same where the response says how much it was.
    let ran =
        place.run(&["run", "rows.jsonl", &url, "--settle", "dollars=status", "--progress", "plain"]).ended(0);
    assert!(ran.stderr.contains("; cost 1,200 dollars (estimated 0)"), "{}", ran.stderr);
}

#[test]
#[cfg(unix)]
fn the_budgets_of_a_run_under_way_are_changed() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    table(&place, &server);
    let url = format!("{}/echo", server.url());
    let flags = ["--budget", "tokens=1/h", "--cost", "tokens=1", "-o", "run"];
    let child = place.spawn(&[&["run", "rows.csv", &url], &flags[..]].concat());
    wait_until("the socket", || place.path("run/control/socket").exists());
    let set = place.run(&["set", "run", "--budget", "tokens=1000/s"]).ended(0);
    assert_eq!(set.stdout, "budget tokens=1/h → tokens=1000/s\n");
    assert!(
        place
            .run(&["set", "run", "--budget", "none", "--budget", "a=1/s"])
            .ended(2)
            .stderr
            .contains("stands alone")
    );
    // Days later, by the budget that it was begun with.
    ended(child).ended(0);
    assert_eq!(server.requests(), 11);
}

#[test]
#[cfg(unix)]
fn the_picture_says_which_budget_limits_the_run() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = table(&place, &server);
    let flags =
        ["--budget", "tokens=20/s", "--budget", "requests=100/s", "--cost", "tokens=5", "--progress", "json"];
    let ran = place.run(&[&["run", "rows.csv", &url], &flags[..]].concat()).ended(0);
    let limits: Vec<_> =
        ran.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).collect();
    let sentence = "limited by budget tokens=20/s; ";
    let says_so =
        |tick: &serde_json::Value| tick["limit"].as_str().is_some_and(|limit| limit.starts_with(sentence));
    assert!(limits.iter().any(says_so), "{}", ran.stderr);
}
