//! Which keys are not among those that are looked for, most often.

use std::collections::HashMap;

/// Says of most keys that they are not among those that are looked for, quicker than a table does.
pub(crate) struct Filter {
    /// Never empty; their number is a power of two.
    bits: Box<[u64]>,
}

impl Filter {
    /// With eight bits for each key.
    pub(crate) fn of<V>(keys: &HashMap<u128, V>) -> Self {
        let mut filter = Self { bits: vec![0; (keys.len() / 8).next_power_of_two()].into_boxed_slice() };
        for key in keys.keys() {
            let (word, bit) = filter.place(*key);
            filter.bits[word] |= bit;
        }
        filter
    }

    /// Whether it may be one of them.
    pub(crate) fn may_have(&self, key: u128) -> bool {
        let (word, bit) = self.place(key);
        self.bits[word] & bit != 0
    }

    fn place(&self, key: u128) -> (usize, u64) {
        // A key may hold a small number as it is, whose last bits differ only: these are spread.
        let mixed = ((key as u64) ^ ((key >> 64) as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (mixed >> 16) as usize & (self.bits.len() - 1);
        (word, 1 << (mixed >> 58))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_passes_and_few_others_do() {
        for count in [0_u128, 1, 7, 1_000, 100_000] {
            // As ids that are numbers are held, and as hashes are.
            for spread in [1, 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835] {
                let keys: HashMap<_, _> =
                    (0..count).map(|number| (number.wrapping_mul(spread), ())).collect();
                let filter = Filter::of(&keys);
                assert!(keys.keys().all(|key| filter.may_have(*key)));
                let others = (count..count + 100_000).map(|number| number.wrapping_mul(spread));
                let passed = others.filter(|key| filter.may_have(*key)).count();
                assert!(passed < 30_000, "{passed} of 100,000 beside {count}");
            }
        }
    }
}
