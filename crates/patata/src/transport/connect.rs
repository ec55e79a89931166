//! Opens a wire to an origin: name, TCP, TLS. What is spoken on it is no concern of this file.

use std::error::Error as StdError;
use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Phase};
use crate::target::Origin;
use crate::transport::dns::Resolver;
use crate::transport::tls::Tls;

/// A stream of bytes to an origin, whatever it goes through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection, before HTTP.
pub(crate) struct Wire {
    pub(crate) stream: Box<dyn Stream>,
    /// Whether the TLS handshake settled on HTTP/2.
    pub(crate) is_http2: bool,
}

/// Opens connections for one event loop.
#[derive(Debug)]
pub(crate) struct Connector {
    resolver: Resolver,
    tls: Tls,
}

impl Connector {
    pub(crate) fn new(tls: Tls) -> Self {
        Self { resolver: Resolver::default(), tls }
    }

    /// A fresh wire to `origin`. It takes as long as it takes: time-outs are the caller's.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Wire, Error> {
        let stream = self.open_tcp(origin).await?;
        if origin.tls {
            self.open_tls(origin, stream).await
        } else {
            Ok(Wire { stream: Box::new(stream), is_http2: false })
        }
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

    async fn open_tls(&self, origin: &Origin, stream: TcpStream) -> Result<Wire, Error> {
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
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Wire { stream: Box::new(stream), is_http2 })
    }
}

/// Whether the handshake itself was refused, by either side; else the connection broke under it.
fn is_tls(cause: &io::Error) -> bool {
    cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

pub(crate) fn cannot_connect(kind: Kind, origin: &Origin) -> Error {
    Error::new(kind, Phase::Connect, format!("Cannot connect to {origin}"))
}
