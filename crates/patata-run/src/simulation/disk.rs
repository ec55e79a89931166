//! A disk in memory, that knows what of it would be there after a power cut, and that fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::RunError;
use crate::simulation::dice::Dice;
use crate::storage::disk::{Disk, DiskFile};
use crate::storage::lock::Lock;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed at an operation: before, in the middle of, or after it.
    Kill,
    /// There is room for so many bytes.
    Full(u64),
    ReadOnly,
    Quota,
    /// A sync fails, and what was written since the last one is lost, although it may be read for some time.
    Sync,
    /// The folder of the run is removed by somebody.
    Gone,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    data: Vec<u8>,
    durable: Vec<u8>,
    /// What was written since the last sync.
    dirty: Vec<Range<usize>>,
    is_emptied: bool,
}

impl Inode {
    fn sync(&mut self) {
        if std::mem::take(&mut self.is_emptied) {
            self.durable.clear();
        }
        for range in std::mem::take(&mut self.dirty) {
            self.make_durable(range);
        }
    }

    fn make_durable(&mut self, range: Range<usize>) {
        let range = range.start.min(self.data.len())..range.end.min(self.data.len());
        if self.durable.len() < range.end {
            self.durable.resize(range.end, 0);
        }
        self.durable[range.clone()].copy_from_slice(&self.data[range]);
    }

    fn cut_power(&mut self, dice: &mut Dice) {
        if self.is_emptied && dice.percent(50) {
            self.durable.clear();
        }
        if let Some(range) = self.dirty.first().cloned() {
            let end = self.dirty.last().map_or(range.end, |last| last.end);
            let some = range.start + dice.below((end - range.start) as u64 + 1) as usize;
            self.make_durable(range.start..some);
            if dice.percent(30) {
                // The length was written, and the bytes were not.
                let begin = range.start + dice.below((some - range.start) as u64 + 1) as usize;
                self.durable[begin..].fill(if dice.percent(50) { 0 } else { b'7' });
            }
        }
        *self = Self { data: self.durable.clone(), durable: self.durable.clone(), ..Self::default() };
    }
}

/// A change to the names in a folder that may not last yet.
#[derive(Debug, Clone)]
enum Change {
    Set(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Folder(PathBuf),
}

#[derive(Debug, Default, Clone)]
struct Names {
    files: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
}

impl Names {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Set(path, inode) => drop(self.files.insert(path.clone(), *inode)),
            Change::Rename(from, to) => {
                if let Some(inode) = self.files.get(from).copied()
                    && self.files.get(to) != Some(&inode)
                {
                    self.files.remove(from);
                    self.files.insert(to.clone(), inode);
                }
            }
            Change::Remove(path) => drop(self.files.remove(path)),
            Change::Folder(path) => drop(self.folders.insert(path.clone())),
        }
    }
}

#[derive(Debug)]
struct Inner {
    names: Names,
    durable: Names,
    pending: Vec<(PathBuf, Change)>,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    boot: u64,
    /// Operations so far.
    operations: u64,
    fault: Option<(u64, Fault)>,
    room: Option<u64>,
    refusal: Option<ErrorKind>,
    is_dead: bool,
    dice: Dice,
}

/// A disk in memory.
#[derive(Debug, Clone)]
pub(crate) struct SimulatedDisk(Arc<Mutex<Inner>>);

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

/// What becomes of an operation.
enum Turn {
    Perform,
    PerformAndDie,
    /// Only a part of a write.
    Partly,
}

impl Inner {
    /// Counts an operation, and has happen what is to happen at it.
    fn turn(&mut self, changes: bool) -> io::Result<Turn> {
        if self.is_dead {
            return Err(dead());
        }
        self.operations += 1;
        if let Some((at, fault)) = self.fault
            && self.operations >= at
        {
            match fault {
                Fault::Sync => {}
                _ => self.fault = None,
            }
            match fault {
                Fault::Kill => {
                    self.is_dead = true;
                    return match self.dice.below(3) {
                        0 => Err(dead()),
                        1 => Ok(Turn::PerformAndDie),
                        _ => Ok(Turn::Partly),
                    };
                }
                Fault::Full(room) => self.room = Some(room),
                Fault::ReadOnly => self.refusal = Some(ErrorKind::ReadOnlyFilesystem),
                Fault::Quota => self.refusal = Some(ErrorKind::QuotaExceeded),
                Fault::Gone => self.names = Names::default(),
                Fault::Sync => {}
            }
        }
        match self.refusal {
            Some(kind) if changes => Err(kind.into()),
            _ => Ok(Turn::Perform),
        }
    }

