//! What the engine, or anybody who sends, is to a lease: what it needs, and what it is told. No network in here.

use std::time::{Duration, Instant};

use crate::error::BudgetError;
use crate::units::terms::Terms;

/// Somebody who sends by leave of a budget. All of its methods are called from the thread of the lease, and must not wait.
pub trait Lessee: Send + Sync + 'static {
    /// What the budget allows: the units are numbered as in there from now on. Called first, and after each time that the
    /// holder was lost; what it had said before may differ.
    fn begun(&self, terms: &Terms);

    /// The budget allows something else from now on, of the same units. What was granted before may be used.
    fn changed(&self, terms: &Terms);

    /// What is needed now. What was given back, owed and heard since the last time is in there once.
    fn needs(&self) -> Needs;

    /// Slots that may be used. What is given back by [`Needs`] is what of them was not used within 30 ms of its time.
    fn granted(&self, unit: usize, slots: Slots);

    /// From now on so many may be in flight. Those that are above it may end. Not called where concurrency is not limited.
    fn permits(&self, count: u32);

    /// A host, or all of them, must be left alone until then; what is known of it already may be said again.
    fn leave_alone(&self, host: Option<&str>, until: Instant);

    /// The budget does not answer any more, or has not done so yet, and is tried again: [`begun`](Self::begun) tells when it
    /// does.
    fn lost(&self) {}

    /// It is over: nothing will ever be granted again.
    fn failed(&self, error: &BudgetError);
}

/// Slots of one unit that follow each other evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// When the first one may be used.
    pub first: Instant,
    /// The time from one to the next; zero where all may be used at once.
    pub every: Duration,
    /// How many there are.
    pub count: u64,
    /// What each is good for: 1 request, or so many tokens.
    pub piece: u64,
}

/// What somebody who sends needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// By unit, in the order of the terms; one that is left out needs nothing.
    pub units: Vec<UnitNeeds>,
    /// How many requests could be in flight: those that are, and those that wait.
    pub could_be_in_flight: u32,
    /// How many are.
    pub in_flight: u32,
    /// Hosts that have asked to be left alone for so long, or all of them: the others are told at once.
    pub left_alone: Vec<(Option<String>, Duration)>,
}

/// What is needed of one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitNeeds {
    /// How much is needed beyond what was granted and is not used yet.
    pub amount: u64,
    /// How much at a time: what the next request lacks; 1 for requests.
    pub piece: u64,
    /// What was granted and will not be used.
    pub given_back: u64,
    /// What was used beyond what was granted.
    pub owed: u64,
}
