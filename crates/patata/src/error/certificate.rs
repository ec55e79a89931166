//! What can be wrong with a server's certificate.

use std::fmt;

/// Why a server's certificate was not accepted, see [`Error::certificate_fault`](crate::Error::certificate_fault).
///
/// Its `Display` says what is wrong and what to do about it.
///
/// ```
/// let fault = patata::CertificateFault::Expired;
/// assert!(fault.to_string().contains("has expired"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other hosts.
    WrongHost,
    /// It is signed by nobody but itself.
    SelfSigned,
    /// It is signed by an authority that is not trusted.
    Untrusted,
    /// Its authority has taken it back.
    Revoked,
    /// Anything else: a broken signature, an unknown extension, a wrong purpose.
    Other,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Expired => "the certificate has expired; its owner has to renew it",
            Self::NotYetValid => {
                "the certificate is not valid yet; see whether this machine's clock is right"
            }
            Self::WrongHost => "the certificate is for other hosts; see whether the URL names the right one",
            Self::SelfSigned => {
                "the certificate is self-signed; if it is the right one, give its file as verify"
            }
            Self::Untrusted => {
                "the certificate is signed by an authority that is not trusted; if it should be, give its \
                 CA file as verify"
            }
            Self::Revoked => "the certificate has been revoked; its owner has to replace it",
            Self::Other => "the certificate cannot be accepted",
        })
    }
}
