//! Rows whose columns have been brought into the layouts that requests are made from.

use std::time::Duration;

use arrow_array::{Array, ArrayRef, BinaryViewArray, Float64Array, RecordBatch, StringViewArray};
use arrow_schema::ArrowError;
use bytes::Bytes;
use http::Method;
use patata::{Body, Request};

use crate::columns::template::{Template, unreadable};
use crate::columns::{Part, Plan, UrlSource};
use crate::rows::Row;
use crate::values::json::Json;
use crate::values::layouts::{self, numbers, texts};
use crate::values::pairs::Pairs;
use crate::values::scalars::text;

/// A column's values, and the column's name, by which errors call it.
struct Named<V> {
    name: String,
    values: V,
}

enum Urls {
    Column(Named<StringViewArray>),
    Template {
        template: Template,
        columns: Vec<StringViewArray>,
    },
    /// They cannot be read, as is told.
    Unusable(String),
}

/// The parts of some rows' requests.
pub(crate) struct Prepared {
    default_method: Method,
    urls: Urls,
    ids: Option<Named<StringViewArray>>,
    methods: Option<Named<StringViewArray>>,
    headers: Option<Named<Pairs>>,
    params: Option<Named<Pairs>>,
    json: Option<Named<Json>>,
    forms: Option<Named<Pairs>>,
    contents: Option<Named<BinaryViewArray>>,
    timeouts: Option<Named<Float64Array>>,
    costs: Option<Named<Pairs>>,
}

impl Prepared {
    /// # Errors
    /// A value that has no form in a request, such as a time that is in no calendar: says where.
    pub(crate) fn new(plan: &Plan, rows: &RecordBatch) -> Result<Self, String> {
        let urls = match &plan.url {
            UrlSource::Column(name, path) => {
                let values = path.column(rows).and_then(|column| texts(&column));
                Urls::Column(Named {
                    name: name.clone(),
                    values: values.map_err(|cause| unreadable("url", name, cause))?,
                })
            }
            UrlSource::Template(template) => {
                Urls::Template { columns: template.read(rows)?, template: template.clone() }
            }
        };
        Ok(Self {
            default_method: plan.method.clone(),
            urls,
            ids: read(plan, rows, Part::Id, texts)?,
            methods: read(plan, rows, Part::Method, texts)?,
            headers: read(plan, rows, Part::Headers, Pairs::read)?,
            params: read(plan, rows, Part::Params, Pairs::read)?,
            json: read(plan, rows, Part::Json, Json::read)?,
            forms: read(plan, rows, Part::Form, Pairs::read)?,
            contents: read(plan, rows, Part::Content, layouts::bytes)?,
            timeouts: read(plan, rows, Part::Timeout, numbers)?,
            costs: read(plan, rows, Part::Cost, Pairs::read)?,
        })
    }

    /// Rows that make no requests, for this reason.
    pub(crate) fn unusable(plan: &Plan, problem: String) -> Self {
        Self {
            default_method: plan.method.clone(),
            urls: Urls::Unusable(problem),
            ids: None,
            methods: None,
            headers: None,
            params: None,
            json: None,
            forms: None,
            contents: None,
            timeouts: None,
            costs: None,
        }
    }

    /// The request of a row; where something is wrong with it, one that ends with the error which says so.
    pub(crate) fn request(&self, row: Row) -> Request<Row> {
        let index = row.place();
        let request = match (self.method(index), self.url(index)) {
            (Ok(method), Ok(url)) => self.filled(Request::new(row, method, url), index),
            (Err(problem), _) | (_, Err(problem)) => Request::invalid(row, problem),
        };
        match self.ids.as_ref().and_then(|ids| text(&ids.values, index)) {
            Some(id) => request.label(id),
            None => request,
        }
    }

    fn url(&self, row: usize) -> Result<String, String> {
        match &self.urls {
            Urls::Unusable(problem) => Err(problem.clone()),
            Urls::Template { template, columns } => template.url(columns, row),
            Urls::Column(Named { name, values }) => match text(values, row) {
                Some(url) => Ok(url.to_owned()),
                None => Err(format!("url: the column {name:?} is null")),
            },
        }
    }

