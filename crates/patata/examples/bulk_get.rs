//! Sends many GETs to one URL and prints the receipt: `cargo run --release --example bulk_get -- URL COUNT`.

use patata::{Client, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: bulk_get URL COUNT [NUM_WORKERS]")?;
    let count: u64 = arguments.next().ok_or("usage: bulk_get URL COUNT [NUM_WORKERS]")?.parse()?;
    let mut builder = Client::builder();
    if let Some(num_workers) = arguments.next() {
        builder = builder.num_workers(num_workers.parse()?);
    }
    let mut run = builder.build()?.run((0..count).map(|id| Request::get(id, url.as_str())));
    for outcome in run.by_ref() {
        if let Err(error) = outcome.result {
            eprintln!("{}: {error}", outcome.tag);
        }
    }
    println!("{:?}", run.receipt());
    Ok(())
}
