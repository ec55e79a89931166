//! Real processes, which are killed, and real files that refuse things: what a run folder promises holds.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure in a helper fails the test, as it should"
)]

mod child;
mod earlier;
mod ends;
mod faults;
mod kills;
mod passed;
mod server;
mod workers;

/// Not a test: what the others start in a process of its own.
#[test]
#[ignore = "the others start it"]
fn child_process() {
    let Ok(folder) = std::env::var("RUN_FOLDER") else { return };
    let (fault, url) = (std::env::var("RUN_FAULT").unwrap(), std::env::var("RUN_URL").unwrap());
    let ended = match fault.strip_prefix("part ") {
        Some(told) => workers::work(&folder, &url, told),
        None => {
            faults::arm(&fault, &folder);
            child::run(&folder, &url)
        }
    };
    match ended {
        Ok(()) => println!("\ndone"),
        Err(error @ patata_run::RunError::Io { .. }) => println!("\nio {error}"),
        Err(error) => println!("\nother {error}"),
    }
}
