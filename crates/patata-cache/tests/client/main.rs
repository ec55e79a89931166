//! The engine with a cache: what is sent to a real server, and what of it is not.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

mod distinct;
mod files;
mod guide;
mod hits;
mod server;

use std::path::Path;
use std::sync::Arc;

use patata::{Builder, CacheStatus, Client, Receipt, Request, ResponseCache};
use patata_cache::{Cache, CacheMode, StoreOptions, UsedCache};

fn cache(folder: &Path, mode: CacheMode) -> UsedCache {
    UsedCache::new(Arc::new(Cache::open(folder, &StoreOptions::default()).unwrap()), mode)
}

fn builder(cache: impl ResponseCache + 'static) -> Builder {
    Client::builder().cache(Arc::new(cache) as Arc<dyn ResponseCache>)
}

/// What came for each request, in their order: the status and the body, or the error; and how it came.
fn outcomes<T>(
    client: &Client,
    requests: impl IntoIterator<Item = Request<T>>,
) -> (Vec<(String, CacheStatus)>, Receipt) {
    let client = client.to_builder().ordered(true).build().unwrap();
    let mut run = client.run(requests);
    let came = run
        .by_ref()
        .map(|outcome| match outcome.result {
            Ok(response) => (format!("{} {}", response.status.as_u16(), response.text()), response.cached),
            Err(error) => (error.to_string(), CacheStatus::Sent),
        })
        .collect();
    (came, run.receipt().clone())
}

fn get(url: &str) -> Request<()> {
    Request::get((), url)
}

fn came(text: &str, cached: CacheStatus) -> (String, CacheStatus) {
    (text.to_owned(), cached)
}
