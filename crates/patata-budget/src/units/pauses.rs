//! Until when hosts, or all of them, are left alone.

use std::collections::BTreeMap;

use crate::units::{Nanos, SECOND};

/// Nobody is left alone for longer: a reset that is further off is a mistake.
const LONGEST: Nanos = 24 * 60 * 60 * SECOND;
/// The most hosts of which it is remembered. Of more, those are forgotten whose time comes first.
const MOST_HOSTS: usize = 4096;

/// Pauses; what is later counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pauses {
    whole: Nanos,
    hosts: BTreeMap<String, Nanos>,
}

impl Pauses {
    /// Leaves a host alone, or all of them. Says until when, if that is later than what was known.
    pub(crate) fn pause(&mut self, host: Option<&str>, now: Nanos, time: Nanos) -> Option<Nanos> {
        let until = now + time.min(LONGEST);
        self.hosts.retain(|_, until| *until > now);
        let known = match host {
            None => &mut self.whole,
            Some(host) => {
                if !self.hosts.contains_key(host) && self.hosts.len() >= MOST_HOSTS {
                    let soonest = self.hosts.iter().min_by_key(|(_, until)| **until);
                    let soonest = soonest.map(|(host, _)| host.clone());
                    soonest.map(|soonest| self.hosts.remove(&soonest));
                }
                self.hosts.entry(host.to_owned()).or_default()
            }
        };
        if until <= *known {
            return None;
        }
        *known = until;
        Some(until)
    }

    /// Until when nothing at all is to be sent.
    pub(crate) fn whole(&self) -> Nanos {
        self.whole
    }

    /// All pauses that are not over.
    pub(crate) fn all(&self, now: Nanos) -> impl Iterator<Item = (Option<&str>, Nanos)> {
        let hosts = self.hosts.iter().map(|(host, until)| (Some(host.as_str()), *until));
        std::iter::once((None, self.whole)).chain(hosts).filter(move |(_, until)| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_pause_counts_and_none_is_longer_than_a_day() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.pause(Some("a"), 0, 10), Some(10));
        assert_eq!(pauses.pause(Some("a"), 5, 2), None);
        assert_eq!(pauses.pause(None, 5, Nanos::MAX), Some(5 + LONGEST));
        assert_eq!(pauses.all(5).count(), 2);
        assert_eq!(pauses.all(10).count(), 1);
        assert_eq!(pauses.whole(), 5 + LONGEST);
    }

    #[test]
    fn of_too_many_hosts_the_soonest_is_forgotten() {
        let mut pauses = Pauses::default();
        for at in 0..MOST_HOSTS + 10 {
            pauses.pause(Some(&at.to_string()), 0, SECOND + at as Nanos);
        }
        assert_eq!(pauses.all(0).count(), MOST_HOSTS);
        assert!(pauses.all(0).all(|(host, _)| host != Some("0")));
    }
}
