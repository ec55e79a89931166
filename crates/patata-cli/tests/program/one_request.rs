//! `get`, `post` and the like: each flag is seen at the server.

use std::fs;

use patata_testserver::Server;
use serde_json::{Value, json};

use super::support::Place;

/// What a server has got of a request that is made so.
#[track_caller]
fn echoed(place: &Place, server: &Server, command: &str, flags: &[&str]) -> Value {
    let url = format!("{}/echo", server.url());
    place.run(&[&[command, &url], flags].concat()).ended(0).json()
}

#[test]
fn each_command_has_its_method() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    for (command, method) in
        [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")]
    {
        assert_eq!(echoed(&place, &server, command, &[])["method"], method);
    }
    let head = place.run(&["head", &format!("{}/bytes/5", server.url())]).ended(0);
    assert!(head.stdout.starts_with("HTTP/1.1 200 OK\r\n"), "{head:?}");
    assert!(head.stdout.contains("content-length: 5\r\n") && head.stdout.ends_with("\r\n\r\n"));
}

#[test]
fn flags_of_a_request_reach_the_server() {
    let (place, server) = (Place::new().with_variable("WORD", "se/cret"), Server::start().unwrap());
    place.file("body.json", "{\"of\":\"a file\"}");
    let basic = "Basic bWU6c2UvY3JldA==";
    for (flags, pointer, expected) in [
        (&["-X", "purge"][..], "/method", json!("PURGE")),
        (&["-H", "X-One: 1", "-H", "X-One: 2"], "/headers/x-one", json!("1, 2")),
        (&["-H", "Accept: text/csv"], "/headers/accept", json!("text/csv")),
        (&["-H", "User-Agent:"], "/headers/user-agent", Value::Null),
        (&["-H", "X-Empty;"], "/headers/x-empty", json!("")),
        (&["-d", "a=1", "-d", "b=2"], "/body", json!("a=1&b=2")),
        (&["-d", "a=1"], "/method", json!("POST")),
        (&["-d", "a=1"], "/headers/content-type", json!("application/x-www-form-urlencoded")),
        (&["-d", "{\"a\":{}}"], "/headers/content-type", json!("application/json")),
        (&["-d", "{\"id\":\"{id}\"}"], "/body", json!("{\"id\":\"{id}\"}")),
        (&["-d", "@body.json"], "/body", json!("{\"of\":\"a file\"}")),
        (&["-d", "a", "-H", "Content-Type: text/plain"], "/headers/content-type", json!("text/plain")),
        (&["--json", "[1]"], "/body", json!("[1]")),
        (&["--json", "@body.json"], "/headers/content-type", json!("application/json")),
        (&["--json", "[1]"], "/headers/accept", json!("application/json")),
        (&["--form", "a=1 2", "--form", "b=&"], "/body", json!("a=1+2&b=%26")),
        (&["--param", "q=1 2", "--param", "env=env:WORD"], "/query", json!("q=1+2&env=se%2Fcret")),
        (&["-u", "me:env:WORD"], "/headers/authorization", json!(basic)),
        (&["--bearer", "env:WORD"], "/headers/authorization", json!("Bearer se/cret")),
        (&["-b", "a=1", "-b", "b=env:WORD"], "/headers/cookie", json!("a=1; b=se/cret")),
        (&["-A", "potato/1"], "/headers/user-agent", json!("potato/1")),
        (&["--idempotency-key", "-X", "GET"], "/headers/idempotency-key", Value::Null),
        (&["-L", "-m", "5", "--connect-timeout", "5s", "--total-timeout", "1m"], "/method", json!("GET")),
    ] {
        let echo = echoed(&place, &server, "get", flags);
        assert_eq!(echo.pointer(pointer).unwrap_or(&Value::Null), &expected, "{flags:?}: {echo}");
    }
    let post = echoed(&place, &server, "post", &["--idempotency-key"]);
    assert!(post["headers"]["idempotency-key"].is_string(), "{post}");
    let piped = place.run_with("from a pipe", &["post", &format!("{}/echo", server.url()), "-d", "@-"]);
    assert_eq!(piped.ended(0).json()["body"], "from a pipe");
}

#[test]
fn a_url_may_be_written_without_its_scheme() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = format!("{}/", server.address());
    assert_eq!(place.run(&["get", &url]).ended(0).stdout, "{\"message\":\"Hello world!\"}");
}

#[test]
fn the_body_goes_to_a_file_if_one_is_named() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let ran = place.run(&["get", &format!("{}/bytes/100000", server.url()), "-o", "new/a.bin"]).ended(0);
    assert_eq!(ran.stdout, "");
    assert_eq!(fs::read(place.path("new/a.bin")).unwrap().len(), 100_000);
    place.run(&["get", &format!("{}/status/404", server.url()), "-o", "b.json"]).ended(1);
    assert_eq!(place.read("b.json"), "{\"status\":404}");
    place.file("file", "");
    let refused = place.run(&["get", server.url(), "-o", "file/c"]).ended(5);
    assert!(refused.stderr.contains("file/c"), "{refused:?}");
}

#[test]
fn a_failure_has_a_code_of_its_own() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = format!("{}/status/503", server.url());
    assert_eq!(place.run(&["get", &url]).ended(1).stdout, "{\"status\":503}");
    let failed = place.run(&["get", &url, "-f"]).ended(1);
    assert_eq!(failed.stdout, "");
    assert_eq!(failed.stderr, format!("error: {url} was answered with 503 Service Unavailable\n"));
    assert_eq!(place.run(&["get", &url, "-f", "-s"]).ended(1).stderr, "");
    place.run(&["get", &url, "--ok", "2xx,503"]).ended(0);
    let refused = place.run(&["get", "http://127.0.0.1:1/"]).ended(1);
    assert!(refused.stderr.starts_with("error: Cannot connect to 127.0.0.1:1"), "{refused:?}");
    assert_eq!(place.run(&["get", "http://127.0.0.1:1/", "-s"]).ended(1).stderr, "");
    assert!(place.run(&["get", "ftp://host/"]).ended(2).stderr.contains("ftp"));
}

