//! The lock of a run folder: held by the system as long as its process lives, so that none is ever left behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::RunError;

/// The lock's file in a run folder.
const NAME: &str = "lock";
/// How often it is tried, and how long is waited in between.
const ATTEMPTS: u32 = 6;
const MOMENT: Duration = Duration::from_millis(20);

/// A folder that nobody else may write to. It is free again when this is dropped, and when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    /// None for a folder that is on no disk, in tests.
    file: Option<File>,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`RunError::Locked`] where somebody else has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(NAME);
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(RunError::io("opening", &path))?;
        match lock(&file) {
            Ok(true) => {}
            Ok(false) => {
                let process = holder(&mut file).and_then(|holder| holder.split(' ').next()?.parse().ok());
                return Err(RunError::Locked { path: folder.to_owned(), process });
            }
            Err(cause) => return Err(RunError::io("locking", &path)(cause)),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{} {}", std::process::id(), host()));
        written.map_err(RunError::io("writing", &path))?;
        Ok(Self { file: Some(file) })
    }

    /// That of a folder which is on no disk.
    #[cfg(test)]
    pub(crate) fn of_nothing() -> Self {
        Self { file: None }
    }

    /// Who says that they have it, as a person would put it.
    pub(crate) fn holder(folder: &Path) -> String {
        let held = File::open(folder.join(NAME)).ok().and_then(|mut file| holder(&mut file));
        match held.as_deref().map(|held| held.split_once(' ').unwrap_or((held, ""))) {
            None | Some(("", _)) => "which says nothing of itself".to_owned(),
            Some((process, "")) => format!("process {process}"),
            Some((process, host)) => format!("process {process} on {host}"),
        }
    }

    /// Whether somebody has it.
    pub(crate) fn is_taken(folder: &Path) -> bool {
        let opened = OpenOptions::new().read(true).open(folder.join(NAME));
        opened.is_ok_and(|file| matches!(try_lock(&file), Ok(false)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the file open too: closing it here would not free the folder.
        if let Some(file) = &self.file {
            let _ = fs4::fs_std::FileExt::unlock(file);
        }
    }
}

/// Who says in the file that it has the lock: a process, and its host.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// The name of this machine, as far as it is known.
fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let named =
        named.ok().or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok());
    named.unwrap_or_default().trim().to_owned()
}

/// Whoever only looks whether the lock is taken has it for a moment.
fn lock(file: &File) -> io::Result<bool> {
    for _ in 1..ATTEMPTS {
        if try_lock(file)? {
            return Ok(true);
        }
        std::thread::sleep(MOMENT);
    }
    try_lock(file)
}

fn try_lock(file: &File) -> io::Result<bool> {
    fs4::fs_std::FileExt::try_lock_exclusive(file)
}
