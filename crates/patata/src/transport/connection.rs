//! One exchange at a time, whatever version of HTTP carries it.

use std::task::{Context, Poll};
use std::time::Instant;

use http::{StatusCode, Version};

use crate::config::proxies::Proxy;
use crate::error::{Error, Kind, Phase};
use crate::response::headers::Headers;
use crate::transport::collect::{Expected, Stored};
use crate::transport::http1::Http1;
use crate::transport::http2::Http2;
use crate::transport::prepared::Prepared;

/// What stands before the body of a response.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
}

/// A response whose body is complete.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: ResponseHead,
    pub(crate) body: Stored,
}

/// Why an exchange gave no response.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    /// The connection had ended before the first byte of a response: a kept one was dead all along.
    pub(crate) before_answer: bool,
    /// How the server says that it has not looked at the request, where it does: it may be sent again.
    pub(crate) unprocessed: Option<Unprocessed>,
}

/// Why a server has not looked at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unprocessed {
    /// It is leaving this connection, and takes requests on another.
    Leaving,
    /// It has refused this one.
    Refused,
}

impl Fault {
    /// Whether it says nothing of the host: this machine had no file descriptor, or the server has not looked at it.
    pub(crate) fn is_of_nobody(&self) -> bool {
        self.error.is_shortage() || self.unprocessed.is_some()
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, before_answer: false, unprocessed: None }
    }
}

/// A place for one exchange after another: a connection of its own, or one of the streams of a shared one.
pub(crate) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// The proxy that takes the requests and sends them on, where there is one.
    pub(crate) fn forwarder(&self) -> Option<&Proxy> {
        match self {
            Self::Http1(connection) => connection.forwarder(),
            Self::Http2(_) => None,
        }
    }

    /// Whether an exchange has been completed on its connection before.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_reused(),
            Self::Http2(connection) => connection.is_reused(),
        }
    }

    /// Whether it can take another exchange.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_usable(),
            Self::Http2(connection) => connection.is_usable(),
        }
    }

    /// Sends a request and receives the whole response, by `deadline`.
    ///
    /// After an error the connection is of no further use.
    pub(crate) async fn exchange(
        &mut self,
        request: Prepared<'_>,
        deadline: Instant,
        expected: &Expected,
    ) -> Result<Received, Fault> {
        match self {
            Self::Http1(connection) => connection.exchange(request, deadline, expected).await,
            Self::Http2(connection) => connection.exchange(request, deadline, expected).await,
        }
    }

    /// Whether an idle connection is of no more use, as far as that can be known before anything is sent.
    pub(crate) async fn has_ended(&mut self) -> bool {
        match self {
            Self::Http1(connection) => connection.has_ended().await,
            // Its streams do not mix, and others may be at work.
            Self::Http2(_) => false,
        }
    }

    /// Keeps an idle connection alive until its server ends it, or until `retirement`.
    pub(crate) fn poll_over(&mut self, retirement: Instant, task: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(connection) => connection.poll_over(retirement, task),
            Self::Http2(connection) => connection.poll_over(retirement, task),
        }
    }
}

/// The most informational responses (1xx) before the real one; more are a flood.
pub(crate) const MAX_INFORMATIONAL: u32 = 100;

pub(crate) fn endless_informational() -> Error {
    Error::new(Kind::Protocol, Phase::Head, "The server sends informational responses (1xx) without end")
}

/// 101 is an answer to whoever asked for it, and nobody did.
pub(crate) fn unasked_switch() -> Error {
    let message = "The server switches to another protocol (101), which nobody asked for";
    Error::new(Kind::Protocol, Phase::Head, message)
}

/// The most headers that a response may have. One with more of them, or with more than 64 KiB, is an error of
/// the kind [`TooLarge`](crate::ErrorKind::TooLarge).
///
/// Servers and proxies have limits of the same size, and well-behaved responses stay far below.
pub const MAX_RESPONSE_HEADERS: usize = 256;

pub(crate) fn head_too_large() -> Error {
    let message = format!(
        "The response has more than {MAX_RESPONSE_HEADERS} headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"
    );
    Error::new(Kind::TooLarge, Phase::Head, message)
}

/// A proxy has said no. To whoever has no credentials, or wrong ones, it will say so again.
pub(crate) fn refused(status: StatusCode, proxy: &Proxy) -> Error {
    let error = |why: String| {
        Error::new(Kind::Proxy, Phase::Connect, format!("Cannot connect through the proxy {proxy}: {why}"))
    };
    match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED if proxy.authorization.is_some() => {
            error("it does not accept the credentials in its URL (407)".to_owned()).lasting()
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            error("it wants credentials, which belong in its URL (407)".to_owned()).lasting()
        }
        status => error(format!("it refuses the tunnel ({status})")),
    }
}

pub(crate) fn timed_out(phase: Phase) -> Error {
    let message = match phase {
        Phase::Body => "The attempt timed out while its response's body was coming",
        _ => "The attempt timed out while waiting for a response",
    };
    Error::new(Kind::Timeout, phase, message)
}

/// TLS failed once its handshake was over on this side: so servers that want a client's certificate say so
/// in TLS 1.3.
pub(crate) fn tls_failed() -> Error {
    Error::new(Kind::Tls, Phase::Head, "The server ended the TLS connection")
}
