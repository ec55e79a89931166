//! Many connections at once to a server that takes them one by one: what its queue drops is no fault of the server.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use patata::{Client, Request};

use crate::support::{Port, Watchdog, all};

/// A server that keeps few connections waiting, and takes one each few milliseconds.
fn slow_to_accept(waiting: u32) -> SocketAddr {
    let port = Port::reserve();
    let address = port.address();
    let listener = port.listen(waiting);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
                        return;
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    address
}

#[test]
fn a_burst_that_overflows_the_servers_queue_loses_nothing() {
    let address = slow_to_accept(4);
    let client =
        Client::builder().concurrency(60).connect_timeout(Duration::from_millis(300)).build().unwrap();
    let outcomes = all(&client, (0..60).map(|id| Request::get(id, format!("http://{address}/"))));
    for outcome in outcomes {
        assert!(outcome.result.is_ok() && outcome.attempts == 1, "{outcome:?}");
    }
}

#[test]
fn runs_of_one_client_that_burst_together_lose_nothing_either() {
    let _watchdog = Watchdog::new();
    let address = slow_to_accept(16);
    let client =
        Client::builder().concurrency(20).connect_timeout(Duration::from_millis(500)).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let requests = (0..40).map(|id| Request::get(id, format!("http://{address}/")));
                for outcome in client.run(requests) {
                    assert!(outcome.result.is_ok(), "{outcome:?}");
                }
            });
        }
    });
}
