//! What is tried again, how often, and what a retry costs the other requests.

#![allow(clippy::disallowed_methods, reason = "tests read the clock as users do")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use patata::{Client, ErrorKind, Method, Outcome, Request};
use patata_testserver::Server;

use crate::support::{Port, RawServer, Watchdog, all, ok, one, wait_until};

/// A client that makes so many attempts and hardly waits between them.
fn persistent(attempts: u32) -> Client {
    Client::builder().retries(attempts).backoff(Duration::from_millis(1)).build().unwrap()
}

fn status<T>(outcome: &Outcome<T>) -> u16 {
    outcome.result.as_ref().unwrap().status.as_u16()
}

/// A server that reads a request on each connection and closes without an answer.
fn losing() -> RawServer {
    RawServer::answering_once("")
}

#[test]
fn a_server_that_recovers_is_asked_until_it_does() {
    let server = Server::start().unwrap();
    let outcome = one(&persistent(5), Request::get((), format!("{}/flaky/key/3", server.url())));
    assert_eq!((status(&outcome), outcome.attempts), (200, 4));
    assert_eq!(server.requests(), 4);
}

#[test]
fn when_the_attempts_are_used_up_the_last_answer_stands() {
    let server = Server::start().unwrap();
    let outcome = one(&persistent(3), Request::get((), format!("{}/flaky/key/9", server.url())));
    assert_eq!((status(&outcome), outcome.attempts), (503, 3));
    assert_eq!(outcome.result.unwrap().body, r#"{"error":"failure 3 of 9"}"#);
    assert_eq!(server.requests(), 3);
}

#[test]
fn without_retries_there_is_one_attempt() {
    let server = Server::start().unwrap();
    let client = Client::builder().build().unwrap();
    let outcome = one(&client, Request::get((), format!("{}/flaky/key/1", server.url())));
    assert_eq!((status(&outcome), outcome.attempts, server.requests()), (503, 1, 1));
}

#[test]
fn statuses_that_another_attempt_cannot_change_are_not_tried_again() {
    let server = Server::start().unwrap();
    for code in [200, 204, 304, 400, 401, 403, 404, 409, 501, 505] {
        let outcome = one(&persistent(3), Request::get((), format!("{}/status/{code}", server.url())));
        assert_eq!((status(&outcome), outcome.attempts), (code, 1));
    }
    for code in [408, 425, 429, 500, 502, 503, 504] {
        let outcome = one(&persistent(3), Request::get((), format!("{}/status/{code}", server.url())));
        assert_eq!((status(&outcome), outcome.attempts), (code, 3));
    }
}

#[test]
fn a_refused_connection_is_tried_as_often_as_retries_says() {
    let nobody = Port::reserve();
    let address = nobody.address();
    for attempts in [1, 4] {
        for request in
            [Request::get((), format!("http://{address}/")), Request::post((), format!("http://{address}/"))]
        {
            let outcome = one(&persistent(attempts), request);
            assert_eq!(outcome.attempts, attempts);
            assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Connect);
        }
    }
}

#[test]
fn an_idempotent_request_that_was_lost_is_sent_again() {
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let server = losing();
        let outcome = one(&persistent(3), Request::new((), method, server.url()));
        assert_eq!((outcome.attempts, server.requests().len()), (3, 3));
        assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Protocol);
    }
}

#[test]
fn a_post_that_was_lost_after_it_was_sent_is_not_sent_again() {
    for method in [Method::POST, Method::PATCH] {
        let server = losing();
        let outcome = one(&persistent(3), Request::new((), method, server.url()).body("x"));
        assert_eq!((outcome.attempts, server.requests().len()), (1, 1));
        assert!(outcome.result.unwrap_err().request_sent());
    }
}

#[test]
fn a_post_that_was_lost_on_a_kept_connection_is_not_sent_again() {
    let server = RawServer::start(|peer| {
        while peer.request().is_some_and(|request| request.starts_with("GET")) {
            peer.answer("");
        }
    });
    let client = Client::builder().concurrency(1).retries(3).build().unwrap();
    let requests = [Request::get(1, server.url()), Request::post(2, server.url()).body("x")];
    let outcomes = all(&client, requests);
    assert!(outcomes[1].result.is_err());
    assert_eq!(server.requests().len(), 2, "the server may have done what the POST asked for");
}

