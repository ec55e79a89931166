//! What a row is answered with: by its outcome, or by what an earlier process has written down of it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use patata::{Outcome, Response};

/// What an earlier process has written down of a row's request, which is not sent again: see
/// [`Results::push_earlier`](crate::Results::push_earlier).
///
/// A row without an error is a response; one with an error has none, whatever else is said of it. For a request that was
/// sent and of which nobody knows what became, let the error be of a kind of its own, such as `unknown`.
///
/// ```
/// use patata_arrow::Earlier;
///
/// let done = Earlier { status: Some(200), body: "{}".into(), attempts: 1, ..Earlier::default() };
/// let error = ("unknown".to_owned(), "the request was sent, and has no outcome".to_owned());
/// let unknown = Earlier { error: Some(error), ..Earlier::default() };
/// assert!(done.error.is_none() && unknown.status.is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The status code.
    pub status: Option<u16>,
    /// The body as it was received, content-encodings undone.
    pub body: Bytes,
    /// The kind of the error, and its message.
    pub error: Option<(String, String)>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// From the start of the first attempt to the end of the last.
    pub elapsed: Duration,
    /// The URL that answered; empty where that is not known.
    pub url: String,
    /// The headers; the charset of the body is that of `content-type` among these, in any case.
    pub headers: Vec<(String, String)>,
    /// The file that has the body instead, where it was [saved](patata::Request::stream_to).
    pub path: Option<PathBuf>,
}

/// What a row is answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    Fresh {
        attempts: u32,
        elapsed: Duration,
        result: Result<Response, Failure>,
    },
    /// What has been written down, without its error, which stands beside it.
    Earlier {
        earlier: Box<Earlier>,
        failure: Option<Failure>,
    },
    /// That of an equal request.
    Shared(Arc<Answer>),
}

/// What went wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) kind: Cow<'static, str>,
}

/// The body of a response, and what the server says that it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceivedBody<'a> {
    pub(crate) bytes: &'a Bytes,
    pub(crate) content_type: Option<&'a [u8]>,
}

impl<'a> ReceivedBody<'a> {
    pub(crate) fn text(self) -> Cow<'a, str> {
        patata::decode_text(self.content_type, self.bytes)
    }

    /// In UTF-8.
    pub(crate) fn json(self) -> Cow<'a, [u8]> {
        patata::decode_json(self.content_type, self.bytes)
    }
}

impl Answer {
    /// What an outcome says, and the tag of its request.
    pub(crate) fn of<T>(outcome: Outcome<T>) -> (T, Self) {
        let Outcome { tag, attempts, elapsed, result, .. } = outcome;
        let result =
            result.map_err(|error| Failure { message: error.to_string(), kind: error.kind().name().into() });
        (tag, Self::Fresh { attempts, elapsed, result })
    }

    /// What an earlier process has written down.
    pub(crate) fn earlier(mut earlier: Earlier) -> Self {
        let failure = earlier.error.take().map(|(kind, message)| Failure { message, kind: kind.into() });
        Self::Earlier { earlier: Box::new(earlier), failure }
    }

    pub(crate) fn attempts(&self) -> u32 {
        match self {
            Self::Fresh { attempts, .. } => *attempts,
            Self::Earlier { earlier, .. } => earlier.attempts,
            Self::Shared(answer) => answer.attempts(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match self {
            Self::Fresh { elapsed, .. } => *elapsed,
            Self::Earlier { earlier, .. } => earlier.elapsed,
            Self::Shared(answer) => answer.elapsed(),
        }
    }

    /// Of a response: whatever has failed has none.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Fresh { result, .. } => result.as_ref().ok().map(|response| response.status.as_u16()),
            Self::Earlier { earlier, failure } => earlier.status.filter(|_| failure.is_none()),
            Self::Shared(answer) => answer.status(),
        }
    }

    /// The body of a response, unless that is in a [file](Self::path).
    pub(crate) fn body(&self) -> Option<ReceivedBody<'_>> {
        match self {
            _ if self.path().is_some() => None,
            Self::Fresh { result, .. } => result.as_ref().ok().map(|response| ReceivedBody {
                bytes: &response.body,
                content_type: response.headers.get("content-type"),
            }),
            Self::Earlier { earlier, failure } => failure.is_none().then(|| ReceivedBody {
                bytes: &earlier.body,
                content_type: earlier.header("content-type").map(str::as_bytes),
            }),
            Self::Shared(answer) => answer.body(),
        }
    }

    /// The file that has the body instead.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Fresh { result, .. } => {
                result.as_ref().ok().and_then(|response| response.saved_to.as_deref())
            }
            Self::Earlier { earlier, .. } => earlier.path.as_deref(),
            Self::Shared(answer) => answer.path(),
        }
    }

    /// Why there is no response, where that is known.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Fresh { result, .. } => result.as_ref().err(),
            Self::Earlier { failure, .. } => failure.as_ref(),
            Self::Shared(answer) => answer.failure(),
        }
    }

    /// Appends the URL that answered. Whether there is one.
    pub(crate) fn write_url(&self, buffer: &mut Vec<u8>) -> bool {
        match self {
            Self::Fresh { result: Ok(response), .. } => {
                response.url.write_to(buffer);
                true
            }
            Self::Fresh { .. } => false,
            Self::Earlier { earlier, failure } => {
                buffer.extend_from_slice(earlier.url.as_bytes());
                failure.is_none() && !earlier.url.is_empty()
            }
            Self::Shared(answer) => answer.write_url(buffer),
        }
    }

    /// Each header of a response, in their order. Whether there is a response.
    pub(crate) fn each_header(&self, mut found: impl FnMut(&str, &[u8])) -> bool {
        let answer = match self {
            Self::Shared(answer) => answer,
            answer => answer,
        };
        match answer {
            Self::Fresh { result: Ok(response), .. } => {
                response.headers.iter().for_each(|(name, value)| found(name, value));
                true
            }
            Self::Earlier { earlier, failure: None } => {
                earlier.headers.iter().for_each(|(name, value)| found(name, value.as_bytes()));
                true
            }
            _ => false,
        }
    }
}

impl Earlier {
    /// The first value of a header, whatever the case of its name.
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}
