//! Leaves each request one row: what was sent again has two, of which the older one goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::accounts::Summary;
use crate::error::RunError;
use crate::folder::finish;
use crate::folder::rebuilt::counted;
use crate::folder::recovery::{read_ledger, write_group};
use crate::journal::files::{self, FAILED, WRITER};
use crate::ledger::entry::{Entry, Extent};
use crate::ledger::state::State;
use crate::manifest::{Format, Manifest};
use crate::output::line::Line;
use crate::output::reader::{Rows, Source};
use crate::output::seal::seal;
use crate::storage::disk::{Disk, beside};

/// Rewrites the parts that have rows of requests which have others since. Returns the run in sum, without these.
///
/// A part with CSV has no rows that could be told from others, and stays.
pub(crate) fn compact(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    summary: Summary,
) -> Result<Summary, RunError> {
    let mut state = State::default();
    let mut again = roaring::RoaringTreemap::new();
    let last = read_ledger(&**disk, folder, |entry| {
        if let Entry::Again { position } = entry {
            again.insert(position);
        }
        state.apply(entry);
    })?;
    finish::clean(&**disk, &folder.join(FAILED), |position| state.failed.contains(position))?;
    if manifest.output.format != Format::Jsonl {
        return Ok(summary);
    }
    let superseded = superseded(disk, folder, &again, &state)?;
    let next = last.map_or(1, |last| last.number + 1);
    for (number, (part, offsets)) in (next..).zip(superseded) {
        rewrite(disk, folder, manifest, &mut state, part, &offsets, number)?;
    }
    recount(disk, folder, manifest, &state, summary)
}

/// By part, where rows stand that are not the latest of their request, or of one that has not ended any more.
fn superseded(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    again: &roaring::RoaringTreemap,
    state: &State,
) -> Result<BTreeMap<u32, BTreeSet<u64>>, RunError> {
    let mut latest: BTreeMap<u64, Extent> = BTreeMap::new();
    let mut superseded: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    read_ledger(&**disk, folder, |entry| match entry {
        Entry::Ended { position, ended, .. } if again.contains(position) => {
            if let Some(older) = latest.insert(position, ended.extent) {
                superseded.entry(older.part).or_default().insert(older.offset);
            }
        }
        Entry::Drop { part } => {
            gone.insert(part);
        }
        _ => {}
    })?;
    // What is still to be sent again, or was and nobody knows, has not ended: its old row would say that it has.
    for (_, extent) in latest.iter().filter(|(position, _)| !state.ended.contains(**position)) {
        superseded.entry(extent.part).or_default().insert(extent.offset);
    }
    superseded.retain(|part, _| !gone.contains(part));
    Ok(superseded)
}

/// Makes a part anew without some of its rows. A row of the ledger commits it, and says that the old one is gone.
fn rewrite(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    state: &mut State,
    old: u32,
    without: &BTreeSet<u64>,
    number: u32,
) -> Result<(), RunError> {
    let Some(ending) = state.parts.get(&old).and_then(|part| part.sealed.clone()) else { return Ok(()) };
    let path = files::sealed(folder, WRITER, old, &ending);
    let part = state.next_part();
    let live = files::live(folder, WRITER, part);
    let (folder_of_copy, copy) = beside(&live);
    let (mut bytes, mut rows, mut count) = (Vec::new(), Vec::new(), 0);
    let (mut offset, mut push) = (0, |entry: Entry<'_>| {
        entry.write(&mut rows);
        count += 1;
        state.apply(entry);
    });
    let mut kept = 0;
    for line in Rows::new(disk.clone(), vec![Source { path: path.clone(), length: None }]) {
        let line = line?;
        let begin = offset;
        offset += line.len() as u64 + 1;
        if without.contains(&begin) {
            continue;
        }
        let Some(row) = Line::read(&line) else {
            let what = format!("the row at byte {begin} cannot be read");
            return Err(RunError::Damaged { path, what });
        };
        let extent = Extent { part, offset: bytes.len() as u64, length: line.len() as u64 + 1 };
        let kind = row.kind();
        push(Entry::Ended { position: row.index, ended: row.ended(&kind, extent), key: None });
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
        kept += 1;
    }
    if kept > 0 {
        // Not as a live part: recovery would take that for rows that have only just come.
        let mut file = disk.create(&copy).map_err(RunError::io("writing", &copy))?;
        file.write_all(&bytes).and_then(|()| file.sync()).map_err(RunError::io("writing", &copy))?;
        // Its name lasts as well: by it the sealed part is known as one that the ledger does not have yet.
        disk.sync_folder(folder_of_copy).map_err(RunError::io("syncing", folder_of_copy))?;
        let ending = manifest.output.ending();
        let sealed = files::sealed(folder, WRITER, part, ending);
        seal(&**disk, &copy, &sealed, &manifest.output, true)?;
        push(Entry::Seal { part, ending, rows: kept, length: bytes.len() as u64 });
    }
    push(Entry::Drop { part: old });
    write_group(&**disk, folder, number, &rows, count)?;
    let mut done = vec![path];
    done.extend((kept > 0).then_some(copy));
    done.iter().try_for_each(|path| disk.remove(path).map_err(RunError::io("removing", path)))
}

/// The run in sum, from the rows that are left.
fn recount(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    manifest: &Manifest,
    state: &State,
    summary: Summary,
) -> Result<Summary, RunError> {
    let counted = counted(disk, folder, manifest.output.format, state)?.summary();
    Ok(Summary {
        ok: counted.ok,
        failed: counted.failed,
        submitted: counted.ok + counted.failed + summary.cancelled,
        ledger_rows: state.rows,
        attempts: counted.attempts,
        bytes: counted.bytes,
        statuses: counted.statuses,
        errors: counted.errors,
        latency: counted.latency,
        hosts: counted.hosts,
        clusters: counted.clusters,
        other_failures: counted.other_failures,
        ..summary
    })
}
