//! Who may have how many requests in flight. Levels, not single permits: so a thousand requests need no message.

use std::collections::BTreeMap;

use crate::units::sharer::SharerId;

/// What one who shares the budget has to do with permits.
#[derive(Debug, Clone, Default)]
struct Level {
    weight: f64,
    /// How many it could use.
    wants: u32,
    /// How many count as its own: those it was granted and has not given back.
    holds: u32,
    /// How many it was told last that it may have.
    told: u32,
    /// Which telling that was. What it said before it heard of it does not count.
    serial: u64,
}

/// Shares permits by weight among those who want some.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    most: u32,
    levels: BTreeMap<SharerId, Level>,
    /// Whether none are handed out yet, as others may come and say what they hold.
    is_waiting: bool,
}

/// How many one may have from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) to: SharerId,
    pub(crate) count: u32,
    pub(crate) serial: u64,
}

impl Permits {
    pub(crate) fn new(most: u32) -> Self {
        Self { most, levels: BTreeMap::new(), is_waiting: true }
    }

    /// From now on, permits are handed out.
    pub(crate) fn open(&mut self) {
        self.is_waiting = false;
    }

    /// From now on there are so many. Where that is less, some are called back.
    pub(crate) fn change(&mut self, most: u32) {
        self.most = most;
    }

    /// Takes one in, with what it says that it holds: these requests are in flight, whatever the limit says.
    pub(crate) fn join(&mut self, id: SharerId, weight: f64, holds: u32) {
        let level = self.levels.entry(id).or_default();
        *level = Level { weight, holds, told: holds, ..Level::default() };
    }

    pub(crate) fn leave(&mut self, id: SharerId) {
        self.levels.remove(&id);
    }

    /// What one says that it could use, and holds, having heard of such a telling.
    pub(crate) fn want(&mut self, id: SharerId, wants: u32, holds: u32, seen: u64) {
        let Some(level) = self.levels.get_mut(&id) else { return };
        level.wants = wants;
        if seen == level.serial {
            level.holds = level.holds.min(holds);
            level.told = level.told.min(level.holds);
        }
    }

    /// What changes.
    pub(crate) fn share_out(&mut self) -> Vec<Allowed> {
        if self.is_waiting {
            return Vec::new();
        }
        let shares = shares(self.most, &self.levels);
        let mut free = self.most.saturating_sub(self.levels.values().map(|level| level.holds).sum());
        let mut told = Vec::new();
        for (id, level) in &mut self.levels {
            let share = shares.get(id).copied().unwrap_or_default();
            let more = share.saturating_sub(level.holds).min(free);
            let count = if more > 0 { level.holds + more } else { share.min(level.holds) };
            // One that wants fewer gives them back by itself.
            if count == level.told || (count < level.told && level.wants <= count) {
                continue;
            }
            free -= more;
            level.holds += more;
            level.told = count;
            level.serial += 1;
            told.push(Allowed { to: *id, count, serial: level.serial });
        }
        told
    }

    pub(crate) fn holds(&self, id: SharerId) -> u32 {
        self.levels.get(&id).map_or(0, |level| level.holds)
    }

    pub(crate) fn wants(&self, id: SharerId) -> u32 {
        self.levels.get(&id).map_or(0, |level| level.wants)
    }
}

