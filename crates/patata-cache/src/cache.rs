//! The cache: what it says to a request before it is sent, and what it makes of what came of it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, StatusCode};
use patata::{
    CacheAnswer, CacheBasis, CacheRequest, CacheStatus, CacheVerdict, CachedResponse, Came, Flight, Headers,
    Times,
};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::error::CacheError;
use crate::policy::cache_control::RequestDirectives;
use crate::policy::dates::seconds_of;
use crate::policy::freshness::Terms;
use crate::policy::invalidation::invalidated;
use crate::policy::mode::CacheMode;
use crate::policy::reuse::{Fitness, fitness, has_own_conditions, may_stand_in};
use crate::policy::storing::{may_store, request_directives, stored_headers};
use crate::policy::validation::{aged, ageless, conditions, differs, freshened, is_about};
use crate::policy::vary::Selecting;
use crate::reading::cached_response;
use crate::store::{Content, Found, FoundBody, Head, Key, Record, RecordBody, Store, StoreOptions};
use crate::trouble::Trouble;

/// The stored response that a server is asked about.
#[derive(Debug)]
struct Basis {
    key: Key,
    found: Found,
}

/// What is stored for a request.
enum Stored {
    /// It answers the request.
    Usable(CachedResponse),
    /// It does, and its body is in a file.
    InFile(Key, Found),
    /// The server is to say whether it is still good.
    Stale(Key, Found),
}

/// What was made of a record.
enum Looked {
    Usable(CachedResponse),
    Other(Fitness, Head, FoundBody),
}

/// A private HTTP cache in a folder, which any number of processes may use at once.
///
/// ```
/// use std::time::SystemTime;
///
/// use bytes::Bytes;
/// use http::{HeaderMap, Method, StatusCode, Version};
/// use patata::{CacheAnswer, CacheRequest, CacheVerdict, Came, Times};
/// use patata_cache::{Cache, CacheMode, StoreOptions};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let cache = Cache::open(folder.path(), &StoreOptions::default())?;
/// let (mode, now, none) = (CacheMode::Standard, SystemTime::now(), HeaderMap::new());
/// let asked = CacheRequest { method: &Method::GET, url: "http://localhost/", headers: &none, body: None, saved_to: None };
/// assert!(matches!(cache.ask(mode, asked, now), CacheAnswer::Send(_)));
/// let came = Came::Response {
///     status: StatusCode::OK,
///     version: Version::HTTP_11,
///     headers: &[("cache-control", "max-age=60")].into_iter().collect(),
///     body: &Bytes::from("potato"),
///     saved_to: None,
/// };
/// let times = Times { sent: now, came: now };
/// assert!(matches!(cache.tell(mode, asked, None, came, times), CacheVerdict::AsCame));
/// let CacheAnswer::Hit(response) = cache.ask(mode, asked, now) else { panic!("it is fresh") };
/// assert_eq!(response.body, "potato");
/// # Ok::<(), patata_cache::CacheError>(())
/// ```
#[derive(Debug)]
pub struct Cache {
    store: Store,
    trouble: Trouble,
}

impl Cache {
    /// Opens the cache in a folder, which is made where there is none.
    ///
    /// # Errors
    /// The folder holds something else, or a cache of another format, or cannot be used.
    pub fn open(folder: impl AsRef<Path>, options: &StoreOptions) -> Result<Self, CacheError> {
        Ok(Self { store: Store::open(folder.as_ref(), options)?, trouble: Trouble::default() })
    }

    /// Where the user's cache is, for who names no other folder: `patata/http` in the place where the system keeps caches.
    ///
    /// # Errors
    /// The user has no home.
    pub fn user_folder() -> Result<PathBuf, CacheError> {
        let strategy = etcetera::choose_base_strategy().map_err(|_| CacheError::NoHome)?;
        Ok(etcetera::BaseStrategy::cache_dir(&strategy).join("patata").join("http"))
    }

    /// Why something that came was not stored, since this was asked before: a disk that is full, above all. Responses are
    /// given to the user all the same, and what was stored before is not harmed.
    pub fn take_trouble(&self) -> Option<CacheError> {
        self.trouble.take()
    }

    /// What the cache says to a request.
    pub fn ask(&self, mode: CacheMode, asked: CacheRequest<'_>, now: SystemTime) -> CacheAnswer {
        let directives = request_directives(asked.headers);
        let missing = || match directives.only_if_cached || mode == CacheMode::Offline {
            true => CacheAnswer::Missing,
            false => CacheAnswer::Send(flight_of(asked)),
        };
        if !matches!(*asked.method, Method::GET | Method::HEAD) || has_own_conditions(asked.headers) {
            return if mode == CacheMode::Offline { CacheAnswer::Missing } else { CacheAnswer::Pass };
        }
        match self.look_up(mode, asked, &directives, seconds_of(now)) {
            None => missing(),
            Some(Stored::Usable(response)) => CacheAnswer::Hit(response),
            Some(Stored::InFile(key, found)) => {
                match self.response(&found, asked, Some(seconds_of(now)), CacheStatus::Hit) {
                    Some(response) => CacheAnswer::Hit(response),
                    None => {
                        self.store.leave_out(key, &found);
                        missing()
                    }
                }
            }
            Some(Stored::Stale(..)) if directives.only_if_cached => CacheAnswer::Missing,
            Some(Stored::Stale(key, found)) if self.can_validate(&found, asked.method, &directives) => {
                CacheAnswer::Validate {
                    conditions: conditions(&found.head.headers),
                    basis: Box::new(Basis { key, found }),
                    flight: Some(flight_of(asked)),
                }
            }
            Some(Stored::Stale(..)) => CacheAnswer::Send(flight_of(asked)),
        }
    }

