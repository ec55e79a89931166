//! What went wrong with one request: its kind, the phase it happened in, and whether bytes had been sent.

pub(crate) mod certificate;
mod help;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

use crate::error::certificate::CertificateFault;

type Source = Box<dyn StdError + Send + Sync>;

/// What sort of fault ended a request.
///
/// Made where the fault happens, never guessed from a message's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The request itself is unusable: a bad URL, method, header or body. Found before any I/O.
    InvalidRequest,
    /// The host's name could not be resolved to an address.
    Resolve,
    /// No connection came about: refused, unreachable, reset while connecting.
    Connect,
    /// The request was not sent, as its host has not answered for long: see
    /// [`host_timeout`](crate::Builder::host_timeout).
    HostUnavailable,
    /// The TLS handshake failed, an untrusted certificate included.
    Tls,
    /// The proxy could not be reached, or opened no way to the server.
    Proxy,
    /// A time-out passed; [`Error::phase`] says in which phase.
    Timeout,
    /// The server broke HTTP, or closed the connection without an answer.
    Protocol,
    /// A redirect could not be followed: too many, or a target that is no HTTP URL.
    Redirect,
    /// The response's body broke off or its framing was wrong.
    Body,
    /// The response's body could not be decoded as its `Content-Encoding` says.
    Decode,
    /// The response is larger than the limits allow.
    TooLarge,
    /// This process has no memory left for the response's body.
    OutOfMemory,
    /// The response's body could not be written to its file.
    Save,
    /// The user's [`retry_if`](crate::Builder::retry_if) failed on the response.
    RetryIf,
    /// The request was not sent, as the budget that it shares with others was lost: see
    /// [`Allotment::fail`](crate::Allotment::fail).
    Budget,
    /// The request was not sent, as only what a [cache](crate::Builder::cache) has stored is wanted, and it has nothing for it.
    NotCached,
    /// The request was not sent, as the `robots.txt` of its host forbids it, or cannot be read: see
    /// [`robots`](crate::Builder::robots).
    Robots,
    /// The run ended before the request was done.
    Cancelled,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::InvalidRequest,
        Self::Resolve,
        Self::Connect,
        Self::HostUnavailable,
        Self::Tls,
        Self::Proxy,
        Self::Timeout,
        Self::Protocol,
        Self::Redirect,
        Self::Body,
        Self::Decode,
        Self::TooLarge,
        Self::OutOfMemory,
        Self::Save,
        Self::RetryIf,
        Self::Budget,
        Self::NotCached,
        Self::Robots,
        Self::Cancelled,
    ];

    /// The one of this [`name`](Self::name), in any case; blanks, hyphens and underscores are the same.
    ///
    /// ```
    /// assert_eq!(patata::ErrorKind::from_name("Too-Large"), Some(patata::ErrorKind::TooLarge));
    /// assert!(patata::ErrorKind::ALL.iter().all(|kind| patata::ErrorKind::from_name(kind.name()) == Some(*kind)));
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = |name: &str| name.to_lowercase().replace(['-', '_'], " ");
        let wanted = plain(name);
        Self::ALL.into_iter().find(|kind| plain(kind.name()) == wanted)
    }

    /// Its name in lower case, as `"connect"`, `"too large"`.
    ///
    /// ```
    /// assert_eq!(patata::ErrorKind::InvalidRequest.name(), "invalid request");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid request",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::HostUnavailable => "host unavailable",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
            Self::Body => "body",
            Self::Decode => "decode",
            Self::TooLarge => "too large",
            Self::OutOfMemory => "out of memory",
            Self::Save => "save",
            Self::RetryIf => "retry_if",
            Self::Budget => "budget",
            Self::NotCached => "not cached",
            Self::Robots => "robots",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Checking the request, before any I/O.
    Plan,
    /// Waiting in the schedule, for its first attempt or the next.
    Schedule,
    /// Looking up the host, opening the connection, shaking hands.
    Connect,
    /// Sending the request and waiting for the response's head.
    Head,
    /// Receiving the response's body.
    Body,
    /// Decoding the body, or following a redirect, once all was received.
    Answer,
}

