//! The example of the documentation, word for word: python/tests/test_guide.py compares them.

use patata::{CacheStatus, Request};

use crate::server::{Answer, Server};

#[test]
fn a_client_with_a_cache() -> Result<(), Box<dyn std::error::Error>> {
    let (server, at) =
        (Server::start(|_| Answer("200 OK", vec![], "potato".to_owned())), tempfile::tempdir()?);
    let folder = at.path();
    let cache = patata_cache::Cache::open(folder, &patata_cache::StoreOptions::default())?;
    let used = patata_cache::UsedCache::new(std::sync::Arc::new(cache), patata_cache::CacheMode::Forever);
    let client = patata::Client::builder()
        .cache(std::sync::Arc::new(used) as std::sync::Arc<dyn patata::ResponseCache>)
        .build()?;
    for status in [CacheStatus::Sent, CacheStatus::Hit] {
        let outcome = client.run([Request::get((), &server.url)]).next().unwrap();
        assert_eq!(outcome.result?.cached, status);
    }
    Ok(())
}