    /// Takes in what came of a request, that was sent and answered at these moments, and says what the user gets.
    pub fn tell(
        &self,
        mode: CacheMode,
        asked: CacheRequest<'_>,
        basis: Option<CacheBasis>,
        what_came: Came<'_>,
        times: Times,
    ) -> CacheVerdict {
        let basis = basis.and_then(|basis| basis.downcast().ok()).map(|basis: Box<Basis>| *basis);
        let Times { sent, came } = times;
        let Came::Response { status, version, headers, body, saved_to } = what_came else {
            return self.stand_in(basis.as_ref(), asked, came).unwrap_or(CacheVerdict::AsCame);
        };
        if status.is_server_error()
            && let Some(settled) = self.stand_in(basis.as_ref(), asked, came)
        {
            return settled;
        }
        for url in invalidated(asked.method, asked.url, status, headers) {
            for method in [Method::GET, Method::HEAD] {
                self.trouble.note(self.store.forget(key_of(&method, &url), milliseconds(came)));
            }
        }
        if status == StatusCode::NOT_MODIFIED {
            return self.freshen(asked, basis, headers, times);
        }
        if *asked.method == Method::HEAD && status == StatusCode::OK {
            self.compare(asked, headers, times);
        }
        if !may_store(mode, asked.method, asked.headers, status, headers) {
            return CacheVerdict::AsCame;
        }
        let terms = Terms::of(status, headers, seconds_of(sent), seconds_of(came));
        if mode == CacheMode::Standard && !terms.is_useful() {
            return CacheVerdict::AsCame;
        }
        let head = Head {
            method: asked.method.clone(),
            url: asked.url.to_owned(),
            selecting: Selecting::of(asked.headers, headers),
            terms,
            status,
            version,
            headers: ageless(&stored_headers(headers)),
        };
        let content = saved_to.map_or(Content::Bytes(body), Content::Saved);
        let key = key_of(asked.method, asked.url);
        self.trouble.note(self.store.store(key, milliseconds(sent), &head, &content));
        CacheVerdict::AsCame
    }

