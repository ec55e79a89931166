//! What the schedule knows of one origin: its jobs that are ready, and whether it may be sent one now.

use std::time::{Duration, Instant};

use crate::config::limits::Limits;
use crate::cost::charge::Charge;
use crate::job::ticket::Sample;
use crate::schedule::adaptive::{Controller, Gate, Report};
use crate::schedule::budgets::Budgets;
use crate::schedule::ease_in::EaseIn;
use crate::schedule::health::Health;
use crate::schedule::pace::Pace;
use crate::schedule::pacer::{Heard, Pacer};
use crate::schedule::ready::Ready;
use crate::schedule::slowdown::Slowdown;

/// Where a host with ready jobs stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nowhere: it has no job that is ready.
    Away,
    /// In the line of those who may send, at this key: those with the fewest in flight go first.
    InLine(Key),
    /// Aside, until one of its requests ends.
    Full,
    /// Aside, until its time comes.
    Waiting,
}

/// Requests in flight, and what keeps the order among equals.
pub(crate) type Key = (usize, u64);

/// How a request went, for the controller of its host's concurrency.
#[derive(Debug)]
pub(crate) struct Lesson {
    pub(crate) sample: Sample,
    pub(crate) report: Report,
}

/// What a server has answered to a request, and when that was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answered {
    Accepted {
        sent: Instant,
    },
    /// It says "too many", or when to come back.
    TooMany {
        sent: Instant,
        says_when: bool,
    },
}

impl Answered {
    /// The same where another one than who is to slow down has learnt from it.
    pub(crate) fn explained(self) -> Self {
        match self {
            Self::TooMany { sent, .. } | Self::Accepted { sent } => Self::Accepted { sent },
        }
    }
}

/// How a call asks hosts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Where requests are tried again: the most in flight in all, of which hosts that say "too many" get less, and those
    /// that are new, unless a controller sees to that.
    pub(crate) gentle_below: Option<usize>,
    /// The most in flight at a host that has as many as it can use.
    pub(crate) adaptive: Option<usize>,
    /// Whether at the pace that what hosts tell of their limits bears.
    pub(crate) is_paced: bool,
}

#[derive(Debug)]
pub(crate) struct Host {
    /// The event loop that has its connections.
    pub(crate) home: usize,
    pub(crate) ready: Ready,
    pub(crate) place: Standing,
    /// Whether it may be sent more, as far as is known, without having more than its share in flight.
    pub(crate) is_sendable: bool,
    /// Whether it stands aside for limits of calls, of which one more may have none.
    pub(crate) awaits_calls: bool,
    /// Whether it has ready jobs or requests in flight, as far as has been noted.
    pub(crate) is_active: bool,
    /// Requests in flight, of those that were counted.
    pub(crate) in_flight: usize,
    /// What is wrong with it; `None` where nothing has failed since its last answer.
    pub(crate) health: Option<Box<Health>>,
    /// What may be used of other units, where that is limited for each host.
    pub(crate) budgets: Option<Box<Budgets>>,
    pace: Pace,
    /// Whether it has asked for some of that pace itself.
    is_kept_apart: bool,
    /// What it tells of its own limits.
    pacer: Option<Box<Pacer>>,
    /// Finds out how many requests it can use at once.
    controller: Option<Box<Controller>>,
    /// Until when the server has asked to be left alone.
    held_until: Option<Instant>,
    /// How far it is known, where that is of interest.
    ease_in: Option<EaseIn>,
    /// What is asked of it since it has said "too many".
    slowdown: Option<Box<Slowdown>>,
}

impl Host {
    pub(crate) fn new(limits: &Limits, home: usize) -> Self {
        Self {
            home,
            ready: Ready::default(),
            place: Standing::Away,
            is_sendable: true,
            awaits_calls: false,
            is_active: false,
            in_flight: 0,
            health: None,
            budgets: limits.budgets.as_ref().and_then(|budgets| Budgets::new(&budgets.per_host)),
            pace: Pace::new(&limits.rates_per_host),
            is_kept_apart: false,
            pacer: None,
            controller: None,
            held_until: None,
            ease_in: None,
            slowdown: None,
        }
    }

    /// Whether it may be sent a request of any call now.
    pub(crate) fn gate(&self, limits: &Limits, now: Instant) -> Gate {
        if let Some(until) = self.held_until.filter(|until| *until > now) {
            return Gate::Until(until);
        }
        if limits.concurrency_per_host.is_some_and(|most| self.in_flight >= most) {
            return Gate::Full;
        }
        self.pace.closed_until(now).map_or(Gate::Go, Gate::Until)
    }

    /// Whether it may be sent a request of a call that asks it in this manner.
    pub(crate) fn gate_for(&mut self, manner: Manner, now: Instant) -> Gate {
        if let (Some(most), None) = (manner.gentle_below, manner.adaptive) {
            let ease_in = self.ease_in.get_or_insert_with(|| EaseIn::new(Some(most)));
            if let Some(until) = ease_in.closed_until(now, self.in_flight) {
                return Gate::Until(until);
            }
        }
        if let Some(slowdown) = self.slowdown.as_mut().filter(|_| manner.gentle_below.is_some()) {
            match slowdown.gate(now, self.in_flight) {
                Gate::Go => {}
                closed => return closed,
            }
        }
        if manner.is_paced {
            // Before the controller is asked, to which what is held back here is no work that there is.
            match self.pacer.get_or_insert_default().gate(now, self.in_flight) {
                Gate::Go => {}
                closed => return closed,
            }
        }
        match manner.adaptive {
            None => Gate::Go,
            Some(most) => self
                .controller
                .get_or_insert_with(|| Box::new(Controller::new(most)))
                .gate(now, self.in_flight),
        }
    }

