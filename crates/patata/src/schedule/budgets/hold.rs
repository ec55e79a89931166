//! What keeps the next job of a queue waiting for a budget, and since when: told to the job, and to its call.

use std::time::Instant;

use crate::cost::awaited::Awaited;
use crate::schedule::ready::Queue;

/// The budget that a queue waits for.
#[derive(Debug)]
pub(crate) struct Hold {
    awaited: Awaited,
    /// When it will have something, where that is known: what keeps the job waiting afterwards is something else.
    until: Option<Instant>,
    since: Instant,
}

impl Hold {
    pub(crate) fn new(awaited: Awaited, until: Option<Instant>, since: Instant) -> Self {
        Self { awaited, until, since }
    }
}

impl Queue {
    /// Notes which budget its next job waits for now, where it does.
    #[cold]
    pub(in crate::schedule) fn note_hold(&mut self, found: Option<Hold>, now: Instant) {
        if let (Some(hold), Some(found)) = (&mut self.hold, &found)
            && hold.awaited == found.awaited
        {
            hold.until = found.until;
            return;
        }
        self.let_go(now);
        if let (Some(hold), Some(job)) = (found, self.peek()) {
            job.call.note_waiting(|waits| waits.begin(&hold.awaited, now));
            self.hold = Some(Box::new(hold));
        }
    }

    /// Its next job waits for no budget any more.
    pub(in crate::schedule) fn let_go(&mut self, now: Instant) {
        let Some(hold) = self.hold.take() else { return };
        let Some(job) = self.peek_mut() else { return };
        let end = hold.until.map_or(now, |until| until.min(now)).max(hold.since);
        job.call.note_waiting(|waits| waits.end(&hold.awaited, end));
        job.ticket.charge.get_or_insert_default().note_wait(hold.awaited, end - hold.since);
    }
}
