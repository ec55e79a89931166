//! Which connections of an event loop are idle, per origin, and how many there are in all.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::target::{ByOrigin, Origin};

/// The connections of one event loop. `S` is how an idle connection is reached.
///
/// The newest idle connection is used first: those at the other end become old, and are retired.
#[derive(Debug)]
pub(crate) struct Pool<S> {
    /// By origin, from old to new.
    idle: ByOrigin<VecDeque<(u64, S)>>,
    idle_count: usize,
    /// The idle connections of all origins from old to new, as they were when this was last written: whoever was checked
    /// out since is passed over. Only who needs room asks, so that it costs nothing to be checked in.
    by_age: VecDeque<(u64, Arc<Origin>)>,
    open: usize,
    /// The most connections that may be busy.
    concurrency: usize,
    /// The most connections there may be just now.
    capacity: usize,
    /// The most there may be.
    full_capacity: usize,
    /// When the capacity was last changed, while it is lowered.
    changed: Option<Instant>,
    sequence: u64,
}

/// How long a lowered capacity stays before it is raised by a part.
const RECOVERY: Duration = Duration::from_secs(1);
/// So much later it is over for certain.
const GRAIN: Duration = Duration::from_millis(1);

impl<S> Pool<S> {
    /// At most `concurrency` connections are busy; those that are idle may make them `capacity`.
    pub(crate) fn new(concurrency: usize, capacity: usize) -> Self {
        let capacity = capacity.max(concurrency);
        Self {
            idle: ByOrigin::default(),
            idle_count: 0,
            by_age: VecDeque::new(),
            open: 0,
            concurrency,
            capacity,
            full_capacity: capacity,
            changed: None,
            sequence: 0,
        }
    }

    /// At most so many connections are busy from now on; those that are idle may make them `capacity`.
    pub(crate) fn resize(&mut self, concurrency: usize, capacity: usize) {
        let capacity = capacity.max(concurrency);
        if (self.concurrency, self.full_capacity) == (concurrency, capacity) {
            return;
        }
        (self.concurrency, self.full_capacity) = (concurrency, capacity);
        if self.changed.is_none() {
            self.capacity = capacity;
        }
    }

    /// No more connections can be opened than there are now, for want of file descriptors: the one that was just
    /// tried does not count. An idle connection gives way, and is returned to be closed. Whether there is hope: not
    /// where there is no other connection whose end would help.
    pub(crate) fn run_short(&mut self, now: Instant) -> Shortage<S> {
        self.capacity = self.open.saturating_sub(1).clamp(1, self.capacity);
        self.changed = Some(now);
        match self.remove_oldest() {
            Some(idle) => Shortage::Idle(idle),
            None if self.open > 1 => Shortage::Busy,
            None => Shortage::Total,
        }
    }

    /// Opens no connection until there is hope again.
    pub(crate) fn rest(&mut self) {
        self.capacity = 0;
    }

