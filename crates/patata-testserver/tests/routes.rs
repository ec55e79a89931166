//! Every route, asked for over a real connection.

// The functions that tests share fail them in the same way.
#![allow(clippy::unwrap_used)]

mod client;

use std::time::{Duration, Instant};

use client::{Answer, Client};
use patata_testserver::Server;
use serde_json::json;

/// The answer of a fresh server to one request.
fn answer_to(target: &str) -> Answer {
    Client::new(&Server::start().unwrap()).get(target)
}

fn letters(length: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(length).collect()
}

#[test]
fn the_root_says_hello_to_any_method() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        client.get(&format!("{method} /?query=ignored")).is_hello();
    }
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    let answer = client.get("HEAD /");
    assert_eq!(answer.header("content-length"), Some("26"));
    client.get("HEAD /bytes/100000");
    client.get("HEAD /chunked/100000");
    client.get("GET /").is_hello();
}

#[test]
fn a_body_that_no_route_wants_does_not_end_the_connection() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.request("POST /", "", &"x".repeat(1_000_000)).is_hello();
    client.get("GET /").is_hello();
    assert_eq!(server.connections(), 1);
}

#[test]
fn echo_tells_what_was_received() {
    let server = Server::start().unwrap();
    let headers = "X-One: 1\r\nx-two: a\r\nX-Two: b\r\n";
    let answer = Client::new(&server).request("PUT /echo?a=%20b&c", headers, "ñu");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "method": "PUT",
            "path": "/echo",
            "query": "a=%20b&c",
            "headers": {"host": "test", "x-one": "1", "x-two": "a, b", "content-length": "3"},
            "body": "ñu",
            "length": 3,
        })
    );
}

#[test]
fn echo_of_an_empty_request_has_an_empty_query_and_body() {
    let echo = answer_to("GET /echo").json();
    assert_eq!(echo["query"], "");
    assert_eq!(echo["body"], "");
    assert_eq!(echo["length"], 0);
}

#[test]
fn echo_replaces_what_is_not_utf8_and_counts_bytes() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send(b"POST /echo HTTP/1.1\r\nx-odd: \xff\r\ncontent-length: 2\r\n\r\n\xffa");
    let echo = client.receive(false).json();
    assert_eq!(echo["headers"]["x-odd"], "\u{fffd}");
    assert_eq!(echo["body"], "\u{fffd}a");
    assert_eq!(echo["length"], 2);
}

#[test]
fn echo_reads_a_chunked_body() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send("POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
    assert_eq!(client.receive(false).json()["body"], "abc");
}

#[test]
fn echo_body_answers_the_bytes_and_type_it_was_sent() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send(b"POST /echo-body HTTP/1.1\r\ncontent-type: image/x\r\ncontent-length: 3\r\n\r\n");
    client.send(b"\0\xff\n");
    let answer = client.receive(false);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("image/x"));
    assert_eq!(answer.body, b"\0\xff\n");
}

#[test]
fn echo_body_without_a_type_answers_without_one() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    let body = "potato ".repeat(200_000);
    let answer = client.request("PATCH /echo-body", "", &body);
    assert_eq!(answer.header("content-type"), None);
    assert!(answer.text() == body);
    assert_eq!(client.get("GET /echo-body").body, b"");
}

#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send("POST /echo-body HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    assert_eq!(client.receive(true).status, 100);
    client.send("ok");
    assert_eq!(client.receive(false).text(), "ok");
}

#[test]
fn delay_answers_after_that_long() {
    let begin = Instant::now();
    answer_to("GET /delay/200").is_hello();
    let elapsed = begin.elapsed();
    assert!(elapsed >= Duration::from_millis(200), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    answer_to("GET /delay/0").is_hello();
}

#[test]
fn delays_of_several_connections_pass_at_the_same_time() {
    let server = Server::start().unwrap();
    let mut clients: Vec<Client> = (0..50).map(|_| Client::new(&server)).collect();
    let begin = Instant::now();
    for client in &mut clients {
        client.send("GET /delay/300 HTTP/1.1\r\n\r\n");
    }
    for client in &mut clients {
        client.receive(false).is_hello();
    }
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[test]
fn a_delay_that_is_no_number_is_refused() {
    answer_to("GET /delay/long").is_bad_request("\"long\"");
    answer_to("GET /delay/-1").is_bad_request("\"-1\"");
}

#[test]
fn status_answers_that_status() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for status in [200, 201, 301, 404, 418, 500, 503, 599, 600, 999] {
        let answer = client.get(&format!("GET /status/{status}"));
        assert_eq!(answer.status, status);
        assert_eq!(answer.json(), json!({ "status": status }));
    }
}

#[test]
fn a_status_that_has_no_content_comes_without_any() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for status in [204, 205, 304] {
        for query in ["", "?body=text"] {
            let answer = client.get(&format!("GET /status/{status}{query}"));
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("content-type"), None);
            assert_eq!(answer.header("transfer-encoding"), None);
            assert_eq!(answer.body, b"");
        }
    }
    // Whatever had been sent all the same would be in the way of this.
    client.get("GET /").is_hello();
}

#[test]
fn status_with_a_body_answers_that_text() {
    let answer = answer_to("GET /status/400?x=y&body=so%20what%3F+%C3%B1");
    assert_eq!(answer.status, 400);
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("text/plain; charset=utf-8"));
    assert_eq!(answer.text(), "so what? ñ");
    assert_eq!(answer_to("GET /status/200?body=").text(), "");
}

