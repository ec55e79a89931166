//! A look through the parts of other sessions for the requests of one part, once before it begins.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::cluster::check_lines;
use crate::cluster::filter::Filter;
use crate::cluster::others::{Fate, Found, Others, Rank, spool_path};
use crate::cluster::part::{Part, lock_unless};
use crate::cluster::{PARTS, are_of_one_session, part_folder};
use crate::error::RunError;
use crate::folder::evidence::{Evidence, names};
use crate::folder::recovery::{LedgerEnd, read_groups, secure};
use crate::folder::{read_summary, row_file};
use crate::journal::files::{self, LEDGER, WRITER};
use crate::ledger::entry::{Ended, Entry, Extent};
use crate::ledger::state::State;
use crate::manifest::Manifest;
use crate::output::seal::unpacked;
use crate::storage::disk::{self, Disk};

/// How often a part is looked through whose worker puts it in order meanwhile.
const ATTEMPTS: u32 = 5;

/// Says up to where a ledger is known to last.
const SETTLED: &str = "settled";

/// A look through other parts.
pub(crate) struct Search<'a> {
    disk: &'a Arc<dyn Disk>,
    part: &'a Part,
    sessions: &'a [u64],
    rank: Rank,
    until: Instant,
    others: Vec<PathBuf>,
    found: HashMap<u128, Option<(Rank, Found)>>,
    filter: Filter,
    spool: Option<BufWriter<File>>,
    spooled: u64,
}

impl<'a> Search<'a> {
    /// Begins it, where there are parts of other sessions.
    pub(crate) fn begin(
        disk: &'a Arc<dyn Disk>,
        root: &Path,
        part: &'a Part,
        manifest: &'a Manifest,
        until: Instant,
    ) -> Result<Option<Self>, RunError> {
        let sessions = &manifest.sessions[..];
        let mut others = Vec::new();
        for name in names(&**disk, &root.join(PARTS))? {
            let path = part_folder(root, &name);
            if name != part.name
                && sessions_of(&**disk, &path)?.is_some_and(|of| !are_of_one_session(&of, sessions))
            {
                others.push(path);
            }
        }
        if others.is_empty() {
            return Ok(None);
        }
        let rank = (sessions.first().copied().unwrap_or_default(), part.name.clone());
        Ok(Some(Self {
            disk,
            part,
            sessions,
            rank,
            until,
            others,
            found: HashMap::new(),
            filter: Filter::of(&HashMap::<u128, ()>::new()),
            spool: None,
            spooled: 0,
        }))
    }

    /// Looks for requests with these keys. Memory is that for the keys, however many rows other parts have.
    pub(crate) fn find(mut self, keys: impl Iterator<Item = u128>) -> Result<Others, RunError> {
        self.found = keys.map(|key| (key, None)).collect();
        self.filter = Filter::of(&self.found);
        for path in std::mem::take(&mut self.others) {
            self.look_through(&path)?;
        }
        let spool = match self.spool.take().map(BufWriter::into_inner) {
            Some(Ok(spool)) => Some(spool),
            Some(Err(error)) => return Err(RunError::io("writing", &spool_path())(error.into_error())),
            None => None,
        };
        let found = self.found.into_iter().filter_map(|(key, found)| Some((key, found?.1)));
        Ok(Others::new(found.collect(), spool))
    }

    /// Looks through a part. A worker of our own session may take it meanwhile: then its requests are others than ours.
    fn look_through(&mut self, path: &Path) -> Result<(), RunError> {
        for attempt in 1.. {
            let looked = match self.settle(path) {
                Ok(true) => self.look_once(path),
                Ok(false) => return Ok(()),
                Err(error) => Err(error),
            };
            match looked {
                Err(error) if attempt < ATTEMPTS && is_in_motion(&error) => {}
                looked => return looked,
            }
        }
        Ok(())
    }

    /// Has what the ledger of a part says last: its last group may have been written and never synced, and what is built on
    /// it now must not outlive it. Done once by the first who looks. `false` where the part is one of our own session by then.
    fn settle(&self, path: &Path) -> Result<bool, RunError> {
        let disk = &**self.disk;
        let is_ours = || Ok(sessions_of(disk, path)?.is_none_or(|of| are_of_one_session(&of, self.sessions)));
        let mark = path.join(SETTLED);
        let is_settled = |end: &str| match disk::read(disk, &mark) {
            Ok(bytes) => Ok(bytes == end.as_bytes()),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(RunError::io("reading", &mark)(cause)),
        };
        if is_settled(&last_file(disk, path)?)? {
            return Ok(!is_ours()?);
        }
        let Some(_lock) = lock_unless(disk, path, self.part, self.until, is_ours)? else { return Ok(false) };
        if let Some(LedgerEnd { number, length, .. }) = read_groups(disk, path, |_| {})? {
            secure(disk, &files::ledger(path, WRITER, number), length)?;
        }
        let end = last_file(disk, path)?;
        disk::replace(disk, &mark, end.as_bytes()).map_err(RunError::io("writing", &mark))?;
        Ok(true)
    }

