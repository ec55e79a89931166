//! The parts of a run with many writers, read as one run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use roaring::RoaringTreemap;

use crate::accounts::{Summary, Timeline};
use crate::cluster::check_lines;
use crate::cluster::losers::{Compared, is_of_one_session, losers};
use crate::cluster::{PARTS, accounts, part_folder, timeline};
use crate::error::RunError;
use crate::folder::compaction::superseded;
use crate::folder::evidence::names;
use crate::folder::rebuilt::rebuilt;
use crate::folder::recovery::read_ledger;
use crate::folder::retry::Selection;
use crate::folder::{RunFolder, is_run, sources};
use crate::ledger::entry::Entry;
use crate::ledger::state::State;
use crate::manifest::{Format, Manifest};
use crate::output::reader::{LeftOut, Rows, Source};
use crate::storage::disk::Disk;

/// The parts of a run, in the order of their names.
pub(crate) struct Parts {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    parts: Vec<RunFolder>,
    /// By the place of their part, positions of requests that count elsewhere; found out at the first question.
    losers: OnceLock<BTreeMap<usize, RoaringTreemap>>,
}

/// How many requests have ended, have failed, and are unknown.
pub(crate) type Counts = (u64, u64, u64);

impl Parts {
    /// Those of a folder. One that has only just been made is passed.
    pub(crate) fn of(disk: &Arc<dyn Disk>, root: &Path) -> Result<Self, RunError> {
        let mut parts = Vec::new();
        for name in names(&**disk, &root.join(PARTS))? {
            let path = part_folder(root, &name);
            if is_run(&**disk, &path)? {
                parts.push(RunFolder::open_on(disk.clone(), &path)?);
            }
        }
        Ok(Self { disk: disk.clone(), root: root.to_owned(), parts, losers: OnceLock::new() })
    }

    /// Positions of a part whose requests count elsewhere.
    fn losers(&self, place: usize) -> Result<&RoaringTreemap, RunError> {
        static NONE: OnceLock<RoaringTreemap> = OnceLock::new();
        let losers = match self.losers.get() {
            Some(losers) => losers,
            None => {
                let compared =
                    |part: &'_ RunFolder| (part.path().to_owned(), part.manifest().sessions.clone());
                let compared: Vec<_> = self.parts.iter().map(compared).collect();
                let compared: Vec<_> =
                    compared.iter().map(|(path, sessions)| Compared { path, sessions }).collect();
                let found = losers(&self.disk, &compared)?;
                self.losers.get_or_init(|| found)
            }
        };
        Ok(losers.get(&place).unwrap_or_else(|| NONE.get_or_init(RoaringTreemap::new)))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.parts.iter().any(RunFolder::is_running)
    }

    /// All rows, each request's once.
    pub(crate) fn rows(&self) -> Result<Rows, RunError> {
        let mut all: Vec<Source> = Vec::new();
        for (place, part) in self.parts.iter().enumerate() {
            all.extend(self.sources(place, part, &part.state()?)?);
        }
        Ok(Rows::new(self.disk.clone(), all))
    }

    /// The files of a part, with what of them counts elsewhere or no longer.
    fn sources(&self, place: usize, part: &RunFolder, state: &State) -> Result<Vec<Source>, RunError> {
        check_lines(part.path(), &part.manifest().output)?;
        let losers = self.losers(place)?;
        let mut superseded = self.superseded(part, state)?;
        let with_left_out = |(number, source)| {
            let offsets = superseded.remove(&number).unwrap_or_default();
            Source { left_out: LeftOut { offsets, positions: losers.clone() }, ..source }
        };
        Ok(state.live_parts().zip(sources(part.path(), state)).map(with_left_out).collect())
    }

    /// Where rows stand that are not the latest of their requests.
    fn superseded(&self, part: &RunFolder, state: &State) -> Result<BTreeMap<u32, BTreeSet<u64>>, RunError> {
        if !state.has_again {
            return Ok(BTreeMap::new());
        }
        let mut again = RoaringTreemap::new();
        read_ledger(&*self.disk, part.path(), |entry| {
            if let Entry::Again { position } = entry {
                again.insert(position);
            }
        })?;
        superseded(&self.disk, part.path(), &again, state)
    }