    /// When it may open connections again, where it may not now: somebody must look then.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.changed.filter(|_| self.capacity == 0).map(|changed| changed + RECOVERY + GRAIN)
    }

    /// Connections that there are, busy or not.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// How many exchanges could be begun now, were they all for the right origins.
    pub(crate) fn free(&mut self, now: Instant) -> usize {
        if self.changed.is_some_and(|changed| now > changed + RECOVERY) {
            self.capacity = (self.capacity + self.capacity.div_ceil(10).max(1)).min(self.full_capacity);
            self.changed = (self.capacity < self.full_capacity).then_some(now);
        }
        let room = self.capacity.saturating_sub(self.open) + self.idle_count;
        room.min(self.concurrency.saturating_sub(self.busy()))
    }

    /// How many requests there may be at work at once just now.
    pub(crate) fn connections(&self) -> usize {
        self.concurrency.min(self.capacity)
    }

    /// Connections that are opening or at work.
    pub(crate) fn busy(&self) -> usize {
        self.open - self.idle_count
    }

    /// Counts a connection that is about to be opened, unless as many are busy as may be. Where there is no room for more,
    /// an idle connection gives way, and is returned to be closed.
    pub(crate) fn reserve(&mut self) -> Reservation<S> {
        if self.busy() >= self.concurrency {
            return Reservation::Full;
        }
        if self.open < self.capacity {
            self.open += 1;
            return Reservation::Free;
        }
        match self.remove_oldest() {
            // The place changes hands, so the number of open connections stays.
            Some(idle) => Reservation::InsteadOf(idle),
            None => Reservation::Full,
        }
    }

    /// An idle connection to `origin`, of those that are fit, no longer idle.
    pub(crate) fn checkout(&mut self, origin: &Arc<Origin>, is_fit: impl Fn(&S) -> bool) -> Option<S> {
        let connections = self.idle.get_mut(origin)?;
        let place = connections.iter().rposition(|(_, connection)| is_fit(connection))?;
        let (_, connection) = connections.remove(place)?;
        if connections.is_empty() {
            self.idle.remove(origin);
        }
        self.idle_count -= 1;
        Some(connection)
    }

    /// Takes back a connection that has nothing to do. Returns the number to [`remove`](Self::remove) it by.
    pub(crate) fn checkin(&mut self, origin: &Arc<Origin>, connection: S) -> u64 {
        self.sequence += 1;
        self.idle_count += 1;
        if !self.idle.contains_key(origin) {
            self.idle.insert(origin.clone(), VecDeque::new());
        }
        if let Some(connections) = self.idle.get_mut(origin) {
            connections.push_back((self.sequence, connection));
        }
        self.sequence
    }

    /// Takes an idle connection out that closed by itself. `false` where it had been checked out before.
    pub(crate) fn remove(&mut self, origin: &Arc<Origin>, number: u64) -> bool {
        let Some(connections) = self.idle.get_mut(origin) else {
            return false;
        };
        let Some(place) = connections.iter().position(|(sequence, _)| *sequence == number) else {
            return false;
        };
        connections.remove(place);
        if connections.is_empty() {
            self.idle.remove(origin);
        }
        self.idle_count -= 1;
        true
    }

    /// Counts a connection as closed.
    pub(crate) fn closed(&mut self) {
        self.open -= 1;
    }

    fn remove_oldest(&mut self) -> Option<S> {
        self.pop_oldest().or_else(|| {
            self.sort_by_age();
            self.pop_oldest()
        })
    }

    fn pop_oldest(&mut self) -> Option<S> {
        while let Some((number, origin)) = self.by_age.pop_front() {
            if let Some(connection) = self.take_oldest(&origin, number) {
                return Some(connection);
            }
        }
        None
    }

    fn sort_by_age(&mut self) {
        let connections = self.idle.iter().flat_map(|(origin, connections)| {
            connections.iter().map(move |(number, _)| (*number, origin.clone()))
        });
        self.by_age.clear();
        self.by_age.extend(connections);
        self.by_age.make_contiguous().sort_unstable_by_key(|(number, _)| *number);
    }

    /// The oldest idle connection to `origin`, if it is still the one with this number.
    fn take_oldest(&mut self, origin: &Arc<Origin>, number: u64) -> Option<S> {
        let connections = self.idle.get_mut(origin)?;
        if connections.front()?.0 != number {
            return None;
        }
        let (_, connection) = connections.pop_front()?;
        if connections.is_empty() {
            self.idle.remove(origin);
        }
        self.idle_count -= 1;
        Some(connection)
    }
}

/// What [`Pool::run_short`] found.
#[derive(Debug, PartialEq)]
pub(crate) enum Shortage<S> {
    /// This idle connection must be closed, which helps.
    Idle(S),
    /// Other connections are busy, and go on.
    Busy,
    /// There is no other connection.
    Total,
}

/// What [`Pool::reserve`] found.
#[derive(Debug, PartialEq)]
pub(crate) enum Reservation<S> {
    /// There was room.
    Free,
    /// This idle connection must be closed; its place is given on.
    InsteadOf(S),
    /// Every connection is busy.
    Full,
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::clock;
    use crate::job::planner::Planner;

    fn origins() -> [Arc<Origin>; 2] {
        let mut planner = Planner::new(RandomState::new());
        ["http://a/", "http://b/"].map(|url| planner.target(url).unwrap().0.origin)
    }

    #[test]
    fn the_newest_idle_connection_is_used_first() {
        let [a, b] = origins();
        let mut pool = Pool::new(3, 3);
        for _ in 0..2 {
            pool.reserve();
        }
        pool.checkin(&a, "old");
        pool.checkin(&a, "new");
        assert_eq!(pool.checkout(&b, |_| true), None);
        assert_eq!(pool.checkout(&a, |_| true), Some("new"));
        assert_eq!(pool.free(clock::now()), 2);
    }