    /// Counts a request in what the host has told of its limits. Returns its number there, or nought.
    pub(crate) fn count_paced(&mut self, now: Instant, charge: Option<&Charge>) -> u32 {
        let pacer = self.pacer.as_mut();
        pacer.map_or(0, |pacer| pacer.sent(now, charge.map(|charge| &charge.estimate)))
    }

    /// Takes account of what an answer tells. Returns whether it has been refused for a limit that it tells of.
    pub(crate) fn hear_limits(&mut self, now: Instant, heard: &Heard) -> bool {
        self.pacer.as_mut().is_some_and(|pacer| pacer.hear(now, heard))
    }

    /// The limit of the host's own that holds requests back now.
    pub(crate) fn binding_limit(&self, now: Instant) -> Option<String> {
        self.pacer.as_ref()?.binding(now)
    }

    /// Counts a request that is sent now.
    pub(crate) fn count(&mut self, manner: Manner, now: Instant) -> Option<Box<Sample>> {
        self.in_flight += 1;
        self.pace.count(now);
        if let Some(slowdown) = &mut self.slowdown {
            slowdown.sent(now);
        }
        let controller = self.controller.as_mut().filter(|_| manner.adaptive.is_some())?;
        Some(Box::new(controller.sent(now, self.in_flight)))
    }

    /// Sends it requests so far apart, or farther.
    pub(crate) fn keep_apart(&mut self, interval: Duration) {
        self.pace.widen(interval);
        self.is_kept_apart = true;
    }

    /// Counts a request in the rate that is in flight already and goes out once more. Says until when it must wait.
    pub(crate) fn count_anew(&mut self, now: Instant) -> Option<Instant> {
        self.pace.count_anew(now)
    }

    /// Counts a request as no longer in flight, and learns from how it went.
    pub(crate) fn uncount(&mut self, now: Instant, lesson: Option<Lesson>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let (Some(controller), Some(Lesson { sample, report })) = (&mut self.controller, lesson) {
            controller.done(now, self.in_flight, sample, report);
        }
    }

    /// Takes account of what the server has answered to a request that is no longer in flight. Returns until when it is
    /// left alone, where less is asked of it from now on.
    pub(crate) fn hear(&mut self, now: Instant, answer: Answered, most: usize) -> Option<Instant> {
        if let Some(ease_in) = &mut self.ease_in {
            ease_in.answered(now, most);
        }
        match (&mut self.slowdown, answer) {
            (Some(slowdown), Answered::Accepted { .. }) if slowdown.is_over(now) => self.slowdown = None,
            (Some(slowdown), Answered::Accepted { sent }) => slowdown.accepted(now, sent, self.in_flight),
            (Some(slowdown), Answered::TooMany { sent, says_when }) => {
                let is_slower = slowdown.rejected(now, sent, self.in_flight, says_when);
                return is_slower.then(|| slowdown.next());
            }
            (None, Answered::TooMany { sent, .. }) => {
                let slowdown = Slowdown::new(now, sent, most);
                return Some(self.slowdown.insert(Box::new(slowdown)).next());
            }
            (None, Answered::Accepted { .. }) => {}
        }
        None
    }

    /// Whether as much may be asked of it as there is, without counting, by who limits nothing but how gently it begins.
    #[inline]
    pub(crate) fn is_unlimited(&self, gentle_below: Option<usize>, now: Instant) -> bool {
        let is_eased_in = match &self.ease_in {
            Some(ease_in) => ease_in.is_over(),
            None => EaseIn::new(gentle_below).is_over(),
        };
        is_eased_in && self.asks_nothing(now)
    }

    fn asks_nothing(&self, now: Instant) -> bool {
        self.slowdown.is_none() && self.controller.is_none() && !self.is_kept_apart && self.is_free(now)
    }

    /// Whether the server itself is why it waits.
    pub(crate) fn is_shy(&self, now: Instant) -> bool {
        self.slowdown.is_some() || !self.is_free(now)
    }

    /// Whether it is for the server to say how many requests it has in flight.
    pub(crate) fn is_adaptive(&self) -> bool {
        let told = self.pacer.as_ref().and_then(|pacer| pacer.most_in_flight());
        self.controller.is_some() || told.is_some()
    }

    /// The server asks to be left alone.
    pub(crate) fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// Whether there is nothing to remember of it: else it must not be forgotten at once.
    pub(crate) fn is_plain(&self) -> bool {
        self.held_until.is_none()
            && self.health.is_none()
            && self.controller.is_none()
            && self.pacer.is_none()
            && self.ease_in.is_none()
            && self.slowdown.is_none()
            && !self.is_kept_apart
    }

    /// Whether nothing but limits keeps requests from it.
    fn is_free(&self, now: Instant) -> bool {
        !self.is_held(now) && self.health.as_ref().is_none_or(|health| health.is_open())
    }

    pub(crate) fn is_held(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| until > now)
    }

    /// Whether it has been found out how much it can use, which the next call is to begin with.
    pub(crate) fn has_taught(&self) -> bool {
        self.controller.is_some() || self.ease_in.is_some()
    }

    /// Whether little is lost with it.
    pub(crate) fn is_forgettable(&self, now: Instant) -> bool {
        self.ready.is_empty()
            && self.in_flight == 0
            && !self.is_held(now)
            && self.pace.is_unused(now)
            && self.pacer.as_ref().is_none_or(|pacer| pacer.is_over(now))
            && self.budgets.as_ref().is_none_or(|budgets| budgets.are_unused(now))
            && self.slowdown.as_ref().is_none_or(|slowdown| slowdown.is_over(now))
            && self.health.as_ref().is_none_or(|health| health.is_forgettable(now))
    }
}
