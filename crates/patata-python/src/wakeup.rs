//! Wakes an event loop of Python's from the engine's threads, without Python's lock.

#[cfg(unix)]
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::{fd::AsRawFd, unix::net::UnixStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

#[cfg(not(unix))]
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;

/// Rung by any thread for one of its ringers, and heard at a file descriptor that becomes readable, or by a thread that
/// waits.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Wakeup(Arc<Bell>);

/// One of those whom a wake-up is rung for.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Ringer(Arc<Rope>);

#[derive(Debug)]
struct Rope {
    bell: Arc<Bell>,
    number: u64,
}

#[derive(Debug)]
struct Bell {
    state: Mutex<State>,
    heard: Condvar,
    ringers: AtomicU64,
    #[cfg(unix)]
    pair: (UnixStream, UnixStream),
}

#[derive(Debug, Default)]
struct State {
    /// The ringers that it was rung for since it was last cleared. While there are any, it need not be heard once more.
    rung: Vec<u64>,
    closed: bool,
}

impl Bell {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        let pair = UnixStream::pair()?;
        pair.0.set_nonblocking(true)?;
        pair.1.set_nonblocking(true)?;
        Ok(Self { state: Mutex::default(), heard: Condvar::new(), ringers: AtomicU64::new(0), pair })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self { state: Mutex::default(), heard: Condvar::new(), ringers: AtomicU64::new(0) })
    }

    fn ring(&self, ringer: u64) {
        let mut state = self.state();
        let is_first = state.rung.is_empty();
        if state.rung.last() != Some(&ringer) {
            state.rung.push(ringer);
        }
        if is_first {
            self.heard.notify_one();
            // There is never more than one byte in it, so it is never full.
            #[cfg(unix)]
            let _ = (&self.pair.1).write(&[1]);
        }
    }

    fn clear(&self, state: &mut State) -> Vec<u64> {
        #[cfg(unix)]
        if !state.rung.is_empty() {
            // What was written while the lock was held can be read.
            let _ = (&self.pair.0).read(&mut [0]);
        }
        std::mem::take(&mut state.rung)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        self.bell.ring(self.number);
    }
}

impl Ringer {
    /// Rings when it is woken.
    pub(crate) fn waker(&self) -> Waker {
        self.0.clone().into()
    }
}

#[pymethods]
impl Ringer {
    /// By which its wake-up says that it was rung for it.
    #[getter]
    fn number(&self) -> u64 {
        self.0.number
    }

    /// Wakes who listens; may be called from any thread.
    fn ring(&self) {
        self.0.bell.ring(self.0.number);
    }
}

#[pymethods]
impl Wakeup {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(Arc::new(Bell::new()?)))
    }

    /// Another one whom it may be rung for.
    fn ringer(&self) -> Ringer {
        let number = self.0.ringers.fetch_add(1, Ordering::Relaxed);
        Ringer(Arc::new(Rope { bell: self.0.clone(), number }))
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

    /// Makes ready for the next time, and says which ringers it was rung for. What happened before must be looked at
    /// after.
    fn clear(&self) -> Vec<u64> {
        self.0.clear(&mut self.0.state())
    }

    /// Waits until it is rung, and clears it. `None` once it is closed.
    fn wait(&self, py: Python<'_>) -> Option<Vec<u64>> {
        py.detach(|| {
            let state = self.0.state();
            let waited = self.0.heard.wait_while(state, |state| state.rung.is_empty() && !state.closed);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            let rung = self.0.clear(&mut state);
            (!state.closed).then_some(rung)
        })
    }

    /// Ends the wait of a thread, for good.
    fn close(&self) {
        self.0.state().closed = true;
        self.0.heard.notify_all();
    }
}
