//! Wakes or ends a run from another thread.

use std::sync::Arc;

use crate::engine::shared::Shared;
use crate::report::progress::Progress;

/// Wakes or ends a [`Run`](crate::Run) from another thread.
#[derive(Clone)]
pub struct Control(Arc<dyn Remote>);

impl std::fmt::Debug for Control {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    pub(crate) fn new<T: Send + 'static>(shared: Arc<Shared<T>>) -> Self {
        Self(shared)
    }

    /// Ends a [`Run::wait`](crate::Run::wait) that is under way, or the next one.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// How far the run has come. The counts are those of a moment just past.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// let client = patata::Client::builder().rate("50/s").build()?;
    /// let mut run = client.run((0..20).map(|id| patata::Request::get(id, format!("{url}/"))));
    /// let control = run.control();
    /// let watcher = std::thread::spawn(move || {
    ///     while control.progress().bottleneck != patata::Bottleneck::Rate {}
    /// });
    /// assert_eq!(run.by_ref().count(), 20);
    /// watcher.join().unwrap();
    /// assert_eq!(run.control().progress().done, 20);
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// Ends the run: its caller is told [`Step::End`](crate::Step::End), and what was not done counts as
    /// cancelled.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// The same for all types of tags.
trait Remote: Send + Sync {
    fn wake(&self);
    fn cancel(&self);
    fn progress(&self) -> Progress;
}

impl<T: Send> Remote for Shared<T> {
    fn wake(&self) {
        self.completions.nudge();
    }

    fn progress(&self) -> Progress {
        Self::progress(self)
    }

    fn cancel(&self) {
        Self::cancel(self);
        self.completions.nudge();
    }
}