    #[test]
    fn a_full_pool_gives_the_place_of_the_oldest_idle_connection() {
        let [a, b] = origins();
        let mut pool = Pool::new(2, 2);
        assert_eq!((pool.reserve(), pool.reserve()), (Reservation::Free, Reservation::Free));
        assert_eq!(pool.reserve(), Reservation::Full);
        pool.checkin(&a, "first");
        pool.checkin(&b, "second");
        assert_eq!(pool.reserve(), Reservation::InsteadOf("first"));
        assert_eq!(pool.free(clock::now()), 1);
    }

    #[test]
    fn idle_connections_take_no_place_of_busy_ones_while_there_is_room_for_both() {
        let [a, b] = origins();
        let mut pool = Pool::new(1, 3);
        for connection in ["first", "second", "third"] {
            assert_eq!(pool.reserve(), Reservation::Free);
            assert_eq!((pool.reserve(), pool.free(clock::now())), (Reservation::Full, 0));
            pool.checkin(&a, connection);
            assert_eq!(pool.free(clock::now()), 1);
        }
        assert_eq!(pool.reserve(), Reservation::InsteadOf("first"));
        pool.checkin(&b, "fourth");
        assert_eq!((pool.checkout(&a, |_| true), pool.open()), (Some("third"), 3));
    }

    #[test]
    fn the_oldest_gives_way_first_whatever_became_of_the_others() {
        let [a, b] = origins();
        let mut pool = Pool::new(4, 4);
        for (origin, connection) in [(&a, 1), (&b, 2), (&a, 3), (&b, 4)] {
            pool.reserve();
            pool.checkin(origin, connection);
        }
        assert_eq!(pool.reserve(), Reservation::InsteadOf(1));
        pool.checkin(&a, 5);
        // What has been used since is no longer old.
        assert_eq!(pool.checkout(&b, |_| true), Some(4));
        pool.checkin(&b, 6);
        for oldest in [2, 3, 5, 6] {
            assert_eq!(pool.reserve(), Reservation::InsteadOf(oldest));
        }
        assert_eq!(pool.reserve(), Reservation::Full);
    }

    #[test]
    fn a_shortage_lowers_the_capacity_which_recovers() {
        let [a, _] = origins();
        let mut pool = Pool::new(100, 100);
        let now = clock::now();
        for _ in 0..10 {
            pool.reserve();
        }
        assert_eq!(pool.run_short(now), Shortage::Busy);
        pool.closed();
        assert_eq!(pool.free(now), 0);
        pool.checkin(&a, "idle");
        assert_eq!(pool.run_short(now), Shortage::Idle("idle"));
        pool.closed();
        let later = now + Duration::from_secs(2);
        assert!((1..10).contains(&pool.free(later)), "by and by");
        for seconds in 3..100 {
            pool.free(now + Duration::from_secs(seconds));
        }
        assert_eq!(pool.free(now + Duration::from_secs(100)), 92);
    }

    #[test]
    fn one_that_rests_opens_nothing_for_a_second() {
        let mut pool: Pool<()> = Pool::new(100, 100);
        let now = clock::now();
        pool.reserve();
        assert_eq!(pool.run_short(now), Shortage::Total);
        pool.rest();
        pool.closed();
        assert_eq!(pool.free(now), 0);
        let over = pool.rests_until().unwrap();
        assert_eq!((pool.free(over), pool.rests_until()), (1, None));
    }

    #[test]
    fn a_shortage_of_all_is_told() {
        let mut pool: Pool<()> = Pool::new(100, 100);
        pool.reserve();
        assert_eq!(pool.run_short(clock::now()), Shortage::Total);
        pool.closed();
        assert_eq!(pool.free(clock::now()), 1, "one connection is always tried");
    }

    #[test]
    fn a_connection_that_closes_while_idle_is_forgotten_once() {
        let [a, _] = origins();
        let mut pool = Pool::new(1, 1);
        pool.reserve();
        let number = pool.checkin(&a, ());
        assert!(pool.remove(&a, number));
        assert!(!pool.remove(&a, number));
        pool.closed();
        assert_eq!(pool.free(clock::now()), 1);
    }
}