/// Why a request has no response.
///
/// Its `Display` is the whole story in one line, causes included. The URL in it carries no
/// credentials.
///
/// ```
/// let client = patata::Client::builder().build()?;
/// let outcome = client.run([patata::Request::get(1, "http://127.0.0.1:1/")]).next().unwrap();
/// let error = outcome.result.unwrap_err();
/// assert_eq!(error.kind(), patata::ErrorKind::Connect);
/// assert!(error.to_string().starts_with("Cannot connect to 127.0.0.1:1"));
/// # Ok::<(), patata::ConfigError>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    phase: Phase,
    request_sent: bool,
    is_lasting: bool,
    is_shortage: bool,
    ends_run: bool,
    certificate_fault: Option<CertificateFault>,
    /// Empty until it is known.
    url: Box<str>,
    message: Cow<'static, str>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: Kind, phase: Phase, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            request_sent: matches!(phase, Phase::Head | Phase::Body | Phase::Answer),
            is_lasting: false,
            is_shortage: false,
            ends_run: false,
            certificate_fault: None,
            url: Box::default(),
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidRequest, Phase::Plan, message)
    }

    /// A request has no outcome, as its run has ended before it, for this reason where there is one.
    pub(crate) fn not_begun(reason: Option<impl fmt::Display>) -> Self {
        let message = reason.map_or("The run has ended".to_owned(), |reason| reason.to_string());
        Self::new(Kind::Cancelled, Phase::Schedule, message)
    }

    /// The time of a request was over before it could be sent.
    pub(crate) fn too_late() -> Self {
        Self::new(Kind::Timeout, Phase::Schedule, "The request waited too long to be sent")
    }

    /// There is no memory for a body.
    pub(crate) fn out_of_memory(phase: Phase, cause: io::Error) -> Self {
        Self::new(Kind::OutOfMemory, phase, "This process has no memory left for the response's body")
            .with_source(cause)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        let source = source.into();
        self.0.is_shortage |= source.downcast_ref::<io::Error>().is_some_and(is_shortage);
        self.0.source = Some(source);
        self
    }

    /// Whether this machine has no file descriptor left, which says nothing of the server.
    pub(crate) fn is_shortage(&self) -> bool {
        self.0.is_shortage
    }

    /// States that the server's certificate is why.
    pub(crate) fn with_certificate_fault(mut self, fault: Option<CertificateFault>) -> Self {
        self.0.certificate_fault = fault;
        self
    }

    /// States which of several limits it was that passed.
    pub(crate) fn with_limit(mut self, limit: &str) -> Self {
        self.0.message = format!("{} ({limit})", self.0.message).into();
        self
    }

    /// States that it is the run's deadline that passed.
    pub(crate) fn at_deadline(self) -> Self {
        let mut error = self.with_limit("the run's deadline");
        error.0.ends_run = true;
        error
    }

    /// States what was asked for, without credentials.
    pub(crate) fn at(mut self, url: impl fmt::Display) -> Self {
        self.0.url = url.to_string().into();
        self
    }

    /// States that not one byte of the request left this machine.
    pub(crate) fn unsent(mut self) -> Self {
        self.0.request_sent = false;
        self
    }

    /// States that an earlier attempt has left this machine, whatever became of this one.
    pub(crate) fn sent(mut self) -> Self {
        self.0.request_sent = true;
        self
    }

    /// A request was not sent, as its host is not there.
    pub(crate) fn unavailable(host: &impl fmt::Display, cause: &str) -> Self {
        let message =
            format!("Cannot connect to {host}: it does not answer, as the requests before have found");
        Self::new(Kind::HostUnavailable, Phase::Schedule, message)
            .with_source(Unavailable { host: host.to_string().into(), cause: cause.into() })
    }

    /// A request is not sent, as the budget that it shares with others was lost.
    pub(crate) fn without_budget(cause: &str) -> Self {
        Self::new(Kind::Budget, Phase::Schedule, format!("The shared budget was lost: {cause}"))
    }

    /// The host that is not there, where that is why there is no response.
    pub fn unavailable_host(&self) -> Option<&str> {
        let unavailable = self.0.source.as_ref()?.downcast_ref::<Unavailable>();
        unavailable.map(|unavailable| &*unavailable.host)
    }

    /// The same for another request that met it. The causes are in its text.
    pub(crate) fn repeated(&self) -> Self {
        let Inner { kind, phase, request_sent, is_lasting, is_shortage, ends_run, certificate_fault, .. } =
            *self.0;
        let message = self.to_string().into();
        let url = Box::default();
        let source = None;
        Self(Box::new(Inner {
            kind,
            phase,
            request_sent,
            is_lasting,
            is_shortage,
            ends_run,
            certificate_fault,
            url,
            message,
            source,
        }))
    }

    /// States that another attempt would end the same, where others of its kind may not.
    pub(crate) fn lasting(mut self) -> Self {
        self.0.is_lasting = true;
        self
    }

    /// Whether another attempt is known to end the same.
    pub(crate) fn is_lasting(&self) -> bool {
        self.0.is_lasting
    }

    /// Whether it says that the host is not there: it could not be reached, or did not answer in time.
    pub(crate) fn is_of_host(&self) -> bool {
        match self.0.kind {
            Kind::Connect | Kind::Timeout => self.0.phase != Phase::Schedule,
            Kind::Proxy => self.0.phase == Phase::Connect && !self.0.is_lasting,
            _ => false,
        }
    }

    /// What sort of fault this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// How far the request had come when it happened.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What was asked for, without credentials: the hop that failed, where redirects were followed. It may be
    /// no URL at all where that is what is wrong.
    ///
    /// ```
    /// let client = patata::Client::builder().build()?;
    /// let outcome = client.run([patata::Request::get(1, "http://me:secret@127.0.0.1:1/a")]).next().unwrap();
    /// assert_eq!(outcome.result.unwrap_err().url(), "http://127.0.0.1:1/a");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What is wrong with the server's certificate, where that is why there is no response.
    pub fn certificate_fault(&self) -> Option<CertificateFault> {
        self.0.certificate_fault
    }

    /// Whether it is the run's [`deadline`](crate::Builder::deadline) that ended the request.
    pub fn is_run_deadline(&self) -> bool {
        self.0.ends_run
    }

    /// Whether any byte of the request may have reached the server.
    ///
    /// `false` is a promise: sending such a request again can repeat nothing.
    pub fn request_sent(&self) -> bool {
        self.0.request_sent
    }
}

