//! Objects that several threads may come to in the same moment: who finds one taken waits until it is not.
//!
//! With Python's lock that does not happen. Without it, a thread that asks how far a call is would otherwise be an
//! error in the thread that performs it.

use std::thread;
use std::time::{Duration, Instant};

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::False;

use crate::interpreter::detached;

/// Nobody holds one for so long, but for the user's code that is called meanwhile: it gets an error, and does not wait
/// for itself for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often is looked by who does not wait. A step of a call takes as long as some of them.
const LOOKS: u32 = 100;

/// Between looks of who waits.
const PAUSE: Duration = Duration::from_micros(50);

/// To be changed.
///
/// # Errors
/// `RuntimeError` where it is in use for too long.
pub(crate) fn exclusive<'py, T: PyClass<Frozen = False>>(
    object: &Bound<'py, T>,
) -> PyResult<PyRefMut<'py, T>> {
    match object.try_borrow_mut() {
        Ok(taken) => Ok(taken),
        Err(_) => patiently(object, |object| object.try_borrow_mut().map_err(PyErr::from)),
    }
}

/// To be read.
///
/// # Errors
/// `RuntimeError` where it is being changed for too long.
pub(crate) fn shared<'py, T: PyClass<Frozen = False>>(object: &Bound<'py, T>) -> PyResult<PyRef<'py, T>> {
    match object.try_borrow() {
        Ok(taken) => Ok(taken),
        Err(_) => patiently(object, |object| object.try_borrow().map_err(PyErr::from)),
    }
}

/// To be read by who would rather have nothing than wait: it may be the user's code that is called in the middle of a
/// change.
pub(crate) fn readable<'py, T: PyClass<Frozen = False>>(object: &Bound<'py, T>) -> Option<PyRef<'py, T>> {
    // With Python's lock there is nobody else in there, so looking again is of no use.
    let looks = if cfg!(Py_GIL_DISABLED) { LOOKS } else { 1 };
    (0..looks).find_map(|look| {
        if look > 0 {
            thread::yield_now();
        }
        object.try_borrow().ok()
    })
}

#[cold]
fn patiently<'py, T, R>(object: &Bound<'py, T>, take: impl Fn(&Bound<'py, T>) -> PyResult<R>) -> PyResult<R> {
    let end = Instant::now() + PATIENCE;
    loop {
        match take(object) {
            Err(_) if Instant::now() < end => detached(object.py(), || thread::sleep(PAUSE)),
            taken => return taken,
        }
    }
}