#[test]
fn a_post_that_timed_out_is_not_sent_again() {
    let server = RawServer::silent();
    let request = Request::post((), server.url()).timeout(Duration::from_millis(500));
    let outcome = one(&persistent(3), request);
    assert_eq!((outcome.attempts, server.requests().len()), (1, 1));
    assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn a_get_that_timed_out_is_sent_again() {
    let server = RawServer::start(|peer| {
        while peer.request().is_some() {
            if peer.number > 0 {
                peer.answer("");
            }
        }
    });
    let request = Request::get((), server.url()).timeout(Duration::from_millis(300));
    let outcome = one(&persistent(5), request);
    assert_eq!(status(&outcome), 200);
    assert!(outcome.attempts >= 2);
}

#[test]
fn a_post_is_sent_again_only_where_the_answer_says_that_nothing_was_done() {
    let leave = |builder: patata::Builder| builder.retry_non_idempotent(true);
    for (head, arrivals) in [
        ("425 Early\r\n", 2),
        ("429 Many\r\n", 2),
        ("503 Busy\r\nretry-after: 0\r\n", 2),
        ("503 Busy\r\n", 1),
        ("500 Oh\r\n", 1),
        ("502 Bad\r\nretry-after: 0\r\n", 1),
        ("504 Late\r\n", 1),
    ] {
        let answer = format!("HTTP/1.1 {head}content-length: 0\r\n\r\n");
        for method in [Method::POST, Method::PATCH] {
            let server = RawServer::answering(answer.clone());
            let outcome = one(&persistent(2), Request::new((), method.clone(), server.url()).body("x"));
            assert_eq!((outcome.attempts as usize, server.requests().len()), (arrivals, arrivals), "{head}");
            let client = leave(Client::builder().retries(2).backoff(Duration::ZERO)).build().unwrap();
            assert_eq!(one(&client, Request::new((), method, server.url()).body("x")).attempts, 2, "{head}");
        }
    }
}

#[test]
fn every_attempt_sends_the_same_request() {
    let tries = AtomicUsize::new(0);
    let server = RawServer::start(move |peer| {
        while peer.request().is_some() {
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => peer.send("HTTP/1.1 429 Oh\r\ncontent-length: 0\r\n\r\n"),
                _ => peer.answer(""),
            };
        }
    });
    let request = Request::post((), format!("{}/x?y=z", server.url())).header("x-own", "1").body("potato");
    assert_eq!(one(&persistent(3), request).attempts, 3);
    let sent = server.requests();
    assert!(sent[0].contains("x-own: 1\r\n") && sent[0].ends_with("potato"));
    assert!(sent.len() == 3 && sent.iter().all(|request| *request == sent[0]), "{sent:?}");
}

#[test]
fn a_kept_connection_that_the_server_closed_costs_a_get_no_attempt() {
    // It answers as if it kept the connection, and closes it.
    let server = RawServer::answering_once(ok("potato"));
    for concurrency in [1, 4, 32] {
        let client = Client::builder().concurrency(concurrency).build().unwrap();
        let requests = (0..1000).map(|tag| Request::get(tag, server.url()));
        for outcome in all(&client, requests) {
            assert!(outcome.result.is_ok(), "concurrency {concurrency}: {:?}", outcome.result);
            assert_eq!(outcome.attempts, 1);
        }
    }
}

#[test]
fn a_connection_closed_while_it_was_idle_costs_a_post_nothing() {
    let server = RawServer::answering_once(ok("potato"));
    let client = Client::builder().concurrency(1).build().unwrap();
    let _watchdog = Watchdog::new();
    let mut handed = 0;
    // The second is asked for once the first one's connection has ended.
    let requests = std::iter::from_fn(|| {
        if handed > 0 {
            wait_until(|| server.ended() == handed);
            std::thread::sleep(Duration::from_millis(50));
        }
        handed += 1;
        (handed <= 3).then(|| Request::post((), server.url()).body("x"))
    });
    let client = client.to_builder().queue_max_size(1).build().unwrap();
    for outcome in client.run(requests) {
        assert_eq!(status(&outcome), 200);
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 3));
}

