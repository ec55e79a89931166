//! What is said of an exchange, by the names that the semantic conventions have for it.

use std::borrow::Cow;

use http::Method;
use patata::{Exchange, ExchangeStart};

/// A name of the conventions, and what it is said with.
pub type Attribute = (&'static str, Value);

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Number(f64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Value {
    /// What is larger than attributes can say is said as the largest that they can.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

pub(crate) const REQUEST_METHOD: &str = "http.request.method";
pub(crate) const METHOD_ORIGINAL: &str = "http.request.method_original";
pub(crate) const RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const STATUS_CODE: &str = "http.response.status_code";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const PROTOCOL_VERSION: &str = "network.protocol.version";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const URL_FULL: &str = "url.full";

/// What stands for methods that the conventions do not know.
const OTHER: &str = "_OTHER";

/// A method by a name of which there are few.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "CONNECT" => "CONNECT",
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        "QUERY" => "QUERY",
        "TRACE" => "TRACE",
        _ => OTHER,
    }
}

/// What the span of an exchange is called.
pub(crate) fn span_name(method: &Method) -> &'static str {
    match known_method(method) {
        OTHER => "HTTP",
        known => known,
    }
}

/// What a span says of an exchange from its beginning on.
pub(crate) fn at_start(start: &ExchangeStart<'_>) -> Vec<Attribute> {
    let method = known_method(start.method());
    let mut said = Vec::with_capacity(10);
    said.push((REQUEST_METHOD, method.into()));
    if method == OTHER {
        said.push((METHOD_ORIGINAL, start.method().to_string().into()));
    }
    said.push((URL_FULL, start.url().into()));
    said.push((SERVER_ADDRESS, start.server_address().into_owned().into()));
    if let Some(port) = start.server_port() {
        said.push((SERVER_PORT, Value::Integer(port.into())));
    }
    if start.resend_count() > 0 {
        said.push((RESEND_COUNT, Value::Integer(start.resend_count().into())));
    }
    said
}

/// What is added once it has ended.
pub(crate) fn at_end(exchange: &Exchange<'_>) -> Vec<Attribute> {
    let mut said = Vec::with_capacity(3);
    if let Ok((status, _)) = exchange.result {
        said.push((STATUS_CODE, Value::Integer(status.as_u16().into())));
    }
    if let Some(version) = exchange.protocol_version() {
        said.push((PROTOCOL_VERSION, version.into()));
    }
    if let Some(error) = exchange.error_type() {
        said.push((ERROR_TYPE, Value::Text(error)));
    }
    said
}
