//! Sends COUNT GETs, one after another, to a server in a process of its own: what `bench/instructions.py` counts
//! the instructions of. One at a time, as how many fall into one turn depends on the machine's mood. A limit that is
//! named is there, and holds nothing back: a rate, a budget of requests, or one of tokens with what each request costs.

#[path = "support/server_process.rs"]
mod server_process;

use patata::{Client, Request};

/// What a limit says that holds nothing back.
const NEVER_REACHED: &str = "1000000/s";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let usage = "usage: hot_path COUNT [rate|requests|tokens]";
    let argument = std::env::args().nth(1).ok_or(usage)?;
    if argument == "serve" {
        return server_process::serve();
    }
    let count: u64 = argument.parse()?;
    let (mut server, url) = server_process::start()?;
    let builder = Client::builder().num_workers(1).concurrency(1).without_proxy();
    let builder = match std::env::args().nth(2).as_deref() {
        None => builder,
        Some("rate") => builder.rate(NEVER_REACHED),
        Some("requests") => builder.budget("requests", NEVER_REACHED),
        Some("tokens") => builder.budget("tokens", NEVER_REACHED).cost(|_| tokens()),
        Some(_) => return Err(usage.into()),
    };
    let client = builder.build()?;
    let mut run = client.run((0..count).map(|id| Request::get(id, url.as_str())));
    run.by_ref().for_each(drop);
    let ok = run.receipt().ok;
    drop(server.stdin.take());
    server.wait()?;
    if ok == count { Ok(()) } else { Err(format!("{ok} of {count} were answered").into()) }
}

/// What each request costs.
fn tokens() -> std::result::Result<[(&'static str, f64); 1], std::convert::Infallible> {
    Ok([("tokens", 0.5)])
}
