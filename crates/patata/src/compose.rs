//! From a job to the HTTP request that is sent for it: defaults, the request's own headers, the body.

use http::HeaderValue;
use http::header::{self, HeaderMap};

use crate::body::Outgoing;
use crate::config::Config;
use crate::plan::Job;
use crate::target::Origin;

/// The heads that a lane's requests begin with.
pub(crate) struct Templates {
    /// What patata itself says.
    own: HeaderMap,
    /// The same with the user's defaults.
    with_defaults: HeaderMap,
}

impl Templates {
    pub(crate) fn new(config: &Config, origin: &Origin) -> Self {
        let mut own = HeaderMap::with_capacity(8);
        own.insert(header::HOST, origin.authority.clone());
        own.extend(config.own_headers.clone());
        let mut with_defaults = own.clone();
        with_defaults.extend(config.headers.clone());
        Self { own, with_defaults }
    }

    /// What is sent for a job.
    pub(crate) fn compose<T>(&self, job: &Job<T>) -> http::Request<Outgoing> {
        let message = &job.message;
        let mut request = http::Request::new(message.body.clone().into());
        *request.method_mut() = message.method.clone();
        *request.uri_mut() = job.target.path.clone().into();
        *request.headers_mut() = if message.defaults { self.with_defaults.clone() } else { self.own.clone() };
        if let Some(headers) = &message.headers {
            request.headers_mut().extend((**headers).clone());
        }
        // Methods that give a body a meaning say so where it is empty (RFC 9110, 8.6).
        if message.body.is_empty() && matches!(message.method.as_str(), "POST" | "PUT" | "PATCH") {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }
}
