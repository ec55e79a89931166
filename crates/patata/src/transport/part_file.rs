//! A file on its way to its name: kept under another one beside it until it is whole.
//!
//! That name follows from the file's own, and who writes holds a lock on it, which ends with the process. So a process
//! that was killed leaves its part where the next one that wants the file finds and takes it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::report::parts::Parts;

/// Processes that may be at one file at once; one more waits for none, but fails.
const MAX_WRITERS: u32 = 1000;

/// A file that has not its name yet. Dropped without it, it goes.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) file: File,
    path: PathBuf,
    is_named: bool,
    /// Whether it is a file that has another name besides.
    is_second_name: bool,
    parts: Parts,
}

impl Part {
    /// An empty one in the folder of `target`, where a rename is cheap and whole. Missing folders are made. It may wait.
    pub(crate) fn create(target: &Path, parts: &Parts) -> io::Result<Self> {
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let hash = fnv(name.as_encoded_bytes());
        for number in 0..MAX_WRITERS {
            let path = folder.join(format!(".patata-{hash:016x}-{number}.part"));
            let Some((file, is_left)) = take(&path)? else { continue };
            parts.opened();
            let (is_named, is_second_name) = (false, false);
            let part = Self { file, path, is_named, is_second_name, parts: parts.clone() };
            if is_left {
                parts.note_removed(folder);
            }
            for further in number + 1..MAX_WRITERS {
                let path = folder.join(format!(".patata-{hash:016x}-{further}.part"));
                if !path.exists() {
                    break;
                }
                if let Some((_lock, true)) = take(&path)? {
                    std::fs::remove_file(&path)?;
                    parts.note_removed(folder);
                }
            }
            return Ok(part);
        }
        Err(io::Error::other("too many processes write it at once"))
    }

    /// Has it be another file, which gets a second name; or a copy of it, where the file system has no such names.
    pub(crate) fn become_one_with(&mut self, source: &Path) -> io::Result<()> {
        let second = self.path.with_extension("link");
        match std::fs::remove_file(&second) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        match std::fs::hard_link(source, &second) {
            Ok(()) => {
                std::fs::rename(&second, &self.path)?;
                self.is_second_name = true;
                Ok(())
            }
            Err(_) => io::copy(&mut File::open(source)?, &mut self.file).map(|_| ()),
        }
    }

    /// Gives it its name, in place of what has had that.
    pub(crate) fn persist(mut self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)?;
        // Where both are names of one file already, they both stay.
        self.is_named = !self.is_second_name || self.path.symlink_metadata().is_err();
        Ok(())
    }

    /// Another one for the same file.
    pub(crate) fn another(&self, target: &Path) -> io::Result<Self> {
        Self::create(target, &self.parts)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_named {
            // Where it cannot be removed, the next run for this file does.
            let _ = std::fs::remove_file(&self.path);
        }
        self.parts.closed();
    }
}

/// An empty file under this name that is ours alone, and whether somebody had left one there; `None` where another
/// process is at it.
#[cfg(unix)]
fn take(path: &Path) -> io::Result<Option<(File, bool)>> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::fs::{FlockOperation, flock};

    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW);
    loop {
        let (file, is_left) = match options.clone().create_new(true).open(path) {
            Ok(file) => (file, false),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => match options.open(path) {
                Ok(file) => (file, true),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                // Somebody else's.
                Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
                Err(cause) => return Err(cause),
            },
            Err(cause) => return Err(cause),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            // A file system without locks: what somebody has left cannot be told from what is being written.
            Err(_) if is_left => return Ok(None),
            Err(_) => return Ok(Some((file, false))),
        }
        // Its last owner may have renamed or removed it before the lock was ours.
        let about = file.metadata()?;
        match path.symlink_metadata() {
            Ok(named) if (named.dev(), named.ino()) == (about.dev(), about.ino()) => {
                file.set_len(0)?;
                return Ok(Some((file, is_left)));
            }
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(cause),
        }
    }
}

/// Without locks: what somebody has left cannot be told from what is being written.
#[cfg(not(unix))]
fn take(path: &Path) -> io::Result<Option<(File, bool)>> {
    match OpenOptions::new().read(true).write(true).create_new(true).open(path) {
        Ok(file) => Ok(Some((file, false))),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// FNV-1a: the same in every process, which is all that is wanted of it.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::report::parts::Removed;

    fn entries(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_a_dead_process_left_is_taken_and_what_a_living_one_writes_is_not() {
        let (folder, parts) = (tempfile::tempdir().unwrap(), Parts::default());
        let target = folder.path().join("file");
        let first = Part::create(&target, &parts).unwrap();
        let second = Part::create(&target, &parts).unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(parts.take_removed(), Removed::default());
        let paths = [first.path.clone(), second.path.clone()];
        drop((first, second));
        assert_eq!(entries(folder.path()), 0);
        for path in &paths {
            std::fs::write(path, "left").unwrap();
        }
        let part = Part::create(&target, &parts).unwrap();
        assert_eq!((part.file.metadata().unwrap().len(), entries(folder.path())), (0, 1));
        assert_eq!(parts.take_removed(), Removed { count: 2, folder: folder.path().to_owned() });
        part.persist(&target).unwrap();
        assert_eq!((std::fs::read(&target).unwrap(), entries(folder.path())), (vec![], 1));
    }

    #[test]
    fn a_file_gets_a_second_name_whatever_has_had_that() {
        let (folder, parts) = (tempfile::tempdir().unwrap(), Parts::default());
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        std::fs::write(&source, "potato").unwrap();
        std::fs::write(&target, "old").unwrap();
        // The second time both are names of one file already.
        for _ in 0..2 {
            let mut part = Part::create(&target, &parts).unwrap();
            part.become_one_with(&source).unwrap();
            part.persist(&target).unwrap();
            assert_eq!((std::fs::read(&target).unwrap(), entries(folder.path())), (b"potato".to_vec(), 2));
        }
        use std::os::unix::fs::MetadataExt;
        assert_eq!(source.metadata().unwrap().ino(), target.metadata().unwrap().ino());
    }

    #[test]
    fn a_link_in_the_place_of_a_part_is_not_followed() {
        let (folder, parts) = (tempfile::tempdir().unwrap(), Parts::default());
        let (target, precious) = (folder.path().join("file"), folder.path().join("precious"));
        std::fs::write(&precious, "precious").unwrap();
        let path = Part::create(&target, &parts).unwrap().path.clone();
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        assert!(Part::create(&target, &parts).is_err());
        assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    }
}
