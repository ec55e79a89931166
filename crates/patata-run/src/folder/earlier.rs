//! The rows that earlier processes have written, found by their positions.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cluster::others::OtherRows;
use serde::Deserialize;

use crate::error::RunError;
use crate::folder::recovery::read_groups_before;
use crate::journal::files::{self, WRITER};
use crate::ledger::entry::{Entry, Extent};
use crate::ledger::state::{FIRST_FOLLOW_UP, Part, State};
use crate::manifest::{Format, Manifest, OutputOptions, Writers};
use crate::output::restored::RestoredRow;
use crate::output::seal::unpacked;
use crate::storage::disk::Disk;

/// How much is read of a file at once: rows are asked for nearly in the order in which they stand.
const WINDOW: usize = 1 << 16;
/// Bits of an index that say where in its part a row begins, plus one. The others say which part it is.
const OFFSET_BITS: u32 = 40;

/// The rows that earlier processes have written, found by the positions of their requests.
///
/// The ledger is read at the first call, which takes about a second for ten million rows; after that 8 bytes are kept for
/// each position. Parts that are plain are read where they stand. One that is compressed, or Parquet, is unpacked once, when the first of
/// its rows is asked for, into a file without a name in the run's folder (or where temporary files go, if that cannot be
/// written to), which is gone with this value. Rows are found at once where they are asked for in the order in which they
/// were written, and by a look at the disk else.
///
/// ```
/// use patata_run::{Id, Manifest, RecordOptions, Recorded, RecordedRun, RunFolder};
///
/// # let server = patata_testserver::Server::start().unwrap();
/// # let url = server.url();
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run");
/// let client = patata::Client::builder().build()?;
/// for _ in 0..2 {
///     let recording = RunFolder::create_or_resume(&path, Manifest::new("rust"), RecordOptions::default())?;
///     let mut earlier = recording.earlier();
///     let mut run = RecordedRun::start(&client, recording, [(Id::from("a"), patata::Request::get((), url))]);
///     for recorded in &mut run {
///         let status = match recorded? {
///             Recorded::Outcome { outcome, .. } => outcome.result?.status.as_u16(),
///             Recorded::Passed(passed) => earlier.row(passed.position)?.unwrap().status.unwrap(),
///         };
///         assert_eq!(status, 200);
///     }
///     run.finish(None)?;
/// }
/// assert_eq!(server.requests(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Earlier {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    output: OutputOptions,
    /// Files of the ledger from this number on are left alone: a process writes them.
    before: Option<u32>,
    has_many_writers: bool,
    /// Rows that other parts of the run have.
    others: Arc<OtherRows>,
    index: Option<Index>,
    window: Window,
}

impl std::fmt::Debug for Earlier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Earlier").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Where rows are.
#[derive(Debug, Default)]
struct Index {
    places: Places,
    parts: BTreeMap<u32, Part>,
    spool: Option<File>,
    /// Where the parts that were unpacked begin in the spool, and how long they are.
    unpacked: BTreeMap<u32, (u64, u64)>,
    spooled: u64,
}

/// What was read last: a stretch of a part.
#[derive(Debug, Default)]
struct Window {
    part: u32,
    offset: u64,
    bytes: Vec<u8>,
    /// The part's file, where it is plain.
    file: Option<File>,
}

