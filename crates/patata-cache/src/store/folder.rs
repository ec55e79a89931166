//! The folder of a cache: whether it is one, of which format, and what is where in it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::CacheError;

/// The format that this version reads and writes.
const FORMAT: u32 = 1;
/// What the file that says so begins with.
const NAMED: &str = "patata cache, format ";
const FORMAT_FILE: &str = "format";
/// By which programs that back up know what need not be.
const TAG_FILE: &str = "CACHEDIR.TAG";
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of patata's, and may be removed.\n";
/// What the names of files begin with that are just being written.
const BEGUN: &str = ".begun";
const SEGMENTS: &str = "segments";
const BODIES: &str = "bodies";

/// A folder that is a cache.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder a cache, or finds that it is one.
    ///
    /// # Errors
    /// It holds other things, or a cache of another format, or cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, CacheError> {
        let format = path.join(FORMAT_FILE);
        match fs::read_to_string(&format) {
            Ok(said) => check(path, &said)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) && !is_begun(path) {
                    return Err(CacheError::NotACache { path: path.to_owned() });
                }
                begin(path)?;
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => {
                return Err(CacheError::NotACache { path: path.to_owned() });
            }
            Err(cause) => return Err(CacheError::io("reading", &format)(cause)),
        }
        Ok(Self(path.to_owned()))
    }

    /// Where the segments are.
    pub(crate) fn segments(&self) -> PathBuf {
        self.0.join(SEGMENTS)
    }

    /// The records of a segment.
    pub(crate) fn data(&self, id: &str) -> PathBuf {
        self.0.join(SEGMENTS).join(format!("{id}.data"))
    }

    /// The rows that say where in a segment what is.
    pub(crate) fn index(&self, id: &str) -> PathBuf {
        self.0.join(SEGMENTS).join(format!("{id}.index"))
    }

    /// The same before anybody is to see it.
    pub(crate) fn unseen(&self, id: &str) -> PathBuf {
        self.0.join(SEGMENTS).join(format!("{id}.new"))
    }

    /// Where the files with bodies of a segment are.
    pub(crate) fn bodies_of(&self, id: &str) -> PathBuf {
        self.0.join(BODIES).join(id)
    }

    /// A file with a body, by the name that its record says: the segment's, and a number.
    pub(crate) fn body(&self, name: &str) -> Option<PathBuf> {
        let (id, number) = name.split_once('/')?;
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_plain(id) && is_plain(number)).then(|| self.0.join(BODIES).join(id).join(number))
    }

    /// The file that whoever makes room has locked.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("eviction.lock")
    }

    /// What somebody has begun or removed, and left in between: files and folders of segments that nobody can see.
    pub(crate) fn leftovers(&self, ids: &[String]) -> Vec<PathBuf> {
        let entries =
            [self.segments(), self.0.join(BODIES)].into_iter().filter_map(|path| fs::read_dir(path).ok());
        let is_seen = |path: &Path| {
            let id = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            ids.binary_search_by(|seen| seen.as_str().cmp(id)).is_ok()
        };
        entries.flatten().flatten().map(|entry| entry.path()).filter(|path| !is_seen(path)).collect()
    }

    /// The identifiers of all segments, the oldest first.
    pub(crate) fn ids(&self) -> io::Result<Vec<String>> {
        self.named(".index")
    }

    /// Those whose records are there.
    pub(crate) fn ids_with_records(&self) -> io::Result<HashSet<String>> {
        Ok(self.named(".data")?.into_iter().collect())
    }

    fn named(&self, suffix: &str) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(self.segments())? {
            let name = entry?.file_name();
            ids.extend(name.to_str().and_then(|name| name.strip_suffix(suffix)).map(str::to_owned));
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

fn check(path: &Path, said: &str) -> Result<(), CacheError> {
    match said.trim().strip_prefix(NAMED) {
        Some(found) if found == FORMAT.to_string() => Ok(()),
        Some(found) => {
            Err(CacheError::Format { path: path.to_owned(), found: found.to_owned(), known: FORMAT })
        }
        None => Err(CacheError::NotACache { path: path.to_owned() }),
    }
}

/// Whether somebody is just making, or has begun to make, a cache of a folder: nothing else is in it.
fn is_begun(path: &Path) -> bool {
    let is_ours =
        |name: &str| [TAG_FILE, FORMAT_FILE, SEGMENTS, BODIES].contains(&name) || name.starts_with(BEGUN);
    let Ok(mut entries) = fs::read_dir(path) else { return false };
    let has_only_ours =
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_ours)));
    let tag = fs::read_to_string(path.join(TAG_FILE));
    has_only_ours && tag.map_or_else(|cause| cause.kind() == io::ErrorKind::NotFound, |tag| tag == TAG)
}

/// Makes a folder a cache. What says so comes last, and all at once.
fn begin(path: &Path) -> Result<(), CacheError> {
    fs::create_dir_all(path).map_err(CacheError::io("making", path))?;
    write(path, TAG_FILE, TAG)?;
    for folder in [SEGMENTS, BODIES] {
        let folder = path.join(folder);
        fs::create_dir_all(&folder).map_err(CacheError::io("making", &folder))?;
    }
    write(path, FORMAT_FILE, &format!("{NAMED}{FORMAT}\n"))
}

/// Writes a file, which nobody sees before all of it is there, however many are at it.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), CacheError> {
    let path = folder.join(name);
    let write = || {
        let mut file = tempfile::Builder::new().prefix(BEGUN).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path).map(drop).map_err(|error| error.error)
    };
    write().map_err(CacheError::io("writing", &path))
}

/// How files are made, for their owner's eyes only: responses may be secrets.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Reads so many bytes from a place of a file.
pub(crate) fn read_at(file: &File, length: usize, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    match read_some_at(file, &mut bytes, offset)? {
        read if read == length => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads bytes from a place of a file: fewer where it ends before. How many.
pub(crate) fn read_some_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        let place = offset + u64::try_from(done).unwrap_or_default();
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, &mut bytes[done..], place);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, &mut bytes[done..], place);
        match read {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(done)
}
