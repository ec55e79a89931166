//! Which redirects are followed, with what, and where they end.

use std::time::Duration;

use patata::{Client, ErrorKind, Method, Phase, Request, Response};
use patata_testserver::Server;
use serde_json::Value;

use crate::checks::{assert_fault, fault, get};
use crate::support::{RawServer, all, ok, one};

fn client() -> Client {
    Client::builder().build().unwrap()
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// A URL of `server` that redirects to `target`.
fn redirecting(server: &Server, target: &str, status: u16) -> String {
    let target: String = target.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("{}/redirect-to?url={target}&status={status}", server.url())
}

/// A server whose every answer redirects to this place.
fn pointing_at(location: &str) -> RawServer {
    RawServer::answering(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
}

#[test]
fn a_chain_is_followed_to_its_end_within_one_attempt() {
    let server = Server::start().unwrap();
    let outcome = one(&client(), Request::get((), format!("{}/redirect/5", server.url())));
    assert_eq!(outcome.attempts, 1);
    let response = outcome.result.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.url, format!("{}/redirect/0", server.url()));
    assert_eq!(server.requests(), 6);
}

#[test]
fn one_redirect_more_than_the_limit_is_an_error() {
    let server = Server::start().unwrap();
    let few = Client::builder().max_redirects(3).build().unwrap();
    assert_eq!(
        one(&few, Request::get((), format!("{}/redirect/3", server.url()))).result.unwrap().status,
        200
    );
    let error = fault(&few, format!("{}/redirect/4", server.url()));
    assert_fault(
        &error,
        ErrorKind::Redirect,
        Phase::Answer,
        true,
        "More than 3 redirects, the last one from",
    );
    assert_eq!(get(format!("{}/redirect/10", server.url())).status, 200);
    let error = fault(&client(), format!("{}/redirect/11", server.url()));
    assert_fault(&error, ErrorKind::Redirect, Phase::Answer, true, "More than 10 redirects");
}

#[test]
fn a_loop_ends_at_the_limit() {
    let server = pointing_at("/again");
    let error = fault(&client(), server.url());
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn redirects_that_are_not_to_be_followed_are_handed_out() {
    let server = Server::start().unwrap();
    let client = Client::builder().follow_redirects(false).build().unwrap();
    let response = one(&client, Request::get((), format!("{}/redirect/2", server.url()))).result.unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(response.headers.get("location"), Some(&b"/redirect/1"[..]));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_redirect_that_names_no_place_is_the_answer() {
    let server = RawServer::answering("HTTP/1.1 302 Found\r\ncontent-length: 6\r\n\r\npotato");
    let response = get(server.url());
    assert_eq!((response.status.as_u16(), &response.body[..]), (302, &b"potato"[..]));
}

#[test]
fn the_body_of_a_redirect_that_is_not_followed_is_waited_for() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 6\r\n\r\npo";
    let server = RawServer::start(move |peer| {
        peer.request();
        peer.send(answer);
        std::thread::sleep(Duration::from_millis(200));
        peer.send("tato");
    });
    let client = Client::builder().follow_redirects(false).build().unwrap();
    let response = one(&client, Request::get((), server.url())).result.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (302, &b"potato"[..]));
}

/// A server whose `/` sets a cookie and redirects to `/next`, which says what it is sent, as does all else.
fn setting_cookies() -> RawServer {
    RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            let sent =
                request.lines().find(|line| line.to_lowercase().starts_with("cookie:")).unwrap_or("none");
            if request.starts_with("GET / ") {
                peer.send(
                    "HTTP/1.1 302 Found\r\nlocation: /next\r\nset-cookie: a=1\r\nset-cookie: b=2; Path=/else\r\n\
                     content-length: 0\r\n\r\n",
                );
            } else {
                peer.answer(sent);
            }
        }
    })
}

#[test]
fn a_cookie_that_a_redirect_sets_is_sent_along_its_own_chain_and_no_further() {
    let server = setting_cookies();
    let client = Client::builder().concurrency(1).num_workers(1).ordered(true).build().unwrap();
    let urls = [server.url(), format!("{}/plain", server.url()), server.url()];
    let outcomes = all(&client, urls.map(|url| Request::get((), url)));
    let sent: Vec<_> =
        outcomes.into_iter().map(|outcome| outcome.result.unwrap().text().into_owned()).collect();
    assert_eq!(sent, ["cookie: a=1", "none", "cookie: a=1"]);
}

#[test]
fn a_cookie_that_a_redirect_sets_stands_behind_the_users_own_and_goes_to_no_other_host() {
    let server = setting_cookies();
    let request = Request::get((), server.url()).header("cookie", "mine=0");
    assert_eq!(one(&client(), request).result.unwrap().text(), "cookie: mine=0; a=1");
    let other = RawServer::answering_once(ok(""));
    let place = other.url().replace("127.0.0.1", "localhost");
    let leaving = RawServer::answering(format!(
        "HTTP/1.1 302 Found\r\nlocation: {place}\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n"
    ));
    get(leaving.url());
    assert!(!other.requests()[0].to_lowercase().contains("cookie"), "{:?}", other.requests());
}

