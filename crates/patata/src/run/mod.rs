//! A run, on the side of the caller: takes its requests, whichever way they come, and hands out its outcomes.

pub(crate) mod caching;
pub(crate) mod caller;
pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod destinations;
pub(crate) mod follow_ups;
pub(crate) mod followed;
pub(crate) mod outbox;
pub(crate) mod pulled;
pub(crate) mod pushed;
pub(crate) mod read_ahead;
pub(crate) mod reorder;
pub(crate) mod robots;
pub(crate) mod streamed;
