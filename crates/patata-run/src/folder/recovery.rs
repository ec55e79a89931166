//! What is left of a run whose process has ended, in whatever way: read, cut to what is whole, and put in order.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use crate::accounts::Statistics;
use crate::error::RunError;
use crate::folder::evidence::{self, Evidence};
use crate::folder::finish;
use crate::folder::missing::Missing;
use crate::folder::read_summary;
use crate::found;
use crate::journal::committer::LEDGER_BYTES;
use crate::journal::files::{self, FAILED, LEDGER, LIVE, OUT, WRITER};
use crate::key::key_of_id;
use crate::ledger::entry::{Entry, Extent, HEADER};
use crate::ledger::group::write_check;
use crate::ledger::scan::scan;
use crate::ledger::state::{FIRST_FOLLOW_UP, State};
use crate::manifest::{Format, Manifest, OutputOptions};
use crate::output::line::Line;
use crate::output::seal::{seal, unpacked};
use crate::storage::disk::{self, Disk};

/// What is left of a run.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) state: State,
    /// The number that the next file of the ledger has.
    pub(crate) ledger_file: u32,
    /// The accounts of all that has ended.
    pub(crate) statistics: Statistics,
    /// What responses have led to.
    pub(crate) found: found::recovery::File,
}

impl Recovered {
    /// What is left of a run that has not begun.
    pub(crate) fn new(statistics: Statistics) -> Self {
        Self { state: State::default(), ledger_file: 1, statistics, found: found::recovery::File::none() }
    }
}

/// Where the ledger ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LedgerEnd {
    /// The number of its last file.
    pub(crate) number: u32,
    /// How much of that counts.
    pub(crate) length: u64,
    /// Whether any of its files has a first line.
    pub(crate) is_begun: bool,
}

