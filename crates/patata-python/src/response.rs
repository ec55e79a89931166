//! The Python class `Response`: made for every outcome, so it holds what came and converts when asked.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use patata::{Attempt, CacheStatus, Charge, Outcome};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::convert;
use crate::fault::{self, Fault};
use crate::folder::Pending;
use crate::json;
use crate::received::Received;
use crate::tag::Tag;

/// What came back for one request.
#[pyclass(module = "patata.models", subclass)]
#[derive(Debug)]
pub(crate) struct Response {
    #[pyo3(get, set)]
    pub(crate) id_: Py<PyAny>,
    /// The item of the input that it answers, as it came, or the `Request` that has been made of it.
    request: Option<Py<PyAny>>,
    status: Status,
    pub(crate) body: Bytes,
    /// What has been made of the body or the failure, or assigned.
    pub(crate) data: Option<Py<PyAny>>,
    pub(crate) error: Failure,
    pub(crate) received: Received,
    pub(crate) attempts: u32,
    /// How many responses have led to its request.
    pub(crate) depth: u32,
    retry_denied: bool,
    /// How far it has come from a cache.
    pub(crate) cached: CacheStatus,
    /// In nanoseconds, which take less room than a `Duration`.
    pub(crate) elapsed: u64,
    /// The budget that it has waited for, where it has.
    waited: Option<Box<Waited>>,
    /// Where it is to be written down once callbacks have had it: what is wanted for that.
    pub(crate) pending: Option<Box<Pending>>,
}

/// A budget that a request has waited for, and for how long.
#[derive(Debug)]
struct Waited {
    budget: String,
    time: Duration,
}

impl Waited {
    /// That which it has waited for the longest.
    fn of(charge: &Charge) -> Option<Box<Self>> {
        let (budget, time) = charge.waits().max_by_key(|(_, time)| *time)?;
        Some(Box::new(Self { budget: budget.to_string(), time }))
    }
}

#[derive(Debug)]
enum Status {
    Code(u16),
    /// What the user has assigned.
    Assigned(Py<PyAny>),
}

#[derive(Debug)]
pub(crate) enum Failure {
    None,
    Fault(Box<Fault>),
    /// What has been made of a fault, or assigned.
    Exception(Py<PyAny>),
}

/// Id, status code, data where it is not what the body says, the body, the error, and the rest.
type State<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Bound<'py, PyBytes>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyBytes>>,
    Effort,
);

/// Attempts, whether one more was denied, nanoseconds; the budget that was waited for, with its own; the depth;
/// and how far it has come from a cache.
type Effort = (u32, bool, u64, Option<(String, u64)>, u32, String);

/// What is shown of a body: its first bytes, these as text, how many there are, and the data.
type Glimpse<'py> = (Bound<'py, PyBytes>, String, usize, Option<Bound<'py, PyAny>>);

/// The module that shows responses to people.
const SHOWN_BY: &str = "patata._shown.response";

/// What a fault's status code is, as it was in the older package.
const FAULT_STATUS: u16 = 500;

/// A body of this size may be one that there is no memory for.
const LARGE: usize = 1 << 20;

/// 64 bits of nanoseconds are 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How much of a body is shown that is not what was expected.
const SHOWN: usize = 60;

/// A body as Python has it.
///
/// # Errors
/// `MemoryError` where there is no memory for it, which would be a panic otherwise.
fn bytes<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    if body.len() < LARGE {
        return Ok(PyBytes::new(py, body));
    }
    // Filled with zeros first, which small ones are spared.
    PyBytes::new_with(py, body.len(), |memory| {
        memory.copy_from_slice(body);
        Ok(())
    })
}

