//! What a client and a request say together: headers, parameters, credentials, cookies, bodies of all kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patata::{Body, Client, ErrorKind, FilePart, HeaderName, HeaderValue, Multipart, Request};
use patata_testserver::Server;
use serde_json::{Value, json};

use crate::support::{RawServer, all, ok, one};

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// What the server says it was sent.
fn echo(client: &Client, request: Request<()>) -> Value {
    serde_json::from_slice(&one(client, request).result.unwrap().body).unwrap()
}

fn echo_url(server: &Server) -> String {
    format!("{}/echo", server.url())
}

#[test]
fn several_host_headers_are_refused_before_any_request() {
    let server = Server::start().unwrap();
    let request = Request::get((), server.url()).header("host", "a.example").header("Host", "b.example");
    let error = one(&Client::builder().build().unwrap(), request).result.unwrap_err();
    assert_eq!((error.kind(), error.request_sent()), (ErrorKind::InvalidRequest, false), "{error}");
    let error =
        Client::builder().header("host", "a.example").header("host", "b.example").build().unwrap_err();
    assert_eq!(error.to_string(), "headers must be of one Host at most, got several");
    // A request's own takes the place of the client's.
    let client = Client::builder().header("host", "a.example").build().unwrap();
    let request = Request::get((), format!("{}/echo", server.url())).header("host", "b.example");
    assert!(one(&client, request).result.unwrap().text().contains("b.example"));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_requests_header_replaces_the_default_and_others_are_merged() {
    let server = Server::start().unwrap();
    let client =
        Client::builder().header("x-a", "default").header("x-b", "1").header("X-B", "2").build().unwrap();
    let echoed = echo(&client, Request::get((), echo_url(&server)).header("X-A", "own"));
    assert_eq!((&echoed["headers"]["x-a"], &echoed["headers"]["x-b"]), (&json!("own"), &json!("1, 2")));
}

#[test]
fn a_default_header_can_be_left_out_of_all_requests_or_of_one() {
    let server = Server::start().unwrap();
    let url = echo_url(&server);
    let bare = Client::builder().without_header("User-Agent").build().unwrap();
    assert_eq!(echo(&bare, Request::get((), &url))["headers"].get("user-agent"), None);
    let client = Client::builder().header("x-a", "1").build().unwrap();
    let echoed = echo(&client, Request::get((), &url).without_header("X-A").without_header("accept"));
    assert_eq!((echoed["headers"].get("x-a"), echoed["headers"].get("accept")), (None, None));
    assert!(echoed["headers"].get("user-agent").is_some());
}

#[test]
fn parameters_of_client_and_request_go_behind_the_urls_own() {
    let server = RawServer::answering(ok(""));
    let client = Client::builder().param("key", "default").param("b", "1").build().unwrap();
    let url = format!("{}/path?own=0", server.url());
    one(&client, Request::get((), &url).param("key", "a b").param("key", "ü&=")).result.unwrap();
    one(&client, Request::get((), server.url())).result.unwrap();
    let lines: Vec<_> =
        server.requests().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        ["GET /path?own=0&b=1&key=a+b&key=%C3%BC%26%3D HTTP/1.1", "GET /?key=default&b=1 HTTP/1.1"]
    );
}

#[test]
fn the_nearest_credentials_win() {
    let server = Server::start().unwrap();
    let url = echo_url(&server);
    let with_user = url.replace("http://", "http://url:secret@");
    let client = Client::builder().bearer_auth("default").build().unwrap();
    let sent = |request| echo(&client, request)["headers"]["authorization"].as_str().unwrap().to_owned();
    assert_eq!(sent(Request::get((), &url)), "Bearer default");
    assert_eq!(sent(Request::get((), &with_user)), "Basic dXJsOnNlY3JldA==");
    assert_eq!(sent(Request::get((), &with_user).basic_auth("own", "secret")), "Basic b3duOnNlY3JldA==");
    assert_eq!(sent(Request::get((), &url).header("authorization", "Own x")), "Own x");
}

/// A client whose token is wrong until the server has said so.
fn refreshing(calls: &Arc<AtomicUsize>) -> Client {
    let calls = calls.clone();
    let auth = move |request: &patata::AuthRequest<'_>| {
        calls.fetch_add(1, Ordering::SeqCst);
        let token = if request.is_refresh() { "new" } else { "old" };
        HeaderValue::try_from(token).map(|token| (HeaderName::from_static("x-token"), token))
    };
    Client::builder().num_workers(1).auth(auth).build().unwrap()
}

