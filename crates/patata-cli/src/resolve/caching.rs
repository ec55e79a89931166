//! The cache that a run or a request asks before it sends, and what its equal requests share.

use std::path::Path;
use std::sync::Arc;

use patata::{Builder, Client, ResponseCache};
use patata_cache::{Cache, CacheError, Distinct, IfChanged, StoreOptions, UsedCache};

use super::client::refused;
use crate::args::caching::{CacheFlags, CachePlace};
use crate::exit::Failure;

/// Where a run folder keeps the responses that equal requests share.
const ANSWERS: &str = "answers";

/// Sets what requests are shown before they are sent.
///
/// # Errors
/// The cache cannot be used.
pub(super) fn with_cache(builder: Builder, flags: &CacheFlags, if_changed: bool) -> Result<Builder, Failure> {
    let mut asked = flags.cache.as_ref().map(|place| opened(place, flags)).transpose().map_err(unusable)?;
    if if_changed {
        asked = Some(Arc::new(IfChanged::new(asked)));
    }
    Ok(builder.cache(asked))
}

fn opened(place: &CachePlace, flags: &CacheFlags) -> Result<Arc<dyn ResponseCache>, CacheError> {
    let folder = match place {
        CachePlace::OfUser => Cache::user_folder()?,
        CachePlace::Folder(folder) => folder.clone(),
    };
    let mut options = StoreOptions::default();
    options.max_size = flags.cache_max_size.map_or(options.max_size, |size| size as u64);
    let cache = Arc::new(Cache::open(folder, &options)?);
    Ok(Arc::new(UsedCache::new(cache, flags.cache_mode.unwrap_or_default())))
}

/// The client of a run whose equal requests are sent once. Responses are kept in its folder, where it has one.
///
/// # Errors
/// The disk fails.
pub(crate) fn distinct(client: &Client, folder: Option<&Path>) -> Result<Client, Failure> {
    let inner = client.cache();
    let distinct = match folder {
        Some(folder) => Distinct::open(folder.join(ANSWERS), inner),
        None => Distinct::new(inner),
    };
    let distinct: Arc<dyn ResponseCache> = Arc::new(distinct.map_err(unusable)?);
    client.to_builder().cache(distinct).build().map_err(refused)
}

fn unusable(error: CacheError) -> Failure {
    match error {
        CacheError::Io { .. } => Failure::local(format!("--cache: {error}")),
        error => Failure::usage(format!("--cache: {error}")),
    }
}
