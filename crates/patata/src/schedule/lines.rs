//! Which host is next at which event loop: one that has been served by an event loop has its connections there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::target::{ByOrigin, Origin};
use crate::schedule::host::Key;

/// Hosts of which it is remembered where they are at home, before all are forgotten.
const REMEMBERED: usize = 65_536;

/// The hosts that may be sent jobs, as far as is known, each in the line of the event loop where it is at home: those
/// with the fewest requests in flight first. Others serve it only where that one has no room.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    homes: ByOrigin<usize>,
    /// Event loops that found nothing to do and wait to be woken.
    idle: Vec<usize>,
}

/// The line of one event loop.
#[derive(Debug, Clone, Default)]
struct Line {
    hosts: BTreeMap<Key, Arc<Origin>>,
    /// How many hosts have been given a home here.
    given: usize,
    /// Whether the event loop had no room for more when it last took, or is not there.
    is_sated: bool,
    /// Whether a host has come in since the event loop last took.
    has_news: bool,
}

impl Lines {
    pub(crate) fn new(event_loops: usize) -> Self {
        let absent = Line { is_sated: true, ..Line::default() };
        Self { lines: vec![absent; event_loops], homes: ByOrigin::default(), idle: Vec::new() }
    }

    /// The event loop where a host is at home; for a new one, one that has few.
    pub(crate) fn home(&mut self, origin: &Arc<Origin>) -> usize {
        if self.lines.len() == 1 {
            return 0;
        }
        if let Some(home) = self.homes.get(origin) {
            return *home;
        }
        if self.homes.len() >= REMEMBERED {
            self.homes.clear();
        }
        let home = (0..self.lines.len()).min_by_key(|line| self.lines[*line].given).unwrap_or_default();
        self.lines[home].given += 1;
        self.homes.insert(origin.clone(), home);
        home
    }

    pub(crate) fn insert(&mut self, home: usize, key: Key, origin: Arc<Origin>) {
        let line = &mut self.lines[home];
        line.hosts.insert(key, origin);
        line.has_news = true;
    }

    pub(crate) fn remove(&mut self, home: usize, key: Key) {
        self.lines[home].hosts.remove(&key);
    }

    /// The line that an event loop serves next: its own, or that of one that has no room.
    fn next_line(&self, event_loop: usize) -> Option<usize> {
        let has_hosts = |line: &usize| !self.lines[*line].hosts.is_empty();
        let of_others = (0..self.lines.len()).filter(|line| self.lines[*line].is_sated);
        Some(event_loop).into_iter().chain(of_others).find(has_hosts)
    }

    /// The host that is next at an event loop.
    pub(crate) fn first(&self, event_loop: usize) -> Option<(Key, &Arc<Origin>)> {
        let (key, origin) = self.lines[self.next_line(event_loop)?].hosts.first_key_value()?;
        Some((*key, origin))
    }

    /// Takes it out.
    pub(crate) fn pop(&mut self, event_loop: usize) -> Option<Arc<Origin>> {
        let line = self.next_line(event_loop)?;
        self.lines[line].hosts.pop_first().map(|(_, origin)| origin)
    }

    /// All hosts in a line.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Origin>> {
        self.lines.iter().flat_map(|line| line.hosts.values())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.hosts.is_empty())
    }

    /// Notes what an event loop has come to that has just taken: whether it had no room for more, or waits to be woken.
    pub(crate) fn note_taken(&mut self, event_loop: usize, is_sated: bool, is_idle: bool) {
        let line = &mut self.lines[event_loop];
        (line.is_sated, line.has_news) = (is_sated, false);
        self.idle.retain(|idle| *idle != event_loop);
        if is_idle {
            self.idle.push(event_loop);
        }
    }

    /// An event loop is not there: others do its work.
    pub(crate) fn note_gone(&mut self, event_loop: usize) {
        self.note_taken(event_loop, true, false);
    }

    /// An idle event loop to wake for a job of a host that is at home there, or of which the home has no room.
    pub(crate) fn wake_for(&mut self, home: usize) -> Option<usize> {
        match self.idle.iter().position(|idle| *idle == home) {
            Some(place) => Some(self.idle.swap_remove(place)),
            None if self.lines[home].is_sated => self.idle.pop(),
            None => None,
        }
    }

    /// Any idle event loop to wake.
    pub(crate) fn wake_any(&mut self) -> Option<usize> {
        self.idle.pop()
    }

    /// The idle event loops into whose lines hosts have come.
    pub(crate) fn wake_those_with_news(&mut self) -> Vec<usize> {
        let lines = &self.lines;
        self.idle.extract_if(.., |idle| lines[*idle].has_news).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::job::planner::Planner;

    fn origins(count: usize) -> Vec<Arc<Origin>> {
        let mut planner = Planner::new(RandomState::new());
        (0..count).map(|host| planner.target(&format!("http://host{host}/")).unwrap().0.origin).collect()
    }

    #[test]
    fn hosts_are_at_home_at_all_event_loops_alike_and_stay_there() {
        let (mut lines, origins) = (Lines::new(3), origins(9));
        let homes: Vec<_> = origins.iter().map(|origin| lines.home(origin)).collect();
        assert_eq!(homes, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert!(origins.iter().map(|origin| lines.home(origin)).eq(homes));
    }

    #[test]
    fn others_serve_a_host_only_where_its_home_has_no_room() {
        let (mut lines, origins) = (Lines::new(2), origins(2));
        for (number, origin) in origins.iter().enumerate() {
            lines.note_taken(number, false, true);
            lines.insert(number, (0, number as u64), origin.clone());
        }
        assert_eq!(lines.pop(1).as_ref(), Some(&origins[1]));
        assert_eq!(lines.pop(1), None);
        lines.note_taken(0, true, false);
        assert_eq!(lines.pop(1).as_ref(), Some(&origins[0]));
    }

    #[test]
    fn the_home_is_woken_or_else_another_one_where_it_has_no_room() {
        let mut lines = Lines::new(3);
        lines.note_taken(0, false, true);
        lines.note_taken(1, false, true);
        lines.note_taken(2, false, false);
        assert_eq!(lines.wake_for(0), Some(0));
        assert_eq!(lines.wake_for(2), None, "it looks again by itself");
        lines.note_gone(2);
        assert_eq!(lines.wake_for(2), Some(1));
        assert_eq!(lines.wake_for(2), None);
    }
}
