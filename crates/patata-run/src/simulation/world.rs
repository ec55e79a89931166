//! What a server and a user know of a run, and what they were promised.

use std::collections::{BTreeMap, BTreeSet};

use crate::gate::Unknown;

/// A request of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// By what the world knows it, whatever its position.
    pub(crate) id: i64,
    pub(crate) is_post: bool,
}

impl Asked {
    /// What a response to it leads to, if that is a success.
    pub(crate) fn follow_ups(self) -> Vec<Self> {
        let ids = match self.id {
            ..1_000 => (0..self.id % 3).map(|number| 1_000 + self.id * 3 + number).collect(),
            1_000..10_000 if self.id % 4 == 0 => vec![10_000 + self.id],
            _ => Vec::new(),
        };
        ids.into_iter().map(|id| Self { id, is_post: id % 2 == 1 }).collect()
    }
}

/// What is known outside of the folder.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// How often each request has reached the server.
    pub(crate) sends: BTreeMap<i64, u32>,
    /// The latest row that was acknowledged, by request: a number that no other row has.
    pub(crate) acknowledged: BTreeMap<i64, u64>,
    /// Requests that may have been about to be sent when a process ended.
    pub(crate) in_doubt: BTreeSet<i64>,
    /// Requests that the user has asked for once more.
    pub(crate) wanted_again: BTreeSet<i64>,
    pub(crate) next_row: u64,
}

impl World {
    /// A request reaches the server.
    pub(crate) fn send(&mut self, asked: Asked, unknown: Unknown) {
        let id = asked.id;
        let is_wanted = self.wanted_again.remove(&id);
        let was_sent = self.sends.get(&id).is_some_and(|sends| *sends > 0);
        let is_done = self.acknowledged.contains_key(&id);
        assert!(!is_done || is_wanted, "{id} was acknowledged, and is sent again");
        if asked.is_post && unknown == Unknown::Keep {
            assert!(!was_sent || is_wanted, "{id} has an effect, and is sent twice");
        }
        self.acknowledged.remove(&id);
        *self.sends.entry(id).or_default() += 1;
    }
}
