//! The options of what each request says, and of what is taken for its answer.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use crate::caching::ResponseCache;
use crate::client::builder::Builder;
use crate::config::Config;
use crate::config::cookie_policy::CookiePolicy;
use crate::request::auth::{AuthRequest, Authorize};
use crate::request::body::{Body, Content};
use crate::request::{auth, parse_header, parse_name};
use crate::robots::RobotsRules;

impl Builder {
    /// Whether redirects are followed, or handed out as responses. Default: followed.
    ///
    /// One that leaves the origin takes along nothing the user added, no credentials and no own headers, save
    /// `Accept`, `Accept-Language`, `Range` and `User-Agent`.
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.config.max_redirects = match (follow, self.config.max_redirects) {
            (false, _) => None,
            (true, limit) => limit.or(Config::default().max_redirects),
        };
        self
    }

    /// What may answer requests before they are sent, and learns from what is sent: a private cache after RFC 9111 in a
    /// folder, as the crate `patata-cache` has it, or one of your own. Default: none.
    ///
    /// It is asked about each hop of a request on the thread that takes outcomes from the run. A request that it answers
    /// waits for nothing, and counts in no limit; [`Response::cached`](crate::Response::cached) and the
    /// [receipt](crate::Receipt::cache_hits) tell it from others. Those that ask for the same at the same time wait for
    /// the first of them.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// use std::collections::HashMap;
    /// use std::sync::{Arc, Mutex};
    ///
    /// use patata::{
    ///     CacheAnswer, CacheBasis, CacheRequest, CacheStatus, CacheVerdict, CachedResponse, Came, Flight, ResponseCache,
    ///     Times,
    /// };
    ///
    /// /// Keeps the first response of each URL as long as the process lives.
    /// #[derive(Debug, Default)]
    /// struct Memory(Mutex<HashMap<String, CachedResponse>>);
    ///
    /// impl ResponseCache for Memory {
    ///     fn ask(&self, request: CacheRequest<'_>) -> CacheAnswer {
    ///         let key = request.url.bytes().fold(0, |key: u128, byte| key.wrapping_mul(31) + u128::from(byte));
    ///         match self.0.lock().unwrap().get(request.url) {
    ///             Some(response) => CacheAnswer::Hit(response.clone()),
    ///             None => CacheAnswer::Send(Flight { key, shares_failure: false }),
    ///         }
    ///     }
    ///
    ///     fn tell(&self, request: CacheRequest<'_>, _: Option<CacheBasis>, came: Came<'_>, _: Times) -> CacheVerdict {
    ///         if let Came::Response { status, version, headers, body, .. } = came {
    ///             let (headers, body, cached) = (headers.clone(), body.clone(), CacheStatus::Hit);
    ///             let response = CachedResponse { status, version, headers, body, file: None, cached };
    ///             self.0.lock().unwrap().insert(request.url.to_owned(), response);
    ///         }
    ///         CacheVerdict::AsCame
    ///     }
    /// }
    ///
    /// let client = patata::Client::builder().cache(Arc::new(Memory::default()) as Arc<dyn ResponseCache>).build()?;
    /// let mut run = client.run((0..100).map(|id| patata::Request::get(id, &*url)));
    /// run.by_ref().for_each(drop);
    /// assert_eq!((run.receipt().ok, run.receipt().cache_hits, run.receipt().cache_misses), (100, 99, 1));
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn cache(mut self, cache: impl Into<Option<Arc<dyn ResponseCache>>>) -> Self {
        self.config.cache = cache.into();
        self
    }

    /// What reads `robots.txt` and says which requests it allows, so that no others are sent (RFC 9309). Default: none, and
    /// none is obeyed.
    ///
    /// The file of each origin is fetched before anything else is sent there, under the same limits, and is no outcome of the
    /// run. What waits for it counts in [`queue_max_size`](Self::queue_max_size). A request that must not be sent, also as
    /// the next hop of a redirect, ends with an error of kind [`ErrorKind::Robots`](crate::ErrorKind::Robots). A delay that
    /// the file asks for is kept by all calls of the client.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// use std::sync::Arc;
    ///
    /// use patata::{Error, ErrorKind, Response, RobotsRules, RobotsVerdict};
    ///
    /// /// Allows what needs no file to be read.
    /// #[derive(Debug)]
    /// struct Nothing;
    ///
    /// impl RobotsRules for Nothing {
    ///     fn verdict(&self, url: &str) -> Result<RobotsVerdict, Box<dyn std::error::Error + Send + Sync>> {
    ///         Ok(RobotsVerdict::Forbidden(format!("robots.txt forbids {url}")))
    ///     }
    ///
    ///     fn learn(&self, _: &str, _: Result<&Response, &Error>) {}
    /// }
    ///
    /// let client = patata::Client::builder().robots(Arc::new(Nothing) as Arc<dyn RobotsRules>).build()?;
    /// let outcome = client.run([patata::Request::get(1, &*url)]).next().unwrap();
    /// assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Robots);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn robots(mut self, rules: impl Into<Option<Arc<dyn RobotsRules>>>) -> Self {
        self.config.robots = rules.into();
        self
    }

    /// The most redirects followed in one attempt; one more is an error. Default: 10.
    pub fn max_redirects(mut self, count: u32) -> Self {
        self.config.max_redirects = Some(count);
        self
    }

    /// The most bytes a response's body may have, before and after decoding. At least 1; `usize::MAX` is no limit,
    /// not even of its growth in decoding, unless
    /// [`max_decompression_ratio`](Self::max_decompression_ratio) is given. Default: 64 MiB.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.config.max_response_size = self.positive("max_response_size", bytes);
        self
    }

    /// The most that decoding may multiply a body's size by, past 1 MiB: a protection against compression bombs. At
    /// least 1; `None` for no limit. Default: 200, or none where `max_response_size` is none.
    ///
    /// ```
    /// let client = patata::Client::builder().max_decompression_ratio(1000).build()?;
    /// assert!(patata::Client::builder().max_decompression_ratio(0).build().is_err());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn max_decompression_ratio(mut self, ratio: impl Into<Option<usize>>) -> Self {
        let ratio = ratio.into().map(|ratio| self.positive("max_decompression_ratio", ratio));
        self.config.max_decompression_ratio = Some(ratio);
        self
    }

    /// A header for all requests; the same name given twice is sent twice. A request's own header of the same
    /// name goes before it.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        match parse_header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.config.headers.append(name, value);
            }
            // The value may be a secret.
            Err(error) => self.fail("headers", "names and values that HTTP allows", error),
        }
        self
    }

    /// Leaves out a default header: one given before, or one of patata's own (`Accept`, `User-Agent`).
    pub fn without_header(mut self, name: impl AsRef<str>) -> Self {
        match parse_name(name.as_ref()) {
            Ok(name) => {
                self.config.headers.remove(&name);
                self.config.own_headers.remove(&name);
            }
            Err(error) => self.fail("headers", "names that HTTP allows", error),
        }
        self
    }

    /// A query parameter for all requests, behind those of the URL; the same name given twice is sent twice.
    /// A request's own parameters of the same name go instead of it.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.params.push((name.into(), value.into()));
        self
    }

    /// The body of all requests that have none of their own. Default: none.
    ///
    /// A body of pieces that can be had once is refused.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        let body = body.into();
        match &body.content {
            Content::Unusable(message) => {
                let message = message.clone();
                self.fail("body", "sendable", message);
            }
            _ if !body.is_repeatable() => self.fail("body", "sendable more than once", "pieces"),
            _ => self.config.body = body,
        }
        self
    }

    /// Authorises all requests with a user's name and password (`Basic`), save those that say otherwise.
    pub fn basic_auth(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let value = auth::basic(user.as_ref().as_bytes(), password.as_ref().as_bytes());
        self.authorization(value)
    }

    /// Authorises all requests with a token (`Bearer`), save those that say otherwise. One that names its scheme
    /// (`Bearer secret`, `Token secret`) is sent as it is.
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Self {
        let value = auth::bearer(token.as_ref());
        self.authorization(value)
    }

    fn authorization(mut self, value: Option<HeaderValue>) -> Self {
        match value {
            Some(value) => {
                self.config.headers.insert(header::AUTHORIZATION, value);
            }
            None => self.fail("auth", "what can stand in a header", "something else"),
        }
        self
    }

    /// Authorises each request with the header that a function gives, save requests that say themselves by
    /// what they are authorised.
    ///
    /// The function is called before the first attempt, on the thread that takes outcomes from the run, and
    /// once more where the server answers 401: then [`AuthRequest::is_refresh`] is true, and the request is
    /// sent again with what the function gives then. What it fails with is the request's error.
    ///
    /// ```
    /// use patata::{Client, HeaderName, HeaderValue};
    ///
    /// let client = Client::builder()
    ///     .auth(|request| {
    ///         let token = if request.is_refresh() { "a new token" } else { "a token" };
    ///         HeaderValue::try_from(token).map(|token| (HeaderName::from_static("x-api-key"), token))
    ///     })
    ///     .build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn auth<F, E>(mut self, function: F) -> Self
    where
        F: Fn(&AuthRequest<'_>) -> Result<(HeaderName, HeaderValue), E> + Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.config.authorize = Some(Authorize::new(function));
        self
    }

    /// A cookie for all requests, as `Cookie: name=value`. It goes to no other origin that a redirect leads to.
    pub fn cookie(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        let before = self.config.headers.get(header::COOKIE).map(HeaderValue::as_bytes).unwrap_or_default();
        let joint: &[u8] = if before.is_empty() { b"" } else { b"; " };
        let text = [before, joint, name.as_bytes(), b"=", value.as_bytes()].concat();
        match HeaderValue::from_bytes(&text) {
            Ok(mut header_value) if is_cookie(name, value) => {
                header_value.set_sensitive(true);
                self.config.headers.insert(header::COOKIE, header_value);
            }
            _ => self.fail("cookies", "names and values without ; and line breaks", format!("{name:?}")),
        }
        self
    }

    /// Whether cookies that servers set are kept, for as long as the client lives or, where this is said for some of its
    /// calls, for each of these, and sent back to whom they belong. Default: only
    /// those that a redirect sets, and only until the request that it belongs to has come to its end: a page that
    /// sets a cookie and redirects to where the cookie is wanted is reached. `false` keeps not even these.
    ///
    /// As in browsers, there are at most 180 of a site (a registrable domain) and 3,300 of all sites, each with
    /// at most 4,096 bytes; those not used for the longest time give way. What is sent fits 8 KB: where that is
    /// not enough, what was set the longest ago is left out.
    ///
    /// ```
    /// let client = patata::Client::builder().cookie_jar(true).build()?;
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn cookie_jar(mut self, keep: impl Into<Option<bool>>) -> Self {
        self.config.cookies = match (keep.into(), &self.engine) {
            (None, _) => CookiePolicy::OfRedirects,
            (Some(false), _) => CookiePolicy::Never,
            (Some(true), None) => CookiePolicy::OfClient(Arc::default()),
            (Some(true), Some(_)) => CookiePolicy::OfCall,
        };
        self
    }

    /// The `Accept` header of requests that have none of their own. Default: `*/*`.
    pub fn accept(mut self, media_types: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(media_types.as_ref()) {
            Ok(value) => {
                self.config.own_headers.insert(header::ACCEPT, value);
            }
            Err(_) => self.fail("accept", "a list of media types", media_types.as_ref()),
        }
        self
    }
}

/// Whether a name and a value can be told from what stands beside them.
fn is_cookie(name: &str, value: &str) -> bool {
    let is_plain = |text: &str| text.chars().all(|c| c != ';' && !c.is_control());
    !name.is_empty() && !name.contains('=') && is_plain(name) && is_plain(value)
}
