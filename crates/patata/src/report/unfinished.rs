//! What a run ended without: the requests that were not sent, and those of which nobody knows what became.

/// So many tags of each kind are kept.
pub(crate) const KEPT: usize = 1_000;

/// The requests that a run took and ended without: see [`Run::unfinished`](crate::Run::unfinished).
///
/// Of each kind, the first 1,000 are here, in the order of the input;
/// [`Receipt::unsent`](crate::Receipt::unsent) and [`Receipt::unknown`](crate::Receipt::unknown) say how many
/// there are. What the run's deadline ended is counted there too, and not in here: its tag has been handed out,
/// with the error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished<T> {
    /// Not one byte of these has reached a server: they can be sent again as they are.
    pub unsent: Vec<T>,
    /// These have been sent, at least in part, and their outcomes have not been handed out: the server may have
    /// done what they ask for.
    pub unknown: Vec<T>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Left<T> {
    /// Its place in the input.
    pub(crate) number: u64,
    pub(crate) tag: T,
    pub(crate) was_sent: bool,
}

impl<T> Default for Unfinished<T> {
    fn default() -> Self {
        Self { unsent: Vec::new(), unknown: Vec::new() }
    }
}

impl<T> Unfinished<T> {
    /// Adds what is left, in the order of the input.
    pub(crate) fn add(&mut self, mut left: Vec<Left<T>>) {
        left.sort_unstable_by_key(|left| left.number);
        for Left { tag, was_sent, .. } in left {
            let kind = if was_sent { &mut self.unknown } else { &mut self.unsent };
            if kind.len() < KEPT {
                kind.push(tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thousand_of_each_kind_are_kept_in_the_order_of_the_input() {
        let left = (0..3_000_u64).rev().map(|number| Left { number, tag: number, was_sent: number % 3 == 0 });
        let mut unfinished = Unfinished::default();
        unfinished.add(left.collect());
        assert!(unfinished.unknown.iter().copied().eq((0..1_000).map(|place| place * 3)));
        assert!(unfinished.unsent.iter().copied().eq((0..1_500).filter(|number| number % 3 != 0)));
    }
}
