//! What is answered without the server, or after a short question.

use std::time::Duration;

use patata::{CacheStatus, ErrorKind, Request};
use patata_cache::CacheMode;

use super::server::{Answer, Asked, Server};
use super::{builder, cache, came, get, outcomes};

fn fresh(asked: &Asked) -> Answer {
    Answer(
        "200 OK",
        vec![("Cache-Control", "max-age=60".to_owned())],
        format!("{} {}", asked.path, asked.before),
    )
}

/// Is asked each time whether it has changed, which it has not.
fn same(asked: &Asked) -> Answer {
    let headers = || vec![("ETag", "\"1\"".to_owned()), ("Cache-Control", "no-cache".to_owned())];
    match asked.header("if-none-match") {
        Some("\"1\"") => Answer("304 Not Modified", headers(), String::new()),
        _ => Answer("200 OK", headers(), "potato".to_owned()),
    }
}

#[test]
fn what_is_fresh_is_sent_once_and_known_to_the_next_client() {
    let (server, folder) = (Server::start(fresh), tempfile::tempdir().unwrap());
    let url = format!("{}/a", server.url);
    for (round, misses) in [(0, 1), (1, 0)] {
        let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
        let (came, receipt) = outcomes(&client, (0..50).map(|_| get(&url)));
        assert!(came.iter().all(|(text, _)| text == "200 /a 0"), "{round}: {came:?}");
        assert_eq!((receipt.ok, receipt.cache_hits, receipt.cache_misses), (50, 50 - misses, misses));
        assert_eq!((server.count(), receipt.cache_trouble), (1, None));
    }
}

