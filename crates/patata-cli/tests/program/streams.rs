//! `run` without a folder: rows on stdout.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use patata_testserver::Server;
use serde_json::{Value, json};

use super::support::{Place, Ran};

/// The rows of a run over a table of three, whose URL has a field of it.
#[track_caller]
fn run(place: &Place, server: &Server, flags: &[&str]) -> Ran {
    place.file("users.csv", "id,name\n7,Ann Lee\n8,b/c\n9,\"q\"\"uote\"\n");
    let url = format!("{}/echo?name={{name}}", server.url());
    place.run(&[&["run", "users.csv", &url, "--id", "id"], flags].concat())
}

#[test]
fn a_row_becomes_a_request_and_its_answer_a_row() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let rows = run(&place, &server, &[]).ended(0).rows();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["index"], &rows[0]["status"]),
        (&json!("7"), &json!(0), &json!(200))
    );
    assert_eq!(
        (&rows[0]["ok"], &rows[0]["attempts"], &rows[0]["error"]),
        (&json!(true), &json!(1), &Value::Null)
    );
    let queries: Vec<_> = rows.iter().map(|row| row["body"]["query"].as_str().unwrap()).collect();
    assert_eq!(queries, ["name=Ann%20Lee", "name=b%2Fc", "name=q%22uote"]);
    assert!(rows[0].get("headers").is_none());
}

#[test]
fn flags_of_a_run_reach_the_server() {
    let (place, server) = (Place::new().with_variable("WORD", "se{id}cret"), Server::start().unwrap());
    for (flags, pointer, expected) in [
        (&["-X", "PUT"][..], "/body/method", json!("PUT")),
        (
            &["-d", "{\"name\":\"{name}\",\"id\":{id}}"],
            "/body/body",
            json!("{\"name\":\"Ann Lee\",\"id\":7}"),
        ),
        (&["-d", "{\"name\":\"{name}\"}"], "/body/method", json!("POST")),
        (&["--json", "[\"{name}\"]"], "/body/headers/accept", json!("application/json")),
        (&["--form", "n={name}"], "/body/body", json!("n=Ann+Lee")),
        (&["--param", "p={id}"], "/body/query", json!("name=Ann%20Lee&p=7")),
        (&["--param", "p=q"], "/body/query", json!("name=Ann%20Lee&p=q")),
        (&["-H", "X-Name: {name}"], "/body/headers/x-name", json!("Ann Lee")),
        (&["-H", "X-Both: {id} env:WORD"], "/body/headers/x-both", json!("7 se{id}cret")),
        (&["-H", "X-Secret: env:WORD"], "/body/headers/x-secret", json!("se{id}cret")),
        (&["-A", "potato"], "/body/headers/user-agent", json!("potato")),
        (&["-b", "a=1"], "/body/headers/cookie", json!("a=1")),
        (&["-u", "a:b"], "/body/headers/authorization", json!("Basic YTpi")),
        (&["-i"], "/headers/content-type", json!("application/json")),
        (&["--ok", "404"], "/ok", json!(false)),
        (&["--save-to", "files/{id}.json"], "/path", json!("files/7.json")),
        (&["--save-to", "files/{id}.json"], "/body", Value::Null),
        (&["--workers", "1", "--queue-max-size", "1", "--concurrency-per-host", "1"], "/status", json!(200)),
        (&["-c", "auto", "--rate-per-host", "1000/s"], "/status", json!(200)),
        (&["--host-timeout", "1s", "--cookie-jar"], "/status", json!(200)),
    ] {
        let ran = run(&place, &server, flags);
        assert!([0, 1].contains(&ran.code), "{flags:?}: {ran:?}");
        let rows = ran.rows();
        assert_eq!(rows[0].pointer(pointer).unwrap_or(&Value::Null), &expected, "{flags:?}: {}", rows[0]);
    }
    assert!(fs::read_to_string(place.path("files/9.json")).unwrap().contains("/echo"));
}

#[test]
fn an_input_comes_from_files_of_all_sorts_and_from_a_pipe() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = server.url();
    place.file("a.txt", format!("{url}/status/201\n# a comment\n\n{url}/status/202"));
    place.file("b.jsonl", format!("{{\"url\":\"{url}/echo\",\"id\":\"x\",\"json\":[1]}}\n"));
    place.file("c", format!("n\turl\n1\t{url}/status/203\n"));
    let two = place.run(&["run", "a.txt", "a.txt"]).ended(0).rows();
    assert_eq!(
        two.iter().map(|row| row["status"].as_u64().unwrap()).collect::<Vec<_>>(),
        [201, 202, 201, 202]
    );
    let jsonl = place.run(&["run", "b.jsonl"]).ended(0).rows();
    assert_eq!((&jsonl[0]["id"], &jsonl[0]["body"]["body"]), (&json!("x"), &json!("[1]")));
    assert_eq!(place.run(&["run", "c"]).ended(0).rows()[0]["status"], 203);
    assert_eq!(place.run(&["run", "c", "--input-format", "tsv"]).ended(0).rows()[0]["status"], 203);
    let piped = place.run_with("204\n205\n", &["run", "-", &format!("{url}/status/{{url}}")]).ended(0).rows();
    assert_eq!((&piped[0]["status"], &piped[1]["status"]), (&json!(204), &json!(205)));
    let named = place.run_with("200\n", &["run", "-", "--url", &format!("{url}/status/{{url}}")]);
    assert_eq!(named.ended(0).rows()[0]["status"], 200);
}

