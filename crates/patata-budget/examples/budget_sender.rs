//! A client that sends so many GETs under a limit: what `bench/budget_cost.py` measures the CPU time of.
//!
//! `budget_sender URL COUNT rate|budget RATE`, or `budget_sender URL COUNT shared HANDLE`. It fails where one is not answered.

use patata::{Client, Request};
use patata_budget::{ClientOptions, join};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, kind, limit] = &arguments[..] else {
        return Err("usage: budget_sender URL COUNT rate|budget|shared RATE|HANDLE".into());
    };
    let count: u64 = count.parse()?;
    let builder = Client::builder().without_proxy();
    let builder = match kind.as_str() {
        "rate" => builder.rate(limit),
        "budget" => builder.budget("requests", limit),
        _ => builder.allotment(&join(limit.parse()?, ClientOptions::default())),
    };
    let client = builder.build()?;
    let mut run = client.run((0..count).map(|id| Request::get(id, url.as_str())));
    run.by_ref().for_each(drop);
    let ok = run.receipt().ok;
    if ok == count { Ok(()) } else { Err(format!("{ok} of {count} were answered").into()) }
}