#[test]
fn an_auth_function_is_asked_once_more_after_a_401() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            let answer = match request.contains("x-token: new") {
                true => ok("welcome"),
                false => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            peer.send(answer);
        }
    });
    let calls = Arc::new(AtomicUsize::new(0));
    let outcomes = all(&refreshing(&calls), (0..20).map(|tag| Request::post(tag, server.url()).body("x")));
    for outcome in outcomes {
        assert_eq!((outcome.attempts, outcome.result.unwrap().body), (1, "welcome".into()));
    }
    assert_eq!((calls.load(Ordering::SeqCst), server.requests().len()), (40, 40));
}

#[test]
fn a_request_that_says_itself_by_what_it_is_authorised_keeps_to_it_after_a_401() {
    let server = RawServer::answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    let calls = Arc::new(AtomicUsize::new(0));
    let asked = calls.clone();
    let auth = move |_: &patata::AuthRequest<'_>| {
        asked.fetch_add(1, Ordering::SeqCst);
        HeaderValue::try_from("other").map(|value| (HeaderName::from_static("authorization"), value))
    };
    let with_user = server.url().replace("http://", "http://user:secret@");
    for request in
        [Request::get((), server.url()).header("authorization", "Own x"), Request::get((), with_user)]
    {
        let response = one(&refreshing(&calls), request.auth(auth.clone())).result.unwrap();
        assert_eq!(response.status, 401);
    }
    assert_eq!((calls.load(Ordering::SeqCst), server.requests().len()), (0, 2));
}

#[test]
fn a_second_401_is_the_answer() {
    let server = RawServer::answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno");
    let calls = Arc::new(AtomicUsize::new(0));
    let outcome = one(&refreshing(&calls), Request::get((), server.url()));
    assert_eq!(outcome.result.unwrap().status, 401);
    assert_eq!((calls.load(Ordering::SeqCst), server.requests().len()), (2, 2));
}

#[test]
fn what_an_auth_function_fails_with_is_the_requests_error() {
    let client = Client::builder().auth(|_| Err("the vault is closed")).build().unwrap();
    let error = one(&client, Request::get((), "http://127.0.0.1:1/")).result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(error.to_string(), "The auth function failed: the vault is closed");
}

#[test]
fn a_redirect_to_another_origin_takes_no_credentials_and_no_cookies_along() {
    let other = Server::start().unwrap();
    let first = RawServer::answering(format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/echo\r\nset-cookie: jar=1\r\ncontent-length: 0\r\n\r\n",
        other.url().replace("127.0.0.1", "localhost")
    ));
    let client = Client::builder()
        .bearer_auth("secret")
        .cookie("session", "secret")
        .cookie_jar(true)
        .header("x-api-key", "secret")
        .build()
        .unwrap();
    let echoed = echo(&client, Request::get((), first.url()).header("x-own", "secret"));
    assert!(!echoed.to_string().contains("secret"), "{echoed}");
    assert!(first.requests()[0].contains("cookie: session=secret\r\n"));
}

#[test]
fn cookies_are_kept_only_where_that_is_asked_for() {
    let script = "HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\ncontent-length: 0\r\n\r\n";
    for (keep, expected) in [(true, 2), (false, 0)] {
        let server = RawServer::answering(script);
        let client = Client::builder().concurrency(1).cookie_jar(keep).build().unwrap();
        all(&client, (0..3).map(|tag| Request::get(tag, server.url())));
        let with = server.requests().iter().filter(|request| request.contains("cookie: a=1\r\n")).count();
        assert_eq!(with, expected);
    }
}

#[test]
fn a_server_that_sets_cookies_without_end_gets_no_larger_header_than_8_kb() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            let id = request.split(['/', ' ']).nth(2).unwrap_or_default().to_owned();
            let cookie = |n: usize| format!("set-cookie: c{id}-{n}={}\r\n", "v".repeat(3_000));
            let cookies: String = (0..8).map(cookie).collect();
            peer.send(format!("HTTP/1.1 200 OK\r\n{cookies}content-length: 0\r\n\r\n"));
        }
    });
    let client = Client::builder().num_workers(1).concurrency(1).cookie_jar(true).build().unwrap();
    let requests = (0..250).map(|id| Request::get(id, format!("{}/{id}", server.url())));
    assert!(all(&client, requests).iter().all(|outcome| outcome.result.is_ok()));
    let requests = server.requests();
    for (before, request) in requests[1..].iter().enumerate() {
        let cookie = request.lines().find(|line| line.starts_with("cookie: ")).unwrap();
        assert!(cookie.len() <= "cookie: ".len() + 8_190, "{}", cookie.len());
        assert!(cookie.contains(&format!("c{before}-7=")), "the latest are sent");
    }
}

