//! Wakes or ends a run from another thread.

use std::sync::Arc;

use crate::shared::Shared;

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
}

impl<T: Send> Remote for Shared<T> {
    fn wake(&self) {
        self.delivery.nudge();
    }

    fn cancel(&self) {
        Self::cancel(self);
        self.delivery.nudge();
    }
}