/// A host that is not there, and how the last request to it failed.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct Unavailable {
    host: Box<str>,
    cause: Box<str>,
}

/// Whether the process or the machine has as many files open as it may.
pub(crate) fn is_shortage(cause: &io::Error) -> bool {
    #[cfg(unix)]
    const CODES: [i32; 2] = [libc::EMFILE, libc::ENFILE];
    #[cfg(not(unix))]
    // WSAEMFILE.
    const CODES: [i32; 1] = [10024];
    cause.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)?;
        let mut last = self.0.message.to_string();
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            let text = cause.to_string();
            // Libraries often repeat their cause in their own text.
            if !last.ends_with(&text) {
                write!(formatter, ": {text}")?;
            }
            last = text;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// The same in parts, with what [`kind`](Self::kind) and the others say.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Error");
        shown.field("kind", &self.kind()).field("phase", &self.phase());
        if let Some(fault) = self.certificate_fault() {
            shown.field("certificate_fault", &fault);
        }
        shown
            .field("url", &self.url())
            .field("message", &self.to_string())
            .field("request_sent", &self.request_sent())
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// An option whose value cannot be used, named with the value and what is allowed.
///
/// ```
/// let error = patata::Client::builder().retries(0).build().unwrap_err();
/// assert_eq!(error.to_string(), "retries must be at least 1 (the total number of attempts), got 0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} must be {allowed}, got {value}")]
pub struct ConfigError {
    /// The option's name, as users write it.
    pub option: &'static str,
    /// What would have been accepted.
    pub allowed: &'static str,
    /// What was given.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_holds_every_cause_once() {
        let cause = std::io::Error::other("Connection refused");
        let error = Error::new(Kind::Connect, Phase::Connect, "Cannot connect to a:1").with_source(cause);
        assert_eq!(error.to_string(), "Cannot connect to a:1: Connection refused");
    }

    #[test]
    fn a_person_reads_it_in_parts_too() {
        let cause = std::io::Error::other("Connection refused");
        let error = Error::new(Kind::Connect, Phase::Connect, "Cannot connect to a:1").with_source(cause);
        assert_eq!(
            format!("{:?}", error.at("http://a:1/")),
            "Error { kind: Connect, phase: Connect, url: \"http://a:1/\", \
             message: \"Cannot connect to a:1: Connection refused\", request_sent: false }"
        );
    }

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn a_fault_before_the_head_promises_that_nothing_was_sent() {
        assert!(!Error::new(Kind::Connect, Phase::Connect, "").request_sent());
        assert!(Error::new(Kind::Protocol, Phase::Head, "").request_sent());
        assert!(!Error::new(Kind::Protocol, Phase::Head, "").unsent().request_sent());
    }
}
