//! Waiting in tests: for what is certain to become so, and never for ever.

use std::sync::mpsc;
use std::time::Duration;

/// Far longer than any test takes: what reaches it hangs.
const HANG: Duration = Duration::from_secs(60);

/// Ends the process should a test hang: a thread that waits for ever cannot be ended otherwise.
pub(crate) struct Watchdog {
    /// Dropped with the watchdog, which calls it off.
    _leash: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let (leash, slipped) = mpsc::channel::<()>();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if slipped.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                std::process::abort();
            }
        });
        Self { _leash: leash }
    }
}

/// Waits until something is so that is certain to become so.
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let _watchdog = Watchdog::new();
    while !condition() {
        std::thread::sleep(Duration::from_millis(5));
    }
}
