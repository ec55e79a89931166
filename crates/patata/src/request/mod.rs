//! A request as the caller states it.

pub(crate) mod auth;
pub(crate) mod before_send;
pub(crate) mod body;
pub(crate) mod multipart;
pub(crate) mod params;
pub(crate) mod path_template;
pub(crate) mod priced;
pub(crate) mod retry_if;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::address::redacted::redacted;
use crate::cost::Costs;
use crate::cost::unit::Unit;
use crate::error::Error;
use crate::request::auth::{AuthRequest, Authorize};
use crate::request::before_send::BeforeSend;
use crate::request::body::Body;
use crate::request::params::Params;
use crate::request::retry_if::{Attempt, RetryIf};

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
    pub(crate) head: Option<Box<Head>>,
    pub(crate) params: Params,
    pub(crate) body: Body,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_to: Option<PathBuf>,
    /// By what errors name it beside another.
    pub(crate) label: Option<Box<str>>,
    pub(crate) error: Option<Error>,
    pub(crate) is_pause: bool,
}

/// What a request's own head says, on top of the client's defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) headers: HeaderMap,
    /// Defaults that are not for this request.
    pub(crate) removed: Vec<HeaderName>,
    /// Gives one more header, before the first attempt and after a 401.
    pub(crate) authorize: Option<Authorize>,
    /// Says of a response whether it is worth another attempt.
    pub(crate) retry_if: Option<RetryIf>,
    /// Is waited for before the first byte is sent.
    pub(crate) before_send: Option<BeforeSend>,
    /// What it costs, where it says so itself.
    pub(crate) costs: Option<Box<Costs>>,
}

