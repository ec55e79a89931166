//! From a `Request` to a `Job` that is known to be sendable: URL, origin, head and body checked before any I/O.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::RandomState;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use crate::auth::{self, AuthRequest, Authorize};
use crate::body::{Body, Content};
use crate::clock::{self, FOREVER};
use crate::cookies::Jar;
use crate::error::{Error, Kind, Phase};
use crate::headers::Headers;
use crate::params;
use crate::request::{Head, Request, names_several_hosts, redacted};
use crate::response::{Answer, End, Outcome};
use crate::retry_if::RetryIf;
use crate::schedule::adaptive::Ticket;
use crate::target::{Origin, Target};

/// Origins remembered by the text a URL begins with; past this many the memory starts anew.
const REMEMBERED_ORIGINS: usize = 4096;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) attempt: Duration,
    /// One request with all of its attempts.
    pub(crate) total: Option<Duration>,
    /// When the whole run must be over.
    pub(crate) run: Option<Instant>,
}

/// By what a server knows a request again that it has got before.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is sent on one hop, apart from where.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) method: Method,
    /// What the request itself says, on top of the client's defaults.
    pub(crate) head: Option<Box<Head>>,
    pub(crate) body: Body,
    /// Whether the client's default headers go along; no longer so once a redirect left the origin.
    pub(crate) defaults: bool,
}

/// A request that is ready to be sent, and how far it has come.
#[derive(Debug)]
pub(crate) struct Job<T> {
    pub(crate) tag: T,
    /// Its place in the input, counted from 0.
    pub(crate) number: u64,
    pub(crate) target: Target,
    pub(crate) message: Message,
    /// Where the attempt began, kept once a redirect has changed it.
    pub(crate) first_hop: Option<Box<(Target, Message)>>,
    pub(crate) timeout: Option<Duration>,
    /// The file that the response's body goes to.
    pub(crate) stream_to: Option<Arc<Path>>,
    /// Attempts begun.
    pub(crate) attempts: u32,
    /// Whether a server may have got any of it, in whichever attempt.
    pub(crate) was_sent: bool,
    /// Redirects followed in this attempt.
    pub(crate) hops: u32,
    /// The cookies that they set, where no others are kept.
    pub(crate) cookies: Option<Box<Jar>>,
    /// How often this attempt has found no file descriptor for its connection.
    pub(crate) shortages: u32,
    /// How often a server has refused it unread, and it went out again: in all attempts, and besides these.
    pub(crate) refusals: u32,
    /// Whether it has been sent anew, for free, since its connection was dead or on its way out: done once.
    pub(crate) was_sent_anew: bool,
    /// What it is authorised by, once a function of the user's has been asked to refresh it.
    pub(crate) authorization: Authorization,
    /// Whether it has been answered, and the user's `retry_if` is to say whether that is the end.
    pub(crate) is_questioned: bool,
    /// Whether it would have been sent again, had the retry budget had room for it.
    pub(crate) is_retry_denied: bool,
    /// When the first attempt began.
    pub(crate) started: Option<Instant>,
    /// When the current attempt must be over.
    pub(crate) deadline: Option<Instant>,
    /// When all of its attempts must be over.
    pub(crate) expires: Option<Instant>,
    /// Whether its host counts it as in flight.
    pub(crate) is_counted: bool,
    /// Whether it tries a host that is in trouble.
    pub(crate) is_probe: bool,
    /// Whether a connection was opened for it that no other has used.
    pub(crate) is_first: bool,
    /// By what the controller of its host's concurrency knows it, where there is one.
    pub(crate) ticket: Option<Box<Ticket>>,
    /// When its latest exchange began.
    pub(crate) exchange_began: Option<Instant>,
    /// How it ended, once it has. The job's box carries it back to the thread that made the box: there it
    /// is cheap to free.
    pub(crate) end: Option<End>,
}

/// How far a job has come with the user's auth function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// As it was at the beginning.
    #[default]
    First,
    /// The server has answered 401: on its way to the caller's thread, where the function is called.
    Stale,
    /// Refreshed, which is done once.
    Refreshed,
}

