//! How far the input is pulled ahead of the event loops: a pure policy.

/// The lead of the input, in requests that no event loop has taken yet.
///
/// A short one keeps what is handed from thread to thread in the processor's cache, which saves a tenth of
/// a request's CPU or more. A caller that stays away for long between two outcomes needs a longer one, or the
/// event loops run dry meanwhile; so the lead grows when they did, and shrinks when much of it was left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAhead {
    requests: usize,
    least: usize,
    most: usize,
}

impl ReadAhead {
    /// The lead for so many connections, at most `input_chunk_size`.
    pub(crate) fn new(connections: usize, input_chunk_size: usize) -> Self {
        let least = connections.saturating_mul(4).max(64).min(input_chunk_size);
        Self { requests: least, least, most: input_chunk_size }
    }

    /// Looks at how many requests are left when the caller comes back. `is_dry` states that event loops
    /// could have used more, although there were outcomes to come back for.
    pub(crate) fn adapt(&mut self, left: usize, is_dry: bool) {
        if is_dry {
            self.requests = self.requests.saturating_mul(2).min(self.most);
        } else if left > self.requests / 2 {
            self.requests = (self.requests - self.requests / 8).max(self.least);
        }
    }

    /// How many more requests may be pulled where `left` are left.
    pub(crate) fn room(&self, left: usize) -> usize {
        self.requests.saturating_sub(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_is_always_there_keeps_it_short() {
        let mut read_ahead = ReadAhead::new(100, 10_000);
        for _ in 0..100 {
            read_ahead.adapt(300, false);
        }
        assert_eq!(read_ahead.room(0), 400);
    }

    #[test]
    fn it_grows_to_the_chunk_size_when_event_loops_run_dry_and_shrinks_again() {
        let mut read_ahead = ReadAhead::new(100, 10_000);
        for _ in 0..10 {
            read_ahead.adapt(0, true);
        }
        assert_eq!(read_ahead.room(0), 10_000);
        for _ in 0..100 {
            read_ahead.adapt(read_ahead.room(0), false);
        }
        assert_eq!(read_ahead.room(0), 400);
    }

    #[test]
    fn it_never_exceeds_the_chunk_size() {
        let mut read_ahead = ReadAhead::new(1_000_000, 1);
        read_ahead.adapt(0, true);
        assert_eq!((read_ahead.room(0), read_ahead.room(1), read_ahead.room(2)), (1, 0, 0));
    }
}
