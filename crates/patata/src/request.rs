//! A request as the caller states it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::error::Error;

/// One HTTP request, and the caller's own tag to know its outcome by.
///
/// Nothing here fails: a URL, header or method that cannot be used is kept, and the request ends as
/// an [`Outcome`](crate::Outcome) whose error is of kind
/// [`InvalidRequest`](crate::ErrorKind::InvalidRequest), before any I/O, while all others go on.
///
/// ```
/// use patata::{Method, Request};
///
/// let plain = Request::get(1, "http://localhost:8080/items/1");
/// let full = Request::new("two", Method::POST, "http://localhost:8080/items")
///     .header("content-type", "application/json")
///     .body(r#"{"name":"two"}"#);
/// assert_eq!(plain.tag, 1);
/// assert_eq!(full.tag, "two");
/// ```
pub struct Request<T> {
    /// The caller's own value, handed back unchanged with the outcome.
    pub tag: T,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) error: Option<Error>,
}

impl<T: fmt::Debug> fmt::Debug for Request<T> {
    /// Without what may be secret: credentials in the URL, headers, the body.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("tag", &self.tag)
            .field("method", &self.method)
            .field("url", &redacted(&self.url))
            .finish_non_exhaustive()
    }
}

impl<T> Request<T> {
    /// A request with any method.
    pub fn new(tag: T, method: Method, url: impl Into<String>) -> Self {
        Self { tag, method, url: url.into(), headers: None, body: Bytes::new(), timeout: None, error: None }
    }

    /// A GET request.
    pub fn get(tag: T, url: impl Into<String>) -> Self {
        Self::new(tag, Method::GET, url)
    }

    /// A POST request; give it a [`body`](Self::body).
    pub fn post(tag: T, url: impl Into<String>) -> Self {
        Self::new(tag, Method::POST, url)
    }

    /// A request that is already known to be unusable, for faces that convert input of their own.
    ///
    /// It ends as an outcome with this message and never reaches the network.
    ///
    /// ```
    /// let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::invalid(7, "no such file")]).next().unwrap();
    /// assert_eq!(outcome.tag, 7);
    /// assert_eq!(outcome.result.unwrap_err().to_string(), "no such file");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn invalid(tag: T, message: impl Into<String>) -> Self {
        let mut request = Self::get(tag, "");
        request.error = Some(Error::invalid(message.into()));
        request
    }

    /// Adds a header; the same name given twice is sent twice. One given here replaces the client's
    /// default of that name.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::invalid(format!("header name {name:?} is not a valid token")))
            .and_then(|name| match is_framing(&name) {
                true => Err(Error::invalid(format!("header {name:?} follows from the body; leave it out"))),
                false => Ok(name),
            })
            .and_then(|name| match HeaderValue::from_bytes(value.as_ref()) {
                Ok(value) => Ok((name, value)),
                // The value may be a secret, so only its name is told.
                Err(_) => Err(Error::invalid(format!(
                    "the value of header {name:?} holds a line break or a control character"
                ))),
            });
        match parsed {
            Ok((name, value)) => {
                self.headers.get_or_insert_default().append(name, value);
            }
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// The body's bytes. Default: none.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The longest one attempt at this request may take, from the first byte of connecting to the last
    /// of the body, redirects included. Default: the client's `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Whether a header says where a message ends: a wrong one would make the server read the rest of a request
/// as another.
pub(crate) fn is_framing(name: &HeaderName) -> bool {
    *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING
}

/// A URL as it may be shown: nothing that stands before an `@` in its authority.
pub(crate) fn redacted(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |end| start + end);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}{}", &url[..start], &url[start + at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_header_is_named_and_its_value_is_not_shown() {
        let error =
            |name, value| Request::get(1, "http://host/").header(name, value).error.unwrap().to_string();
        assert!(error("a b", "c").contains("header name \"a b\" is not a valid token"));
        assert!(error("x-api-key", "secret\r\nx: y").contains("the value of header \"x-api-key\""));
        assert!(!error("x-api-key", "secret\r\nx: y").contains("secret"));
        assert!(error("Content-Length", "7").contains("\"content-length\" follows from the body"));
        assert!(error("transfer-encoding", "chunked").contains("leave it out"));
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let request =
            Request::get(1, "http://user:secret@host/path").header("x-api-key", "secret").body("secret");
        let shown = format!("{request:?}");
        assert!(shown.contains("http://host/path") && !shown.contains("secret"), "{shown}");
    }
}