impl<T> Job<T> {
    /// Asks the user's function for a header: the request's own function, or else the client's. A request
    /// that says already by what it is authorised is left as it is.
    ///
    /// # Errors
    /// What the function failed with.
    pub(crate) fn authorize(&mut self, default: Option<&Authorize>) -> Result<(), Error> {
        let head = self.message.head.as_deref();
        let own = head.and_then(|head| head.authorize.as_ref());
        let Some(authorize) = own.or(default).cloned() else { return Ok(()) };
        let is_refresh = self.authorization == Authorization::Stale;
        if !is_refresh && head.is_some_and(|head| head.headers.contains_key(header::AUTHORIZATION)) {
            if let Some(head) = &mut self.message.head {
                // Nor does a 401 bring the function in.
                head.authorize = None;
            }
            return Ok(());
        }
        let request = AuthRequest {
            method: &self.message.method,
            url: self.target.to_string(),
            body: self.message.body.as_bytes(),
            is_refresh,
        };
        let (name, value) = authorize.header(&request)?;
        let head = self.message.head.get_or_insert_default();
        head.headers.insert(name, value);
        head.authorize = Some(authorize);
        if is_refresh {
            self.authorization = Authorization::Refreshed;
        }
        Ok(())
    }

    /// Adds a key by which the server knows the request again, where it may do harm twice and has none.
    pub(crate) fn add_idempotency_key(&mut self, random: &mut fastrand::Rng) {
        if !self.is_idempotent()
            && let Ok(key) = HeaderValue::try_from(format!("{:032x}", random.u128(..)))
        {
            self.message.head.get_or_insert_default().headers.insert(IDEMPOTENCY_KEY, key);
        }
    }

    /// Whether a function of the user's may be asked for another header.
    pub(crate) fn is_refreshable(&self) -> bool {
        self.message.head.as_ref().is_some_and(|head| head.authorize.is_some())
    }

    /// Whether a 401 may be answered with a fresh header. Asked once: then it is under way.
    pub(crate) fn begin_refresh(&mut self) -> bool {
        let may = self.authorization == Authorization::First
            && self.is_refreshable()
            && self.message.body.is_whole();
        if may {
            self.authorization = Authorization::Stale;
        }
        may
    }

    /// Begins an attempt, unless a redirect or a second sending continues one. Returns when it must be
    /// over: after the request's own time-out, or else the client's, and never after what ends all attempts.
    pub(crate) fn begin(&mut self, now: Instant, timeouts: &Timeouts) -> Instant {
        if let Some(deadline) = self.deadline {
            return deadline;
        }
        self.attempts += 1;
        if self.started.is_none() {
            self.started = Some(now);
            self.expires = timeouts.total.map(|total| now + total.min(FOREVER));
        }
        let mut deadline = now + self.timeout.unwrap_or(timeouts.attempt).min(FOREVER);
        for limit in [self.expires, timeouts.run].into_iter().flatten() {
            deadline = deadline.min(limit);
        }
        self.deadline = Some(deadline);
        deadline
    }

    /// Keeps what a redirect sets for the hops behind it.
    pub(crate) fn keep_cookies(&mut self, headers: &Headers) {
        if headers.get("set-cookie").is_some() {
            self.cookies.get_or_insert_default().store(&self.target, headers);
        }
    }

    /// Goes on to the next hop, which the same attempt and deadline cover.
    pub(crate) fn redirect(&mut self, target: Target, message: Message) {
        let hop =
            (std::mem::replace(&mut self.target, target), std::mem::replace(&mut self.message, message));
        self.first_hop.get_or_insert_with(|| Box::new(hop));
        self.hops += 1;
    }

    /// Ends the attempt: the next one starts over, where the request itself says. Not so where that would
    /// repeat what must not be repeated: a POST that was answered with a redirect has been done, and only
    /// the hop that failed is tried again.
    pub(crate) fn end_attempt(&mut self) {
        self.deadline = None;
        self.shortages = 0;
        if self.first_hop.as_ref().is_some_and(|first| first.1.method.is_idempotent())
            && let Some(first) = self.first_hop.take()
        {
            (self.target, self.message) = *first;
            self.hops = 0;
            self.cookies = None;
        }
    }

    /// What the user's function for its responses is: its own, or else the client's.
    pub(crate) fn retry_if<'a>(&'a self, default: Option<&'a RetryIf>) -> Option<&'a RetryIf> {
        self.message.head.as_ref().and_then(|head| head.retry_if.as_ref()).or(default)
    }