#[test]
fn who_wants_no_cookies_keeps_none_on_redirects() {
    let server = setting_cookies();
    let client = Client::builder().cookie_jar(false).build().unwrap();
    assert_eq!(one(&client, Request::get((), server.url())).result.unwrap().text(), "none");
}

#[test]
fn a_post_becomes_a_get_where_browsers_make_it_one() {
    let server = Server::start().unwrap();
    for status in [301, 302, 303] {
        let request = Request::post((), redirecting(&server, "/echo", status))
            .header("content-type", "text/plain")
            .header("x-own", "kept")
            .body("potato");
        let echoed = json(&one(&client(), request).result.unwrap());
        assert_eq!((&echoed["method"], &echoed["body"]), (&"GET".into(), &"".into()), "{status}");
        assert_eq!(echoed["headers"].get("content-type"), None);
        assert_eq!(echoed["headers"].get("content-length"), None);
        assert_eq!(echoed["headers"]["x-own"], "kept");
    }
}

#[test]
fn method_and_body_are_kept_where_the_status_says_so() {
    let server = Server::start().unwrap();
    for (status, method) in [
        (307, Method::POST),
        (308, Method::POST),
        (307, Method::DELETE),
        (301, Method::PUT),
        (302, Method::PATCH),
    ] {
        let request = Request::new((), method.clone(), redirecting(&server, "/echo", status))
            .header("content-type", "text/plain")
            .body("potato");
        let echoed = json(&one(&client(), request).result.unwrap());
        assert_eq!((&echoed["method"], &echoed["body"]), (&method.as_str().into(), &"potato".into()));
        assert_eq!(echoed["headers"]["content-type"], "text/plain");
    }
}

#[test]
fn secrets_stay_within_their_origin() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let client = Client::builder().header("x-default-key", "secret").build().unwrap();
    let send = |target: &str| {
        let request = Request::post((), redirecting(&server, target, 307))
            .header("authorization", "secret")
            .header("cookie", "secret")
            .header("x-api-key", "secret")
            .header("host", server.address().to_string())
            .header("content-type", "text/plain")
            .body("potato");
        json(&one(&client, request).result.unwrap())
    };
    let inside = send("/echo");
    for name in ["authorization", "cookie", "x-api-key", "x-default-key"] {
        assert_eq!(inside["headers"][name], "secret", "{name}");
    }
    let outside = send(&format!("{}/echo", other.url()));
    assert!(!outside.to_string().contains("secret"), "{outside}");
    assert_eq!(outside["headers"]["content-type"], "text/plain");
    assert_eq!(outside["headers"]["host"], other.address().to_string());
    assert_eq!(outside["body"], "potato");
}

#[test]
fn what_is_no_secret_goes_along_to_another_origin() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let names = ["accept", "accept-language", "range", "user-agent"];
    let values = ["text/plain", "de, en", "bytes=0-9", "potato/1"];
    let leave = redirecting(&server, &format!("{}/echo", other.url()), 302);
    let home = redirecting(&other, &format!("{}/echo", server.url()), 302);
    let by_way_of_another = redirecting(&server, &home, 307);
    let mut with_defaults = Client::builder().header("x-api-key", "secret");
    let mut own = Request::get((), &by_way_of_another).header("x-api-key", "secret");
    for (name, value) in names.iter().zip(values) {
        with_defaults = with_defaults.header(name, value);
        own = own.header(*name, value);
    }
    let with_defaults = with_defaults.build().unwrap();
    let by_default = json(&one(&with_defaults, Request::get((), &leave)).result.unwrap());
    let by_request = json(&one(&client(), own).result.unwrap());
    for (name, value) in names.iter().zip(values) {
        assert_eq!(
            (&by_default["headers"][name], &by_request["headers"][name]),
            (&value.into(), &value.into())
        );
    }
    assert!(!format!("{by_default} {by_request}").contains("secret"));
}

#[test]
fn what_was_left_out_or_given_twice_stays_so_at_another_origin() {
    let other = RawServer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let client = Client::builder()
        .header("accept-language", "de")
        .header("accept-language", "en")
        .without_header("accept")
        .build()
        .unwrap();
    let first = pointing_at(&other.url());
    let request = Request::get((), first.url()).without_header("user-agent");
    one(&client, request).result.unwrap();
    let heard = other.requests()[0].to_lowercase();
    assert!(heard.contains("accept-language: de\r\naccept-language: en\r\n"), "{heard}");
    assert!(!heard.contains("accept: ") && !heard.contains("user-agent: "), "{heard}");
}

