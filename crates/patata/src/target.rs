//! Where a request goes: scheme, host and port, and a path.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;

use http::HeaderValue;
use http::uri::PathAndQuery;

use crate::error::Error;
use crate::request::redacted;

/// Scheme, host and port: what connections are opened to and kept for.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    pub(crate) host: url::Host,
    pub(crate) port: u16,
    /// The `Host` header: the port only where it is not the scheme's own.
    pub(crate) authority: HeaderValue,
    hash: u64,
}

impl Origin {
    pub(crate) fn of(url: &url::Url, hasher: &RandomState) -> Result<Self, Error> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => {
                return Err(Error::invalid(format!(
                    "URL {:?} has the scheme {other:?}; use http or https",
                    redacted(url.as_str())
                )));
            }
        };
        let host = url
            .host()
            .filter(|host| !matches!(host, url::Host::Domain("")))
            .ok_or_else(|| Error::invalid(format!("URL {:?} has no host", redacted(url.as_str()))))?
            .to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        if port == 0 {
            return Err(Error::invalid(format!("URL {:?} has port 0", redacted(url.as_str()))));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let authority = HeaderValue::try_from(authority)
            .map_err(|_| Error::invalid(format!("URL {:?} has an unusable host", redacted(url.as_str()))))?;
        let hash = hasher.hash_one((tls, &host, port));
        Ok(Self { tls, host, port, authority, hash })
    }
}

impl fmt::Display for Origin {
    /// As users know it from connection errors: `host:port`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.tls == other.tls && self.port == other.port && self.host == other.host
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A map by origin. An origin's hash is made once, with the run's random keys, and used as it is.
pub(crate) type ByOrigin<V> = HashMap<Arc<Origin>, V, BuildHasherDefault<Finished>>;

/// Hands through a hash that is finished.
#[derive(Debug, Default)]
pub(crate) struct Finished(u64);

impl Hasher for Finished {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "origins write one u64");
    }
}

/// Where one hop of a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    pub(crate) path: PathAndQuery,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.origin.tls { "https" } else { "http" };
        let authority = self.origin.authority.to_str().unwrap_or_default();
        write!(formatter, "{scheme}://{authority}{}", self.path)
    }
}