#[test]
fn a_status_that_is_not_a_final_one_is_refused() {
    for status in ["0", "99", "100", "101", "199", "1000", "65535"] {
        answer_to(&format!("GET /status/{status}")).is_bad_request("200 to 999");
    }
    for status in ["65536", "ok", ""] {
        answer_to(&format!("GET /status/{status}")).is_bad_request("not a whole number");
    }
}

#[test]
fn bytes_answers_so_many_with_their_length() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for length in [0, 1, 65_519, 65_520, 65_521, 1_000_000] {
        let answer = client.get(&format!("GET /bytes/{length}"));
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("application/octet-stream"));
        let announced = answer.header("content-length");
        assert_eq!(announced, Some(length.to_string().as_str()));
        assert!(answer.body == letters(length));
    }
    client.get("GET /bytes/many").is_bad_request("\"many\"");
}

#[test]
fn chunked_answers_so_many_without_their_length() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for length in [0, 1, 65_521, 1_000_000] {
        let answer = client.get(&format!("GET /chunked/{length}"));
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("application/octet-stream"));
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert!(answer.body == letters(length));
    }
    client.get("GET /chunked/-").is_bad_request("\"-\"");
}

#[test]
fn redirect_counts_down_to_hello() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    let mut location = "/redirect/3".to_owned();
    let mut hops = 0;
    let last = loop {
        let answer = client.get(&format!("GET {location}"));
        match answer.header("location") {
            Some(next) => location = next.to_owned(),
            None => break answer,
        }
        assert_eq!(answer.status, 302);
        hops += 1;
    };
    last.is_hello();
    assert_eq!((hops, location.as_str()), (3, "/redirect/0"));
    client.get("GET /redirect/x").is_bad_request("\"x\"");
}

#[test]
fn redirect_to_answers_that_location_and_status() {
    let target = "GET /redirect-to?url=http%3A%2F%2Fother%3A1%2Fa%3Fb%3Dc%26d&status=307";
    let answer = answer_to(target);
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("http://other:1/a?b=c&d"));

    let answer = answer_to("GET /redirect-to?url=/echo");
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("/echo"));
}

#[test]
fn tagged_answers_that_it_has_not_changed_to_who_knows_it() {
    let answer = answer_to("GET /tagged/potato");
    answer.is_hello();
    assert_eq!(answer.header("etag"), Some("\"potato\""));
    let server = Server::start().unwrap();
    let known = "if-none-match: \"potato\"\r\n";
    let answer = Client::new(&server).request("GET /tagged/potato", known, "");
    assert_eq!((answer.status, answer.header("etag"), answer.body.len()), (304, Some("\"potato\""), 0));
}

#[test]
fn pages_lead_on_in_the_body_and_in_a_header() {
    let answer = answer_to("GET /pages?page=5&size=11");
    assert_eq!((answer.status, answer.header("link")), (200, None));
    let answer = answer_to("GET /pages");
    assert_eq!(answer.header("link"), Some("</pages?page=2&size=10>; rel=\"next\""));
    assert_eq!(answer.json()["next"], "/pages?page=2&size=10");
    assert_eq!(answer.json()["items"][9]["id"], 9);
    answer_to("GET /pages?page=two").is_bad_request("whole number");
}

#[test]
fn the_site_says_what_robots_must_not_ask_for() {
    let answer = answer_to("GET /site/0");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(String::from_utf8_lossy(&answer.body).contains("<a href=\"/site/private/0\">"));
    assert_eq!(answer_to("GET /site/100").status, 404);
    let answer = answer_to("GET /robots.txt");
    assert_eq!(answer.body, b"User-agent: *\nDisallow: /site/private\n");
}

#[test]
fn redirect_to_refuses_what_is_no_redirection() {
    answer_to("GET /redirect-to").is_bad_request("url");
    answer_to("GET /redirect-to?url=a%0D%0Ab:c").is_bad_request("url");
    for status in [200, 299, 400] {
        let target = format!("GET /redirect-to?url=/&status={status}");
        answer_to(&target).is_bad_request("300 to 399");
    }
}

#[test]
fn flaky_fails_so_often_for_each_key() {
    let server = Server::builder().threads(2).start().unwrap();
    let statuses = |key: &str| -> Vec<u16> {
        let target = format!("GET /flaky/{key}/2");
        (0..4).map(|_| Client::new(&server).get(&target).status).collect()
    };
    assert_eq!(statuses("one"), [503, 503, 200, 200]);
    assert_eq!(statuses("other"), [503, 503, 200, 200]);

    let mut client = Client::new(&server);
    client.get("GET /flaky/never/0").is_hello();
    let failure = client.get("GET /flaky/once/1");
    assert_eq!(failure.json(), json!({"error": "failure 1 of 1"}));
    client.get("GET /flaky/once/1").is_hello();
    client.get("GET /flaky/key/x").is_bad_request("\"x\"");
}

#[test]
fn close_answers_and_closes() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    let answer = client.get("GET /close");
    answer.is_hello();
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn anything_else_is_not_found() {
    for path in ["/nothing", "/echo/", "//", "/delay", "/delay/1/2", "/ECHO"] {
        let answer = answer_to(&format!("POST {path}?query"));
        assert_eq!(answer.status, 404);
        let expected = json!({"error": "no such route", "path": path});
        assert_eq!(answer.json(), expected);
    }
}
