//! Which lanes of an event loop are idle, per origin, and how many there are in all.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::target::{ByOrigin, Origin};

/// The lanes of one event loop. `S` is how an idle lane is reached.
///
/// The newest idle lane is used first: those at the other end become old, and are retired.
#[derive(Debug)]
pub(crate) struct Pool<S> {
    idle: ByOrigin<VecDeque<(u64, S)>>,
    idle_count: usize,
    open: usize,
    capacity: usize,
    sequence: u64,
}

impl<S> Pool<S> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { idle: ByOrigin::default(), idle_count: 0, open: 0, capacity, sequence: 0 }
    }

    /// How many exchanges could be begun now, were they all for the right origins.
    pub(crate) fn free(&self) -> usize {
        self.capacity.saturating_sub(self.open) + self.idle_count
    }

    /// Counts a lane that is about to be opened. `false` where all places are taken by busy lanes; an idle
    /// lane gives way, and is returned to be closed.
    pub(crate) fn reserve(&mut self) -> Reservation<S> {
        if self.open < self.capacity {
            self.open += 1;
            return Reservation::Free;
        }
        match self.remove_oldest() {
            // The place changes hands, so the number of open lanes stays.
            Some(idle) => Reservation::InsteadOf(idle),
            None => Reservation::Full,
        }
    }

    /// An idle lane to `origin`, no longer idle.
    pub(crate) fn checkout(&mut self, origin: &Arc<Origin>) -> Option<S> {
        let lanes = self.idle.get_mut(origin)?;
        let (_, lane) = lanes.pop_back()?;
        if lanes.is_empty() {
            self.idle.remove(origin);
        }
        self.idle_count -= 1;
        Some(lane)
    }

    /// Takes back a lane that has nothing to do. Returns the number to [`remove`](Self::remove) it by.
    pub(crate) fn checkin(&mut self, origin: &Arc<Origin>, lane: S) -> u64 {
        self.sequence += 1;
        self.idle_count += 1;
        if !self.idle.contains_key(origin) {
            self.idle.insert(origin.clone(), VecDeque::new());
        }
        if let Some(lanes) = self.idle.get_mut(origin) {
            lanes.push_back((self.sequence, lane));
        }
        self.sequence
    }

    /// Takes an idle lane out that closed by itself. `false` where it had been checked out before.
    pub(crate) fn remove(&mut self, origin: &Arc<Origin>, number: u64) -> bool {
        let Some(lanes) = self.idle.get_mut(origin) else {
            return false;
        };
        let Some(place) = lanes.iter().position(|(sequence, _)| *sequence == number) else {
            return false;
        };
        lanes.remove(place);
        if lanes.is_empty() {
            self.idle.remove(origin);
        }
        self.idle_count -= 1;
        true
    }

    /// Counts a lane as closed.
    pub(crate) fn closed(&mut self) {
        self.open -= 1;
    }

    fn remove_oldest(&mut self) -> Option<S> {
        let origin = self
            .idle
            .iter()
            .min_by_key(|(_, lanes)| lanes.front().map_or(u64::MAX, |(sequence, _)| *sequence))
            .map(|(origin, _)| origin.clone())?;
        let lanes = self.idle.get_mut(&origin)?;
        let (_, lane) = lanes.pop_front()?;
        if lanes.is_empty() {
            self.idle.remove(&origin);
        }
        self.idle_count -= 1;
        Some(lane)
    }
}

/// What [`Pool::reserve`] found.
#[derive(Debug, PartialEq)]
pub(crate) enum Reservation<S> {
    /// There was room.
    Free,
    /// This idle lane must be closed; its place is given on.
    InsteadOf(S),
    /// Every lane is busy.
    Full,
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::plan::Planner;

    fn origins() -> [Arc<Origin>; 2] {
        let mut planner = Planner::new(RandomState::new());
        ["http://a/", "http://b/"].map(|url| planner.target(url).unwrap().0.origin)
    }

    #[test]
    fn the_newest_idle_lane_is_used_first() {
        let [a, b] = origins();
        let mut pool = Pool::new(3);
        for _ in 0..2 {
            pool.reserve();
        }
        pool.checkin(&a, "old");
        pool.checkin(&a, "new");
        assert_eq!(pool.checkout(&b), None);
        assert_eq!(pool.checkout(&a), Some("new"));
        assert_eq!(pool.free(), 2);
    }

    #[test]
    fn a_full_pool_gives_the_place_of_the_oldest_idle_lane() {
        let [a, b] = origins();
        let mut pool = Pool::new(2);
        assert_eq!((pool.reserve(), pool.reserve()), (Reservation::Free, Reservation::Free));
        assert_eq!(pool.reserve(), Reservation::Full);
        pool.checkin(&a, "first");
        pool.checkin(&b, "second");
        assert_eq!(pool.reserve(), Reservation::InsteadOf("first"));
        assert_eq!(pool.free(), 1);
    }

    #[test]
    fn a_lane_that_closes_while_idle_is_forgotten_once() {
        let [a, _] = origins();
        let mut pool = Pool::new(1);
        pool.reserve();
        let number = pool.checkin(&a, ());
        assert!(pool.remove(&a, number));
        assert!(!pool.remove(&a, number));
        pool.closed();
        assert_eq!(pool.free(), 1);
    }
}
