//! A timer for deadline after deadline, of which hardly any is ever reached.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// Wakes at a deadline. It may be armed for an earlier one, of a past exchange: then it wakes
/// once in vain and is wound on. So most exchanges leave it alone.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        match &mut self.0 {
            Some(sleep) if sleep.deadline() <= deadline && !sleep.is_elapsed() => {
                return Poll::Pending;
            }
            Some(sleep) if sleep.is_elapsed() && sleep.deadline() >= deadline => {
                return Poll::Ready(());
            }
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.0 = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}