#[test]
fn what_is_sent_again_is_counted_as_curl_counts() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let flaky = |key: &str| format!("{}/flaky/{key}/2", server.url());
    place.run(&["get", &flaky("a"), "--retry", "2", "--backoff", "1ms"]).ended(0);
    place.run(&["get", &flaky("b"), "--retry", "1", "--backoff", "1ms"]).ended(1);
    place.run(&["get", &flaky("c"), "--retries", "3", "--backoff", "1ms", "--max-backoff", "2ms"]).ended(0);
    place.run(&["get", &flaky("d"), "--retry", "2", "--retry-statuses", "500"]).ended(1);
    place.run(&["post", &flaky("e"), "--retry", "2", "--backoff", "1ms"]).ended(1);
    place.run(&["post", &flaky("f"), "--retry", "2", "--backoff", "1ms", "--retry-non-idempotent"]).ended(0);
    place.run(&["post", &flaky("g"), "--retry", "2", "--backoff", "1ms", "--idempotency-key"]).ended(0);
    place.run(&["get", &flaky("h"), "--retry", "2", "--backoff", "1ms", "--retry-budget", "none"]).ended(0);
}

#[test]
fn redirects_are_followed_unless_told_otherwise() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = format!("{}/redirect/2", server.url());
    assert!(place.run(&["get", &url]).ended(0).stdout.contains("Hello"));
    assert!(place.run(&["get", &url, "-L"]).ended(0).stdout.contains("Hello"));
    let kept = place.run(&["get", &url, "--no-follow-redirects", "-i"]).ended(0);
    assert!(kept.stdout.starts_with("HTTP/1.1 302 Found\r\n"), "{kept:?}");
    assert!(place.run(&["get", &url, "--max-redirects", "1"]).ended(1).stderr.contains("redirect"));
}

#[test]
fn limits_of_time_and_size_hold() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let slow = format!("{}/delay/60000", server.url());
    for flag in ["--timeout", "-m", "--total-timeout", "--deadline"] {
        let ran = place.run(&["get", &slow, flag, "50ms"]).ended(1);
        assert!(ran.stderr.contains("time") || ran.stderr.contains("deadline"), "{flag}: {ran:?}");
    }
    let long = format!("{}/bytes/5000", server.url());
    assert!(place.run(&["get", &long, "--max-response-size", "1K"]).ended(1).stderr.contains("1024"));
    place.run(&["get", &long, "--max-response-size", "5K", "--max-decompression-ratio", "10"]).ended(0);
}

#[test]
fn connections_are_made_as_was_said() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let port = server.address().port();
    let named = format!("http://api.example:{port}/echo");
    let resolve = format!("api.example:{port}:127.0.0.1");
    let echo = place.run(&["get", &named, "--resolve", &resolve]).ended(0).json();
    assert_eq!(echo["headers"]["host"], format!("api.example:{port}"));
    // The server is no proxy, but what asks one for a page asks it so.
    let proxied = place.run(&["get", "http://far.example/echo", "-x", &server.address().to_string()]);
    assert_eq!(proxied.ended(0).json()["headers"]["host"], "far.example");
    let proxy = server.url().to_owned();
    let in_environment = Place::new().with_variable("http_proxy", &proxy);
    in_environment.run(&["get", "http://far.example/"]).ended(0);
    in_environment.run(&["get", "http://far.example/", "--no-proxy", "--connect-timeout", "5"]).ended(1);
    let one = place.run(&["get", &format!("{}/", server.url()), "--http", "1.1", "-i"]).ended(0);
    assert!(one.stdout.starts_with("HTTP/1.1 200"), "{one:?}");
}

#[test]
fn certificates_are_verified_unless_told_otherwise() {
    let (place, server) = (Place::new(), Server::builder().tls().start().unwrap());
    let url = format!("https://localhost:{}/", server.address().port());
    place.file("ca.pem", Server::authority_pem());
    assert!(place.run(&["get", &url]).ended(1).stderr.contains("certificate"));
    place.run(&["get", &url, "-k"]).ended(0);
    let two = place.run(&["get", &url, "-k", "--http", "2", "-i"]).ended(0);
    assert!(two.stdout.starts_with("HTTP/2.0 200"), "{two:?}");
    place.run(&["get", &url, "--cacert", "ca.pem"]).ended(0);
    place.run(&["get", &url, "--cacert", "ca.pem", "--tls-min", "1.3"]).ended(0);
    let missing = place.run(&["get", &url, "--cacert", "no.pem"]).ended(2);
    assert!(missing.stderr.starts_with("error: --cacert must be a readable PEM file"), "{missing:?}");
    let missing = place.run(&["get", &url, "-k", "--cert", "no.pem", "--key", "no.key"]).ended(2);
    assert!(missing.stderr.starts_with("error: --cert must be readable PEM files"), "{missing:?}");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_connected_to() {
    use std::io::{Read, Write};

    let place = Place::new();
    let listener = std::os::unix::net::UnixListener::bind(place.path("s")).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let length = stream.read(&mut asked).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    assert_eq!(place.run(&["get", "http://docker/x", "--unix-socket", "s"]).ended(0).stdout, "hi");
    assert!(served.join().unwrap().starts_with("GET /x HTTP/1.1"));
}
