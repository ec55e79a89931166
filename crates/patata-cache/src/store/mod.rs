//! Responses on disk: each process appends to segments of its own, and follows those of all others.

mod ahead;
mod eviction;
mod folder;
mod index;
mod record;
mod row;
mod segment;
mod writer;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

pub(crate) use index::Place;
pub(crate) use record::{BodyFile, BodyPlace as RecordBody, Head, Record};
pub(crate) use row::Key;
pub(crate) use writer::{Content, digest_of};

use crate::error::CacheError;
use crate::store::ahead::Ahead;
use crate::store::folder::Folder;
use crate::store::index::Index;
use crate::store::row::{Row, What};
use crate::store::segment::Segment;
use crate::store::writer::Writer;

/// How large a cache may become where nothing else is said.
const MAX_SIZE: u64 = 10 << 30;
/// A segment's share of that, and its bound.
const SEGMENTS: u64 = 128;
const LARGEST_SEGMENT: u64 = 64 << 20;
/// The share of a response that is stored at all: a larger one would drive out too much else.
const RESPONSES: u64 = 8;
/// How often what other processes have stored is looked for while all is found.
const LOOK: Duration = Duration::from_millis(100);
/// The same where something is not found.
const LOOK_FOR_MISSING: Duration = Duration::from_millis(1);
/// How precise the disk's times are, at least: what has changed so recently may change again unseen.
const COARSE: Duration = Duration::from_millis(100);
/// Files with records that are kept open.
const MOST_OPEN: usize = 64;

/// How a cache is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// How many bytes it may take on disk: before it takes more, what was stored first goes. A response that is larger than an
    /// eighth of it is not stored. It is not looked at each time, so a dozen processes or more that store at once may pass it by
    /// a few per cent. Default: 10 GiB.
    pub max_size: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_size: MAX_SIZE }
    }
}

/// Responses on disk.
#[derive(Debug)]
pub(crate) struct Store {
    folder: Folder,
    max_size: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    segments: Vec<Segment>,
    ids: HashSet<String>,
    open: usize,
    ahead: Ahead,
    writer: Option<Writer>,
    looked: Option<Instant>,
    /// When the folder of segments has changed last, as it was looked at.
    changed: Option<SystemTime>,
}

/// A stored response, as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) head: Head,
    pub(crate) body: FoundBody,
    pub(crate) place: Place,
}

/// The body of a stored response.
#[derive(Debug, Clone)]
pub(crate) enum FoundBody {
    Bytes(Bytes),
    File(BodyFile),
}

impl FoundBody {
    /// That of a record, for who goes on with it.
    pub(crate) fn of(record: &Record<'_>) -> Self {
        match &record.body {
            RecordBody::Inline(body) => Self::Bytes(Bytes::copy_from_slice(body)),
            RecordBody::File(file) => Self::File(file.clone()),
        }
    }
}

impl Store {
    /// Opens a folder, or makes one.
    ///
    /// # Errors
    /// It holds something else, or the disk fails.
    pub(crate) fn open(path: &Path, options: &StoreOptions) -> Result<Self, CacheError> {
        let folder = Folder::open(path)?;
        let state = State {
            index: Index::default(),
            segments: Vec::new(),
            ids: HashSet::new(),
            open: 0,
            ahead: Ahead::default(),
            writer: None,
            looked: None,
            changed: None,
        };
        let store = Self { folder, max_size: options.max_size, state: Mutex::new(state) };
        let looked = store.state().look_around(&store.folder);
        looked.map_err(CacheError::io("reading", &store.folder.segments()))?;
        Ok(store)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first response of a URL, from the latest to the oldest, that is wanted.
    pub(crate) fn find(&self, key: Key, mut is_wanted: impl FnMut(&Head) -> bool) -> Option<Found> {
        let taken = self.look_up(key, |record| {
            let head = record.head().filter(&mut is_wanted)?;
            Some((head, FoundBody::of(record)))
        });
        taken.map(|((head, body), place)| Found { head, body, place })
    }

    /// What is made of the first response of a URL, from the latest to the oldest, that anything is made of; and where that is.
    /// Nothing else may be asked of the store meanwhile.
    pub(crate) fn look_up<R>(
        &self,
        key: Key,
        mut take: impl FnMut(&Record<'_>) -> Option<R>,
    ) -> Option<(R, Place)> {
        let found = self.look_up_known(key, LOOK, &mut take);
        found.or_else(|| self.look_up_known(key, LOOK_FOR_MISSING, &mut take))
    }

    fn look_up_known<R>(
        &self,
        key: Key,
        look: Duration,
        take: &mut dyn FnMut(&Record<'_>) -> Option<R>,
    ) -> Option<(R, Place)> {
        let mut state = self.state();
        state.look_if_due(&self.folder, look);
        let mut number = 0;
        loop {
            let place = state.index.places(key).nth(number)?;
            let data = state.data(&self.folder, place.segment);
            let record = data.and_then(|data| state.ahead.read(&data, place)).ok().and_then(Record::read);
            let Some(record) = record else {
                // It went to make room, or was not written whole.
                state.index.leave_out(key, place);
                continue;
            };
            if let Some(taken) = take(&record) {
                return Some((taken, place));
            }
            number += 1;
        }
    }

    /// Forgets one that was found and is not whole.
    pub(crate) fn leave_out(&self, key: Key, found: &Found) {
        self.state().index.leave_out(key, found.place);
    }

    /// The file with a body, where it is named as such files are.
    pub(crate) fn body(&self, file: &BodyFile) -> Option<PathBuf> {
        self.folder.body(&file.name)
    }

    /// Stores a response, at a moment in milliseconds since 1970.
    ///
    /// # Errors
    /// The disk fails. What was stored before is not harmed.
    pub(crate) fn store(
        &self,
        key: Key,
        at: u64,
        head: &Head,
        content: &Content<'_>,
    ) -> Result<(), CacheError> {
        let length = content.length();
        if length > self.max_size / RESPONSES {
            return Ok(());
        }
        if length > self.share() {
            self.make_room(length)?;
        }
        match self.append(at, |folder, writer| writer.store(folder, key, at, head, content)) {
            // Its body has made room since it was found: no trouble, it is only not stored any more.
            Err(CacheError::Io { cause, .. })
                if content.is_kept() && cause.kind() == io::ErrorKind::NotFound =>
            {
                Ok(())
            }
            stored => stored,
        }
    }

    /// Has all that was stored of a URL not be used any more.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) fn forget(&self, key: Key, at: u64) -> Result<(), CacheError> {
        if !self.state().knows(&self.folder, key) {
            return Ok(());
        }
        let row = Row { key, at, what: What::Forgotten };
        self.append(at, |_, writer| writer.say(&row).map(|()| row))
    }

    fn append(
        &self,
        at: u64,
        append: impl FnOnce(&Folder, &mut Writer) -> io::Result<Row>,
    ) -> Result<(), CacheError> {
        let mut state = self.state();
        let failed = |cause| CacheError::io("writing", &self.folder.segments())(cause);
        let mut writer = match state.writer.take() {
            Some(writer) if writer.is_own() => writer,
            others => {
                state.disown(others);
                state.begin(&self.folder, at).map_err(failed)?
            }
        };
        let row = match append(&self.folder, &mut writer) {
            Ok(row) => row,
            Err(cause) => {
                // A writer that has failed is let go: what is half written ends its segment.
                writer.give_up(&self.folder);
                return Err(failed(cause));
            }
        };
        state.index.take(writer.number, &row);
        if writer.size < self.share() {
            state.writer = Some(writer);
            return Ok(());
        }
        drop(writer);
        drop(state);
        self.make_room(0)
    }

    /// How large a segment becomes.
    fn share(&self) -> u64 {
        (self.max_size / SEGMENTS).min(LARGEST_SEGMENT)
    }

    fn make_room(&self, coming: u64) -> Result<(), CacheError> {
        let made = eviction::make_room(&self.folder, self.max_size, coming);
        made.map_err(CacheError::io("making room in", &self.folder.segments()))
    }
}

impl State {
    /// Whether anything is stored of a URL.
    fn knows(&mut self, folder: &Folder, key: Key) -> bool {
        self.look_if_due(folder, LOOK_FOR_MISSING);
        self.index.places(key).next().is_some()
    }

    fn look_if_due(&mut self, folder: &Folder, look: Duration) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= look) {
            // Where others cannot be looked at, what is known is used.
            let _ = self.look_around(folder);
        }
    }

