//! Faults of TLS: certificates that must not be accepted, and handshakes that come to nothing.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::faults::Fault;
use crate::faults::script::{End, Script};

/// The authority that has signed what is good here, as PEM.
pub(crate) const AUTHORITY: &str = include_str!("certificates/authority.pem");
const KEY: &[u8] = include_bytes!("certificates/key.pem");

/// The certificate that a server shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Certificate {
    Good,
    Expired,
    WrongHost,
    SelfSigned,
    Untrusted,
}

impl Certificate {
    fn pem(self) -> &'static [u8] {
        match self {
            Self::Good => include_bytes!("certificates/good.pem"),
            Self::Expired => include_bytes!("certificates/expired.pem"),
            Self::WrongHost => include_bytes!("certificates/wrong_host.pem"),
            Self::SelfSigned => include_bytes!("certificates/self_signed.pem"),
            Self::Untrusted => include_bytes!("certificates/untrusted.pem"),
        }
    }

    /// What a server with it needs that speaks one version of HTTP.
    pub(crate) fn config(self, is_http2: bool) -> io::Result<Arc<ServerConfig>> {
        self.config_for(&[if is_http2 { b"h2" } else { b"http/1.1" }])
    }

    /// The same for these protocols, of which the first one is preferred.
    pub(crate) fn config_for(self, protocols: &[&[u8]]) -> io::Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_slice_iter(self.pem()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(KEY).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let mut config = builder
            .with_no_client_auth()
            .with_single_cert(chain.map_err(io::Error::other)?, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault::certificate("tls/expired", "shows a certificate that has expired", Certificate::Expired),
    Fault::certificate("tls/wrong-host", "shows a certificate for another host", Certificate::WrongHost),
    Fault::certificate(
        "tls/self-signed",
        "shows a certificate that it has signed itself",
        Certificate::SelfSigned,
    ),
    Fault::certificate(
        "tls/untrusted",
        "shows one of an authority that nobody trusts",
        Certificate::Untrusted,
    ),
    Fault::handshake("tls/silence", "never answers the handshake", || Script::default().then(End::Silence)),
    Fault::handshake("tls/close", "closes instead of a handshake", || Script::default().then(End::Close)),
    Fault::handshake("tls/reset", "resets the connection instead of a handshake", || {
        Script::default().then(End::Reset)
    }),
    Fault::handshake("tls/plain-http", "speaks HTTP where TLS was wanted", || {
        Script::default().send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").then(End::Close)
    }),
    Fault::handshake("tls/garbage", "sends what is no TLS", || {
        Script::default().send([0xff; 64]).then(End::Close)
    }),
    Fault::handshake("tls/alert", "refuses the handshake", || {
        Script::default().send([0x15, 3, 3, 0, 2, 2, 40]).then(End::Close)
    }),
    Fault::handshake("tls/drip", "sends a byte of the handshake every 50 ms", || {
        Script::default().drip([0x16, 3, 3, 0x40, 0, 2, 0, 0x3f].repeat(100), 50).then(End::Silence)
    }),
];

/// Those of connections before anything is said on them.
pub(crate) const CONNECTION_FAULTS: &[Fault] = &[
    Fault::refusing("connect/refused", "nobody listens"),
    Fault::accepted("connect/closed", "closes each connection at once", || {
        Script::default().then(End::Close)
    }),
    Fault::accepted("connect/reset", "resets each connection that is opened", || {
        Script::default().pause(50).then(End::Reset)
    }),
    Fault::accepted("connect/talks-first", "answers before it is asked", || {
        Script::default().send(crate::faults::http1::GOOD).then(End::Close)
    }),
];
