//! The Python class `Request`: what the user fills in.

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::fault;

/// One request: its id, its URL, and what to send.
#[pyclass(module = "patata.models", subclass)]
#[derive(Debug)]
pub(crate) struct Request {
    #[pyo3(get, set)]
    pub(crate) id_: Py<PyAny>,
    #[pyo3(get, set)]
    pub(crate) url: Py<PyAny>,
    #[pyo3(get, set)]
    pub(crate) data: Py<PyAny>,
}

#[pymethods]
impl Request {
    #[new]
    #[pyo3(signature = (id_, url, data = None))]
    fn new(id_: Bound<'_, PyAny>, url: Bound<'_, PyAny>, data: Option<Py<PyAny>>) -> PyResult<Self> {
        let py = id_.py();
        if !url.is_instance_of::<PyString>() {
            let message = format!("url of Request(id_={}) must be a str, got {}", id_.repr()?, url.repr()?);
            return Err(fault::invalid_request(py, message));
        }
        Ok(Self { id_: id_.unbind(), url: url.unbind(), data: data.unwrap_or_else(|| py.None()) })
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id_", &self.id_)?;
        dict.set_item("url", &self.url)?;
        dict.set_item("data", &self.data)?;
        Ok(dict)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.borrow();
        let [id_, url, data] = this.shown(slf.py())?;
        Ok(format!("{}(id_={id_}, url={url}, data={data})", slf.get_type().name()?))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let [id_, url, data] = self.shown(py)?;
        Ok(format!("id_={id_} url={url} data={data}"))
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let other = other.borrow();
        let equal = self.id_.bind(py).eq(&other.id_)?
            && self.url.bind(py).eq(&other.url)?
            && self.data.bind(py).eq(&other.data)?;
        match operator {
            CompareOp::Eq => Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind()),
            CompareOp::Ne => Ok((!equal).into_pyobject(py)?.to_owned().into_any().unbind()),
            _ => Ok(py.NotImplemented()),
        }
    }

    /// Unhashable, as whatever can be changed should be.
    fn __hash__(&self) -> PyResult<isize> {
        Err(PyTypeError::new_err("unhashable type: 'Request'"))
    }

    #[expect(clippy::type_complexity, reason = "the protocol's own")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, (Py<PyAny>, Py<PyAny>, Py<PyAny>))> {
        let (py, this) = (slf.py(), slf.borrow());
        let fields = (this.id_.clone_ref(py), this.url.clone_ref(py), this.data.clone_ref(py));
        Ok((slf.get_type(), fields))
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["id_", "url", "data"])
    }
}

impl Request {
    fn shown(&self, py: Python<'_>) -> PyResult<[String; 3]> {
        let show = |value: &Py<PyAny>| Ok::<_, PyErr>(value.bind(py).repr()?.to_string());
        Ok([show(&self.id_)?, show(&self.url)?, show(&self.data)?])
    }
}
