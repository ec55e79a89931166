//! What is sent arrives as it was stated, and what is answered is received whole.

use std::io::Write;
use std::time::Duration;

use patata::{Client, ErrorKind, Method, Phase, Request, Response};
use patata_testserver::Server;
use serde_json::Value;

use crate::checks::{assert_fault, fault, get, leave_unread};
use crate::support::{RawServer, all, ok, one};

fn client() -> Client {
    Client::builder().build().unwrap()
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// What the server says it was sent.
fn echo(client: &Client, request: Request<()>) -> Value {
    let response = one(client, request).result.unwrap();
    assert_eq!(response.status, 200);
    json(&response)
}

/// `count` letters, as the server's `/bytes` has them.
fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}

/// A response of the raw server with these lines in its head.
fn answer(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn an_answer_that_nobody_asked_for_goes_to_no_later_request() {
    let (sent, unasked) = std::sync::mpsc::channel();
    let server = RawServer::start(move |peer| {
        while let Some(request) = peer.request() {
            peer.answer(request.split(' ').nth(1).unwrap());
            peer.send(ok("nobody asked for this"));
            sent.send(()).unwrap();
        }
    });
    let client = Client::builder().num_workers(1).concurrency(1).build().unwrap();
    let paths: Vec<_> = (0..50).map(|number| format!("/{number}")).collect();
    let requests = paths.iter().enumerate().map(|(number, path)| {
        if number > 0 {
            // It is there before the next request is.
            unasked.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        Request::get(path.clone(), format!("{}{path}", server.url()))
    });
    for outcome in all(&client, requests) {
        assert_eq!(outcome.result.unwrap().text(), outcome.tag);
    }
}

#[test]
fn every_method_arrives_as_sent() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "M-SEARCH"] {
        let request = Request::new((), Method::from_bytes(method.as_bytes()).unwrap(), &url);
        assert_eq!(echo(&client(), request)["method"], method);
    }
}

#[test]
fn a_method_with_a_body_brings_it_along() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let echoed = echo(&client(), Request::new((), method.clone(), &url).body("potato"));
        assert_eq!(echoed["body"], "potato", "{method}");
        assert_eq!(echoed["headers"]["content-length"], "6", "{method}");
    }
}

#[test]
fn a_head_request_is_answered_without_a_body() {
    let server = RawServer::answering("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    let requests = (0..3).map(|tag| Request::new(tag, Method::HEAD, format!("{}/x", server.url())));
    let client = Client::builder().concurrency(1).max_response_size(10).build().unwrap();
    for outcome in all(&client, requests) {
        let response = outcome.result.unwrap();
        assert_eq!((response.status.as_u16(), response.body.len()), (200, 0));
        assert_eq!(response.headers.get("content-length"), Some(&b"1000"[..]));
    }
    assert!(server.requests().iter().all(|request| request.starts_with("HEAD /x HTTP/1.1\r\n")));
    assert_eq!(server.connections(), 1, "the length of what was not sent is not waited for");
}

#[test]
fn headers_arrive_with_every_repeat_and_every_byte() {
    let server = RawServer::answering(ok(""));
    let request = Request::get((), server.url())
        .header("X-Twice", "one")
        .header("x-twice", "two")
        .header("x-empty", "")
        .header("x-latin", b"caf\xe9");
    one(&client(), request).result.unwrap();
    let sent = &server.requests()[0];
    for line in ["x-twice: one\r\nx-twice: two\r\n", "x-empty: \r\n", "x-latin: caf\u{fffd}\r\n"] {
        assert!(sent.contains(line), "{line:?} is not in {sent}");
    }
}

#[test]
fn what_patata_says_of_itself_goes_along_unless_told_otherwise() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    let headers = &echo(&client(), Request::get((), &url))["headers"];
    assert_eq!(headers["host"], server.address().to_string());
    assert_eq!(headers["accept"], "*/*");
    assert_eq!(headers["accept-encoding"], "gzip, deflate, br, zstd");
    assert_eq!(headers["user-agent"], concat!("patata/", env!("CARGO_PKG_VERSION")));

    let client = Client::builder().accept("text/plain").header("user-agent", "potato").build().unwrap();
    let headers = &echo(&client, Request::get((), &url).header("host", "other.example"))["headers"];
    assert_eq!(headers["host"], "other.example");
    assert_eq!(headers["accept"], "text/plain");
    assert_eq!(headers["user-agent"], "potato");
}

#[test]
fn a_requests_own_header_goes_before_the_clients() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    let builder = Client::builder().header("x-default", "one").header("x-default", "two");
    let client = builder.header("x-other", "kept").build().unwrap();
    assert_eq!(echo(&client, Request::get((), &url))["headers"]["x-default"], "one, two");
    let headers = &echo(&client, Request::get((), &url).header("X-Default", "own"))["headers"];
    assert_eq!((headers["x-default"].as_str(), headers["x-other"].as_str()), (Some("own"), Some("kept")));
}

