//! Where a request goes: scheme, host and port or a unix socket, and a path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::address::redacted::redacted;
use crate::error::Error;

/// What a socket's path is encoded with where the host stands otherwise.
const IN_A_HOST: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Scheme, host and port: what connections are opened to and kept for.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    pub(crate) host: url::Host,
    pub(crate) port: u16,
    /// The unix socket that stands in the place of host and port.
    pub(crate) socket: Option<Box<Path>>,
    /// The `Host` header: the port only where it is not the scheme's own.
    pub(crate) authority: HeaderValue,
    hash: u64,
}

impl Origin {
    /// A number that no other origin of the same client has.
    pub(crate) fn key(&self) -> u64 {
        self.hash
    }

    /// By what others know it, as `https://host:port`; one behind a unix socket they do not.
    pub(crate) fn server(&self) -> Option<String> {
        let scheme = if self.tls { "https" } else { "http" };
        self.socket.is_none().then(|| format!("{scheme}://{self}"))
    }

    pub(crate) fn of(url: &url::Url, hasher: &RandomState) -> Result<Self, Error> {
        let shown = redacted(url.as_str());
        let (tls, is_socket) = match url.scheme() {
            "http" => (false, false),
            "https" => (true, false),
            "http+unix" => (false, true),
            "https+unix" => (true, true),
            other => {
                return Err(Error::invalid(format!(
                    "URL {shown:?} has the scheme {other:?}; use http or https"
                )));
            }
        };
        let host = url
            .host()
            .filter(|host| !matches!(host, url::Host::Domain("")))
            .ok_or_else(|| Error::invalid(format!("URL {shown:?} has no host")))?
            .to_owned();
        if is_socket {
            return Self::of_socket(tls, socket_path(url, &host)?, hasher);
        }
        let port = url.port_or_known_default().unwrap_or(80);
        if port == 0 {
            return Err(Error::invalid(format!("URL {shown:?} has port 0")));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let authority = HeaderValue::try_from(authority)
            .map_err(|_| Error::invalid(format!("URL {shown:?} has an unusable host")))?;
        let hash = hasher.hash_one((tls, &host, port));
        Ok(Self { tls, host, port, socket: None, authority, hash })
    }

    /// Servers behind a unix socket know themselves as `localhost`.
    fn of_socket(tls: bool, path: PathBuf, hasher: &RandomState) -> Result<Self, Error> {
        let hash = hasher.hash_one((tls, &path));
        Ok(Self {
            tls,
            host: url::Host::Domain("localhost".to_owned()),
            port: if tls { 443 } else { 80 },
            socket: Some(path.into()),
            authority: HeaderValue::from_static("localhost"),
            hash,
        })
    }
}

/// The path that stands, percent-encoded, where the host does otherwise.
#[cfg(unix)]
fn socket_path(url: &url::Url, host: &url::Host<String>) -> Result<PathBuf, Error> {
    use std::os::unix::ffi::OsStringExt;

    let bytes: Vec<u8> = percent_decode_str(&host.to_string()).collect();
    if !bytes.starts_with(b"/") || bytes.contains(&0) || url.port().is_some() {
        return Err(Error::invalid(format!(
            "URL {:?} names no unix socket; write http+unix://%2Fpath%2Fto.sock/",
            redacted(url.as_str())
        )));
    }
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn socket_path(url: &url::Url, _: &url::Host<String>) -> Result<PathBuf, Error> {
    let shown = redacted(url.as_str());
    Err(Error::invalid(format!("URL {shown:?} names a unix socket, which this system does not have")))
}

impl fmt::Display for Origin {
    /// As users know it from connection errors: `host:port`, or the path of a unix socket.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            None => write!(formatter, "{}:{}", self.host, self.port),
            Some(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.tls == other.tls
            && self.port == other.port
            && self.host == other.host
            && self.socket == other.socket
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

impl Target {
    /// What stands between scheme and path in a URL: host and port, or the path of a unix socket, encoded.
    pub(crate) fn authority(&self) -> Cow<'_, str> {
        match &self.origin.socket {
            None => self.origin.authority.to_str().unwrap_or_default().into(),
            Some(path) => percent_encode(path.as_os_str().as_encoded_bytes(), IN_A_HOST).into(),
        }
    }

    /// Appends the URL.
    pub(crate) fn write_to(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(match (self.origin.tls, self.origin.socket.is_some()) {
            (false, false) => b"http://",
            (true, false) => b"https://",
            (false, true) => b"http+unix://",
            (true, true) => b"https+unix://",
        });
        match &self.origin.socket {
            None => buffer.extend_from_slice(self.origin.authority.as_bytes()),
            Some(_) => buffer.extend_from_slice(self.authority().as_bytes()),
        }
        buffer.extend_from_slice(self.path.as_str().as_bytes());
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Vec::with_capacity(128);
        self.write_to(&mut url);
        formatter.write_str(&String::from_utf8_lossy(&url))
    }
}
