//! Failures that are alike, counted together: a million of them are a few lines.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::statistics::Noted;
use crate::Id;

/// The most clusters that are told apart by host and message.
const DETAILED: usize = 150;
/// The most clusters in all. Past the detailed ones, failures are told apart by status or kind alone.
const MOST: usize = 200;
/// Ids that a cluster keeps.
const SAMPLES: usize = 5;
/// Bytes of a message that count.
const MESSAGE: usize = 300;

/// Failures of one sort.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// The status that they were answered with, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The kind of error, where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The host; empty where a cluster has failures of several.
    pub host: String,
    /// The message of the first one; those of the others differ from it in their numbers alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How many there are.
    pub count: u64,
    /// When the first one came, in seconds since 1970.
    pub first: f64,
    /// When the last one came.
    pub last: f64,
    /// Ids of some of them, the first ones.
    pub samples: Vec<Id>,
}

/// The failures of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clusters {
    places: HashMap<Box<str>, usize>,
    clusters: Vec<Cluster>,
    /// Those that belong to no cluster, as there are too many.
    others: u64,
    /// The key of the one that is looked up, kept for its memory.
    key: String,
    /// Where the last one of each host went, by the host's place: most often the next one is of the same sort.
    last: Vec<usize>,
}

impl Clusters {
    /// Counts a failure at the host that stands at this place in the accounts.
    pub(crate) fn note(&mut self, noted: &Noted<'_>, host: usize, now: f64) {
        let message = noted.message.unwrap_or_default();
        let message = beginning_of(message);
        let status = if noted.kind.is_some() { None } else { noted.status };
        let is_alike = |last: &Cluster| {
            last.status == status
                && last.kind.as_deref() == noted.kind
                && last.host == noted.host
                // Comparing no bytes at all is slow on some machines: where they are none, their address is.
                && (message.is_empty() && last.message.is_empty() || last.message == message)
        };
        let last =
            self.last.get(host).copied().filter(|place| self.clusters.get(*place).is_some_and(is_alike));
        let Some(place) = last.or_else(|| self.place(status, noted.kind, noted.host, message)) else {
            self.others += 1;
            return;
        };
        if last.is_none() {
            if self.last.len() <= host {
                self.last.resize(host + 1, 0);
            }
            self.last[host] = place;
        }
        let cluster = &mut self.clusters[place];
        if cluster.count == 0 {
            cluster.first = now;
        }
        cluster.count += 1;
        cluster.last = now;
        if cluster.samples.len() < SAMPLES && *noted.id != Id::None {
            cluster.samples.push(noted.id.clone());
        }
    }

    fn place(&mut self, status: Option<u16>, kind: Option<&str>, host: &str, message: &str) -> Option<usize> {
        write_key(&mut self.key, status, kind, host, message);
        if let Some(place) = self.places.get(self.key.as_str()) {
            return Some(*place);
        }
        if self.clusters.len() < DETAILED {
            return Some(self.add(status, kind, host, message));
        }
        write_key(&mut self.key, status, kind, "", "");
        match self.places.get(self.key.as_str()) {
            Some(place) => Some(*place),
            None => (self.clusters.len() < MOST).then(|| self.add(status, kind, "", "")),
        }
    }

    fn add(&mut self, status: Option<u16>, kind: Option<&str>, host: &str, message: &str) -> usize {
        let place = self.clusters.len();
        self.places.insert(self.key.as_str().into(), place);
        let (kind, host, message) = (kind.map(str::to_owned), host.to_owned(), message.to_owned());
        self.clusters.push(Cluster { status, kind, host, message, ..Cluster::default() });
        place
    }

    /// All of them, the largest first, and how many failures are in none.
    pub(crate) fn list(&self) -> (Vec<Cluster>, u64) {
        let mut clusters = self.clusters.clone();
        clusters.sort_by(|a, b| b.count.cmp(&a.count).then(a.first.total_cmp(&b.first)));
        (clusters, self.others)
    }

    /// Adds what another process has counted besides.
    pub(crate) fn merge(&mut self, clusters: &[Cluster], others: u64) {
        self.others += others;
        for cluster in clusters {
            let Cluster { status, kind, host, message, .. } = cluster;
            write_key(&mut self.key, *status, kind.as_deref(), host, message);
            if let Some(known) = self.places.get(self.key.as_str()).map(|place| &mut self.clusters[*place]) {
                known.count = known.count.saturating_add(cluster.count);
                (known.first, known.last) = (known.first.min(cluster.first), known.last.max(cluster.last));
                let room = SAMPLES.saturating_sub(known.samples.len());
                known.samples.extend(cluster.samples.iter().take(room).cloned());
            } else if self.clusters.len() < MOST {
                self.places.insert(self.key.as_str().into(), self.clusters.len());
                self.clusters.push(cluster.clone());
            } else {
                self.others += cluster.count;
            }
        }
    }

