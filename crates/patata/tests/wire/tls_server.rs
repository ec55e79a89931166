//! A TLS server and certificates for it, good and bad.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) type Versions = &'static [&'static SupportedProtocolVersion];

pub(crate) static TLS12: Versions = &[&rustls::version::TLS12];
pub(crate) static TLS13: Versions = &[&rustls::version::TLS13];

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    pub(crate) key: KeyPair,
}

impl Identity {
    /// Signed by itself.
    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    /// Certificate and key in one file.
    pub(crate) fn file(&self) -> NamedTempFile {
        file(&format!("{}{}", self.certificate_pem, self.key.serialize_pem()))
    }
}

/// A certificate authority that exists for one test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    /// Its certificate as a CA file.
    pub(crate) fn file(&self) -> NamedTempFile {
        file(&self.0.pem())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

/// What a certificate for this machine says.
pub(crate) fn local() -> CertificateParams {
    names(&["localhost", "127.0.0.1"])
}

/// What a certificate for these hosts says.
pub(crate) fn names(hosts: &[&str]) -> CertificateParams {
    CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// A file with this text, which is removed when it is dropped.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// How a [`TlsServer`] is to be.
pub(crate) struct Setup<'a> {
    pub(crate) alpn: &'a [&'a str],
    /// Whose clients alone are welcome.
    pub(crate) clients: Option<&'a Authority>,
    pub(crate) versions: Versions,
    /// Whether a connection is closed after its first response.
    pub(crate) closes: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { alpn: &["http/1.1"], clients: None, versions: rustls::ALL_VERSIONS, closes: false }
    }
}

/// What a TLS server has seen.
#[derive(Default)]
struct Log {
    handshakes: Mutex<Vec<HandshakeKind>>,
    /// The heads of what came over HTTP/1.1.
    requests: Mutex<Vec<String>>,
}

/// Answers every request over TLS with 200 and `hello`.
pub(crate) struct TlsServer {
    address: SocketAddr,
    log: Arc<Log>,
    /// Ends the server's thread, when it is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl TlsServer {
    pub(crate) fn start(identity: &Identity, setup: &Setup<'_>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(identity, setup)));
        let log = Arc::new(Log::default());
        let (kept, closes) = (log.clone(), setup.closes);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serve(acceptor.clone(), stream, log.clone(), closes));
                    }
                });
                let _ = stopped.await;
            });
        });
        Self { address, log: kept, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}/", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How each connection shook hands, of those that got so far.
    pub(crate) fn handshakes(&self) -> Vec<HandshakeKind> {
        self.log.handshakes.lock().unwrap().clone()
    }

    /// The heads of the requests that came over HTTP/1.1.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.requests.lock().unwrap().clone()
    }
}

fn server_config(identity: &Identity, setup: &Setup<'_>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(setup.versions).unwrap();
    let builder = match setup.clients {
        Some(authority) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), provider)
                .build()
                .unwrap(),
        ),
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let mut config = builder.with_single_cert(vec![identity.certificate.clone()], key).unwrap();
    config.alpn_protocols = setup.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, log: Arc<Log>, closes: bool) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => {
            log.handshakes.lock().unwrap().extend(stream.get_ref().1.handshake_kind());
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => serve_http2(stream).await,
                _ => serve_http1(stream, &log, closes).await,
            }
        }
        // What has been said of the failure must reach the client: closing at once, with its bytes unread,
        // would reset the connection.
        Err((_, mut stream)) => while matches!(stream.read(&mut [0; 1024]).await, Ok(count) if count > 0) {},
    }
}

async fn serve_http1(mut stream: TlsStream<TcpStream>, log: &Log, closes: bool) {
    let mut received = Vec::new();
    loop {
        while !received.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut received).await {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
        let head = std::mem::take(&mut received);
        log.requests.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
        let connection = if closes { "connection: close\r\n" } else { "" };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n{connection}\r\nhello");
        if stream.write_all(answer.as_bytes()).await.is_err() || closes {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn serve_http2(stream: TlsStream<TcpStream>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((_, mut answer))) = connection.accept().await {
        if let Ok(mut body) = answer.send_response(http::Response::new(()), false) {
            let _ = body.send_data(Bytes::from_static(b"hello"), true);
        }
    }
}