#[test]
fn a_get_says_nothing_of_a_length() {
    let server = RawServer::answering(ok(""));
    one(&client(), Request::get((), server.url())).result.unwrap();
    let sent = &server.requests()[0];
    assert!(!sent.contains("content-length") && !sent.contains("transfer-encoding"), "{sent}");
}

#[test]
fn a_request_that_should_have_a_body_says_so_where_it_is_empty() {
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        let server = RawServer::answering(ok(""));
        one(&client(), Request::new((), method, server.url())).result.unwrap();
        let sent = &server.requests()[0];
        assert!(sent.contains("content-length: 0\r\n"), "RFC 9110, section 8.6, asks for it: {sent}");
    }
}

#[test]
fn an_answer_that_does_not_wait_for_the_body_is_the_answer() {
    let server = RawServer::start(|peer| {
        leave_unread(peer);
        peer.send("HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 6\r\n\r\npotato");
        peer.wait_for_the_end();
    });
    let client = Client::builder().concurrency(1).build().unwrap();
    let requests = (0..2).map(|tag| Request::post(tag, server.url()).body(letters(20 << 20)));
    for outcome in all(&client, requests) {
        let response = outcome.result.unwrap();
        assert_eq!((response.status.as_u16(), &response.body[..]), (413, &b"potato"[..]));
    }
}

#[test]
fn five_megabytes_go_both_ways() {
    const SIZE: usize = 5 << 20;
    let server = Server::start().unwrap();
    let body = letters(SIZE);
    let sent = Request::post((), format!("{}/echo-body", server.url())).body(body.clone());
    assert!(one(&client(), sent).result.unwrap().body == body);
    assert!(get(format!("{}/bytes/{SIZE}", server.url())).body == body);
    assert!(get(format!("{}/chunked/{SIZE}", server.url())).body == body);
}

#[test]
fn path_and_query_arrive_as_given() {
    let server = Server::start().unwrap();
    let query = "q=a%20b&r=%C3%BC&plus=a+b&slash=%2F&empty=&q=again&t=%2e";
    assert_eq!(echo(&client(), Request::get((), format!("{}/echo?{query}", server.url())))["query"], query);
    let path = "/a%2Fb/c%20d;v=1/%e2%82%ac//x/";
    assert_eq!(json(&get(format!("{}{path}", server.url())))["path"], path);
}

#[test]
fn every_printable_character_may_stand_in_a_path_and_a_query() {
    let server = Server::start().unwrap();
    for character in (0x21..0x7f_u8).map(char::from) {
        if !['#', '?', '\\'].contains(&character) {
            get(format!("{}/x{character}y", server.url()));
        }
        if character != '#' {
            get(format!("{}/x?x{character}y", server.url()));
        }
    }
}

#[test]
fn a_fragment_is_not_sent() {
    let server = Server::start().unwrap();
    let response = get(format!("{}/echo?q=1#part", server.url()));
    assert_eq!(json(&response)["query"], "q=1");
    assert_eq!(response.url, format!("{}/echo?q=1", server.url()));
}

