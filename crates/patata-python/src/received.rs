//! What a response says beyond status and body: as the engine gave it, or as it came from another process.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use patata::{Headers, Url, Version};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

/// Kept as it came: most of it is never asked for.
#[derive(Debug)]
pub(crate) enum Received {
    /// Nothing: the user has made the response.
    None,
    /// No response, to what was asked for.
    Fault {
        url: Box<str>,
    },
    Here {
        headers: Headers,
        url: Url,
        version: Version,
        path: Option<Arc<std::path::Path>>,
    },
    /// What [`Received::packed`] made, in another process.
    Packed(Bytes),
}

/// The same as plain values.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Plain {
    /// Values as latin-1, which has a character for each byte.
    headers: Vec<(String, String)>,
    url: String,
    /// Empty for a fault.
    version: String,
    path: Option<PathBuf>,
}

impl From<patata::Response> for Received {
    fn from(response: patata::Response) -> Self {
        let patata::Response { headers, url, version, saved_to: path, .. } = response;
        Self::Here { headers, url, version, path }
    }
}

impl From<&patata::Error> for Received {
    fn from(error: &patata::Error) -> Self {
        Self::Fault { url: error.url().into() }
    }
}

impl Received {
    /// Whether the response was made by hand.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Names and values, latin-1 as text.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        match self {
            Self::None | Self::Fault { .. } => Vec::new(),
            Self::Here { headers, .. } => {
                headers.iter().map(|(name, value)| (name.to_owned(), latin1(value))).collect()
            }
            Self::Packed(packed) => plain(packed).headers,
        }
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::None | Self::Fault { .. } => None,
            Self::Here { headers, .. } => headers.get(name).map(Cow::Borrowed),
            Self::Packed(packed) => {
                let found = plain(packed).headers.into_iter().find(|(other, _)| other == name);
                found.map(|(_, value)| Cow::Owned(value.into_bytes()))
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Fault { url } => url.to_string(),
            Self::Here { url, .. } => url.to_string(),
            Self::Packed(packed) => plain(packed).url,
        }
    }

    /// As the option `http_version` has it.
    pub(crate) fn version(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::None | Self::Fault { .. } => None,
            Self::Here { version, .. } => Some(version_name(*version).into()),
            Self::Packed(packed) => {
                Some(plain(packed).version).filter(|version| !version.is_empty()).map(Cow::Owned)
            }
        }
    }

    /// The file that has the body.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::None | Self::Fault { .. } => None,
            Self::Here { path, .. } => path.as_deref().map(PathBuf::from),
            Self::Packed(packed) => plain(packed).path,
        }
    }

    /// All of it as bytes, for another process.
    pub(crate) fn packed(&self) -> PyResult<Option<Bytes>> {
        let plain = match self {
            Self::None => return Ok(None),
            Self::Packed(packed) => return Ok(Some(packed.clone())),
            Self::Fault { url } => Plain { url: url.to_string(), ..Plain::default() },
            Self::Here { version, .. } => Plain {
                headers: self.headers(),
                url: self.url(),
                version: version_name(*version).to_owned(),
                path: self.path(),
            },
        };
        let packed = serde_json::to_vec(&plain).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Some(packed.into()))
    }

    /// What a run folder tells of a response.
    pub(crate) fn restored(
        headers: Vec<(String, String)>,
        url: String,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let plain = Plain { headers, url, version: String::new(), path };
        let packed = serde_json::to_vec(&plain).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self::Packed(packed.into()))
    }

    /// What was packed.
    pub(crate) fn unpack(packed: Option<&[u8]>) -> Self {
        packed.map_or(Self::None, |packed| Self::Packed(Bytes::copy_from_slice(packed)))
    }
}

/// What `packed` made; whoever passes something else has made nothing of it.
fn plain(packed: &[u8]) -> Plain {
    serde_json::from_slice(packed).unwrap_or_default()
}

fn latin1(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
