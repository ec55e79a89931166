//! What the test binaries share: servers and ports for broken peers, a watchdog, and short ways to run requests.

mod port;
mod raw_server;
mod watchdog;

use patata::{Client, Outcome, Request};

pub(crate) use port::Port;
pub(crate) use raw_server::{Peer, RawServer, ok};
pub(crate) use watchdog::{Watchdog, wait_until};

/// All outcomes of a run.
pub(crate) fn all<T: Send + 'static>(
    client: &Client,
    requests: impl IntoIterator<Item = Request<T>>,
) -> Vec<Outcome<T>> {
    let _watchdog = Watchdog::new();
    client.run(requests).collect()
}

/// The outcome of one request.
pub(crate) fn one(client: &Client, request: Request<()>) -> Outcome<()> {
    let mut outcomes = all(client, [request]);
    assert_eq!(outcomes.len(), 1, "one request has one outcome");
    outcomes.remove(0)
}
