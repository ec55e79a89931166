//! The threads that send: each is an event loop with connections of its own, and shares the schedule with the others.

pub(crate) mod body_decoding;
pub(crate) mod completions;
pub(crate) mod connection_task;
pub(crate) mod event_loop;
pub(crate) mod name_waits;
pub(crate) mod readiness;
pub(crate) mod shared;
