//! Caches of responses: the class behind `patata.Cache`, and what the options of a call make of one.

use std::path::PathBuf;
use std::sync::Arc;

use patata::{Builder, ResponseCache};
use patata_cache::{CacheError, CacheMode, Distinct, IfChanged, StoreOptions, UsedCache};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault;
use crate::interpreter::detached;
use crate::once::interned;
use crate::options::unusable;

/// A private HTTP cache in a folder.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Cache {
    cache: Arc<patata_cache::Cache>,
    #[pyo3(get)]
    folder: PathBuf,
}

#[pymethods]
impl Cache {
    /// Opens the one in a folder, or else the user's.
    #[new]
    #[pyo3(signature = (folder = None, max_size = None))]
    fn new(py: Python<'_>, folder: Option<PathBuf>, max_size: Option<u64>) -> PyResult<Self> {
        let open = || {
            let folder = folder.map_or_else(patata_cache::Cache::user_folder, Ok)?;
            let mut options = StoreOptions::default();
            options.max_size = max_size.unwrap_or(options.max_size);
            let cache = Arc::new(patata_cache::Cache::open(&folder, &options)?);
            Ok(Self { cache, folder })
        };
        detached(py, open).map_err(|error| exception(py, &error))
    }
}

/// What a call's requests are shown before they are sent: the cache in its mode, and before that the files that are there.
pub(crate) fn options(mut builder: Builder, options: &Bound<'_, PyDict>) -> PyResult<Builder> {
    let mut asked: Option<Arc<dyn ResponseCache>> = None;
    if let Some(cache) = options.get_item("cache")? {
        let mode: Option<String> = options.get_item("cache_mode")?.map(|mode| mode.extract()).transpose()?;
        // Checked where it was given.
        let mode = mode.and_then(|mode| CacheMode::from_name(&mode)).unwrap_or_default();
        let cache = cache.cast::<Cache>()?.get().cache.clone();
        asked = Some(Arc::new(UsedCache::new(cache, mode)));
    }
    if let Some(given) = options.get_item("if_changed")?
        && given.extract()?
    {
        asked = Some(Arc::new(IfChanged::new(asked)));
    }
    if asked.is_some() {
        builder = builder.cache(asked);
    }
    Ok(builder)
}

/// The client for a call whose equal requests are sent once, where its options say so: they name the folder that keeps the
/// responses, or none.
pub(crate) fn distinct(
    client: &patata::Client,
    options: &Bound<'_, PyDict>,
) -> PyResult<Option<patata::Client>> {
    let py = options.py();
    let Some(given) = options.get_item(interned!(py, "distinct"))? else { return Ok(None) };
    let made = match given.extract::<bool>() {
        Ok(false) => return Ok(None),
        Ok(true) => Distinct::new(client.cache()),
        Err(_) => Distinct::open(given.extract::<PathBuf>()?, client.cache()),
    };
    let distinct: Arc<dyn ResponseCache> = Arc::new(made.map_err(|error| exception(py, &error))?);
    client.to_builder().cache(distinct).build().map(Some).map_err(unusable)
}

/// The exception for what is wrong with a cache.
fn exception(py: Python<'_>, error: &CacheError) -> PyErr {
    fault::raise(py, "CacheError", error.to_string())
}
