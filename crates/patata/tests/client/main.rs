//! What a caller sees: runs and how they end, their order, how fast they go, what is tried again, bodies in and out.

#![allow(clippy::unwrap_used, reason = "a failure in a helper fails the test, as it should")]

mod adaptive;
#[cfg(target_os = "linux")]
mod bursts;
mod calls;
mod downloads;
mod follow_ups;
mod guide;
mod leave;
mod limits;
mod ordered;
mod outages;
mod pushed;
mod requests;
mod retries;
mod robots;
mod runs;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;
mod uploads;
