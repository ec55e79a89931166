//! Sends COUNT GETs, one after another, to a server in a process of its own, as the engine's example of the same name does,
//! and tells of them: nobody, Prometheus (metrics), or besides a trace of which a hundredth is recorded (traces).
//! `bench/instructions.py --telemetry` counts its instructions.

#[path = "../../patata/examples/support/server_process.rs"]
mod server_process;

use std::sync::Arc;

use patata::{Client, Request, TraceParent};
use patata_telemetry::Recorder;

/// The share of requests that become spans.
const RECORDED: f64 = 0.01;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let usage = "usage: hot_path COUNT [metrics|traces]";
    let argument = std::env::args().nth(1).ok_or(usage)?;
    if argument == "serve" {
        return server_process::serve();
    }
    let count: u64 = argument.parse()?;
    let (mut server, url) = server_process::start()?;
    let recorder = Arc::new(Recorder::new());
    let builder = Client::builder().num_workers(1).concurrency(1).without_proxy();
    let builder = match std::env::args().nth(2).as_deref() {
        None => builder,
        Some("metrics") => builder.observer(recorder.observer()),
        Some("traces") => {
            let parent = TraceParent::root().sampled(true).recorded(RECORDED);
            builder.observer(recorder.observer()).trace_parent(parent)
        }
        Some(_) => return Err(usage.into()),
    };
    let mut run = builder.build()?.run((0..count).map(|id| Request::get(id, url.as_str())));
    run.by_ref().for_each(drop);
    let ok = run.receipt().ok;
    drop(server.stdin.take());
    server.wait()?;
    if ok == count { Ok(()) } else { Err(format!("{ok} of {count} were answered").into()) }
}
