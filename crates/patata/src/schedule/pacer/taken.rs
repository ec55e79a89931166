//! What the last requests were taken to cost of a limit, by which it is known what has been sent since any of them.

use std::collections::VecDeque;

/// As many requests are kept in mind: of those before them it is not known any more what was stated.
const MOST: usize = 8192;

/// Up to some request: what was stated of those that stated something, and how many others there were.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) stated: f64,
    pub(crate) unstated: u32,
}

/// Sums of the last requests, which are numbered. Where none states anything, nothing is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    /// Up to each of them, with it; the last one is that of the last request.
    sums: VecDeque<Sum>,
    last: u32,
}

impl Taken {
    /// Counts a request.
    pub(crate) fn note(&mut self, number: u32, stated: Option<f64>) {
        let before = self.sums.back().copied().unwrap_or_default();
        self.last = number;
        if stated.is_none() && self.sums.is_empty() {
            return;
        }
        if self.sums.len() == MOST {
            self.sums.pop_front();
        }
        let sum = match stated {
            Some(cost) => Sum { stated: before.stated + cost, ..before },
            None => Sum { unstated: before.unstated.wrapping_add(1), ..before },
        };
        self.sums.push_back(sum);
    }

    /// What was taken from one request to a later one, without the first.
    pub(crate) fn between(&self, first: u32, last: u32) -> Sum {
        let count = last.wrapping_sub(first);
        if count == 0 || count > u32::MAX / 2 {
            return Sum::default();
        }
        let (before, until) = (self.up_to(first), self.up_to(last));
        let (Some(before), Some(until)) = (before, until) else {
            return Sum { stated: 0.0, unstated: count };
        };
        Sum { stated: until.stated - before.stated, unstated: until.unstated.wrapping_sub(before.unstated) }
    }

    fn up_to(&self, number: u32) -> Option<Sum> {
        let back = usize::try_from(self.last.wrapping_sub(number)).ok()?;
        let place = self.sums.len().checked_sub(back + 1)?;
        self.sums.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_requests_that_state_nothing_the_count_is_known() {
        let mut taken = Taken::default();
        (1..=9).for_each(|number| taken.note(number, None));
        assert_eq!(taken.between(4, 9), Sum { stated: 0.0, unstated: 5 });
        assert_eq!((taken.between(9, 9), taken.between(9, 4)), (Sum::default(), Sum::default()));
    }

    proptest! {
        #[test]
        fn what_was_stated_between_two_requests_is_known(
            costs in prop::collection::vec(prop::option::of(0.0..8000.0_f64), 2..200),
            cut in 0.0..1.0_f64,
            begin: u32,
        ) {
            let mut taken = Taken::default();
            let costs: Vec<_> = [Some(1.0)].into_iter().chain(costs).collect();
            for (place, cost) in costs.iter().enumerate() {
                taken.note(begin.wrapping_add(place as u32), *cost);
            }
            let first = (cut * (costs.len() - 1) as f64) as usize;
            let last = costs.len() - 1;
            let found = taken.between(begin.wrapping_add(first as u32), begin.wrapping_add(last as u32));
            let stated: f64 = costs[first + 1..].iter().flatten().sum();
            prop_assert!((found.stated - stated).abs() < 1e-6);
            prop_assert_eq!(found.unstated as usize, costs[first + 1..].iter().filter(|cost| cost.is_none()).count());
        }
    }
}