#[test]
fn a_request_that_waits_for_its_retry_occupies_no_connection() {
    let server = Server::start().unwrap();
    let hour = Duration::from_secs(3600);
    // The wait is a random part of the backoff: of an hour, it is not one of milliseconds.
    let builder = Client::builder().concurrency(1).retries(2).backoff(hour).max_backoff(hour);
    let client = builder.build().unwrap();
    let url = server.url();
    let failing = Request::get(0, format!("{url}/flaky/key/1"));
    let others = (1..=20).map(|tag| Request::get(tag, format!("{url}/")));
    let _watchdog = Watchdog::new();
    let mut run = client.run(std::iter::once(failing).chain(others));
    let tags: Vec<_> = run.by_ref().take(20).map(|outcome| outcome.tag).collect();
    assert!(tags.iter().copied().eq(1..=20), "{tags:?}");
    let receipt = run.cancel();
    assert_eq!((receipt.submitted, receipt.ok, receipt.cancelled), (21, 20, 1));
}

#[test]
fn many_failing_requests_all_come_to_their_end() {
    let server = Server::start().unwrap();
    let client =
        Client::builder().concurrency(8).retries(4).backoff(Duration::from_millis(5)).retry_budget(None);
    let client = client.build().unwrap();
    let requests = (0..300).map(|tag| Request::get(tag, format!("{}/flaky/{tag}/{}", server.url(), tag % 5)));
    let outcomes = all(&client, requests);
    assert_eq!(outcomes.len(), 300);
    for outcome in outcomes {
        let failures = u32::try_from(outcome.tag % 5).unwrap();
        assert_eq!(status(&outcome), if failures < 4 { 200 } else { 503 });
        assert_eq!(outcome.attempts, (failures + 1).min(4));
    }
}

#[test]
fn only_the_statuses_that_are_named_are_tried_again() {
    let server = Server::start().unwrap();
    let client = Client::builder().retries(3).backoff(Duration::ZERO).retry_statuses([404]).build().unwrap();
    let attempts =
        |code: u16| one(&client, Request::get((), format!("{}/status/{code}", server.url()))).attempts;
    assert_eq!((attempts(404), attempts(503)), (3, 1));
}

#[test]
fn a_post_that_may_have_been_done_is_sent_again_only_with_leave() {
    let post = |server: &RawServer| Request::new((), Method::POST, server.url());
    let server = losing();
    assert_eq!(one(&persistent(3), post(&server)).attempts, 1);
    assert_eq!(server.requests().len(), 1);
    let server = losing();
    let client =
        Client::builder().retries(3).backoff(Duration::ZERO).retry_non_idempotent(true).build().unwrap();
    assert_eq!(one(&client, post(&server)).attempts, 3);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_request_with_an_idempotency_key_is_sent_again_with_the_same_one() {
    let key = |request: &String| {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|line| line.0 == "idempotency-key").map(|line| line.1.to_owned()).collect::<Vec<_>>()
    };
    let server = losing();
    let post = |tag| Request::new(tag, Method::POST, server.url());
    let outcome = one(&persistent(2), post(()).header("Idempotency-Key", "mine"));
    assert_eq!(outcome.attempts, 2);
    assert!(server.requests().iter().all(|request| key(request) == ["mine"]));

    let client = Client::builder().num_workers(1).concurrency(1).retries(2).backoff(Duration::ZERO);
    let client = client.idempotency_key(true).seed(7).build().unwrap();
    let outcomes = all(&client, [post(()), post(()), Request::get((), server.url())]);
    assert!(outcomes.iter().all(|outcome| outcome.attempts == 2));
    let mut keys: Vec<_> = server.requests()[2..].iter().map(key).collect();
    keys.sort();
    assert_eq!(keys[..2], [Vec::<String>::new(), Vec::new()], "a GET needs none");
    assert_eq!((&keys[2], &keys[4]), (&keys[3], &keys[5]));
    assert_ne!(keys[2], keys[4]);
    assert_eq!(keys[2][0].len(), 32);
}

