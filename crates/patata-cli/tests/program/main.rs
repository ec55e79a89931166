//! The program, run as a user runs it, against a real server.

#![allow(clippy::unwrap_used, reason = "a failure in a helper fails the test, as it should")]

mod api;
mod budget;
mod budgets;
mod cache;
mod clusters;
mod completions;
mod crashes;
mod damages;
mod defaults;
mod dry_run;
mod folders;
mod help;
mod mistakes;
mod one_request;
mod orders;
mod pages;
mod parquet;
mod secrets;
mod signals;
mod start;
mod streams;
mod support;
mod telemetry;
mod terminal;
