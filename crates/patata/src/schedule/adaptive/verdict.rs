//! What the end of an attempt says about how much its server can take.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, Kind};

/// How an attempt went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    /// From sending to the end of the answer, less the client's own delay.
    pub(crate) latency: Duration,
    /// How long the server asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Report {
    /// Of one that says nothing.
    pub(crate) fn nothing() -> Self {
        Self { verdict: Verdict::Neutral, latency: Duration::ZERO, retry_after: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server has done what was asked.
    Success,
    /// It could not, or would not, take more.
    Rejected,
    /// It closed the connection, or took none, and said nothing: whether that is for its load is to be found out.
    Closed,
    /// Neither.
    Neutral,
}

impl Verdict {
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            429 | 503 => Self::Rejected,
            // Not the server's load, but the request's or the server's fault; too quick or too slow to tell.
            408 | 425 | 500.. => Self::Neutral,
            _ => Self::Success,
        }
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        match error.kind() {
            _ if error.is_shortage() => Self::Neutral,
            Kind::Timeout => Self::Rejected,
            Kind::Connect | Kind::Protocol | Kind::Body => Self::Closed,
            _ => Self::Neutral,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Phase;

    #[test]
    fn overload_is_told_from_other_failures() {
        for (code, verdict) in [
            (200, Verdict::Success),
            (302, Verdict::Success),
            (404, Verdict::Success),
            (408, Verdict::Neutral),
            (429, Verdict::Rejected),
            (500, Verdict::Neutral),
            (503, Verdict::Rejected),
        ] {
            assert_eq!(Verdict::of_status(StatusCode::from_u16(code).unwrap()), verdict, "{code}");
        }
        let of = |kind| Verdict::of_error(&Error::new(kind, Phase::Connect, ""));
        assert_eq!((of(Kind::Connect), of(Kind::Timeout)), (Verdict::Closed, Verdict::Rejected));
        assert_eq!((of(Kind::Resolve), of(Kind::Tls)), (Verdict::Neutral, Verdict::Neutral));
    }
}
