//! Proxies: what is asked of them, what they are told, and what no server hears of it.

use std::io::Read;

use patata::{Builder, CertificateFault, Client, Error, ErrorKind, HttpVersion, Phase, Request};

use crate::checks::{assert_fault, fault};
use crate::proxy_servers;
use crate::support::{RawServer, all, ok, one};
use crate::tls_server::{Authority, Setup, TlsServer, local, names};

fn builder() -> Builder {
    Client::builder().num_workers(1)
}

fn through(url: &str) -> Client {
    builder().proxy(url).build().unwrap()
}

fn body(client: &Client, url: &str) -> String {
    let response = one(client, Request::get((), url)).result.unwrap();
    String::from_utf8_lossy(&response.body).into_owned()
}

/// The error of a client that makes three attempts where that may help, and how many it made.
fn refusal(proxy: &str, url: &str) -> (Error, u32) {
    let client = builder().retries(3).backoff(std::time::Duration::ZERO).proxy(proxy).build().unwrap();
    let outcome = one(&client, Request::get((), url));
    (outcome.result.unwrap_err(), outcome.attempts)
}

fn has_line(request: &str, line: &str) -> bool {
    request.lines().any(|other| other.eq_ignore_ascii_case(line))
}

#[test]
fn an_http_request_is_given_to_the_proxy_whole_and_with_credentials() {
    let proxy = RawServer::answering(ok("by the proxy"));
    let client = through(&format!("http://us%40er:secret@{}", proxy.address()));
    for (url, host) in [
        ("http://origin.example/path?q=1", "origin.example"),
        ("http://origin.example:81/", "origin.example:81"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://-under_score-.example/", "-under_score-.example"),
        ("http://a\"b`c{d}.example:81/", "a\"b`c{d}.example:81"),
    ] {
        assert_eq!(body(&client, url), "by the proxy");
        let request = proxy.requests().pop().unwrap();
        assert!(request.starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{request}");
        assert!(has_line(&request, &format!("host: {host}")), "{request}");
        // Some proxies know the name in these letters only.
        assert!(request.contains("\r\nProxy-Authorization: Basic dXNAZXI6c2VjcmV0\r\n"), "{request}");
    }
}

#[test]
fn connections_to_a_proxy_are_kept() {
    let proxy = RawServer::answering(ok(""));
    let client = builder().concurrency(1).proxy(proxy.url()).build().unwrap();
    let outcomes = all(&client, (0..5).map(|id| Request::get(id, "http://origin.example/")));
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn an_https_request_goes_through_a_tunnel_and_the_server_hears_nothing_of_the_proxy() {
    let authority = Authority::new();
    let identity = authority.sign(names(&["origin.example", "::1"]));
    for alpn in ["http/1.1", "h2"] {
        let server = TlsServer::start(&identity, &Setup { alpn: &[alpn], ..Setup::default() });
        let proxy = proxy_servers::tunnelling(server.address());
        let url = format!("http://user:secret@{}", proxy.address());
        let client = builder().proxy(url).ca_file(authority.file().path()).build().unwrap();
        for (url, destination) in
            [("https://origin.example/", "origin.example:443"), ("https://[::1]:8443/", "[::1]:8443")]
        {
            let request = Request::get((), url).header("proxy-authorization", "mine");
            assert_eq!(&one(&client, request).result.unwrap().body[..], b"hello");
            let asked = proxy.requests().pop().unwrap();
            assert!(asked.starts_with(&format!("CONNECT {destination} HTTP/1.1\r\n")), "{asked}");
            assert!(has_line(&asked, &format!("host: {destination}")), "{asked}");
            assert!(asked.contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{asked}");
        }
        for heard in server.requests() {
            assert!(heard.starts_with("GET / HTTP/1.1\r\n"), "{heard}");
            assert!(!heard.to_lowercase().contains("proxy-authorization"), "{heard}");
        }
    }
}

#[test]
fn a_users_own_proxy_authorization_reaches_a_proxy_and_no_server() {
    let server = RawServer::answering(ok(""));
    let proxy = RawServer::answering(ok(""));
    let direct = builder().without_proxy();
    let proxied = builder().proxy(proxy.url());
    for (builder, listener, expected) in [(direct, &server, false), (proxied, &proxy, true)] {
        let by_default = builder.clone().header("Proxy-Authorization", "default").build().unwrap();
        let by_request = builder.build().unwrap();
        one(&by_default, Request::get((), server.url())).result.unwrap();
        one(&by_request, Request::get((), server.url()).header("Proxy-Authorization", "own")).result.unwrap();
        for heard in listener.requests() {
            assert_eq!(heard.to_lowercase().contains("proxy-authorization"), expected, "{heard}");
        }
        assert_eq!(listener.requests().len(), 2);
    }
}

#[test]
fn http2_with_prior_knowledge_goes_through_a_tunnel() {
    let proxy = RawServer::answering("HTTP/1.1 200 OK\r\n\r\n");
    let client = builder().http_version(HttpVersion::Http2).proxy(proxy.url()).build().unwrap();
    one(&client, Request::get((), "http://origin.example:81/")).result.unwrap_err();
    assert!(proxy.requests()[0].starts_with("CONNECT origin.example:81 HTTP/1.1\r\n"));
}

#[test]
fn a_proxy_that_wants_credentials_is_named_and_not_asked_again() {
    let proxy =
        RawServer::answering("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let beginning = format!("Cannot connect through the proxy {}", proxy.address());
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://origin.example/");
        let (error, attempts) = refusal(&proxy.url(), &url);
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
        assert!(error.to_string().contains("wants credentials"), "{error}");
        assert_eq!(attempts, 1);
        let (error, attempts) = refusal(&format!("http://user:secret@{}", proxy.address()), &url);
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
        assert!(error.to_string().contains("does not accept the credentials"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(attempts, 1);
    }
}

#[test]
fn a_refused_tunnel_is_a_fault_of_the_proxy_and_may_be_asked_for_again() {
    let proxy = RawServer::answering_once("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let (error, attempts) = refusal(&proxy.url(), "https://origin.example/");
    let beginning = format!("Cannot connect through the proxy {}", proxy.address());
    assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
    assert!(error.to_string().contains("403"), "{error}");
    assert_eq!(attempts, 3);
}

#[test]
fn a_proxy_that_breaks_off_or_talks_nonsense_is_a_fault_of_the_proxy() {
    for answer in ["", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200"] {
        let proxy = RawServer::answering_once(answer);
        let (error, _) = refusal(&proxy.url(), "https://origin.example/");
        let beginning = format!("Cannot connect to origin.example:443 through the proxy {}", proxy.address());
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
    }
}

#[test]
fn a_proxys_answer_is_read_as_any_other() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.sign(names(&["origin.example"])), &Setup::default());
    for answer in [
        "HTTP/1.1 200 Connection established\r\nvia: a\r\n b\r\nx: \x01\r\ncontent-length: 5\r\n\r\n",
        "HTTP/1.0 200\ntransfer-encoding: chunked\n\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 OK\r\n\r\n",
    ] {
        let proxy = proxy_servers::tunnelling_with(server.address(), answer);
        let client = builder().proxy(proxy.url()).ca_file(authority.file().path()).build().unwrap();
        assert_eq!(body(&client, "https://origin.example/"), "hello", "{answer:?}");
    }
}

#[test]
fn what_a_server_says_first_through_a_tunnel_is_not_lost() {
    // The settings that an HTTP/2 server begins with, right behind the head of the proxy's answer.
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    let answer = [b"HTTP/1.1 200 OK\r\n\r\n", &settings[..]].concat();
    let proxy = RawServer::start(move |peer| {
        peer.request();
        peer.send(&answer);
        // The client speaks HTTP/2, which it does once it has the settings and a request.
        let mut preface = [0; 24];
        peer.stream.read_exact(&mut preface).unwrap();
        let response = [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88];
        peer.send(response);
        peer.wait_for_the_end();
    });
    let client = builder().http_version(HttpVersion::Http2).proxy(proxy.url()).build().unwrap();
    let response = one(&client, Request::get((), "http://origin.example/")).result.unwrap();
    assert_eq!((response.status.as_u16(), response.version), (200, patata::Version::HTTP_2));
}

#[test]
fn a_proxy_that_never_comes_to_an_answer_is_a_fault_of_the_proxy() {
    for (endless, told) in [("HTTP/1.1 100 Continue\r\n\r\n", "without end"), ("x: y\r\n", "256 headers")] {
        let proxy = RawServer::start(move |peer| {
            peer.request();
            if endless.starts_with('x') {
                peer.send("HTTP/1.1 200 OK\r\n");
            }
            while peer.send(endless.repeat(1000)) {}
        });
        let (error, _) = refusal(&proxy.url(), "https://origin.example/");
        let beginning = format!("Cannot connect to origin.example:443 through the proxy {}", proxy.address());
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named_without_its_credentials() {
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let (error, attempts) = refusal(&format!("{scheme}://user:secret@127.0.0.1:1"), "http://127.0.0.1/");
        let beginning = "Cannot connect to the proxy 127.0.0.1:1";
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, beginning);
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(attempts, 3);
    }
    let (error, _) = refusal("http://no-such-proxy.invalid:3128", "http://127.0.0.1/");
    let beginning = "Cannot connect to the proxy no-such-proxy.invalid:3128";
    assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, beginning);
}

#[test]
fn a_socks_proxy_is_told_an_address_or_a_name_as_its_scheme_says() {
    let server = RawServer::answering(ok("by the server"));
    let user = Some(("us@er", "secret"));
    for (scheme, user, expected) in [
        ("socks5://", None, ["ip 192.0.2.7 80", "ip 2001:db8::1 81"]),
        ("socks5h://", None, ["name origin.example 80", "ip 2001:db8::1 81"]),
        ("socks5://us%40er:secret@", user, ["ip 192.0.2.7 80", "ip 2001:db8::1 81"]),
        ("socks5h://us%40er:secret@", user, ["name origin.example 80", "ip 2001:db8::1 81"]),
    ] {
        let (proxy, asked) = proxy_servers::socks(server.address(), user);
        let client = builder()
            .proxy(format!("{scheme}{}", proxy.address()))
            .resolve("origin.example", ["192.0.2.7".parse().unwrap()])
            .build()
            .unwrap();
        for url in ["http://origin.example/", "http://[2001:db8::1]:81/"] {
            assert_eq!(body(&client, url), "by the server");
        }
        assert_eq!(asked.all(), expected);
    }
    assert!(server.requests().iter().all(|heard| heard.starts_with("GET / HTTP/1.1\r\n")));
}

#[test]
fn a_socks_proxy_that_refuses_is_a_fault_of_the_proxy() {
    let server = RawServer::answering(ok(""));
    let (proxy, _) = proxy_servers::socks(server.address(), Some(("user", "secret")));
    for (credentials, told) in [("", "does not support"), ("user:wrong@", "credentials not accepted")] {
        let (error, _) = refusal(&format!("socks5h://{credentials}{}", proxy.address()), "http://a.example/");
        let beginning = format!("Cannot connect to a.example:80 through the proxy {}", proxy.address());
        assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
        assert!(error.to_string().contains(told), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn tls_to_the_proxy_is_verified_like_any_other() {
    let authority = Authority::new();
    let proxy = TlsServer::start(&authority.sign(local()), &Setup::default());
    let url = format!("https://user:secret@{}", proxy.address());
    let client = builder().proxy(&url).ca_file(authority.file().path()).build().unwrap();
    assert_eq!(body(&client, "http://origin.example/"), "hello");
    let heard = proxy.requests().pop().unwrap();
    assert!(heard.starts_with("GET http://origin.example/ HTTP/1.1\r\n"), "{heard}");
    let (error, attempts) = refusal(&url, "http://origin.example/");
    let beginning = format!("Cannot connect to the proxy {}", proxy.address());
    assert_fault(&error, ErrorKind::Proxy, Phase::Connect, false, &beginning);
    assert_eq!((error.certificate_fault(), attempts), (Some(CertificateFault::Untrusted), 1));
}

#[test]
fn a_client_certificate_is_not_shown_to_a_proxy() {
    let authority = Authority::new();
    let setup = Setup { clients: Some(&authority), ..Setup::default() };
    let proxy = TlsServer::start(&authority.sign(local()), &setup);
    let client = builder()
        .proxy(format!("https://{}", proxy.address()))
        .ca_file(authority.file().path())
        .cert(authority.sign(local()).file().path(), None)
        .build()
        .unwrap();
    let error = fault(&client, "http://origin.example/");
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_slow_proxy_is_a_timeout_of_connecting() {
    let proxy = RawServer::silent();
    let client =
        builder().proxy(proxy.url()).connect_timeout(std::time::Duration::from_millis(50)).build().unwrap();
    let error = fault(&client, "https://origin.example/");
    assert_fault(&error, ErrorKind::Timeout, Phase::Connect, false, "Cannot connect to origin.example:443");
}

#[test]
fn a_url_that_names_no_proxy_is_an_error_before_any_request() {
    for url in ["", "nonsense proxy", "ftp://proxy", "socks4://proxy", "http://user:secret@proxy:port"] {
        let error = builder().proxy(url).build().unwrap_err();
        assert_eq!(error.option, "proxy");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
