//! The rows of a table as requests of a run, and for functions of the user's as what these are shown.

use std::sync::Arc;

use arrow_array::RecordBatchReader;
use patata::Request;
use patata_arrow::{Requests, Row};
use patata_run::Id;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::convert::Conversion;
use crate::json;
use crate::raised::Raised;
use crate::request;
use crate::tag::Tag;

pub(super) type Batches = Box<dyn RecordBatchReader + Send>;

/// What a request of a table carries through the engine.
#[derive(Debug)]
pub(super) struct RowTag {
    pub(super) row: Row,
    /// What functions of the user's are shown; most runs have none.
    pub(super) shown: Option<Box<Tag>>,
}

/// The requests of a table.
pub(super) struct Input {
    requests: Requests<Batches>,
    /// What the run says of each request beyond the table, where it says something.
    conversion: Option<Conversion>,
    raised: Arc<Raised>,
    count: u64,
}

impl Input {
    pub(super) fn new(
        requests: Requests<Batches>,
        conversion: Option<Conversion>,
        raised: Arc<Raised>,
    ) -> Self {
        let conversion = conversion.filter(|conversion| conversion.has_more() || conversion.has_settle());
        Self { requests, conversion, raised, count: 0 }
    }
}

impl Iterator for Input {
    type Item = Request<RowTag>;

    fn next(&mut self) -> Option<Self::Item> {
        let (request, row) = self.requests.next()?.with_tag(());
        let Some(conversion) = &self.conversion else {
            return Some(request.with_tag(RowTag { row, shown: None }).0);
        };
        let index = self.count;
        self.count += 1;
        let completed = Python::attach(|py| {
            let item = as_request(py, &request)?;
            let id_ = item.getattr("id_")?.unbind();
            let tag = Tag { id_, item: item.clone().unbind(), ticket: None, depth: 0 };
            let request = conversion.complete(&item, &tag, index, request)?;
            Ok::<_, PyErr>(request.with_tag(RowTag { row, shown: Some(Box::new(tag)) }).0)
        });
        match completed {
            Ok(request) => Some(request),
            Err(error) => {
                self.raised.set(error);
                None
            }
        }
    }
}

/// The same with the ids by which a run folder knows them.
pub(super) struct Identified {
    input: Input,
    /// Whether ids are written as numbers.
    has_integers: bool,
}

impl Identified {
    pub(super) fn new(input: Input, has_integers: bool) -> Self {
        Self { input, has_integers }
    }

    fn id(&self, label: &str) -> Id {
        let number = if self.has_integers { label.parse::<i64>().ok() } else { None };
        number.map_or_else(|| Id::from(label), Id::from)
    }
}

impl Iterator for Identified {
    type Item = (Id, Request<RowTag>);

    fn next(&mut self) -> Option<Self::Item> {
        let request = self.input.next()?;
        let id = request.own_label().map_or(Id::None, |label| self.id(label));
        Some((id, request))
    }
}

/// A row's request as the user's functions know requests.
fn as_request<'py>(py: Python<'py>, request: &Request<()>) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    options.set_item("method", request.method().as_str())?;
    if let Some(headers) = request.headers() {
        let texts =
            headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
        options.set_item("headers", texts.collect::<Vec<_>>())?;
    }
    let mut data = py.None().into_bound(py);
    if let Some((body, bytes)) = request.own_body().and_then(|body| Some((body, body.bytes()?))) {
        let is_json = body.media_type() == Some("application/json");
        match if is_json { json::decode(py, bytes)? } else { None } {
            Some(decoded) => data = decoded,
            None => options.set_item("content", PyBytes::new(py, bytes))?,
        }
    }
    let class = py.get_type::<request::Request>();
    class.call((request.own_label(), request.url(), data), Some(&options))
}
