//! A page: what was asked, what came, and what the request remembers of its chain.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use patata::{Headers, Response};
use serde_json::value::RawValue;

use crate::error::{PageError, PageErrorKind};
use crate::json::{is_null, shown};
use crate::path::JsonPath;
use crate::place::{Place, bare};

/// What of a request says which page it asks for: its URL, and its body. All else is the same for each page of a chain.
///
/// The place in the chain stands in the fragment of the URL, which is never sent: whatever keeps the URL keeps it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// With the query.
    pub url: String,
    /// `None` where there is no body.
    pub body: Option<Bytes>,
    pub(crate) memory: Memory,
}

/// What a request remembers of its chain. It is a help, not a need: one that comes from a run folder has none of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// The requests of the chain so far, by their hashes: which page each was for.
    pub(crate) asked: HashMap<u64, u64>,
    /// How many pages before it had no items, without a break.
    pub(crate) empty: u32,
    /// The hash of the items of the page before it.
    pub(crate) items: Option<u64>,
}

impl Asked {
    /// That of a request.
    ///
    /// ```
    /// let asked = patata_pages::Asked::new("http://host/items?page=3#patata-page=3", None);
    /// assert_eq!(asked.page(), 3);
    /// ```
    pub fn new(url: impl Into<String>, body: Option<Bytes>) -> Self {
        Self { url: url.into(), body, memory: Memory::default() }
    }

    /// Which page of its chain it asks for; the first is 1.
    pub fn page(&self) -> u64 {
        Place::of(&self.url).page
    }

    /// The error of its page: the chain cannot go on.
    ///
    /// ```
    /// let error = patata_pages::Asked::new("http://host/", None).failed("status 503");
    /// assert_eq!(error.to_string(), "the chain of pages ends at page 1: status 503");
    /// ```
    pub fn failed(&self, reason: impl Display) -> PageError {
        PageError { kind: PageErrorKind::Page, page: self.page(), reason: reason.to_string() }
    }

    /// By what it is known to ask for the same thing.
    fn identity(&self) -> u64 {
        hash(&(bare(&self.url), &self.body))
    }
}

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The response of a page.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    /// Its status.
    pub status: u16,
    /// The URL that answered, after redirects.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a Headers,
    /// Its body, decoded.
    pub body: &'a [u8],
}

impl<'a> Came<'a> {
    /// That of a response; `url` is its URL as a text.
    pub fn of(response: &'a Response, url: &'a str) -> Self {
        Self { status: response.status.as_u16(), url, headers: &response.headers, body: &response.body }
    }

    /// The JSON of the body; `None` where the status says that there is none.
    pub(crate) fn document(&self) -> Result<Option<&'a RawValue>, String> {
        let text = std::str::from_utf8(self.body).map_err(|error| format!("it is no JSON: {error}"))?;
        // Some servers begin with a byte-order mark, which is no JSON.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if matches!(self.status, 204 | 205) && text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(text).map(Some).map_err(|error| format!("it is no JSON: {error}"))
    }
}

/// One page, with its place in its chain.
pub(crate) struct Page<'a> {
    pub(crate) asked: Asked,
    pub(crate) came: Came<'a>,
    pub(crate) place: Place,
    document: OnceCell<Result<Option<&'a RawValue>, String>>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(asked: Asked, came: Came<'a>) -> Self {
        let place = Place::of(&asked.url);
        Self { asked, came, place, document: OnceCell::new() }
    }

    /// Its JSON; `None` where it is said to have no content.
    pub(crate) fn document(&self) -> Result<Option<&'a RawValue>, PageError> {
        let document = self.document.get_or_init(|| self.came.document());
        document.clone().map_err(|reason| self.error(reason))
    }

    /// What its JSON has at a path. A `null` is as nothing.
    pub(crate) fn find(&self, path: &JsonPath) -> Result<Option<&'a RawValue>, PageError> {
        let found = self.document()?.and_then(|document| path.find(document));
        Ok(found.filter(|value| !is_null(value)))
    }

    /// The yes or no that it has at a path. `None` where it has none.
    pub(crate) fn says(&self, path: Option<&JsonPath>) -> Result<Option<bool>, PageError> {
        let Some(path) = path else { return Ok(None) };
        let Some(value) = self.find(path)? else { return Ok(None) };
        match &*shown(value).to_lowercase() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            other => Err(self.error(format!("{path} is neither true nor false, but {other:?}"))),
        }
    }

    /// What ends the chain at this page.
    pub(crate) fn error(&self, reason: impl Into<String>) -> PageError {
        self.error_of(PageErrorKind::Page, reason)
    }

    pub(crate) fn error_of(&self, kind: PageErrorKind, reason: impl Into<String>) -> PageError {
        PageError { kind, page: self.place.page, reason: reason.into() }
    }

    /// The same for a request that cannot be made.
    pub(crate) fn cannot_ask(&self, why: &str) -> PageError {
        self.error(format!("the next page cannot be asked for: {why}"))
    }

    /// A request for the next page, which is as that for this page still.
    pub(crate) fn successor(&self) -> Asked {
        Asked::new(self.place.following().marked(&self.asked.url), self.asked.body.clone())
    }

    /// The next request, if it was not in the chain before.
    pub(crate) fn only_once(mut self, mut made: Asked, may_repeat: bool) -> Result<Asked, PageError> {
        let mut asked = std::mem::take(&mut self.asked.memory.asked);
        asked.entry(self.asked.identity()).or_insert(self.place.page);
        let first = *asked.entry(made.identity()).or_insert(self.place.page + 1);
        if first <= self.place.page && !may_repeat {
            let reason = format!(
                "it leads to a page that was asked for before, as page {first}: {}; if the server gives another page for \
                 the same request each time, allow_repeats=true goes on",
                patata::redacted(bare(&made.url))
            );
            return Err(self.error_of(PageErrorKind::Repeated, reason));
        }
        made.memory.asked = asked;
        Ok(made)
    }
}
