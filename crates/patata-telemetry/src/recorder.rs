//! What exchanges came to, counted where they are told and put together when somebody asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use patata::{Exchange, ExchangeObserver};
use rustc_hash::FxBuildHasher;

use crate::series::{MAX_SERIES, Series, SeriesAttributes, SeriesKey};
use crate::spans::{FinishedSpan, MOST_WAITING};

/// Event loops beyond so many share what they count into.
const SHARDS: usize = 16;

/// Counts the exchanges of a client, and keeps those that are recorded as spans.
///
/// ```
/// use std::sync::Arc;
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// let recorder = Arc::new(patata_telemetry::Recorder::new());
/// let client = patata::Client::builder().observer(recorder.observer()).build()?;
/// client.run((0..100).map(|id| patata::Request::get(id, &*url))).for_each(drop);
/// let [series] = &recorder.series()[..] else { panic!("all are alike") };
/// assert_eq!((series.count, series.attributes.method, series.attributes.status), (100, "GET", Some(200)));
/// # Ok::<(), patata::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    /// What each event loop has counted, so that none waits for another.
    shards: Box<[Mutex<Shard>]>,
    /// How many spans wait to be taken.
    waiting: AtomicUsize,
    /// Whether durations are kept one by one until they are drained.
    keeps_durations: bool,
}

/// How long some exchanges took that are alike, one by one.
pub type Drained = (SeriesAttributes, Vec<f64>);

/// What one event loop has counted.
#[derive(Debug, Default)]
struct Shard {
    series: Vec<(Series, Vec<f64>)>,
    places: HashMap<SeriesKey, usize, FxBuildHasher>,
    /// Where what came beyond [`MAX_SERIES`] is counted.
    overflow: Option<usize>,
    spans: Vec<FinishedSpan>,
    /// How many spans have found no room since they were last taken.
    lost: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// One that counts durations in buckets.
    pub fn new() -> Self {
        Self::keeping(false)
    }

    /// One that keeps durations one by one, for who puts them into buckets of his own: they must be
    /// [drained](Self::drain) now and then. Its [`series`](Self::series) are empty.
    pub fn of_durations() -> Self {
        Self::keeping(true)
    }

    fn keeping(keeps_durations: bool) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, waiting: AtomicUsize::new(0), keeps_durations }
    }

    /// What a client is given: see [`patata::Builder::observer`].
    pub fn observer(self: &Arc<Self>) -> Arc<dyn ExchangeObserver> {
        self.clone()
    }

    /// What was counted since it was made, in order.
    pub fn series(&self) -> Vec<Series> {
        let mut merged: BTreeMap<SeriesAttributes, Series> = BTreeMap::new();
        for shard in self.free_shards() {
            for (series, _) in &shard.series {
                let of_all = merged.entry(series.attributes.clone());
                of_all.or_insert_with(|| Series::new(series.attributes.clone())).merge(series);
            }
        }
        merged.into_values().filter(|series| series.count > 0).collect()
    }

    /// The durations that were kept since they were last drained, in seconds, with what those of a list have in common.
    pub fn drain(&self) -> Vec<Drained> {
        let mut drained = Vec::new();
        for mut shard in self.free_shards() {
            for (series, durations) in &mut shard.series {
                if !durations.is_empty() {
                    drained.push((series.attributes.clone(), std::mem::take(durations)));
                }
            }
        }
        drained
    }

    /// The spans that have ended since they were last taken, and how many found no room: 100,000 wait at most.
    pub fn take_spans(&self) -> (Vec<FinishedSpan>, u64) {
        let (mut spans, mut lost) = (Vec::new(), 0);
        for mut shard in self.free_shards() {
            spans.append(&mut shard.spans);
            lost += std::mem::take(&mut shard.lost);
        }
        self.waiting.fetch_sub(spans.len(), Ordering::Relaxed);
        (spans, lost)
    }

    /// How many spans wait to be taken.
    pub fn waiting_spans(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Adds a span that was made elsewhere.
    pub fn add_span(&self, span: FinishedSpan) {
        self.shard(0).add_span(&self.waiting, || span);
    }

    /// The shard of an event loop. One that somebody is at is passed over: in the child of a fork it may be so for ever.
    fn shard(&self, event_loop: usize) -> MutexGuard<'_, Shard> {
        let first = event_loop % SHARDS;
        let order = self.shards[first..].iter().chain(&self.shards[..first]);
        order.clone().find_map(free).unwrap_or_else(|| locked(&self.shards[first]))
    }

    /// All shards that nobody is at for long.
    fn free_shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        let patiently = |shard| {
            (0..LOOKS).find_map(|_| {
                std::thread::yield_now();
                free(shard)
            })
        };
        self.shards.iter().filter_map(move |shard| free(shard).or_else(|| patiently(shard)))
    }
}

/// How often a shard is looked at that somebody is at.
const LOOKS: u32 = 1_000;

/// A shard that nobody is at.
fn free(shard: &Mutex<Shard>) -> Option<MutexGuard<'_, Shard>> {
    match shard.try_lock() {
        Ok(shard) => Some(shard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl ExchangeObserver for Recorder {
    fn ended(&self, exchange: &Exchange<'_>) {
        let mut shard = self.shard(exchange.start.event_loop());
        shard.add(exchange, self.keeps_durations);
        if let Some(span) = exchange.span {
            shard.add_span(&self.waiting, || FinishedSpan::of(exchange, span));
        }
    }
}

impl Shard {
    fn add(&mut self, exchange: &Exchange<'_>, keeps_durations: bool) {
        let key = SeriesKey::of(exchange);
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => self.place(key, exchange),
        };
        let (series, durations) = &mut self.series[place];
        let seconds = exchange.duration.as_secs_f64();
        if keeps_durations {
            durations.push(seconds);
        } else {
            series.add(seconds);
        }
    }

    /// A place for a series that is new.
    fn place(&mut self, key: SeriesKey, exchange: &Exchange<'_>) -> usize {
        if self.places.len() < MAX_SERIES {
            let place = self.add_series(SeriesAttributes::of(exchange));
            self.places.insert(key, place);
            return place;
        }
        match self.overflow {
            Some(place) => place,
            None => {
                let place = self.add_series(SeriesAttributes::of_overflow());
                self.overflow = Some(place);
                place
            }
        }
    }

    fn add_span(&mut self, waiting: &AtomicUsize, span: impl FnOnce() -> FinishedSpan) {
        if waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            self.spans.push(span());
        } else {
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.lost += 1;
        }
    }

    fn add_series(&mut self, attributes: SeriesAttributes) -> usize {
        self.series.push((Series::new(attributes), Vec::new()));
        self.series.len() - 1
    }
}

/// What a thread that panicked has left is still good to be counted on.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