impl Response {
    /// Shows what it holds for Python to the garbage collector, wherever it is kept.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.id_)?;
        if let Some(request) = &self.request {
            visit.call(request)?;
        }
        if let Status::Assigned(status) = &self.status {
            visit.call(status)?;
        }
        if let Failure::Exception(error) = &self.error {
            visit.call(error)?;
        }
        if let Some(found) = self.pending.as_ref().and_then(|pending| pending.found.as_ref()) {
            found.items.iter().try_for_each(|item| visit.call(item))?;
        }
        self.data.iter().try_for_each(|data| visit.call(data))
    }

    pub(crate) fn new(outcome: Outcome<Tag>) -> Self {
        let Outcome {
            tag: Tag { id_, item, depth, .. },
            attempts,
            retry_denied,
            elapsed,
            charge,
            result,
            ..
        } = outcome;
        let waited = charge.as_deref().and_then(Waited::of);
        match result {
            Ok(response) => {
                Self { retry_denied, waited, depth, ..Self::answered(id_, item, response, attempts, elapsed) }
            }
            Err(error) => Self {
                id_,
                request: Some(item),
                status: Status::Code(FAULT_STATUS),
                body: Bytes::new(),
                data: None,
                received: Received::from(&error),
                error: Failure::Fault(Box::new(error.into())),
                attempts,
                depth,
                retry_denied,
                cached: CacheStatus::Sent,
                elapsed: nanoseconds(elapsed),
                waited,
                pending: None,
            },
        }
    }

    /// What has been answered, for the user's function that judges whether it is the last one.
    pub(crate) fn of_attempt(tag: Tag, attempt: &Attempt<'_>) -> Self {
        Self::of_answer(tag, attempt.response.clone(), attempt.attempts, attempt.elapsed)
    }

    /// What has been answered, for a function of the user's that is asked about it.
    pub(crate) fn of_answer(tag: Tag, response: patata::Response, attempts: u32, elapsed: Duration) -> Self {
        let Tag { id_, item, depth, .. } = tag;
        Self { depth, ..Self::answered(id_, item, response, attempts, elapsed) }
    }

    /// One that is to be written down once callbacks have had it.
    pub(crate) fn recordable(mut outcome: Outcome<Tag>, is_ok: bool) -> Self {
        let status = outcome.result.as_ref().ok().map(|response| response.status.as_u16());
        let ticket = outcome.tag.ticket.take();
        let pending = ticket.map(|ticket| Box::new(Pending { ticket, is_ok, status, found: None }));
        Self { pending, ..Self::new(outcome) }
    }

    /// One that a run folder tells of; `status` is that of an answer.
    #[expect(clippy::too_many_arguments, reason = "they are what a row has")]
    pub(crate) fn restored(
        id_: Py<PyAny>,
        status: Option<u16>,
        body: Bytes,
        data: Option<Py<PyAny>>,
        error: Failure,
        received: Received,
        attempts: u32,
        elapsed: Duration,
    ) -> Self {
        Self {
            id_,
            request: None,
            status: Status::Code(status.unwrap_or(FAULT_STATUS)),
            body,
            data,
            error,
            received,
            attempts,
            depth: 0,
            retry_denied: false,
            cached: CacheStatus::Sent,
            elapsed: nanoseconds(elapsed),
            waited: None,
            pending: None,
        }
    }

    fn answered(
        id_: Py<PyAny>,
        item: Py<PyAny>,
        response: patata::Response,
        attempts: u32,
        elapsed: Duration,
    ) -> Self {
        let cached = response.cached;
        Self {
            id_,
            request: Some(item),
            status: Status::Code(response.status.as_u16()),
            body: response.body.clone(),
            data: None,
            error: Failure::None,
            received: Received::from(response),
            attempts,
            depth: 0,
            retry_denied: false,
            cached,
            elapsed: nanoseconds(elapsed),
            waited: None,
            pending: None,
        }
    }

    /// The three fields, and the error of a failure: it goes in the place of data that only describe it.
    fn shown(&mut self, py: Python<'_>, separator: &str) -> PyResult<String> {
        let mut fields = vec![
            format!("id_={}", self.id_.bind(py).repr()?),
            format!("status_code={}", self.get_status_code(py)?.repr()?),
        ];
        let (data, error) = (self.get_data(py)?, self.get_error(py)?);
        let is_description = match &error {
            Some(error) => data.eq(fault::describe(py)?.call1((error,))?)?,
            None => false,
        };
        if !is_description {
            fields.push(format!("data={}", data.repr()?));
        }
        if let Some(error) = error {
            fields.push(format!("error={}", error.repr()?));
        }
        Ok(fields.join(separator))
    }

    fn decoded_text(&self) -> Cow<'_, str> {
        patata::decode_text(self.received.header("content-type").as_deref(), &self.body)
    }

    /// The body's JSON. Which charset it is in is only asked where it may make a difference.
    pub(crate) fn parsed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let is_ascii = self.body.is_ascii();
        if is_ascii && let Some(value) = json::decode(py, &self.body)? {
            return Ok(Some(value));
        }
        let content_type = self.received.header("content-type");
        match patata::decode_json(content_type.as_deref(), &self.body) {
            Cow::Borrowed(_) if is_ascii => Ok(None),
            body => json::decode(py, &body),
        }
    }

    fn is_error_status(&self, py: Python<'_>) -> PyResult<bool> {
        let code = self.get_status_code(py)?.extract::<u16>();
        Ok(code.is_ok_and(|code| code >= 400))
    }
}

