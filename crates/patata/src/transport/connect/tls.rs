//! The TLS settings of a client, made once, when its first https connection is opened.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_platform_verifier::Verifier;

use crate::config::tls_version::TlsVersion;
use crate::transport::connect::certificate_verifier::{AcceptAny, CertificateVerifier};

/// Servers whose sessions are kept, so that another connection to one of them shakes hands in short.
const SESSIONS: usize = 1024;

type Made<T> = Arc<OnceLock<Result<T, rustls::Error>>>;

/// What a client says and believes in TLS handshakes. Clones share what is costly to make, and sessions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    settings: Arc<Settings>,
    config: Made<Arc<ClientConfig>>,
    /// The same without the client's certificate, for proxies.
    anonymous: Made<Arc<ClientConfig>>,
    /// The machine's trust store. It is the same for all settings.
    machine: Made<Arc<dyn ServerCertVerifier>>,
}

/// What the options say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) trust: Trust,
    /// What the client shows to servers that ask for it.
    pub(crate) certificate: Option<Arc<CertifiedKey>>,
    pub(crate) min_version: TlsVersion,
}

/// Whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub(crate) enum Trust {
    /// Those signed by an authority that the machine trusts.
    #[default]
    Machine,
    /// Those signed by one of these, and these themselves.
    Roots(Arc<Roots>),
    /// All.
    Any,
}

/// Certificates out of a CA file.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) store: Arc<RootCertStore>,
    pub(crate) certificates: Arc<[CertificateDer<'static>]>,
}

impl Tls {
    /// Changes the settings. What others share under the old ones stays theirs.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = (*self.settings).clone();
        change(&mut settings);
        let machine = self.machine.clone();
        *self = Self { settings: Arc::new(settings), machine, ..Self::default() };
    }

    /// The settings as rustls knows them. Reading a trust store takes some 10 ms, so runs without https
    /// never do.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.config.get_or_init(|| self.make(self.settings.certificate.clone())).clone()
    }

    /// The same for the connection to a proxy, which has no business with the client's certificate.
    pub(crate) fn config_for_proxy(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.anonymous.get_or_init(|| self.make(None)).clone()
    }

    fn make(&self, certificate: Option<Arc<CertifiedKey>>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions(self.settings.min_version))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        let mut config = match certificate {
            Some(certificate) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)))
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(Arc::new(config))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        let (verifier, pinned) = match &self.settings.trust {
            Trust::Any => return Ok(Arc::new(AcceptAny(provider))),
            Trust::Machine => (self.machine.get_or_init(|| machine(provider)).clone()?, Arc::default()),
            Trust::Roots(roots) => (with_roots(roots.store.clone(), provider)?, roots.certificates.clone()),
        };
        Ok(Arc::new(CertificateVerifier::new(verifier, pinned)))
    }
}

/// The cryptography that TLS is made of.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match least {
        TlsVersion::Tls12 => rustls::ALL_VERSIONS,
        TlsVersion::Tls13 => &TLS13,
    }
}

fn machine(provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    match Verifier::new(provider.clone()) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        // A slim machine without a CA store of its own: Mozilla's roots.
        Err(_) => with_roots(Arc::new(mozilla_roots()), provider),
    }
}

fn with_roots(
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|cause| rustls::Error::General(cause.to_string()))
}

fn mozilla_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_made_once_for_all_who_share_them() {
        let tls = Tls::default();
        let first = tls.config().unwrap();
        assert!(Arc::ptr_eq(&first, &tls.clone().config().unwrap()));
    }

    #[test]
    fn other_settings_share_the_machines_trust_store_and_nothing_else() {
        let tls = Tls::default();
        let mut strict = tls.clone();
        strict.change(|settings| settings.min_version = TlsVersion::Tls13);
        assert!(!Arc::ptr_eq(&tls.config().unwrap(), &strict.config().unwrap()));
        assert!(Arc::ptr_eq(&tls.machine, &strict.machine));
    }

    #[test]
    fn there_are_roots_to_fall_back_on() {
        assert!(mozilla_roots().len() > 50);
    }
}
