//! An exchange with a server, as an observer sees it.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use http::{Method, StatusCode, Version};

use crate::address::target::Target;
use crate::clock;
use crate::error::Error;
use crate::telemetry::url as shown_url;

/// The ids of one exchange in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeSpan {
    /// That of the trace.
    pub trace_id: u128,
    /// That of the span which the exchange belongs to: of the [`TraceParent`](crate::TraceParent).
    pub parent_id: u64,
    /// Its own.
    pub span_id: u64,
}

/// What is known of an exchange before anything is sent.
#[derive(Clone, Copy)]
pub struct ExchangeStart<'e> {
    pub(crate) event_loop: usize,
    pub(crate) method: &'e Method,
    pub(crate) target: &'e Target,
    pub(crate) resend_count: u32,
    pub(crate) began: Instant,
    /// The ids of the trace and of the span that it belongs to.
    pub(crate) parent: Option<(u128, u64)>,
}

impl fmt::Debug for ExchangeStart<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeStart")
            .field("method", &self.method)
            .field("url", &self.url())
            .field("resend_count", &self.resend_count)
            .finish_non_exhaustive()
    }
}

impl<'e> ExchangeStart<'e> {
    /// Which of the client's event loops it is on, counted from 0: no two of them tell at once on the same.
    pub fn event_loop(&self) -> usize {
        self.event_loop
    }

    /// The method that is sent.
    pub fn method(&self) -> &'e Method {
        self.method
    }

    /// `"http"` or `"https"`.
    pub fn scheme(&self) -> &'static str {
        if self.target.origin.tls { "https" } else { "http" }
    }

    /// The host that the URL names, or the path of the unix socket.
    pub fn server_address(&self) -> Cow<'e, str> {
        match (&self.target.origin.socket, &self.target.origin.host) {
            (Some(path), _) => path.to_string_lossy(),
            (None, url::Host::Domain(name)) => Cow::Borrowed(name),
            (None, url::Host::Ipv4(address)) => Cow::Owned(address.to_string()),
            (None, url::Host::Ipv6(address)) => Cow::Owned(address.to_string()),
        }
    }

    /// The port; `None` for a unix socket.
    pub fn server_port(&self) -> Option<u16> {
        let origin = &self.target.origin;
        origin.socket.is_none().then_some(origin.port)
    }

    /// A number that is the same for all exchanges of a client with the same server, and with no other.
    pub fn server_key(&self) -> u64 {
        self.target.origin.key()
    }

    /// The URL of this hop without credentials, in whose query the values of parameters that authorise (`sig`, `token`, …) are
    /// replaced by `REDACTED`.
    pub fn url(&self) -> String {
        shown_url::shown(self.target.to_string())
    }

    /// How often its request had been sent before, for whatever reason: 0 for the first time.
    pub fn resend_count(&self) -> u32 {
        self.resend_count
    }

    /// The ids of the trace and of the span that it belongs to, where there is a [`TraceParent`](crate::TraceParent).
    pub fn parent(&self) -> Option<(u128, u64)> {
        self.parent
    }

    /// When it began.
    pub fn began(&self) -> SystemTime {
        let now = clock::date();
        now.checked_sub(clock::now().saturating_duration_since(self.began)).unwrap_or(now)
    }
}

/// An exchange that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'e> {
    /// What was known of it before.
    pub start: ExchangeStart<'e>,
    /// What was answered, or why nothing was.
    pub result: Result<(StatusCode, Version), &'e Error>,
    /// How long it took, with the connection where one was opened for it.
    pub duration: Duration,
    /// Its place in a trace, where it is to be recorded as a span.
    pub span: Option<ExchangeSpan>,
}

impl Exchange<'_> {
    /// What went wrong, in few different words: the status from 400 on, else the kind of the error in lower case, as
    /// `"timeout"` or `"too_large"`. `None` where all is well.
    pub fn error_type(&self) -> Option<Cow<'static, str>> {
        match self.result {
            Ok((status, _)) => (status.as_u16() >= 400).then(|| Cow::Owned(status.as_str().to_owned())),
            Err(error) => Some(error.kind().name().replace(' ', "_").into()),
        }
    }

    /// The version of HTTP that was spoken, as `"1.1"` or `"2"`; `None` where nothing was answered.
    pub fn protocol_version(&self) -> Option<&'static str> {
        match self.result.ok()?.1 {
            Version::HTTP_09 => Some("0.9"),
            Version::HTTP_10 => Some("1.0"),
            Version::HTTP_2 => Some("2"),
            Version::HTTP_3 => Some("3"),
            _ => Some("1.1"),
        }
    }
}
