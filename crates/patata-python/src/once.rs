//! What is made of Python's once a process, and kept.
//!
//! Not by pyo3's `PyOnceLock` and `intern!`: whoever makes something there lets go of the interpreter while it holds
//! the cell, and where another thread forks just then, the child waits for it for good.

use std::convert::Infallible;
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyString;

/// What a cell holds. Whoever finds it empty makes it, two threads at once too; the first one's is kept.
///
/// # Errors
/// That of making it; the cell is then as empty as before.
pub(crate) fn once<T, E>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}

/// A member of a module, which is imported for it.
///
/// # Errors
/// Those of the import, and where there is no such member.
pub(crate) fn member<'a, 'py>(
    cell: &'a OnceLock<Py<PyAny>>,
    py: Python<'py>,
    module: &str,
    name: &str,
) -> PyResult<&'a Bound<'py, PyAny>> {
    let member = once(cell, || py.import(module)?.getattr(name).map(Bound::unbind))?;
    Ok(member.bind(py))
}

/// A name as Python keeps it for its look-ups: [`interned!`] has one for each place.
pub(crate) fn name<'a, 'py>(
    cell: &'a OnceLock<Py<PyString>>,
    py: Python<'py>,
    text: &str,
) -> &'a Bound<'py, PyString> {
    let Ok(name) = once(cell, || Ok::<_, Infallible>(PyString::intern(py, text).unbind()));
    name.bind(py)
}

/// The Python string of a literal, made once: `interned!(py, "send")`.
macro_rules! interned {
    ($py:expr, $text:literal) => {{
        static NAME: std::sync::OnceLock<pyo3::Py<pyo3::types::PyString>> = std::sync::OnceLock::new();
        $crate::once::name(&NAME, $py, $text)
    }};
}

pub(crate) use interned;
