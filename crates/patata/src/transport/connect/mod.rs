//! Opens a wire to an origin: direct, through a proxy or to a unix socket, and TLS on it. What is spoken on it
//! is no concern of this file.

pub(crate) mod burst;
pub(crate) mod certificate_verifier;
pub(crate) mod dial;
pub(crate) mod dns;
pub(crate) mod establish;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod tunnel;

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::target::Origin;
use crate::config::Config;
use crate::config::http_version::HttpVersion;
use crate::config::proxies::{Proxies, Proxy, Scheme};
use crate::error::{Error, Kind, Phase};
use crate::transport::connect::burst::Bursts;
use crate::transport::connect::certificate_verifier::certificate_fault;
use crate::transport::connect::dial::dial;
use crate::transport::connect::dns::Resolver;
use crate::transport::connect::stream::Stream;
use crate::transport::connect::tls::Tls;
use crate::transport::connect::tunnel::Destination;

type Source = Box<dyn StdError + Send + Sync>;

/// An open connection, before HTTP.
pub(crate) struct Wire {
    pub(crate) stream: Box<dyn Stream>,
    /// Whether the TLS handshake settled on HTTP/2.
    pub(crate) is_http2: bool,
    /// The proxy that takes the requests themselves and sends them on; `None` where the stream leads to the
    /// origin, be it through a tunnel.
    pub(crate) forwarder: Option<Arc<Proxy>>,
}

impl Wire {
    fn plain(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), is_http2: false, forwarder: None }
    }
}

/// Opens connections. Clones share what has been looked up, and TLS sessions.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    resolver: Resolver,
    tls: Tls,
    /// The connections that are being opened.
    bursts: Bursts,
    proxies: Proxies,
    unix_socket: Option<Arc<Path>>,
    version: HttpVersion,
    /// Whether the network is a simulated one.
    #[cfg(test)]
    is_simulated: bool,
}

impl Connector {
    pub(crate) fn new(tls: Tls, config: &Config) -> Self {
        Self {
            resolver: Resolver::new(config.addresses.clone()),
            tls,
            bursts: Bursts::default(),
            proxies: config.proxies.clone(),
            unix_socket: config.unix_socket.clone(),
            version: config.http_version,
            #[cfg(test)]
            is_simulated: false,
        }
    }

    /// The same in a simulated network.
    #[cfg(test)]
    pub(crate) fn simulated(mut self) -> Self {
        self.is_simulated = true;
        self
    }

    /// Whether no name has to be looked up before a connection to `origin` can be opened.
    pub(crate) fn knows_the_way(&self, origin: &Origin) -> bool {
        if self.socket(origin).is_some() {
            return true;
        }
        match self.proxies.proxy_for(origin) {
            None => self.resolver.knows(&origin.host),
            Some(proxy) => {
                let by_proxy = proxy.scheme != Scheme::Socks5;
                self.resolver.knows(&proxy.host) && (by_proxy || self.resolver.knows(&origin.host))
            }
        }
    }

    /// Looks up what [`knows_the_way`](Self::knows_the_way) misses.
    pub(crate) async fn look_up_the_way(&self, origin: &Origin) -> Result<(), Error> {
        match self.proxies.proxy_for(origin) {
            None => self.origin_addresses(origin).await.map(drop),
            Some(proxy) => {
                self.proxy_addresses(&proxy).await?;
                match proxy.scheme {
                    Scheme::Socks5 => self.origin_addresses(origin).await.map(drop),
                    _ => Ok(()),
                }
            }
        }
    }

