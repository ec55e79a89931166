//! A server from its start to its end, and the connections it has meanwhile.

mod client;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::Client;
use patata_testserver::Server;

/// Long enough for a busy computer, and far less than the delays that are pending.
const PROMPTLY: Duration = Duration::from_secs(5);

#[test]
fn a_connection_serves_one_request_after_another() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    for count in 1..=10 {
        client.get("GET /").is_hello();
        assert_eq!(server.requests(), count);
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn requests_sent_at_once_are_answered_in_turn() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send("GET /delay/50 HTTP/1.1\r\n\r\nGET /status/201 HTTP/1.1\r\n\r\n".repeat(3));
    for _ in 0..3 {
        client.receive(false).is_hello();
        assert_eq!(client.receive(false).status, 201);
    }
    assert_eq!((server.requests(), server.connections()), (6, 1));
}

#[test]
fn a_client_may_ask_for_the_connection_to_be_closed() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.request("GET /", "connection: close\r\n", "");
    assert!(client.is_closed());
}

#[test]
fn what_is_not_http_is_refused_and_not_counted() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send("potato\r\n\r\n");
    assert_eq!(client.receive(false).status, 400);
    assert!(client.is_closed());
    assert_eq!((server.requests(), server.connections()), (0, 1));
    Client::new(&server).get("GET /").is_hello();
}

#[test]
fn stop_waits_for_no_connection_and_no_delay() {
    let server = Server::builder().threads(2).start().unwrap();
    let address = server.address();
    let mut idle: Vec<Client> = (0..4).map(|_| Client::new(&server)).collect();
    for client in &mut idle {
        client.get("GET /").is_hello();
    }
    let mut delayed = Client::new(&server);
    delayed.send("GET /delay/60000 HTTP/1.1\r\n\r\n");
    let mut half_sent = Client::new(&server);
    half_sent.send("POST /echo HTTP/1.1\r\ncontent-length: 100\r\n\r\nhalf");
    let mut endless = Client::new(&server);
    endless.send(format!("GET /bytes/{} HTTP/1.1\r\n\r\n", u64::MAX));
    while server.requests() < 7 {
        std::thread::yield_now();
    }

    let begin = Instant::now();
    server.stop();
    let elapsed = begin.elapsed();
    assert!(elapsed < PROMPTLY, "{elapsed:?}");
    assert!(idle.iter_mut().all(Client::is_closed));
    assert!(delayed.is_closed());
    assert!(half_sent.is_closed());
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_server_stops_while_a_client_reads_without_end() {
    let server = Server::start().unwrap();
    let mut client = Client::new(&server);
    client.send(format!("GET /chunked/{} HTTP/1.1\r\n\r\n", u64::MAX));
    let reader = std::thread::spawn(move || while !client.is_closed() {});
    std::thread::sleep(Duration::from_millis(50));

    let begin = Instant::now();
    drop(server);
    let elapsed = begin.elapsed();
    assert!(elapsed < PROMPTLY, "{elapsed:?}");
    reader.join().unwrap();
}

#[test]
fn a_port_can_be_used_again_once_its_server_has_stopped() {
    let server = Server::start().unwrap();
    let address = server.address();
    Client::new(&server).get("GET /close").is_hello();
    server.stop();
    let server = Server::builder().address(address).start().unwrap();
    Client::new(&server).get("GET /").is_hello();
}

#[test]
fn two_servers_at_once_share_nothing() {
    let (one, other) = (Server::start().unwrap(), Server::start().unwrap());
    assert_ne!(one.address(), other.address());
    for server in [&one, &other] {
        let mut client = Client::new(server);
        assert_eq!(client.get("GET /flaky/key/1").status, 503);
        client.get("GET /flaky/key/1").is_hello();
        assert_eq!((server.requests(), server.connections()), (2, 1));
    }
    one.stop();
    Client::new(&other).get("GET /").is_hello();
}

#[test]
fn many_connections_may_be_opened_at_once() {
    let server = Server::builder().threads(2).start().unwrap();
    let mut clients: Vec<Client> = (0..80).map(|_| Client::new(&server)).collect();
    for client in &mut clients {
        client.get("GET /").is_hello();
    }
    assert_eq!((server.requests(), server.connections()), (80, 80));
}

#[test]
fn a_server_may_live_inside_an_async_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let server = Server::start().unwrap();
        Client::new(&server).get("GET /").is_hello();
        let taken = Server::builder().address(server.address()).start();
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
        server.stop();
    });
}

#[test]
fn the_url_is_that_of_the_address() {
    let server = Server::start().unwrap();
    assert!(server.address().ip().is_loopback());
    assert_eq!(server.url(), format!("http://{}", server.address()));
}

#[test]
fn a_server_without_threads_is_refused() {
    let error = Server::builder().threads(0).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
