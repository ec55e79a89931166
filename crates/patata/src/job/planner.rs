//! From a `Request` to a `Job` that is known to be sendable: URL, origin, head and body checked before any I/O.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;

use crate::address::redacted::redacted;
use crate::address::target::{Origin, Target};
use crate::cost::charge::Charge;
use crate::error::Error;
use crate::job::call::Call;
use crate::job::ticket::Ticket;
use crate::job::{Asked, Attempt, Job, Message};
use crate::request::body::{Body, Content};
use crate::request::{Head, Request, auth, names_several_hosts, params};

/// Origins remembered by the text a URL begins with; past this many the memory starts anew.
const REMEMBERED_ORIGINS: usize = 4096;

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

    /// The job for a request of a call, with the request's tag, which the caller keeps; or the tag and what is wrong.
    ///
    /// Jobs are handed on many times, so they live in a box from here to their end.
    pub(crate) fn plan<T>(
        &mut self,
        request: Request<T>,
        call: &Arc<Call>,
    ) -> Result<(T, Box<Job>), (T, Error)> {
        let Request {
            tag,
            method,
            mut url,
            mut head,
            params,
            body,
            timeout,
            stream_to,
            error,
            label: _,
            is_pause: _,
        } = request;
        let refuse = |tag, url: &str, error: Error| Err((tag, error.at(redacted(url))));
        if let Some(error) = error {
            return refuse(tag, &url, error);
        }
        if let Err(error) = check_parts(&method, head.as_deref(), &body) {
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
        let awaits_leave = head.as_ref().is_some_and(|head| head.before_send.is_some());
        let costs = head.as_mut().and_then(|head| head.costs.take());
        let charge = costs.map(|costs| Box::new(Charge::new(*costs)));
        let job = Box::new(Job {
            call: call.clone(),
            asked: Asked { timeout, stream_to: stream_to.map(Arc::from), ..Asked::default() },
            target,
            message: Message { method, head, body, defaults: true },
            first_hop: None,
            attempt: Attempt { awaits_leave, ..Attempt::default() },
            ticket: Ticket { charge, ..Ticket::default() },
            end: None,
        });
        Ok((tag, job))
    }

    /// Where a request leads, or what is wrong with it, without making a job of it.
    pub(crate) fn check<T>(&mut self, request: &Request<T>) -> Result<Target, Error> {
        let checked = match &request.error {
            Some(error) => Err(error.repeated()),
            None => check_parts(&request.method, request.head.as_deref(), &request.body),
        };
        let url = request.url();
        let target = checked.and_then(|()| self.target(&url));
        target.map(|(target, _)| target).map_err(|error| error.at(redacted(&request.url)))
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

/// Whether the parts of a request other than its URL can be sent.
fn check_parts(method: &Method, head: Option<&Head>, body: &Body) -> Result<(), Error> {
    if *method == Method::CONNECT {
        return Err(Error::invalid("method CONNECT opens a tunnel and is not for requests"));
    }
    if head.is_some_and(|head| names_several_hosts(&head.headers)) {
        return Err(Error::invalid("a request has one Host header, and this one has several"));
    }
    check(body)
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
    use proptest::prelude::*;

    use super::*;

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