#[test]
fn secrets_that_were_dropped_do_not_come_back_with_the_way_home() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    let home = redirecting(&other, &format!("{}/echo", server.url()), 302);
    let request = Request::get((), redirecting(&server, &home, 302)).header("x-api-key", "secret");
    let echoed = json(&one(&client(), request).result.unwrap());
    assert_eq!(echoed["headers"].get("x-api-key"), None);
}

#[test]
fn credentials_in_a_url_stay_within_its_origin() {
    let (server, other) = (Server::start().unwrap(), Server::start().unwrap());
    for (target, shown) in [("/echo".to_owned(), true), (format!("{}/echo", other.url()), false)] {
        let url = redirecting(&server, &target, 302).replace("http://", "http://user:secret@");
        let echoed = json(&get(url));
        assert_eq!(echoed["headers"].get("authorization").is_some(), shown, "{target}");
    }
}

#[test]
fn credentials_that_a_redirect_names_are_sent_and_not_shown() {
    let server = Server::start().unwrap();
    let target = format!("http://user:secret@{}/echo", server.address());
    let response = get(redirecting(&server, &target, 302));
    assert_eq!(json(&response)["headers"]["authorization"], "Basic dXNlcjpzZWNyZXQ=");
    assert_eq!(response.url, format!("{}/echo", server.url()));
}

#[test]
fn a_place_that_cannot_be_requested_is_a_redirect_error() {
    for location in
        ["ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1:99999/", "http://[bad/", "http://"]
    {
        let server = pointing_at(location);
        let error = fault(&client(), server.url());
        let beginning = format!("{}/ redirects ", server.url());
        assert_fault(&error, ErrorKind::Redirect, Phase::Answer, true, &beginning);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_place_that_cannot_be_requested_is_shown_without_credentials() {
    for scheme in ["http://", "ftp://", "//", "https:", "https:/", "http:\\\\", "HTTP://"] {
        for place in ["127.0.0.1:99999/", "[bad/", ":80/", "a b/", "127.0.0.1:0/a@b"] {
            let error = fault(&client(), pointing_at(&format!("{scheme}user:secret@{place}")).url());
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}

#[test]
fn a_place_that_refuses_the_connection_is_a_connect_error() {
    let error = fault(&client(), pointing_at("http://127.0.0.1:1/").url());
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, true, "Cannot connect to 127.0.0.1:1: ");
}

#[test]
fn a_retry_after_a_redirect_begins_where_the_request_began() {
    let server = Server::start().unwrap();
    let client = Client::builder().retries(3).backoff(Duration::from_millis(1)).build().unwrap();
    let outcome = one(&client, Request::get((), redirecting(&server, "/flaky/key/2", 302)));
    assert_eq!(outcome.attempts, 3);
    assert_eq!(outcome.result.unwrap().status, 200);
    assert_eq!(server.requests(), 6);
}

#[test]
fn the_body_of_a_redirect_is_read_so_that_the_connection_can_be_kept() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if request.starts_with("GET /end") {
                peer.answer("end");
            } else {
                let moved = "HTTP/1.1 302 Found\r\nlocation: /end\r\ncontent-length: 5\r\n\r\nmoved";
                peer.send(moved);
            }
        }
    });
    let client = Client::builder().concurrency(1).build().unwrap();
    for outcome in all(&client, (0..5).map(|tag| Request::get(tag, server.url()))) {
        assert_eq!(outcome.result.unwrap().body, "end");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_head_request_stays_one() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if request.split(' ').nth(1) == Some("/end") {
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
            } else {
                peer.send("HTTP/1.1 303 See Other\r\nlocation: /end\r\ncontent-length: 9\r\n\r\n");
            }
        }
    });
    let response = one(&client(), Request::new((), Method::HEAD, server.url())).result.unwrap();
    assert_eq!(response.url, format!("{}/end", server.url()));
    assert!(server.requests().iter().all(|request| request.starts_with("HEAD ")));
}

#[test]
fn a_post_that_was_answered_with_a_redirect_is_not_sent_again_when_what_follows_fails() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if request.starts_with("POST ") {
                peer.send("HTTP/1.1 303 See Other\r\nlocation: /answer\r\ncontent-length: 0\r\n\r\n");
            } else {
                peer.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    let client = Client::builder().retries(3).backoff(Duration::from_millis(1)).build().unwrap();
    let outcome = one(&client, Request::post((), server.url()).body("once"));
    assert_eq!((outcome.attempts, outcome.result.unwrap().status.as_u16()), (3, 503));
    let methods: Vec<_> = server.requests().iter().map(|request| request[..4].to_owned()).collect();
    assert_eq!(methods, ["POST", "GET ", "GET ", "GET "]);
}
