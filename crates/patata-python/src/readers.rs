//! Which of the engine's threads are in the user's code, so that the interpreter does not end under them.
//!
//! A thread that comes back to an interpreter which is ending is ended by it on the spot (before Python 3.14),
//! and takes the process along: Rust's frames cannot be left that way.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use crate::interpreter::is_ending;

/// How long the end of the interpreter waits for them. Code that takes longer is left to itself: it is most
/// unlikely to come back within the moment that the end takes.
const PATIENCE: Duration = Duration::from_millis(800);

#[derive(Debug)]
struct State {
    inside: usize,
    is_ending: bool,
}

static STATE: Mutex<State> = Mutex::new(State { inside: 0, is_ending: false });
static LEFT: Condvar = Condvar::new();

/// A thread's stay in the user's code.
#[derive(Debug)]
pub(crate) struct Reader(());

impl Reader {
    /// `None` where the interpreter is ending: then nothing of it may be touched.
    pub(crate) fn enter() -> Option<Self> {
        let mut state = state();
        if state.is_ending {
            return None;
        }
        state.inside += 1;
        Some(Self(()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        state().inside -= 1;
        LEFT.notify_all();
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In the child of a fork, whose parent's threads did not come along.
pub(crate) fn forget() {
    // Should one of them have held the lock, it is held for ever, and the end waits its moment.
    if let Ok(mut state) = STATE.try_lock() {
        state.inside = 0;
    }
}

/// Called when the interpreter is about to end: nobody enters any more, and who is inside may leave.
#[pyfunction(name = "_await_readers")]
pub(crate) fn await_readers(py: Python<'_>) {
    state().is_ending = true;
    // At the end of the process, a subinterpreter that was left comes last, and nobody can leave it any more.
    if !is_ending(py) {
        py.detach(|| {
            // Whether they have left or not, the interpreter ends now.
            let _ = LEFT.wait_timeout_while(state(), PATIENCE, |state| state.inside > 0);
        });
    }
}