#[test]
fn longer_paths_and_older_cookies_go_first() {
    let cookies =
        ["a=1; path=/", "b=2; path=/dir", "c=3; expires=Mon, 7-jan-2999 8:0:0 UTC", "d=4; domain=  .  x"];
    let lines: String = cookies.map(|cookie| format!("set-cookie: {cookie}\r\n")).concat();
    let server = RawServer::answering(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n"));
    let client = Client::builder().num_workers(1).concurrency(1).cookie_jar(true).build().unwrap();
    all(&client, (0..3).map(|id| Request::get(id, format!("{}/dir/{id}", server.url()))));
    for request in &server.requests()[1..] {
        assert!(request.contains("cookie: b=2; c=3; a=1\r\n"), "{request}");
    }
}

#[test]
fn a_cookie_that_is_set_by_a_redirect_is_sent_with_the_next_hop() {
    let server = RawServer::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 302 Found\r\nlocation: /in\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n");
        peer.request();
        peer.answer("");
    });
    let client = Client::builder().cookie_jar(true).cookie("b", "2").build().unwrap();
    one(&client, Request::get((), server.url())).result.unwrap();
    assert!(server.requests()[1].contains("cookie: b=2; a=1\r\n"));
}

#[test]
fn a_body_says_of_what_kind_it_is_unless_the_headers_do() {
    let server = Server::start().unwrap();
    let url = echo_url(&server);
    let kind = |request| echo(&client(), request)["headers"]["content-type"].clone();
    assert_eq!(kind(Request::post((), &url).body(Body::json(&[1, 2]))), "application/json");
    let form = || Request::post((), &url).body(Body::form([("a", "1")]));
    assert_eq!(kind(form()), "application/x-www-form-urlencoded");
    assert_eq!(kind(form().header("content-type", "text/odd")), "text/odd");
    assert_eq!(kind(Request::post((), &url).body("plain")), Value::Null);
    let form = Multipart::new().text("a", "1").file("f", FilePart::bytes("f.txt", "potato"));
    let echoed = echo(&client(), Request::post((), &url).body(form));
    let media_type = echoed["headers"]["content-type"].as_str().unwrap();
    let boundary = media_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = echoed["body"].as_str().unwrap();
    assert!(body.contains("filename=\"f.txt\"\r\ncontent-type: text/plain\r\n\r\npotato\r\n"));
    assert!(body.ends_with(&format!("--{boundary}--\r\n")));
}

#[test]
fn a_clients_body_is_for_requests_without_one() {
    let server = Server::start().unwrap();
    let client = Client::builder().body(Body::json(&json!({"default": true}))).build().unwrap();
    assert_eq!(echo(&client, Request::post((), echo_url(&server)))["body"], "{\"default\":true}");
    let own = Request::post((), echo_url(&server)).body("own");
    assert_eq!(echo(&client, own)["body"], "own");
    let once = Client::builder().body(Body::pieces([Ok("x".into())])).build().unwrap_err();
    assert_eq!(once.to_string(), "body must be sendable more than once, got pieces");
}

#[test]
fn what_cannot_be_sent_is_refused_before_any_io() {
    let server = RawServer::answering(ok(""));
    let url = server.url();
    for (request, part) in [
        (Request::post((), &url).body(Body::file("/no/such/file")), "/no/such/file"),
        (Request::post((), &url).body(Body::from("x").with_media_type("a\r\nb")), "is not a media type"),
        (
            Request::post((), &url).body(Multipart::new().file("a", FilePart::path("/no/such/file"))),
            "files: the file \"/no/such/file\" cannot be read",
        ),
        (Request::get((), &url).bearer_auth("a\nb"), "bearer_auth"),
        (Request::get((), &url).without_header("a b"), "\"a b\" is not a valid token"),
    ] {
        let error = one(&client(), request).result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_option_that_cannot_be_sent_is_refused_by_its_name() {
    for (builder, option) in [
        (Client::builder().cookie("a;b", "c"), "cookies"),
        (Client::builder().cookie("a", "c\r\nx: y"), "cookies"),
        (Client::builder().bearer_auth("a\nb"), "auth"),
        (Client::builder().body(Body::file("/no/such/file")), "body"),
        (Client::builder().without_header("a b"), "headers"),
    ] {
        assert_eq!(builder.build().unwrap_err().option, option);
    }
}
