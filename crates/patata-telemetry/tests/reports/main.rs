//! What is reported of real exchanges: counted, shown to Prometheus, sent to a collector, and told to OpenTelemetry's SDK.

#![allow(clippy::unwrap_used, reason = "a failure in a helper fails the test, as it should")]

mod collector;
mod guide;
mod opentelemetry;
mod otlp;
mod recorder;

use patata::{Builder, Request};
use patata_testserver::Server;

/// Four requests whose exchanges differ: two that are well, of which one is redirected, one that is not there, and one that
/// cannot connect.
fn send_four(builder: Builder, server: &Server) -> patata::Receipt {
    let client = builder.num_workers(2).build().unwrap();
    let url = server.url();
    let requests = [
        Request::get(0, format!("{url}/?token=secret")),
        Request::get(1, format!("{url}/redirect/1")),
        Request::new(2, "PURGE".parse().unwrap(), format!("{url}/status/404")),
        Request::post(3, "http://127.0.0.1:1/"),
    ];
    let mut run = client.run(requests);
    assert_eq!(run.by_ref().count(), 4);
    run.receipt().clone()
}
