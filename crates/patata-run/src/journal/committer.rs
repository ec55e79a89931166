//! The thread that commits: rows to the live part, then to the ledger, and only then is anybody told.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::error::RunError;
use crate::journal::staged::{Complete, Group};
use crate::journal::{Place, Shared, files, sealer};
use crate::ledger::entry::{Entry, HEADER};
use crate::ledger::group::write_check;
use crate::storage::disk::{self, Disk, DiskFile};

/// A file of the ledger that is longer than this is followed by another one.
pub(crate) const LEDGER_BYTES: u64 = if cfg!(test) { 2 << 10 } else { 64 << 20 };

/// A file that is appended to.
struct Open {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    length: u64,
}

impl Open {
    /// Appends, and has it last.
    fn commit(&mut self, bytes: &[u8], disk: &dyn Disk) -> Result<(), RunError> {
        self.file.write_all(bytes).map_err(RunError::io("writing", &self.path))?;
        self.file.sync().map_err(RunError::io("syncing", &self.path))?;
        self.length += bytes.len() as u64;
        // A file that has been removed takes whatever is written, and so does one to which others write.
        match disk.length(&self.path) {
            Ok(length) if length == self.length => Ok(()),
            Ok(_) => {
                let cause = io::Error::other("somebody else has changed it; nobody else may write there");
                Err(RunError::io("writing", &self.path)(cause))
            }
            Err(cause) => Err(RunError::io("writing", &self.path)(cause)),
        }
    }
}

pub(crate) struct Committer {
    place: Place,
    shared: Arc<Shared>,
    ledger: Open,
    ledger_number: u32,
    live: Option<(u32, Open)>,
    failed: Option<Open>,
    found: Option<Open>,
    sealer: Option<(Sender<sealer::Task>, JoinHandle<()>)>,
}

impl Committer {
    /// Begins a file of the ledger.
    pub(crate) fn new(place: Place, shared: Arc<Shared>, number: u32) -> Result<Self, RunError> {
        let ledger = begin_ledger(&place, number)?;
        let (sender, tasks) = mpsc::channel();
        let (at, told) = (place.clone(), shared.clone());
        let thread = std::thread::Builder::new().name("patata-sealer".to_owned());
        let thread = thread.spawn(move || sealer::run(&at, &told, tasks));
        let thread = thread.map_err(RunError::io("starting the journal of", &place.folder))?;
        let sealer = Some((sender, thread));
        Ok(Self {
            place,
            shared,
            ledger,
            ledger_number: number,
            live: None,
            failed: None,
            found: None,
            sealer,
        })
    }

    /// Commits until the journal is closed, or something fails.
    pub(crate) fn run(mut self) {
        while let Some(group) = self.next_group() {
            if let Err(error) = self.commit(group) {
                self.shared.fail(error);
                break;
            }
        }
        if let Some((tasks, thread)) = self.sealer.take() {
            drop(tasks);
            let _ = thread.join();
        }
    }

    /// Waits until something is due.
    fn next_group(&self) -> Option<Group> {
        let mut staged = self.shared.staged();
        loop {
            if staged.failure().is_some() || (staged.is_closing() && staged.is_idle()) {
                return None;
            }
            let due = staged.due();
            if due.is_some_and(|due| due <= Instant::now()) {
                return Some(staged.take());
            }
            staged = self.shared.wait_for_work(staged, due);
        }
    }

    fn commit(&mut self, mut group: Group) -> Result<(), RunError> {
        let result = self.write(&mut group);
        for leave in group.leaves.drain(..) {
            // Who is gone has given the request up.
            let _ = leave.send(result.clone());
        }
        result?;
        self.shared.staged().acknowledge(&mut group);
        self.shared.tell();
        if let Some(summary) = group.summary {
            let path = self.place.folder.join(files::SUMMARY);
            disk::replace(&*self.place.disk, &path, &summary).map_err(RunError::io("writing", &path))?;
        }
        // These have their rows in the output folder, for good.
        for sealed in &group.sealed {
            let path = files::live(&self.place.folder, self.place.writer, sealed.part);
            self.place.disk.remove(&path).map_err(RunError::io("removing", &path))?;
        }
        for complete in group.segments.iter().filter_map(|segment| segment.closes) {
            self.seal(complete);
        }
        self.turn_ledger()
    }

