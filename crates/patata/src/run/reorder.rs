//! Puts numbered items back in order: a pure data structure.

use std::collections::VecDeque;

/// Takes items as they come and gives them in the order of their numbers, which count from 0.
///
/// Each number must come exactly once. The memory is that of the distance between the item that is next
/// and the farthest that has come.
#[derive(Debug)]
pub(crate) struct Reorder<E> {
    /// The number of the first slot.
    next: u64,
    /// From the next item on; `None` for those that have not come. The last slot is never empty.
    slots: VecDeque<Option<E>>,
}

impl<E> Reorder<E> {
    pub(crate) fn new() -> Self {
        Self { next: 0, slots: VecDeque::new() }
    }

    /// Takes an item that has not been given yet.
    pub(crate) fn insert(&mut self, number: u64, item: E) {
        // More items than fit a usize cannot be in memory.
        let position = usize::try_from(number.saturating_sub(self.next)).unwrap_or(usize::MAX);
        while self.slots.len() <= position {
            self.slots.push_back(None);
        }
        self.slots[position] = Some(item);
    }

    /// The next item, if it has come.
    pub(crate) fn pop(&mut self) -> Option<E> {
        let item = self.slots.front_mut()?.take()?;
        self.slots.pop_front();
        self.next += 1;
        Some(item)
    }

    /// Goes on to the next item that has come, if there is one.
    pub(crate) fn skip_missing(&mut self) {
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
            self.next += 1;
        }
    }

    /// Whether the next item has come.
    pub(crate) fn is_ready(&self) -> bool {
        self.slots.front().is_some_and(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(count: u64) -> impl Strategy<Value = Vec<u64>> {
        Just((0..count).collect::<Vec<_>>()).prop_shuffle()
    }

    #[test]
    fn a_hole_holds_back_what_is_behind_it() {
        let mut order = Reorder::new();
        order.insert(1, 'b');
        order.insert(2, 'c');
        assert!(!order.is_ready());
        assert_eq!(order.pop(), None);
        order.insert(0, 'a');
        assert!(order.is_ready());
        assert_eq!(
            [order.pop(), order.pop(), order.pop(), order.pop()],
            [Some('a'), Some('b'), Some('c'), None]
        );
        assert!(!order.is_ready());
        order.insert(3, 'd');
        assert_eq!(order.pop(), Some('d'));
    }

    #[test]
    fn what_will_not_come_can_be_skipped() {
        let mut order = Reorder::new();
        order.insert(2, 'c');
        order.insert(4, 'e');
        order.skip_missing();
        assert_eq!((order.pop(), order.pop()), (Some('c'), None));
        order.skip_missing();
        assert_eq!(order.pop(), Some('e'));
        order.skip_missing();
        order.insert(5, 'f');
        assert_eq!(order.pop(), Some('f'));
    }

    proptest! {
        #[test]
        fn any_arrival_gives_each_item_once_in_order_and_as_early_as_possible(
            arrival in (0..200_u64).prop_flat_map(numbers),
            eagerness in any::<u64>(),
        ) {
            let mut order = Reorder::new();
            let (mut given, mut came) = (Vec::new(), std::collections::BTreeSet::new());
            for (turn, number) in arrival.iter().enumerate() {
                order.insert(*number, *number);
                came.insert(*number);
                if eagerness >> (turn % 64) & 1 == 1 {
                    while order.is_ready() {
                        given.extend(order.pop());
                    }
                    let gapless = (0..).take_while(|number| came.contains(number)).count();
                    prop_assert_eq!(given.len(), gapless);
                }
            }
            given.extend(std::iter::from_fn(|| order.pop()));
            prop_assert!(given.into_iter().eq(0..arrival.len() as u64));
        }
    }
}
