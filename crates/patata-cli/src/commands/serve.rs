//! The test server in the foreground.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use patata_testserver::{LlmLimits, Server};

use super::print;
use crate::args::commands::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::signals::{LOOK, Signals};

/// What a language model takes for an answer.
const LATENCY: Duration = Duration::from_millis(50);

pub(super) fn perform(args: &ServeArgs) -> Result<Exit, Failure> {
    // Before the line is printed, as who reads it may stop us at once.
    let signals = Signals::taken()?;
    let failed = |cause| Failure::local(format!("cannot serve on {}: {cause}", args.address));
    let mut builder = Server::builder().address(args.address).threads(args.threads.get());
    if args.requests_per_minute.is_some() || args.tokens_per_minute.is_some() {
        let usual = LlmLimits::default();
        let limits = LlmLimits {
            requests_per_minute: args.requests_per_minute.map_or(usual.requests_per_minute, NonZeroU32::get),
            tokens_per_minute: args.tokens_per_minute.map_or(usual.tokens_per_minute, NonZeroU64::get),
            ..usual
        };
        builder = builder.llm(limits, LATENCY);
    }
    let server = builder.start().map_err(failed)?;
    print(server.url())?;
    while signals.come().is_none() {
        std::thread::sleep(LOOK);
    }
    server.stop();
    Ok(Exit::Ok)
}