/// What each should have: by weight, and what one does not want goes to the others.
fn shares(most: u32, levels: &BTreeMap<SharerId, Level>) -> BTreeMap<SharerId, u32> {
    let mut shares: BTreeMap<SharerId, u32> = levels.keys().map(|id| (*id, 0)).collect();
    let mut left = most;
    let mut open: Vec<_> = levels.iter().filter(|(_, level)| level.wants > 0).collect();
    // Whom its part does not even fill goes last; whoever wants less than its part is content first.
    open.sort_by(|(_, a), (_, b)| {
        (f64::from(a.wants) / a.weight).total_cmp(&(f64::from(b.wants) / b.weight))
    });
    let mut weights: f64 = open.iter().map(|(_, level)| level.weight).sum();
    for (id, level) in open {
        let part = (f64::from(left) * level.weight / weights).round() as u32;
        let share = level.wants.min(part).min(left);
        shares.insert(*id, share);
        left -= share;
        weights -= level.weight;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permits(most: u32) -> Permits {
        let mut permits = Permits::new(most);
        permits.open();
        permits
    }

    #[test]
    fn one_alone_may_have_all_and_gives_half_of_it_to_a_second() {
        let mut permits = permits(10);
        permits.join(1, 1.0, 0);
        permits.want(1, 100, 0, 0);
        assert_eq!(permits.share_out(), [Allowed { to: 1, count: 10, serial: 1 }]);
        permits.join(2, 1.0, 0);
        permits.want(2, 100, 0, 0);
        // The second one waits until the first has given some back.
        assert_eq!(permits.share_out(), [Allowed { to: 1, count: 5, serial: 2 }]);
        permits.want(1, 100, 7, 1);
        assert_eq!(permits.share_out(), [], "what was said before it was told does not count");
        permits.want(1, 100, 7, 2);
        assert_eq!(permits.share_out(), [Allowed { to: 2, count: 3, serial: 1 }]);
        permits.want(1, 100, 5, 2);
        assert_eq!(permits.share_out(), [Allowed { to: 2, count: 5, serial: 2 }]);
        permits.leave(1);
        assert_eq!(permits.share_out(), [Allowed { to: 2, count: 10, serial: 3 }]);
    }

    #[test]
    fn what_is_held_from_before_counts_even_beyond_the_limit() {
        let mut permits = permits(5);
        permits.join(1, 1.0, 7);
        permits.join(2, 1.0, 0);
        permits.want(2, 3, 0, 0);
        assert!(permits.share_out().iter().all(|allowed| allowed.to != 2));
    }

    proptest! {
        /// Whatever is said in whatever order, never more are in flight than may be, and in the end those who want some
        /// have their share.
        #[test]
        fn no_more_are_held_than_there_are(
            most in 1..60_u32,
            weights in proptest::collection::vec(1..5_u32, 1..6),
            steps in proptest::collection::vec((0..6_usize, 0..80_u32, any::<bool>()), 0..200),
        ) {
            let mut permits = permits(most);
            // What each has heard: its permits, and the serial; and how many it uses.
            let mut heard: Vec<(u32, u64, u32, u32)> = vec![(0, 0, 0, 0); weights.len()];
            let mut mail: Vec<Vec<Allowed>> = vec![Vec::new(); weights.len()];
            for (index, weight) in weights.iter().enumerate() {
                permits.join(index as SharerId, f64::from(*weight), 0);
            }
            let mut say = |permits: &mut Permits, index: usize, wants: u32, is_prompt: bool, heard: &mut Vec<(u32, u64, u32, u32)>| {
                if is_prompt {
                    for allowed in mail[index].drain(..) {
                        (heard[index].0, heard[index].1) = (allowed.count, allowed.serial);
                    }
                }
                let (may, seen, uses, _) = heard[index];
                // Requests end and begin.
                let uses = uses.min(wants).max(may.min(wants));
                let holds = uses.max(may.min(wants));
                heard[index] = (may.min(holds), seen, uses, holds);
                permits.want(index as SharerId, wants, holds, seen);
                for allowed in permits.share_out() {
                    mail[allowed.to as usize].push(allowed);
                }
            };
            for (index, wants, is_prompt) in steps {
                if index < weights.len() {
                    say(&mut permits, index, wants, is_prompt, &mut heard);
                    let in_use: u32 = heard.iter().map(|(_, _, uses, _)| uses).sum();
                    prop_assert!(in_use <= most, "{} of {}", in_use, most);
                }
            }
            for _ in 0..5 {
                for index in 0..weights.len() {
                    heard[index].2 = heard[index].2.min(heard[index].0);
                    say(&mut permits, index, 100, true, &mut heard);
                }
            }
            let all: u32 = weights.iter().sum();
            for (index, weight) in weights.iter().enumerate() {
                let fair = f64::from(most) * f64::from(*weight) / f64::from(all);
                let has = f64::from(permits.holds(index as SharerId));
                prop_assert!((has - fair).abs() <= 1.0 + 0.5 * weights.len() as f64, "{} of {}", has, fair);
            }
        }
    }
}
