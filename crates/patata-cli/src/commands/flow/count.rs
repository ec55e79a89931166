//! How many rows an input has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::input::{Input, InputError, InputOptions, Source};

const UNKNOWN: u64 = u64::MAX;

/// A number of rows that may become known.
#[derive(Debug, Clone)]
pub(crate) struct Total(Arc<AtomicU64>);

impl Total {
    pub(crate) fn unknown() -> Self {
        Self(Arc::new(AtomicU64::new(UNKNOWN)))
    }

    /// Counts meanwhile, on a thread of its own; only where the input can be read twice.
    pub(crate) fn counted(sources: &[Source], options: &InputOptions) -> Self {
        let total = Self::unknown();
        if sources.iter().all(Source::is_regular) {
            let (sources, format, own) = (sources.to_vec(), options.format, total.clone());
            let count = move || {
                if let Ok(rows) = count(sources, InputOptions { format, ..InputOptions::default() }) {
                    own.0.store(rows, Ordering::Relaxed);
                }
            };
            // Without it, the total stays unknown.
            drop(thread::Builder::new().name("patata-count".to_owned()).spawn(count));
        }
        total
    }

    pub(crate) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|total| *total != UNKNOWN)
    }
}

/// How many rows an input has.
pub(crate) fn count(sources: Vec<Source>, options: InputOptions) -> Result<u64, InputError> {
    let mut input = Input::open(sources, options)?;
    while input.skip_row()? {}
    Ok(input.index())
}