    /// What the user's function says of its answer: whether there is to be another attempt.
    ///
    /// # Errors
    /// What the function failed with.
    pub(crate) fn asks_for_another(&self, default: Option<&RetryIf>) -> Result<bool, Error> {
        let (Some(retry_if), Some(End { elapsed, result: Ok(answer) })) = (self.retry_if(default), &self.end)
        else {
            return Ok(false);
        };
        let response = answer.clone().into_response(self.target.clone());
        retry_if.asks_for_another(&response, self.sendings(), *elapsed)
    }

    /// Attempts begun, and those that a server refused unread.
    pub(crate) fn sendings(&self) -> u32 {
        self.attempts + self.refusals
    }

    /// Comes to the one end that every request has.
    pub(crate) fn end(&mut self, now: Instant, result: Result<Answer, Error>) {
        let elapsed = self.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started));
        self.end = Some(End { elapsed, result });
    }

    /// Whether the server may get this request twice without harm: by its method, or because it carries a
    /// key by which the server knows it again.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.message.method.is_idempotent()
            || self.message.head.as_ref().is_some_and(|head| head.headers.contains_key(IDEMPOTENCY_KEY))
    }
}

impl<T> From<Job<T>> for Outcome<T> {
    fn from(job: Job<T>) -> Self {
        let attempts = job.sendings();
        let Job { tag, target, is_retry_denied: retry_denied, started, end, .. } = job;
        let End { elapsed, result } = end.unwrap_or_else(|| {
            // The event loop that held the job ended before the job did.
            let error =
                Error::new(Kind::Cancelled, Phase::Schedule, "The event loop of this request broke down");
            End {
                elapsed: started
                    .map_or(Duration::ZERO, |started| clock::now().saturating_duration_since(started)),
                result: Err(error),
            }
        });
        let result = match result {
            Ok(answer) => Ok(answer.into_response(target)),
            Err(error) => Err(error.at(target)),
        };
        Self { tag, attempts, retry_denied, elapsed, result }
    }
}

/// Turns requests into jobs. One belongs to one thread.
#[derive(Debug)]
pub(crate) struct Planner {
    hasher: RandomState,
    /// By what stands before the path, as it was written.
    origins: HashMap<Box<str>, Arc<Origin>>,
    last: Option<(Box<str>, Arc<Origin>)>,
}

impl Planner {
    /// Planners of one run share the hasher, so that equal origins have equal hashes.
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self { hasher, origins: HashMap::new(), last: None }
    }

    /// The job for a request, or the request's tag and what is wrong with it.
    ///
    /// Jobs are handed on many times, so they live in a box from here to their end.
    pub(crate) fn plan<T>(&mut self, request: Request<T>) -> Result<Box<Job<T>>, (T, Error)> {
        let Request { tag, method, mut url, mut head, params, body, timeout, stream_to, error, label: _ } =
            request;
        let refuse = |tag, url: &str, error: Error| Err((tag, error.at(redacted(url))));
        if let Some(error) = error {
            return refuse(tag, &url, error);
        }
        if method == Method::CONNECT {
            let error = Error::invalid("method CONNECT opens a tunnel and is not for requests");
            return refuse(tag, &url, error);
        }
        if head.as_ref().is_some_and(|head| names_several_hosts(&head.headers)) {
            let error = Error::invalid("a request has one Host header, and this one has several");
            return refuse(tag, &url, error);
        }
        if let Err(error) = check(&body) {
            return refuse(tag, &url, error);
        }
        if !params.is_empty() {
            url = params::append(trimmed(&url), &params);
        }
        let target = match self.target(&url) {
            Ok((target, None)) => target,
            Ok((target, Some(credentials))) => {
                let head = head.get_or_insert_default();
                head.headers.entry(header::AUTHORIZATION).or_insert(credentials);
                target
            }
            Err(error) => return refuse(tag, &url, error),
        };
        Ok(Box::new(Job {
            tag,
            number: 0,
            target,
            message: Message { method, head, body, defaults: true },
            first_hop: None,
            timeout,
            stream_to: stream_to.map(Arc::from),
            attempts: 0,
            was_sent: false,
            hops: 0,
            cookies: None,
            shortages: 0,
            refusals: 0,
            was_sent_anew: false,
            authorization: Authorization::First,
            is_questioned: false,
            is_retry_denied: false,
            started: None,
            deadline: None,
            expires: None,
            is_counted: false,
            is_probe: false,
            is_first: false,
            ticket: None,
            exchange_began: None,
            end: None,
        }))
    }

    /// Where a URL leads, and the credentials it carries as an `Authorization` header.
    pub(crate) fn target(&mut self, url: &str) -> Result<(Target, Option<HeaderValue>), Error> {
        let url = trimmed(url);
        if let Some(target) = self.known_target(url) {
            return Ok((target, None));
        }
        // Spaces are encoded as browsers do, who leave line breaks out: that would make another URL of it.
        if let Some(position) = url.find(char::is_control) {
            return Err(Error::invalid(format!(
                "URL {:?} has a control character at position {position}; percent-encode it",
                redacted(url)
            )));
        }
        if has_no_host(url) {
            return Err(Error::invalid(format!("URL {:?} has no host", redacted(url))));
        }
        let parsed = url::Url::parse(url).map_err(|error| {
            Error::invalid(format!("URL {:?} is not valid", redacted(url))).with_source(error)
        })?;
        let origin = Arc::new(Origin::of(&parsed, &self.hasher)?);
        let credentials = credentials(&parsed);
        if credentials.is_none() {
            self.remember(url, &origin);
        }
        Ok((Target { origin, path: path_of(&parsed)? }, credentials))
    }

    /// The short way: an origin seen before, and a path that WHATWG's rules would leave as it is.
    fn known_target(&mut self, url: &str) -> Option<Target> {
        let origin = match &self.last {
            Some((prefix, origin)) if is_prefix(prefix, url) => origin.clone(),
            _ => {
                let prefix = &url[..prefix_length(url)?];
                let origin = self.origins.get(prefix)?.clone();
                self.last = Some((prefix.into(), origin.clone()));
                origin
            }
        };
        let path = &url[self.last.as_ref()?.0.len()..];
        if path.is_empty() || path == "/" {
            return Some(Target { origin, path: PathAndQuery::from_static("/") });
        }
        if !is_plain(path) {
            return None;
        }
        let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes())).ok()?;
        Some(Target { origin, path })
    }

    fn remember(&mut self, url: &str, origin: &Arc<Origin>) {
        if let Some(length) = prefix_length(url) {
            if self.origins.len() >= REMEMBERED_ORIGINS {
                self.origins.clear();
            }
            self.origins.insert(url[..length].into(), origin.clone());
        }
    }
}