/// What a user says of himself and of what he wants, to whoever answers: no secrets, so they go along to another
/// origin.
pub(crate) const PORTABLE: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::RANGE, header::USER_AGENT];

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
        Self {
            tag,
            method,
            url: url.into(),
            head: None,
            params: Params::new(),
            body: Body::default(),
            timeout: None,
            stream_to: None,
            label: None,
            error: None,
            is_pause: false,
        }
    }

    /// A GET request.
    pub fn get(tag: T, url: impl Into<String>) -> Self {
        Self::new(tag, Method::GET, url)
    }

    /// A POST request; give it a [`body`](Self::body).
    pub fn post(tag: T, url: impl Into<String>) -> Self {
        Self::new(tag, Method::POST, url)
    }

    /// A PUT request; give it a [`body`](Self::body).
    pub fn put(tag: T, url: impl Into<String>) -> Self {
        Self::new(tag, Method::PUT, url)
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

    /// No request at all: what an input gives that has nothing to send just now, and has not ended.
    ///
    /// A [`Run`](crate::Run) leaves the input alone then, hands out what is done, and asks again: at its next
    /// [`step`](crate::Run::step), or within a second where it is iterated over. The pause is counted as nothing, and its
    /// tag is dropped.
    ///
    /// ```
    /// use patata::{Request, Step};
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let mut run = client.run([Request::pause(0), Request::get(1, url)].into_iter());
    /// assert!(matches!(run.step(), Step::Wait));
    /// assert_eq!(run.receipt().submitted, 0);
    /// assert_eq!(run.next().unwrap().tag, 1);
    /// assert!(run.next().is_none());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn pause(tag: T) -> Self {
        let mut request = Self::get(tag, "");
        request.is_pause = true;
        request
    }

    /// Adds a header; the same name given twice is sent twice. One given here replaces the client's
    /// default of that name.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        match parse_header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.head.get_or_insert_default().headers.append(name, value);
            }
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Leaves out a default header of the client's, or one of patata's own (`Accept`, `User-Agent`).
    pub fn without_header(mut self, name: impl AsRef<str>) -> Self {
        match parse_name(name.as_ref()) {
            Ok(name) => self.head.get_or_insert_default().removed.push(name),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Adds a query parameter behind those of the URL; the same name given twice is sent twice. The client's
    /// default parameters of that name are not sent.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let request = patata::Request::get((), format!("{url}/echo?a=1")).param("q", "pot & ato").param("q", "2");
    /// let response = client.run([request]).next().unwrap().result.unwrap();
    /// assert_eq!(response.url, format!("{url}/echo?a=1&q=pot+%26+ato&q=2"));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Authorises with a user's name and password (`Basic`).
    pub fn basic_auth(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let value = auth::basic(user.as_ref().as_bytes(), password.as_ref().as_bytes());
        self.authorization(value, "basic_auth cannot be put into a header")
    }

    /// Authorises with a token (`Bearer`); one that names its scheme (`Token secret`) is sent as it is.
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Self {
        let value = auth::bearer(token.as_ref());
        self.authorization(value, "the token of bearer_auth cannot stand in a header")
    }

    fn authorization(mut self, value: Option<HeaderValue>, error: &'static str) -> Self {
        match value {
            Some(value) => {
                self.head.get_or_insert_default().headers.insert(header::AUTHORIZATION, value);
            }
            None => self.error = self.error.or_else(|| Some(Error::invalid(error))),
        }
        self
    }

    /// Authorises with what a function says: see [`Builder::auth`](crate::Builder::auth), which is for all
    /// requests.
    pub fn auth<F, E>(mut self, function: F) -> Self
    where
        F: Fn(&AuthRequest<'_>) -> Result<(HeaderName, HeaderValue), E> + Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.head.get_or_insert_default().authorize = Some(Authorize::new(function));
        self
    }

    /// What the request costs of a unit that there is a [budget](crate::Builder::budget) of, each time that it is sent: an
    /// estimate, which [`Builder::settle`](crate::Builder::settle) may set right. Default: what
    /// [`Builder::cost`](crate::Builder::cost) says, which is not asked where the request says something itself; or else
    /// one of `"requests"` and nothing of other units.
    ///
    /// A unit that there is no budget of, more than the budget ever holds, and what is no amount are this request's error,
    /// of kind [`InvalidRequest`](crate::ErrorKind::InvalidRequest), before it is sent.
    ///
    /// ```
    /// let client = patata::Client::builder().budget("tokens", "90000/min").build()?;
    /// let costs = [("token", 7.0), ("tokens", 1e6), ("tokens", -1.0)];
    /// let requests = costs.map(|(unit, amount)| patata::Request::get((), "http://host/").cost(unit, amount));
    /// let errors: Vec<_> = client.run(requests).map(|outcome| outcome.result.unwrap_err().to_string()).collect();
    /// assert!(errors.iter().any(|error| error.contains("no budget (there are: tokens)")));
    /// assert!(errors.iter().any(|error| error.contains("never holds more than 90000")));
    /// assert!(errors.iter().any(|error| error.contains("cost in tokens must be a number that is neither negative")));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn cost(mut self, unit: impl AsRef<str>, amount: f64) -> Self {
        let costs = self.head.get_or_insert_default().costs.get_or_insert_default();
        if let Err(message) = costs.set(Unit::new(unit.as_ref()), amount) {
            self.error = self.error.or_else(|| Some(Error::invalid(message)));
        }
        self
    }

    /// Tries again where a function says so of the response: see
    /// [`Builder::retry_if`](crate::Builder::retry_if), which is for all requests. What the function fails with is
    /// the request's error, of kind [`RetryIf`](crate::ErrorKind::RetryIf).
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().retries(3).backoff(std::time::Duration::ZERO).build()?;
    /// let request = patata::Request::get((), url).try_retry_if(|attempt| {
    ///     attempt.response.json::<serde_json::Value>().map(|body| body["message"] != "Hello world!")
    /// });
    /// assert_eq!(client.run([request]).next().unwrap().attempts, 1);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn try_retry_if<F, E>(mut self, function: F) -> Self
    where
        F: Fn(&Attempt<'_>) -> Result<bool, E> + Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.head.get_or_insert_default().retry_if = Some(RetryIf::new(function));
        self
    }

    /// Waits for what a function says before the first byte of the request is sent: once, however often it is sent
    /// again. For who must write down what is about to be done.
    ///
    /// The request is in flight meanwhile: its connection is there, limits have let it go, and its time-outs run. If
    /// the function fails, the request ends as [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), unsent.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// let request = patata::Request::post((), url).before_send(|| async { Err::<(), _>("the disk is full") });
    /// let error = client.run([request]).next().unwrap().result.unwrap_err();
    /// assert_eq!(error.to_string(), "The request was not sent: the disk is full");
    /// assert!(!error.request_sent());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn before_send<F, R, E>(mut self, function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.head.get_or_insert_default().before_send = Some(BeforeSend::new(function));
        self
    }

    /// What is sent: bytes, a text, JSON, a form, a file; see [`Body`]. Default: the client's, which is none.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The longest one attempt at this request may take, from the first byte of connecting to the last
    /// of the body, redirects included. Default: the client's `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Writes the body of the response to a file as it comes, where its status is 2xx; other bodies stay in
    /// memory. The file is there once it is complete, by a rename: a fault leaves nothing behind. Missing
    /// folders are made.
    ///
    /// `max_response_size` holds for files too. Each request of a run needs a file of its own: a second one for the
    /// same file ends as [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest), before it is sent.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("thousand.bin");
    /// let download = patata::Request::get((), format!("{url}/bytes/1000")).stream_to(&path);
    /// let response = client.run([download]).next().unwrap().result.unwrap();
    /// assert_eq!(std::fs::read(&path).unwrap().len(), 1000);
    /// assert_eq!(response.saved_to.as_deref(), Some(&*path));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn stream_to(mut self, path: impl Into<PathBuf>) -> Self {
        self.stream_to = Some(path.into());
        self
    }

    /// By what an error names this request beside another, where the two get into each other's way. Default: its place
    /// in the input, counted from 0.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let client = patata::Client::builder().build()?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("file");
    /// let requests = ["old", "new"]
    ///     .map(|name| patata::Request::get(name, url).label(name).stream_to(&path));
    /// let errors: Vec<_> = client.run(requests).filter_map(|outcome| outcome.result.err()).collect();
    /// assert!(errors[0].to_string().starts_with("stream_to: the response of request new would go to"));
    /// assert!(errors[0].to_string().ends_with("as that of request old does"));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into().into());
        self
    }
}

