//! What it costs to ask a cache that has the answer, without a client: CPU of this thread, in the order in which things were
//! stored and in any other.
//!
//! `cargo run --release -p patata-cache --example ask [COUNT]`

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use patata::{CacheAnswer, CacheRequest, Came, Headers, Times};
use patata_cache::{Cache, CacheMode, StoreOptions};

/// That of the program and of the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a body is.
const LENGTH: usize = 1024;
/// How often all are asked for.
const ROUNDS: usize = 10;
/// Prime, so that all are met by steps of this length.
const STEP: usize = 1_000_003;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "100000".to_owned());
    let count: usize = argument.parse()?;
    let urls: Vec<_> =
        (0..count).map(|number| format!("http://api.example/items/{number}?expand=all")).collect();
    let folder = tempfile::tempdir()?;
    let cache = Cache::open(folder.path(), &StoreOptions::default())?;
    let stored = per_one(count, || urls.iter().try_for_each(|url| store(&cache, url)))?;
    let late = Cache::open(folder.path(), &StoreOptions::default())?;
    let in_order = per_one(count * ROUNDS, || (0..ROUNDS).try_for_each(|_| ask_all(&late, urls.iter())))?;
    let any = || (0..count * ROUNDS).map(|number| &urls[number * STEP % count]);
    let at_random = per_one(count * ROUNDS, || ask_all(&late, any()))?;
    println!("of {count}: stored {stored:?}, asked for in order {in_order:?}, in any order {at_random:?}");
    Ok(())
}

fn asked<'a>(url: &'a str, headers: &'a HeaderMap) -> CacheRequest<'a> {
    CacheRequest { method: &Method::GET, url, headers, body: None, saved_to: None }
}

fn store(cache: &Cache, url: &str) -> Result<()> {
    let headers: Headers = [
        ("date", "Sun, 06 Nov 2994 08:49:37 GMT"),
        ("content-type", "application/json"),
        ("server", "nginx/1.26.2"),
        ("cache-control", "public, max-age=86400"),
        ("etag", "\"5f2a1c9e\""),
        ("vary", "accept-encoding"),
    ]
    .into_iter()
    .collect();
    let (body, now) = (Bytes::from(vec![b'x'; LENGTH]), SystemTime::now());
    let came = Came::Response {
        status: StatusCode::OK,
        version: Version::HTTP_11,
        headers: &headers,
        body: &body,
        saved_to: None,
    };
    cache.tell(CacheMode::Forever, asked(url, &sent()?), None, came, Times { sent: now, came: now });
    cache.take_trouble().map_or(Ok(()), |trouble| Err(trouble.into()))
}

/// Headers as a client sends them.
fn sent() -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "gzip, br, zstd"),
        ("user-agent", "patata/4.0.0"),
    ] {
        headers.insert(name, value.parse()?);
    }
    Ok(headers)
}

fn ask_all<'u>(cache: &Cache, urls: impl Iterator<Item = &'u String>) -> Result<()> {
    let headers = sent()?;
    for url in urls {
        match cache.ask(CacheMode::Forever, asked(url, &headers), SystemTime::now()) {
            CacheAnswer::Hit(response) if response.body.len() == LENGTH => {}
            other => return Err(format!("{url}: {other:?}").into()),
        }
    }
    Ok(())
}

/// The CPU time of one of so many.
fn per_one(count: usize, run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = cpu()?;
    run()?;
    Ok((cpu()? - begun) / u32::try_from(count)?)
}

/// The CPU time of this thread so far, as the system counts it.
fn cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("no CPU time")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