/// Whether a body can be sent, and said what it is.
fn check(body: &Body) -> Result<(), Error> {
    if let Content::Unusable(message) = &body.content {
        return Err(Error::invalid(message.to_string()));
    }
    match &body.media_type {
        Some(media_type) if HeaderValue::from_str(media_type).is_err() => {
            Err(Error::invalid(format!("{media_type:?} is not a media type")))
        }
        _ => Ok(()),
    }
}

/// A URL without the spaces and line breaks around it.
fn trimmed(url: &str) -> &str {
    url.trim_ascii()
}

/// Whether nothing stands where the host belongs. WHATWG would take the path's first part for it.
fn has_no_host(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['/', '?', '#', '\\']))
}

/// Whether `url` goes on after `prefix` with a path or nothing, so that the prefix names its origin.
fn is_prefix(prefix: &str, url: &str) -> bool {
    url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The length of `scheme://authority`; `None` where the URL is not that plain.
fn prefix_length(url: &str) -> Option<usize> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?', '#', '\\', '@']).map_or(url.len(), |end| authority + end);
    matches!(url.as_bytes().get(end), None | Some(b'/')).then_some(end)
}

/// Whether a path and query stay as they are under WHATWG's rules: no byte that would be encoded, no
/// dot segment that would be resolved, no fragment.
fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/?&=-_~!$()*+,;:@%.".contains(byte))
        && !bytes.windows(2).any(|pair| pair == b"/.")
        && !bytes.windows(3).any(|three| three.eq_ignore_ascii_case(b"%2e"))
}

fn path_of(url: &url::Url) -> Result<PathAndQuery, Error> {
    let text = &url[url::Position::BeforePath..url::Position::AfterQuery];
    // The empty path of a URL with a unix socket is the root, as that of others is.
    let rooted = if text.starts_with('/') { Cow::Borrowed(text) } else { Cow::Owned(format!("/{text}")) };
    PathAndQuery::try_from(&*rooted).map_err(|error| {
        Error::invalid(format!("URL {:?} has an unusable path", redacted(url.as_str()))).with_source(error)
    })
}

