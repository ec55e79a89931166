//! Why a folder cannot be used as a cache.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a folder cannot be used as a cache. Each says what is wrong with what, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It holds other things.
    #[error("{} is no cache of patata's, and no empty folder; name another one", path.display())]
    NotACache {
        /// The folder.
        path: PathBuf,
    },
    /// Another version of patata has made it.
    #[error(
        "the cache in {} is of format {found}, and this version of patata knows format {known}; name another folder, or \
         remove this one",
        path.display()
    )]
    Format {
        /// The folder.
        path: PathBuf,
        /// What it says of itself.
        found: String,
        /// The format that is known.
        known: u32,
    },
    /// Nobody knows where the user's cache is.
    #[error("the user has no home, so there is no folder for a cache; name one")]
    NoHome,
    /// The disk fails.
    #[error("{action} {} failed: {cause}; check that the disk has room and that you may write there", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What came of it.
        #[source]
        cause: Arc<io::Error>,
    },
}

impl CacheError {
    /// What a failure of the disk becomes.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |cause| Self::Io { action, path, cause: Arc::new(cause) }
    }
}
