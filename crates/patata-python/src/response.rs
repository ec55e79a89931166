//! The Python class `Response`: made for every outcome, so it holds what came and converts when asked.

use bytes::Bytes;
use patata::Outcome;
use pyo3::basic::CompareOp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::fault::Fault;
use crate::json;

/// What came back for one request.
///
/// Without support for the cyclic garbage collector, on purpose: millions of them would be walked over and
/// over, to find cycles that nobody makes.
#[pyclass(module = "patata.models", subclass)]
#[derive(Debug)]
pub(crate) struct Response {
    #[pyo3(get, set)]
    id_: Py<PyAny>,
    status: Status,
    payload: Payload,
    error: Failure,
}

#[derive(Debug)]
enum Status {
    Code(u16),
    /// What the user has assigned.
    Assigned(Py<PyAny>),
}

#[derive(Debug)]
enum Payload {
    /// Not parsed yet.
    Body(Bytes),
    /// To be described from the error.
    Fault,
    Value(Py<PyAny>),
}

#[derive(Debug)]
enum Failure {
    None,
    Fault(Box<Fault>),
    /// What has been made of a fault, or assigned.
    Exception(Py<PyAny>),
}

/// Id, status code, data, or else the body it is in, and the error.
type State<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyBytes>>,
    Option<Bound<'py, PyAny>>,
);

/// What a fault's status code is, as it was in the older package.
const FAULT_STATUS: u16 = 500;

impl Response {
    pub(crate) fn new(outcome: Outcome<Py<PyAny>>) -> Self {
        match outcome.result {
            Ok(response) => Self {
                id_: outcome.tag,
                status: Status::Code(response.status.as_u16()),
                payload: Payload::Body(response.body),
                error: Failure::None,
            },
            Err(error) => Self {
                id_: outcome.tag,
                status: Status::Code(FAULT_STATUS),
                payload: Payload::Fault,
                error: Failure::Fault(Box::new(error.into())),
            },
        }
    }

    fn shown(&mut self, py: Python<'_>) -> PyResult<[String; 3]> {
        let id_ = self.id_.bind(py).repr()?.to_string();
        let status_code = self.get_status_code(py)?.repr()?.to_string();
        let data = self.get_data(py)?.repr()?.to_string();
        Ok([id_, status_code, data])
    }
}

#[pymethods]
impl Response {
    #[new]
    #[pyo3(signature = (id_, status_code, data))]
    fn create(id_: Py<PyAny>, status_code: Py<PyAny>, data: Py<PyAny>) -> Self {
        Self {
            id_,
            status: Status::Assigned(status_code),
            payload: Payload::Value(data),
            error: Failure::None,
        }
    }

    #[getter]
    fn get_status_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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
        let value = match &self.payload {
            Payload::Value(value) => return Ok(value.bind(py).clone()),
            Payload::Body(body) => match json::decode(py, body)? {
                Some(value) => value,
                None => PyDict::new(py).into_any(),
            },
            Payload::Fault => match &self.error {
                Failure::Fault(fault) => fault.data(py)?,
                _ => PyDict::new(py).into_any(),
            },
        };
        self.payload = Payload::Value(value.clone().unbind());
        Ok(value)
    }

    #[setter]
    fn set_data(&mut self, value: Py<PyAny>) {
        self.payload = Payload::Value(value);
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
        let [id_, status_code, data] = slf.borrow_mut().shown(slf.py())?;
        let name = slf.get_type().name()?;
        Ok(format!("{name}(id_={id_}, status_code={status_code}, data={data})"))
    }

    fn __str__(&mut self, py: Python<'_>) -> PyResult<String> {
        let [id_, status_code, data] = self.shown(py)?;
        Ok(format!("id_={id_} status_code={status_code} data={data}"))
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
        let (data, body) = match &self.payload {
            Payload::Body(body) => (None, Some(PyBytes::new(py, body))),
            _ => (Some(self.get_data(py)?), None),
        };
        Ok((self.id_.bind(py).clone(), self.get_status_code(py)?, data, body, error))
    }

    #[classmethod]
    fn _restore<'py>(
        class: &Bound<'py, PyType>,
        id_: Py<PyAny>,
        status_code: Py<PyAny>,
        data: Py<PyAny>,
        body: Option<&[u8]>,
        error: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let response = class.call1((id_, status_code, data))?;
        {
            let mut this = response.cast::<Self>()?.borrow_mut();
            if let Some(body) = body {
                this.payload = Payload::Body(Bytes::copy_from_slice(body));
            }
            this.set_error(error);
        }
        Ok(response)
    }
}
