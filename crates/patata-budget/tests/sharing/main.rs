//! A budget that is shared by real processes: how much they are granted, and what happens when one of them dies.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure in a helper fails the test, as it should"
)]

mod faults;
mod hostile;
mod rates;
mod redis;
mod support;