#[test]
fn an_outage_is_not_amplified_beyond_the_retry_budget() {
    let server = Server::start().unwrap();
    let client = Client::builder().retries(5).backoff(Duration::ZERO).build().unwrap();
    let requests = (0..3000).map(|tag| Request::get(tag, format!("{}/status/503", server.url())));
    let outcomes = all(&client, requests);
    assert!(outcomes.iter().all(|outcome| status(outcome) == 503));
    let retries = server.requests() - 3000;
    assert!((100..=300).contains(&retries), "{retries}");
    assert_eq!(outcomes.iter().map(|outcome| u64::from(outcome.attempts)).sum::<u64>(), 3000 + retries);
    // Of each that had attempts left it is said why it has not used them.
    assert!(outcomes.iter().all(|outcome| outcome.retry_denied == (outcome.attempts < 5)));
}

#[test]
fn all_attempts_together_end_at_the_total_timeout() {
    let hour = Duration::from_secs(3600);
    let limited = |builder: patata::Builder| builder.total_timeout(Duration::from_secs(1)).build().unwrap();
    let silent = RawServer::silent();
    let client =
        limited(Client::builder().retries(9).timeout(Duration::from_millis(300)).backoff(Duration::ZERO));
    let outcome = one(&client, Request::get((), silent.url()));
    // Not nine: the fourth is cut short, or one before it on a machine that is busy.
    assert!((2..=4).contains(&outcome.attempts), "{}", outcome.attempts);
    assert!(outcome.elapsed >= Duration::from_secs(1), "{:?}", outcome.elapsed);
    let error = outcome.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("(total_timeout)"), "{error}");

    // A wait that would go beyond it is not begun: what the server has said stands.
    let server = Server::start().unwrap();
    let client = limited(Client::builder().retries(9).backoff(hour).max_backoff(hour).seed(1));
    let outcome = one(&client, Request::get((), format!("{}/status/503", server.url())));
    assert_eq!((status(&outcome), outcome.attempts), (503, 1));
}

#[test]
fn what_waits_behind_a_limit_fails_when_its_time_is_over() {
    let asking = RawServer::answering("HTTP/1.1 503 Busy\r\nretry-after: 100\r\ncontent-length: 0\r\n\r\n");
    let client = Client::builder().num_workers(1).concurrency(1).deadline(Duration::from_millis(200));
    let outcomes = all(&client.build().unwrap(), (0..3).map(|tag| Request::get(tag, asking.url())));
    assert_eq!(status(&outcomes[0]), 503);
    for outcome in &outcomes[1..] {
        let error = outcome.result.as_ref().unwrap_err();
        assert_eq!((error.kind(), outcome.attempts), (ErrorKind::Timeout, 0));
    }
}

/// A server that sends these heads and bodies, in turn.
fn answering_in_turn(answers: &'static [(&'static str, &'static str)]) -> RawServer {
    let count = AtomicUsize::new(0);
    RawServer::start(move |peer| {
        while peer.request().is_some() {
            let (head, body) = answers[count.fetch_add(1, Ordering::SeqCst) % answers.len()];
            peer.send(format!("HTTP/1.1 {head}content-length: {}\r\n\r\n{body}", body.len()));
        }
    })
}

#[test]
fn a_function_may_ask_for_another_attempt() {
    let server =
        answering_in_turn(&[("200 OK\r\n", "later"), ("200 OK\r\n", "later"), ("200 OK\r\n", "now")]);
    let client = Client::builder().retries(5).backoff(Duration::ZERO);
    let client = client.retry_if(|attempt| attempt.response.text() == "later").build().unwrap();
    let outcome = one(&client, Request::get((), server.url()));
    assert_eq!((outcome.attempts, &*outcome.result.unwrap().body), (3, &b"now"[..]));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn the_function_is_asked_while_an_attempt_is_left_and_it_could_matter() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let counting = asked.clone();
    let client = Client::builder().retries(3).backoff(Duration::ZERO).retry_if(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        true
    });
    let client = client.build().unwrap();
    for (method, status, attempts, questions) in
        [(Method::GET, 200, 3, 2), (Method::GET, 503, 3, 0), (Method::POST, 200, 1, 0)]
    {
        let server = Server::start().unwrap();
        let outcome = one(&client, Request::new((), method, format!("{}/status/{status}", server.url())));
        assert_eq!((outcome.attempts, asked.swap(0, Ordering::SeqCst)), (attempts, questions), "{status}");
    }
}