#[test]
fn what_is_stale_is_validated_and_those_that_ask_meanwhile_wait() {
    let (server, folder) = (Server::start(same), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    assert_eq!(outcomes(&client, [get(&server.url)]).0, [came("200 potato", CacheStatus::Sent)]);
    let (again, receipt) = outcomes(&client, [get(&server.url)]);
    assert_eq!(again, [came("200 potato", CacheStatus::Revalidated)]);
    assert_eq!((receipt.ok, receipt.cache_revalidated, receipt.cache_misses), (1, 1, 0));
    // Its conditions are not the user's, who gets all of it.
    assert_eq!(server.log()[1].header("if-none-match"), Some("\"1\""));
}

#[test]
fn a_304_of_the_caches_own_asking_is_no_failure() {
    let (server, folder) = (Server::start(same), tempfile::tempdir().unwrap());
    let client =
        builder(cache(folder.path(), CacheMode::Standard)).ok_statuses([200]).max_failures(1).build();
    let client = client.unwrap();
    for round in 0..3 {
        let (_, receipt) = outcomes(&client, [get(&server.url)]);
        assert_eq!((receipt.ok, receipt.failed, receipt.cancelled), (1, 0, 0), "{round}");
    }
}

#[test]
fn each_hop_of_a_redirect_is_a_request_of_its_own() {
    let answer = |asked: &Asked| match asked.path.as_str() {
        "/moved" => Answer(
            "301 Moved Permanently",
            vec![("Location", "/here".to_owned()), ("Cache-Control", "max-age=60".to_owned())],
            String::new(),
        ),
        "/now" => Answer("302 Found", vec![("Location", "/here".to_owned())], String::new()),
        _ => fresh(asked),
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let ask = |path| outcomes(&client, [get(&format!("{}{path}", server.url))]).0;
    assert_eq!(ask("/moved"), [came("200 /here 0", CacheStatus::Sent)]);
    assert_eq!(ask("/moved"), [came("200 /here 0", CacheStatus::Hit)]);
    assert_eq!(ask("/now"), [came("200 /here 0", CacheStatus::Hit)]);
    assert_eq!(ask("/here"), [came("200 /here 0", CacheStatus::Hit)]);
    let paths: Vec<_> = server.log().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/moved", "/here", "/now"]);
}

#[test]
fn many_that_are_led_to_one_place_ask_for_it_once() {
    let answer = |asked: &Asked| match asked.path.as_str() {
        "/here" => {
            std::thread::sleep(Duration::from_millis(100));
            fresh(asked)
        }
        _ => Answer("302 Found", vec![("Location", "/here".to_owned())], String::new()),
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let (came, _) = outcomes(&client, (0..20).map(|id| get(&format!("{}/{id}", server.url))));
    assert!(came.iter().all(|(text, _)| text == "200 /here 0"), "{came:?}");
    assert_eq!(server.count(), 21);
}

#[test]
fn a_redirect_that_leads_nowhere_ends_as_it_does_without_a_cache() {
    let answer = |_: &Asked| {
        let headers = vec![("Location", "/".to_owned()), ("Cache-Control", "max-age=60".to_owned())];
        Answer("301 Moved Permanently", headers, String::new())
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let outcome = client.run([get(&server.url)]).next().unwrap();
    let error = outcome.result.unwrap_err();
    assert_eq!((error.kind(), server.count()), (ErrorKind::Redirect, 1));
    assert!(error.to_string().contains("More than 10 redirects"), "{error}");
}

#[test]
fn where_nothing_may_be_sent_what_is_not_stored_is_an_error_that_says_so() {
    let (server, folder) = (Server::start(fresh), tempfile::tempdir().unwrap());
    let known = format!("{}/known", server.url);
    outcomes(&builder(cache(folder.path(), CacheMode::Standard)).build().unwrap(), [get(&known)]);
    let client = builder(cache(folder.path(), CacheMode::Offline)).build().unwrap();
    let other = format!("{}/other", server.url);
    let mut run = client.run([get(&known), get(&other), Request::new((), http::Method::POST, known.clone())]);
    let results: Vec<_> = run.by_ref().map(|outcome| outcome.result.map_err(|error| error.kind())).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(run.receipt().errors[&ErrorKind::NotCached], 2);
    assert_eq!(server.count(), 1);
}

#[test]
fn what_is_stored_stands_in_where_the_server_has_failed() {
    let answer = |asked: &Asked| {
        let headers = vec![("Cache-Control", "max-age=0, stale-if-error=60".to_owned())];
        match asked.before {
            0 => Answer("200 OK", headers, "potato".to_owned()),
            _ => Answer("500 Internal Server Error", Vec::new(), "oh".to_owned()),
        }
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    assert_eq!(outcomes(&client, [get(&server.url)]).0, [came("200 potato", CacheStatus::Sent)]);
    assert_eq!(outcomes(&client, [get(&server.url)]).0, [came("200 potato", CacheStatus::Stale)]);
}

#[test]
fn those_that_wait_for_an_answer_that_cannot_be_stored_are_sent() {
    let answer = |asked: &Asked| {
        std::thread::sleep(Duration::from_millis(20));
        Answer("200 OK", vec![("Cache-Control", "no-store".to_owned())], asked.before.to_string())
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let (came, receipt) = outcomes(&client, (0..20).map(|_| get(&server.url)));
    assert_eq!((came.len(), server.count(), receipt.cache_misses), (20, 20, 20));
}

#[test]
fn who_waits_for_another_is_not_left_when_the_run_ends() {
    let answer = |asked: &Asked| {
        std::thread::sleep(Duration::from_secs(60));
        fresh(asked)
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let mut run = client.run((0..10).map(|id| Request::get(id, &*server.url)));
    run.feed();
    while server.count() == 0 {
        run.wait(Duration::from_millis(10));
        run.feed();
    }
    run.end();
    assert_eq!((run.receipt().cancelled, run.receipt().unsent, run.receipt().unknown), (10, 9, 1));
    assert_eq!(run.unfinished().unsent.len() + run.unfinished().unknown.len(), 10);
}

#[test]
fn what_changes_something_has_what_is_stored_forgotten() {
    let (server, folder) = (Server::start(fresh), tempfile::tempdir().unwrap());
    let client = builder(cache(folder.path(), CacheMode::Standard)).build().unwrap();
    let url = format!("{}/a", server.url);
    assert_eq!(outcomes(&client, [get(&url)]).0, [came("200 /a 0", CacheStatus::Sent)]);
    outcomes(&client, [Request::new((), http::Method::DELETE, url.clone())]);
    assert_eq!(outcomes(&client, [get(&url)]).0, [came("200 /a 2", CacheStatus::Sent)]);
}
