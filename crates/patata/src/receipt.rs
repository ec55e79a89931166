//! The run's accounts: what was taken in, and what became of it.

use crate::response::Outcome;

/// How many requests a run took, and how each of them ended.
///
/// `submitted == ok + failed + cancelled + outstanding`, at any moment; `outstanding` is 0 at the end.
///
/// ```
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let client = patata::Client::builder().build()?;
/// let mut run = client.run((0..10).map(|id| patata::Request::get(id, format!("{url}/"))));
/// assert_eq!(run.by_ref().take(4).count(), 4);
/// let receipt = run.cancel();
/// assert_eq!(receipt.ok, 4);
/// assert_eq!(receipt.submitted, receipt.ok + receipt.cancelled);
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Requests taken from the input.
    pub submitted: u64,
    /// Requests that were answered, with whatever status.
    pub ok: u64,
    /// Requests that ended in an error.
    pub failed: u64,
    /// Requests given up because the run was ended early.
    pub cancelled: u64,
    /// Requests that are still under way.
    pub outstanding: u64,
    /// Attempts begun for all requests that have ended.
    pub attempts: u64,
    /// Bytes of all bodies received, after decoding.
    pub body_bytes: u64,
}

impl Receipt {
    /// Counts a request as taken. Returns its number, counted from 0.
    pub(crate) fn submit(&mut self) -> u64 {
        let number = self.submitted;
        self.submitted += 1;
        self.outstanding += 1;
        number
    }

    pub(crate) fn settle<T>(&mut self, outcome: &Outcome<T>) {
        self.outstanding -= 1;
        self.attempts += u64::from(outcome.attempts);
        match &outcome.result {
            Ok(response) => {
                self.ok += 1;
                self.body_bytes += response.body.len() as u64;
            }
            Err(_) => self.failed += 1,
        }
    }

    pub(crate) fn cancel_rest(&mut self) {
        self.cancelled += std::mem::take(&mut self.outstanding);
    }
}