    /// The order is what makes it safe: whatever the ledger says is there already.
    fn write(&mut self, group: &mut Group) -> Result<(), RunError> {
        let disk = self.place.disk.clone();
        // Recovery takes in rows of parts that the ledger does not know: their lines must be there before them, and so must
        // be what they have led to.
        if !group.found.is_empty() {
            appended(&self.place, &mut self.found, files::FOUND)?.commit(&group.found, &*disk)?;
        }
        if !group.failed.is_empty() {
            appended(&self.place, &mut self.failed, files::FAILED)?.commit(&group.failed, &*disk)?;
        }
        for segment in &group.segments {
            self.live_part(segment.part)?.commit(&segment.rows, &*disk)?;
        }
        let ending = self.place.output.ending();
        for sealed in &group.sealed {
            let (part, rows, length) = (sealed.part, sealed.rows, sealed.length);
            group.entries.push(&Entry::Seal { part, ending, rows, length });
        }
        if group.entries.count == 0 {
            return Ok(());
        }
        let rows = &mut group.entries.rows;
        let mut check = Vec::new();
        write_check(&mut check, group.entries.count, rows);
        rows.append(&mut check);
        self.ledger.commit(rows, &*disk)
    }

    fn live_part(&mut self, part: u32) -> Result<&mut Open, RunError> {
        if self.live.as_ref().is_none_or(|(open, _)| *open != part) {
            let path = files::live(&self.place.folder, self.place.writer, part);
            // What an earlier process may have left under this name is in no ledger.
            let file = self.place.disk.create(&path).map_err(RunError::io("opening", &path))?;
            self.live = Some((part, begin(&self.place, path, file)?));
        }
        match &mut self.live {
            Some((_, open)) => Ok(open),
            None => unreachable!("it was just put there"),
        }
    }

    /// Has the sealer make a part of the output of one that is complete.
    fn seal(&mut self, complete: Complete) {
        self.live.take_if(|(open, _)| *open == complete.part);
        self.shared.staged().sealing += 1;
        self.order(sealer::Task::Seal(complete));
    }

    /// Begins another file of the ledger where this one is long enough, and has it compressed.
    fn turn_ledger(&mut self) -> Result<(), RunError> {
        if self.ledger.length < LEDGER_BYTES {
            return Ok(());
        }
        self.ledger_number += 1;
        let next = begin_ledger(&self.place, self.ledger_number)?;
        let complete = std::mem::replace(&mut self.ledger, next);
        self.shared.staged().sealing += 1;
        self.order(sealer::Task::Compress { path: complete.path });
        Ok(())
    }

    fn order(&self, task: sealer::Task) {
        if let Some((tasks, _)) = &self.sealer {
            // It ends only after this.
            let _ = tasks.send(task);
        }
    }
}

/// A file of the folder that is appended to, opened when it is wanted first.
fn appended<'a>(place: &Place, open: &'a mut Option<Open>, name: &str) -> Result<&'a mut Open, RunError> {
    match open {
        Some(open) => Ok(open),
        none => Ok(none.insert(append(place, place.folder.join(name))?)),
    }
}

/// Opens a file to append to.
fn append(place: &Place, path: PathBuf) -> Result<Open, RunError> {
    let file = place.disk.append(&path).map_err(RunError::io("opening", &path))?;
    begin(place, path, file)
}

/// Has the name of a file last.
fn begin(place: &Place, path: PathBuf, file: Box<dyn DiskFile>) -> Result<Open, RunError> {
    let opened = (|| {
        let length = place.disk.length(&path)?;
        place.disk.sync_folder(path.parent().unwrap_or(&place.folder))?;
        io::Result::Ok(length)
    })();
    let length = opened.map_err(RunError::io("opening", &path))?;
    Ok(Open { path, file, length })
}

fn begin_ledger(place: &Place, number: u32) -> Result<Open, RunError> {
    let mut ledger = append(place, files::ledger(&place.folder, place.writer, number))?;
    if ledger.length == 0 {
        ledger.commit(HEADER, &*place.disk)?;
    }
    Ok(ledger)
}
