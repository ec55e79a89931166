//! Which versions of HTTP may be spoken.

/// The versions of HTTP that a client speaks.
///
/// ```
/// use patata::{Client, HttpVersion};
///
/// let client = Client::builder().http_version(HttpVersion::Http1).build()?;
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/2 where a TLS handshake settles on it (ALPN), else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only: over `https://` by ALPN, over `http://` with prior knowledge. A server that does not
    /// speak it is a fault of the request.
    Http2,
}
