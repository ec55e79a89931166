//! What waits to be committed: rows of output, rows of the ledger, and who waits for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::error::RunError;
use crate::ledger::entry::{Ended, Entry, Extent};
use crate::ticket::Ticket;

/// How long a row waits for others that are written with it.
const GATHER: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 100 });
/// How long a request that is about to be sent waits for others.
const GATHER_SENT: Duration = Duration::from_micros(if cfg!(test) { 200 } else { 2000 });
/// So much is committed at once, however short it has waited.
const GROUP_BYTES: usize = 4 << 20;
/// So many rows are committed at once. More would no longer be in the processor's cache when they are written, and their
/// responses when they are handed out, which costs a tenth of a request's CPU.
const GROUP_ROWS: u64 = 4096;

/// Who waits for leave to send a request.
pub(crate) type Leave = oneshot::Sender<Result<(), RunError>>;

/// Rows of the ledger that are committed together.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) rows: Vec<u8>,
    pub(crate) count: u64,
}

impl Entries {
    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        entry.write(&mut self.rows);
        self.count += 1;
    }

    /// Puts others behind these. Most often there are none before them, and nothing is copied.
    fn append(&mut self, other: Self) {
        if self.rows.is_empty() {
            self.rows = other.rows;
        } else {
            self.rows.extend_from_slice(&other.rows);
        }
        self.count += other.count;
    }
}

/// Rows for one live part.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) part: u32,
    pub(crate) rows: Vec<u8>,
    /// The whole part, where these are its last rows.
    pub(crate) closes: Option<Complete>,
}

/// A part to which nothing is added any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Complete {
    pub(crate) part: u32,
    pub(crate) rows: u64,
    pub(crate) length: u64,
}

/// What is committed at once.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) segments: Vec<Segment>,
    pub(crate) failed: Vec<u8>,
    /// Requests that were found, as lines, and where their file ends with them.
    pub(crate) found: Vec<u8>,
    found_end: u64,
    pub(crate) entries: Entries,
    pub(crate) leaves: Vec<Leave>,
    pub(crate) sealed: Vec<Complete>,
    /// The run in sum, as of these rows and those before them.
    pub(crate) summary: Option<Vec<u8>>,
    /// How many rows will have been acknowledged.
    pub(crate) acknowledges: u64,
}

/// What waits to be committed.
#[derive(Debug)]
pub(crate) struct Staged {
    /// Of the current part: its rows that wait.
    pub(crate) live: Vec<u8>,
    part: u32,
    /// Where the next row of the part will stand.
    offset: u64,
    rows_in_part: u64,
    part_rows: u64,
    closed: Vec<Segment>,
    ended: Entries,
    sent: Entries,
    leaves: Vec<Leave>,
    failed: Vec<u8>,
    found: Vec<u8>,
    /// Where the file of what was found ends with all that is staged, and with all that is safe.
    found_end: u64,
    found_safe: u64,
    sealed: Vec<Complete>,
    summary: Option<Vec<u8>>,
    /// Requests that were sent and have not ended.
    under_way: HashMap<u64, Arc<Ticket>>,
    /// Requests of earlier processes of which nobody knows what became, as lines of an input.
    kept: BTreeMap<u64, Vec<u8>>,
    /// Rows staged, and those that are safe.
    staged: u64,
    acknowledged: u64,
    first_row: Option<Instant>,
    first_sent: Option<Instant>,
    is_hurried: bool,
    /// Whether there is so much that it is committed at once.
    is_full: bool,
    is_closing: bool,
    /// Parts that the sealer has in hand.
    pub(crate) sealing: usize,
    failure: Option<RunError>,
    spare: Spare,
}

/// Buffers of groups that were committed, for the next rows: memory that is at hand costs less than memory that is new.
#[derive(Debug, Default)]
struct Spare {
    live: Vec<u8>,
    ended: Vec<u8>,
}

impl Staged {
    pub(crate) fn new(part: u32, part_rows: u64) -> Self {
        Self {
            live: Vec::new(),
            part,
            offset: 0,
            rows_in_part: 0,
            part_rows: part_rows.max(1),
            closed: Vec::new(),
            ended: Entries::default(),
            sent: Entries::default(),
            leaves: Vec::new(),
            failed: Vec::new(),
            found: Vec::new(),
            found_end: 0,
            found_safe: 0,
            sealed: Vec::new(),
            summary: None,
            under_way: HashMap::new(),
            kept: BTreeMap::new(),
            staged: 0,
            acknowledged: 0,
            first_row: None,
            first_sent: None,
            is_hurried: false,
            is_full: false,
            is_closing: false,
            sealing: 0,
            failure: None,
            spare: Spare::default(),
        }
    }

