//! What other processes tell a run that is under way, for as long as it is.

use std::path::Path;

use patata::Control;
use patata_run::LimitsNow;

/// Listens to orders, where there is a folder to be told them in.
#[derive(Debug)]
pub(super) struct Orders {
    #[cfg(unix)]
    server: Option<patata_run::ControlServer>,
}

impl Orders {
    /// A run that cannot listen, as its disk knows no sockets, is run all the same.
    #[cfg(unix)]
    pub(super) fn listen(folder: Option<&Path>, control: &Control, limits: &LimitsNow) -> Self {
        let start = |folder| patata_run::ControlServer::start(folder, control.clone(), limits.clone()).ok();
        Self { server: folder.and_then(start) }
    }

    #[cfg(not(unix))]
    pub(super) fn listen(_folder: Option<&Path>, _control: &Control, _limits: &LimitsNow) -> Self {
        Self {}
    }

    /// The limits that hold now, where somebody may have changed them.
    #[cfg(unix)]
    pub(super) fn limits(&self) -> Option<LimitsNow> {
        self.server.as_ref().map(patata_run::ControlServer::limits)
    }

    #[cfg(not(unix))]
    pub(super) fn limits(&self) -> Option<LimitsNow> {
        None
    }
}
