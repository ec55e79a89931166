//! What is known of one who shares a budget.

use crate::units::{Amount, Nanos};

/// By what one who shares a budget is known, whatever connections it has had.
pub(crate) type SharerId = u128;

/// What one wants of a unit, as a sum since it joined: so a wish and a grant that cross each other do no harm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claim {
    /// Up to which sum it wants to be granted.
    pub(crate) target: Amount,
    /// Up to which it was.
    pub(crate) granted: Amount,
    /// What is granted at a time: what one request costs. Not below 1.
    pub(crate) piece: Amount,
    /// The time that its grants have taken, by its weight: who has the least is next.
    pub(crate) served: f64,
    /// What was given back of it.
    pub(crate) returned: Amount,
}

impl Claim {
    /// How many pieces are wanted.
    pub(crate) fn pieces(&self) -> u64 {
        self.target.saturating_sub(self.granted).div_ceil(self.piece.max(1))
    }
}

/// One who shares a budget.
#[derive(Debug, Clone)]
pub(crate) struct Sharer {
    pub(crate) id: SharerId,
    /// As a person knows it.
    pub(crate) name: String,
    pub(crate) weight: f64,
    /// By unit.
    pub(crate) claims: Vec<Claim>,
    /// When it is forgotten, if its connection has ended without a word.
    pub(crate) leaves: Option<Nanos>,
}