    fn data(&mut self, folder: &Folder, segment: u32) -> io::Result<Arc<File>> {
        let place = usize::try_from(segment).unwrap_or(usize::MAX);
        let is_open = self.segments.get(place).is_some_and(Segment::is_open);
        if !is_open && self.open >= MOST_OPEN {
            self.open = 0;
            self.segments.iter_mut().for_each(Segment::close);
        }
        self.open += usize::from(!is_open);
        self.segments.get_mut(place).ok_or(io::ErrorKind::NotFound)?.data(folder)
    }

    /// Takes in what other processes have stored since.
    fn look_around(&mut self, folder: &Folder) -> io::Result<()> {
        self.looked = Some(Instant::now());
        let changed = fs::metadata(folder.segments())?.modified()?;
        let has_changed = self.changed != Some(changed);
        if has_changed {
            for id in folder.ids()? {
                self.meet(id);
            }
            // What has changed just now may change once more, and nobody could tell.
            let is_old = changed.elapsed().is_ok_and(|age| age > COARSE);
            self.changed = is_old.then_some(changed);
        }
        let Self { segments, index, .. } = self;
        for segment in segments.iter_mut().filter(|segment| segment.is_growing()) {
            // One that is gone has made room.
            let _ = segment.follow(folder, index, has_changed);
        }
        if has_changed { self.leave_out_gone(folder) } else { Ok(()) }
    }

    /// Lets go of segments that have made room: the disk has it once nobody has them open, and memory is to have it, too.
    fn leave_out_gone(&mut self, folder: &Folder) -> io::Result<()> {
        let there = folder.ids_with_records()?;
        let mut gone = HashSet::new();
        for (segment, number) in self.segments.iter_mut().zip(0_u32..) {
            if !segment.is_gone() && !there.contains(&segment.id) {
                self.open -= usize::from(segment.is_open());
                segment.end();
                gone.insert(number);
            }
        }
        if !gone.is_empty() {
            self.index.leave_segments_out(|segment| gone.contains(&segment));
        }
        Ok(())
    }

    fn meet(&mut self, id: String) {
        if !self.ids.contains(&id) {
            let number = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
            self.ids.insert(id.clone());
            self.segments.push(Segment::new(number, id));
        }
    }

    /// In a child that was forked, the parent's segment is one of those that are followed.
    fn disown(&mut self, writer: Option<Writer>) {
        let place = writer.and_then(|writer| usize::try_from(writer.number).ok());
        if let Some(segment) = place.and_then(|place| self.segments.get_mut(place)) {
            segment.disown();
        }
    }

    /// Begins a segment of this process's own.
    fn begin(&mut self, folder: &Folder, now: u64) -> io::Result<Writer> {
        let number = u32::try_from(self.segments.len()).map_err(io::Error::other)?;
        let writer = Writer::begin(folder, number, now)?;
        self.ids.insert(writer.id.clone());
        self.segments.push(Segment::own(number, writer.id.clone()));
        Ok(writer)
    }
}
