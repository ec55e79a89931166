//! Which interpreter of the process this is, and whether it may let other threads run.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The interpreter that has imported the extension; none has number -1.
static OWNER: AtomicI64 = AtomicI64::new(-1);

/// Claims the extension for the interpreter that imports it. What it keeps of Python's (classes, functions) is kept once
/// a process, and would be that of another interpreter.
///
/// # Errors
/// `ImportError` where another interpreter has it.
pub(crate) fn claim(py: Python<'_>) -> PyResult<()> {
    let current = number(py);
    match OWNER.compare_exchange(-1, current, Ordering::Relaxed, Ordering::Relaxed) {
        Err(owner) if owner != current => Err(PyImportError::new_err(
            "patata has been imported by another interpreter of this process, and can be by one of them only \
             (under mod_wsgi: WSGIApplicationGroup %{GLOBAL})",
        )),
        _ => Ok(()),
    }
}

#[allow(unsafe_code, reason = "pyo3 has no safe function for it")]
fn number(_: Python<'_>) -> i64 {
    // SAFETY: this thread is attached to an interpreter, as the argument proves, so there is a current one.
    unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) }
}

/// Does what may wait, while other threads use the interpreter.
///
/// Not so once Python is ending: before 3.14, a thread that has let go of it then never comes back. Of the main
/// interpreter's end that spares its own thread, but not the end of a subinterpreter that it comes upon.
pub(crate) fn detached<R: Send>(py: Python<'_>, wait: impl FnOnce() -> R + Send) -> R {
    if is_ending(py) { wait() } else { py.detach(wait) }
}

/// Whether no other thread gets to the interpreter any more.
pub(crate) fn is_ending(py: Python<'_>) -> bool {
    let told = py.import("sys").and_then(|sys| sys.call_method0("is_finalizing"));
    // Where not even that can be asked, it is.
    told.and_then(|told| told.extract()).unwrap_or(true)
}
