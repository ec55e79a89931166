//! Which versions of TLS may be spoken.

/// A version of TLS, see [`Builder::min_tls_version`](crate::Builder::min_tls_version).
///
/// ```
/// use patata::{Client, TlsVersion};
///
/// let client = Client::builder().min_tls_version(TlsVersion::Tls13).build()?;
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, the oldest that is still safe.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}
