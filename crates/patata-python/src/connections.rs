//! The options of how connections are opened, from a dict of options to the engine's builder.

use std::collections::HashMap;
use std::net::IpAddr;
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
        "proxy" => proxy(builder, value)?,
        "resolve" => {
            let hosts: HashMap<String, Vec<IpAddr>> = value.extract()?;
            hosts.into_iter().fold(builder, |builder, (host, addresses)| builder.resolve(host, addresses))
        }
        "unix_socket" => builder.unix_socket(value.extract::<PathBuf>()?),
        "http_version" => builder.http_version(http_version(value)?),
        _ => return Err(PyValueError::new_err(format!("unknown option {name:?}"))),
    })
}

/// `False` is none, `True` is what the environment says.
fn proxy(builder: Builder, value: &Bound<'_, PyAny>) -> PyResult<Builder> {
    Ok(match value.extract::<bool>() {
        Ok(false) => builder.without_proxy(),
        Ok(true) => builder.environment_proxy(),
        Err(_) => builder.proxy(value.extract::<&str>()?),
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
