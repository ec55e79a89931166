//! The disk, as a run folder needs it: files that are appended to, renames, and the promise that both last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::RunError;
use crate::storage::lock::Lock;

/// The disk. A seam for tests, in which it fails, is full, or loses what was not synced.
pub(crate) trait Disk: Send + Sync {
    /// Makes a folder and those above it; one that is there stays as it is.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// A new file for its owner's eyes only. One that is there is emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file to be read from its beginning.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// A file to be read from any place of it.
    fn open_file(&self, path: &Path) -> io::Result<File>;

    /// The length of a file.
    fn length(&self, path: &Path) -> io::Result<u64>;

    /// The names in a folder, in order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Appends to a file that is there, or begins one.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Cuts a file off, for good.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;

    /// Gives a file another name, in the place of what had that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Has the names in a folder last.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Takes the lock of a run folder.
    fn lock(&self, folder: &Path) -> Result<Lock, RunError>;

    /// Which boot of the machine this is: what was written under it is there, synced or not. Empty where nobody says.
    fn boot(&self) -> String;
}

/// A file that is written.
pub(crate) trait DiskFile: Write + Send + Sync {
    /// Has all that was written last. Once it has failed, nobody knows what of it does: it is never tried again.
    fn sync(&mut self) -> io::Result<()>;
}

/// The real one.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(private().write(true).truncate(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            // Some devices can be read for ever.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        Ok(Box::new(file))
    }

    fn open_file(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(private().append(true).open(path)?))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and its names last by themselves.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn lock(&self, folder: &Path) -> Result<Lock, RunError> {
        Lock::take(folder)
    }

    fn boot(&self) -> String {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        boot.trim().to_owned()
    }
}

/// A file that is made, where it is not there, for its owner's eyes only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Puts bytes in the place of a file, so that at any moment either the old one or the new one is there, whole.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, temporary) = beside(path);
    let mut file = disk.create(&temporary)?;
    file.write_all(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)?;
    disk.sync_folder(folder)
}

/// The folder of a file, and the name under which it is made there.
pub(crate) fn beside(path: &Path) -> (&Path, std::path::PathBuf) {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    (path.parent().unwrap_or(path), path.with_file_name(name))
}

/// Whether there is such a file. A disk that does not say is no reason to take it for missing.
pub(crate) fn exists(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.length(path) {
        Ok(_) => Ok(true),
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(cause) => Err(cause),
    }
}

/// All that is in a file.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(disk.length(path)?).unwrap_or_default());
    disk.open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
