//! From a job to the HTTP request that is sent for it: defaults, the request's own headers, the body.

use std::borrow::Cow;

use http::header::{self, HeaderMap};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Uri};

use crate::address::target::Origin;
use crate::config::Config;
use crate::config::proxies::Proxy;
use crate::job::Job;
use crate::request::body::Body;
use crate::request::{Head, PORTABLE};
use crate::transport::prepared::Prepared;

/// Headers that speak of one HTTP/1.1 connection, which HTTP/2 forbids.
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::UPGRADE,
    header::TE,
];

/// The heads that a connection's requests begin with.
#[derive(Debug)]
pub(crate) struct Templates {
    /// What patata itself says, and of the user's defaults what goes along to another origin.
    own: HeaderMap,
    /// The same with all of the user's defaults.
    with_defaults: HeaderMap,
    /// Where requests name it: in HTTP/2, in place of a `Host` header.
    authority: Option<(Scheme, Authority)>,
    /// The same for a proxy that sends them on, whatever the host looks like.
    forwarded_to: Option<Box<[u8]>>,
    is_http2: bool,
}

impl Templates {
    pub(crate) fn new(config: &Config, origin: &Origin, is_http2: bool, forwarder: Option<&Proxy>) -> Self {
        let mut own = HeaderMap::with_capacity(8);
        if !is_http2 {
            own.insert(header::HOST, origin.authority.clone());
        }
        own.extend(config.own_headers.clone());
        own.extend(portable(&config.headers));
        let mut with_defaults = own.clone();
        with_defaults.extend(config.headers.clone());
        if forwarder.is_none() {
            with_defaults.remove(header::PROXY_AUTHORIZATION);
        }
        if is_http2 {
            remove_connection_headers(&mut with_defaults);
        }
        if let Some(authorization) = forwarder.and_then(|proxy| proxy.authorization.as_ref()) {
            own.insert(header::PROXY_AUTHORIZATION, authorization.clone());
            with_defaults.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let scheme = if origin.tls { Scheme::HTTPS } else { Scheme::HTTP };
        let prefix = [scheme.as_str().as_bytes(), b"://", origin.authority.as_bytes()];
        let forwarded_to = forwarder.map(|_| prefix.concat().into());
        let authority = Authority::try_from(origin.authority.as_bytes()).ok();
        Self {
            own,
            with_defaults,
            authority: authority.filter(|_| is_http2).map(|authority| (scheme, authority)),
            forwarded_to,
            is_http2,
        }
    }

    /// What is sent for a job.
    pub(crate) fn compose<'t>(&'t self, job: &'t Job) -> Prepared<'t> {
        let message = &job.message;
        let mut headers = self.headers(job);
        Prepared {
            method: message.method.clone(),
            forwarded_to: self.forwarded_to.as_deref(),
            target: self.target(&job.target.path, &mut headers),
            headers,
            trace: None,
            body: (&message.body).into(),
        }
    }

    /// The headers that are sent for a job.
    #[inline(always)]
    pub(crate) fn headers<'t>(&'t self, job: &Job) -> Cow<'t, HeaderMap> {
        let message = &job.message;
        let mut headers = Cow::Borrowed(if message.defaults { &self.with_defaults } else { &self.own });
        if let Some(head) = &message.head {
            self.add_own(headers.to_mut(), head);
        }
        describe_body(&mut headers, &message.method, &message.body);
        if let Some(jar) = job.call.jar.as_deref().or(job.attempt.cookies.as_deref())
            && let Some(cookies) = jar.cookies_for(&job.target, headers.get(header::COOKIE))
        {
            headers.to_mut().insert(header::COOKIE, cookies);
        }
        headers
    }

    /// Adds the headers of one request to those of all.
    fn add_own(&self, headers: &mut HeaderMap, head: &Head) {
        for name in &head.removed {
            headers.remove(name);
        }
        headers.extend(head.headers.clone());
        if self.forwarded_to.is_none() {
            // A server has no business with what is meant for a proxy.
            headers.remove(header::PROXY_AUTHORIZATION);
        }
        if self.is_http2 {
            remove_connection_headers(headers);
        }
    }

    /// The path, or a whole URL where that is wanted. In HTTP/2 it takes the user's own `Host` in.
    fn target(&self, path: &PathAndQuery, headers: &mut Cow<'_, HeaderMap>) -> Uri {
        let Some((scheme, authority)) = &self.authority else { return path.clone().into() };
        let mut parts = Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority.clone());
        parts.path_and_query = Some(path.clone());
        if headers.contains_key(header::HOST)
            && let Some(host) = headers.to_mut().remove(header::HOST)
            && let Ok(own) = Authority::try_from(host.as_bytes())
        {
            parts.authority = Some(own);
        }
        // Whole parts make a whole URI.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// Those of the user's defaults that go along to another origin.