    fn method(&self, row: usize) -> Result<Method, String> {
        let Some(Named { name, values }) = &self.methods else { return Ok(self.default_method.clone()) };
        let Some(method) = text(values, row) else { return Ok(self.default_method.clone()) };
        Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| format!("method: the column {name:?} has {method:?}, which is no method of HTTP"))
    }

    fn filled(&self, mut request: Request<Row>, row: usize) -> Request<Row> {
        let mut problem = None;
        for (name, value) in pairs("headers", self.headers.as_ref(), row, &mut problem) {
            request = request.header(name, value);
        }
        for (name, value) in pairs("params", self.params.as_ref(), row, &mut problem) {
            request = request.param(name, value);
        }
        for (unit, amount) in pairs("cost", self.costs.as_ref(), row, &mut problem) {
            match amount.parse() {
                Ok(amount) => request = request.cost(unit, amount),
                Err(_) => problem = Some(format!("cost: {amount:?} of {unit} is no number")),
            }
        }
        if let Some(Named { name, values }) = &self.timeouts
            && values.is_valid(row)
        {
            match Duration::try_from_secs_f64(values.value(row)) {
                Ok(timeout) if !timeout.is_zero() => request = request.timeout(timeout),
                _ => {
                    let seconds = values.value(row);
                    problem =
                        Some(format!("timeout: the column {name:?} has {seconds}, which is no time to wait"));
                }
            }
        }
        match self.body(row) {
            Ok(Some(body)) => request = request.body(body),
            Ok(None) => {}
            Err(wrong) => problem = Some(wrong),
        }
        match problem {
            None => request,
            Some(problem) => Request::invalid(request.tag, problem),
        }
    }

    /// What is sent: JSON, a form or content, of which a row has one at most.
    fn body(&self, row: usize) -> Result<Option<Body>, String> {
        let json = match &self.json {
            Some(Named { name, values }) => {
                values.of(row).map_err(|problem| format!("json: the column {name:?} {problem}"))?
            }
            None => None,
        };
        let form = match &self.forms {
            Some(Named { name, values }) => {
                values.of(row).map_err(|problem| format!("form: the column {name:?} {problem}"))?
            }
            None => None,
        };
        let contents = self.contents.as_ref().map(|contents| &contents.values);
        let content = contents.filter(|values| values.is_valid(row)).map(|values| values.value(row));
        let both = |first: &str, second: &str| {
            Err(format!("the row has {first} and {second}: a request has one body, let the other be null"))
        };
        match (json, form, content) {
            (Some(_), Some(_), _) => both("json", "form"),
            (Some(_), _, Some(_)) => both("json", "content"),
            (_, Some(_), Some(_)) => both("form", "content"),
            (Some(json), ..) => Ok(Some(Body::from(json).with_media_type("application/json"))),
            (_, Some(form), _) => Ok(Some(Body::form(form))),
            (.., Some(content)) => Ok(Some(Body::from(Bytes::copy_from_slice(content)))),
            (None, None, None) => Ok(None),
        }
    }
}

/// The column of a part, where it has one.
fn read<V>(
    plan: &Plan,
    rows: &RecordBatch,
    part: Part,
    read: impl FnOnce(&ArrayRef) -> Result<V, ArrowError>,
) -> Result<Option<Named<V>>, String> {
    let Some((name, path)) = plan.parts.get(&part) else { return Ok(None) };
    let values = path.column(rows).and_then(|column| read(&column));
    let values = values.map_err(|cause| unreadable(part.name(), name, cause))?;
    Ok(Some(Named { name: name.clone(), values }))
}

/// The names and values of a row, or a problem.
fn pairs(
    part: &str,
    column: Option<&Named<Pairs>>,
    row: usize,
    problem: &mut Option<String>,
) -> Vec<(String, String)> {
    let Some(Named { name, values }) = column else { return Vec::new() };
    match values.of(row) {
        Ok(pairs) => pairs.unwrap_or_default(),
        Err(wrong) => {
            *problem = Some(format!("{part}: the column {name:?} {wrong}"));
            Vec::new()
        }
    }
}
