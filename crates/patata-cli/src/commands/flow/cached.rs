//! What a run has not asked for again, as it is told in the end.

use patata::Receipt;

/// How many requests were answered without being sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cached {
    hits: u64,
    revalidated: u64,
    misses: u64,
    shared: u64,
    trouble: Option<String>,
}

impl Cached {
    /// Adds those of a part of a run.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.hits += receipt.cache_hits;
        self.revalidated += receipt.cache_revalidated;
        self.misses += receipt.cache_misses;
        self.shared += receipt.shared;
        self.trouble = self.trouble.take().or_else(|| receipt.cache_trouble.clone());
    }

    /// The lines that tell it: none where there was nothing.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Self { hits, revalidated, misses, shared, trouble } = self;
        let mut lines = Vec::new();
        if hits + revalidated + misses > 0 {
            lines.push(format!("cache: {hits} hits, {revalidated} revalidated, {misses} misses"));
        }
        if *shared > 0 {
            lines.push(format!("distinct: {shared} answered by equal requests"));
        }
        lines.extend(trouble.as_ref().map(|trouble| format!("cache: {trouble}")));
        lines
    }
}
