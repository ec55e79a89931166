//! The segment that this process appends to. Nobody else writes there, and what was written is never changed.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use crate::store::eviction;
use crate::store::folder::{Folder, private};
use crate::store::record::{self, BodyFile, BodyPlace, Head};
use crate::store::row::{Key, Row, What};

/// Bodies up to this size stand behind their heads; larger ones are files, which can be linked.
pub(crate) const MOST_INLINE: usize = 64 << 10;
/// What a segment's files and rows cost besides records, in its share of a cache's size.
const ROW_COST: u64 = super::row::LENGTH as u64;

/// A body that is to be stored.
#[derive(Debug, Clone)]
pub(crate) enum Content<'b> {
    /// In memory.
    Bytes(&'b Bytes),
    /// In a file of the user's, which gets a second name.
    Saved(&'b Path),
    /// In a file of the cache's, which gets a second name.
    Kept(BodyFile),
}

impl Content<'_> {
    /// Whether it is in the cache already.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// How long the body is.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            // One that is not there is found out when it is to be stored.
            Self::Saved(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Kept(file) => file.length,
        }
    }
}

/// The segment that this process appends to.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) number: u32,
    pub(crate) id: String,
    data: File,
    /// Locked as long as this is there.
    rows: File,
    /// How long the records are.
    length: u64,
    /// How much room all of it takes.
    pub(crate) size: u64,
    /// Files with bodies.
    bodies: u32,
    /// Whether anything in it is whole.
    is_used: bool,
    /// Whose it is: a child that was forked begins a segment of its own.
    process: u32,
    buffer: Vec<u8>,
}

impl Writer {
    /// Begins a segment.
    pub(crate) fn begin(folder: &Folder, number: u32, now: u64) -> io::Result<Self> {
        let process = std::process::id();
        // Different for each in a process, and in a child that was forked.
        let random = RandomState::new().hash_one(process);
        // Ordered by their beginnings.
        let id = format!("{now:012x}{random:016x}");
        let data = private().create_new(true).append(true).open(folder.data(&id))?;
        // It is locked before anybody can see it: who finds it without a lock takes it for one that was left behind.
        let unseen = folder.unseen(&id);
        let rows = private().create_new(true).append(true).open(&unseen)?;
        fs4::fs_std::FileExt::lock_exclusive(&rows)?;
        fs::rename(&unseen, folder.index(&id))?;
        Ok(Self {
            number,
            id,
            data,
            rows,
            length: 0,
            size: 0,
            bodies: 0,
            is_used: false,
            process,
            buffer: Vec::new(),
        })
    }

    /// Whether it is this process's own, and not its parent's.
    pub(crate) fn is_own(&self) -> bool {
        self.process == std::process::id()
    }

    /// Appends a response.
    ///
    /// # Errors
    /// The disk fails: then nothing more must be appended.
    pub(crate) fn store(
        &mut self,
        folder: &Folder,
        key: Key,
        at: u64,
        head: &Head,
        content: &Content<'_>,
    ) -> io::Result<Row> {
        self.buffer.clear();
        let file = match content {
            Content::Bytes(bytes) if bytes.len() <= MOST_INLINE => {
                record::write(head, &BodyPlace::Inline(bytes), &mut self.buffer);
                None
            }
            content => Some(self.keep(folder, content)?),
        };
        if let Some(file) = file {
            self.size += file.length;
            record::write(head, &BodyPlace::File(file), &mut self.buffer);
        }
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.data.write_all(&self.buffer)?;
        let offset = self.length;
        self.length += u64::from(length);
        self.size += u64::from(length);
        let variant = head.selecting.number() ^ u64::from(head.method == http::Method::HEAD);
        let row = Row { key, at, what: What::Stored { variant, offset, length } };
        self.say(&row)?;
        Ok(row)
    }

    /// Appends a row.
    ///
    /// # Errors
    /// The disk fails: then nothing more must be appended.
    pub(crate) fn say(&mut self, row: &Row) -> io::Result<()> {
        self.size += ROW_COST;
        self.rows.write_all(&row.bytes())?;
        self.is_used = true;
        Ok(())
    }

    /// Ends a segment that could not be written: it goes where nothing in it is whole, so that a full disk is not littered.
    pub(crate) fn give_up(self, folder: &Folder) {
        if !self.is_used {
            // What cannot be removed is removed when room is made.
            let _ = eviction::remove(folder, &self.id);
        }
    }

    /// Makes a body a file of the cache's.
    fn keep(&mut self, folder: &Folder, content: &Content<'_>) -> io::Result<BodyFile> {
        let of_segment = folder.bodies_of(&self.id);
        if self.bodies == 0 {
            fs::create_dir_all(&of_segment)?;
        }
        let number = self.bodies.to_string();
        self.bodies += 1;
        let path = of_segment.join(&number);
        let name = format!("{}/{number}", self.id);
        let kept = Self::keep_as(folder, content, &path, name);
        if kept.is_err() {
            // Half a body is of no use, and takes room.
            let _ = fs::remove_file(&path);
        }
        kept
    }

    fn keep_as(folder: &Folder, content: &Content<'_>, path: &Path, name: String) -> io::Result<BodyFile> {
        match content {
            Content::Bytes(bytes) => {
                private().create_new(true).write(true).open(path)?.write_all(bytes)?;
                Ok(BodyFile { name, length: bytes.len() as u64, digest: xxh3_128(bytes) })
            }
            Content::Saved(saved) => {
                link_or_copy(saved, path)?;
                let (length, digest) = digest_of(path)?;
                Ok(BodyFile { name, length, digest })
            }
            Content::Kept(kept) => {
                let gone = || io::Error::from(io::ErrorKind::NotFound);
                link_or_copy(&folder.body(&kept.name).ok_or_else(gone)?, path)?;
                Ok(BodyFile { name, ..kept.clone() })
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The lock is the parent's too: it is not given back by a child.
        if self.is_own() {
            let _ = self.say(&Row { key: 0, at: 0, what: What::Ended });
            let _ = fs4::fs_std::FileExt::unlock(&self.rows);
        }
    }
}

/// Gives a file a second name; where the disk knows none, or it is another disk, a copy.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(cause) if !matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
            fs::copy(from, to).map(drop)
        }
        linked => linked,
    }
}

/// The length of a file, and a digest of what is in it.
pub(crate) fn digest_of(path: &Path) -> io::Result<(u64, u128)> {
    let mut file = File::open(path)?;
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok((length, hasher.digest128())),
            read => {
                hasher.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}
