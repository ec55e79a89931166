//! What is to be sent for one row.

use std::fmt;
use std::path::{Path, PathBuf};

use patata::{Body, Method, Request};

use crate::input::row::Row;

use super::method::method_of;
use super::own;

/// All that a row and a template say of a request.
pub struct Plan {
    url: String,
    method: Option<Method>,
    /// Without a value, what the client would send is left out.
    pub(super) headers: own::Pairs,
    /// Without a value, none is sent; and none of the template's.
    pub(super) params: own::Pairs,
    pub(super) body: Option<Body>,
    pub(super) save_to: Option<PathBuf>,
    /// By unit.
    pub(super) costs: Vec<(String, f64)>,
    /// By what errors name the row, beside another that is saved to the same file.
    pub(super) label: Option<String>,
}

impl fmt::Debug for Plan {
    /// Without what may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plan")
            .field("method", self.method())
            .field("url", &patata::redacted(&self.url))
            .finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) fn new(url: String, method: Option<Method>) -> Self {
        let (headers, params, costs) = (Vec::new(), Vec::new(), Vec::new());
        Self { url, method, headers, params, body: None, save_to: None, costs, label: None }
    }

    /// The URL, without the parameters that go behind it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The method: what is said, else POST with a body and GET without.
    pub fn method(&self) -> &Method {
        match &self.method {
            Some(method) => method,
            None if self.body.is_some() => &Method::POST,
            None => &Method::GET,
        }
    }

    /// What is sent.
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// Where the body of the response is saved.
    pub fn save_to(&self) -> Option<&Path> {
        self.save_to.as_deref()
    }

    /// Takes what a row says of its own request.
    pub(super) fn take_own(&mut self, row: &Row) -> Result<(), String> {
        if let Some(method) = own::text(row, "method")? {
            self.method = Some(method_of(&method)?);
        }
        self.headers = own::pairs(row, "headers")?.unwrap_or_default();
        self.params = own::pairs(row, "params")?.unwrap_or_default();
        self.body = own::body(row)?;
        Ok(())
    }

    /// The request, with a tag by which its outcome is known.
    pub fn into_request<T>(self, tag: T) -> Request<T> {
        let method = self.method().clone();
        let mut request = Request::new(tag, method, self.url);
        for (name, value) in self.headers {
            request = match value {
                Some(value) => request.header(name, value),
                None => request.without_header(name),
            };
        }
        for (name, value) in self.params {
            if let Some(value) = value {
                request = request.param(name, value);
            }
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(path) = self.save_to {
            request = request.stream_to(path);
        }
        for (unit, amount) in self.costs {
            request = request.cost(unit, amount);
        }
        match self.label {
            Some(label) => request.label(label),
            None => request,
        }
    }
}