    pub(crate) fn failed(&self) -> Result<Vec<Vec<u8>>, RunError> {
        self.lines(RunFolder::failed)
    }

    pub(crate) fn unknown(&self) -> Result<Vec<Vec<u8>>, RunError> {
        self.lines(RunFolder::unknown)
    }

    fn lines(
        &self,
        of: impl Fn(&RunFolder) -> Result<Vec<Vec<u8>>, RunError>,
    ) -> Result<Vec<Vec<u8>>, RunError> {
        let mut all = Vec::new();
        for (place, part) in self.parts.iter().enumerate() {
            let losers = self.losers(place)?;
            all.extend(crate::folder::finish::current(of(part)?, |position| !losers.contains(position)));
        }
        Ok(all)
    }

    pub(crate) fn counts(&self) -> Result<Counts, RunError> {
        let mut sum = (0, 0, 0);
        for (place, part) in self.parts.iter().enumerate() {
            let (state, losers) = (part.state()?, self.losers(place)?);
            sum.0 += state.ended.len() - state.ended.intersection_len(losers);
            sum.1 += state.failed.len() - state.failed.intersection_len(losers);
            sum.2 += state.sent.len() - state.sent.intersection_len(losers);
        }
        Ok(sum)
    }

    pub(crate) fn failures(&self) -> Result<BTreeMap<String, u64>, RunError> {
        let mut sum: BTreeMap<String, u64> = BTreeMap::new();
        for (place, part) in self.parts.iter().enumerate() {
            for (kind, count) in part.failures_but(self.losers(place)?)? {
                *sum.entry(kind).or_default() += count;
            }
        }
        Ok(sum)
    }

    /// The run in sum.
    pub(crate) fn summary(&self) -> Result<Summary, RunError> {
        let root = Manifest::read(&*self.disk, &self.root)?;
        let parts = self.parts.iter().enumerate();
        let summaries =
            parts.map(|(place, part)| self.summary_of(place, part)).collect::<Result<Vec<_>, _>>()?;
        let mut summary = accounts::summed(&summaries);
        (summary.command, summary.folder) = (root.command(), self.root.display().to_string());
        (summary.versions, summary.options) = (vec![root.version.clone()], root.options.clone());
        let (ended, failed, unknown) = self.counts()?;
        (summary.ok, summary.failed, summary.unknown) = (ended - failed, failed, unknown);
        summary.cancelled = unknown;
        if !is_of_one_session(self.parts.iter().map(|part| &part.manifest().sessions[..])) {
            // Sessions that cut the same input in two ways have it twice.
            summary.total = None;
        }
        summary.submitted = ended + unknown;
        if self.is_running() {
            summary.ended = None;
        }
        Ok(summary)
    }

    /// A part in sum. Where that says other than its ledger, as its process was killed or others do its requests, what came is
    /// counted from the rows.
    fn summary_of(&self, place: usize, part: &RunFolder) -> Result<Summary, RunError> {
        let state = part.state()?;
        let summary = match part.summary()? {
            Some(summary) => summary,
            None => rebuilt(&self.disk, part.path(), part.manifest())?,
        };
        let is_late = summary.ledger_rows != state.rows && !part.is_running();
        let is_exact = !is_late && !state.has_again && self.losers(place)?.is_empty();
        if is_exact || part.manifest().output.format != Format::Jsonl {
            return Ok(summary);
        }
        let rows = Rows::new(self.disk.clone(), self.sources(place, part, &state)?);
        accounts::recounted(summary, rows)
    }

    pub(crate) fn timeline(&self) -> Result<Timeline, RunError> {
        timeline::merged(&self.disk, self.parts.iter().map(RunFolder::path))
    }

    /// Marks requests to be sent again, in each part.
    pub(crate) fn retry(&self, selection: &Selection) -> Result<u64, RunError> {
        // What nobody has acknowledged may have been done once more by a part that was cut otherwise.
        let takes_in = is_of_one_session(self.parts.iter().map(|part| &part.manifest().sessions[..]));
        let mut marked = 0;
        for part in &self.parts {
            marked += RunFolder::retry_whole(self.disk.clone(), part.path(), selection, takes_in)?;
        }
        Ok(marked)
    }
}