impl Earlier {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, manifest: &Manifest, before: Option<u32>) -> Self {
        Self {
            disk,
            folder: folder.to_owned(),
            output: manifest.output.clone(),
            before,
            has_many_writers: manifest.writers == Writers::Many,
            others: Arc::default(),
            index: None,
            window: Window::default(),
        }
    }

    /// With the rows that other parts have.
    pub(crate) fn with(self, others: Arc<OtherRows>) -> Self {
        Self { others, ..self }
    }

    /// The row of the request at a position; `None` where it has none.
    ///
    /// # Errors
    /// [`RunError::NotARunFolder`] where the run's rows are not kept as JSON, or it has many writers, whose parts have positions
    /// of their own; [`RunError::Damaged`] where a row is not as it was
    /// written, and what the disk refuses.
    pub fn row(&mut self, position: u64) -> Result<Option<RestoredRow>, RunError> {
        if let Some(row) = self.others.row(position)? {
            return Ok(Some(row));
        }
        let Some((part, offset)) = self.place(position)? else { return Ok(None) };
        let line = self.line(part, offset)?;
        match RestoredRow::read(&line).filter(|row| row.index == position) {
            Some(row) => Ok(Some(row)),
            None => {
                let what =
                    format!("the row at byte {offset} of part {part} is not that of request {position}");
                Err(RunError::Damaged { path: self.folder.join(files::OUT), what })
            }
        }
    }

    fn place(&mut self, position: u64) -> Result<Option<(u32, u64)>, RunError> {
        if self.has_many_writers {
            let why =
                "its parts have positions of their own; open one of them, in the folder parts".to_owned();
            return Err(RunError::NotARunFolder { path: self.folder.clone(), why });
        }
        let index = match &mut self.index {
            Some(index) => index,
            none => {
                check_readable(&self.folder, &self.output)?;
                none.insert(read_index(&*self.disk, &self.folder, self.before)?)
            }
        };
        let Some((part, offset)) = index.place(position) else { return Ok(None) };
        let sealed = index.parts.get(&part).and_then(|part| part.sealed.as_deref()).unwrap_or_default();
        if sealed != "parquet" || index.unpacked.contains_key(&part) {
            return Ok(Some((part, offset)));
        }
        // Its lines are made anew, and may be of other lengths than those that it was made of.
        let path = files::sealed(&self.folder, WRITER, part, sealed);
        let found = index.unpack(&*self.disk, &self.folder, &path, part).and_then(|_| index.find_again(part));
        found.map_err(RunError::io("reading", &path))?;
        Ok(index.place(position))
    }

    /// The line that begins at a place.
    fn line(&mut self, part: u32, offset: u64) -> Result<Vec<u8>, RunError> {
        let mut line = Vec::new();
        let mut at = offset;
        loop {
            if !self.window.has(part, at) {
                self.fill(part, at)?;
            }
            let rest = self.window.from(at);
            match memchr::memchr(b'\n', rest) {
                Some(end) => {
                    line.extend_from_slice(&rest[..end]);
                    return Ok(line);
                }
                None if rest.is_empty() => return Ok(line),
                None => {
                    line.extend_from_slice(rest);
                    at += rest.len() as u64;
                }
            }
        }
    }

    /// Reads on from a place.
    fn fill(&mut self, part: u32, offset: u64) -> Result<(), RunError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let known = index.parts.get(&part).cloned().unwrap_or_default();
        let path = match &known.sealed {
            Some(ending) => files::sealed(&self.folder, WRITER, part, ending),
            None => files::live(&self.folder, WRITER, part),
        };
        let is_plain = known.sealed.as_ref().is_none_or(|ending| &**ending == "jsonl");
        let read = match is_plain {
            true => self.window.read_plain(&*self.disk, &path, part, offset),
            false => index.unpack(&*self.disk, &self.folder, &path, part).and_then(|(begin, length)| {
                let end = begin + length;
                let spool = index.spool.as_mut().ok_or(io::ErrorKind::NotFound)?;
                self.window.read(spool, part, offset, begin + offset, end)
            }),
        };
        read.map_err(RunError::io("reading", &path))
    }
}

impl Index {
    /// The part that has the row of a position, and where in it that begins.
    fn place(&self, position: u64) -> Option<(u32, u64)> {
        self.places.get(position).and_then(taken_apart)
    }

    /// Notes where the rows of a part begin in what it was unpacked to.
    fn find_again(&mut self, part: u32) -> io::Result<()> {
        let (Some(spool), Some((begin, length))) = (&mut self.spool, self.unpacked.get(&part)) else {
            return Ok(());
        };
        spool.seek(SeekFrom::Start(*begin))?;
        let mut lines = BufReader::with_capacity(WINDOW, spool.take(*length));
        let (mut line, mut offset) = (Vec::new(), 0);
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            let place = serde_json::from_slice::<Positioned>(&line).ok().and_then(|row| {
                let place = self.places.get_mut(row.index)?;
                (taken_apart(*place)?.0 == part).then_some(place)
            });
            if let Some(place) = place {
                *place = packed(Extent { part, offset, length: read as u64 });
            }
            offset += read as u64;
        }
    }

    /// Unpacks a part, if it is not yet. Returns where it begins in the spool, and how long it is.
    fn unpack(&mut self, disk: &dyn Disk, folder: &Path, path: &Path, part: u32) -> io::Result<(u64, u64)> {
        if let Some(place) = self.unpacked.get(&part) {
            return Ok(*place);
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(tempfile::tempfile_in(folder).or_else(|_| tempfile::tempfile())?),
        };
        spool.seek(SeekFrom::Start(self.spooled))?;
        let length = io::copy(&mut unpacked(disk, path)?, spool)?;
        spool.flush()?;
        let place = (self.spooled, length);
        self.spooled += length;
        self.unpacked.insert(part, place);
        Ok(place)
    }
}

impl Window {
    fn has(&self, part: u32, offset: u64) -> bool {
        self.part == part && (self.offset..self.offset + self.bytes.len() as u64).contains(&offset)
    }