    /// The stored response that is the one for a request: to a HEAD that of a GET, where there is one. What can be used as it
    /// stands is copied only once.
    fn look_up(
        &self,
        mode: CacheMode,
        asked: CacheRequest<'_>,
        directives: &RequestDirectives,
        now: u64,
    ) -> Option<Stored> {
        let is_head = *asked.method == Method::HEAD;
        let methods = if is_head { &[Method::GET, Method::HEAD][..] } else { &[Method::GET] };
        methods.iter().find_map(|method| {
            let key = key_of(method, asked.url);
            let take = |record: &Record<'_>| {
                let is_wanted =
                    record.url == asked.url && record.method == *method && record.is_for(asked.headers);
                if !is_wanted {
                    return None;
                }
                let fitness = fitness(mode, directives, &record.terms, now);
                if fitness == Fitness::Usable
                    && let Some(response) = at_hand(record, is_head, now)
                {
                    return Some(Looked::Usable(response));
                }
                Some(Looked::Other(fitness, record.head()?, FoundBody::of(record)))
            };
            Some(match self.store.look_up(key, take)? {
                (Looked::Usable(response), _) => Stored::Usable(response),
                (Looked::Other(fitness, head, body), place) => {
                    let found = Found { head, body, place };
                    match fitness {
                        Fitness::Usable => Stored::InFile(key, found),
                        Fitness::Stale => Stored::Stale(key, found),
                    }
                }
            })
        })
    }

    /// Whether the server can be asked about it, or it may stand in where the server fails.
    fn can_validate(&self, found: &Found, method: &Method, directives: &RequestDirectives) -> bool {
        let terms = &found.head.terms;
        let may_be_used =
            terms.has_validator || terms.stale_if_error > 0 || directives.stale_if_error.is_some();
        may_be_used && (*method == Method::HEAD || self.has_body(found))
    }

    /// Takes in that a stored response is still good, as a server says.
    fn freshen(
        &self,
        asked: CacheRequest<'_>,
        basis: Option<Basis>,
        told: &Headers,
        times: Times,
    ) -> CacheVerdict {
        // To a user who sets conditions of his own, it is the answer.
        let Some(Basis { key, found }) = basis else { return CacheVerdict::AsCame };
        let is_meant = |head: &Head| head.url == asked.url && is_about(&head.headers, told);
        let found = match is_meant(&found.head) {
            true => Some(found),
            // Of the others, only one that it names.
            false => told.get("etag").and_then(|_| {
                self.store.find(key, |head| is_meant(head) && head.selecting.matches(asked.headers))
            }),
        };
        let Some(found) = found else { return CacheVerdict::SendAgain };
        let Some(response) = self.response(&found, asked, None, CacheStatus::Revalidated) else {
            self.store.leave_out(key, &found);
            return CacheVerdict::SendAgain;
        };
        let headers = self.store_anew(key, asked, &found, told, times);
        CacheVerdict::Stored(CachedResponse { headers, ..response })
    }

    /// Compares the response to a HEAD with what is stored for a GET (4.3.5): it is brought up to date, or forgotten.
    fn compare(&self, asked: CacheRequest<'_>, told: &Headers, times: Times) {
        let key = key_of(&Method::GET, asked.url);
        let is_wanted = |head: &Head| head.url == asked.url && head.selecting.matches(asked.headers);
        let Some(found) = self.store.find(key, is_wanted) else { return };
        if differs(&found.head.headers, told) {
            self.trouble.note(self.store.forget(key, milliseconds(times.came)));
        } else {
            self.store_anew(key, asked, &found, told, times);
        }
    }

    /// Brings what is stored up to date, and says with which headers.
    fn store_anew(
        &self,
        key: Key,
        asked: CacheRequest<'_>,
        found: &Found,
        told: &Headers,
        Times { sent, came }: Times,
    ) -> Headers {
        let headers = freshened(&found.head.headers, told);
        let terms = Terms::of(found.head.status, &headers, seconds_of(sent), seconds_of(came));
        let selecting = Selecting::of(asked.headers, &headers);
        if selecting != found.head.selecting {
            // As it was chosen before, it would still be there beside what it is now.
            self.trouble.note(self.store.forget(key, milliseconds(sent).saturating_sub(1)));
        }
        let head = Head { headers: ageless(&headers), terms, selecting, ..found.head.clone() };
        let content = match &found.body {
            FoundBody::Bytes(bytes) => Content::Bytes(bytes),
            FoundBody::File(file) => Content::Kept(file.clone()),
        };
        self.trouble.note(self.store.store(key, milliseconds(sent), &head, &content));
        headers
    }

    /// What is stored, where it may be used although the server has failed.
    fn stand_in(
        &self,
        basis: Option<&Basis>,
        asked: CacheRequest<'_>,
        now: SystemTime,
    ) -> Option<CacheVerdict> {
        let found = &basis?.found;
        let now = seconds_of(now);
        let may = may_stand_in(&request_directives(asked.headers), &found.head.terms, now);
        let stored = may.then(|| self.response(found, asked, Some(now), CacheStatus::Stale)).flatten();
        stored.map(CacheVerdict::Stored)
    }

    /// What is stored as a response to be used, with its age where it was not validated just now.
    fn response(
        &self,
        found: &Found,
        asked: CacheRequest<'_>,
        now: Option<u64>,
        cached: CacheStatus,
    ) -> Option<CachedResponse> {
        let Head { headers, terms, .. } = &found.head;
        let headers = now.map_or_else(|| headers.clone(), |now| aged(headers.as_block(), terms.age(now)));
        cached_response(&self.store, found, asked, headers, cached)
    }

    /// Whether the body of what is stored is still there.
    fn has_body(&self, found: &Found) -> bool {
        match &found.body {
            FoundBody::Bytes(_) => true,
            FoundBody::File(file) => {
                let length = self.store.body(file).and_then(|path| std::fs::metadata(path).ok());
                length.is_some_and(|metadata| metadata.len() == file.length)
            }
        }
    }
}

/// A record as the response to a request, unless its body is in a file and is wanted.
fn at_hand(record: &Record<'_>, is_head: bool, now: u64) -> Option<CachedResponse> {
    let body = match &record.body {
        _ if is_head => Bytes::new(),
        RecordBody::Inline(body) => Bytes::copy_from_slice(body),
        RecordBody::File(_) => return None,
    };
    let headers = aged(record.headers, record.terms.age(now));
    let (status, version, cached) = (record.status, record.version, CacheStatus::Hit);
    Some(CachedResponse { status, version, headers, body, file: None, cached })
}

/// What may wait for the answer to a request: whatever asks for the same URL.
fn flight_of(asked: CacheRequest<'_>) -> Flight {
    Flight { key: key_of(asked.method, asked.url), shares_failure: false }
}

/// By what the responses of a URL are found.
fn key_of(method: &Method, url: &str) -> Key {
    let seed = u64::from(*method == Method::HEAD);
    xxh3_128_with_seed(url.as_bytes(), seed)
}

fn milliseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
