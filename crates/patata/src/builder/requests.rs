//! The options of what each request says, and of what is taken for its answer.

use http::{HeaderName, HeaderValue, header};

use crate::builder::Builder;
use crate::config::Config;
use crate::request::is_framing;

impl Builder {
    /// Whether redirects are followed, or handed out as responses. Default: followed.
    ///
    /// One that leaves the origin takes along nothing the user added: no credentials, no own headers.
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.config.max_redirects = match (follow, self.config.max_redirects) {
            (false, _) => None,
            (true, limit) => limit.or(Config::default().max_redirects),
        };
        self
    }

    /// The most redirects followed in one attempt; one more is an error. Default: 10.
    pub fn max_redirects(mut self, count: u32) -> Self {
        self.config.max_redirects = Some(count);
        self
    }

    /// The most bytes a response's body may have, before and after decoding. At least 1. Default: 64 MiB.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.config.max_response_size = self.positive("max_response_size", bytes);
        self
    }

    /// A header for all requests. A request's own header of the same name goes before it.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        match (HeaderName::from_bytes(name.as_ref().as_bytes()), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) if !is_framing(&name) => {
                self.config.headers.append(name, value);
            }
            _ => self.fail(
                "headers",
                "valid names and values without line breaks, and none that frame the body",
                format!("{:?}", name.as_ref()),
            ),
        }
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