/// Reads all that the ledger says. Each file is whole but for the last one, which may have been cut off anywhere.
/// Returns where it ends; `None` where there are no files.
pub(crate) fn read_ledger(
    disk: &dyn Disk,
    folder: &Path,
    mut apply: impl FnMut(Entry<'_>),
) -> Result<Option<LedgerEnd>, RunError> {
    read_groups(disk, folder, |group| group.iter().for_each(|entry| apply(*entry)))
}

/// The same, a group at a time.
pub(crate) fn read_groups(
    disk: &dyn Disk,
    folder: &Path,
    apply: impl FnMut(&[Entry<'_>]),
) -> Result<Option<LedgerEnd>, RunError> {
    read_groups_before(disk, folder, None, apply)
}

/// The same, of the files before one: a process that is at work in the folder writes those from it on.
pub(crate) fn read_groups_before(
    disk: &dyn Disk,
    folder: &Path,
    before: Option<u32>,
    mut apply: impl FnMut(&[Entry<'_>]),
) -> Result<Option<LedgerEnd>, RunError> {
    let at = folder.join(LEDGER);
    let names = evidence::names(disk, &at)?;
    let is_ours = |name: &&String| name.ends_with(".csv") || name.ends_with(".csv.zst");
    let numbered = |name: &String| Some((files::number(name)?, name.clone()));
    let is_before = |(number, _): &(u32, String)| before.is_none_or(|before| *number < before);
    let mut files: Vec<_> = names.iter().filter(is_ours).filter_map(numbered).filter(is_before).collect();
    // A file that was just being compressed is there twice: the plain one goes first.
    files.sort_unstable();
    files.dedup_by_key(|(number, _)| *number);
    std::thread::scope(|scope| {
        // While one file is looked through the next one is unpacked, which takes as long.
        let (sender, unpacked) = mpsc::sync_channel(0);
        // Their room goes round. Where a thread frees what another one has, the allocator may keep it for a while.
        let (done_with, spare) = mpsc::channel::<Vec<u8>>();
        let paths: Vec<_> = files.iter().map(|(_, name)| at.join(name)).collect();
        scope.spawn(move || {
            for path in paths {
                let bytes = read_file(disk, &path, spare.try_recv().unwrap_or_default());
                let has_failed = bytes.is_err();
                // Nobody may want more of it.
                if sender.send((path, bytes)).is_err() || has_failed {
                    return;
                }
            }
        });
        let (mut last, mut is_begun) = (None, false);
        for (place, (path, bytes)) in unpacked.into_iter().enumerate() {
            let bytes = bytes?;
            let end = scan(&bytes, &mut apply);
            let is_last = place + 1 == files.len();
            // Not even the first line of an earlier one can be missing.
            if (end < bytes.len() || end == 0) && !is_last {
                let what = format!("the rows behind byte {end} are not as they were written");
                return Err(RunError::Damaged { path, what });
            }
            is_begun |= end > 0;
            last = Some(LedgerEnd { number: files[place].0, length: end as u64, is_begun });
            // The last one may be gone already, who would read more.
            let _ = done_with.send(bytes);
        }
        Ok(last)
    })
}

fn read_file(disk: &dyn Disk, path: &Path, mut bytes: Vec<u8>) -> Result<Vec<u8>, RunError> {
    let length = disk.length(path).map_err(RunError::io("reading", path))?;
    // What is compressed has a whole file in it, and one group more than fits: room that grows would be there twice.
    let is_compressed = path.extension().is_some_and(|extension| extension == "zst");
    let room = if is_compressed { length + LEDGER_BYTES + LEDGER_BYTES / 8 } else { length };
    bytes.clear();
    bytes.reserve(usize::try_from(room).unwrap_or_default());
    let read = unpacked(disk, path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(RunError::io("reading", path))?;
    Ok(bytes)
}

/// Puts a folder in order. Its lock is held. `takes_in` is whether rows count that the ledger does not know yet, where they can
/// be trusted.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    takes_in: bool,
) -> Result<Recovered, RunError> {
    let written = read_summary(&**disk, folder)?;
    let evidence = Evidence::of(&**disk, folder, &written)?;
    let summary = written.or_rebuilt(disk, folder, manifest)?;
    let counted = summary.as_ref().map_or(0, |summary| summary.ledger_rows);
    let mut missing =
        Missing::new(summary.as_ref(), manifest.output.format != Format::Jsonl || manifest.output.items);
    let mut state = State::default();
    let last = read_groups(&**disk, folder, |group| {
        let before = state.rows;
        state.apply_group(group);
        if state.rows > counted {
            let ended = group.iter().filter_map(Entry::ended);
            let new = usize::try_from(counted.saturating_sub(before)).unwrap_or(usize::MAX);
            ended.skip(new).for_each(|ended| missing.note(ended));
        }
    })?;
    evidence.check(&state, last.is_some_and(|last| last.is_begun))?;
    let ledger_file = match last {
        Some(LedgerEnd { number, length, .. }) => {
            secure(&**disk, &files::ledger(folder, WRITER, number), length)?;
            number + 1
        }
        None => 1,
    };
    remove_unfinished(&**disk, folder, &state)?;
    // The rows of a part are known by their keys, by those who have been given other parts.
    let needs_keys = !manifest.sessions.is_empty();
    let mut recovery =
        Recovery { disk, folder, output: &manifest.output, needs_keys, rows: Vec::new(), entries: 0 };
    let open: Vec<_> =
        state.parts.iter().filter(|(_, part)| part.sealed.is_none()).map(|(number, _)| *number).collect();
    let is_same_boot = takes_in && !state.boot.is_empty() && *state.boot == *disk.boot();
    for part in recovery.live_parts(&open)? {
        recovery.complete(&mut state, &mut missing, part, is_same_boot)?;
    }
    let found = found::recovery::clean(&**disk, folder, &state)?;
    recovery.commit(ledger_file)?;
    recovery.remove_live()?;
    let is_failed = |position| state.failed.contains(position);
    finish::clean(&**disk, &folder.join(FAILED), is_failed)?;
    let statistics = missing.count(&**disk, folder)?;
    Ok(Recovered { state, ledger_file: ledger_file + 1, statistics, found })
}

/// Writes what counts of the last file of the ledger anew. Its last group may have been written and never synced: what
/// is built on it now must not outlive it. To sync it is not enough, for where a sync has failed before, a later one
/// may succeed although the bytes are lost.
pub(crate) fn secure(disk: &dyn Disk, path: &Path, end: u64) -> Result<(), RunError> {
    if !disk::exists(disk, path).map_err(RunError::io("reading", path))? {
        // It is there in its compressed form only, which lasts.
        return Ok(());
    }
    if end == 0 {
        return disk.remove(path).map_err(RunError::io("removing", path));
    }
    let mut bytes = disk::read(disk, path).map_err(RunError::io("reading", path))?;
    bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    disk::replace(disk, path, &bytes).map_err(RunError::io("writing", path))
}

/// Removes what was being made and is not complete: it is made anew from what it was made of.
fn remove_unfinished(disk: &dyn Disk, folder: &Path, state: &State) -> Result<(), RunError> {
    for at in [LEDGER, OUT] {
        let at = folder.join(at);
        for name in disk.names(&at).map_err(RunError::io("reading", &at))? {
            // What somebody else has put there is theirs.
            let Some(number) = files::number(&name) else { continue };
            let part = state.parts.get(&number);
            let is_committed = part.is_some_and(|part| part.sealed.is_some() && !part.is_dropped);
            if name.ends_with(".tmp") || (at.ends_with(OUT) && !is_committed) {
                let path = at.join(name);
                disk.remove(&path).map_err(RunError::io("removing", &path))?;
            }
        }
        disk.sync_folder(&at).map_err(RunError::io("syncing", &at))?;
    }
    Ok(())
}

/// The completion of parts that were being written.
struct Recovery<'a> {
    disk: &'a Arc<dyn Disk>,
    folder: &'a Path,
    output: &'a OutputOptions,
    /// Whether rows without keys are not taken in: nobody has acknowledged them.
    needs_keys: bool,
    /// For the ledger.
    rows: Vec<u8>,
    entries: u64,
}

impl Recovery<'_> {
    /// The parts that are not sealed: those the ledger speaks of, and those that it does not know of yet.
    fn live_parts(&self, open: &[u32]) -> Result<Vec<u32>, RunError> {
        let at = self.folder.join(LIVE);
        let names = self.disk.names(&at).map_err(RunError::io("reading", &at))?;
        let complete = names.iter().filter(|name| name.ends_with(".jsonl"));
        let mut parts: Vec<_> = complete.filter_map(|name| files::number(name)).collect();
        parts.extend(open);
        parts.sort_unstable();
        parts.dedup();
        Ok(parts)
    }

    /// Takes in what a part has that the ledger does not say, if it can be trusted, cuts the rest, and seals the part.
    fn complete(
        &mut self,
        state: &mut State,
        missing: &mut Missing,
        part: u32,
        is_same_boot: bool,
    ) -> Result<(), RunError> {
        let known = state.parts.get(&part).cloned().unwrap_or_default();
        if known.sealed.is_some() || known.is_dropped {
            return Ok(());
        }
        let path = files::live(self.folder, WRITER, part);
        let Live { mut rows, length, rest } = match read_live(&**self.disk, &path, known.length) {
            Ok(live) => live,
            Err(cause) if cause.kind() == ErrorKind::NotFound && known.length == 0 => return Ok(()),
            Err(cause) => return Err(RunError::io("reading", &path)(cause)),
        };
        if length < known.length {
            let what = format!("it has {length} bytes, and the ledger says {}", known.length);
            return Err(RunError::Damaged { path, what });
        }
        let mut end = known.length;
        // After a power cut there may be anything behind what was synced.
        if is_same_boot {
            let taken = self.take_in(state, missing, part, known.length, &rest);
            rows += taken.0;
            end += taken.1;
        }
        if end == 0 {
            return Ok(());
        }
        if end < length {
            self.disk.truncate(&path, end).map_err(RunError::io("cutting", &path))?;
        }
        let ending = self.output.ending();
        let sealed = files::sealed(self.folder, WRITER, part, ending);
        seal(&**self.disk, &path, &sealed, self.output, end == known.length)?;
        self.push(state, Entry::Seal { part, ending, rows, length: end });
        Ok(())
    }

    /// Takes the rows of a part that are not in the ledger, as far as they are whole. Returns how many, and their bytes.
    fn take_in(
        &mut self,
        state: &mut State,
        missing: &mut Missing,
        part: u32,
        begin: u64,
        rest: &[u8],
    ) -> (u64, u64) {
        let (mut rows, mut bytes) = (0, 0);
        let has_keys = state.may_have_keys();
        for row in rest.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = Line::read(row).filter(|_| row.ends_with(b"\n")) else { break };
            let extent = Extent { part, offset: begin + bytes, length: row.len() as u64 };
            let kind = line.kind();
            let ended = line.ended(&kind, extent);
            let key = key_of_id(&line.id()).filter(|_| has_keys && line.index < FIRST_FOLLOW_UP);
            if self.needs_keys && key.is_none() && state.key_of(line.index).is_none() {
                break;
            }
            self.push(state, Entry::Ended { position: line.index, ended, key });
            missing.note(&ended);
            rows += 1;
            bytes += extent.length;
        }
        (rows, bytes)
    }

    fn push(&mut self, state: &mut State, entry: Entry<'_>) {
        entry.write(&mut self.rows);
        self.entries += 1;
        state.apply(entry);
    }

    /// Writes what was found into a file of the ledger.
    fn commit(&self, number: u32) -> Result<(), RunError> {
        if self.entries == 0 {
            return Ok(());
        }
        write_group(&**self.disk, self.folder, number, &self.rows, self.entries)
    }

    /// All of them are sealed, or empty.
    fn remove_live(&self) -> Result<(), RunError> {
        let at = self.folder.join(LIVE);
        let names = self.disk.names(&at).map_err(RunError::io("reading", &at))?;
        for name in names.iter().filter(|name| files::number(name).is_some()) {
            let path = at.join(name);
            self.disk.remove(&path).map_err(RunError::io("removing", &path))?;
        }
        Ok(())
    }
}

/// A part that was being written.
struct Live {
    /// Rows that the ledger knows.
    rows: u64,
    /// Its length.
    length: u64,
    /// What is behind the rows that the ledger knows: a group at most.
    rest: Vec<u8>,
}

/// Reads a part that was being written. What the ledger knows of it may be large, and is passed.
fn read_live(disk: &dyn Disk, path: &Path, known: u64) -> io::Result<Live> {
    let length = disk.length(path)?;
    let mut file = BufReader::with_capacity(1 << 16, disk.open(path)?);
    let (mut rows, mut left) = (0, known);
    while left > 0 {
        let buffer = file.fill_buf()?;
        let here = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if here == 0 {
            break;
        }
        rows += memchr::memchr_iter(b'\n', &buffer[..here]).count() as u64;
        left -= here as u64;
        file.consume(here);
    }
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok(Live { rows, length, rest })
}

/// Writes a file of the ledger that has one group.
pub(crate) fn write_group(
    disk: &dyn Disk,
    folder: &Path,
    number: u32,
    rows: &[u8],
    count: u64,
) -> Result<(), RunError> {
    let path = files::ledger(folder, WRITER, number);
    let mut bytes = [HEADER, rows].concat();
    write_check(&mut bytes, count, rows);
    disk::replace(disk, &path, &bytes).map_err(RunError::io("writing", &path))
}
