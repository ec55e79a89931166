//! Rows that no summary counts yet, as they came after it was written: counted from what they say.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::accounts::{Noted, Statistics, Summary, host_of};
use crate::error::RunError;
use crate::journal::files::{self, WRITER};
use crate::ledger::entry::Ended;
use crate::output::line::Line;
use crate::output::seal::unpacked;
use crate::recorder::now;
use crate::storage::disk::{self, Disk};

/// Where the rows stand that are missing in a summary. Those of one part are side by side.
#[derive(Debug)]
pub(crate) struct Missing {
    statistics: Statistics,
    /// Parts, with the first byte that is missing and the one behind the last.
    stretches: Vec<(u32, u64, u64)>,
    /// Whether parts are in a format from which they are not read again: the ledger knows less of each, and has to do.
    is_ledger_all: bool,
}

impl Missing {
    pub(crate) fn new(summary: Option<&Summary>, is_ledger_all: bool) -> Self {
        let statistics = match summary {
            Some(summary) => Statistics::from_summary(summary, now()),
            None => Statistics::new(now()),
        };
        Self { statistics, stretches: Vec::new(), is_ledger_all }
    }

    /// Notes a row that is missing, in the order of the ledger.
    pub(crate) fn note(&mut self, ended: &Ended<'_>) {
        if self.is_ledger_all {
            return note_entry(&mut self.statistics, ended);
        }
        let extent = ended.extent;
        let end = extent.offset + extent.length;
        match self.stretches.last_mut() {
            Some((part, _, last)) if *part == extent.part && *last == extent.offset => *last = end,
            _ => self.stretches.push((extent.part, extent.offset, end)),
        }
    }

    /// Counts them. Returns the accounts of all that has ended.
    pub(crate) fn count(mut self, disk: &dyn Disk, folder: &Path) -> Result<Statistics, RunError> {
        for (part, begin, end) in &self.stretches {
            // A part that is gone has been made anew, and all is counted anew in the end.
            let Some(path) = part_path(disk, folder, *part)? else { continue };
            let counted = count_rows(disk, &path, *begin, *end, &mut self.statistics);
            counted.map_err(RunError::io("reading", &path))?;
        }
        Ok(self.statistics)
    }
}

fn part_path(disk: &dyn Disk, folder: &Path, part: u32) -> Result<Option<PathBuf>, RunError> {
    for ending in ["jsonl", "jsonl.zst", "jsonl.gz"] {
        let path = files::sealed(folder, WRITER, part, ending);
        if disk::exists(disk, &path).map_err(RunError::io("reading", &path))? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn count_rows(
    disk: &dyn Disk,
    path: &Path,
    begin: u64,
    end: u64,
    statistics: &mut Statistics,
) -> io::Result<()> {
    let mut file = unpacked(disk, path)?.take(end);
    io::copy(&mut file.by_ref().take(begin), &mut io::sink())?;
    let mut rows = BufReader::with_capacity(1 << 16, file);
    let mut row = Vec::new();
    while rows.read_until(b'\n', &mut row)? > 0 {
        if let Some(line) = Line::read(&row) {
            note(statistics, &line);
        }
        row.clear();
    }
    Ok(())
}

/// Counts what the ledger knows of a row.
pub(crate) fn note_entry(statistics: &mut Statistics, ended: &Ended<'_>) {
    let status = ended.kind.parse().ok();
    statistics.note(&Noted {
        status,
        kind: Some(ended.kind).filter(|_| status.is_none()),
        message: None,
        ok: ended.is_ok,
        host: "",
        elapsed: ended.elapsed,
        attempts: ended.attempts,
        bytes: 0,
        id: &crate::id::Id::None,
    });
}

/// Counts a row.
pub(crate) fn note(statistics: &mut Statistics, line: &Line<'_>) {
    statistics.note(&Noted {
        status: line.status,
        kind: line.error.as_ref().map(|fault| &*fault.kind),
        message: line.error.as_ref().map(|fault| &*fault.message),
        ok: line.ok,
        host: host_of(&line.url),
        elapsed: line.elapsed(),
        attempts: line.attempts,
        bytes: line.body.map_or(0, |body| body.get().len() as u64),
        id: &line.id(),
    });
}
