//! A segment as it is read: rows as they come, records by their places.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::store::folder::{Folder, read_at};
use crate::store::index::Index;
use crate::store::row::{LENGTH, Row, What};

/// The most rows that are read at once.
const AT_ONCE: u64 = 4096;

/// A segment, and how far it was read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: String,
    number: u32,
    rows: Option<File>,
    data: Option<Arc<File>>,
    /// How many bytes of its rows are known.
    known: u64,
    /// Whether nothing more will come.
    is_ended: bool,
    /// Whether it has made room.
    is_gone: bool,
}

impl Segment {
    pub(crate) fn new(number: u32, id: String) -> Self {
        Self { id, number, rows: None, data: None, known: 0, is_ended: false, is_gone: false }
    }

    /// One that this process writes: what it says is known already.
    pub(crate) fn own(number: u32, id: String) -> Self {
        Self { is_ended: true, ..Self::new(number, id) }
    }

    /// It is another process's: that of the parent, in a child that was forked.
    pub(crate) fn disown(&mut self) {
        self.is_ended = false;
    }

    /// Whether the file with its records is open.
    pub(crate) fn is_open(&self) -> bool {
        self.data.is_some()
    }

    /// Whether more may come.
    pub(crate) fn is_growing(&self) -> bool {
        !self.is_ended
    }

    /// Whether it has made room.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// It has made room: what is open of it is closed, so that the disk has that room.
    pub(crate) fn end(&mut self) {
        *self = Self { is_ended: true, is_gone: true, ..Self::new(self.number, String::new()) };
    }

    /// Takes in the rows that have come since; whether its writer is still there is looked at where that is asked for.
    ///
    /// # Errors
    /// It is gone, or cannot be read.
    pub(crate) fn follow(
        &mut self,
        folder: &Folder,
        index: &mut Index,
        looks_for_writer: bool,
    ) -> io::Result<()> {
        if self.is_ended {
            return Ok(());
        }
        let is_new = self.rows.is_none();
        let rows = match self.rows.take() {
            Some(rows) => rows,
            None => File::open(folder.index(&self.id))?,
        };
        // Nobody who writes is without the lock: one that was left behind has ended. All that it says is read after that.
        let is_left = (is_new || looks_for_writer) && is_left(&rows);
        let read = self.read_rows(&rows, index);
        self.rows = Some(rows);
        self.is_ended |= is_left;
        if self.is_ended {
            self.rows = None;
        }
        read
    }

    fn read_rows(&mut self, rows: &File, index: &mut Index) -> io::Result<()> {
        let whole = rows.metadata()?.len() / LENGTH as u64;
        let mut next = self.known / LENGTH as u64;
        while next < whole {
            let count = (whole - next).min(AT_ONCE);
            let bytes =
                read_at(rows, usize::try_from(count).unwrap_or_default() * LENGTH, next * LENGTH as u64)?;
            for row in bytes.as_chunks::<LENGTH>().0 {
                // What was not written whole ends it: whoever wrote it has failed there.
                let Some(row) = Row::read(row) else {
                    self.is_ended = true;
                    return Ok(());
                };
                if row.what == What::Ended {
                    self.is_ended = true;
                }
                index.take(self.number, &row);
                self.known += LENGTH as u64;
            }
            next += count;
        }
        Ok(())
    }

    /// The file with its records.
    ///
    /// # Errors
    /// It is gone, or cannot be opened.
    pub(crate) fn data(&mut self, folder: &Folder) -> io::Result<Arc<File>> {
        if self.is_gone {
            return Err(io::ErrorKind::NotFound.into());
        }
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let data = Arc::new(File::open(folder.data(&self.id))?);
        self.data = Some(data.clone());
        Ok(data)
    }

    /// Closes the file with its records, whose readers may go on.
    pub(crate) fn close(&mut self) {
        self.data = None;
    }
}

/// Whether nobody appends to a segment: nobody does so without its lock.
pub(crate) fn is_left(rows: &File) -> bool {
    let is_free = fs4::fs_std::FileExt::try_lock_shared(rows).unwrap_or(false);
    if is_free {
        let _ = fs4::fs_std::FileExt::unlock(rows);
    }
    is_free
}
