//! Equal requests are sent once: the response to the first of them is kept for the others.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http::{HeaderMap, HeaderName, Method, header};
use patata::{
    CacheAnswer, CacheBasis, CacheRequest, CacheStatus, CacheVerdict, Came, Flight, ResponseCache, Times,
};
use tempfile::TempDir;

use crate::error::CacheError;
use crate::policy::freshness::Terms;
use crate::policy::vary::Selecting;
use crate::reading::cached_response;
use crate::store::{Content, Head, Key, Store, StoreOptions};
use crate::trouble::Trouble;

/// Headers in which requests that ask for the same may differ: they say who asks, and when, and not for what.
const OF_NO_MATTER: [HeaderName; 9] = [
    header::DATE,
    header::USER_AGENT,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("x-amzn-trace-id"),
];

/// Has equal requests sent once: each of the others gets the response to the first, whatever that is.
///
/// Requests are equal where method, URL, body and headers are, save those headers that say nothing of what is asked for
/// (`Date`, `User-Agent`, `Idempotency-Key`, ids of requests and traces). One whose body is made while it is sent is
/// equal to none. Responses are kept on disk, so memory stays flat. Where the first one fails without a response, those
/// that wait for it fail as it does, and those that come later are sent.
///
/// ```
/// use std::sync::Arc;
///
/// use patata::{Client, Request, ResponseCache};
/// use patata_cache::Distinct;
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let distinct: Arc<dyn ResponseCache> = Arc::new(Distinct::new(None)?);
/// let client = Client::builder().cache(distinct).build()?;
/// let requests = (0..100).map(|id| Request::new(id, "POST".parse().unwrap(), format!("{url}/?id={}", id % 10)));
/// let mut run = client.run(requests);
/// run.by_ref().for_each(drop);
/// assert_eq!((run.receipt().ok, run.receipt().shared), (100, 90));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Distinct {
    store: Store,
    /// The folder of the store, where it goes with this.
    _folder: Option<TempDir>,
    /// What is asked about the first of equal requests.
    inner: Option<Arc<dyn ResponseCache>>,
    trouble: Trouble,
}

impl Distinct {
    /// Keeps responses in a folder that goes with this. `inner` is asked about the first of equal requests.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(inner: Option<Arc<dyn ResponseCache>>) -> Result<Self, CacheError> {
        let folder = tempfile::Builder::new().prefix("patata-distinct-").tempdir();
        let folder = folder.map_err(CacheError::io("making a folder in", &std::env::temp_dir()))?;
        let store = open(folder.path())?;
        Ok(Self { store, _folder: Some(folder), inner, trouble: Trouble::default() })
    }

    /// The same in a folder that stays, so that what one process has sent is not sent by another.
    ///
    /// # Errors
    /// It holds something else, or cannot be used.
    pub fn open(folder: impl AsRef<Path>, inner: Option<Arc<dyn ResponseCache>>) -> Result<Self, CacheError> {
        Ok(Self { store: open(folder.as_ref())?, _folder: None, inner, trouble: Trouble::default() })
    }

    fn keep(&self, key: Key, request: CacheRequest<'_>, came: Came<'_>, times: Times) {
        let Came::Response { status, version, headers, body, saved_to } = came else { return };
        let head = Head {
            method: Method::GET,
            url: request.url.to_owned(),
            selecting: Selecting::default(),
            terms: Terms::of(status, headers, 0, 0),
            status,
            version,
            headers: headers.clone(),
        };
        let content = saved_to.map_or(Content::Bytes(body), Content::Saved);
        let at = times.came.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        self.trouble.note(self.store.store(key, u64::try_from(at).unwrap_or(u64::MAX), &head, &content));
    }
}

impl ResponseCache for Distinct {
    fn ask(&self, request: CacheRequest<'_>) -> CacheAnswer {
        let inner = || self.inner.as_ref().map_or(CacheAnswer::Pass, |inner| inner.ask(request));
        let Some(key) = key_of(request) else { return inner() };
        let found = self.store.find(key, |head| head.url == request.url);
        let shared = found.and_then(|found| {
            let headers = found.head.headers.clone();
            cached_response(&self.store, &found, request, headers, CacheStatus::Shared)
        });
        if let Some(response) = shared {
            return CacheAnswer::Hit(response);
        }
        let flight = Flight { key, shares_failure: true };
        match inner() {
            CacheAnswer::Send(_) | CacheAnswer::Pass => CacheAnswer::Send(flight),
            CacheAnswer::Validate { conditions, basis, .. } => {
                CacheAnswer::Validate { conditions, basis, flight: Some(flight) }
            }
            answer => answer,
        }
    }

