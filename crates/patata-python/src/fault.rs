//! The engine's errors as Python's: one exception class for each kind.

use std::sync::OnceLock;

use patata::{CertificateFault, ErrorKind, Phase};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::once::{member, once};

/// Why a response is none: what is needed to make the exception and the contract's `data`, once asked for.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    class: &'static str,
    kind: ErrorKind,
    detail: String,
    request_sent: bool,
}

impl From<patata::Error> for Fault {
    fn from(error: patata::Error) -> Self {
        let (class, kind) = (class_of(&error), error.kind());
        Self { class, kind, detail: error.to_string(), request_sent: error.request_sent() }
    }
}

/// The kind of the errors of a class, by the name that it has beyond Python; `None` for no class of an engine's error.
pub(crate) fn kind_of_class(class: &str) -> Option<&'static str> {
    match class {
        CONNECT_TIMEOUT => Some(ErrorKind::Timeout.name()),
        "CallbackError" | "CallbackProcessError" => Some("callback"),
        "FollowError" => Some("follow"),
        "PageError" | "RepeatedPageError" | "OtherOriginError" => Some("page"),
        _ if class.contains("Certificate") => Some(ErrorKind::Tls.name()),
        _ => ErrorKind::ALL.iter().find(|kind| class_of_kind(**kind) == class).map(|kind| kind.name()),
    }
}

/// The class of the errors of a kind that has a name, which may be written as one word.
pub(crate) fn class_of_name(name: &str) -> &str {
    match name {
        "callback" => "CallbackError",
        "follow" => "FollowError",
        "page" => "PageError",
        "unwritable" => "UnwritableResponseError",
        _ => match ErrorKind::from_name(name) {
            Some(kind) => class_of_kind(kind),
            None => name,
        },
    }
}

/// The class of time-outs while connecting.
pub(crate) const CONNECT_TIMEOUT: &str = "ConnectTimeoutError";

fn class_of(error: &patata::Error) -> &'static str {
    match (error.kind(), error.phase()) {
        (ErrorKind::Tls, _) => match error.certificate_fault() {
            None => "TLSError",
            Some(CertificateFault::Expired) => "CertificateExpiredError",
            Some(CertificateFault::WrongHost) => "CertificateHostnameError",
            Some(CertificateFault::SelfSigned) => "SelfSignedCertificateError",
            Some(CertificateFault::Untrusted) => "UntrustedCertificateError",
            Some(_) => "CertificateError",
        },
        (ErrorKind::Timeout, Phase::Connect) => CONNECT_TIMEOUT,
        (kind, _) => class_of_kind(kind),
    }
}

/// The class of all errors of a kind.
pub(crate) fn class_of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "InvalidRequestError",
        ErrorKind::Resolve => "ResolveError",
        ErrorKind::Connect => "ConnectError",
        ErrorKind::HostUnavailable => "HostUnavailableError",
        ErrorKind::Proxy => "ProxyError",
        ErrorKind::Tls => "TLSError",
        ErrorKind::Timeout => "RequestTimeoutError",
        ErrorKind::Protocol => "ProtocolError",
        ErrorKind::Redirect => "RedirectError",
        ErrorKind::Body => "BodyError",
        ErrorKind::Decode => "DecodeError",
        ErrorKind::TooLarge => "TooLargeError",
        ErrorKind::OutOfMemory => "OutOfMemoryError",
        ErrorKind::Save => "SaveError",
        ErrorKind::RetryIf => "RetryIfError",
        ErrorKind::Budget => "BudgetError",
        ErrorKind::NotCached => "NotCachedError",
        ErrorKind::Robots => "RobotsError",
        ErrorKind::Cancelled => "CancelledError",
        _ => "RequestError",
    }
}

impl Fault {
    /// One that a run folder tells of, by the name of its kind.
    pub(crate) fn restored(kind: &str, detail: String) -> Self {
        let known = ErrorKind::from_name(kind);
        let class = known.map_or("RequestError", class_of_kind);
        let request_sent = !matches!(
            known,
            Some(
                ErrorKind::InvalidRequest
                    | ErrorKind::Resolve
                    | ErrorKind::Connect
                    | ErrorKind::HostUnavailable
                    | ErrorKind::Proxy
                    | ErrorKind::Tls
                    | ErrorKind::NotCached
                    | ErrorKind::Robots
            )
        );
        Self { class, kind: known.unwrap_or(ErrorKind::Protocol), detail, request_sent }
    }

    /// The name of its kind.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The exception, as `response.error`.
    pub(crate) fn exception<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        class(py, self.class)?.call1((&self.detail, self.request_sent))
    }

    /// What the contract puts in the place of a response's data.
    pub(crate) fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        describe(py)?.call1((self.exception(py)?,))
    }
}

/// An exception that says what is wrong with one item of the input.
pub(crate) fn invalid_request(py: Python<'_>, message: String) -> PyErr {
    raise(py, "InvalidRequestError", message)
}

/// An exception of `patata.exceptions`, by name.
pub(crate) fn raise(py: Python<'_>, name: &str, message: String) -> PyErr {
    match class(py, name).and_then(|class| class.call1((&message,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(_) => PyRuntimeError::new_err(message),
    }
}

/// A response's error, to be raised: an equal one, as the frames in its traceback hold the response. A response
/// that holds itself would never be freed, since the cyclic garbage collector does not see it.
pub(crate) fn raised(error: &Bound<'_, PyAny>) -> PyErr {
    match copy_of_own(error) {
        Ok(copy) => PyErr::from_value(copy),
        Err(failed) => failed,
    }
}

/// What users have assigned is left as it is: not every exception can be copied.
fn copy_of_own<'py>(error: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = error.py();
    if !error.is_instance(&class(py, "RequestError")?)? && !error.is_instance(&class(py, "CallbackError")?)? {
        return Ok(error.clone());
    }
    py.import("copy")?.call_method1("copy", (error,))
}

/// The `StatusError` for a response.
pub(crate) fn status_error<T: pyo3::PyClass>(response: &Bound<'_, T>) -> PyErr {
    match class(response.py(), "StatusError").and_then(|class| class.call1((response,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Headers as Python's class for them.
pub(crate) fn headers(py: Python<'_>, pairs: Vec<(String, String)>) -> PyResult<Bound<'_, PyAny>> {
    static HEADERS: OnceLock<Py<PyAny>> = OnceLock::new();
    member(&HEADERS, py, "patata.models", "Headers")?.call1((pairs,))
}

pub(crate) fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static CLASSES: OnceLock<Py<PyDict>> = OnceLock::new();
    let classes = once(&CLASSES, || py.import("patata.exceptions").map(|module| module.dict().unbind()))?;
    let class = classes.bind(py).as_any().get_item(name)?;
    Ok(class.cast::<PyType>()?.clone().into_any())
}

pub(crate) fn describe(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static DESCRIBE: OnceLock<Py<PyAny>> = OnceLock::new();
    member(&DESCRIBE, py, "patata.exceptions", "describe")
}
