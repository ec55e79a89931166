//! RFC 9111, rule by rule: `cases.json` is a table that any cache can be run against, and this is ours.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure in here fails the test, as it should")]

mod judging;
mod policy;
mod table;
mod wire;
