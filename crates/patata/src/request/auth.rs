//! How a request is authorised: a header that is known, or one that the user's function gives.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use crate::error::Error;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Function = dyn Fn(&AuthRequest<'_>) -> Result<(HeaderName, HeaderValue), BoxError> + Send + Sync;

/// A function of the user's that gives a request the header by which it is authorised.
#[derive(Clone)]
pub(crate) struct Authorize(Arc<Function>);

impl Authorize {
    pub(crate) fn new<F, E>(function: F) -> Self
    where
        F: Fn(&AuthRequest<'_>) -> Result<(HeaderName, HeaderValue), E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move |request| function(request).map_err(Into::into)))
    }

    /// What the function says to a request.
    pub(crate) fn header(&self, request: &AuthRequest<'_>) -> Result<(HeaderName, HeaderValue), Error> {
        let (name, mut value) = (self.0)(request)
            .map_err(|cause| Error::invalid("The auth function failed").with_source(cause))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Authorize")
    }
}

/// The request that is to be authorised, as it will be sent.
pub struct AuthRequest<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: String,
    pub(crate) body: Option<&'a Bytes>,
    pub(crate) is_refresh: bool,
}

impl fmt::Debug for AuthRequest<'_> {
    /// Without the body, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthRequest")
            .field("method", self.method)
            .field("url", &self.url)
            .field("is_refresh", &self.is_refresh)
            .finish_non_exhaustive()
    }
}

impl AuthRequest<'_> {
    /// The method.
    pub fn method(&self) -> &Method {
        self.method
    }

    /// The URL, parameters included, without credentials and fragment.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body, where it is in memory.
    pub fn body(&self) -> Option<&Bytes> {
        self.body
    }

    /// Whether the server has answered 401 to what the function gave before: the time for a new token.
    pub fn is_refresh(&self) -> bool {
        self.is_refresh
    }
}

/// `Basic`, as RFC 7617 says.
pub(crate) fn basic(user: &[u8], password: &[u8]) -> Option<HeaderValue> {
    let pair = [user, b":", password].concat();
    secret(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

/// `Bearer`, as RFC 6750 says. `None` for a token that cannot stand in a header.
///
/// No token has a space in it: what has one says already by which scheme it is, as `Bearer secret` does.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let token = token.trim();
    secret(if has_scheme(token) { token.to_owned() } else { format!("Bearer {token}") })
}

fn has_scheme(token: &str) -> bool {
    let is_scheme = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    token.split_once(' ').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.trim().is_empty())
}

fn secret(value: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_names_its_scheme_is_sent_as_it_is() {
        for (token, expected) in [
            ("secret", "Bearer secret"),
            ("Bearer secret", "Bearer secret"),
            ("bearer secret", "bearer secret"),
            (" secret\n", "Bearer secret"),
            ("Token secret", "Token secret"),
            ("Basic c2VjcmV0", "Basic c2VjcmV0"),
            ("AWS4-HMAC-SHA256 a=b, c=d", "AWS4-HMAC-SHA256 a=b, c=d"),
        ] {
            assert_eq!(bearer(token).unwrap(), expected, "{token}");
        }
        assert!(bearer("a\nb").is_none());
    }
}
