//! The test server in the foreground.

use patata_testserver::Server;

use super::print;
use crate::args::commands::ServeArgs;
use crate::exit::{Exit, Failure};
use crate::signals::{LOOK, Signals};

pub(super) fn perform(args: &ServeArgs) -> Result<Exit, Failure> {
    // Before the line is printed, as who reads it may stop us at once.
    let signals = Signals::taken()?;
    let failed = |cause| Failure::local(format!("cannot serve on {}: {cause}", args.address));
    let server =
        Server::builder().address(args.address).threads(args.threads.get()).start().map_err(failed)?;
    print(server.url())?;
    while signals.come().is_none() {
        std::thread::sleep(LOOK);
    }
    server.stop();
    Ok(Exit::Ok)
}