    fn look_once(&mut self, path: &Path) -> Result<(), RunError> {
        let manifest = Manifest::read(&**self.disk, path)?;
        let Looked { parts, known } = self.read_ledger(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rank = (manifest.sessions.first().copied().unwrap_or_default(), name);
        let run: Arc<str> = manifest.run.as_str().into();
        let is_before_ours = rank < self.rank;
        // By part of the output, which rows are wanted of it.
        let mut wanted: BTreeMap<u32, Vec<Wanted>> = BTreeMap::new();
        for (position, Known { key, fate, extent }) in known {
            let (Some(fate), Some(known)) = (fate, self.found.get_mut(&key)) else { continue };
            let is_better = known.as_ref().is_none_or(|(other, found)| match fate.cmp(&found.fate) {
                Ordering::Equal => rank < *other,
                order => order.is_gt(),
            });
            if is_better {
                let found = Found { fate, run: run.clone(), position, is_before_ours, row: None };
                *known = Some((rank.clone(), found));
                if fate > Fate::Sent {
                    wanted.entry(extent.part).or_default().push(Wanted { extent, key, position });
                }
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        check_lines(path, &manifest.output)?;
        wanted.into_iter().try_for_each(|(part, rows)| self.copy(path, &parts, part, rows))
    }

    /// What a ledger says of requests that are looked for.
    fn read_ledger(&self, path: &Path) -> Result<Looked, RunError> {
        let written = read_summary(&**self.disk, path)?;
        let evidence = Evidence::of(&**self.disk, path, &written)?;
        let mut parts = State::without_keys();
        let mut known: HashMap<u64, Known> = HashMap::new();
        let last = read_groups(&**self.disk, path, |group| {
            for entry in group {
                match *entry {
                    Entry::Ended { position, ended, key } => {
                        parts.rows += 1;
                        let fate = Some(if ended.is_ok { Fate::Done } else { Fate::Failed });
                        let Ended { extent, .. } = ended;
                        if let Some(key) = key {
                            if self.is_wanted(key) {
                                known.insert(position, Known { key, fate, extent });
                            }
                        } else if let Some(known) = known.get_mut(&position) {
                            // Its key is said where it was sent, or had ended before.
                            (known.fate, known.extent) = (fate, extent);
                        }
                    }
                    Entry::Sent { position, key: Some(key) } if self.is_wanted(key) => {
                        let extent = Extent::default();
                        known.insert(position, Known { key, fate: Some(Fate::Sent), extent });
                    }
                    Entry::Unsent { position } | Entry::Again { position } => {
                        if let Some(known) = known.get_mut(&position) {
                            known.fate = None;
                        }
                    }
                    Entry::Seal { .. } | Entry::Drop { .. } => parts.apply(*entry),
                    _ => {}
                }
            }
        })?;
        evidence.check(&parts, last.is_some_and(|last| last.is_begun))?;
        Ok(Looked { parts, known })
    }

    fn is_wanted(&self, key: u128) -> bool {
        self.filter.may_have(key) && self.found.contains_key(&key)
    }

    /// Copies rows of a part of the output, so that they are there whatever becomes of it.
    fn copy(&mut self, path: &Path, parts: &State, part: u32, mut rows: Vec<Wanted>) -> Result<(), RunError> {
        rows.sort_unstable_by_key(|row| row.extent.offset);
        let file = row_file(path, parts, part);
        let reading = |cause| RunError::io("reading", &file)(cause);
        let mut from = BufReader::with_capacity(1 << 16, unpacked(&**self.disk, &file).map_err(reading)?);
        let mut at = 0;
        for Wanted { extent: Extent { offset, length, .. }, key, position } in rows {
            let passed = offset.saturating_sub(at);
            std::io::copy(&mut from.by_ref().take(passed), &mut std::io::sink()).map_err(reading)?;
            let spool = match &mut self.spool {
                Some(spool) => spool,
                none => none.insert(new_spool()?),
            };
            let copied = std::io::copy(&mut from.by_ref().take(length), spool);
            let copied = copied.map_err(RunError::io("copying", &file))?;
            if copied != length {
                return Err(RunError::io("reading", &file)(ErrorKind::UnexpectedEof.into()));
            }
            at = offset + length;
            // Of two with one key the better one counts.
            if let Some(Some((_, found))) = self.found.get_mut(&key)
                && found.position == position
            {
                found.row = Some((self.spooled, length));
            }
            self.spooled += length;
        }
        Ok(())
    }
}

/// A row that is to be copied.
struct Wanted {
    extent: Extent,
    key: u128,
    position: u64,
}

/// What a ledger says of requests that are looked for.
struct Looked {
    /// Which parts of the output there are; nothing of requests.
    parts: State,
    /// By position.
    known: HashMap<u64, Known>,
}

/// What a ledger says of a request.
struct Known {
    key: u128,
    /// `None` where it is to be sent again, or was not.
    fate: Option<Fate>,
    extent: Extent,
}

/// Whether it may be that somebody has just put the part in order.
fn is_in_motion(error: &RunError) -> bool {
    match error {
        RunError::Io { source, .. } => {
            matches!(source.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof)
        }
        RunError::Damaged { .. } => true,
        _ => false,
    }
}

/// The last file of a ledger, and its length, in a line.
fn last_file(disk: &dyn Disk, path: &Path) -> Result<String, RunError> {
    let at = path.join(LEDGER);
    let names = names(disk, &at)?;
    let last = names.into_iter().filter_map(|name| Some((files::number(&name)?, name))).max();
    let Some((_, name)) = last else { return Ok("none\n".to_owned()) };
    let path = at.join(&name);
    let length = disk.length(&path).map_err(RunError::io("reading", &path))?;
    Ok(format!("{name} {length}\n"))
}

/// The sessions of a part; `None` where it has not begun.
pub(crate) fn sessions_of(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u64>>, RunError> {
    match crate::folder::is_run(disk, path)? {
        true => Manifest::read(disk, path).map(|manifest| Some(manifest.sessions)),
        false => Ok(None),
    }
}

fn new_spool() -> Result<BufWriter<File>, RunError> {
    let file = tempfile::tempfile().map_err(RunError::io("making", &spool_path()))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}