    fn tell(
        &self,
        request: CacheRequest<'_>,
        basis: Option<CacheBasis>,
        came: Came<'_>,
        times: Times,
    ) -> CacheVerdict {
        let inner = self.inner.as_ref();
        let verdict = inner.map_or(CacheVerdict::AsCame, |inner| inner.tell(request, basis, came, times));
        let Some(key) = key_of(request) else { return verdict };
        match &verdict {
            CacheVerdict::AsCame => self.keep(key, request, came, times),
            CacheVerdict::Stored(response) => {
                let patata::CachedResponse { status, version, headers, body, file, .. } = response;
                let (status, version, saved_to) = (*status, *version, file.as_deref());
                self.keep(key, request, Came::Response { status, version, headers, body, saved_to }, times);
            }
            // The next of its equals has a file of its own.
            CacheVerdict::Unchanged | CacheVerdict::SendAgain => {}
        }
        verdict
    }

    fn take_trouble(&self) -> Option<String> {
        let inner = || self.inner.as_ref().and_then(|inner| inner.take_trouble());
        self.trouble.take().map(|error| error.to_string()).or_else(inner)
    }
}

/// A store from which nothing goes: what was sent must not be sent again.
fn open(folder: &Path) -> Result<Store, CacheError> {
    Store::open(folder, &StoreOptions { max_size: u64::MAX })
}

/// The same for equal requests; `None` for one of which it is not known what it says.
fn key_of(request: CacheRequest<'_>) -> Option<Key> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        // Each with its length, so that no two ways of putting them together are the same.
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    add(request.method.as_str().as_bytes());
    add(request.url.as_bytes());
    add(request.body?);
    for (name, value) in in_order(request.headers) {
        add(name.as_bytes());
        add(value);
    }
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    Some(Key::from_le_bytes(key))
}

/// The headers that matter, in the order of their names; those of one name as they come.
fn in_order(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let matters = headers.iter().filter(|(name, _)| !OF_NO_MATTER.contains(name));
    let mut headers: Vec<_> = matters.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.sort_by_key(|(name, _)| *name);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(method: &Method, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Key {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()));
        let headers = headers.collect();
        key_of(CacheRequest { method, url, headers: &headers, body: Some(body), saved_to: None }).unwrap()
    }

    #[test]
    fn requests_are_equal_that_ask_for_the_same_whatever_they_say_of_themselves() {
        let plain = key(&Method::GET, "http://a/", &[("accept", "x"), ("b", "1")], b"body");
        assert_eq!(plain, key(&Method::GET, "http://a/", &[("b", "1"), ("accept", "x")], b"body"));
        let traced = [("accept", "x"), ("traceparent", "00-1"), ("b", "1"), ("user-agent", "me")];
        assert_eq!(plain, key(&Method::GET, "http://a/", &traced, b"body"));
        for other in [
            key(&Method::POST, "http://a/", &[("accept", "x"), ("b", "1")], b"body"),
            key(&Method::GET, "http://a/b", &[("accept", "x"), ("b", "1")], b"body"),
            key(&Method::GET, "http://a/", &[("accept", "y"), ("b", "1")], b"body"),
            key(&Method::GET, "http://a/", &[("accept", "x")], b"body"),
            key(&Method::GET, "http://a/", &[("accept", "x"), ("b", "1")], b"bod"),
            key(&Method::GET, "http://a/", &[("accept", "x"), ("authorization", "k"), ("b", "1")], b"body"),
        ] {
            assert_ne!(plain, other);
        }
    }

    #[test]
    fn a_request_whose_body_is_not_known_is_equal_to_none() {
        let headers = HeaderMap::new();
        let method = Method::POST;
        let request =
            CacheRequest { method: &method, url: "http://a/", headers: &headers, body: None, saved_to: None };
        assert_eq!(key_of(request), None);
        let distinct = Distinct::new(None).unwrap();
        assert!(matches!(distinct.ask(request), CacheAnswer::Pass));
    }
}
