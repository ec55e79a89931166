//! From an item of the user's input to a request of the engine's.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use patata::{Attempt, HeaderName, HeaderValue, Method, PathTemplate};
use patata_run::FIRST_FOLLOW_UP;
use pyo3::exceptions::{PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::borrowing::shared;
use crate::control;
use crate::fault;
use crate::json;
use crate::raised::Raised;
use crate::request::Request;
use crate::response::Response;
use crate::shown;
use crate::tag::Tag;
use crate::values;

type EngineRequest = patata::Request<Tag>;

/// The user's functions that requests carry along. Clones share them, and one of these shows them to the garbage
/// collector for all.
#[derive(Debug, Default, Clone)]
pub(crate) struct Functions {
    /// Says by what a request is authorised.
    auth: Option<Arc<Py<PyAny>>>,
    /// Says whether a response is worth another attempt.
    retry_if: Option<Arc<Py<PyAny>>>,
    /// Says what a request did cost.
    pub(crate) settle: Option<Arc<Py<PyAny>>>,
}

impl Functions {
    /// Whether requests carry none along.
    fn are_none(&self) -> bool {
        self.auth.is_none() && self.retry_if.is_none()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let all = self.auth.iter().chain(&self.retry_if).chain(&self.settle);
        all.into_iter().try_for_each(|function| visit.call(&**function))
    }
}

/// How the items of one run become requests.
#[derive(Debug)]
pub(crate) struct Conversion {
    method: Method,
    functions: Functions,
    stream_to: Option<StreamTo>,
    cost: Option<Cost>,
    units: Units,
    /// For what a function of the user's raises that is no failure of a request: Ctrl-C.
    raised: Arc<Raised>,
    /// How many items there have been.
    count: u64,
    /// How many have joined the call that have no place in a run folder.
    joined: u64,
}

/// The units that requests may cost something in.
#[derive(Debug, Default)]
pub(crate) struct Units {
    /// Those that there are budgets of; `None` where a shared budget has not said yet which it has: else the engine says it.
    budgeted: Option<Vec<String>>,
    takes_any: bool,
}

impl Units {
    /// Of a run with these options.
    pub(crate) fn of(engine: &patata::Client) -> Self {
        Self { budgeted: engine.budget_units(), takes_any: engine.takes_any_unit() }
    }

    fn have(&self, unit: &str) -> bool {
        let is_budgeted = |units: &Vec<String>| units.iter().any(|known| known == unit);
        self.takes_any || self.budgeted.as_ref().is_none_or(is_budgeted)
    }
}

impl std::fmt::Display for Units {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.budgeted.as_deref().unwrap_or_default() {
            [] => formatter.write_str("none"),
            units => formatter.write_str(&units.join(", ")),
        }
    }
}

/// What requests cost that say nothing of it themselves.
#[derive(Debug)]
enum Cost {
    Amounts(Vec<(String, f64)>),
    Function(Py<PyAny>),
}

/// Where the bodies of responses are saved.
#[derive(Debug)]
enum StreamTo {
    Template(PathTemplate),
    Function(Py<PyAny>),
}

impl Conversion {
    /// For the options of a run, which has budgets of these units.
    ///
    /// # Errors
    /// Names the option that cannot be used.
    pub(crate) fn new(
        method: &str,
        options: &Bound<'_, PyDict>,
        raised: Arc<Raised>,
        units: Units,
    ) -> PyResult<Self> {
        let auth = options.get_item("auth")?.filter(|auth| auth.is_callable());
        let stream_to = options.get_item("stream_to")?.map(|given| StreamTo::new(&given)).transpose()?;
        Ok(Self {
            method: control::method(options.py(), method)?,
            raised,
            functions: Functions {
                auth: auth.map(|auth| Arc::new(auth.unbind())),
                retry_if: options.get_item("retry_if")?.map(|function| Arc::new(function.unbind())),
                settle: options.get_item("settle")?.map(|function| Arc::new(function.unbind())),
            },
            stream_to,
            cost: options.get_item("cost")?.map(|given| Cost::new(&given)).transpose()?,
            units,
            count: 0,
            joined: 0,
        })
    }

    /// The request that an item stands for.
    ///
    /// # Errors
    /// An item of the wrong type, of which the message says what it is and where it stands. What is wrong with
    /// a request's content is no error here: it ends as that request's own response.
    pub(crate) fn request(&mut self, item: &Bound<'_, PyAny>) -> PyResult<EngineRequest> {
        let index = self.count;
        self.count += 1;
        self.request_at(item, index)
    }

