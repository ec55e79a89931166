//! The options of how connections are opened and what is spoken on them.

use std::time::Duration;

use crate::builder::Builder;
use crate::http_version::HttpVersion;

impl Builder {
    /// The longest that opening a connection may take: name, TCP and TLS. More than zero. Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.config.connect_timeout = self.duration("connect_timeout", limit);
        self
    }

    /// The versions of HTTP that may be spoken. Default: HTTP/2 where the server offers it in a TLS
    /// handshake, else HTTP/1.1.
    pub fn http_version(mut self, version: HttpVersion) -> Self {
        self.config.http_version = version;
        self
    }
}