    fn change(&mut self, change: Change) {
        let path = match &change {
            Change::Set(path, _) | Change::Remove(path) | Change::Folder(path) | Change::Rename(path, _) => {
                path
            }
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.names.apply(&change);
        self.pending.push((folder, change));
    }

    fn new_file(&mut self, path: &Path) -> io::Result<u64> {
        let is_there = path.parent().is_some_and(|folder| self.names.folders.contains(folder));
        if !is_there {
            return Err(ErrorKind::NotFound.into());
        }
        self.next_inode += 1;
        let inode = self.next_inode;
        self.inodes.insert(inode, Inode::default());
        self.change(Change::Set(path.to_owned(), inode));
        Ok(inode)
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        self.names.files.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// Ends an operation that was the last one of its process.
fn ended<T>(turn: &Turn, value: T) -> io::Result<T> {
    if matches!(turn, Turn::Perform) { Ok(value) } else { Err(dead()) }
}

impl SimulatedDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let mut names = Names::default();
        names.folders.insert(PathBuf::from("/"));
        Self(Arc::new(Mutex::new(Inner {
            durable: names.clone(),
            names,
            pending: Vec::new(),
            inodes: BTreeMap::new(),
            next_inode: 0,
            boot: 1,
            operations: 0,
            fault: None,
            room: None,
            refusal: None,
            is_dead: false,
            dice: Dice(seed),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something go wrong after so many more operations.
    pub(crate) fn plan(&self, after: u64, fault: Fault) {
        let mut inner = self.inner();
        inner.fault = Some((inner.operations + after, fault));
    }

    /// All is as it should be again, and another process may begin.
    pub(crate) fn heal(&self) {
        let mut inner = self.inner();
        (inner.fault, inner.room, inner.refusal, inner.is_dead) = (None, None, None, false);
    }

    /// No process does anything any more.
    pub(crate) fn kill(&self) {
        self.inner().is_dead = true;
    }

    /// What was not synced may be lost, and the machine boots again.
    pub(crate) fn cut_power(&self) {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let folders: BTreeSet<_> = inner.pending.iter().map(|(folder, _)| folder.clone()).collect();
        for folder in folders {
            let changes: Vec<_> = inner.pending.iter().filter(|(of, _)| *of == folder).collect();
            let lasting = inner.dice.below(changes.len() as u64 + 1) as usize;
            changes[..lasting].iter().for_each(|(_, change)| inner.durable.apply(change));
        }
        inner.pending.clear();
        inner.names = inner.durable.clone();
        for inode in inner.inodes.values_mut() {
            inode.cut_power(&mut inner.dice);
        }
        inner.boot += 1;
    }

    /// All names of files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.inner().names.files.keys().cloned().collect()
    }
}

struct File {
    disk: SimulatedDisk,
    inode: u64,
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.disk.inner();
        let turn = inner.turn(true)?;
        let mut length = bytes.len();
        if matches!(turn, Turn::Partly) {
            length = inner.dice.below(length as u64 + 1) as usize;
        }
        if let Some(room) = &mut inner.room {
            if *room == 0 && length > 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            length = length.min(*room as usize);
            *room -= length as u64;
        }
        if let Some(inode) = inner.inodes.get_mut(&self.inode) {
            let begin = inode.data.len();
            inode.data.extend_from_slice(&bytes[..length]);
            inode.dirty.push(begin..begin + length);
        }
        ended(&turn, length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let turn = inner.turn(false)?;
        if matches!(turn, Turn::Partly) {
            return Err(dead());
        }
        let fails = matches!(inner.fault, Some((at, Fault::Sync)) if inner.operations >= at);
        if fails {
            inner.fault = None;
            let is_forgotten = inner.dice.percent(30);
            if let Some(inode) = inner.inodes.get_mut(&self.inode) {
                inode.dirty.clear();
                if is_forgotten {
                    inode.data.clone_from(&inode.durable);
                }
            }
            return Err(io::Error::from_raw_os_error(5));
        }
        if let Some(inode) = inner.inodes.get_mut(&self.inode) {
            inode.sync();
        }
        ended(&turn, ())
    }
}

impl Disk for SimulatedDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(false)?;
        let above: Vec<_> = path.ancestors().map(Path::to_owned).collect();
        for folder in above.into_iter().rev() {
            if !inner.names.folders.contains(&folder) {
                if let Some(kind) = inner.refusal {
                    return Err(kind.into());
                }
                inner.change(Change::Folder(folder));
            }
        }
        ended(&turn, ())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        let inode = match inner.inode(path) {
            Ok(inode) => {
                if let Some(inode) = inner.inodes.get_mut(&inode) {
                    inode.data.clear();
                    inode.dirty.clear();
                    inode.is_emptied = true;
                }
                inode
            }
            Err(_) => inner.new_file(path)?,
        };
        ended(&turn, Box::new(File { disk: self.clone(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let mut inner = self.inner();
        let turn = inner.turn(false)?;
        let inode = inner.inode(path)?;
        let data = inner.inodes.get(&inode).map(|inode| inode.data.clone()).unwrap_or_default();
        ended(&turn, Box::new(Cursor::new(data)))
    }

    fn open_file(&self, path: &Path) -> io::Result<std::fs::File> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut self.open(path)?, &mut file)?;
        Ok(file)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let mut inner = self.inner();
        let turn = inner.turn(false)?;
        let inode = inner.inode(path)?;
        let length = inner.inodes.get(&inode).map_or(0, |inode| inode.data.len() as u64);
        ended(&turn, length)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut inner = self.inner();
        let turn = inner.turn(false)?;
        if !inner.names.folders.contains(folder) {
            return Err(ErrorKind::NotFound.into());
        }
        let all = inner.names.files.keys().chain(&inner.names.folders);
        let here = all.filter(|path| path.parent() == Some(folder)).filter_map(|path| path.file_name());
        let mut names: Vec<_> = here.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        ended(&turn, names)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        let inode = match inner.inode(path) {
            Ok(inode) => inode,
            Err(_) => inner.new_file(path)?,
        };
        ended(&turn, Box::new(File { disk: self.clone(), inode }))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        let inode = inner.inode(path)?;
        if let Some(inode) = inner.inodes.get_mut(&inode) {
            inode.data.truncate(length as usize);
            inode.sync();
            inode.durable.truncate(length as usize);
        }
        ended(&turn, ())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        inner.inode(from)?;
        inner.change(Change::Rename(from.to_owned(), to.to_owned()));
        ended(&turn, ())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        let inode = inner.inode(from)?;
        if inner.inode(to).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        inner.change(Change::Set(to.to_owned(), inode));
        ended(&turn, ())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(true)?;
        inner.inode(path)?;
        inner.change(Change::Remove(path.to_owned()));
        ended(&turn, ())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let turn = inner.turn(false)?;
        if !inner.names.folders.contains(folder) {
            return Err(ErrorKind::NotFound.into());
        }
        let (mut rest, mut lasting) = (Vec::new(), Vec::new());
        for (of, change) in std::mem::take(&mut inner.pending) {
            if of == folder { lasting.push(change) } else { rest.push((of, change)) }
        }
        inner.pending = rest;
        lasting.iter().for_each(|change| inner.durable.apply(change));
        ended(&turn, ())
    }

    fn lock(&self, _folder: &Path) -> Result<Lock, RunError> {
        Ok(Lock::of_nothing())
    }

    fn boot(&self) -> String {
        format!("boot-{}", self.inner().boot)
    }
}
