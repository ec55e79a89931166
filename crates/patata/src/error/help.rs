//! Where the documentation says what an error means, and what to do.

use crate::error::certificate::CertificateFault;
use crate::error::{Error, Kind, Phase};

const PAGES: &str = "https://oalfonso-o.github.io/patata/errors/";

impl Error {
    /// The page of the documentation that says what this error means, and what to do. Pages have the names of Python's
    /// classes.
    ///
    /// ```
    /// let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get(1, "http://127.0.0.1:1/")]).next().unwrap();
    /// let error = outcome.result.unwrap_err();
    /// assert_eq!(error.help_url(), "https://oalfonso-o.github.io/patata/errors/ConnectError.html");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn help_url(&self) -> String {
        format!("{PAGES}{}.html", page(self.kind(), self.phase(), self.certificate_fault()))
    }
}

fn page(kind: Kind, phase: Phase, fault: Option<CertificateFault>) -> &'static str {
    match kind {
        Kind::Tls => page_of_fault(fault),
        Kind::Timeout if phase == Phase::Connect => "ConnectTimeoutError",
        Kind::InvalidRequest => "InvalidRequestError",
        Kind::Resolve => "ResolveError",
        Kind::Connect => "ConnectError",
        Kind::HostUnavailable => "HostUnavailableError",
        Kind::Proxy => "ProxyError",
        Kind::Timeout => "RequestTimeoutError",
        Kind::Protocol => "ProtocolError",
        Kind::Redirect => "RedirectError",
        Kind::Body => "BodyError",
        Kind::Decode => "DecodeError",
        Kind::TooLarge => "TooLargeError",
        Kind::OutOfMemory => "OutOfMemoryError",
        Kind::Save => "SaveError",
        Kind::RetryIf => "RetryIfError",
        Kind::Budget => "BudgetError",
        Kind::NotCached => "NotCachedError",
        Kind::Robots => "RobotsError",
        Kind::Cancelled => "CancelledError",
    }
}

fn page_of_fault(fault: Option<CertificateFault>) -> &'static str {
    match fault {
        None => "TLSError",
        Some(CertificateFault::Expired) => "CertificateExpiredError",
        Some(CertificateFault::WrongHost) => "CertificateHostnameError",
        Some(CertificateFault::SelfSigned) => "SelfSignedCertificateError",
        Some(CertificateFault::Untrusted) => "UntrustedCertificateError",
        Some(CertificateFault::NotYetValid | CertificateFault::Revoked | CertificateFault::Other) => {
            "CertificateError"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_error_has_a_page() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let of_kinds = Kind::ALL.map(|kind| page(kind, Phase::Head, None));
        let faults = [
            CertificateFault::Expired,
            CertificateFault::NotYetValid,
            CertificateFault::WrongHost,
            CertificateFault::SelfSigned,
            CertificateFault::Untrusted,
            CertificateFault::Revoked,
            CertificateFault::Other,
        ];
        let of_faults = faults.map(|fault| page(Kind::Tls, Phase::Connect, Some(fault)));
        let of_connecting = page(Kind::Timeout, Phase::Connect, None);
        for name in of_kinds.into_iter().chain(of_faults).chain([of_connecting]) {
            assert!(pages.join(name).with_extension("md").exists(), "there is no page {name}");
        }
    }
}
