//! Requests a second, where the server limits those rather than how many are in flight.

/// The slowest, a second: three a minute.
const LEAST: f64 = 0.05;

/// Spaces requests evenly, once it is on.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// A second; infinite while it is off.
    rate: f64,
    /// The rate that brought rejections.
    pub(crate) bad: f64,
    next: f64,
    /// Whether a request has been held back since the last one was sent.
    is_blocking: bool,
    /// How often of late one was.
    pub(crate) usage: f64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { rate: f64::INFINITY, bad: f64::INFINITY, next: 0.0, is_blocking: false, usage: 0.0 }
    }
}

impl Throttle {
    pub(crate) fn is_on(&self) -> bool {
        self.rate.is_finite()
    }

    /// The rate, while it is on.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.is_on().then_some(self.rate)
    }

    /// Sets the rate. Returns it.
    pub(crate) fn set(&mut self, rate: f64) -> f64 {
        self.rate = rate.max(LEAST);
        self.rate
    }

    pub(crate) fn turn_off(&mut self) {
        self.rate = f64::INFINITY;
    }

    /// The next request may go at this time.
    pub(crate) fn open_at(&mut self, time: f64) {
        self.next = time;
    }

    /// Until when nothing may be sent, where it is so.
    pub(crate) fn closed_until(&mut self, time: f64) -> Option<f64> {
        if !self.is_on() || time >= self.next {
            return None;
        }
        self.is_blocking = true;
        Some(self.next)
    }

    /// Counts a request. Returns whether it had been held back.
    pub(crate) fn sent(&mut self, time: f64) -> bool {
        if self.is_on() {
            let interval = 1.0 / self.rate;
            self.next = self.next.max(time - interval) + interval;
        }
        let was_blocked = std::mem::take(&mut self.is_blocking);
        self.usage += 0.05 * (f64::from(u8::from(was_blocked)) - self.usage);
        was_blocked
    }
}
