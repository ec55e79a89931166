//! The base classes of what `http()` returns: a generator to the eye, which passes each step on to the one inside.

use std::ffi::c_void;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};
use pyo3::{PyTraverseError, PyVisit, ffi};

use crate::once::interned;

/// Passes on what is asked of a generator. A step costs no more than without it.
#[pyclass(module = "patata._patata", frozen, subclass)]
#[derive(Debug)]
pub(crate) struct GeneratorProxy {
    inner: Py<PyIterator>,
}

#[pymethods]
impl GeneratorProxy {
    #[new]
    #[pyo3(signature = (inner, /, *_others))]
    fn new(inner: &Bound<'_, PyIterator>, _others: &Bound<'_, PyTuple>) -> Self {
        Self { inner: inner.clone().unbind() }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.bind(py).clone().next().transpose()
    }

    #[pyo3(signature = (value, /))]
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(value.py()).call_method1(interned!(value.py(), "send"), (value,))
    }

    #[pyo3(signature = (*raised))]
    fn throw<'py>(&self, raised: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(raised.py()).call_method1(interned!(raised.py(), "throw"), raised)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.inner.bind(py).call_method0(interned!(py, "close")).map(drop)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)
    }
}

/// The same for an asynchronous generator.
#[pyclass(module = "patata._patata", frozen, subclass)]
#[derive(Debug)]
pub(crate) struct AsyncGeneratorProxy {
    inner: Py<PyAny>,
    /// What Python calls for a step of the one inside.
    step: ffi::unaryfunc,
}

#[pymethods]
impl AsyncGeneratorProxy {
    #[new]
    #[pyo3(signature = (inner, /, *_others))]
    fn new(inner: &Bound<'_, PyAny>, _others: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let step = step_of(inner).ok_or_else(|| PyTypeError::new_err("that is no asynchronous generator"))?;
        Ok(Self { inner: inner.clone().unbind(), step })
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[allow(
        unsafe_code,
        reason = "pyo3 has no safe function for it, and a look-up by name takes several times as long"
    )]
    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: the function is that of the object's own type, and wants nothing but the object, which is there.
        // What it returns is a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, (self.step)(self.inner.as_ptr())) }
    }

    #[pyo3(signature = (value, /))]
    fn asend<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(value.py()).call_method1(interned!(value.py(), "asend"), (value,))
    }

    #[pyo3(signature = (*raised))]
    fn athrow<'py>(&self, raised: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(raised.py()).call_method1(interned!(raised.py(), "athrow"), raised)
    }

    fn aclose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).call_method0(interned!(py, "aclose"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)
    }
}

/// The function by which an object's type makes `__anext__`.
#[allow(unsafe_code, reason = "pyo3 has no safe function for it")]
fn step_of(object: &Bound<'_, PyAny>) -> Option<ffi::unaryfunc> {
    // SAFETY: the object has a type. What a type has in this slot is such a function, or null, which is `None`.
    unsafe {
        let slot: *mut c_void = ffi::PyType_GetSlot(object.get_type_ptr(), ffi::Py_am_anext);
        std::mem::transmute::<*mut c_void, Option<ffi::unaryfunc>>(slot)
    }
}
