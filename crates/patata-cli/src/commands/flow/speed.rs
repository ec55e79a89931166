//! How many bytes may come in a second: requests are held back while more have come than that.

use std::time::{Duration, Instant};

use patata::Outcome;

/// Requests under way at once where nothing is said of that.
const CONCURRENCY: usize = 100;

/// A limit on the bytes of bodies, on average over a run. It holds requests back, and slows down no body that is on its way.
#[derive(Debug)]
pub(super) struct Speed {
    /// Bytes a second; `None` for no limit.
    limit: Option<f64>,
    /// Until when what has come is worth waiting.
    until: Instant,
}

impl Speed {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self { limit: limit.map(|bytes| bytes as f64), until: Instant::now() }
    }

    /// Counts what has come.
    pub(super) fn note<T>(&mut self, outcome: &Outcome<T>) {
        let (Some(limit), Ok(response)) = (self.limit, &outcome.result) else { return };
        let saved = response.saved_to.as_ref().and_then(|path| path.metadata().ok());
        let bytes = saved.map_or(response.body.len() as u64, |file| file.len());
        let time = Duration::try_from_secs_f64(bytes as f64 / limit).unwrap_or(Duration::MAX);
        // What was not used is not saved up.
        self.until = self.until.max(Instant::now()).checked_add(time).unwrap_or(self.until);
    }

    /// How many more requests may be handed to the engine, which sends at once what it has: none while too much has come,
    /// and with a limit never more than can be in flight.
    pub(super) fn room(&self, outstanding: u64, concurrency: Option<usize>) -> usize {
        if self.limit.is_none() {
            return usize::MAX;
        }
        if Instant::now() < self.until {
            return 0;
        }
        let outstanding = usize::try_from(outstanding).unwrap_or(usize::MAX);
        concurrency.unwrap_or(CONCURRENCY).saturating_sub(outstanding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of so many bytes.
    fn answer(bytes: usize) -> Outcome<()> {
        let server = patata_testserver::Server::start().unwrap();
        let client = patata::Client::builder().build().unwrap();
        let request = patata::Request::get((), format!("{}/bytes/{bytes}", server.url()));
        client.run([request]).next().unwrap()
    }

    #[test]
    fn requests_are_held_back_until_what_came_is_paid_for() {
        let mut speed = Speed::new(Some(1_000));
        assert_eq!((speed.room(3, Some(10)), speed.room(12, Some(10)), speed.room(0, None)), (7, 0, 100));
        speed.note(&answer(500_000));
        assert_eq!(speed.room(0, None), 0);
        speed.until = Instant::now();
        assert_eq!(speed.room(0, None), 100);
    }

    #[test]
    fn without_a_limit_nothing_is_ever_held_back() {
        let mut speed = Speed::new(None);
        speed.note(&answer(1_000));
        assert_eq!(speed.room(1_000, Some(1)), usize::MAX);
    }
}
