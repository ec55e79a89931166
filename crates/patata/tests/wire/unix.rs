//! Unix sockets: as a URL's place, and as the place of all connections.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use patata::{Client, ErrorKind, Phase, Request, Response};
use tempfile::TempDir;

use crate::checks::{assert_fault, fault};
use crate::support::{RawServer, all, ok, one};

/// A server on a unix socket in a folder of its own, with the requests it has had.
struct UnixServer {
    folder: TempDir,
    requests: Arc<Mutex<Vec<String>>>,
}

impl UnixServer {
    /// Answers every request with the same bytes, and keeps the connection.
    fn answering(answer: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("a server.sock")).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer, log) = (stream.unwrap(), answer.clone(), log.clone());
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        log.lock().unwrap().push(String::from_utf8_lossy(&buffer[..count]).into_owned());
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        Self { folder, requests }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a server.sock")
    }

    fn url(&self, path: &str) -> String {
        let socket = self.path().to_str().unwrap().replace('/', "%2F").replace(' ', "%20");
        format!("http+unix://{socket}{path}")
    }

    fn last_request(&self) -> String {
        self.requests.lock().unwrap().last().unwrap().to_lowercase()
    }
}

fn client() -> Client {
    Client::builder().num_workers(1).build().unwrap()
}

fn redirect_to(location: &str, status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: {location}\r\n\r\n")
}

/// A server on a socket whose every answer is a redirect.
fn redirecting(location: &str, status: &str) -> UnixServer {
    UnixServer::answering(redirect_to(location, status))
}

fn response(client: &Client, url: impl Into<String>) -> Response {
    one(client, Request::get((), url)).result.unwrap()
}

#[test]
fn a_url_may_name_a_socket() {
    let server = UnixServer::answering(ok("by the socket"));
    for (path, target) in [("/a/b?c=d", "/a/b?c=d"), ("", "/"), ("?q", "/?q"), ("/ü", "/%c3%bc")] {
        let answer = response(&client(), server.url(path));
        assert_eq!(&answer.body[..], b"by the socket");
        let heard = server.last_request();
        assert!(heard.starts_with(&format!("get {target} http/1.1\r\nhost: localhost\r\n")), "{heard}");
    }
}

#[test]
fn the_responses_url_can_be_requested_again() {
    let server = UnixServer::answering(ok(""));
    let url = response(&client(), server.url("/a?b")).url.to_string();
    assert!(url.starts_with("http+unix://%2F") && url.ends_with("sock/a?b"), "{url}");
    assert_eq!(response(&client(), url.clone()).url, url);
}

#[test]
fn connections_to_a_socket_are_kept() {
    let server = UnixServer::answering(ok(""));
    let client = Client::builder().num_workers(1).concurrency(1).build().unwrap();
    let outcomes = all(&client, (0..20).map(|id| Request::get(id, server.url("/"))));
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
}

#[test]
fn one_socket_may_take_all_connections() {
    let server = UnixServer::answering(ok("by the socket"));
    let client = Client::builder().unix_socket(server.path()).build().unwrap();
    let answer = response(&client, "http://no-such-host.invalid:81/path");
    assert_eq!(&answer.body[..], b"by the socket");
    assert_eq!(answer.url, "http://no-such-host.invalid:81/path");
    let heard = server.last_request();
    assert!(heard.starts_with("get /path http/1.1\r\nhost: no-such-host.invalid:81\r\n"), "{heard}");
}

#[test]
fn a_socket_is_never_reached_through_a_proxy() {
    let server = UnixServer::answering(ok("by the socket"));
    let builder = Client::builder().proxy("http://127.0.0.1:1");
    assert_eq!(&response(&builder.clone().build().unwrap(), server.url("/")).body[..], b"by the socket");
    let client = builder.unix_socket(server.path()).build().unwrap();
    assert_eq!(&response(&client, "http://host.example/").body[..], b"by the socket");
}

#[test]
fn tls_is_spoken_on_a_socket_where_the_url_says_so() {
    let server = UnixServer::answering("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned());
    let error = fault(&client(), server.url("/").replace("http+unix", "https+unix"));
    assert_fault(&error, ErrorKind::Tls, Phase::Connect, false, "Cannot connect to /");
    // The beginning of a handshake, and not of a request.
    assert!(server.requests.lock().unwrap()[0].starts_with('\u{16}'));
}

#[test]
fn a_socket_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.sock");
    let encoded = path.to_str().unwrap().replace('/', "%2F");
    let beginning = format!("Cannot connect to the unix socket {path:?}");
    let error = fault(&client(), format!("http+unix://{encoded}/"));
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, false, &beginning);
    let client = Client::builder().unix_socket(&path).build().unwrap();
    let error = fault(&client, "http://host.example/");
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, false, &beginning);
}

#[test]
fn a_url_that_names_no_socket_is_refused() {
    for url in ["http+unix://run.sock/", "http+unix://%2Frun.sock:80/", "http+unix://%2Frun%00.sock/"] {
        let error = fault(&client(), url);
        let beginning = format!("URL {url:?} names no unix socket");
        assert_fault(&error, ErrorKind::InvalidRequest, Phase::Plan, false, &beginning);
    }
    assert!(fault(&client(), "http+unix:///run.sock").to_string().contains("no host"));
}

#[test]
fn a_redirect_stays_on_its_socket() {
    let server = redirecting("/again", "307 Temporary Redirect");
    let request = Request::get((), server.url("/")).header("x-api-key", "secret");
    let error = one(&client(), request).result.unwrap_err();
    assert_fault(&error, ErrorKind::Redirect, Phase::Answer, true, "More than 10 redirects");
    assert!(server.last_request().starts_with("get /again ") && server.last_request().contains("x-api-key"));
}

#[test]
fn no_server_redirects_to_another_socket_than_its_own() {
    let other = UnixServer::answering(ok("secret"));
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        for scheme in ["http+unix", "HTTP+UNIX", "https+unix"] {
            let server = redirecting(&other.url("/containers").replacen("http+unix", scheme, 1), status);
            let error = one(&client(), Request::post((), server.url("/")).body("{}")).result.unwrap_err();
            assert_fault(&error, ErrorKind::Redirect, Phase::Answer, true, &server.url("/"));
            assert!(error.to_string().contains("redirects to a unix socket"), "{error}");
        }
    }
    assert!(other.requests.lock().unwrap().is_empty());
}

#[test]
fn no_server_leads_back_to_a_socket_by_way_of_the_network() {
    let socket = UnixServer::answering(String::new());
    let outside = RawServer::answering(redirect_to(&socket.url("/back"), "307 Temporary Redirect"));
    let first = redirecting(&outside.url(), "307 Temporary Redirect");
    let error = fault(&client(), first.url("/"));
    assert!(error.to_string().contains("redirects to a unix socket"), "{error}");
    assert!(socket.requests.lock().unwrap().is_empty());
}

#[test]
fn no_server_redirects_to_a_socket() {
    let socket = UnixServer::answering(ok("secret"));
    let server = RawServer::answering(redirect_to(&socket.url("/containers"), "302 Found"));
    let error = fault(&client(), server.url());
    assert_fault(&error, ErrorKind::Redirect, Phase::Answer, true, &server.url());
    assert!(error.to_string().contains("redirects to a unix socket"), "{error}");
    assert!(socket.requests.lock().unwrap().is_empty());
}
