//! The Python class `Request`: what the user fills in.

use patata::Method;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::borrowing::shared;
use crate::fault;
use crate::shown;
use crate::upload::Given;
use crate::values;

/// The fields beyond the first three, which most requests leave alone.
const OPTIONS: [&str; 9] =
    ["method", "headers", "params", "json", "form", "content", "files", "timeout", "cost"];

/// One request: its id, its URL, what to send, and what else it says of itself.
#[pyclass(module = "patata.models", subclass)]
#[derive(Debug)]
pub(crate) struct Request {
    #[pyo3(get, set)]
    pub(crate) id_: Py<PyAny>,
    #[pyo3(get, set)]
    pub(crate) url: Py<PyAny>,
    #[pyo3(get, set)]
    pub(crate) data: Py<PyAny>,
    #[pyo3(get, set)]
    pub(crate) method: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) headers: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) params: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) json: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) form: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) content: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) files: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) timeout: Option<Py<PyAny>>,
    #[pyo3(get, set)]
    pub(crate) cost: Option<Py<PyAny>>,
}

#[pymethods]
impl Request {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are the user's keywords")]
    #[pyo3(signature = (id_, url, data = None, *, method = None, headers = None, params = None, json = None,
        form = None, content = None, files = None, timeout = None, cost = None))]
    fn new(
        id_: Bound<'_, PyAny>,
        url: Bound<'_, PyAny>,
        data: Option<Py<PyAny>>,
        method: Option<Py<PyAny>>,
        headers: Option<Py<PyAny>>,
        params: Option<Py<PyAny>>,
        json: Option<Py<PyAny>>,
        form: Option<Py<PyAny>>,
        content: Option<Py<PyAny>>,
        files: Option<Py<PyAny>>,
        timeout: Option<Py<PyAny>>,
        cost: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let py = id_.py();
        if !url.is_instance_of::<PyString>() {
            let message = format!(
                "url of Request(id_={}) must be a str, got {} of type {}",
                id_.repr()?,
                shown::of(&url),
                shown::class_of(&url)
            );
            return Err(fault::invalid_request(py, message));
        }
        let data = data.unwrap_or_else(|| py.None());
        let (id_, url) = (id_.unbind(), url.unbind());
        let request =
            Self { id_, url, data, method, headers, params, json, form, content, files, timeout, cost };
        match request.check(py) {
            Ok(()) => Ok(request),
            Err(error) => Err(fault::invalid_request(
                py,
                format!("Request(id_={}): {}", request.id_.bind(py).repr()?, error.value(py)),
            )),
        }
    }

    /// The three fields by name, and those of the others that were given.
    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id_", &self.id_)?;
        dict.set_item("url", &self.url)?;
        dict.set_item("data", &self.data)?;
        for (name, value) in self.options() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = shared(slf)?;
        Ok(format!("{}({})", slf.get_type().name()?, this.shown(slf.py())?.join(", ")))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.shown(py)?.join(" "))
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let other = shared(other)?;
        let equal = self.dict(py)?.eq(other.dict(py)?)?;
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

    /// The class, its first three arguments, and a state: what is set by name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), shared(slf)?);
        let fields = (&this.id_, &this.url, &this.data).into_pyobject(py)?;
        let options = PyDict::new(py);
        for (name, value) in this.options() {
            options.set_item(name, value)?;
        }
        if options.is_empty() {
            return (slf.get_type(), fields).into_pyobject(py);
        }
        (slf.get_type(), fields, (py.None(), options)).into_pyobject(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for value in [&self.id_, &self.url, &self.data] {
            visit.call(value)?;
        }
        self.options().try_for_each(|(_, value)| visit.call(value))
    }

    fn __clear__(&mut self) {
        Python::attach(|py| {
            (self.id_, self.url, self.data) = (py.None(), py.None(), py.None());
        });
        (self.method, self.headers, self.params, self.json) = (None, None, None, None);
        (self.form, self.content, self.files, self.timeout) = (None, None, None, None);
        self.cost = None;
    }

    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["id_", "url", "data"])
    }
}

impl Request {
    /// Those of the further fields that were given.
    fn options(&self) -> impl Iterator<Item = (&'static str, &Py<PyAny>)> {
        let values = [
            &self.method,
            &self.headers,
            &self.params,
            &self.json,
            &self.form,
            &self.content,
            &self.files,
            &self.timeout,
            &self.cost,
        ];
        OPTIONS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    pub(crate) fn has_options(&self) -> bool {
        self.options().next().is_some()
    }

    /// Finds what is wrong with the further fields, as far as that takes no input or output.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.has_options() {
            self.method(py)?;
            self.timeout(py)?;
            self.costs(py)?;
            self.body(py).check()?;
        }
        Ok(())
    }

    /// Its own method, where it has one.
    pub(crate) fn method(&self, py: Python<'_>) -> PyResult<Option<Method>> {
        let Some(given) = &self.method else { return Ok(None) };
        let text: Option<String> = given.extract(py).ok();
        let method = text.and_then(|text| Method::from_bytes(text.to_ascii_uppercase().as_bytes()).ok());
        method
            .map(Some)
            .ok_or_else(|| PyValueError::new_err(format!("method {} is not a valid token", given.bind(py))))
    }

    /// Its own time-out in seconds, where it has one.
    pub(crate) fn timeout(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let Some(given) = &self.timeout else { return Ok(None) };
        match given.extract::<f64>(py) {
            Ok(seconds) if seconds > 0.0 => Ok(Some(seconds)),
            _ => Err(PyValueError::new_err(format!(
                "timeout must be a number of seconds above 0, got {}",
                given.bind(py).repr()?
            ))),
        }
    }

    /// What it says that it costs, by unit.
    pub(crate) fn costs(&self, py: Python<'_>) -> PyResult<Option<Vec<(String, f64)>>> {
        self.cost.as_ref().map(|given| values::amounts("cost", given.bind(py))).transpose()
    }

    /// What it says of its body.
    pub(crate) fn body<'py>(&self, py: Python<'py>) -> Given<'py> {
        let bound = |value: &Option<Py<PyAny>>| value.as_ref().map(|value| value.bind(py).clone());
        let data = self.data.bind(py);
        Given {
            data: (!data.is_none()).then(|| data.clone()),
            json: bound(&self.json),
            form: bound(&self.form),
            content: bound(&self.content),
            files: bound(&self.files),
        }
    }

    /// The three fields, and of the others those that were given. What may be secret is not shown: of headers and
    /// parameters there are the names, and of a body its type and size.
    fn shown(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let mut fields = vec![
            format!("id_={}", self.id_.bind(py).repr()?),
            format!("url={}", shown::url_of(self.url.bind(py))),
            format!("data={}", self.data.bind(py).repr()?),
        ];
        for (name, value) in self.options() {
            let value = value.bind(py);
            fields.push(match name {
                "method" | "timeout" | "cost" => format!("{name}={}", value.repr()?),
                "headers" | "params" => format!("{name}={}", shown::names_of(name, value)),
                _ => format!("{name}={}", shown::size_of(value)),
            });
        }
        Ok(fields)
    }
}
