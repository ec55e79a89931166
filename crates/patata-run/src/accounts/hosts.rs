//! What each host has answered.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::microseconds;

/// The most hosts that are named; further ones are counted together.
const NAMED: usize = 1000;
/// The name under which they are counted.
const OTHERS: &str = "others";

/// One host in the accounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Its name, with a port where one was given; `others` for all past the first thousand.
    pub host: String,
    /// Requests that have ended there.
    pub done: u64,
    /// Those of them that have failed.
    pub failed: u64,
    /// The mean time that they took, in milliseconds.
    pub mean_ms: f64,
}

#[derive(Debug, Clone, Default)]
struct Count {
    name: Box<str>,
    done: u64,
    failed: u64,
    micros: u64,
    /// What it had done when the last second began.
    done_before: u64,
}

/// The hosts of a run, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    places: HashMap<Box<str>, usize>,
    counts: Vec<Count>,
    /// Where the last one stands: most often it is the next one as well.
    last: usize,
}

impl Hosts {
    /// Counts a request. Gives the place of its host.
    pub(crate) fn note(&mut self, host: &str, ok: bool, elapsed: Duration) -> usize {
        if self.counts.get(self.last).is_none_or(|last| *last.name != *host) {
            self.last = self.place(host);
        }
        let count = &mut self.counts[self.last];
        count.done += 1;
        count.failed += u64::from(!ok);
        count.micros = count.micros.saturating_add(microseconds(elapsed));
        self.last
    }

    fn place(&mut self, host: &str) -> usize {
        if let Some(place) = self.places.get(host) {
            return *place;
        }
        let name = if self.counts.len() < NAMED { host } else { OTHERS };
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.counts.len();
        self.counts.push(Count { name: name.into(), ..Count::default() });
        self.places.insert(name.into(), place);
        place
    }

    /// The hosts that most was done at in this second, the busiest first, each with its count.
    pub(crate) fn busiest(&self, most: usize) -> Vec<(String, u64)> {
        let new = |count: &Count| count.done - count.done_before;
        let mut busy: Vec<_> = self.counts.iter().filter(|count| new(count) > 0).collect();
        busy.sort_by(|a, b| new(b).cmp(&new(a)).then_with(|| a.name.cmp(&b.name)));
        busy.truncate(most);
        busy.into_iter().map(|count| (count.name.to_string(), new(count))).collect()
    }

    /// Another second begins.
    pub(crate) fn begin_interval(&mut self) {
        self.counts.iter_mut().for_each(|count| count.done_before = count.done);
    }

    /// All of them, the busiest first.
    pub(crate) fn list(&self) -> Vec<Host> {
        let host = |count: &Count| Host {
            host: count.name.to_string(),
            done: count.done,
            failed: count.failed,
            mean_ms: count.micros.checked_div(count.done).unwrap_or_default() as f64 / 1000.0,
        };
        let mut hosts: Vec<_> = self.counts.iter().map(host).collect();
        hosts.sort_by(|a, b| b.done.cmp(&a.done).then_with(|| a.host.cmp(&b.host)));
        hosts
    }

    /// Goes on from what an earlier process has counted.
    pub(crate) fn from_list(hosts: &[Host]) -> Self {
        let mut all = Self::default();
        // The others come last: they are not one of the named ones.
        let (others, named): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| host.host == OTHERS);
        for host in named.into_iter().chain(others) {
            let place = all.place(&host.host);
            let count = &mut all.counts[place];
            count.done += host.done;
            count.failed += host.failed;
            count.micros = count.micros.saturating_add((host.mean_ms * 1000.0 * host.done as f64) as u64);
        }
        all.begin_interval();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(2);

    #[test]
    fn the_busiest_of_a_second_come_first() {
        let mut hosts = Hosts::default();
        for host in ["a", "b", "b", "c", "c"] {
            hosts.note(host, true, SHORT);
        }
        let named = |name: &str, count| (name.to_owned(), count);
        assert_eq!(hosts.busiest(2), [named("b", 2), named("c", 2)]);
        hosts.begin_interval();
        hosts.note("a", false, SHORT);
        assert_eq!(hosts.busiest(2), [named("a", 1)]);
        let first = Host { host: "a".to_owned(), done: 2, failed: 1, mean_ms: 2.0 };
        assert_eq!(hosts.list()[0], first);
    }

    #[test]
    fn past_a_thousand_they_are_counted_together() {
        let mut hosts = Hosts::default();
        for number in 0..3000 {
            hosts.note(&number.to_string(), true, SHORT);
        }
        let list = hosts.list();
        assert_eq!((list.len(), list[0].host.as_str(), list[0].done), (1001, "others", 2000));
        let again = Hosts::from_list(&list);
        assert!(again.list() == list);
    }
}
