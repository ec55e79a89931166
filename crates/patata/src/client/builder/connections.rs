//! The options of how connections are opened and what is spoken on them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::client::builder::Builder;
use crate::config::http_version::HttpVersion;
use crate::config::proxies::Proxies;
use crate::config::tls_version::TlsVersion;
use crate::transport::connect::tls;
use crate::transport::connect::tls::{Roots, Trust};

impl Builder {
    /// The longest that looking up a host's name may take, and again the longest for what follows it: TCP, a
    /// proxy's tunnel and TLS. More than zero. Default: 10 s.
    ///
    /// All runs of a client together open no more connections to a server at once than `concurrency`; to wait for
    /// that does not count. Nor does what the server drops or refuses while it takes others of ours: that is tried
    /// again, up to five times.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.config.connect_timeout = self.duration("connect_timeout", limit);
        self
    }

    /// The versions of HTTP that may be spoken. Default: HTTP/2 where the server offers it in a TLS
    /// handshake, else HTTP/1.1.
    pub fn http_version(mut self, version: HttpVersion) -> Self {
        self.config.http_version = version;
        self.note_route(
            "http_version",
            (version != HttpVersion::Auto).then(|| format!("{version:?}").into()),
        );
        self
    }

    /// The proxy for all requests, as a URL: `http://`, `https://` (TLS to the proxy), `socks5://`, or
    /// `socks5h://` where the proxy looks the hosts' names up; with `user:password@` where it wants that,
    /// percent-encoded. Default: those that the environment variables `HTTP_PROXY`, `HTTPS_PROXY` and
    /// `ALL_PROXY` name, save for the hosts in `NO_PROXY` (hosts, suffixes, CIDR, or `*` for all). The lower-case
    /// variables go before, and empty ones say nothing; they are read once, by [`build`](Builder::build).
    ///
    /// An `http://` request is given to an HTTP proxy; an `https://` one goes through a tunnel, so that the
    /// proxy sees its host and nothing else. The proxy's credentials are never sent to a server, nor is a
    /// `Proxy-Authorization` header. A 407 of the proxy's is an error of the kind
    /// [`Proxy`](crate::ErrorKind::Proxy), not a response. Unix sockets are never proxied.
    ///
    /// ```
    /// let client = patata::Client::builder().proxy("http://user:secret@proxy.example:3128").build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        match Proxies::always(url.as_ref()) {
            Ok(proxies) => {
                self.config.proxies = proxies;
                self.note_route("proxy", Some(url.as_ref().into()));
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// No proxy for any request, whatever the environment says.
    ///
    /// ```
    /// let client = patata::Client::builder().without_proxy().build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn without_proxy(mut self) -> Self {
        self.config.proxies = Proxies::Never;
        self.note_route("proxy", Some(Vec::new()));
        self
    }

    /// The proxies that the environment names, as by default.
    ///
    /// ```
    /// let direct = patata::Client::builder().without_proxy().build()?;
    /// let client = direct.to_builder().environment_proxy().build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn environment_proxy(mut self) -> Self {
        self.config.proxies = Proxies::default();
        self.note_route("proxy", None);
        self
    }

    /// The addresses of a host, whose name is then not looked up. At least one; they are tried in turn.
    ///
    /// The URL, the `Host` header and what the certificate must be for stay the name's.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let port = server.address().port();
    /// let client = patata::Client::builder().resolve("api.example", ["127.0.0.1".parse().unwrap()]).build()?;
    /// let outcome = client.run([patata::Request::get((), format!("http://api.example:{port}/"))]).next();
    /// assert_eq!(outcome.unwrap().result.unwrap().status, 200);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn resolve(mut self, host: impl AsRef<str>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let host = host.as_ref();
        let addresses: Arc<[IpAddr]> = addresses.into_iter().collect();
        match url::Host::parse(host) {
            Ok(url::Host::Domain(name)) if !addresses.is_empty() => {
                Arc::make_mut(&mut self.config.addresses).insert(name, addresses);
                let all: BTreeMap<_, _> = self.config.addresses.iter().collect();
                let text = format!("{all:?}");
                self.note_route("resolve", Some(text.into()));
            }
            Ok(url::Host::Domain(_)) => {
                self.fail("resolve", "at least one address", format!("none for {host:?}"))
            }
            _ => self.fail("resolve", "the name of a host, without scheme and port", format!("{host:?}")),
        }
        self
    }

    /// A unix socket that all connections go to, whatever the URL's host, which is still what the `Host`
    /// header says. For one request, a URL like `http+unix://%2Fpath%2Fto.sock/` does.
    ///
    /// ```
    /// let docker = patata::Client::builder().unix_socket("/var/run/docker.sock").build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        if cfg!(unix) {
            self.config.unix_socket = Some(path.into());
            self.note_route("unix_socket", Some(path.as_os_str().as_encoded_bytes().to_vec()));
        } else {
            self.fail("unix_socket", "left out: this system has no unix sockets", format!("{path:?}"));
        }
        self
    }

    /// Whether servers' certificates are verified, against the machine's trust store. Default: they are.
    ///
    /// `false` accepts any certificate of anybody: whoever sits between here and the server can read and
    /// change all that goes over the connection.
    ///
    /// ```
    /// let careless = patata::Client::builder().verify(false).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn verify(mut self, verify: bool) -> Self {
        self.tls.change(|settings| settings.trust = if verify { Trust::Machine } else { Trust::Any });
        self.note_route("verify", (!verify).then(Vec::new));
        self
    }

    /// A PEM file with the certificates of the authorities that are trusted, in place of the machine's trust
    /// store. A server's own self-signed certificate will do as well.
    ///
    /// The file is read at once: one that is missing, or holds no certificate, is an error of the option
    /// `verify`.
    ///
    /// ```
    /// let error = patata::Client::builder().ca_file("no/such.pem").build().unwrap_err();
    /// assert_eq!(error.option, "verify");
    /// ```
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match read_roots(path) {
            Ok(roots) => {
                self.note_route("verify", Some(joined(&roots.certificates)));
                self.tls.change(|settings| settings.trust = Trust::Roots(Arc::new(roots)));
            }
            Err(cause) => self.fail("verify", "a readable PEM file with CA certificates", shown(path, cause)),
        }
        self
    }

    /// The certificate that is shown to servers which ask for one: a PEM file with it, and with those that
    /// it is signed by, and one with its key; `None` where the key stands in the same file. The key must not
    /// be encrypted. Default: none.
    ///
    /// The files are read at once: what is missing in them is an error of the option `cert`. Proxies do not see
    /// the certificate.
    ///
    /// ```
    /// let error = patata::Client::builder().cert("no/such.pem", None).build().unwrap_err();
    /// assert_eq!(error.option, "cert");
    /// ```
    pub fn cert(mut self, certificate: impl AsRef<Path>, key: Option<&Path>) -> Self {
        let certificate = certificate.as_ref();
        match read_identity(certificate, key.unwrap_or(certificate)) {
            Ok(identity) => {
                self.note_route("cert", Some(joined(&identity.cert)));
                self.tls.change(|settings| settings.certificate = Some(Arc::new(identity)));
            }
            Err(value) => self.fail("cert", "readable PEM files with a certificate and its key", value),
        }
        self
    }

    /// The oldest version of TLS that is spoken. Default: [`TlsVersion::Tls12`].
    pub fn min_tls_version(mut self, version: TlsVersion) -> Self {
        self.tls.change(|settings| settings.min_version = version);
        let differs = version != TlsVersion::default();
        self.note_route("min_tls_version", differs.then(|| format!("{version:?}").into()));
        self
    }
}

/// Certificates as one text to compare.
fn joined(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    certificates.iter().flat_map(|certificate| certificate.iter().copied()).collect()
}

fn read_roots(path: &Path) -> Result<Roots, String> {
    let certificates = read_certificates(path)?;
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 {
        return Err("no usable certificate in it".to_owned());
    }
    Ok(Roots { store: Arc::new(store), certificates: certificates.into() })
}

/// A client's certificate and key; where there is none, the file at fault and what is wrong with it.
fn read_identity(certificate: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let chain = read_certificates(certificate).map_err(|cause| shown(certificate, cause))?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|cause| match cause {
        pem::Error::NoItemsFound => shown(key, "no unencrypted private key in it"),
        cause => shown(key, unreadable(cause)),
    })?;
    CertifiedKey::from_der(chain, private_key, &tls::provider()).map_err(|cause| shown(key, cause))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<_, _>>())
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    Ok(certificates)
}

/// Without what stands in the file, which may be a key.
fn unreadable(cause: pem::Error) -> String {
    match cause {
        pem::Error::Io(cause) => cause.to_string(),
        _ => "it is not valid PEM".to_owned(),
    }
}

fn shown(path: &Path, cause: impl Display) -> String {
    format!("{path:?} ({cause})")
}