#[test]
fn a_slow_pipe_holds_up_no_answer() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let mut child = place.command(&["run", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for index in 0..3 {
        writeln!(input, "{}/", server.url()).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["index"], index);
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_run_quietly() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/bytes/1000\n", server.url()).repeat(20_000));
    let mut child = place.spawn(&["run", "urls", "-q"]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ran = super::support::ended(child).ended(0);
    assert_eq!(ran.stderr, "");
    assert!(server.requests() < 20_000);
}

#[test]
fn failures_and_limits_have_codes_of_their_own() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let urls = |path: &str, count| place.file("urls", format!("{}{path}\n", server.url()).repeat(count));
    urls("/status/503", 3);
    place.run(&["run", "urls"]).ended(1);
    place.run(&["run", "urls", "--ok", "503"]).ended(0);
    let stopped = place.run(&["run", "urls", "--max-failures", "0", "-c", "1"]).ended(3);
    assert!(stopped.stderr.contains("max_failures"), "{stopped:?}");
    place.run(&["run", "urls", "--abort-on", "5xx"]).ended(3);
    urls("/status/503", 200);
    place.run(&["run", "urls", "--max-failures", "1%"]).ended(3);
    urls("/delay/100", 1000);
    place.run(&["run", "urls", "-c", "1", "--deadline", "300ms"]).ended(3);
    let failed = place.run_with("http://127.0.0.1:1/\n", &["run", "-"]).ended(1).rows();
    assert_eq!((&failed[0]["status"], &failed[0]["error"]["kind"]), (&Value::Null, &json!("connect")));
    assert_eq!(failed[0]["url"], "http://127.0.0.1:1/");
}

#[test]
fn order_is_kept_if_wanted() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let urls: String = [60, 0, 30, 10].iter().map(|ms| format!("{}/delay/{ms}\n", server.url())).collect();
    let ran = place.run_with(&urls, &["run", "-", "--ordered"]).ended(0);
    let indices: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["index"].clone())
        .collect();
    assert_eq!(indices, [0, 1, 2, 3]);
}

#[test]
fn a_rate_holds() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let urls = format!("{}/\n", server.url()).repeat(11);
    let begin = std::time::Instant::now();
    place.run_with(&urls, &["run", "-", "--rate", "50/s", "--rate", "100000/day"]).ended(0);
    assert!(begin.elapsed().as_millis() >= 180);
}

#[test]
fn a_canary_decides_on_the_rest() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let good: String = (0..100).map(|number| format!("{}/?{number}\n", server.url())).collect();
    place.file("good", &good);
    let all = place.run(&["run", "good", "--canary", "10"]).ended(0).rows();
    assert!(all.iter().map(|row| row["index"].as_u64().unwrap()).eq(0..100));
    place.file("bad", good.replace("/?", "/no?"));
    let before = server.requests();
    let refused = place.run(&["run", "bad", "--canary", "10"]).ended(3);
    assert_eq!((server.requests() - before, refused.rows().len()), (10, 10));
    assert_eq!(refused.rows()[1]["index"], 10, "they are spread over the input");
    assert!(refused.stderr.contains("10 of the 10 requests of the canary failed"), "{refused:?}");
    place.run(&["run", "bad", "--canary", "10", "--max-failures", "10"]).ended(3);
    let piped = place.run_with(&good, &["run", "-", "--canary", "10"]).ended(2);
    assert!(piped.stderr.contains("stdin can be read only once"), "{piped:?}");
}

#[test]
fn the_picture_is_drawn_as_wanted() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/\n", server.url()).repeat(3));
    let plain = place.run(&["run", "urls"]).ended(0);
    assert!(plain.stderr.starts_with("3 of 3 done (100 %)"), "{plain:?}");
    assert_eq!(plain.stderr.lines().count(), 1);
    assert_eq!(place.run(&["run", "urls", "--progress", "none"]).ended(0).stderr, "");
    assert_eq!(place.run(&["run", "urls", "-q"]).ended(0).stderr, "");
    let json = place.run(&["run", "urls", "--progress", "json"]).ended(0);
    let last: Value = serde_json::from_str(json.last_line()).unwrap();
    assert_eq!((&last["over"], &last["done"], &last["total"]), (&json!(true), &json!(3), &json!(3)));
    let bar = place.run(&["run", "urls", "--progress", "bar"]).ended(0);
    assert!(bar.stderr.contains("\x1b[K") && bar.stderr.lines().count() >= 5, "{bar:?}");
}

#[test]
fn bodies_come_no_faster_than_they_may() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls.txt", format!("{}/bytes/30000\n", server.url()).repeat(6));
    let begin = std::time::Instant::now();
    let flags = ["run", "urls.txt", "--limit-rate", "100K", "--concurrency", "1"];
    assert_eq!(place.run(&flags).ended(0).rows().len(), 6);
    // Five of six bodies have to be paid for before the last one is asked for.
    assert!(begin.elapsed().as_millis() >= 1_400);
    assert!(place.run(&["run", "urls.txt", "--limit-rate", "0"]).ended(2).stderr.contains("at least 1"));
}
