//! From a job to the HTTP request that is sent for it: defaults, the request's own headers, the body.

use std::borrow::Cow;

use http::header::{self, HeaderMap};
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderName, HeaderValue, Method, Uri};

use crate::body::Body;
use crate::config::Config;
use crate::cookies::Jar;
use crate::outgoing::Outgoing;
use crate::plan::Job;
use crate::proxy::Proxy;
use crate::target::Origin;

/// Headers that speak of one HTTP/1.1 connection, which HTTP/2 forbids.
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::UPGRADE,
    header::TE,
];

/// The heads that a lane's requests begin with.
pub(crate) struct Templates {
    /// What patata itself says.
    own: HeaderMap,
    /// The same with the user's defaults.
    with_defaults: HeaderMap,
    /// Where requests name it: in HTTP/2, in place of a `Host` header, and to a proxy that sends them on.
    authority: Option<(Scheme, Authority)>,
    is_http2: bool,
    is_forwarded: bool,
}

impl Templates {
    pub(crate) fn new(config: &Config, origin: &Origin, is_http2: bool, forwarder: Option<&Proxy>) -> Self {
        let mut own = HeaderMap::with_capacity(8);
        if !is_http2 {
            own.insert(header::HOST, origin.authority.clone());
        }
        own.extend(config.own_headers.clone());
        let mut with_defaults = own.clone();
        with_defaults.extend(config.headers.clone());
        if forwarder.is_none() {
            with_defaults.remove(header::PROXY_AUTHORIZATION);
        }
        if let Some(authorization) = forwarder.and_then(|proxy| proxy.authorization.as_ref()) {
            own.insert(header::PROXY_AUTHORIZATION, authorization.clone());
            with_defaults.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let scheme = if origin.tls { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = Authority::try_from(origin.authority.as_bytes()).ok();
        Self {
            own,
            with_defaults,
            authority: authority
                .filter(|_| is_http2 || forwarder.is_some())
                .map(|authority| (scheme, authority)),
            is_http2,
            is_forwarded: forwarder.is_some(),
        }
    }

    /// What is sent for a job.
    pub(crate) fn compose<T>(&self, job: &Job<T>, jar: Option<&Jar>) -> http::Request<Outgoing> {
        let message = &job.message;
        let mut request = http::Request::new((&message.body).into());
        *request.method_mut() = message.method.clone();
        *request.headers_mut() = if message.defaults { self.with_defaults.clone() } else { self.own.clone() };
        let headers = request.headers_mut();
        if let Some(head) = &message.head {
            for name in &head.removed {
                headers.remove(name);
            }
            headers.extend(head.headers.clone());
            if !self.is_forwarded {
                // A server has no business with what is meant for a proxy.
                headers.remove(header::PROXY_AUTHORIZATION);
            }
        }
        describe_body(headers, &message.method, &message.body);
        if let Some(jar) = jar
            && let Some(cookies) = jar.cookies_for(&job.target, headers.get(header::COOKIE))
        {
            headers.insert(header::COOKIE, cookies);
        }
        match &self.authority {
            None => *request.uri_mut() = job.target.path.clone().into(),
            Some((scheme, authority)) => {
                let own = self.is_http2.then(|| http2_authority(request.headers_mut())).flatten();
                let mut parts = Parts::default();
                parts.scheme = Some(scheme.clone());
                parts.authority = Some(own.unwrap_or_else(|| authority.clone()));
                parts.path_and_query = Some(job.target.path.clone());
                // Whole parts make a whole URI.
                *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
                if self.is_http2 {
                    *request.version_mut() = http::Version::HTTP_2;
                }
            }
        }
        request
    }
}

/// Says of what kind a body is, and where it is empty says that.
fn describe_body(headers: &mut HeaderMap, method: &Method, body: &Body) {
    if let Some(media_type) = &body.media_type
        && !headers.contains_key(header::CONTENT_TYPE)
    {
        let value = match media_type {
            Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
            Cow::Owned(text) => HeaderValue::from_str(text),
        };
        // What cannot be said has been refused by the plan.
        headers.extend(value.ok().map(|value| (header::CONTENT_TYPE, value)));
    }
    // Methods that give a body a meaning say so where it is empty (RFC 9110, 8.6).
    if body.is_empty() && matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// Takes out what HTTP/2 has no headers for. Returns the user's own `Host`.
fn http2_authority(headers: &mut HeaderMap) -> Option<Authority> {
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers.remove(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok())
}