#[test]
fn credentials_in_a_url_become_a_header_and_are_shown_nowhere() {
    let server = Server::start().unwrap();
    let host = server.address();
    let response = get(format!("http://us%3Aer:se%40cret@{host}/echo"));
    assert_eq!(json(&response)["headers"]["authorization"], "Basic dXM6ZXI6c2VAY3JldA==");
    assert_eq!(response.url, format!("http://{host}/echo"));
    assert!(!format!("{:?}", response.url).contains("cret"));
    let own = Request::get((), format!("http://user:secret@{host}/echo")).header("authorization", "mine");
    assert_eq!(echo(&client(), own)["headers"]["authorization"], "mine");
    for url in
        ["http://user:secret@127.0.0.1:1/", "http://user:secret@127.0.0.1:99999/", "http://user:secret@/"]
    {
        let error = fault(&client(), url);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
}

#[test]
fn credentials_go_with_their_own_request_only() {
    let server = Server::start().unwrap();
    let host = server.address();
    let urls = [format!("http://user:secret@{host}/echo"), format!("http://{host}/echo")];
    let client = Client::builder().concurrency(1).build().unwrap();
    let requests = (0..20).map(|tag| Request::get(tag, &urls[tag % 2]));
    for outcome in all(&client, requests) {
        let authorized = json(&outcome.result.unwrap())["headers"].get("authorization").is_some();
        assert_eq!(authorized, outcome.tag % 2 == 0);
    }
}

#[test]
fn a_thousand_requests_share_the_connections() {
    let server = Server::start().unwrap();
    let client = Client::builder().concurrency(4).build().unwrap();
    let requests = (0..1000).map(|tag| Request::get(tag, server.url()));
    assert!(all(&client, requests).iter().all(|outcome| outcome.attempts == 1 && outcome.result.is_ok()));
    assert_eq!(server.requests(), 1000);
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[test]
fn hosts_that_take_turns_keep_their_connections() {
    let server = Server::start().unwrap();
    let here = [server.address().ip()];
    let urls: Vec<_> =
        (0..30).map(|host| format!("http://host{host}.example:{}/", server.address().port())).collect();
    let client = (0..30)
        .fold(Client::builder().num_workers(1).concurrency(2), |builder, host| {
            builder.resolve(format!("host{host}.example"), here)
        })
        .build()
        .unwrap();
    let requests = (0..300).map(|tag| Request::get(tag, &urls[tag % 30]));
    assert!(all(&client, requests).iter().all(|outcome| outcome.result.is_ok()));
    // A host's requests may both be under way.
    assert!((30..=60).contains(&server.connections()), "{}", server.connections());
}

#[test]
fn a_server_that_closes_after_each_answer_costs_only_connections() {
    let server = Server::start().unwrap();
    let client = Client::builder().concurrency(4).build().unwrap();
    let requests = (0..200).map(|tag| Request::post(tag, format!("{}/close", server.url())).body("x"));
    assert!(all(&client, requests).iter().all(|outcome| outcome.attempts == 1 && outcome.result.is_ok()));
    assert_eq!((server.requests(), server.connections()), (200, 200));
}

#[test]
fn statuses_without_a_body_keep_the_connection() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            peer.send(match request.split(' ').nth(1) {
                Some("/204") => "HTTP/1.1 204 No Content\r\n\r\n",
                Some("/304") => "HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            });
        }
    });
    let client = Client::builder().concurrency(1).build().unwrap();
    let codes = [204_u16, 304, 200, 304, 204];
    let outcomes = all(&client, codes.map(|code| Request::get(code, format!("{}/{code}", server.url()))));
    for outcome in outcomes {
        let response = outcome.result.unwrap();
        assert_eq!((response.status.as_u16(), response.body.len()), (outcome.tag, 0));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn answers_before_the_answer_are_passed_over() {
    let server = RawServer::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\
         content-length: 6\r\n\r\npotato",
    );
    let response = get(server.url());
    assert_eq!((response.status.as_u16(), &response.body[..]), (200, &b"potato"[..]));
    assert_eq!(response.headers.get("link"), None);
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        let server = RawServer::answering_once(format!("{head}potato"));
        assert_eq!(get(server.url()).body, "potato");
    }
}

#[test]
fn an_answer_may_come_a_byte_at_a_time() {
    let server = RawServer::start(|peer| {
        while peer.request().is_some() {
            for byte in
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\npot\r\n3\r\nato\r\n0\r\n\r\n"
            {
                peer.send([*byte]);
                std::thread::yield_now();
            }
        }
    });
    let client = Client::builder().concurrency(1).build().unwrap();
    for outcome in all(&client, (0..5).map(|tag| Request::get(tag, server.url()))) {
        assert_eq!(outcome.result.unwrap().body, "potato");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn trailers_after_a_chunked_body_are_read_and_the_connection_kept() {
    let server = RawServer::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6;name=value\r\npotato\r\n0\r\nx-sum: 1\r\n\r\n",
    );
    let client = Client::builder().concurrency(1).build().unwrap();
    for outcome in all(&client, (0..3).map(|tag| Request::get(tag, server.url()))) {
        assert_eq!(outcome.result.unwrap().body, "potato");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn repeated_headers_of_an_answer_are_kept_in_order() {
    let server =
        RawServer::answering(answer("Set-Cookie: a=1\r\nset-cookie: b=2\r\nx-latin: caf\u{e9}\r\n", b""));
    let headers = get(server.url()).headers;
    assert_eq!(headers.get_all("set-cookie").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
    assert_eq!(headers.get("X-Latin"), Some("caf\u{e9}".as_bytes()));
}

#[test]
fn every_content_encoding_is_undone() {
    let text = b"a potato, and another potato".repeat(50);
    for (coding, body) in encoded(&text) {
        let server = RawServer::answering(answer(&format!("content-encoding: {coding}\r\n"), &body));
        let response = get(server.url());
        assert!(response.body == text, "{coding}");
        assert_eq!(response.headers.get("content-encoding"), Some(coding.as_bytes()));
    }
}

#[test]
fn a_truncated_content_encoding_is_a_decode_error() {
    let text = b"a potato, and another potato".repeat(50);
    for (coding, body) in encoded(&text) {
        let lines = format!("content-encoding: {coding}\r\n");
        let server = RawServer::answering(answer(&lines, &body[..body.len() - 5]));
        let error = fault(&client(), server.url());
        assert_fault(&error, ErrorKind::Decode, Phase::Answer, true, "The body is not valid");
    }
}

/// A text in each coding, with the coding's name.
fn encoded(text: &[u8]) -> [(&'static str, Vec<u8>); 5] {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(text).unwrap();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
    bare.write_all(text).unwrap();
    let mut br = Vec::new();
    brotli::BrotliCompress(&mut &text[..], &mut br, &Default::default()).unwrap();
    let zstd = zstd::encode_all(text, 1).unwrap();
    [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("br", br),
        ("zstd", zstd),
    ]
}
