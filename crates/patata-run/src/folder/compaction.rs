//! Leaves each request one row: what was sent again has two, of which the older one goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Summary;
use crate::error::RunError;
use crate::folder::finish;
use crate::folder::rebuilt::counted;
use crate::folder::recovery::{read_groups, read_ledger, write_group};
use crate::journal::files::{self, FAILED, WRITER};
use crate::journal::staged::Entries;
use crate::ledger::entry::{Ended, Entry, Extent};
use crate::ledger::state::State;
use crate::manifest::{Compression, Format, Manifest, OutputOptions};
use crate::output::line::Line;
use crate::output::reader::{Rows, Source};
use crate::output::seal::{seal, unpacked};
use crate::output::{csv, items};
use crate::storage::disk::{Disk, beside};

/// Rewrites the parts that have rows of requests which have others since. Returns the run in sum, without these.
pub(crate) fn compact(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    summary: Summary,
) -> Result<Summary, RunError> {
    let mut state = State::default();
    let mut again = roaring::RoaringTreemap::new();
    let last = read_groups(&**disk, folder, |group| {
        for entry in group {
            if let Entry::Again { position } = entry {
                again.insert(*position);
            }
        }
        state.apply_group(group);
    })?;
    finish::clean(&**disk, &folder.join(FAILED), |position| state.failed.contains(position))?;
    let superseded = superseded(disk, folder, &again, &state)?;
    let ledger_file = last.map_or(1, |last| last.number + 1);
    let mut compaction = Compaction { disk, folder, output: &manifest.output, state, ledger_file };
    match manifest.output.format {
        Format::Jsonl if manifest.output.items => compaction.by_place(&superseded)?,
        Format::Jsonl => superseded.iter().try_for_each(|(part, rows)| compaction.jsonl(*part, rows))?,
        Format::Csv | Format::Parquet => compaction.by_place(&superseded)?,
    }
    recount(disk, folder, manifest, &compaction.state, summary)
}

/// By part, where rows stand that are not the latest of their request, or of one that has not ended any more.
pub(crate) fn superseded(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    again: &roaring::RoaringTreemap,
    state: &State,
) -> Result<BTreeMap<u32, BTreeSet<u64>>, RunError> {
    let mut latest: BTreeMap<u64, Extent> = BTreeMap::new();
    let mut superseded: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    read_ledger(&**disk, folder, |entry| match entry {
        Entry::Ended { position, ended, .. } if again.contains(position) => {
            if let Some(older) = latest.insert(position, ended.extent) {
                superseded.entry(older.part).or_default().insert(older.offset);
            }
        }
        Entry::Drop { part } => {
            gone.insert(part);
        }
        _ => {}
    })?;
    // What is still to be sent again, or was and nobody knows, has not ended: its old row would say that it has.
    for (_, extent) in latest.iter().filter(|(position, _)| !state.ended.contains(**position)) {
        superseded.entry(extent.part).or_default().insert(extent.offset);
    }
    superseded.retain(|part, _| !gone.contains(part));
    Ok(superseded)
}

/// The parts of a folder, of which some are made anew.
struct Compaction<'a> {
    disk: &'a Arc<dyn Disk>,
    folder: &'a Path,
    output: &'a OutputOptions,
    state: State,
    /// The number of the next file of the ledger.
    ledger_file: u32,
}

/// What is left of a part, as it is to be written.
struct Left {
    part: u32,
    bytes: Vec<u8>,
    entries: Entries,
    rows: u64,
    /// Bytes that the rows have as JSON.
    length: u64,
}

/// What the ledger knows of a row, where that need not say it itself.
struct Known {
    position: u64,
    is_ok: bool,
    kind: Box<str>,
    attempts: u32,
    extent: Extent,
    elapsed: Duration,
}

