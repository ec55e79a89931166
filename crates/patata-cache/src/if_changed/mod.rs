//! Files that are there already are asked for with what the server said of them, and left alone where they have not changed.

mod validators;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use patata::{CacheAnswer, CacheBasis, CacheRequest, CacheVerdict, Came, Headers, ResponseCache, Times};

use crate::error::CacheError;
use crate::if_changed::validators::{FolderValidators, Validators};
use crate::policy::reuse::has_own_conditions;
use crate::trouble::Trouble;

/// Has files that are there already asked for under the condition that they have changed, and leaves them alone where the
/// server says that they have not: see [`CacheStatus::Unchanged`](patata::CacheStatus::Unchanged).
///
/// What a server has said of a file, its `ETag` or `Last-Modified`, is kept beside it, for all files of a folder in
/// `.patata-validators.jsonl`. A file that was changed since, or came from another URL, is asked for whole.
///
/// ```
/// use std::sync::Arc;
///
/// use patata::{Client, ResponseCache};
/// use patata_cache::IfChanged;
///
/// let if_changed: Arc<dyn ResponseCache> = Arc::new(IfChanged::new(None));
/// let client = Client::builder().cache(if_changed).build()?;
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug, Default)]
pub struct IfChanged {
    /// By the folder's path.
    folders: Mutex<HashMap<PathBuf, FolderValidators>>,
    /// What is asked about all other requests.
    inner: Option<Arc<dyn ResponseCache>>,
    trouble: Trouble,
}

/// What is given along with a request for a file that is there.
#[derive(Debug)]
struct IsThere;

impl IfChanged {
    /// `inner` is asked about requests for files that are not there, and those whose responses go to none.
    pub fn new(inner: Option<Arc<dyn ResponseCache>>) -> Self {
        Self { inner, ..Self::default() }
    }

    /// Does something with what is known of the files of a folder.
    fn with<R>(
        &self,
        folder: &Path,
        action: impl FnOnce(&mut FolderValidators) -> Result<R, CacheError>,
    ) -> Option<R> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folders.entry(folder.to_owned()).or_insert_with(|| FolderValidators::new(folder));
        self.trouble.note(action(known))
    }

    /// The conditions under which a file is asked for, where it is there as it came.
    fn conditions(&self, request: CacheRequest<'_>) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let is_plain = *request.method == Method::GET && !has_own_conditions(request.headers);
        let (folder, name) = parts(request.saved_to.filter(|_| is_plain)?)?;
        let known = self.with(folder, |known| known.of(name, request.url))??;
        let conditions = conditions_of(&known);
        (!conditions.is_empty()).then_some(conditions)
    }

    fn note(&self, request: CacheRequest<'_>, saved_to: &Path, headers: &Headers) {
        if let Some((folder, name)) = parts(saved_to) {
            let text =
                |name| headers.get(name).and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned);
            let (etag, last_modified) = (text("etag"), text("last-modified"));
            self.with(folder, |known| known.note(name, request.url, etag, last_modified));
        }
    }
}

impl ResponseCache for IfChanged {
    fn ask(&self, request: CacheRequest<'_>) -> CacheAnswer {
        match self.conditions(request) {
            Some(conditions) => CacheAnswer::Validate { conditions, basis: Box::new(IsThere), flight: None },
            None => self.inner.as_ref().map_or(CacheAnswer::Pass, |inner| inner.ask(request)),
        }
    }

    fn tell(
        &self,
        request: CacheRequest<'_>,
        basis: Option<CacheBasis>,
        came: Came<'_>,
        times: Times,
    ) -> CacheVerdict {
        let is_there = basis.as_ref().is_some_and(|basis| basis.is::<IsThere>());
        if let Came::Response { status: StatusCode::NOT_MODIFIED, .. } = came
            && is_there
        {
            return CacheVerdict::Unchanged;
        }
        if let Came::Response { headers, saved_to: Some(path), .. } = came {
            self.note(request, path, headers);
        }
        let basis = basis.filter(|_| !is_there);
        self.inner.as_ref().map_or(CacheVerdict::AsCame, |inner| inner.tell(request, basis, came, times))
    }

    fn take_trouble(&self) -> Option<String> {
        let inner = || self.inner.as_ref().and_then(|inner| inner.take_trouble());
        self.trouble.take().map(|error| error.to_string()).or_else(inner)
    }
}

fn conditions_of(known: &Validators) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)];
    let stated = pairs.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::from_str(value.as_deref()?).ok()?;
        Some((name, value))
    });
    stated.collect()
}

/// A file's folder and name. One whose name is no text is not remembered.
fn parts(path: &Path) -> Option<(&Path, &str)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some((folder, path.file_name()?.to_str()?))
}
