//! Wakes an event loop of Python's from the engine's threads, without Python's lock.

#[cfg(unix)]
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::{fd::AsRawFd, unix::net::UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

#[cfg(not(unix))]
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;

/// Rung by any thread, and heard at a file descriptor that becomes readable, or by a thread that waits.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Wakeup(Arc<Bell>);

#[derive(Debug)]
struct Bell {
    state: Mutex<State>,
    heard: Condvar,
    #[cfg(unix)]
    pair: (UnixStream, UnixStream),
}

#[derive(Debug, Default)]
struct State {
    /// Rung since it was last cleared: once more would change nothing.
    rung: bool,
    closed: bool,
}

impl Bell {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        let pair = UnixStream::pair()?;
        pair.0.set_nonblocking(true)?;
        pair.1.set_nonblocking(true)?;
        Ok(Self { state: Mutex::default(), heard: Condvar::new(), pair })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self { state: Mutex::default(), heard: Condvar::new() })
    }

    fn ring(&self) {
        let mut state = self.state();
        if !state.rung {
            state.rung = true;
            self.heard.notify_one();
            // There is never more than one byte in it, so it is never full.
            #[cfg(unix)]
            let _ = (&self.pair.1).write(&[1]);
        }
    }

    fn clear(&self, state: &mut State) {
        if std::mem::take(&mut state.rung) {
            // What was written while the lock was held can be read.
            #[cfg(unix)]
            let _ = (&self.pair.0).read(&mut [0]);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

impl Wakeup {
    /// Rings when it is woken.
    pub(crate) fn waker(&self) -> Waker {
        self.0.clone().into()
    }
}

#[pymethods]
impl Wakeup {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(Arc::new(Bell::new()?)))
    }

    /// What becomes readable when it is rung, until it is cleared.
    #[cfg(unix)]
    fn fileno(&self) -> i32 {
        self.0.pair.0.as_raw_fd()
    }

    #[cfg(not(unix))]
    fn fileno(&self) -> PyResult<i32> {
        Err(PyNotImplementedError::new_err("this system has no socket pairs; use wait()"))
    }

    /// Wakes who listens; may be called from any thread.
    fn ring(&self) {
        self.0.ring();
    }

    /// Makes ready for the next time. What happened before must be looked at after.
    fn clear(&self) {
        self.0.clear(&mut self.0.state());
    }

    /// Waits until it is rung, and clears it. `False` once it is closed.
    fn wait(&self, py: Python<'_>) -> bool {
        py.detach(|| {
            let state = self.0.state();
            let waited = self.0.heard.wait_while(state, |state| !state.rung && !state.closed);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            self.0.clear(&mut state);
            !state.closed
        })
    }

    /// Ends the wait of a thread, for good.
    fn close(&self) {
        self.0.state().closed = true;
        self.0.heard.notify_all();
    }
}
