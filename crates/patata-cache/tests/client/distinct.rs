//! Equal requests, of which one is sent.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use patata::{CacheStatus, Request, ResponseCache};
use patata_cache::{CacheMode, Distinct};

use super::server::{Answer, Asked, Server};
use super::{builder, cache, came, get, outcomes};

fn counted(asked: &Asked) -> Answer {
    std::thread::sleep(Duration::from_millis(5));
    Answer("200 OK", Vec::new(), format!("{} {}", asked.body, asked.before))
}

#[test]
fn each_of_equal_requests_gets_the_response_to_the_first() {
    let server = Server::start(counted);
    let client = builder(Distinct::new(None).unwrap()).build().unwrap();
    let requests =
        (0..200).map(|id| Request::new(id, Method::POST, &*server.url).body(format!("{}", id % 4)));
    let (came, receipt) = outcomes(&client, requests);
    assert_eq!((came.len(), receipt.ok, receipt.shared, server.count()), (200, 200, 196, 4));
    for (id, (text, _)) in came.iter().enumerate() {
        assert!(text.starts_with(&format!("200 {} ", id % 4)), "{id}: {text}");
    }
}

#[test]
fn what_was_sent_by_another_process_is_not_sent_again() {
    let (server, folder) = (Server::start(counted), tempfile::tempdir().unwrap());
    for expected in [CacheStatus::Sent, CacheStatus::Shared] {
        let client = builder(Distinct::open(folder.path(), None).unwrap()).build().unwrap();
        assert_eq!(outcomes(&client, [get(&server.url)]).0, [came("200  0", expected)]);
    }
    assert_eq!(server.count(), 1);
}

#[test]
fn a_status_of_failure_is_a_response_as_any_other_and_a_failure_is_that_of_all_who_wait() {
    let answer = |asked: &Asked| match asked.path.as_str() {
        "/404" => Answer("404 Not Found", Vec::new(), "none".to_owned()),
        _ => {
            std::thread::sleep(Duration::from_millis(50));
            Answer("", Vec::new(), String::new())
        }
    };
    let server = Server::start(answer);
    let client = builder(Distinct::new(None).unwrap()).build().unwrap();
    let (_, receipt) = outcomes(&client, (0..10).map(|_| get(&format!("{}/404", server.url))));
    assert_eq!((receipt.failed_statuses[&404], receipt.shared, server.count()), (10, 9, 1));
    let request = |_| Request::new((), Method::POST, format!("{}/broken", server.url));
    let (came, receipt) = outcomes(&client, (0..10).map(request));
    assert_eq!((receipt.failed, server.count()), (10, 2));
    assert!(came.iter().all(|(text, _)| text == &came[0].0), "{came:?}");
}

#[test]
fn redirects_of_equal_requests_are_followed_for_each_and_sent_once() {
    let answer = |asked: &Asked| match asked.path.as_str() {
        "/a" => Answer("303 See Other", vec![("Location", "/b".to_owned())], String::new()),
        _ => counted(asked),
    };
    let server = Server::start(answer);
    let client = builder(Distinct::new(None).unwrap()).build().unwrap();
    let request = |_| Request::new((), Method::POST, format!("{}/a", server.url)).body("x");
    let (came, _) = outcomes(&client, (0..30).map(request));
    assert!(came.iter().all(|(text, _)| text == "200  0"), "{came:?}");
    assert_eq!(server.count(), 2);
}

#[test]
fn the_first_of_equal_requests_is_what_a_cache_is_asked_about() {
    let answer = |asked: &Asked| {
        Answer("200 OK", vec![("Cache-Control", "max-age=60".to_owned())], asked.before.to_string())
    };
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    for (hits, shared) in [(0, 9), (10, 0)] {
        let inner: Arc<dyn ResponseCache> = Arc::new(cache(folder.path(), CacheMode::Standard));
        let client = builder(Distinct::new(Some(inner)).unwrap()).build().unwrap();
        let (_, receipt) = outcomes(&client, (0..10).map(|_| get(&server.url)));
        assert_eq!((receipt.cache_hits, receipt.shared), (hits, shared));
    }
    assert_eq!(server.count(), 1);
}
