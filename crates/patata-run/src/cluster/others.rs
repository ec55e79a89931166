//! What parts of other sessions know of the requests of one part.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::RunError;
use crate::output::restored::RestoredRow;

/// How much is read of the spool at once.
const WINDOW: u64 = 1 << 16;

/// What became of a request, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It was sent, and nobody knows what became of it.
    Sent,
    Failed,
    Done,
}

/// Which part was there first: by its first session, then by its name.
pub(crate) type Rank = (u64, String);

/// What another part knows of a request.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) fate: Fate,
    /// Its part's, by which the server knows it again.
    pub(crate) run: Arc<str>,
    pub(crate) position: u64,
    pub(crate) is_before_ours: bool,
    /// Where its row is in the spool, if it can be read again.
    pub(crate) row: Option<(u64, u64)>,
}

/// What parts of other sessions know of the requests of one part.
#[derive(Debug, Default)]
pub(crate) struct Others {
    found: HashMap<u128, Found>,
    rows: Arc<OtherRows>,
}

/// Rows of other parts, by the positions that their requests have in this one.
#[derive(Debug, Default)]
pub(crate) struct OtherRows {
    inner: Mutex<Spooled>,
}

#[derive(Debug, Default)]
struct Spooled {
    spool: Option<File>,
    places: HashMap<u64, (u64, u64)>,
    /// Where what was read last begins in the spool, and what it was.
    window: (u64, Vec<u8>),
}

impl Others {
    pub(crate) fn new(found: HashMap<u128, Found>, spool: Option<File>) -> Self {
        let inner = Mutex::new(Spooled { spool, ..Spooled::default() });
        Self { found, rows: Arc::new(OtherRows { inner }) }
    }

    /// What is known of the request with this key.
    pub(crate) fn get(&self, key: Option<u128>) -> Option<&Found> {
        if self.found.is_empty() { None } else { self.found.get(&key?) }
    }

    /// Notes that the request at a position of this part has its row in another.
    pub(crate) fn note(&self, position: u64, found: &Found) {
        if let Some(place) = found.row {
            self.rows.inner.lock().unwrap_or_else(PoisonError::into_inner).places.insert(position, place);
        }
    }

    /// The rows that were noted, and will be.
    pub(crate) fn rows(&self) -> Arc<OtherRows> {
        self.rows.clone()
    }
}

impl Found {
    pub(crate) fn has_ended(&self) -> bool {
        self.fate > Fate::Sent
    }

    /// Run and position by which the server knows the request, where this part's own are not those that it was sent with
    /// first.
    pub(crate) fn first_sent_as(&self, is_sent_here: bool) -> Option<(&str, u64)> {
        (self.is_before_ours || !is_sent_here).then_some((&*self.run, self.position))
    }
}

impl OtherRows {
    /// The row of the request at a position, where another part has it.
    pub(crate) fn row(&self, position: u64) -> Result<Option<RestoredRow>, RunError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = inner.places.get(&position).copied() else { return Ok(None) };
        let line = inner.line(place).map_err(RunError::io("reading", &spool_path()))?;
        Ok(RestoredRow::read(line).map(|row| RestoredRow { index: position, ..row }))
    }
}

impl Spooled {
    /// What stands at a place. They are asked for nearly in the order in which they stand.
    fn line(&mut self, (offset, length): (u64, u64)) -> io::Result<&[u8]> {
        let is_there =
            |(from, bytes): &(u64, Vec<u8>)| *from <= offset && offset + length <= from + bytes.len() as u64;
        if !is_there(&self.window) {
            let spool = self.spool.as_mut().ok_or(io::ErrorKind::NotFound)?;
            let (from, bytes) = &mut self.window;
            *from = offset;
            bytes.clear();
            spool.seek(SeekFrom::Start(offset))?;
            spool.take(length.max(WINDOW)).read_to_end(bytes)?;
        }
        let (from, bytes) = &self.window;
        let begin = usize::try_from(offset - from).unwrap_or(usize::MAX);
        let end = begin.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        bytes.get(begin..end).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The spool has no name: this is where it is.
pub(crate) fn spool_path() -> PathBuf {
    std::env::temp_dir()
}