fn credentials(url: &url::Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    auth::basic(&decoded(url.username()), &decoded(url.password().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn planner() -> Planner {
        Planner::new(RandomState::new())
    }

    fn shown(url: &str) -> String {
        planner().target(url).unwrap().0.to_string()
    }

    fn refused(url: &str) -> String {
        planner().target(url).unwrap_err().to_string()
    }

    #[test]
    fn a_url_is_normalised_as_whatwg_says() {
        for (given, expected) in [
            ("http://Example.COM", "http://example.com/"),
            ("http://example.com:80/a", "http://example.com/a"),
            ("https://example.com:443/", "https://example.com/"),
            ("https://example.com:80/", "https://example.com:80/"),
            ("http://example.com/a/../b", "http://example.com/b"),
            ("http://example.com/ü?q=ü", "http://example.com/%C3%BC?q=%C3%BC"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://example.com/a#fragment", "http://example.com/a"),
            ("http://example.com?q=1", "http://example.com/?q=1"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("http://127.1/", "http://127.0.0.1/"),
            (" http://example.com/a ", "http://example.com/a"),
            ("\t\r\nhttp://example.com\n", "http://example.com/"),
            ("http://example.com/a b?c d#e f", "http://example.com/a%20b?c%20d"),
            ("http://example.com/ ?", "http://example.com/%20?"),
        ] {
            assert_eq!(shown(given), expected, "{given}");
        }
    }

    #[test]
    fn an_unusable_url_is_named_in_the_error() {
        for (url, part) in [
            ("", "is not valid"),
            ("no-scheme", "is not valid"),
            ("http://", "no host"),
            ("http:///path", "no host"),
            ("http://?q", "no host"),
            ("http://exa mple/", "is not valid"),
            ("http://exam\nple/", "control character at position 11"),
            ("http://example/\n/", "control character"),
            ("http://example/\ta", "control character"),
            ("http://example/\u{0}", "control character"),
            ("ftp://example/", "use http or https"),
            ("http://example:99999/", "invalid port number"),
            ("http://example:0/", "port 0"),
            ("mailto:a@b", "use http or https"),
        ] {
            let error = refused(url);
            assert!(error.contains(part), "{url:?} gave {error:?}");
            assert!(error.contains(&format!("{url:?}")) || url.contains('@'), "{error:?} names {url:?}");
        }
    }

    #[test]
    fn credentials_become_a_header_and_are_never_shown() {
        let (target, header) = planner().target("http://us%40er:p%3Aw@example.com/").unwrap();
        assert_eq!(header.unwrap(), "Basic dXNAZXI6cDp3");
        assert_eq!(target.to_string(), "http://example.com/");
        for url in ["ftp://user:secret@host/", "http://user:secret@host:99999/", "http://user:secret@ho st/"]
        {
            assert!(!refused(url).contains("secret"), "{url}");
        }
    }

    #[test]
    fn a_retry_repeats_no_post_that_was_redirected() {
        for (method, expected) in [(Method::POST, "http://a/answer"), (Method::GET, "http://a/")] {
            let mut planner = planner();
            let mut job =
                planner.plan(Request::new((), method, "http://a/")).map_err(|(_, error)| error).unwrap();
            let target = planner.target("http://a/answer").unwrap().0;
            let message = Message { method: Method::GET, ..job.message.clone() };
            job.redirect(target, message);
            job.end_attempt();
            assert_eq!((job.message.method.as_str(), job.target.to_string().as_str()), ("GET", expected));
        }
    }

    #[test]
    fn equal_origins_are_equal_however_they_are_written() {
        let mut planner = planner();
        let one = planner.target("http://EXAMPLE.com:80/a").unwrap().0.origin;
        let other = planner.target("http://example.com/b").unwrap().0.origin;
        let tls = planner.target("https://example.com:80/b").unwrap().0.origin;
        assert!(one == other && one != tls);
    }

    proptest! {
        #[test]
        fn the_short_way_leads_where_the_long_way_does(path in "[a-zA-Z0-9/?&=_~!$'()*+,;:@%. {}#^|<>`-]{0,40}") {
            let url = format!("http://example.com/{path}");
            let mut warm = planner();
            warm.target("http://example.com/").unwrap();
            let short = warm.target(&url).map(|(target, _)| target.to_string()).ok();
            let long = planner().target(&url).map(|(target, _)| target.to_string()).ok();
            prop_assert_eq!(short, long);
        }

        #[test]
        fn no_text_makes_planning_panic(url in "\\PC{0,60}") {
            let mut planner = planner();
            let _ = planner.target(&url);
            let _ = planner.target(&format!("http://{url}"));
        }
    }
}
