//! Sessions are begun, and parts are opened.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patata::Request;

use crate::accounts::Statistics;
use crate::cluster::others::Others;
use crate::cluster::search::Search;
use crate::cluster::{PARTS, check_lines, part_folder};
use crate::error::RunError;
use crate::folder::recovery::{Recovered, recover};
use crate::folder::{Recording, is_run, make_folders, random_number, record};
use crate::gate::{Identity, RecordOptions};
use crate::id::Id;
use crate::key::key;
use crate::manifest::{Manifest, Writers};
use crate::recorder::now;
use crate::storage::disk::Disk;
use crate::storage::lock::Lock;

/// How often it is looked whether a part is free.
const LOOK: Duration = Duration::from_millis(100);
/// The longest name of a part.
const LONGEST_NAME: usize = 128;

/// A part of a run with many writers, as a worker asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// By what it is known: of letters, digits, `-` and `_`, and the same for the same requests in the same place of the
    /// input, so that a worker that does them once more comes to the same part.
    pub name: String,
    /// What [`begin_session`](crate::RunFolder::begin_session) has given the driver.
    pub session: u64,
    /// How long another worker is waited for that is at work at the part, or at one of an earlier session. Default: 60 seconds.
    pub wait: Duration,
}

impl Part {
    /// A part with the default patience.
    pub fn new(name: impl Into<String>, session: u64) -> Self {
        Self { name: name.into(), session, wait: Duration::from_secs(60) }
    }
}

/// Begins a session of a run, in a folder that is empty, not there, or has earlier sessions of one.
pub(crate) fn begin_session(
    disk: &Arc<dyn Disk>,
    path: &Path,
    mut manifest: Manifest,
) -> Result<u64, RunError> {
    check_lines(path, &manifest.output)?;
    if is_run(&**disk, path)? {
        read_root(&**disk, path)?;
    }
    make_folders(&**disk, path, &[PARTS])?;
    let _lock = disk.lock(path)?;
    let manifest = match is_run(&**disk, path)? {
        true => read_root(&**disk, path)?,
        false => {
            manifest.run = random_number();
            manifest.writers = Writers::Many;
            manifest
        }
    };
    let session = manifest.sessions.last().map_or(1, |last| last + 1);
    let mut sessions = manifest.sessions.clone();
    sessions.push(session);
    Manifest { sessions, ..manifest }.write(&**disk, path)?;
    Ok(session)
}

/// The manifest of a run that has many writers.
pub(crate) fn read_root(disk: &dyn Disk, path: &Path) -> Result<Manifest, RunError> {
    let manifest = Manifest::read(disk, path)?;
    match manifest.writers {
        Writers::Many => Ok(manifest),
        Writers::One => Err(RunError::NotARunFolder {
            path: path.to_owned(),
            why: "the run in it has one writer, and a cluster needs one for each worker; name another folder"
                .to_owned(),
        }),
    }
}

/// Goes on with a part, or begins it. `requests` gives those of the part; it is called where parts of other sessions may know
/// some of them.
pub(crate) fn open<T, I: Iterator<Item = (Id, Request<T>)>>(
    disk: Arc<dyn Disk>,
    root: &Path,
    part: &Part,
    mut options: RecordOptions,
    requests: impl FnOnce() -> I,
) -> Result<Recording, RunError> {
    // Places are of no meaning to those who are given other parts.
    options.identity = Identity::Key;
    check_name(root, &part.name)?;
    let told = read_root(&*disk, root)?;
    check_session(root, &told, part.session)?;
    let path = part_folder(root, &part.name);
    make_folders(&*disk, &path, &[])?;
    let until = Instant::now() + part.wait;
    let lock = wait_for_lock(&*disk, &path, part, until)?;
    // Who looks at this part now knows that it is in use: whatever has begun since is found here.
    check_session(root, &read_root(&*disk, root)?, part.session)?;
    let mut manifest = match is_run(&*disk, &path)? {
        true => Manifest::read(&*disk, &path)?,
        false => {
            Manifest { run: random_number(), writers: Writers::One, sessions: Vec::new(), ..told.clone() }
        }
    };
    let is_new = manifest.sessions.is_empty();
    if !manifest.sessions.contains(&part.session) {
        manifest.sessions.push(part.session);
        manifest.write(&*disk, &path)?;
    }
    // In the first session there are no others' parts, however many parts there are.
    let search = match told.sessions.len() {
        ..=1 => None,
        _ => Search::begin(&disk, root, part, &manifest, until)?,
    };
    let recovered = match is_new {
        true => Recovered::new(Statistics::new(now())),
        // What nobody has acknowledged may have been done once more by another part, whose row is the one that was given.
        false => recover(&disk, &path, &manifest, search.is_none())?,
    };
    let others = match search {
        None => Others::default(),
        Some(search) => {
            let requests = requests().filter(|(_, request)| !request.is_pause());
            search.find(requests.map(|(id, request)| key(&id, &request)))?
        }
    };
    record(disk, &path, lock, manifest, options, recovered, others)
}

fn check_name(root: &Path, name: &str) -> Result<(), RunError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain) {
        return Ok(());
    }
    let why = format!(
        "{name:?} cannot be the name of a part: it has at most {LONGEST_NAME} letters, digits, - and _; give the digest of \
         what the part has"
    );
    Err(RunError::NotARunFolder { path: root.to_owned(), why })
}

/// Later sessions count on it that no earlier one sends anything any more.
fn check_session(root: &Path, told: &Manifest, session: u64) -> Result<(), RunError> {
    match told.sessions.last() {
        Some(latest) if *latest == session => Ok(()),
        Some(latest) if *latest > session => {
            Err(RunError::Superseded { path: root.to_owned(), session, latest: *latest })
        }
        _ => Err(RunError::NotARunFolder {
            path: root.to_owned(),
            why: format!("session {session} was never begun in it; begin one where the job begins"),
        }),
    }
}

fn wait_for_lock(disk: &dyn Disk, path: &Path, part: &Part, until: Instant) -> Result<Lock, RunError> {
    let never = || Ok(false);
    let lock = lock_unless(disk, path, part, until, never)?;
    lock.ok_or_else(|| locked(path, part))
}

/// Waits until nobody else is at work at a part, and takes its lock; `None` where it `is_given_up` by then.
pub(crate) fn lock_unless(
    disk: &dyn Disk,
    path: &Path,
    part: &Part,
    until: Instant,
    mut is_given_up: impl FnMut() -> Result<bool, RunError>,
) -> Result<Option<Lock>, RunError> {
    loop {
        let lock = disk.lock(path);
        // In this order: who has it takes it before it says what for.
        if is_given_up()? {
            return Ok(None);
        }
        match lock {
            Err(RunError::Locked { .. }) if Instant::now() < until => std::thread::sleep(LOOK),
            Err(RunError::Locked { .. }) => return Err(locked(path, part)),
            lock => return lock.map(Some),
        }
    }
}

fn locked(path: &Path, part: &Part) -> RunError {
    RunError::PartLocked { path: path.to_owned(), holder: Lock::holder(path), waited: part.wait }
}
