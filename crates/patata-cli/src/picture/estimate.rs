//! How fast a run is, and when it will be done: worked out from its last seconds.

use patata_run::{Summary, Tick};

/// Seconds over which the rate of the moment is taken.
const NOW: f64 = 5.0;
/// Seconds over which the rate is taken that the rest will take: a moment's rate makes a restless estimate.
const LATELY: f64 = 30.0;

/// What a picture is drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The last seconds, the oldest first.
    pub(crate) ticks: &'a [Tick],
    /// The second that is not over yet.
    pub(crate) now: &'a Tick,
    /// All so far.
    pub(crate) summary: &'a Summary,
    /// Whether the run has ended.
    pub(crate) is_over: bool,
}

impl Scene<'_> {
    /// Requests that need nothing more, those of earlier processes included.
    pub(crate) fn done(&self) -> u64 {
        self.now.done + self.summary.skipped
    }

    /// How many there are in all, where that is known.
    pub(crate) fn total(&self) -> Option<u64> {
        self.summary.total
    }

    /// For how long processes have worked at it.
    pub(crate) fn seconds(&self) -> f64 {
        // Once the last second is counted, it is in the sum.
        if self.now.time > self.summary.time {
            self.summary.seconds + self.now.seconds
        } else {
            self.summary.seconds
        }
    }

    /// Requests a second, over the whole run.
    pub(crate) fn average(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.now.done as f64 / seconds } else { 0.0 }
    }

    /// Requests a second, just now.
    pub(crate) fn rate(&self) -> f64 {
        self.rate_over(NOW)
    }

    /// Seconds until the rest is done, at the pace of late. None where nothing is done, a person has paused it, or the
    /// total is unknown.
    pub(crate) fn seconds_left(&self) -> Option<f64> {
        if self.now.limits.paused {
            return None;
        }
        let left = self.total()?.saturating_sub(self.done());
        let rate = self.rate_over(LATELY);
        (rate > 0.0).then(|| left as f64 / rate)
    }

    /// The last second in which something came.
    pub(crate) fn last_with_responses(&self) -> Option<&Tick> {
        self.ticks.iter().rev().find(|tick| tick.responses.total() > 0)
    }

    fn rate_over(&self, seconds: f64) -> f64 {
        let begin = self.now.time - seconds;
        // The pause between two processes is no time of the run.
        let of_now = |tick: &&Tick| tick.time >= begin && tick.process == self.now.process;
        match self.ticks.iter().find(of_now) {
            Some(first) if self.now.time - first.time > 0.5 => {
                self.now.done.saturating_sub(first.done) as f64 / (self.now.time - first.time)
            }
            Some(last) => last.rate(),
            None => self.now.rate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use patata_run::Classes;

    use super::*;

    fn tick(time: f64, done: u64) -> Tick {
        let responses = Classes { success: 10, ..Classes::default() };
        Tick { time, seconds: 1.0, done, process: 1, responses, ..Tick::default() }
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let ticks: Vec<_> = (0..=60_u64).map(|second| tick(second as f64, second * second)).collect();
        let now = Tick { seconds: 0.0, responses: Classes::default(), ..tick(60.0, 3600) };
        let summary =
            Summary { total: Some(4500), skipped: 300, seconds: 60.0, time: 60.0, ..Summary::default() };
        let scene = Scene { ticks: &ticks, now: &now, summary: &summary, is_over: false };
        assert_eq!(scene.rate(), (3600.0 - 3025.0) / 5.0);
        assert_eq!(scene.average(), 60.0);
        assert_eq!(scene.seconds_left(), Some(600.0 / 90.0));
    }

    #[test]
    fn a_run_that_has_just_begun_has_a_rate_and_no_estimate() {
        let now = Tick { seconds: 0.5, ..tick(0.5, 10) };
        let summary = Summary::default();
        let scene = Scene { ticks: &[], now: &now, summary: &summary, is_over: false };
        assert_eq!((scene.rate(), scene.average(), scene.seconds_left()), (20.0, 20.0, None));
        let none = Tick::default();
        let total = Summary { total: Some(7), ..Summary::default() };
        let scene = Scene { ticks: &[], now: &none, summary: &total, is_over: false };
        assert_eq!((scene.rate(), scene.average(), scene.seconds_left()), (0.0, 0.0, None));
    }
}
