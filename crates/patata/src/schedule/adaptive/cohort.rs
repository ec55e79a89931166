//! Requests that were sent together, and what came of them.

use crate::job::ticket::Sample;

/// The cohort that is being sent, and the one before it, which is waited for.
#[derive(Debug, Default)]
pub(crate) struct Cohorts {
    current: Cohort,
    previous: Option<Cohort>,
    /// Numbers that have been given to cohorts.
    numbers: u64,
    /// Whether requests belong to no cohort, until fewer are in flight than the limit allows.
    is_closed: bool,
}

/// Requests that were sent one after another, with sums over those that still count.
#[derive(Debug, Default)]
pub(crate) struct Cohort {
    number: u64,
    pub(crate) count: f64,
    pub(crate) rejected: f64,
    /// The lowest limit while they were sent.
    pub(crate) least_limit: f64,
    last_sent: f64,
    in_flight: f64,
    /// Of those that have not come back.
    pending: f64,
    pending_sent: f64,
    latency: f64,
    latency_square: f64,
}

/// What a cohort says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    /// Its mean, in seconds.
    pub(crate) latency: f64,
    pub(crate) mean_square: f64,
    /// The standard error of the mean, relative to it.
    pub(crate) error: f64,
    /// The mean and its error.
    pub(crate) at_most: f64,
    /// The mean of the requests in flight when each was sent.
    pub(crate) in_flight: f64,
}

impl Summary {
    /// Requests a second, by Little's law.
    pub(crate) fn throughput(&self) -> f64 {
        self.in_flight / self.latency
    }
}

impl Cohorts {
    /// Counts a request. Returns the number of its cohort; 0 for none.
    pub(crate) fn sent(&mut self, time: f64, in_flight: usize, limit: f64, need: f64) -> u64 {
        let in_flight = in_flight as f64;
        if self.is_closed && in_flight > limit {
            return 0;
        }
        self.is_closed = false;
        if self.current.number == 0 {
            self.numbers += 1;
            self.current = Cohort { number: self.numbers, least_limit: limit, ..Cohort::default() };
        }
        self.current.sent(time, in_flight, limit);
        let number = self.current.number;
        if self.previous.is_none() && self.current.count >= need {
            self.previous = Some(std::mem::take(&mut self.current));
        }
        number
    }

    /// A request has come back after so many seconds.
    pub(crate) fn add(&mut self, ticket: Sample, latency: f64) {
        if let Some(cohort) = self.of(ticket) {
            cohort.leave(ticket);
            cohort.latency += latency;
            cohort.latency_square += latency * latency;
        }
    }

    /// A request that says nothing about latency is as if it had not been sent.
    pub(crate) fn forget(&mut self, ticket: Sample, was_rejected: bool) {
        if let Some(cohort) = self.of(ticket) {
            cohort.leave(ticket);
            cohort.count -= 1.0;
            cohort.in_flight -= f64::from(ticket.in_flight);
            cohort.rejected += f64::from(u8::from(was_rejected));
        }
    }

    /// The cohort that is waited for, once it is back, or nearly and the rest is late.
    pub(crate) fn finished(&mut self, time: f64, mean: f64) -> Option<Cohort> {
        let is_finished = |cohort: &mut Cohort| {
            let is_nearly = cohort.pending <= 0.1 * cohort.count && time - cohort.last_sent >= 2.0 * mean;
            cohort.pending < 0.5 || is_nearly
        };
        // One of which all were rejected says nothing.
        self.previous.take_if(is_finished).filter(|cohort| cohort.count >= 1.0)
    }

    /// Requests belong to no cohort until fewer are in flight than the limit allows.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(crate) fn open(&mut self) {
        self.is_closed = false;
    }

    /// What is under way counts for no cohort any more.
    pub(crate) fn clear(&mut self) {
        self.current = Cohort::default();
        self.previous = None;
    }

    fn of(&mut self, ticket: Sample) -> Option<&mut Cohort> {
        let both = self.previous.iter_mut().chain([&mut self.current]);
        both.into_iter().find(|cohort| ticket.cohort != 0 && cohort.number == ticket.cohort)
    }
}

impl Cohort {
    fn sent(&mut self, time: f64, in_flight: f64, limit: f64) {
        self.count += 1.0;
        self.pending += 1.0;
        self.pending_sent += time;
        self.in_flight += in_flight;
        self.last_sent = time;
        self.least_limit = self.least_limit.min(limit);
    }

    fn leave(&mut self, ticket: Sample) {
        self.pending -= 1.0;
        self.pending_sent -= ticket.sent;
    }

    /// Those that are not back count as long as they have been away, up to `most`.
    pub(crate) fn summary(&self, time: f64, most: f64) -> Summary {
        let (mut sum, mut squares) = (self.latency, self.latency_square);
        if self.pending >= 0.5 {
            let age = (time - self.pending_sent / self.pending).clamp(0.0, most);
            sum += self.pending * age;
            squares += self.pending * age * age;
        }
        // No clock tells less apart.
        let latency = (sum / self.count).max(1e-6);
        let mean_square = (squares / self.count).max(latency * latency);
        let deviation = (mean_square - latency * latency).sqrt();
        let error = deviation / latency / self.count.sqrt();
        let in_flight = (self.in_flight / self.count).max(1.0);
        Summary { latency, mean_square, error, at_most: latency * (1.0 + error), in_flight }
    }
}