    /// Stages the end of a request whose row has just been written into `live`, where it began at this place, and the
    /// line by which it can be asked for again, where it has failed. Says whether the committer should have a look.
    pub(crate) fn ended(
        &mut self,
        position: u64,
        ended: Ended<'_>,
        key: Option<u128>,
        begin: usize,
        failed: Option<&[u8]>,
    ) -> bool {
        let length = (self.live.len() - begin) as u64;
        let extent = Extent { part: self.part, offset: self.offset, length };
        self.ended.push(&Entry::Ended { position, ended: Ended { extent, ..ended }, key });
        if !self.under_way.is_empty() {
            self.under_way.remove(&position);
        }
        self.failed.extend_from_slice(failed.unwrap_or_default());
        self.offset += length;
        self.rows_in_part += 1;
        self.staged += 1;
        if self.rows_in_part >= self.part_rows {
            self.close_part();
        }
        let is_first = self.first_row.is_none();
        if is_first {
            self.first_row = Some(Instant::now());
        }
        // It is told once, as each time is a call of the system.
        let fills_up = !self.is_full && self.is_enough();
        self.is_full |= fills_up;
        is_first || fills_up
    }

    /// Stages what is known besides: of the process, and of the input.
    pub(crate) fn note(&mut self, entry: &Entry<'_>) {
        self.ended.push(entry);
        self.first_row.get_or_insert_with(Instant::now);
    }

    /// Stages that a request of which nobody knows what became is to be sent again. The row stands among those of
    /// requests that are about to be sent: behind the one of its own it would take that back.
    pub(crate) fn again(&mut self, position: u64) {
        self.sent.push(&Entry::Again { position });
        self.kept.remove(&position);
        self.first_row.get_or_insert_with(Instant::now);
    }

    /// States how long the file is of what earlier processes have found.
    pub(crate) fn set_found_length(&mut self, length: u64) {
        (self.found_end, self.found_safe) = (length, length);
    }

    /// Stages a request that was found, as a line. Gives where that stands in its file.
    pub(crate) fn found(&mut self, line: &[u8]) -> u64 {
        let begin = self.found_end;
        self.found.extend_from_slice(line);
        self.found_end += line.len() as u64;
        self.first_row.get_or_insert_with(Instant::now);
        begin
    }

    /// So much of the file of what was found is safe.
    pub(crate) fn found_safe(&self) -> u64 {
        self.found_safe
    }

    /// Stages that a request was not sent after all, where it was written down that it would be.
    pub(crate) fn not_sent(&mut self, position: u64) {
        if self.under_way.remove(&position).is_some() {
            self.note(&Entry::Unsent { position });
        }
    }

    /// Stages the run in sum, as of the rows that are staged: it is written once they are safe, as a later process adds
    /// what is missing, and cannot take away.
    pub(crate) fn summarize(&mut self, summary: Vec<u8>) {
        self.summary = Some(summary);
        self.first_row.get_or_insert_with(Instant::now);
    }

    /// Stages that a request is about to be sent. Says whether it is the first.
    pub(crate) fn sent(&mut self, ticket: &Arc<Ticket>, leave: Leave) -> bool {
        self.sent.push(&Entry::Sent { position: ticket.position, key: ticket.key });
        self.under_way.insert(ticket.position, ticket.clone());
        self.leaves.push(leave);
        let is_first = self.first_sent.is_none();
        if is_first {
            self.first_sent = Some(Instant::now());
        }
        is_first
    }

    /// The next row begins another part.
    fn close_part(&mut self) {
        let rows = std::mem::take(&mut self.live);
        let complete = Complete { part: self.part, rows: self.rows_in_part, length: self.offset };
        self.closed.push(Segment { part: self.part, rows, closes: Some(complete) });
        self.part += 1;
        self.offset = 0;
        self.rows_in_part = 0;
    }

    /// Notes that a part is in the output folder.
    pub(crate) fn note_sealed(&mut self, sealed: Complete) {
        self.sealing -= 1;
        self.sealed.push(sealed);
        self.first_row.get_or_insert_with(Instant::now);
    }

