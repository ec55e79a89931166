//! Which calls have waited long for their inputs: an event loop looks now and then, for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::job::call::Call;
use crate::report::stall::{InputWait, StallWatch};

/// What was seen of the calls whose callers want to be told.
#[derive(Debug, Default)]
pub(crate) struct StallWatches {
    watches: HashMap<u64, StallWatch>,
    next: Option<Instant>,
    /// How many calls had begun by the last look.
    begun: u64,
}

impl StallWatches {
    /// Whether it is time for a look, where so many calls have begun.
    pub(crate) fn are_due(&self, now: Instant, begun: u64) -> bool {
        self.begun != begun || self.next.is_some_and(|next| next <= now)
    }

    /// When that is.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Looks at what the calls wait for: their inputs, or something else. Tells who wants to be told.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        begun: u64,
        calls: Vec<Arc<Call>>,
        wait: impl Fn(&Call) -> Option<InputWait>,
    ) {
        let mut watches = std::mem::take(&mut self.watches);
        (self.next, self.begun) = (None, begun);
        for call in calls {
            let Some(report) = &call.config.stall_report else { continue };
            let mut watch = watches.remove(&call.number).unwrap_or_default();
            if watch.is_due(now) && watch.look(now, report.after, wait(&call)) {
                (report.tell)();
            }
            self.next = self.next.into_iter().chain(watch.next()).min();
            self.watches.insert(call.number, watch);
        }
    }
}
