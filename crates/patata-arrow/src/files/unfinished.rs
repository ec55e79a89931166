//! A file that takes its name only once it is whole.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file beside the one that it is to become. Dropped, it is removed.
pub(super) struct Unfinished {
    path: PathBuf,
    written: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    pub(super) fn create(path: &Path) -> io::Result<(Self, File)> {
        let mut written = path.as_os_str().to_owned();
        written.push(".tmp");
        let written = PathBuf::from(written);
        let file = File::create(&written)?;
        Ok((Self { path: path.to_owned(), written, is_finished: false }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file last, and gives it its name.
    pub(super) fn finish(mut self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        std::fs::rename(&self.written, &self.path)?;
        self.is_finished = true;
        sync_folder(&self.path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nobody is left to tell where that fails, and who writes it anew replaces it.
            let _ = std::fs::remove_file(&self.written);
        }
    }
}

/// The name lasts once its folder does.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Folders cannot be synced here.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
