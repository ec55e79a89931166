//! A cache of responses, as the engine asks it: before a request is sent, and when it has been answered.

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::response::cache_status::CacheStatus;
use crate::response::headers::Headers;

/// What answers requests before they are sent, where it has what they ask for, and learns from what is sent.
///
/// It is asked on the thread of the call, which waits for it. The crate `patata-cache` has one that keeps responses on disk, as
/// RFC 9111 says.
pub trait ResponseCache: fmt::Debug + Send + Sync {
    /// What becomes of a request.
    fn ask(&self, request: CacheRequest<'_>) -> CacheAnswer;

    /// Takes in what came of a request that was sent, with what [`ask`](Self::ask) has given it along, and says what the user
    /// gets.
    fn tell(
        &self,
        request: CacheRequest<'_>,
        basis: Option<CacheBasis>,
        came: Came<'_>,
        times: Times,
    ) -> CacheVerdict;

    /// Why something that came was not kept, since this was asked before: a disk that is full, above all.
    fn take_trouble(&self) -> Option<String> {
        None
    }
}

/// A request, as it is sent: with all of its headers.
#[derive(Debug, Clone, Copy)]
pub struct CacheRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its URL, normalised, without fragment and credentials.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, where that is at hand: `None` for one that is made while it is sent.
    pub body: Option<&'a [u8]>,
    /// The file that the body of its response is to go to.
    pub saved_to: Option<&'a Path>,
}

/// When a request was sent, and when it was answered.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When it was sent.
    pub sent: SystemTime,
    /// When its answer was there.
    pub came: SystemTime,
}

/// A response as a cache has it.
#[derive(Debug, Clone)]
pub struct CachedResponse {
    /// The status code.
    pub status: StatusCode,
    /// The version of HTTP that the server answered with.
    pub version: Version,
    /// The headers.
    pub headers: Headers,
    /// The body, content-encodings undone.
    pub body: Bytes,
    /// A file that has the body instead, where it is to go to a file: it gets a second name, or is copied.
    pub file: Option<PathBuf>,
    /// How it came out of the cache.
    pub cached: CacheStatus,
}

/// By what requests know each other that may wait for what comes of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// The same for all of them.
    pub key: u128,
    /// Whether they end as that one where it fails, instead of being sent themselves.
    pub shares_failure: bool,
}

/// What a cache gives along with a request that it has the server asked about.
pub type CacheBasis = Box<dyn Any + Send + Sync>;

/// What becomes of a request.
#[derive(Debug)]
pub enum CacheAnswer {
    /// It is answered already.
    Hit(CachedResponse),
    /// It is to be sent with these conditions, so that the server says whether what is stored is still good.
    Validate {
        /// The headers that state the conditions.
        conditions: Vec<(HeaderName, HeaderValue)>,
        /// What is stored.
        basis: CacheBasis,
        /// Which others may wait for what comes of it.
        flight: Option<Flight>,
    },
    /// It is to be sent as it is. Those of the same flight may wait for what comes of it.
    Send(Flight),
    /// It is to be sent as it is, and is of no use to others.
    Pass,
    /// It must not be sent, as only what is stored is wanted, and it is not.
    Missing,
}

/// What came of a request that was sent.
#[derive(Debug, Clone, Copy)]
pub enum Came<'a> {
    /// A response, received whole.
    Response {
        /// Its status code.
        status: StatusCode,
        /// Its version of HTTP.
        version: Version,
        /// Its headers.
        headers: &'a Headers,
        /// Its body.
        body: &'a Bytes,
        /// The file that has the body instead.
        saved_to: Option<&'a Path>,
    },
    /// No response, or one that broke off.
    Failed,
}

/// What the user gets of a request that was sent.
#[derive(Debug)]
pub enum CacheVerdict {
    /// What came.
    AsCame,
    /// What is stored, as the server says that it is still good, or has failed where that may be passed over.
    Stored(CachedResponse),
    /// What it was to save is in its file already, as the server says: that is left as it is.
    Unchanged,
    /// It is to be sent once more, without conditions: the answer was to another question.
    SendAgain,
}
