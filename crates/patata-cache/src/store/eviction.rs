//! Making room: the oldest segments go, whole, where a cache is larger than it may be.
//!
//! What is used is not rescued from them. A hit would have to be written down, or read again and stored anew when its segment
//! goes, and reading is to cost nothing. What is used goes stale, too, and is stored anew once it has been validated.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::store::folder::Folder;
use crate::store::segment::is_left;

/// So many parts of a cache's size have two uses: one stays free for what each process may add before it looks at the size
/// again, and one is freed besides, so that room is not made each time.
const PARTS: u64 = 10;
/// What nobody can see for so long, nobody is just beginning.
const LEFT: Duration = Duration::from_secs(3600);

/// Removes segments, the oldest first, until a cache is small enough with so much that is coming; those that somebody writes
/// stay. Who else is at it is left to it.
pub(crate) fn make_room(folder: &Folder, max_size: u64, coming: u64) -> io::Result<()> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.lock())?;
    if !fs4::fs_std::FileExt::try_lock_exclusive(&lock)? {
        return Ok(());
    }
    let made = remove_oldest(folder, max_size, coming);
    fs4::fs_std::FileExt::unlock(&lock)?;
    made
}

fn remove_oldest(folder: &Folder, max_size: u64, coming: u64) -> io::Result<()> {
    let ids = folder.ids()?;
    remove_leftovers(folder, &ids);
    let sizes: Vec<u64> = ids.iter().map(|id| size(folder, id)).collect();
    let mut total = sizes.iter().sum::<u64>().saturating_add(coming);
    let part = max_size / PARTS;
    if total <= max_size - part {
        return Ok(());
    }
    // What was forgotten must not come back: as long as an older segment is there, so are the rows of a later one.
    let mut is_oldest = true;
    for (id, size) in ids.iter().zip(sizes) {
        if total <= max_size - 2 * part {
            break;
        }
        let rows = folder.index(id);
        if is_written(&rows) {
            is_oldest = false;
        } else if is_oldest {
            remove(folder, id)?;
            total = total.saturating_sub(size);
        } else {
            remove_records(folder, id)?;
            total = total.saturating_sub(size - length(&rows));
        }
    }
    Ok(())
}

/// Removes what processes that were killed have begun or not removed whole.
fn remove_leftovers(folder: &Folder, ids: &[String]) {
    let is_left = |path: &Path| {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > LEFT))
    };
    for path in folder.leftovers(ids).into_iter().filter(|path| is_left(path)) {
        // What cannot be removed now is tried again when room is made the next time.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// How much room a segment takes.
fn size(folder: &Folder, id: &str) -> u64 {
    let bodies = fs::read_dir(folder.bodies_of(id)).into_iter().flatten().flatten();
    let bodies: u64 = bodies.map(|body| length(&body.path())).sum();
    length(&folder.index(id)) + length(&folder.data(id)) + bodies
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Whether somebody appends to a segment: nobody does so without its lock.
fn is_written(rows: &Path) -> bool {
    File::open(rows).is_ok_and(|rows| !is_left(&rows))
}

/// Removes a segment: first what leads to it. What others read of it just now they read to its end.
pub(crate) fn remove(folder: &Folder, id: &str) -> io::Result<()> {
    absent(fs::remove_file(folder.index(id)))?;
    remove_records(folder, id)
}

fn remove_records(folder: &Folder, id: &str) -> io::Result<()> {
    absent(fs::remove_file(folder.data(id)))?;
    absent(fs::remove_dir_all(folder.bodies_of(id)))
}

/// Something that is to be gone may be so already.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