    /// The same of one that joins the call while it is under way: its place in a run folder, or one of its own behind all that
    /// an input may have, so that the places of the input's are always the same.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub(crate) fn joining_request(
        &mut self,
        item: &Bound<'_, PyAny>,
        position: Option<u64>,
    ) -> PyResult<EngineRequest> {
        let place = position.unwrap_or_else(|| {
            self.joined += 1;
            FIRST_FOLLOW_UP + self.joined - 1
        });
        self.request_at(item, place)
    }

    /// The same of one that has this place in the call, whatever there has been before.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub(crate) fn request_at(&self, item: &Bound<'_, PyAny>, index: u64) -> PyResult<EngineRequest> {
        let mut request = self.read(item)?.ok_or_else(|| unusable(item, index))?;
        if self.has_more() {
            let tag = request.tag.clone_ref(item.py());
            request = self.complete(item, &tag, index, request)?;
        }
        if let Some(mut costs) = request.costs()
            && let Some((unit, _)) = costs.find(|(unit, _)| !self.units.have(unit))
        {
            return Err(self.unknown_unit(item, index, unit));
        }
        Ok(request)
    }

    /// Whether the run says more of each request than the request itself.
    pub(crate) fn has_more(&self) -> bool {
        !(self.functions.are_none() && self.stream_to.is_none() && self.cost.is_none())
    }

    /// Whether the user's function is asked what requests did cost.
    pub(crate) fn has_settle(&self) -> bool {
        self.functions.settle.is_some()
    }

    /// The functions that requests carry along.
    pub(crate) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// What is held for Python besides these, for the garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(StreamTo::Function(function)) = &self.stream_to {
            visit.call(function)?;
        }
        match &self.cost {
            Some(Cost::Function(function)) => visit.call(function),
            _ => Ok(()),
        }
    }

    /// Lets go of all of the user's functions.
    pub(crate) fn clear(&mut self) {
        (self.functions, self.stream_to, self.cost) = (Functions::default(), None, None);
    }

    /// What is raised for an item that costs something that there is no budget of.
    fn unknown_unit(&self, item: &Bound<'_, PyAny>, index: u64, unit: &str) -> PyErr {
        let known = self.units.to_string();
        let message = format!(
            "{} costs {unit}, of which there is no budget; there are budgets of: {known}. Add {unit} to budgets, or \
             leave it out of cost. It is item {index} of the input, counted from 0",
            shown::of(item)
        );
        fault::invalid_request(item.py(), message)
    }

    /// `None` for what is no request.
    fn read(&self, item: &Bound<'_, PyAny>) -> PyResult<Option<EngineRequest>> {
        if let Ok(request) = item.cast::<Request>() {
            let request = shared(request)?;
            let py = item.py();
            let (id_, url, data) = (request.id_.bind(py), request.url.bind(py), request.data.bind(py));
            if !request.has_options() {
                return build(item, id_, url, Some(data), self.method.clone());
            }
            let method = request.method(py)?.unwrap_or_else(|| self.method.clone());
            let Some(plain) = build(item, id_, url, None, method)? else { return Ok(None) };
            return or_invalid(py, plain, |plain| with_options(py, plain, &request)).map(Some);
        }
        let Ok(tuple) = item.cast::<PyTuple>() else { return Ok(None) };
        let method = self.method.clone();
        match tuple.len() {
            2 => build(item, &tuple.get_item(0)?, &tuple.get_item(1)?, None, method),
            3 => build(item, &tuple.get_item(0)?, &tuple.get_item(1)?, Some(&tuple.get_item(2)?), method),
            _ => Ok(None),
        }
    }

    /// Adds what the run says of each request: by what it is authorised, where its response goes, and whether
    /// that is the last one. Functions of the user's are shown the item, and responses with this tag.
    pub(crate) fn complete<T>(
        &self,
        item: &Bound<'_, PyAny>,
        tag: &Tag,
        index: u64,
        request: patata::Request<T>,
    ) -> PyResult<patata::Request<T>> {
        let py = item.py();
        or_invalid(py, request, |mut request| {
            if let Some(stream_to) = &self.stream_to {
                let path = stream_to.path(item, tag.id_.bind(py), index)?;
                let label = tag.id_.bind(py).repr()?;
                request = request.stream_to(path).label(label.to_string_lossy());
            }
            if let Some(cost) = self.cost.as_ref().filter(|_| request.costs().is_none()) {
                request = priced(request, cost.of(item)?);
            }
            if let Some(auth) = &self.functions.auth {
                let (auth, asked) = (auth.clone(), as_request(item)?.unbind());
                let raised = self.raised.clone();
                request = request.auth(move |_| authorization(&auth, &asked, &raised));
            }
            if let Some(retry_if) = &self.functions.retry_if {
                let (retry_if, tag) = (retry_if.clone(), tag.clone_ref(py));
                let raised = self.raised.clone();
                request =
                    request.try_retry_if(move |attempt| asks_for_another(&retry_if, &tag, attempt, &raised));
            }
            Ok(request)
        })
    }
}

