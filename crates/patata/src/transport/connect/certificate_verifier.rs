//! Judges servers' certificates, and says what is wrong with those that are not accepted.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme};

use crate::error::certificate::CertificateFault;

/// Asks another verifier, and looks closer where that one knows no issuer.
#[derive(Debug)]
pub(crate) struct CertificateVerifier {
    verifier: Arc<dyn ServerCertVerifier>,
    /// Certificates that the user trusts by themselves, whoever signed them.
    pinned: Arc<[CertificateDer<'static>]>,
}

impl CertificateVerifier {
    pub(crate) fn new(verifier: Arc<dyn ServerCertVerifier>, pinned: Arc<[CertificateDer<'static>]>) -> Self {
        Self { verifier, pinned }
    }

    /// What a refusal comes to in the end.
    fn review(
        &self,
        refusal: rustls::Error,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{BadSignature, UnknownIssuer};
        match &refusal {
            // Signed by another authority of the same name, as comes of making a new one for the old.
            rustls::Error::InvalidCertificate(BadSignature) => return Err(UnknownIssuer.into()),
            rustls::Error::InvalidCertificate(UnknownIssuer) => {}
            // What `openssl req -x509` makes is an authority's certificate, which none but authorities should
            // show. Its time has been judged by now, its name has not.
            _ if is_ca(&refusal) => {
                if self.pinned.iter().any(|pinned| pinned == certificate) {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                    return Ok(ServerCertVerified::assertion());
                }
            }
            _ => return Err(refusal),
        }
        Err(if is_self_signed(certificate) { other(SelfSigned) } else { refusal })
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|refusal| self.review(refusal, end_entity, server_name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}

/// Accepts whatever a server shows, where the user wants it so.
#[derive(Debug)]
pub(crate) struct AcceptAny(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Stands in rustls's errors for what it has no name for.
#[derive(Debug)]
struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the certificate is its own issuer")
    }
}

impl std::error::Error for SelfSigned {}

fn other(cause: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(cause))))
}

/// Whether a certificate was refused for being that of an authority.
fn is_ca(refusal: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(cause))) = refusal else {
        return false;
    };
    cause.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}

/// What is wrong with a certificate, where that is why a handshake failed.
pub(crate) fn certificate_fault(cause: &rustls::Error) -> Option<CertificateFault> {
    let rustls::Error::InvalidCertificate(cause) = cause else { return None };
    Some(match cause {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongHost
        }
        CertificateError::UnknownIssuer => CertificateFault::Untrusted,
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::Other(OtherError(cause)) if cause.is::<SelfSigned>() => {
            CertificateFault::SelfSigned
        }
        _ => CertificateFault::Other,
    })
}