/// What a request says, for who wraps the input.
impl<T> Request<T> {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL with the request's own parameters, as it was given: credentials are in it.
    ///
    /// ```
    /// let request = patata::Request::get((), "http://host/a?b=1").param("c", "2 3");
    /// assert_eq!(request.url(), "http://host/a?b=1&c=2+3");
    /// let request = patata::Request::get((), "http://host/a#part").param("c", 2.to_string());
    /// assert_eq!(request.url(), "http://host/a?c=2#part");
    /// ```
    pub fn url(&self) -> Cow<'_, str> {
        if self.params.is_empty() {
            return Cow::Borrowed(&self.url);
        }
        let url = self.url.trim_ascii();
        let fragment = url.find('#').map_or("", |begin| &url[begin..]);
        Cow::Owned(params::append(url, &self.params) + fragment)
    }

    /// Its own headers, without the client's. `None` where it has none.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.head.as_ref().map(|head| &head.headers).filter(|headers| !headers.is_empty())
    }

    /// Its own body, without the client's. `None` where it has none.
    pub fn own_body(&self) -> Option<&Body> {
        Some(&self.body).filter(|body| !body.is_none())
    }

    /// Its [`label`](Self::label), where it was given one.
    pub fn own_label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Its own time-out for one attempt, where it has one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let request = patata::Request::get((), "http://host/").timeout(Duration::from_secs(7));
    /// assert_eq!(request.own_timeout(), Some(Duration::from_secs(7)));
    /// ```
    pub fn own_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The headers of the client's that it [leaves out](Self::without_header).
    ///
    /// ```
    /// let request = patata::Request::get((), "http://host/").without_header("Accept");
    /// assert!(request.removed_headers().eq(["accept"]));
    /// ```
    pub fn removed_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.head.iter().flat_map(|head| &head.removed)
    }

    /// What it says itself that it costs, by unit. `None` where it says nothing of it.
    ///
    /// ```
    /// let request = patata::Request::get((), "http://host/").cost("tokens", 1200.0);
    /// assert!(request.costs().unwrap().eq([("tokens", 1200.0)]));
    /// ```
    pub fn costs(&self) -> Option<impl Iterator<Item = (&str, f64)>> {
        let costs = self.head.as_ref()?.costs.as_ref()?;
        Some(costs.iter().map(|(unit, amount)| (unit.as_str(), amount)))
    }

    /// Whether it is a [pause](Self::pause), and no request.
    pub fn is_pause(&self) -> bool {
        self.is_pause
    }

    /// Whether it is known to be [unusable](Self::invalid), before it is planned.
    pub fn is_invalid(&self) -> bool {
        self.error.is_some()
    }

    /// Another tag in the place of this one, which is given back.
    ///
    /// ```
    /// let (request, tag) = patata::Request::get("an id", "http://host/").with_tag(7);
    /// assert_eq!((request.tag, tag), (7, "an id"));
    /// ```
    pub fn with_tag<U>(self, tag: U) -> (Request<U>, T) {
        let Self { tag: old, method, url, head, params, body, timeout, stream_to, label, error, is_pause } =
            self;
        (Request { tag, method, url, head, params, body, timeout, stream_to, label, error, is_pause }, old)
    }
}

impl<T> Request<T> {
    /// Takes over what the client's defaults say and the request itself does not.
    pub(crate) fn complete(&mut self, params: &Params, body: &Body) {
        if !params.is_empty() {
            self.params = params::merge(params, std::mem::take(&mut self.params));
        }
        if self.body.is_none() && !body.is_none() {
            self.body = body.clone();
        }
    }
}

/// A header that may be added to a request.
///
/// # Errors
/// Names the header; its value may be a secret.
pub(crate) fn parse_header(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Error> {
    let name = parse_name(name)?;
    match HeaderValue::from_bytes(value) {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Error::invalid(format!(
            "the value of header {name:?} holds a line break or a control character"
        ))),
    }
}

pub(crate) fn parse_name(name: &str) -> Result<HeaderName, Error> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::invalid(format!("header name {name:?} is not a valid token")))?;
    match is_framing(&parsed) {
        true => Err(Error::invalid(format!("header {parsed:?} follows from the body; leave it out"))),
        false => Ok(parsed),
    }
}

/// Whether a header says where a message ends: a wrong one would make the server read the rest of a request
/// as another.
fn is_framing(name: &HeaderName) -> bool {
    *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING
}

/// Whether a server could take a request for one to another host than the next server does (RFC 9112, 3.2).
pub(crate) fn names_several_hosts(headers: &HeaderMap) -> bool {
    headers.get_all(header::HOST).iter().nth(1).is_some()
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