    /// A fresh wire to `origin`. It takes as long as it takes: time-outs are the caller's.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Wire, Error> {
        if let Some(path) = self.socket(origin) {
            let stream = open_unix(path).await.map_err(|cause| {
                let message = format!("Cannot connect to the unix socket {path:?}");
                Error::new(Kind::Connect, Phase::Connect, message).with_source(cause)
            })?;
            return self.secured(origin, stream).await;
        }
        if let Some(proxy) = self.proxies.proxy_for(origin) {
            return self.open_through(proxy, origin).await;
        }
        let addresses = self.origin_addresses(origin).await?;
        #[cfg(test)]
        if self.is_simulated {
            let stream = turmoil::net::TcpStream::connect((addresses[0], origin.port)).await;
            return stream
                .map(Wire::plain)
                .map_err(|cause| cannot_connect(Kind::Connect, origin).with_source(cause));
        }
        let stream = dial(&addresses, origin.port)
            .await
            .map_err(|cause| cannot_connect(Kind::Connect, origin).with_source(cause))?;
        self.secured(origin, stream).await
    }

    fn socket<'a>(&'a self, origin: &'a Origin) -> Option<&'a Path> {
        self.unix_socket.as_deref().or(origin.socket.as_deref())
    }

    async fn origin_addresses(&self, origin: &Origin) -> Result<Arc<[IpAddr]>, Error> {
        let addresses = self.resolver.addresses(&origin.host).await;
        addresses.map_err(|cause| cannot_connect(Kind::Resolve, origin).with_source(cause))
    }

    async fn proxy_addresses(&self, proxy: &Proxy) -> Result<Arc<[IpAddr]>, Error> {
        let addresses = self.resolver.addresses(&proxy.host).await;
        addresses.map_err(|cause| cannot_reach(proxy).with_source(cause))
    }

    async fn open_through(&self, proxy: Arc<Proxy>, origin: &Origin) -> Result<Wire, Error> {
        let stream = self.open_proxy(&proxy).await?;
        if proxy.is_socks() {
            let destination = match proxy.scheme {
                Scheme::Socks5 => Destination::Address(self.first_address(origin).await?),
                _ => Destination::Origin(origin),
            };
            return self.secured(origin, tunnel::socks(stream, &proxy, origin, destination).await?).await;
        }
        // HTTP/2 with prior knowledge is between us and the origin.
        if origin.tls || self.version == HttpVersion::Http2 {
            return self.secured(origin, tunnel::connect(stream, &proxy, origin).await?).await;
        }
        Ok(Wire { stream, is_http2: false, forwarder: Some(proxy) })
    }

    async fn open_proxy(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, Error> {
        let addresses = self.proxy_addresses(proxy).await?;
        let stream =
            dial(&addresses, proxy.port).await.map_err(|cause| cannot_reach(proxy).with_source(cause))?;
        if proxy.scheme != Scheme::Https {
            return Ok(Box::new(stream));
        }
        let failed = |cause: Source| cannot_reach(proxy).with_source(cause);
        let config = self.tls.config_for_proxy().map_err(|cause| failed(cause.into()))?;
        let name = server_name(&proxy.host).map_err(|cause| failed(cause.into()))?;
        let stream = shake_hands(config, alpn(HttpVersion::Http1), name, stream).await;
        Ok(Box::new(stream.map_err(|cause| match tls_cause(&cause) {
            // It would only be refused again.
            Some(_) => refusal(Kind::Proxy, format_args!("the proxy {proxy}"), cause).lasting(),
            None => failed(cause.into()),
        })?))
    }

    /// SOCKS takes one address, so there is none to fall back on.
    async fn first_address(&self, origin: &Origin) -> Result<SocketAddr, Error> {
        let addresses = self.origin_addresses(origin).await?;
        let first = addresses.first().ok_or_else(|| cannot_connect(Kind::Resolve, origin))?;
        Ok((*first, origin.port).into())
    }

    /// The stream itself, or TLS on it where the origin wants that.
    async fn secured(&self, origin: &Origin, stream: impl Stream + 'static) -> Result<Wire, Error> {
        if !origin.tls {
            return Ok(Wire::plain(stream));
        }
        let failed = |cause: Source| cannot_connect(Kind::Tls, origin).with_source(cause);
        let config = self.tls.config().map_err(|cause| failed(cause.into()))?;
        let name = server_name(&origin.host).map_err(|cause| failed(cause.into()))?;
        let stream = shake_hands(config, alpn(self.version), name, stream).await.map_err(|cause| {
            match tls_cause(&cause) {
                Some(_) => refusal(Kind::Tls, origin, cause),
                None => cannot_connect(Kind::Connect, origin).with_source(cause),
            }
        })?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Wire { is_http2, ..Wire::plain(stream) })
    }
}

async fn shake_hands<S: Stream>(
    config: Arc<ClientConfig>,
    alpn: Vec<Vec<u8>>,
    name: ServerName<'static>,
    stream: S,
) -> io::Result<TlsStream<S>> {
    TlsConnector::from(config).with_alpn(alpn).connect(name, stream).await
}

#[cfg(unix)]
async fn open_unix(path: &Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

/// Never called: without unix sockets, neither an option nor a URL names one.
#[cfg(not(unix))]
async fn open_unix(_: &Path) -> io::Result<tokio::net::TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The name that the server's certificate must be for.
fn server_name(host: &url::Host) -> Result<ServerName<'static>, InvalidDnsNameError> {
    Ok(match host {
        url::Host::Domain(name) => ServerName::try_from(name.clone())
            .or_else(|_| ServerName::try_from(without_outer_hyphens(name)))?,
        url::Host::Ipv4(address) => ServerName::from(IpAddr::from(*address)),
        url::Host::Ipv6(address) => ServerName::from(IpAddr::from(*address)),
    })
}

/// The name with an underscore for each hyphen that begins or ends a label. The TLS library knows no names with such
/// hyphens, and no authority signs one: what they are reached by is a certificate for all names of their domain
/// (`*.example.com`), which is good for both.
fn without_outer_hyphens(name: &str) -> String {
    let labels = name.split('.').map(|label| {
        let inner = label.strip_prefix('-').unwrap_or(label);
        let core = inner.strip_suffix('-').unwrap_or(inner);
        let (before, after) = (label.len() - inner.len(), inner.len() - core.len());
        format!("{}{core}{}", "_".repeat(before), "_".repeat(after))
    });
    labels.collect::<Vec<_>>().join(".")
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

/// A handshake that was refused, by either side; by us where the certificate is at fault.
fn refusal(kind: Kind, peer: impl Display, cause: io::Error) -> Error {
    let fault = tls_cause(&cause).and_then(certificate_fault);
    let message = match fault {
        Some(fault) => format!("Cannot connect to {peer}: {fault}"),
        None => format!("Cannot connect to {peer}"),
    };
    Error::new(kind, Phase::Connect, message).with_certificate_fault(fault).with_source(cause)
}

/// What TLS says is wrong; `None` where the stream beneath it failed.
pub(crate) fn tls_cause(cause: &io::Error) -> Option<&rustls::Error> {
    cause.get_ref()?.downcast_ref()
}

pub(crate) fn cannot_connect(kind: Kind, origin: &Origin) -> Error {
    Error::new(kind, Phase::Connect, format!("Cannot connect to {origin}"))
}

fn cannot_reach(proxy: &Proxy) -> Error {
    Error::new(Kind::Proxy, Phase::Connect, format!("Cannot connect to the proxy {proxy}"))
}

#[cfg(test)]
use crate::transport::connect::dns::Lookup;

#[cfg(test)]
impl Connector {
    /// The same with another way to look up names.
    pub(crate) fn looking_up(self, lookup: Lookup) -> Self {
        Self { resolver: Resolver::with_lookup(Arc::default(), lookup), ..self }
    }
}