    /// What there is from a place on; nothing at the end of a part.
    fn from(&self, offset: u64) -> &[u8] {
        let begin = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.bytes.get(begin..).unwrap_or_default()
    }

    fn read_plain(&mut self, disk: &dyn Disk, path: &Path, part: u32, offset: u64) -> io::Result<()> {
        let mut file = match self.file.take().filter(|_| self.part == part) {
            Some(file) => file,
            None => disk.open_file(path)?,
        };
        self.read(&mut file, part, offset, offset, u64::MAX)?;
        self.file = Some(file);
        Ok(())
    }

    /// Reads what stands at a place of a file, up to an end.
    fn read(&mut self, file: &mut File, part: u32, offset: u64, at: u64, end: u64) -> io::Result<()> {
        self.file = None;
        (self.part, self.offset) = (part, offset);
        self.bytes.clear();
        file.seek(SeekFrom::Start(at))?;
        let most = end.saturating_sub(at).min(WINDOW as u64);
        file.take(most).read_to_end(&mut self.bytes)?;
        Ok(())
    }
}

/// Reads from the ledger where rows are.
fn read_index(disk: &dyn Disk, folder: &Path, before: Option<u32>) -> Result<Index, RunError> {
    let mut state = State::default();
    let mut places = Places::default();
    read_groups_before(disk, folder, before, |group| {
        for entry in group {
            match *entry {
                Entry::Ended { position, ended, .. } => places.set(position, packed(ended.extent)),
                Entry::Again { position } => places.set(position, 0),
                Entry::Seal { .. } | Entry::Drop { .. } => state.apply(*entry),
                _ => {}
            }
        }
    })?;
    Ok(Index { places, parts: state.parts, ..Index::default() })
}

/// Finds out whether a run's rows can be read again as they were.
pub(crate) fn check_readable(folder: &Path, output: &OutputOptions) -> Result<(), RunError> {
    output.check()?;
    if output.has_whole_rows() { Ok(()) } else { Err(not_readable(folder, output)) }
}

/// The error of a run whose rows cannot.
pub(crate) fn not_readable(folder: &Path, output: &OutputOptions) -> RunError {
    let columns = output.columns.join(", ");
    let why = match output.format {
        Format::Parquet => format!(
            "its rows were written with the columns {columns} alone; read the files of Parquet in the folder out"
        ),
        Format::Jsonl => {
            "its rows are those of the items of pages; read the files in the folder out".to_owned()
        }
        Format::Csv => format!("its rows were written as {}, in the folder out", output.ending()),
    };
    RunError::NotARunFolder { path: folder.to_owned(), why }
}

/// The position in a row.
#[derive(Deserialize)]
struct Positioned {
    index: u64,
}

/// By position, part and offset in one number; 0 where there is no row.
#[derive(Debug, Default)]
struct Places {
    input: Vec<u64>,
    /// Of what responses have led to.
    found: Vec<u64>,
}

impl Places {
    fn of(&mut self, position: u64) -> (&mut Vec<u64>, usize) {
        let (places, position) = match position.checked_sub(FIRST_FOLLOW_UP) {
            Some(number) => (&mut self.found, number),
            None => (&mut self.input, position),
        };
        (places, usize::try_from(position).unwrap_or(usize::MAX))
    }

    fn get(&self, position: u64) -> Option<u64> {
        let (places, position) = match position.checked_sub(FIRST_FOLLOW_UP) {
            Some(number) => (&self.found, number),
            None => (&self.input, position),
        };
        places.get(usize::try_from(position).ok()?).copied()
    }

    fn get_mut(&mut self, position: u64) -> Option<&mut u64> {
        let (places, position) = self.of(position);
        places.get_mut(position)
    }

    fn set(&mut self, position: u64, place: u64) {
        let (places, position) = self.of(position);
        if position == usize::MAX {
            return;
        }
        if places.len() <= position {
            places.resize(position + 1, 0);
        }
        places[position] = place;
    }
}

/// Part and offset in one number; 0 for what has no room in it, which no part of a run has.
fn packed(extent: Extent) -> u64 {
    let is_small = extent.part < 1 << (u64::BITS - OFFSET_BITS) && extent.offset < (1 << OFFSET_BITS) - 1;
    if is_small { u64::from(extent.part) << OFFSET_BITS | (extent.offset + 1) } else { 0 }
}

fn taken_apart(place: u64) -> Option<(u32, u64)> {
    let offset = (place & ((1 << OFFSET_BITS) - 1)).checked_sub(1)?;
    Some((u32::try_from(place >> OFFSET_BITS).ok()?, offset))
}
