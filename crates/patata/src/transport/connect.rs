//! Opens a wire to an origin: name, TCP, TLS. What is spoken on it is no concern of this file.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Phase};
use crate::http_version::HttpVersion;
use crate::target::Origin;
use crate::transport::dns::Resolver;
use crate::transport::tls::Tls;
use crate::transport::verify::certificate_fault;

type Source = Box<dyn StdError + Send + Sync>;

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
    version: HttpVersion,
}

impl Connector {
    pub(crate) fn new(tls: Tls, version: HttpVersion) -> Self {
        Self { resolver: Resolver::default(), tls, version }
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
        let failed = |cause: Source| cannot_connect(Kind::Tls, origin).with_source(cause);
        let config = self.tls.config().map_err(|cause| failed(cause.into()))?;
        let name = server_name(&origin.host).map_err(|cause| failed(cause.into()))?;
        let stream = TlsConnector::from(config)
            .with_alpn(alpn(self.version))
            .connect(name, stream)
            .await
            .map_err(|cause| handshake_fault(cause, origin))?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Wire { stream: Box::new(stream), is_http2 })
    }
}

/// The name that the server's certificate must be for.
fn server_name(host: &url::Host) -> Result<ServerName<'static>, InvalidDnsNameError> {
    Ok(match host {
        url::Host::Domain(name) => ServerName::try_from(name.clone())?,
        url::Host::Ipv4(address) => ServerName::from(IpAddr::from(*address)),
        url::Host::Ipv6(address) => ServerName::from(IpAddr::from(*address)),
    })
}

/// What is offered to the server to speak.
fn alpn(version: HttpVersion) -> Vec<Vec<u8>> {
    let (http2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
    match version {
        HttpVersion::Auto => vec![http2, http1],
        HttpVersion::Http1 => vec![http1],
        HttpVersion::Http2 => vec![http2],
    }
}

/// The handshake was refused, by either side, or else the connection broke under it.
fn handshake_fault(cause: io::Error, origin: &Origin) -> Error {
    let Some(refusal) = tls_cause(&cause) else {
        return cannot_connect(Kind::Connect, origin).with_source(cause);
    };
    match certificate_fault(refusal) {
        Some(fault) => Error::new(Kind::Tls, Phase::Connect, format!("Cannot connect to {origin}: {fault}"))
            .with_certificate_fault(Some(fault))
            .with_source(cause),
        None => cannot_connect(Kind::Tls, origin).with_source(cause),
    }
}

/// What TLS says is wrong; `None` where the stream beneath it failed.
pub(crate) fn tls_cause(cause: &io::Error) -> Option<&rustls::Error> {
    cause.get_ref()?.downcast_ref()
}

pub(crate) fn cannot_connect(kind: Kind, origin: &Origin) -> Error {
    Error::new(kind, Phase::Connect, format!("Cannot connect to {origin}"))
}
