//! The options of how connections are opened, from a dict of options to the engine's builder.

use std::path::PathBuf;

use patata::{Builder, HttpVersion, TlsVersion};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Sets one option, which Python has checked.
pub(crate) fn option(builder: Builder, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
    Ok(match name {
        "verify" => verify(builder, value)?,
        "cert" => {
            let (certificate, key): (PathBuf, Option<PathBuf>) = value.extract()?;
            builder.cert(certificate, key.as_deref())
        }
        "min_tls_version" => builder.min_tls_version(tls_version(value)?),
        "http_version" => builder.http_version(http_version(value)?),
        _ => return Err(PyValueError::new_err(format!("unknown option {name:?}"))),
    })
}

fn verify(builder: Builder, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
    Ok(match value.extract::<bool>() {
        Ok(verify) => builder.verify(verify),
        Err(_) => builder.ca_file(value.extract::<PathBuf>()?),
    })
}

fn tls_version(value: &Bound<'_, PyAny>) -> PyResult<TlsVersion> {
    match value.extract::<&str>()? {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        other => Err(PyValueError::new_err(format!("unknown version of TLS {other:?}"))),
    }
}

fn http_version(value: &Bound<'_, PyAny>) -> PyResult<HttpVersion> {
    match value.extract::<&str>()? {
        "auto" => Ok(HttpVersion::Auto),
        "1.1" => Ok(HttpVersion::Http1),
        "2" => Ok(HttpVersion::Http2),
        other => Err(PyValueError::new_err(format!("unknown version of HTTP {other:?}"))),
    }
}
