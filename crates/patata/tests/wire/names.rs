//! Names and addresses: what is looked up, what the user says instead, and which address is taken.

#![allow(clippy::disallowed_methods, reason = "only the engine has one clock and one seed")]

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use patata::{Builder, Client, ErrorKind, Phase, Request};

use crate::checks::{assert_fault, fault};
use crate::support::{Port, RawServer, all, ok, one};

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn resolving(host: &str, to: &[&str]) -> Builder {
    Client::builder().num_workers(1).resolve(host, addresses(to))
}

fn url(host: &str, server: &RawServer) -> String {
    format!("http://{host}:{}/", server.address().port())
}

#[test]
fn a_host_whose_addresses_are_given_is_not_looked_up() {
    let server = RawServer::answering(ok(""));
    let client = resolving("API.example", &["127.0.0.1"]).build().unwrap();
    let response = one(&client, Request::get((), url("api.example", &server))).result.unwrap();
    assert_eq!(response.url, url("api.example", &server));
    let host = format!("host: api.example:{}", server.address().port());
    assert!(server.requests()[0].contains(&host), "the request names the host: {:?}", server.requests());
    let error = fault(&client, url("other.invalid", &server));
    assert_fault(&error, ErrorKind::Resolve, Phase::Connect, false, "Cannot connect to other.invalid:");
}

#[test]
fn an_international_name_is_known_in_either_form() {
    let server = RawServer::answering(ok(""));
    let client = resolving("bücher.example", &["127.0.0.1"]).build().unwrap();
    for host in ["bücher.example", "xn--bcher-kva.example"] {
        one(&client, Request::get((), url(host, &server))).result.unwrap();
    }
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next_one() {
    let server = RawServer::answering(ok(""));
    for order in [&["127.0.0.2", "127.0.0.1"][..], &["::1", "127.0.0.1"], &["127.0.0.2", "::1", "127.0.0.1"]]
    {
        let client = resolving("a.example", order).build().unwrap();
        one(&client, Request::get((), url("a.example", &server))).result.unwrap();
    }
}

/// An address that answers no attempt to connect, as its queue is full. Holds what keeps it so.
fn silent_address(port: u16) -> (TcpListener, Vec<TcpStream>) {
    let address = SocketAddr::from(([127, 0, 0, 2], port));
    let listener = Port::reserve_at(address).listen(1);
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        queue.push(stream);
    }
    (listener, queue)
}

#[test]
#[cfg(target_os = "linux")]
fn an_address_that_says_nothing_has_a_head_start_of_250_ms() {
    let server = RawServer::answering(ok(""));
    let _silent = silent_address(server.address().port());
    let client = resolving("a.example", &["127.0.0.2", "127.0.0.1"]).build().unwrap();
    let begun = Instant::now();
    one(&client, Request::get((), url("a.example", &server))).result.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn addresses_that_all_say_nothing_are_a_timeout_of_connecting() {
    let port = RawServer::answering(ok("")).address().port();
    let _silent = silent_address(port);
    let client =
        resolving("a.example", &["127.0.0.2"]).connect_timeout(Duration::from_millis(50)).build().unwrap();
    let error = fault(&client, format!("http://a.example:{port}/"));
    assert_fault(&error, ErrorKind::Timeout, Phase::Connect, false, "Cannot connect to a.example:");
}

#[test]
fn where_all_addresses_fail_the_error_says_how() {
    let client = resolving("a.example", &["127.0.0.2", "127.0.0.3", "2001:db8::1"]).build().unwrap();
    let error = fault(&client, "http://a.example:1/");
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, false, "Cannot connect to a.example:1");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_name_without_an_address_is_a_fault_of_each_request_and_is_tried_again() {
    let client = Client::builder().num_workers(2).retries(2).backoff(Duration::ZERO).build().unwrap();
    let outcomes = all(&client, (0..100).map(|id| Request::get(id, "http://no-such-host.invalid/")));
    assert_eq!(outcomes.len(), 100);
    for outcome in outcomes {
        let error = outcome.result.unwrap_err();
        let beginning = "Cannot connect to no-such-host.invalid:80";
        assert_fault(&error, ErrorKind::Resolve, Phase::Connect, false, beginning);
        assert_eq!(outcome.attempts, 2);
    }
}

#[test]
fn many_names_without_an_address_hold_back_none_that_has_one() {
    let server = RawServer::answering(ok(""));
    let client = Client::builder().num_workers(1).concurrency(2).build().unwrap();
    let dead = (0..8).map(|id| Request::get(false, format!("http://dead{id}.invalid/")));
    let alive = (0..8).map(|_| Request::get(true, server.url()));
    let outcomes = all(&client, dead.zip(alive).flat_map(|(dead, alive)| [dead, alive]));
    assert_eq!(outcomes.len(), 16);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok() == outcome.tag));
}

#[test]
fn what_is_no_host_or_no_address_is_an_error_before_any_request() {
    let error = |host: &str, to: &[&str]| resolving(host, to).build().unwrap_err().to_string();
    assert_eq!(error("a.example", &[]), "resolve must be at least one address, got none for \"a.example\"");
    for host in ["", "http://a.example", "a.example:80", "127.0.0.1", "[::1]"] {
        let told = error(host, &["127.0.0.1"]);
        assert_eq!(
            told,
            format!("resolve must be the name of a host, without scheme and port, got {host:?}")
        );
    }
}
