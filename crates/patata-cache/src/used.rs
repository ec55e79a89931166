//! A cache as a client's calls use it: in a mode, and by a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patata::{CacheAnswer, CacheBasis, CacheRequest, CacheVerdict, Came, ResponseCache, Times};

use crate::cache::Cache;
use crate::policy::mode::CacheMode;

/// A cache in the [mode](CacheMode) that a client uses it in.
///
/// ```
/// use std::sync::Arc;
///
/// use patata_cache::{Cache, CacheMode, StoreOptions, UsedCache};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let cache = Arc::new(Cache::open(folder.path(), &StoreOptions::default())?);
/// let used = UsedCache::new(cache, CacheMode::Forever);
/// # Ok::<(), patata_cache::CacheError>(())
/// ```
#[derive(Debug, Clone)]
pub struct UsedCache {
    cache: Arc<Cache>,
    mode: CacheMode,
    clock: Arc<Clock>,
}

/// The clock of a cache: the machine's, unless a test has stopped it.
#[derive(Debug, Default)]
struct Clock {
    /// In seconds since 1970; 0 where it goes.
    stopped_at: AtomicU64,
    /// When it was asked last, of a clock that was stopped.
    asked_at: AtomicU64,
}

impl Clock {
    /// Now, as a request is asked about.
    fn now(&self) -> SystemTime {
        match self.stopped_at.load(Ordering::Relaxed) {
            0 => SystemTime::now(),
            seconds => {
                self.asked_at.store(seconds, Ordering::Relaxed);
                moment(seconds)
            }
        }
    }

    /// When an exchange took place.
    fn times(&self, times: Times) -> Times {
        match self.stopped_at.load(Ordering::Relaxed) {
            0 => times,
            came => Times { sent: moment(self.asked_at.load(Ordering::Relaxed)), came: moment(came) },
        }
    }
}

fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

impl UsedCache {
    /// A cache that is used in a mode.
    pub fn new(cache: Arc<Cache>, mode: CacheMode) -> Self {
        Self { cache, mode, clock: Arc::default() }
    }

    /// Has its clock stand at a moment, in seconds since 1970: for tests, in which one request is under way at a time, and
    /// which need not wait for anything to become stale.
    #[doc(hidden)]
    pub fn stop_clock(&self, seconds: u64) {
        self.clock.stopped_at.store(seconds, Ordering::Relaxed);
    }
}

impl ResponseCache for UsedCache {
    fn ask(&self, request: CacheRequest<'_>) -> CacheAnswer {
        self.cache.ask(self.mode, request, self.clock.now())
    }

    fn tell(
        &self,
        request: CacheRequest<'_>,
        basis: Option<CacheBasis>,
        came: Came<'_>,
        times: Times,
    ) -> CacheVerdict {
        self.cache.tell(self.mode, request, basis, came, self.clock.times(times))
    }

    fn take_trouble(&self) -> Option<String> {
        self.cache.take_trouble().map(|error| error.to_string())
    }
}