#[test]
fn what_the_function_fails_with_is_the_error_of_that_request_alone() {
    let server = Server::start().unwrap();
    let client = persistent(3);
    let requests = (0..50).map(|tag| {
        Request::get(tag, server.url())
            .try_retry_if(move |_| if tag == 7 { Err("no idea") } else { Ok(false) })
    });
    for outcome in all(&client, requests) {
        match outcome.result {
            Ok(response) => assert!(outcome.tag != 7 && response.status == 200),
            Err(error) => {
                assert_eq!((outcome.tag, error.kind(), error.request_sent()), (7, ErrorKind::RetryIf, true));
                assert_eq!(error.to_string(), "The retry_if function failed: no idea");
            }
        }
    }
}

#[test]
fn a_failure_that_the_function_retries_does_not_count_until_it_stands() {
    let server = answering_in_turn(&[("404 No\r\n", ""), ("404 No\r\n", ""), ("200 OK\r\n", "")]);
    let client = Client::builder().retries(3).backoff(Duration::ZERO).max_failures(0);
    let client = client.retry_if(|attempt| attempt.response.status == 404).build().unwrap();
    let mut run = client.run([Request::get((), server.url())]);
    assert_eq!(run.by_ref().map(|outcome| outcome.attempts).collect::<Vec<_>>(), [3]);
    assert!(run.stopped().is_none());

    let stands = Client::builder().retries(3).max_failures(0).retry_if(|_| false).build().unwrap();
    let server = RawServer::answering("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n");
    let mut run = stands.run([Request::get((), server.url())]);
    assert_eq!(run.by_ref().count(), 1);
    assert!(run.stopped().is_some());
}

#[test]
fn a_wait_is_obeyed_with_every_status_that_is_tried_again() {
    let second = Duration::from_millis(990);
    for (head, statuses) in [
        ("403 No\r\nretry-after: 1\r\n", vec![403]),
        ("408 Late\r\nretry-after: 1\r\n", vec![408]),
        ("413 Big\r\nretry-after: 1\r\n", vec![413]),
        ("500 Oh\r\nretry-after: 1\r\n", vec![500]),
        ("502 Bad\r\nretry-after-ms: 1000\r\n", vec![502]),
        ("429 Many\r\nretry-after: 9\r\nretry-after-ms: 1000\r\n", vec![429]),
        // Asked for by a function.
        ("200 OK\r\nretry-after: 1\r\n", vec![]),
    ] {
        let answers: &[_] = vec![(head, "oh"), ("200 OK\r\n", "")].leak();
        let server = answering_in_turn(answers);
        let client = Client::builder().retries(2).backoff(Duration::ZERO).retry_statuses(statuses);
        let client = client.retry_if(|attempt| attempt.response.text() == "oh").build().unwrap();
        let outcome = one(&client, Request::get((), server.url()));
        assert_eq!((status(&outcome), outcome.attempts), (200, 2), "{head}");
        assert!(outcome.elapsed >= second, "{head}: {:?}", outcome.elapsed);
        assert!(outcome.elapsed < 5 * second, "{head}: {:?}", outcome.elapsed);
    }
}

/// A server that answers the first request on each connection, and ends the connection at the second, unanswered;
/// `is_lost` are those that it never answers.
fn ending_at_the_second(is_lost: fn(&str) -> bool) -> RawServer {
    RawServer::start(move |peer| {
        if peer.request().is_some_and(|request| !is_lost(&request)) {
            peer.answer("");
            peer.request();
        }
    })
}