impl Compaction<'_> {
    fn sealed(&self, part: u32) -> Option<PathBuf> {
        let ending = self.state.parts.get(&part)?.sealed.as_ref()?;
        Some(files::sealed(self.folder, WRITER, part, ending))
    }

    /// Makes a part anew without the rows that begin at some places.
    fn jsonl(&mut self, old: u32, without: &BTreeSet<u64>) -> Result<(), RunError> {
        let Some(path) = self.sealed(old) else { return Ok(()) };
        let mut left = Left::of(self.state.next_part());
        let mut offset = 0;
        for line in Rows::new(self.disk.clone(), vec![Source::new(path.clone(), None)]) {
            let line = line?;
            let begin = offset;
            offset += line.len() as u64 + 1;
            if without.contains(&begin) {
                continue;
            }
            let Some(row) = Line::read(&line) else {
                let what = format!("the row at byte {begin} cannot be read");
                return Err(RunError::Damaged { path, what });
            };
            let kind = row.kind();
            let extent = left.extent(line.len() as u64 + 1);
            left.push(&mut self.state, row.index, row.ended(&kind, extent));
            left.bytes.extend_from_slice(&line);
            left.bytes.push(b'\n');
        }
        self.put(old, &path, left)
    }

    /// The same of all parts that are no JSONL: which row is which is known by the ledger, where those of a part stand one
    /// behind another, as they do in the part.
    fn by_place(&mut self, superseded: &BTreeMap<u32, BTreeSet<u64>>) -> Result<(), RunError> {
        let disk = self.disk.clone();
        let (mut part, mut rows, mut done) = (None, Vec::new(), Ok(()));
        read_ledger(&*disk, self.folder, |entry| {
            let Entry::Ended { position, ended, .. } = entry else { return };
            let next = Some(ended.extent.part).filter(|part| superseded.contains_key(part));
            if next != part && done.is_ok() {
                done = self.part_by_place(part, superseded, &std::mem::take(&mut rows));
            }
            part = next;
            if next.is_some() {
                rows.push(Known::of(position, &ended));
            }
        })?;
        done?;
        self.part_by_place(part, superseded, &rows)
    }

    fn part_by_place(
        &mut self,
        part: Option<u32>,
        superseded: &BTreeMap<u32, BTreeSet<u64>>,
        rows: &[Known],
    ) -> Result<(), RunError> {
        let Some((old, without)) = part.and_then(|part| Some((part, superseded.get(&part)?))) else {
            return Ok(());
        };
        let Some(path) = self.sealed(old) else { return Ok(()) };
        let mut left = Left::of(self.state.next_part());
        let is_left_out =
            |place: usize| rows.get(place).is_some_and(|row| without.contains(&row.extent.offset));
        let copied = match self.output.items {
            // A page has any number of rows.
            true => copy_items(&**self.disk, &path, rows, without, &mut left.bytes).map(|()| rows.len()),
            false => copy(&**self.disk, &path, self.output, is_left_out, &mut left.bytes),
        };
        let count = copied.map_err(RunError::io("reading", &path))?;
        if count != rows.len() {
            let what = format!("it has {count} rows, and the ledger says {}", rows.len());
            return Err(RunError::Damaged { path, what });
        }
        for row in rows.iter().filter(|row| !without.contains(&row.extent.offset)) {
            let extent = left.extent(row.extent.length);
            left.push(&mut self.state, row.position, row.ended(extent));
        }
        self.put(old, &path, left)
    }

    /// Puts what is left of a part into the folder. A row of the ledger commits it, and says that the old one is gone.
    fn put(&mut self, old: u32, path: &Path, left: Left) -> Result<(), RunError> {
        let Left { part, bytes, mut entries, rows, length } = left;
        let live = files::live(self.folder, WRITER, part);
        let (folder_of_copy, copy) = beside(&live);
        if rows > 0 {
            // Not as a live part: recovery would take that for rows that have only just come.
            let mut file = self.disk.create(&copy).map_err(RunError::io("writing", &copy))?;
            file.write_all(&bytes).and_then(|()| file.sync()).map_err(RunError::io("writing", &copy))?;
            // Its name lasts as well: by it the sealed part is known as one that the ledger does not have yet.
            self.disk.sync_folder(folder_of_copy).map_err(RunError::io("syncing", folder_of_copy))?;
            let ending = self.output.ending();
            let sealed = files::sealed(self.folder, WRITER, part, ending);
            // What it has is in its format already.
            let mut as_it_is = OutputOptions { format: Format::Jsonl, items: false, ..self.output.clone() };
            if self.output.format == Format::Parquet {
                // Compressed already.
                as_it_is.compression = Compression::None;
            }
            seal(&**self.disk, &copy, &sealed, &as_it_is, true)?;
            let entry = Entry::Seal { part, ending, rows, length };
            entries.push(&entry);
            self.state.apply(entry);
        }
        entries.push(&Entry::Drop { part: old });
        self.state.apply(Entry::Drop { part: old });
        write_group(&**self.disk, self.folder, self.ledger_file, &entries.rows, entries.count)?;
        self.ledger_file += 1;
        let remove = |path: &Path| self.disk.remove(path).map_err(RunError::io("removing", path));
        remove(path)?;
        if rows > 0 { remove(&copy) } else { Ok(()) }
    }
}