/// Finds what is wrong with the options of a call that the engine does not know.
pub(crate) fn check(options: &Bound<'_, PyDict>) -> PyResult<()> {
    options.get_item("stream_to")?.map_or(Ok(()), |given| StreamTo::new(&given).map(drop))?;
    options.get_item("cost")?.map_or(Ok(()), |given| Cost::new(&given).map(drop))
}

impl Cost {
    fn new(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        if given.is_callable() {
            return Ok(Self::Function(given.clone().unbind()));
        }
        values::amounts("cost", given).map(Self::Amounts)
    }

    /// What the request of an item costs.
    fn of(&self, item: &Bound<'_, PyAny>) -> PyResult<Vec<(String, f64)>> {
        match self {
            Self::Amounts(amounts) => Ok(amounts.clone()),
            Self::Function(function) => {
                let py = item.py();
                let called = function.bind(py).call1((as_request(item)?,));
                let said = called.map_err(|error| match error.is_instance_of::<PyException>(py) {
                    true => PyValueError::new_err(format!("cost failed for {}: {error}", shown::of(item))),
                    // Ctrl-C.
                    false => error,
                })?;
                values::amounts("what cost returns", &said).map_err(|error| {
                    PyValueError::new_err(format!("{} for {}", error.value(py), shown::of(item)))
                })
            }
        }
    }
}

/// A request that costs so much.
fn priced<T>(request: patata::Request<T>, amounts: Vec<(String, f64)>) -> patata::Request<T> {
    amounts.into_iter().fold(request, |request, (unit, amount)| request.cost(unit, amount))
}

/// A request that `change` fails on is refused with what it failed with, as its own response.
fn or_invalid<T>(
    py: Python<'_>,
    request: patata::Request<T>,
    change: impl FnOnce(patata::Request<()>) -> PyResult<patata::Request<()>>,
) -> PyResult<patata::Request<T>> {
    let (request, tag) = request.with_tag(());
    match change(request) {
        Ok(changed) => Ok(changed.with_tag(tag).0),
        Err(error) => invalid(py, tag, error),
    }
}

fn invalid<T>(py: Python<'_>, tag: T, error: PyErr) -> PyResult<patata::Request<T>> {
    // Ctrl-C is none of the request's own.
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    Ok(patata::Request::invalid(tag, error.value(py).to_string()))
}

impl StreamTo {
    fn new(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        if given.is_callable() {
            return Ok(Self::Function(given.clone().unbind()));
        }
        let template: std::path::PathBuf = given.extract()?;
        let template = PathTemplate::new(&template.to_string_lossy());
        template.map(Self::Template).map_err(crate::options::unusable)
    }

    fn path(
        &self,
        item: &Bound<'_, PyAny>,
        id_: &Bound<'_, PyAny>,
        index: u64,
    ) -> PyResult<std::path::PathBuf> {
        match self {
            Self::Template(template) => {
                let path = template.path(file_name(&id_.str()?)?, index);
                path.map_err(PyValueError::new_err)
            }
            Self::Function(function) => {
                let path = function.bind(item.py()).call1((as_request(item)?,))?;
                path.extract().map_err(|_| {
                    PyTypeError::new_err(format!(
                        "stream_to must return a str or a path, it returned {}",
                        path.get_type()
                    ))
                })
            }
        }
    }
}

/// A text as the name of a file: bytes that are no text in the file system's coding, which Python has as surrogates,
/// are those bytes again.
fn file_name(text: &Bound<'_, PyString>) -> PyResult<OsString> {
    let name = text.extract();
    #[cfg(unix)]
    if name.is_err() {
        use std::os::unix::ffi::OsStringExt;
        // Other surrogates stand for nothing, and have their own bytes all the same.
        let bytes: Vec<u8> = text.call_method1("encode", ("utf-8", "surrogatepass"))?.extract()?;
        return Ok(OsString::from_vec(bytes));
    }
    name
}

/// The item as a `Request`, which a tuple is made into.
pub(crate) fn as_request<'py>(item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match item.cast::<PyTuple>() {
        Ok(tuple) => item.py().get_type::<Request>().call1(tuple.clone()),
        Err(_) => Ok(item.clone()),
    }
}

