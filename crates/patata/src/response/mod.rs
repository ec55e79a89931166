//! What comes back: a response, and the outcome that carries it or the reason why there is none.

pub(crate) mod cache_status;
pub(crate) mod charset;
pub(crate) mod chunked_buffer;
pub(crate) mod decoding;
pub(crate) mod headers;
pub(crate) mod location;
pub(crate) mod statuses;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};
use serde::de::DeserializeOwned;

use crate::address::target::Target;
use crate::cost::charge::Charge;
use crate::error::Error;
use crate::response::cache_status::CacheStatus;
use crate::response::headers::Headers;

/// A complete HTTP response: its body has been received whole and decoded.
///
/// A status code is not an error: a 404 is a response.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let outcome = client.run([patata::Request::get((), format!("{url}/status/404"))]).next().unwrap();
/// let response = outcome.result.unwrap();
/// assert_eq!(response.status, 404);
/// assert_eq!(response.headers.get("content-type"), Some(&b"application/json"[..]));
/// assert_eq!(response.body, r#"{"status":404}"#);
/// assert_eq!(response.url, format!("{url}/status/404"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The version of HTTP that the server answered with.
    pub version: Version,
    /// The headers as received, `Content-Encoding` included where the body was decoded.
    pub headers: Headers,
    /// The body, content-encodings undone. Empty where it was saved to a file.
    pub body: Bytes,
    /// The file that has the body instead: see [`Request::stream_to`](crate::Request::stream_to).
    pub saved_to: Option<Arc<Path>>,
    /// The URL that answered, after redirects, without credentials and fragment.
    pub url: Url,
    /// Whether it was received for its request, or comes out of a [cache](crate::Builder::cache).
    pub cached: CacheStatus,
}

impl Response {
    /// Whether the status is below 400.
    pub fn is_ok(&self) -> bool {
        self.status.as_u16() < 400
    }

    /// The body as text: see [`decode_text`](crate::decode_text).
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/"))]).next().unwrap();
    /// assert_eq!(outcome.result.unwrap().text(), r#"{"message":"Hello world!"}"#);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn text(&self) -> Cow<'_, str> {
        charset::decode_text(self.headers.get("content-type"), &self.body)
    }

    /// What the body's JSON stands for, which is in the charset that its `Content-Type` declares, or else in
    /// UTF-8.
    ///
    /// # Errors
    /// A body that is no JSON, or not of this type.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/"))]).next().unwrap();
    /// let message: serde_json::Value = outcome.result.unwrap().json().unwrap();
    /// assert_eq!(message["message"], "Hello world!");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn json<V: DeserializeOwned>(&self) -> serde_json::Result<V> {
        let body = charset::decode_json(self.headers.get("content-type"), &self.body);
        // Some servers begin with a byte order mark, which is no JSON.
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body))
    }
}

/// The URL that answered, put together only when it is read.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// # let client = patata::Client::builder().build()?;
/// let outcome = client.run([patata::Request::get((), format!("{url}/redirect/2"))]).next().unwrap();
/// assert_eq!(outcome.result.unwrap().url.to_string(), format!("{url}/redirect/0"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Url(pub(crate) Target);

impl Url {
    /// Host and port, as far as the URL has one; of a unix socket its path, percent-encoded.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/"))]).next().unwrap();
    /// assert_eq!(format!("http://{}", outcome.result.unwrap().url.authority()), url);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn authority(&self) -> Cow<'_, str> {
        self.0.authority()
    }

    /// Appends it to a buffer: the same as its [`Display`](std::fmt::Display), at a tenth of the cost.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get((), format!("{url}/?a=b"))]).next().unwrap();
    /// let mut buffer = Vec::new();
    /// outcome.result.unwrap().url.write_to(&mut buffer);
    /// assert_eq!(buffer, format!("{url}/?a=b").as_bytes());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn write_to(&self, buffer: &mut Vec<u8>) {
        self.0.write_to(buffer);
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<S: AsRef<str>> PartialEq<S> for Url {
    fn eq(&self, other: &S) -> bool {
        let shown = self.to_string();
        shown == other.as_ref()
    }
}

/// The one end that every request comes to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome<T> {
    /// The request's own tag.
    pub tag: T,
    /// How many attempts were begun; 0 where the request never left the plan.
    pub attempts: u32,
    /// Whether it would have been tried again, had [`retry_budget`](crate::Builder::retry_budget) had room for it.
    pub retry_denied: bool,
    /// From the start of the first attempt to the end of the last, waits between them included.
    pub elapsed: Duration,
    /// What it was charged, where [budgets](crate::Builder::budget) have counted it.
    pub charge: Option<Box<Charge>>,
    /// The response, or why there is none.
    pub result: Result<Response, Error>,
}

impl<T> Outcome<T> {
    /// The same outcome with another tag, and the tag that it had.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get("a", url)]).next().unwrap();
    /// let (outcome, tag) = outcome.with_tag(1);
    /// assert_eq!((outcome.tag, tag), (1, "a"));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn with_tag<U>(self, tag: U) -> (Outcome<U>, T) {
        let Self { tag: old, attempts, retry_denied, elapsed, charge, result } = self;
        (Outcome { tag, attempts, retry_denied, elapsed, charge, result }, old)
    }
}

/// How a job ended, and after what time.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) elapsed: Duration,
    pub(crate) result: Result<Answer, Error>,
}

/// A response that does not say yet where it came from: its job knows.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) saved_to: Option<Arc<Path>>,
    pub(crate) cached: CacheStatus,
}

impl Answer {
    /// The response of this target.
    pub(crate) fn into_response(self, target: Target) -> Response {
        let Self { status, version, headers, body, saved_to, cached } = self;
        Response { status, version, headers, body, saved_to, url: Url(target), cached }
    }
}
