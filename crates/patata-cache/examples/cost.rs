//! What a GET costs that a cache answers, beside one that is sent: CPU of this process, with a server in another one.
//!
//! `cargo run --release -p patata-cache --example cost [COUNT]`

#[path = "../../patata/examples/support/server_process.rs"]
mod server_process;

use std::sync::Arc;
use std::time::Duration;

use patata::{Client, Request, ResponseCache};
use patata_cache::{Cache, CacheMode, StoreOptions, UsedCache};

/// That of the program and of the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often all are asked for again.
const ROUNDS: u32 = 10;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "100000".to_owned());
    if argument == "serve" {
        return server_process::serve();
    }
    let count: u32 = argument.parse()?;
    let (mut server, url) = server_process::start()?;
    let folder = tempfile::tempdir()?;
    let cache = Arc::new(Cache::open(folder.path(), &StoreOptions::default())?);
    let used: Arc<dyn ResponseCache> = Arc::new(UsedCache::new(cache, CacheMode::Forever));
    let client = Client::builder().num_workers(1).without_proxy().build()?;
    let cached = client.to_builder().cache(used).build()?;
    let sent = cost(&client, &url, count)?;
    let missed = cost(&cached, &url, count)?;
    let hit = (0..ROUNDS).map(|_| cost(&cached, &url, count)).sum::<Result<Duration>>()? / ROUNDS;
    println!(
        "sent {sent:?}, sent and stored {missed:?}, hit {hit:?}: {:.3} of sent",
        hit.div_duration_f64(sent)
    );
    drop(server.stdin.take());
    server.wait()?;
    Ok(())
}

/// The CPU time of one of so many requests.
fn cost(client: &Client, url: &str, count: u32) -> Result<Duration> {
    let begun = cpu()?;
    let mut run = client.run((0..count).map(|id| Request::get(id, format!("{url}?{id}"))));
    run.by_ref().for_each(drop);
    if run.receipt().ok != u64::from(count) {
        return Err(format!("{:?}", run.receipt()).into());
    }
    Ok((cpu()? - begun) / count)
}

/// The CPU time of this process so far, as the system counts it.
fn cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let main: u64 = text.split_whitespace().next().ok_or("no CPU time")?.parse()?;
    let mut threads = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        threads += text.split_whitespace().next().ok_or("no CPU time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(threads.max(main)))
}
