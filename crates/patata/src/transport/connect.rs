//! Opens a connection to an origin: name, TCP, TLS, and hyper's HTTP/1.1 on top.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Phase};
use crate::target::Origin;
use crate::transport::dns::Resolver;
use crate::transport::lane::Lane;
use crate::transport::tls::Tls;

/// The most bytes that a response's head may have.
const MAX_HEAD: usize = 64 << 10;

/// Opens connections for one event loop.
#[derive(Debug)]
pub(crate) struct Connector {
    resolver: Resolver,
    tls: Tls,
    connect_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(tls: Tls, connect_timeout: Duration) -> Self {
        Self { resolver: Resolver::default(), tls, connect_timeout }
    }

    /// A fresh lane to `origin`, within the connect time-out.
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
        let stream = self.open_tcp(origin).await?;
        if origin.tls { self.open_tls(origin, stream).await } else { shake_hands(origin, stream).await }
    }

    async fn open_tcp(&self, origin: &Origin) -> Result<TcpStream, Error> {
        let addresses = self
            .resolver
            .lookup(&origin.host, origin.port)
            .await
            .map_err(|cause| cannot_connect(Kind::Resolve, origin).with_source(cause))?;
        let connected = async {
            let stream = TcpStream::connect(addresses.as_slice()).await?;
            // Requests are written whole: waiting to fill a packet would only delay them.
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        connected.await.map_err(|cause| cannot_connect(Kind::Connect, origin).with_source(cause))
    }

    async fn open_tls(&self, origin: &Origin, stream: TcpStream) -> Result<Lane, Error> {
        let failed =
            |cause: Box<dyn StdError + Send + Sync>| cannot_connect(Kind::Tls, origin).with_source(cause);
        let config = self.tls.config().map_err(|cause| failed(cause.into()))?;
        let name = match &origin.host {
            url::Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|cause| failed(cause.into()))?
            }
            url::Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
            url::Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
        };
        let stream =
            TlsConnector::from(config).connect(name, stream).await.map_err(|cause| match is_tls(&cause) {
                true => failed(cause.into()),
                false => cannot_connect(Kind::Connect, origin).with_source(cause),
            })?;
        shake_hands(origin, stream).await
    }
}

/// Whether the handshake itself was refused, by either side; else the connection broke under it.
fn is_tls(cause: &io::Error) -> bool {
    cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

async fn shake_hands<S>(origin: &Origin, stream: S) -> Result<Lane, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_header_size(MAX_HEAD)
        .writev(false)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|cause| cannot_connect(Kind::Connect, origin).with_source(cause))?;
    Ok(Lane::new(sender, Box::pin(connection)).await)
}

fn cannot_connect(kind: Kind, origin: &Origin) -> Error {
    Error::new(kind, Phase::Connect, format!("Cannot connect to {origin}"))
}