fn portable(defaults: &HeaderMap) -> HeaderMap {
    let mut portable = HeaderMap::new();
    for name in &PORTABLE {
        for value in defaults.get_all(name) {
            portable.append(name, value.clone());
        }
    }
    portable
}

/// Says of what kind a body is, and where it is empty says that.
fn describe_body(headers: &mut Cow<'_, HeaderMap>, method: &Method, body: &Body) {
    if let Some(media_type) = &body.media_type
        && !headers.contains_key(header::CONTENT_TYPE)
    {
        let value = match media_type {
            Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
            Cow::Owned(text) => HeaderValue::from_str(text),
        };
        // What cannot be said has been refused by the plan.
        headers.to_mut().extend(value.ok().map(|value| (header::CONTENT_TYPE, value)));
    }
    // Methods that give a body a meaning say so where it is empty (RFC 9110, 8.6).
    if body.is_empty() && matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        headers.to_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// Takes out what HTTP/2 has no headers for.
fn remove_connection_headers(headers: &mut HeaderMap) {
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::sync::Arc;

    use super::*;
    use crate::job::planner::Planner;
    use crate::request::Request;

    fn job(request: Request<()>) -> Box<Job> {
        Planner::new(RandomState::new()).plan(request, &Arc::default()).unwrap().1
    }

    fn get() -> Request<()> {
        Request::get((), "https://potato.example/a?b")
    }

    fn defaults(pairs: &[(&'static str, &'static str)]) -> Config {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Config { headers: pairs.collect(), ..Config::default() }
    }

    #[test]
    fn a_request_with_nothing_of_its_own_borrows_the_headers_of_all() {
        let job = job(get());
        for is_http2 in [false, true] {
            let templates = Templates::new(&defaults(&[("x-a", "b")]), &job.target.origin, is_http2, None);
            let prepared = templates.compose(&job);
            assert!(matches!(prepared.headers, Cow::Borrowed(_)));
            assert_eq!(prepared.headers["x-a"], "b");
            assert_eq!(prepared.headers.contains_key(header::HOST), !is_http2);
        }
    }

    #[test]
    fn what_one_request_says_is_said_of_no_other() {
        let (own, plain) = (job(get().header("x-a", "mine")), job(get()));
        let templates = Templates::new(&defaults(&[("x-a", "b")]), &own.target.origin, false, None);
        assert_eq!(templates.compose(&own).headers["x-a"], "mine");
        assert_eq!(templates.compose(&plain).headers["x-a"], "b");
    }

    #[test]
    fn http2_names_the_host_in_the_target_and_nothing_of_a_connection() {
        let config = defaults(&[("connection", "x"), ("te", "trailers"), ("x-a", "b")]);
        let plain = job(get());
        let own = job(get().header("host", "other.example").header("upgrade", "h2c"));
        let templates = Templates::new(&config, &plain.target.origin, true, None);
        for (job, target) in [(plain, "https://potato.example/a?b"), (own, "https://other.example/a?b")] {
            let prepared = templates.compose(&job);
            assert_eq!(prepared.target.to_string(), target);
            assert!(prepared.headers.contains_key("x-a"));
            for name in ["connection", "te", "upgrade", "host"] {
                assert!(!prepared.headers.contains_key(name), "{name}");
            }
        }
    }
}
