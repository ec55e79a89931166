//! The Python class `Response`: made for every outcome, so it holds what came and converts when asked.
//!
//! Any number of threads may have the same one. What it holds is behind a lock, in which no code of Python's runs: no
//! object is made in it, and none is let go of, as either may call the user's code, which may ask for the lock again.
//! So what is made of a body is made outside, and kept by whoever comes first.

mod fields;
mod state;

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use bytes::Bytes;
use patata::{Attempt, Outcome};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

pub(crate) use self::fields::Failure;
use self::fields::{FAULT_STATUS, Fields, Status, nanoseconds};
use self::state::{Effort, State};
use crate::convert;
use crate::fault;
use crate::folder::Pending;
use crate::json;
use crate::received::Received;
use crate::tag::Tag;

/// What came back for one request.
#[pyclass(module = "patata.models", subclass, frozen)]
#[derive(Debug)]
pub(crate) struct Response(Mutex<Fields>);

/// A body of this size may be one that there is no memory for.
const LARGE: usize = 1 << 20;

/// What is shown of a body: its first bytes, these as text, how many there are, and the data.
type Glimpse<'py> = (Bound<'py, PyBytes>, String, usize, Option<Bound<'py, PyAny>>);

/// The module that shows responses to people.
const SHOWN_BY: &str = "patata._shown.response";

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
    pub(crate) fn new(outcome: Outcome<Tag>) -> Self {
        Self(Mutex::new(Fields::of_outcome(outcome)))
    }

    /// What has been answered, for the user's function that judges whether it is the last one.
    pub(crate) fn of_attempt(tag: Tag, attempt: &Attempt<'_>) -> Self {
        Self::of_answer(tag, attempt.response.clone(), attempt.attempts, attempt.elapsed)
    }

    /// What has been answered, for a function of the user's that is asked about it.
    pub(crate) fn of_answer(tag: Tag, response: patata::Response, attempts: u32, elapsed: Duration) -> Self {
        let Tag { id_, item, depth, .. } = tag;
        Self(Mutex::new(Fields { depth, ..Fields::answered(id_, item, response, attempts, elapsed) }))
    }

    /// One that is to be written down once callbacks have had it.
    pub(crate) fn recordable(mut outcome: Outcome<Tag>, is_ok: bool) -> Self {
        let status = outcome.result.as_ref().ok().map(|response| response.status.as_u16());
        let ticket = outcome.tag.ticket.take();
        let pending = ticket.map(|ticket| Box::new(Pending { ticket, is_ok, status, found: None }));
        Self(Mutex::new(Fields { pending, ..Fields::of_outcome(outcome) }))
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
        let status = Status::Code(status.unwrap_or(FAULT_STATUS));
        let elapsed = nanoseconds(elapsed);
        let unknown = Fields::empty(id_, status);
        Self(Mutex::new(Fields { body, data, error, received, attempts, elapsed, ..unknown }))
    }

    /// What it holds, for a moment: no code of Python's may run in it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Fields> {
        // Nothing in there can be left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what it holds for Python to the garbage collector, wherever it is kept.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Ok(fields) => fields.traverse(visit),
            Err(TryLockError::Poisoned(fields)) => fields.into_inner().traverse(visit),
            // What is not shown is kept.
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    pub(crate) fn id_<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.lock().id_.bind(py).clone()
    }

    /// What is known of its failure so far.
    pub(crate) fn failure(&self, py: Python<'_>) -> Failure {
        self.lock().error.clone_ref(py)
    }

    /// The data that have been looked at, or assigned.
    pub(crate) fn known_data<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.lock().data.as_ref().map(|data| data.bind(py).clone())
    }

    /// Keeps what has been made of the body or the failure. Another thread may have been faster.
    fn kept_data<'py>(&self, made: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let mut fields = self.lock();
        match &fields.data {
            Some(data) => data.bind(made.py()).clone(),
            None => {
                fields.data = Some(made.clone().unbind());
                made.clone()
            }
        }
    }

    /// The three fields, and the error of a failure: it goes in the place of data that only describe it.
    fn shown(&self, py: Python<'_>, separator: &str) -> PyResult<String> {
        let mut fields = vec![
            format!("id_={}", self.id_(py).repr()?),
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

    /// The body, and what the server says that it is.
    fn document(&self) -> (Bytes, Option<Vec<u8>>) {
        let fields = self.lock();
        (fields.body.clone(), fields.content_type())
    }

    /// The body's JSON. Which charset it is in is only asked where it may make a difference.
    pub(crate) fn parsed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let body = self.lock().body.clone();
        let is_ascii = body.is_ascii();
        if is_ascii && let Some(value) = json::decode(py, &body)? {
            return Ok(Some(value));
        }
        let content_type = self.lock().content_type();
        match patata::decode_json(content_type.as_deref(), &body) {
            std::borrow::Cow::Borrowed(_) if is_ascii => Ok(None),
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
        let unknown = Fields::empty(id_, Status::Assigned(status_code));
        Self(Mutex::new(Fields { data: Some(data), ..unknown }))
    }

    #[getter]
    fn get_id_<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.id_(py)
    }

    #[setter]
    fn set_id_(&self, value: Py<PyAny>) {
        let _former = mem::replace(&mut self.lock().id_, value);
    }

    #[getter]
    pub(crate) fn get_status_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let code = match &self.lock().status {
            Status::Assigned(value) => return Ok(value.bind(py).clone()),
            Status::Code(code) => *code,
        };
        Ok(code.into_pyobject(py)?.into_any())
    }

    #[setter]
    fn set_status_code(&self, value: Py<PyAny>) {
        let _former = mem::replace(&mut self.lock().status, Status::Assigned(value));
    }

    #[getter]
    fn get_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let fault = {
            let fields = self.lock();
            match (&fields.data, &fields.error) {
                (Some(data), _) => return Ok(data.bind(py).clone()),
                (None, Failure::Fault(fault)) => Some(fault.clone()),
                (None, _) => None,
            }
        };
        let made = match fault {
            Some(fault) => fault.data(py)?,
            None => match self.parsed(py)? {
                Some(value) => value,
                None => PyDict::new(py).into_any(),
            },
        };
        Ok(self.kept_data(made))
    }

    #[setter]
    fn set_data(&self, value: Py<PyAny>) {
        let _former = self.lock().data.replace(value);
    }

    #[getter]
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        let is_answered = matches!(self.lock().error, Failure::None);
        Ok(is_answered && !self.is_error_status(py)?)
    }

    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let body = self.lock().body.clone();
        bytes(py, &body)
    }

    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let (body, content_type) = self.document();
        PyString::new(py, &patata::decode_text(content_type.as_deref(), &body))
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pairs = self.lock().received.headers();
        fault::headers(py, pairs)
    }

    #[getter]
    fn url(&self) -> String {
        self.lock().received.url()
    }

    #[getter]
    fn http_version(&self) -> Option<String> {
        self.lock().received.version().map(std::borrow::Cow::into_owned)
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let path = self.lock().received.path();
        path.map(|path| path.into_pyobject(py).map(Bound::into_any)).transpose()
    }

    #[getter]
    fn attempts(&self) -> u32 {
        self.lock().attempts
    }

    #[getter]
    fn depth(&self) -> u32 {
        self.lock().depth
    }

    #[getter(from_cache)]
    fn is_from_cache(&self) -> bool {
        self.lock().cached.is_cached()
    }

    #[getter]
    fn cache_status(&self) -> &'static str {
        self.lock().cached.name()
    }

    #[getter]
    fn retry_denied(&self) -> bool {
        self.lock().retry_denied
    }

    #[getter]
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.lock().elapsed)
    }

    #[getter]
    fn budget(&self) -> Option<String> {
        self.lock().waited.as_ref().map(|waited| waited.budget.clone())
    }

    #[getter]
    fn budget_wait(&self) -> Duration {
        self.lock().waited.as_ref().map_or(Duration::ZERO, |waited| waited.time)
    }

    /// The request it answers, which a tuple is made into when it is asked for.
    #[getter]
    fn get_request<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(item) = self.lock().request.as_ref().map(|item| item.bind(py).clone()) else {
            return Ok(None);
        };
        let request = convert::as_request(&item)?;
        let mut fields = self.lock();
        match &fields.request {
            // Another thread was faster.
            Some(kept) if !kept.is(&item) => Ok(Some(kept.bind(py).clone())),
            _ => {
                let former = fields.request.replace(request.clone().unbind());
                drop(fields);
                drop(former);
                Ok(Some(request))
            }
        }
    }

    /// Answers the same request as another one, of which it was made in another process.
    fn _adopt(&self, py: Python<'_>, original: &Bound<'_, Self>) {
        let (has_request, has_pending) = {
            let fields = self.lock();
            (fields.request.is_some(), fields.pending.is_some())
        };
        let (request, pending, depth, cached) = {
            let mut original = original.get().lock();
            let request = original.request.as_ref().map(|request| request.clone_ref(py));
            let pending = if has_pending { None } else { original.pending.take() };
            (request, pending, original.depth, original.cached)
        };
        let mut fields = self.lock();
        (fields.depth, fields.cached) = (depth, cached);
        if !has_pending {
            fields.pending = pending;
        }
        if !has_request {
            fields.request = request;
        }
    }

    /// What a callback has returned in the place of another response, to be written down as the answer to the same
    /// request: itself, or a copy where it stands for another one already.
    fn _answering<'py>(slf: &Bound<'py, Self>, original: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if slf.is(original) || original.get().lock().pending.is_none() {
            return Ok(slf.clone());
        }
        let stands_for_another = slf.get().lock().pending.is_some();
        let answer = match stands_for_another {
            true => slf.py().import("copy")?.call_method1("copy", (slf,))?.cast_into::<Self>()?,
            false => slf.clone(),
        };
        let (pending, depth, cached) = {
            let mut original = original.get().lock();
            (original.pending.take(), original.depth, original.cached)
        };
        {
            let mut fields = answer.get().lock();
            (fields.pending, fields.depth, fields.cached) = (pending, depth, cached);
        }
        Ok(answer)
    }

    /// The body's JSON, or an error where it is none.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(error) = self.get_error(py)? {
            return Err(fault::raised(&error));
        }
        // One that was made by hand has no body.
        let is_made_by_hand = self.lock().received.is_none();
        if is_made_by_hand {
            return self.get_data(py);
        }
        self.parsed(py)?.ok_or_else(|| {
            let (body, content_type) = self.document();
            let text = patata::decode_text(content_type.as_deref(), &body);
            let begins: String = text.chars().take(SHOWN).collect();
            let id_ = self.id_(py).repr().map_or_else(|_| "?".to_owned(), |id_| id_.to_string());
            PyValueError::new_err(format!("the body of response {id_} is not JSON; it begins {begins:?}"))
        })
    }

    /// Raises the failure or, for a status of 400 and above, a `StatusError`.
    fn raise_for_status<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        if let Some(error) = slf.get().get_error(py)? {
            return Err(fault::raised(&error));
        }
        if !slf.get().is_error_status(py)? {
            return Ok(slf);
        }
        Err(fault::status_error(&slf))
    }

    #[getter]
    fn get_error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let fault = match self.failure(py) {
            Failure::None => return Ok(None),
            Failure::Exception(exception) => return Ok(Some(exception.into_bound(py))),
            Failure::Fault(fault) => fault,
        };
        let exception = fault.exception(py)?;
        // What the fault says of itself must be made of it first.
        self.get_data(py)?;
        let mut fields = self.lock();
        // Another thread may have been faster.
        match &fields.error {
            Failure::None => Ok(None),
            Failure::Exception(exception) => Ok(Some(exception.bind(py).clone())),
            Failure::Fault(_) => {
                fields.error = Failure::Exception(exception.clone().unbind());
                Ok(Some(exception))
            }
        }
    }

    #[setter]
    fn set_error(&self, value: Option<Py<PyAny>>) {
        let error = value.map_or(Failure::None, Failure::Exception);
        let _former = mem::replace(&mut self.lock().error, error);
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id_", self.id_(py))?;
        dict.set_item("status_code", self.get_status_code(py)?)?;
        dict.set_item("data", self.get_data(py)?)?;
        Ok(dict)
    }

    /// Unpacks as `id_, data`.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let data = self.get_data(py)?;
        Ok(PyTuple::new(py, [self.id_(py), data])?.try_iter()?.into_any())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let shown = slf.get().shown(slf.py(), ", ")?;
        Ok(format!("{}({shown})", slf.get_type().name()?))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
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
        let (begins, text, length) = {
            let fields = self.lock();
            let begins = fields.body.slice(..fields.body.len().min(limit));
            let text =
                patata::decode_text(fields.received.header("content-type").as_deref(), &begins).into_owned();
            (begins, text, fields.body.len())
        };
        (PyBytes::new(py, &begins), text, length, self.known_data(py))
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

    fn __clear__(&self) {
        let empty = Python::attach(|py| Fields::empty(py.None(), Status::Code(0)));
        let _former = {
            let mut fields = self.lock();
            (
                mem::replace(&mut fields.id_, empty.id_),
                mem::replace(&mut fields.status, empty.status),
                mem::replace(&mut fields.error, empty.error),
                fields.request.take(),
                fields.data.take(),
            )
        };
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["id_", "status_code", "data"])
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        Ok((slf.get_type().getattr("_restore")?, slf.get()._state(slf.py())?))
    }

    /// What `_restore` makes the same response of, in plain objects: for batches, which are pickled ten
    /// times as fast this way. A body that nobody has looked at travels as bytes.
    fn _state<'py>(&self, py: Python<'py>) -> PyResult<State<'py>> {
        state::of(self, py)
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
            let this = response.cast::<Self>()?.get();
            this.set_error(error);
            state::restore(&mut this.lock(), data, body, received, effort);
        }
        Ok(response)
    }
}