    /// Goes on from what an earlier process has counted.
    pub(crate) fn from_list(clusters: &[Cluster], others: u64) -> Self {
        let mut all = Self { others, ..Self::default() };
        for cluster in clusters.iter().take(MOST) {
            let Cluster { status, kind, host, message, .. } = cluster;
            write_key(&mut all.key, *status, kind.as_deref(), host, message);
            all.places.insert(all.key.as_str().into(), all.clusters.len());
            all.clusters.push(cluster.clone());
        }
        all
    }
}

/// As much of a message as counts.
fn beginning_of(message: &str) -> &str {
    if message.len() <= MESSAGE {
        return message;
    }
    let end = (0..=MESSAGE).rev().find(|end| message.is_char_boundary(*end));
    &message[..end.unwrap_or_default()]
}

/// Writes what failures have in common that are alike. A word of a message that has a digit in it, be it a port, a
/// count or half of a UUID, counts as any other.
fn write_key(key: &mut String, status: Option<u16>, kind: Option<&str>, host: &str, message: &str) {
    key.clear();
    match (status, kind) {
        (Some(status), _) => key.extend([status / 100, status / 10 % 10, status % 10].map(digit)),
        (None, Some(kind)) => key.push_str(kind),
        (None, None) => {}
    }
    key.push('\0');
    key.push_str(host);
    key.push('\0');
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    // What has been written of the message, and where the word began that is being read.
    let (mut written, mut begin, mut has_digit) = (0, 0, false);
    for (at, byte) in message.bytes().chain([b' ']).enumerate() {
        if is_word(byte) {
            has_digit |= byte.is_ascii_digit();
            continue;
        }
        if has_digit {
            key.push_str(&message[written..begin]);
            key.push('#');
            (written, has_digit) = (at, false);
        }
        begin = at + 1;
    }
    key.push_str(&message[written..]);
}

fn digit(digit: u16) -> char {
    char::from(b'0' + (digit % 10) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failure<'a>(kind: &'a str, host: &'a str, message: &'a str, id: &'a Id) -> Noted<'a> {
        Noted { kind: Some(kind), message: Some(message), host, id, ..Noted::default() }
    }

    #[test]
    fn messages_that_differ_in_numbers_are_one_cluster() {
        let mut clusters = Clusters::default();
        for number in 0..10_u64 {
            let message = format!("Cannot connect to a:{number}, tried {}f-{number} times", number + 7);
            clusters.note(&failure("connect", "a", &message, &Id::from(number)), 0, 5.0 + number as f64);
        }
        clusters.note(&failure("connect", "a", "Cannot connect to b", &Id::None), 0, 99.0);
        clusters.note(&failure("connect", "b", "Cannot connect to b", &Id::None), 0, 99.0);
        let (list, others) = clusters.list();
        assert_eq!((list.len(), others), (3, 0));
        let first = &list[0];
        assert_eq!((first.count, first.first, first.last), (10, 5.0, 14.0));
        assert_eq!(first.message, "Cannot connect to a:0, tried 7f-0 times");
        assert_eq!(first.samples, (0..5_u64).map(Id::from).collect::<Vec<_>>());
    }

    #[test]
    fn past_the_most_they_are_told_apart_by_kind_alone() {
        let mut clusters = Clusters::default();
        for number in 0..1000 {
            let host = format!("h{number}");
            clusters.note(&failure("connect", &host, "refused", &Id::None), 0, 0.0);
            clusters.note(&failure("timeout", &host, "too slow", &Id::None), 0, 0.0);
        }
        let (list, others) = clusters.list();
        assert_eq!((list.len(), others), (152, 0));
        assert_eq!((list[0].count, list[0].host.as_str(), list[1].count), (925, "", 925));
        for number in 0..1000 {
            clusters.note(&failure(&number.to_string(), "a", "", &Id::None), 0, 0.0);
        }
        let (list, others) = clusters.list();
        assert_eq!((list.len(), others), (200, 952));
        let again = Clusters::from_list(&list, others);
        assert_eq!(again.list(), (list, others));
    }

    proptest! {
        #[test]
        fn any_message_has_a_key(message in ".{0,400}") {
            let mut clusters = Clusters::default();
            clusters.note(&failure("body", "a", &message, &Id::None), 0, 0.0);
            clusters.note(&failure("body", "a", &message, &Id::None), 0, 0.0);
            prop_assert_eq!(clusters.list().0[0].count, 2);
        }
    }
}