impl Left {
    fn of(part: u32) -> Self {
        Self { part, bytes: Vec::new(), entries: Entries::default(), rows: 0, length: 0 }
    }

    /// Where the next row stands.
    fn extent(&mut self, length: u64) -> Extent {
        let offset = self.length;
        self.length += length;
        Extent { part: self.part, offset, length }
    }

    fn push(&mut self, state: &mut State, position: u64, ended: Ended<'_>) {
        let entry = Entry::Ended { position, ended, key: None };
        self.entries.push(&entry);
        state.apply(entry);
        self.rows += 1;
    }
}

impl Known {
    fn of(position: u64, ended: &Ended<'_>) -> Self {
        let Ended { is_ok, kind, attempts, extent, elapsed } = *ended;
        Self { position, is_ok, kind: kind.into(), attempts, extent, elapsed }
    }

    fn ended(&self, extent: Extent) -> Ended<'_> {
        let Self { is_ok, kind, attempts, elapsed, .. } = self;
        Ended { is_ok: *is_ok, kind, attempts: *attempts, extent, elapsed: *elapsed }
    }
}

/// Copies a part without some of its rows, which are asked for by their places. Returns how many there were.
fn copy(
    disk: &dyn Disk,
    path: &Path,
    output: &OutputOptions,
    is_left_out: impl Fn(usize) -> bool,
    into: &mut Vec<u8>,
) -> io::Result<usize> {
    #[cfg(feature = "parquet")]
    if output.format == Format::Parquet {
        use crate::output::parquet;

        return parquet::copy(disk.open_file(path)?, output, is_left_out, into);
    }
    // Who reads Parquet without knowing it has been refused before.
    debug_assert_eq!(output.format, Format::Csv);
    csv::copy(unpacked(disk, path)?, is_left_out, into)
}

/// Copies a part with rows of items without those of some pages, which are known by where they stood.
fn copy_items(
    disk: &dyn Disk,
    path: &Path,
    rows: &[Known],
    without: &BTreeSet<u64>,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    let left_out = rows.iter().filter(|row| without.contains(&row.extent.offset));
    let left_out = left_out.map(|row| row.position).collect();
    items::copy(BufReader::with_capacity(1 << 16, unpacked(disk, path)?), &left_out, into)
}

/// The run in sum, from the rows that are left.
fn recount(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    state: &State,
    summary: Summary,
) -> Result<Summary, RunError> {
    let output = &manifest.output;
    let mut counted = counted(disk, folder, output, state)?.summary();
    if !output.has_whole_rows() {
        // The ledger knows neither.
        (counted.bytes, counted.hosts) = (summary.bytes, summary.hosts.clone());
    }
    let submitted = counted.ok + counted.failed + summary.cancelled;
    Ok(Summary { submitted, ledger_rows: state.rows, ..summary.with_counts_of(counted) })
}
