//! The thread that seals parts and compresses old files of the ledger, so that commits need not wait for that.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use crate::error::RunError;
use crate::journal::staged::Complete;
use crate::journal::{Place, Shared, files};
use crate::output::seal;

/// What it is told to do.
#[derive(Debug)]
pub(crate) enum Task {
    Seal(Complete),
    Compress { path: PathBuf },
}

/// Works until nobody has tasks for it, or one fails.
pub(crate) fn run(place: &Place, shared: &Shared, tasks: Receiver<Task>) {
    for task in tasks {
        match perform(place, &task) {
            Ok(()) => {
                let mut staged = shared.staged();
                match task {
                    Task::Seal(complete) => staged.note_sealed(complete),
                    Task::Compress { .. } => staged.sealing -= 1,
                }
                drop(staged);
                shared.ring();
            }
            Err(error) => return shared.fail(error),
        }
    }
}

fn perform(place: &Place, task: &Task) -> Result<(), RunError> {
    let disk = &*place.disk;
    match task {
        Task::Seal(Complete { part, .. }) => {
            let live = files::live(&place.folder, place.writer, *part);
            let sealed = files::sealed(&place.folder, place.writer, *part, place.output.ending());
            seal::seal(disk, &live, &sealed, &place.output, true)
        }
        Task::Compress { path } => {
            let mut name = path.clone().into_os_string();
            name.push(".zst");
            seal::compress(disk, path, &PathBuf::from(name))?;
            disk.remove(path).map_err(RunError::io("removing", path))
        }
    }
}
