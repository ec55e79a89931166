//! The TLS settings of a client, made once, when its first https connection is opened.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Verification on, against the machine's trust store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    config: Arc<OnceLock<Result<Arc<ClientConfig>, rustls::Error>>>,
}

impl Tls {
    /// The settings. Reading a trust store takes some 10 ms, so runs without https never do.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.config.get_or_init(|| config().map(Arc::new)).clone()
    }
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let mut config = match Verifier::new(provider) {
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        // A slim machine without a CA store of its own: Mozilla's roots.
        Err(_) => builder.with_root_certificates(mozilla_roots()).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn mozilla_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_made_once_and_ask_for_http_1() {
        let tls = Tls::default();
        let first = tls.config().unwrap();
        assert_eq!(first.alpn_protocols, [b"http/1.1"]);
        assert!(Arc::ptr_eq(&first, &tls.clone().config().unwrap()));
    }

    #[test]
    fn there_are_roots_to_fall_back_on() {
        assert!(mozilla_roots().len() > 50);
    }
}