/// What the user's function says: the value of `Authorization`, or the name and value of a header.
fn authorization(
    auth: &Py<PyAny>,
    request: &Py<PyAny>,
    raised: &Raised,
) -> Result<(HeaderName, HeaderValue), Box<dyn std::error::Error + Send + Sync>> {
    // It is called on the caller's thread, inside `__next__`.
    Python::attach(|py| {
        let said = call(auth.bind(py), request.bind(py), raised)?;
        let (name, value) = match said.cast::<PyString>() {
            Ok(value) => ("authorization".to_owned(), value.to_str()?.to_owned()),
            Err(_) => values::pair_of_texts(&said).ok_or_else(|| {
                PyTypeError::new_err(format!(
                    "auth must return the value of Authorization as a str, or (header name, value), it \
                     returned {}",
                    said.get_type()
                ))
            })?,
        };
        Ok((name.parse()?, value.parse().map_err(|_| "the value cannot stand in a header")?))
    })
}

/// What the user's function says of a response: whether there is to be another attempt.
fn asks_for_another(
    retry_if: &Py<PyAny>,
    tag: &Tag,
    attempt: &Attempt<'_>,
    raised: &Raised,
) -> Result<bool, PyErr> {
    // It is called on the caller's thread, inside `__next__`.
    Python::attach(|py| {
        let response = Bound::new(py, Response::of_attempt(tag.clone_ref(py), attempt))?;
        call(retry_if.bind(py), &response, raised)?.is_truthy()
    })
}

/// Calls a function of the user's. Ctrl-C in it is no failure of a request, and is kept for who can raise it.
fn call<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
    raised: &Raised,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    function.call1((argument,)).inspect_err(|error| {
        if !error.is_instance_of::<PyException>(py) {
            raised.set(error.clone_ref(py));
        }
    })
}

/// `None` where the URL is no text.
fn build(
    item: &Bound<'_, PyAny>,
    id_: &Bound<'_, PyAny>,
    url: &Bound<'_, PyAny>,
    data: Option<&Bound<'_, PyAny>>,
    method: Method,
) -> PyResult<Option<EngineRequest>> {
    let Ok(text) = url.cast::<PyString>() else { return Ok(None) };
    let tag = Tag { id_: id_.clone().unbind(), item: item.clone().unbind(), ticket: None, depth: 0 };
    let Ok(url) = text.to_str() else {
        let message = format!("URL {} is not valid Unicode", shown::of(url));
        return Ok(Some(patata::Request::invalid(tag, message)));
    };
    let request = patata::Request::new(tag, method, url);
    let request = match data {
        Some(data) if !data.is_none() => match json::encode("data", data) {
            Ok(body) => request.body(patata::Body::from(body).with_media_type("application/json")),
            Err(error) => invalid(data.py(), request.tag, error)?,
        },
        _ => request,
    };
    Ok(Some(request))
}

/// Adds what a request says of itself beyond id, URL and data.
fn with_options(
    py: Python<'_>,
    mut engine: patata::Request<()>,
    request: &Request,
) -> PyResult<patata::Request<()>> {
    if let Some(headers) = &request.headers {
        for (name, value) in values::pairs("headers", headers.bind(py))? {
            engine = match values::header_value(&name, &value)? {
                Some(value) => engine.header(&name, value),
                None => engine.without_header(&name),
            };
        }
    }
    if let Some(params) = &request.params {
        for (name, value) in values::texts("params", params.bind(py))? {
            engine = engine.param(name, value);
        }
    }
    if let Some(body) = request.body(py).body()? {
        engine = engine.body(body);
    }
    if let Some(amounts) = request.costs(py)? {
        engine = priced(engine, amounts);
    }
    if let Some(seconds) = request.timeout(py)? {
        engine = engine.timeout(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    Ok(engine)
}

/// Whether an item is of a kind that a request is made of; what is wrong with its content is another matter.
#[pyfunction]
pub(crate) fn is_request(item: &Bound<'_, PyAny>) -> bool {
    let Ok(tuple) = item.cast::<PyTuple>() else { return item.is_instance_of::<Request>() };
    matches!(tuple.len(), 2 | 3) && tuple.get_item(1).is_ok_and(|url| url.is_instance_of::<PyString>())
}

fn unusable(item: &Bound<'_, PyAny>, index: u64) -> PyErr {
    let message = format!(
        "{} is not a request: give Request(id_, url, data=None), (id, url) or (id, url, data), with a str as \
         url. It is item {index} of the input, counted from 0, and of type {}",
        shown::of(item),
        shown::class_of(item)
    );
    fault::invalid_request(item.py(), message)
}
