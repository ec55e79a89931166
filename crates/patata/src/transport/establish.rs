//! Opens lanes: a wire, and HTTP on it, within the connect time-out.

use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::error::{Error, Kind};
use crate::target::Origin;
use crate::transport::connect::{Connector, Wire, cannot_connect};
use crate::transport::lane::Lane;

/// The most bytes that a response's head may have.
const MAX_HEAD: usize = 64 << 10;

/// Opens the lanes of one event loop.
#[derive(Debug)]
pub(crate) struct Establisher {
    connector: Connector,
    connect_timeout: Duration,
}

impl Establisher {
    pub(crate) fn new(connector: Connector, connect_timeout: Duration) -> Self {
        Self { connector, connect_timeout }
    }

    /// A lane to `origin`.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Lane, Error> {
        match timeout(self.connect_timeout, self.open_patiently(origin)).await {
            Ok(lane) => lane,
            Err(_) => Err(cannot_connect(Kind::Timeout, origin).with_source(format!(
                "timed out after {} s (connect_timeout)",
                self.connect_timeout.as_secs_f64()
            ))),
        }
    }

    async fn open_patiently(&self, origin: &Origin) -> Result<Lane, Error> {
        let wire = self.connector.open(origin).await?;
        shake_hands(origin, wire).await
    }
}

async fn shake_hands(origin: &Origin, wire: Wire) -> Result<Lane, Error> {
    let (sender, connection) = http1::Builder::new()
        .max_header_size(MAX_HEAD)
        .writev(false)
        .handshake(TokioIo::new(wire.stream))
        .await
        .map_err(|cause| cannot_connect(Kind::Connect, origin).with_source(cause))?;
    Ok(Lane::new(sender, Box::pin(connection)).await)
}