#[test]
fn a_request_is_sent_anew_for_free_once_and_not_once_an_attempt() {
    let server = ending_at_the_second(|request| request.starts_with("GET /lost"));
    let url = server.url();
    let client = Client::builder().num_workers(1).concurrency(8).retries(4).backoff(Duration::from_millis(1));
    let client = client.build().unwrap();
    let _watchdog = Watchdog::new();
    let mut handed = 0;
    let requests = std::iter::from_fn(|| {
        handed += 1;
        match handed {
            1..=8 => Some(Request::get(handed, &url)),
            // Once the others have been answered, so that there are kept connections.
            9 => {
                wait_until(|| server.requests().len() >= 8);
                std::thread::sleep(Duration::from_millis(50));
                Some(Request::get(handed, format!("{url}/lost")))
            }
            _ => None,
        }
    });
    let outcomes: Vec<_> = client.run(requests).collect();
    let lost = outcomes.iter().find(|outcome| outcome.tag == 9).unwrap();
    assert!(lost.result.is_err() && lost.attempts == 4);
    let arrivals = server.requests().iter().filter(|request| request.starts_with("GET /lost")).count();
    assert_eq!(arrivals, 5);
}

#[test]
fn what_is_sent_anew_counts_for_the_rate() {
    let server = ending_at_the_second(|_| false);
    let client = Client::builder().num_workers(1).concurrency(1).rate("50/s").build().unwrap();
    let begun = std::time::Instant::now();
    for outcome in all(&client, (0..20).map(|tag| Request::get(tag, server.url()))) {
        assert_eq!((status(&outcome), outcome.attempts), (200, 1));
    }
    let passed = begun.elapsed().as_secs_f64();
    let arrivals = server.requests().len();
    assert!(arrivals > 30, "{arrivals}");
    assert!((arrivals - 2) as f64 <= passed * 50.0, "{arrivals} in {passed} s");
}

/// A server that accepts so many requests in each second, and answers 429 to the others.
fn accepting(most: usize, head: &'static str) -> (RawServer, std::sync::Arc<AtomicUsize>) {
    let rejected = std::sync::Arc::new(AtomicUsize::new(0));
    let counting = rejected.clone();
    let begun = std::time::Instant::now();
    let window = std::sync::Mutex::new((0, 0));
    let server = RawServer::start(move |peer| {
        while peer.request().is_some() {
            let is_accepted = {
                let mut window = window.lock().unwrap();
                let second = begun.elapsed().as_secs();
                let count = if window.0 == second { window.1 + 1 } else { 1 };
                *window = (second, count);
                count <= most
            };
            if is_accepted {
                peer.answer("");
            } else {
                counting.fetch_add(1, Ordering::SeqCst);
                peer.send(format!("HTTP/1.1 429 Many\r\n{head}content-length: 0\r\n\r\n"));
            }
        }
    });
    (server, rejected)
}

#[test]
fn retries_alone_get_along_with_a_rate_limit() {
    for head in ["", "retry-after: 1\r\n"] {
        let (server, rejected) = accepting(200, head);
        let client = Client::builder().num_workers(1).concurrency(200).retries(5).build().unwrap();
        let mut run = client.run((0..1500).map(|tag| Request::get(tag, server.url())));
        assert!(run.by_ref().all(|outcome| outcome.result.unwrap().status == 200), "{head}");
        let rejected = rejected.load(Ordering::SeqCst) as u64;
        assert_eq!((run.receipt().attempts, run.receipt().retries_denied), (1500 + rejected, 0));
        assert!(rejected <= 150, "{head}: {rejected}");
    }
}

#[test]
fn without_retries_nobody_is_waited_for() {
    let (server, _) = accepting(0, "");
    let client = Client::builder().concurrency(20).build().unwrap();
    let outcomes = all(&client, (0..3000).map(|tag| Request::get(tag, server.url())));
    assert!(outcomes.iter().all(|outcome| status(outcome) == 429));
}

#[test]
fn retries_get_along_with_a_rate_limit_where_a_controller_sees_to_the_concurrency_too() {
    let (server, rejected) = accepting(200, "");
    let client = Client::builder().num_workers(1).concurrency_auto().retries(5).build().unwrap();
    let outcomes = all(&client, (0..1500).map(|tag| Request::get(tag, server.url())));
    assert!(outcomes.iter().all(|outcome| status(outcome) == 200));
    let rejected = rejected.load(Ordering::SeqCst);
    assert!(rejected <= 150, "{rejected}");
}
