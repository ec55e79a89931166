//! What is left of the file of requests that were found, once its process has ended: those count whose parents are done.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::error::RunError;
use crate::found::line::Place;
use crate::journal::files;
use crate::ledger::state::{FIRST_FOLLOW_UP, State};
use crate::storage::disk::{self, Disk};

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) length: u64,
    /// The position of the next request that is found.
    pub(crate) next: u64,
}

impl File {
    /// One that is not there.
    pub(crate) fn none() -> Self {
        Self { length: 0, next: FIRST_FOLLOW_UP }
    }
}

/// Writes the file anew, with those lines only whose parents have ended, and those without parents: others lead to them
/// again. It is written anew in any case, as what is in it may not have been synced, and the ledger is about to build on it.
pub(crate) fn clean(disk: &dyn Disk, folder: &Path, state: &State) -> Result<File, RunError> {
    let path = folder.join(files::FOUND);
    let next = [&state.ended, &state.sent].into_iter().filter_map(|positions| positions.max());
    let next = next.map(|last| last + 1).max().unwrap_or_default().max(FIRST_FOLLOW_UP);
    let mut file = File { length: 0, next };
    let source = match disk.open(&path) {
        Ok(source) => source,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(file),
        Err(cause) => return Err(RunError::io("reading", &path)(cause)),
    };
    copy(disk, &path, BufReader::with_capacity(1 << 16, source), state, &mut file)
        .map_err(RunError::io("writing", &path))?;
    Ok(file)
}

fn copy(
    disk: &dyn Disk,
    path: &Path,
    mut source: impl BufRead,
    state: &State,
    file: &mut File,
) -> io::Result<()> {
    let (folder, temporary) = disk::beside(path);
    let mut target = BufWriter::with_capacity(1 << 16, disk.create(&temporary)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        source.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            break;
        }
        // After a power cut there may be anything behind what was synced.
        let Ok(Place { index, parent }) = serde_json::from_slice::<Place>(&line) else { continue };
        file.next = file.next.max(index.saturating_add(1));
        if parent.is_none_or(|parent| state.ended.contains(parent)) {
            target.write_all(&line)?;
            file.length += line.len() as u64;
        }
    }
    let mut target = target.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    target.sync()?;
    drop(target);
    disk.rename(&temporary, path)?;
    disk.sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::RealDisk;

    #[test]
    fn what_has_a_parent_that_is_not_done_goes_and_its_number_is_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(files::FOUND);
        let line = |number: u64, parent: Option<u64>| {
            let parent = parent.map_or(String::new(), |parent| format!(",\"parent\":{parent}"));
            format!("{{\"index\":{}{parent}}}\n", FIRST_FOLLOW_UP + number)
        };
        let kept = [line(0, Some(3)), line(2, None), line(3, Some(FIRST_FOLLOW_UP))];
        let text =
            [&kept[0], &line(1, Some(4)), &kept[1], "\0\0\n", &kept[2], &line(7, Some(5)), "{\"index\":"];
        std::fs::write(&path, text.concat()).unwrap();
        let mut state = State::default();
        state.ended.extend([3, FIRST_FOLLOW_UP]);
        let file = clean(&RealDisk, folder.path(), &state).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), kept.concat());
        assert_eq!(file, File { length: kept.concat().len() as u64, next: FIRST_FOLLOW_UP + 8 });
    }

    #[test]
    fn where_there_is_no_file_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(clean(&RealDisk, folder.path(), &State::default()).unwrap(), File::none());
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}