    /// When there is something to commit; `None` where there is nothing.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = [self.first_row, self.first_sent].into_iter().flatten().min()?;
        if self.is_hurried || self.is_closing || self.is_full {
            return Some(first);
        }
        let rows = self.first_row.map(|first| first + GATHER);
        let sent = self.first_sent.map(|first| first + GATHER_SENT);
        [rows, sent].into_iter().flatten().min()
    }

    /// Takes all that there is to commit. Where requests wait to be sent, what has ended goes along: so never more of them
    /// are without an end in the ledger than are under way.
    pub(crate) fn take(&mut self) -> Group {
        if self.is_closing && self.rows_in_part > 0 {
            self.close_part();
        }
        let mut segments = std::mem::take(&mut self.closed);
        if !self.live.is_empty() {
            let rows = std::mem::replace(&mut self.live, std::mem::take(&mut self.spare.live));
            segments.push(Segment { part: self.part, rows, closes: None });
        }
        // A request is sent before it ends.
        let mut entries = std::mem::take(&mut self.sent);
        let next = Entries { rows: std::mem::take(&mut self.spare.ended), count: 0 };
        entries.append(std::mem::replace(&mut self.ended, next));
        (self.first_row, self.first_sent, self.is_hurried, self.is_full) = (None, None, false, false);
        Group {
            segments,
            failed: std::mem::take(&mut self.failed),
            found: std::mem::take(&mut self.found),
            found_end: self.found_end,
            entries,
            leaves: std::mem::take(&mut self.leaves),
            sealed: std::mem::take(&mut self.sealed),
            summary: self.summary.take(),
            acknowledges: self.staged,
        }
    }

    /// Notes that a group is committed, and so many rows are safe.
    pub(crate) fn acknowledge(&mut self, group: &mut Group) {
        self.acknowledged = group.acknowledges;
        self.found_safe = group.found_end;
        let live = group.segments.last_mut().map(|segment| std::mem::take(&mut segment.rows));
        self.spare = Spare {
            live: emptied(live.unwrap_or_default()),
            ended: emptied(std::mem::take(&mut group.entries.rows)),
        };
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Whether nothing waits, and nothing is being sealed.
    pub(crate) fn is_idle(&self) -> bool {
        self.first_row.is_none() && self.first_sent.is_none() && self.rows_in_part == 0 && self.sealing == 0
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(crate) fn close(&mut self) {
        self.is_closing = true;
        if self.rows_in_part > 0 {
            self.first_row.get_or_insert_with(Instant::now);
        }
    }

    pub(crate) fn hurry(&mut self) {
        self.is_hurried = self.first_row.is_some();
    }

    /// Whether what waits need not wait for more.
    fn is_enough(&self) -> bool {
        self.ended.count >= GROUP_ROWS || self.bytes() >= GROUP_BYTES
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        let closed: usize = self.closed.iter().map(|segment| segment.rows.len()).sum();
        self.live.len() + closed + self.ended.rows.len() + self.failed.len() + self.found.len()
    }

    pub(crate) fn failure(&self) -> Option<&RunError> {
        self.failure.as_ref()
    }

    /// Nothing is written any more; the first reason is the one that is told.
    pub(crate) fn fail(&mut self, error: RunError) {
        for leave in self.leaves.drain(..) {
            let _ = leave.send(Err(error.clone()));
        }
        self.failure.get_or_insert(error);
    }

    /// How many requests were sent and have not ended.
    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.len() as u64
    }

    /// Keeps a request of which an earlier process has left nobody knows what, as a line of an input.
    pub(crate) fn keep_unknown(&mut self, position: u64, line: Vec<u8>) {
        self.kept.insert(position, line);
    }

    /// All requests of which nobody knows whether they were done, as lines of an input.
    pub(crate) fn unknown_lines(&mut self) -> Vec<u8> {
        let mut unknown = std::mem::take(&mut self.kept);
        for (position, ticket) in &self.under_way {
            ticket.write_line(unknown.entry(*position).or_default());
        }
        unknown.into_values().flatten().collect()
    }
}

/// A buffer to be filled again, if it is none that was unusually large.
fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    if buffer.capacity() > GROUP_BYTES { Vec::new() } else { buffer }
}
