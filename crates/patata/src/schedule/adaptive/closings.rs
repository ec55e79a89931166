//! Connections that a server closes instead of answering, which need not have anything to do with its load.
//!
//! Where they become frequent, fewer requests are sent at a time for a while. Only if that makes closings rarer do
//! they count as rejections.

use crate::job::ticket::Sample;

/// Ended requests past which both counts are halved, so that they follow.
const REMEMBERED: f64 = 64.0;
/// Ended requests that say anything.
const LEAST: f64 = 16.0;
/// Closings are looked into if there are more than usual by so many standard deviations.
const DEVIATIONS: f64 = 4.0;
/// In a trial, so much fewer requests are in flight.
const PART: f64 = 0.125;
/// Closings that a trial would bring if they came as often as before, and those at which they are known to.
const EXPECTED: f64 = 8.0;
const AS_OFTEN: f64 = 2.0;
/// The least share that is looked into at all.
const PUT_UP_WITH: f64 = 0.1;

/// What is known of a host's closings.
#[derive(Debug, Default)]
pub(crate) struct Closings {
    recent: Count,
    /// The share that is known not to come from load.
    usual: f64,
    stage: Stage,
    /// How often they were found to come from load.
    found: u32,
}

/// What the end of a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    Nothing,
    /// It was closed for there were too many.
    TooMany,
    /// Closings have nothing to do with load, which they were taken for.
    WasWrong,
}

/// Requests that have ended, and those among them that the server closed.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    ended: f64,
    closed: f64,
}

#[derive(Debug, Default)]
enum Stage {
    /// They say nothing.
    #[default]
    Watched,
    /// Whether they become rarer with at most so many in flight, where they had this share.
    Tried { since: f64, most: f64, share: f64, count: Count },
    /// They did. So many requests have ended since.
    Load { ended: f64 },
}

impl Closings {
    /// The most requests in flight, while that is tried.
    pub(crate) fn most(&self) -> f64 {
        match self.stage {
            Stage::Tried { most, .. } => most,
            _ => f64::INFINITY,
        }
    }

    /// Takes account of a request that has ended, where so many may be in flight, or where that has been found not to
    /// matter (`is_throttled`).
    pub(crate) fn note(
        &mut self,
        time: f64,
        ticket: Sample,
        was_closed: bool,
        limit: f64,
        is_throttled: bool,
    ) -> Finding {
        self.recent.add(was_closed);
        self.recent.fade();
        match &mut self.stage {
            Stage::Watched => {
                if was_closed && limit >= 2.0 && self.recent.is_beyond(self.usual) {
                    self.begin_trial(time, limit);
                }
            }
            Stage::Tried { since, most, share, count } => {
                if ticket.sent > *since && f64::from(ticket.in_flight) <= *most {
                    count.add(was_closed);
                }
                if count.closed >= AS_OFTEN {
                    self.usual = self.usual.max(*share);
                    self.enter(Stage::Watched);
                    return if self.found > 0 { Finding::WasWrong } else { Finding::Nothing };
                }
                if count.ended * *share >= EXPECTED {
                    self.found += 1;
                    self.enter(Stage::Load { ended: 0.0 });
                }
            }
            Stage::Load { ended } => {
                *ended += 1.0;
                let is_due = *ended >= REMEMBERED * f64::from(self.found).exp2();
                let is_at_the_end = is_throttled || limit < 2.0;
                if is_at_the_end && is_due && was_closed && self.recent.share() > PUT_UP_WITH {
                    // Less has been asked of the server since, and it has not helped.
                    self.begin_trial(time, limit);
                } else if was_closed {
                    return Finding::TooMany;
                }
            }
        }
        Finding::Nothing
    }

    fn begin_trial(&mut self, time: f64, limit: f64) {
        let most = (PART * limit).floor().max(1.0);
        let share = self.recent.share();
        self.enter(Stage::Tried { since: time, most, share, count: Count::default() });
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.recent = Count::default();
    }
}

impl Count {
    fn add(&mut self, was_closed: bool) {
        self.ended += 1.0;
        self.closed += f64::from(u8::from(was_closed));
    }

    /// What is long ago counts for less.
    fn fade(&mut self) {
        if self.ended >= REMEMBERED {
            self.ended /= 2.0;
            self.closed /= 2.0;
        }
    }

    fn share(&self) -> f64 {
        self.closed / self.ended
    }

    /// Whether there are more closings than this share and chance explain.
    fn is_beyond(&self, share: f64) -> bool {
        let share = share.max(PUT_UP_WITH);
        let deviation = (share * (1.0 - share) * self.ended).sqrt();
        self.ended >= LEAST && self.closed > share * self.ended + DEVIATIONS * deviation
    }
}
