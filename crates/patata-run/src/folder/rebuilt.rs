//! The run in sum, made anew from its ledger and its rows: for a summary that cannot be read, and for rows that are no
//! longer those that it counts.

use std::path::Path;
use std::sync::Arc;

use crate::accounts::{Statistics, Summary};
use crate::error::RunError;
use crate::folder::missing::{note, note_entry};
use crate::folder::recovery::{read_groups, read_ledger};
use crate::folder::{read_timeline, sources};
use crate::ledger::entry::Entry;
use crate::ledger::state::State;
use crate::manifest::{Manifest, OutputOptions};
use crate::output::line::Line;
use crate::output::reader::Rows;
use crate::recorder::now;
use crate::storage::disk::Disk;

/// Makes it. How long the run took is what its timeline says.
pub(crate) fn rebuilt(disk: &Arc<dyn Disk>, folder: &Path, manifest: &Manifest) -> Result<Summary, RunError> {
    let mut state = State::default();
    read_groups(&**disk, folder, |group| state.apply_group(group))?;
    let timeline = read_timeline(&**disk, folder)?;
    let (began, ended) = timeline.extent().unwrap_or((now(), now()));
    let unknown = state.sent.len();
    let counted = counted(disk, folder, &manifest.output, &state)?.summary();
    Ok(Summary {
        command: manifest.command(),
        folder: folder.display().to_string(),
        versions: vec![manifest.version.clone()],
        options: manifest.options.clone(),
        started: began,
        time: ended,
        seconds: timeline.seconds(),
        processes: u32::try_from(state.processes).unwrap_or(u32::MAX),
        submitted: counted.done() + unknown,
        cancelled: unknown,
        unknown,
        ledger_rows: state.rows,
        ..counted
    })
}

/// The accounts of all rows that a ledger speaks of. It knows less of each than the row, where that cannot be read again.
pub(crate) fn counted(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    output: &OutputOptions,
    state: &State,
) -> Result<Statistics, RunError> {
    let mut statistics = Statistics::new(now());
    if output.has_whole_rows() {
        for line in Rows::new(disk.clone(), sources(folder, state)) {
            if let Some(line) = Line::read(&line?) {
                note(&mut statistics, &line);
            }
        }
        return Ok(statistics);
    }
    read_ledger(&**disk, folder, |entry| match entry {
        Entry::Ended { ended, .. } if !state.is_dropped(ended.extent.part) => {
            note_entry(&mut statistics, &ended);
        }
        _ => {}
    })?;
    Ok(statistics)
}