#[pymethods]
impl Response {
    #[new]
    #[pyo3(signature = (id_, status_code, data))]
    fn create(id_: Py<PyAny>, status_code: Py<PyAny>, data: Py<PyAny>) -> Self {
        Self {
            id_,
            request: None,
            status: Status::Assigned(status_code),
            body: Bytes::new(),
            data: Some(data),
            error: Failure::None,
            received: Received::None,
            attempts: 0,
            depth: 0,
            retry_denied: false,
            cached: CacheStatus::Sent,
            elapsed: 0,
            waited: None,
            pending: None,
        }
    }

    #[getter]
    pub(crate) fn get_status_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.status {
            Status::Code(code) => Ok(code.into_pyobject(py)?.into_any()),
            Status::Assigned(value) => Ok(value.bind(py).clone()),
        }
    }

    #[setter]
    fn set_status_code(&mut self, value: Py<PyAny>) {
        self.status = Status::Assigned(value);
    }

    #[getter]
    fn get_data<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(data) = &self.data {
            return Ok(data.bind(py).clone());
        }
        let value = match &self.error {
            Failure::Fault(fault) => fault.data(py)?,
            _ => match self.parsed(py)? {
                Some(value) => value,
                None => PyDict::new(py).into_any(),
            },
        };
        self.data = Some(value.clone().unbind());
        Ok(value)
    }

    #[setter]
    fn set_data(&mut self, value: Py<PyAny>) {
        self.data = Some(value);
    }

    #[getter]
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(matches!(self.error, Failure::None) && !self.is_error_status(py)?)
    }

    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        bytes(py, &self.body)
    }

    #[getter]
    fn text(&self) -> Cow<'_, str> {
        self.decoded_text()
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fault::headers(py, self.received.headers())
    }

    #[getter]
    fn url(&self) -> String {
        self.received.url()
    }

    #[getter]
    fn http_version(&self) -> Option<Cow<'static, str>> {
        self.received.version()
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.received.path().map(|path| path.into_pyobject(py).map(Bound::into_any)).transpose()
    }

    #[getter]
    fn attempts(&self) -> u32 {
        self.attempts
    }

    #[getter]
    fn depth(&self) -> u32 {
        self.depth
    }

    #[getter(from_cache)]
    fn is_from_cache(&self) -> bool {
        self.cached.is_cached()
    }

    #[getter]
    fn cache_status(&self) -> &'static str {
        self.cached.name()
    }

    #[getter]
    fn retry_denied(&self) -> bool {
        self.retry_denied
    }

    #[getter]
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed)
    }

    #[getter]
    fn budget(&self) -> Option<&str> {
        self.waited.as_ref().map(|waited| &*waited.budget)
    }

    #[getter]
    fn budget_wait(&self) -> Duration {
        self.waited.as_ref().map_or(Duration::ZERO, |waited| waited.time)
    }

    /// The request it answers, which a tuple is made into when it is asked for.
    #[getter]
    fn get_request<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(item) = &self.request else { return Ok(None) };
        let request = convert::as_request(item.bind(py))?;
        self.request = Some(request.clone().unbind());
        Ok(Some(request))
    }

    /// Answers the same request as another one, of which it was made in another process.
    fn _adopt(&mut self, py: Python<'_>, original: &Bound<'_, Self>) {
        if let Ok(mut original) = original.try_borrow_mut() {
            if self.request.is_none() {
                self.request = original.request.as_ref().map(|request| request.clone_ref(py));
            }
            if self.pending.is_none() {
                self.pending = original.pending.take();
            }
            (self.depth, self.cached) = (original.depth, original.cached);
        }
    }

    /// What a callback has returned in the place of another response, to be written down as the answer to the same
    /// request: itself, or a copy where it stands for another one already.
    fn _answering<'py>(slf: &Bound<'py, Self>, original: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if slf.is(original) || original.borrow().pending.is_none() {
            return Ok(slf.clone());
        }
        let stands_for_another = slf.borrow().pending.is_some();
        let answer = match stands_for_another {
            true => slf.py().import("copy")?.call_method1("copy", (slf,))?.cast_into::<Self>()?,
            false => slf.clone(),
        };
        {
            let (mut answer, mut original) = (answer.borrow_mut(), original.borrow_mut());
            answer.pending = original.pending.take();
            (answer.depth, answer.cached) = (original.depth, original.cached);
        }
        Ok(answer)
    }

    /// The body's JSON, or an error where it is none.
    fn json<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(error) = self.get_error(py)? {
            return Err(fault::raised(&error));
        }
        // One that was made by hand has no body.
        if self.received.is_none() {
            return self.get_data(py);
        }
        self.parsed(py)?.ok_or_else(|| {
            let text = self.decoded_text();
            let begins: String = text.chars().take(SHOWN).collect();
            let id_ = self.id_.bind(py).repr().map_or_else(|_| "?".to_owned(), |id_| id_.to_string());
            PyValueError::new_err(format!("the body of response {id_} is not JSON; it begins {begins:?}"))
        })
    }

    /// Raises the failure or, for a status of 400 and above, a `StatusError`.
    fn raise_for_status<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        if let Some(error) = slf.borrow_mut().get_error(py)? {
            return Err(fault::raised(&error));
        }
        if !slf.borrow().is_error_status(py)? {
            return Ok(slf);
        }
        Err(fault::status_error(&slf))
    }

    #[getter]
    fn get_error<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let exception = match &self.error {
            Failure::None => return Ok(None),
            Failure::Exception(exception) => return Ok(Some(exception.bind(py).clone())),
            Failure::Fault(fault) => fault.exception(py)?,
        };
        // What the fault says of itself must be made of it first.
        self.get_data(py)?;
        self.error = Failure::Exception(exception.clone().unbind());
        Ok(Some(exception))
    }

    #[setter]
    fn set_error(&mut self, value: Option<Py<PyAny>>) {
        self.error = value.map_or(Failure::None, Failure::Exception);
    }

    fn dict<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id_", &self.id_)?;
        dict.set_item("status_code", self.get_status_code(py)?)?;
        dict.set_item("data", self.get_data(py)?)?;
        Ok(dict)
    }

    /// Unpacks as `id_, data`.
    fn __iter__<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let data = self.get_data(py)?;
        Ok(PyTuple::new(py, [self.id_.bind(py), &data])?.try_iter()?.into_any())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let shown = slf.borrow_mut().shown(slf.py(), ", ")?;
        Ok(format!("{}({shown})", slf.get_type().name()?))
    }

    fn __str__(&mut self, py: Python<'_>) -> PyResult<String> {
        self.shown(py, " ")
    }

    /// What notebooks show.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(SHOWN_BY)?.call_method1("html_of", (slf,))
    }

    /// What IPython shows as text: the `repr`, unless that would be a flood.
    fn _repr_pretty_(slf: &Bound<'_, Self>, printer: &Bound<'_, PyAny>, is_cycle: bool) -> PyResult<()> {
        slf.py().import(SHOWN_BY)?.call_method1("print_pretty", (slf, printer, is_cycle)).map(drop)
    }

    /// What the body begins with, as bytes and as text, how long it is, and what has been made of it or assigned.
    fn _glimpse<'py>(&self, py: Python<'py>, limit: usize) -> Glimpse<'py> {
        let begins = &self.body[..self.body.len().min(limit)];
        let text = patata::decode_text(self.received.header("content-type").as_deref(), begins);
        let data = self.data.as_ref().map(|data| data.bind(py).clone());
        (PyBytes::new(py, begins), text.into_owned(), self.body.len(), data)
    }

    fn __richcmp__(
        slf: &Bound<'_, Self>,
        other: &Bound<'_, PyAny>,
        operator: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if !other.is_instance_of::<Self>() || !matches!(operator, CompareOp::Eq | CompareOp::Ne) {
            return Ok(py.NotImplemented());
        }
        let mut equal = true;
        for name in ["id_", "status_code", "data"] {
            equal = equal && slf.getattr(name)?.eq(other.getattr(name)?)?;
        }
        let answer = equal == matches!(operator, CompareOp::Eq);
        Ok(answer.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    /// Unhashable, as whatever can be changed should be.
    fn __hash__(&self) -> PyResult<isize> {
        Err(PyTypeError::new_err("unhashable type: 'Response'"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(&visit)
    }

    fn __clear__(&mut self) {
        self.id_ = Python::attach(|py| py.None());
        (self.request, self.status, self.data, self.error) = (None, Status::Code(0), None, Failure::None);
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["id_", "status_code", "data"])
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        Ok((slf.get_type().getattr("_restore")?, slf.borrow_mut()._state(slf.py())?))
    }

    /// What `_restore` makes the same response of, in plain objects: for batches, which are pickled ten
    /// times as fast this way. A body that nobody has looked at travels as bytes.
    fn _state<'py>(&mut self, py: Python<'py>) -> PyResult<State<'py>> {
        let error = self.get_error(py)?;
        // Data that nobody has looked at is made anew where it is wanted.
        let data = self.data.as_ref().map(|data| data.bind(py).clone());
        let body = bytes(py, &self.body)?;
        let received = self.received.packed()?.map(|packed| PyBytes::new(py, &packed));
        let waited = self.waited.as_ref().map(|waited| (waited.budget.clone(), nanoseconds(waited.time)));
        let cached = self.cached.name().to_owned();
        let effort = (self.attempts, self.retry_denied, self.elapsed, waited, self.depth, cached);
        let (id_, status_code) = (self.id_.bind(py).clone(), self.get_status_code(py)?);
        Ok((id_, status_code, data, body, error, received, effort))
    }

    #[classmethod]
    #[expect(clippy::too_many_arguments, reason = "they are the parts of a state")]
    fn _restore<'py>(
        class: &Bound<'py, PyType>,
        id_: Py<PyAny>,
        status_code: Py<PyAny>,
        data: Option<Py<PyAny>>,
        body: &[u8],
        error: Option<Py<PyAny>>,
        received: Option<&[u8]>,
        effort: Effort,
    ) -> PyResult<Bound<'py, PyAny>> {
        let response = class.call1((id_, status_code, class.py().None()))?;
        {
            let mut this = response.cast::<Self>()?.borrow_mut();
            this.data = data;
            this.body = Bytes::copy_from_slice(body);
            this.received = Received::unpack(received);
            (this.attempts, this.retry_denied) = (effort.0, effort.1);
            (this.elapsed, this.depth) = (effort.2, effort.4);
            this.cached = CacheStatus::from_name(&effort.5).unwrap_or_default();
            let waited = effort.3.map(|(budget, time)| Waited { budget, time: Duration::from_nanos(time) });
            this.waited = waited.map(Box::new);
            this.set_error(error);
        }
        Ok(response)
    }
}
