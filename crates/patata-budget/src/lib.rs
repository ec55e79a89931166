//! One limit for all who share it, in any number of processes: a budget held by a small server or by Redis, and leased in
//! slots.

mod client;
#[cfg(feature = "engine")]
mod engine;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod holder;
mod units;
mod wire;

pub use client::lessee::{Lessee, Needs, Slots, UnitNeeds};
pub use client::purse::{Permit, Purse};
pub use client::{Client, ClientOptions, status};
#[cfg(feature = "engine")]
pub use engine::join;
pub use error::BudgetError;
pub use handle::Handle;
pub use holder::{Holder, HolderBuilder};
pub use units::rate::Rate;
pub use units::terms::{REQUESTS, Terms, UnitTerms};
pub use wire::{SharerStatus, Status, UnitStatus};
