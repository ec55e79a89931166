//! Ctrl-C and SIGTERM: the first one is told, the second one ends the process at once. What ends a process that writes too
//! much does not end this one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::{Exit, Failure};

/// How often it is looked at: well within the second in which a run is to end.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// Has a write past the limit of a file's size (`ulimit -f`) fail as one to a full disk does. By itself the system would
/// kill the process, without a word.
pub(crate) fn outlive_file_size_limit() {
    // Where it cannot be done, all is as it was.
    #[cfg(unix)]
    let _ = flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Which signal has come.
#[derive(Debug, Clone)]
pub(crate) struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Takes signals from now on.
    pub(crate) fn taken() -> Result<Self, Failure> {
        let (first, has_come) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let register = || -> io::Result<()> {
            for (signal, exit) in [(SIGINT, Exit::Interrupted), (SIGTERM, Exit::Terminated)] {
                // In this order, as the first one must not find that one has come.
                flag::register_conditional_shutdown(signal, exit as i32, has_come.clone())?;
                flag::register(signal, has_come.clone())?;
                flag::register_usize(signal, first.clone(), exit as usize)?;
            }
            Ok(())
        };
        register().map_err(|cause| Failure::local(format!("signals cannot be taken: {cause}")))?;
        Ok(Self(first))
    }

    /// How the process is to end, if a signal has come.
    pub(crate) fn come(&self) -> Option<Exit> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            code if code == Exit::Terminated as usize => Some(Exit::Terminated),
            _ => Some(Exit::Interrupted),
        }
    }
}
