//! A run folder: begun, gone on with, read.

pub(crate) mod compaction;
pub(crate) mod earlier;
pub(crate) mod evidence;
pub(crate) mod finish;
pub(crate) mod missing;
pub(crate) mod rebuilt;
pub(crate) mod recovery;
pub(crate) mod retry;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patata::Request;
use roaring::RoaringTreemap;

use crate::accounts::{Statistics, Summary, Timeline};
use crate::cluster::PARTS;
use crate::cluster::others::Others;
use crate::cluster::part::{self, Part};
use crate::cluster::parts::Parts;
use crate::error::RunError;
use crate::folder::earlier::{Earlier, check_readable, not_readable};
use crate::folder::evidence::Evidence;
use crate::folder::recovery::{Recovered, recover};
use crate::folder::retry::Selection;
use crate::found;
use crate::found::FoundRequests;
use crate::gate::{Counts, Gate, RecordOptions};
use crate::id::Id;
use crate::identity::InputBlock;
use crate::journal::files::{FAILED, LEDGER, LIVE, OUT, SUMMARY, TIMELINE, UNKNOWN, WRITER};
use crate::journal::{Journal, Place};
use crate::ledger::entry::Entry;
use crate::ledger::state::State;
use crate::manifest::NAME;
use crate::manifest::{Format, Manifest, Writers};
use crate::output::reader::{Rows, Source};
use crate::recorder::{self, Recorder, now};
use crate::report;
use crate::storage::disk::{self, Disk, RealDisk};
use crate::storage::lock::Lock;

/// A run that is written down: see [`RunFolder::create`] and [`RunFolder::resume`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The way in: which requests are sent.
    pub gate: Gate,
    /// The way in for what responses lead to.
    pub found: FoundRequests,
    /// The way out: what comes of them.
    pub recorder: Recorder,
    /// The input as earlier processes have read it.
    pub input: Vec<InputBlock>,
    /// What the run was asked to do.
    pub manifest: Manifest,
}

impl Recording {
    /// The rows that earlier processes have written, by the positions of their requests: those that [`Gate::admit`] says
    /// were [skipped](crate::Why::Skipped) have one.
    pub fn earlier(&self) -> Earlier {
        self.recorder.earlier()
    }
}

/// A run folder, to be looked at. Others may write to it meanwhile. One with many writers is read as if it had one: what its
/// parts say of a request is merged, as done before failed before unknown.
pub struct RunFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    manifest: Manifest,
}

impl std::fmt::Debug for RunFolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RunFolder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl RunFolder {
    /// Begins a run in a folder that is empty, or not there.
    ///
    /// # Errors
    /// [`RunError::AlreadyThere`] where there is a run, [`RunError::NotARunFolder`] where there is something else, and
    /// what the disk refuses.
    ///
    /// ```
    /// use patata_run::{Admission, Ending, Id, Manifest, RecordOptions, Recording, RunFolder};
    ///
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("run");
    /// let client = patata::Client::builder().build()?;
    /// let Recording { mut gate, mut recorder, .. } =
    ///     RunFolder::create(&path, Manifest::new("rust"), RecordOptions::default())?;
    /// let request = patata::Request::get((), url);
    /// if let Admission::Send { request, ticket, .. } = gate.admit(Id::from("only"), request)? {
    ///     let outcome = client.run([request]).next().unwrap();
    ///     recorder.record(&ticket, &outcome, client.is_ok(&outcome))?;
    /// }
    /// let summary = recorder.finish(&Ending::default())?;
    /// assert_eq!((summary.ok, summary.submitted), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(
        path: impl AsRef<Path>,
        manifest: Manifest,
        options: RecordOptions,
    ) -> Result<Recording, RunError> {
        Self::create_on(Arc::new(RealDisk), path.as_ref(), manifest, options)
    }

    /// Goes on with a run.
    ///
    /// # Errors
    /// [`RunError::Locked`] where another process is at it, [`RunError::NotARunFolder`], [`RunError::NewerFormat`],
    /// [`RunError::Damaged`], and what the disk refuses.
    pub fn resume(path: impl AsRef<Path>, options: RecordOptions) -> Result<Recording, RunError> {
        Self::resume_on(Arc::new(RealDisk), path.as_ref(), options)
    }

    /// Begins a session of a run with many writers, the workers of a cluster, each of which writes into a part of its own:
    /// [`open_part`](Self::open_part). To be called once where a job begins, with the same folder when it is run again. Gives
    /// the number of the session, for the workers. Those of earlier sessions can begin nothing more.
    ///
    /// The first session's manifest holds for all of them.
    ///
    /// # Errors
    /// [`RunError::NotARunFolder`] where there is something else, [`RunError::Locked`] where another session is begun just now,
    /// and what the disk refuses.
    pub fn begin_session(path: impl AsRef<Path>, manifest: Manifest) -> Result<u64, RunError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        part::begin_session(&disk, path.as_ref(), manifest)
    }

    /// Goes on with a part of a run with many writers, or begins it. The folder must be on storage that all workers see, and on
    /// which locks hold for all of them.
    ///
    /// A part is an ordinary run folder in `parts/`. Another worker that is at work at the same part is waited for; what it has
    /// done is not done again. Where parts of other sessions were cut otherwise, their ledgers are looked through once for the
    /// requests of this part, which `requests` gives for that: those that have ended there are skipped, and their rows are
    /// found by [`Recording::earlier`]; those that were sent there and have no end are unknown. Memory is that for the keys of
    /// this part. Requests are told apart by their ids, or by all that they say where they have none: equal requests in the
    /// parts of one session are sent each, and are one in the eyes of a session that cuts them otherwise. Ids tell them apart.
    ///
    /// # Errors
    /// [`RunError::PartLocked`] where a worker is at work for too long at the part, or at one of an earlier session;
    /// [`RunError::Superseded`] where a later session has begun; and those of [`resume`](Self::resume).
    ///
    /// ```
    /// use patata_run::{Id, Manifest, Part, RecordOptions, RecordedRun, RunFolder};
    ///
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = server.url();
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("run");
    /// let client = patata::Client::builder().build()?;
    /// // The second time the rows are cut otherwise.
    /// for cuts in [[("a", 0..30), ("b", 30..100)], [("c", 0..60), ("d", 60..100)]] {
    ///     let session = RunFolder::begin_session(&path, Manifest::new("rust"))?;
    ///     for (name, rows) in cuts {
    ///         let get = |row: i32| (Id::from(row), patata::Request::get((), format!("{url}/")));
    ///         let requests = || rows.clone().map(get);
    ///         let part = Part::new(name, session);
    ///         let recording = RunFolder::open_part(&path, &part, RecordOptions::default(), requests)?;
    ///         let mut run = RecordedRun::start(&client, recording, requests());
    ///         run.by_ref().for_each(drop);
    ///         run.finish(None)?;
    ///     }
    /// }
    /// assert_eq!(server.requests(), 100);
    /// assert_eq!(RunFolder::open(&path)?.counts()?, (100, 0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_part<T, I: Iterator<Item = (Id, Request<T>)>>(
        path: impl AsRef<Path>,
        part: &Part,
        options: RecordOptions,
        requests: impl FnOnce() -> I,
    ) -> Result<Recording, RunError> {
        part::open(Arc::new(RealDisk), path.as_ref(), part, options, requests)
    }

    /// Goes on with a run, or begins it where there is none.
    ///
    /// # Errors
    /// Those of both.
    pub fn create_or_resume(
        path: impl AsRef<Path>,
        manifest: Manifest,
        options: RecordOptions,
    ) -> Result<Recording, RunError> {
        match is_run(&RealDisk, path.as_ref())? {
            true => Self::resume(path, options),
            false => Self::create(path, manifest, options),
        }
    }

    pub(crate) fn create_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        mut manifest: Manifest,
        options: RecordOptions,
    ) -> Result<Recording, RunError> {
        manifest.output.check()?;
        make_folders(&*disk, path, &[])?;
        let lock = disk.lock(path)?;
        if is_run(&*disk, path)? {
            return Err(RunError::AlreadyThere { path: path.to_owned() });
        }
        manifest.run = random_number();
        manifest.write(&*disk, path)?;
        let recovered = Recovered::new(Statistics::new(now()));
        record(disk, path, lock, manifest, options, recovered, Others::default())
    }

    pub(crate) fn resume_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: RecordOptions,
    ) -> Result<Recording, RunError> {
        let manifest = read_of_one_writer(&*disk, path)?;
        manifest.output.check()?;
        let lock = disk.lock(path)?;
        make_folders(&*disk, path, &[])?;
        let recovered = recover(&disk, path, &manifest, true)?;
        record(disk, path, lock, manifest, options, recovered, Others::default())
    }

    /// Marks requests of a run that has ended to be sent again, by whoever resumes it next. Returns how many.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn retry(path: impl AsRef<Path>, selection: &Selection) -> Result<u64, RunError> {
        Self::retry_on(Arc::new(RealDisk), path.as_ref(), selection)
    }

    pub(crate) fn retry_on(disk: Arc<dyn Disk>, path: &Path, selection: &Selection) -> Result<u64, RunError> {
        let manifest = Manifest::read(&*disk, path)?;
        manifest.output.check()?;
        if manifest.writers == Writers::Many {
            return Parts::of(&disk, path)?.retry(selection);
        }
        Self::retry_whole(disk, path, selection, manifest.sessions.is_empty())
    }

    /// The same of a folder with one writer; `takes_in` as [`recover`] has it.
    pub(crate) fn retry_whole(
        disk: Arc<dyn Disk>,
        path: &Path,
        selection: &Selection,
        takes_in: bool,
    ) -> Result<u64, RunError> {
        let manifest = Manifest::read(&*disk, path)?;
        let _lock = disk.lock(path)?;
        make_folders(&*disk, path, &[])?;
        let recovered = recover(&disk, path, &manifest, takes_in)?;
        retry::mark(&disk, path, recovered, selection)
    }

    /// Opens a folder to read it.
    ///
    /// # Errors
    /// [`RunError::NotARunFolder`], [`RunError::NewerFormat`], and what the disk refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::open_on(Arc::new(RealDisk), path.as_ref())
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, RunError> {
        let manifest = Manifest::read(&*disk, path)?;
        Ok(Self { disk, path: path.to_owned(), manifest })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run was asked to do.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether a process is at work in it.
    pub fn is_running(&self) -> bool {
        match self.parts() {
            Some(parts) => parts.is_ok_and(|parts| parts.is_running()),
            None => Lock::is_taken(&self.path),
        }
    }

    /// The parts of a run with many writers.
    fn parts(&self) -> Option<Result<Parts, RunError>> {
        (self.manifest.writers == Writers::Many).then(|| Parts::of(&self.disk, &self.path))
    }

    /// The run in sum, as it was a second ago or when it ended. `None` where that was never written; made anew from the
    /// ledger and the rows where it cannot be read.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn summary(&self) -> Result<Option<Summary>, RunError> {
        match self.parts() {
            Some(parts) => parts?.summary().map(Some),
            None => read_summary(&*self.disk, &self.path)?.or_rebuilt(&self.disk, &self.path, &self.manifest),
        }
    }

    /// What happened, second by second.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn timeline(&self) -> Result<Timeline, RunError> {
        match self.parts() {
            Some(parts) => parts?.timeline(),
            None => read_timeline(&*self.disk, &self.path),
        }
    }

    /// All rows that are safe, of every process, with all of their members; of a run with many writers those of all its parts,
    /// each request's once. Of Parquet with a schema, bodies have what the schema names.
    ///
    /// # Errors
    /// [`RunError::NotARunFolder`] where the rows are CSV, or Parquet of chosen columns; [`RunError::Output`] where they
    /// are Parquet and this build knows nothing of that; and what the disk refuses.
    pub fn rows(&self) -> Result<Rows, RunError> {
        if self.manifest.writers != Writers::Many {
            check_readable(&self.path, &self.manifest.output)?;
        }
        self.kept_rows()
    }

    /// The same with the members that Parquet has columns of, whichever were chosen.
    ///
    /// # Errors
    /// As [`rows`](Self::rows), but for chosen columns.
    pub fn kept_rows(&self) -> Result<Rows, RunError> {
        if let Some(parts) = self.parts() {
            return parts?.rows();
        }
        let output = &self.manifest.output;
        if output.format == Format::Csv {
            return Err(not_readable(&self.path, output));
        }
        output.check()?;
        let state = self.state()?;
        Ok(Rows::new(self.disk.clone(), sources(&self.path, &state)))
    }

    /// The rows that are safe by the time of the first look at them, by the positions of their requests.
    pub fn earlier(&self) -> Earlier {
        Earlier::new(self.disk.clone(), &self.path, &self.manifest, None)
    }

    /// The requests that have failed, as lines of an input.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn failed(&self) -> Result<Vec<Vec<u8>>, RunError> {
        if let Some(parts) = self.parts() {
            return parts?.failed();
        }
        let state = self.state()?;
        let lines = finish::lines(&*self.disk, &self.path.join(FAILED))?;
        Ok(finish::current(lines, |position| state.failed.contains(position)))
    }

    /// The requests of which nobody knows whether they were done, as lines of an input. Complete once the run has been
    /// resumed.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn unknown(&self) -> Result<Vec<Vec<u8>>, RunError> {
        if let Some(parts) = self.parts() {
            return parts?.unknown();
        }
        let state = self.state()?;
        let lines = finish::lines(&*self.disk, &self.path.join(UNKNOWN))?;
        Ok(finish::current(lines, |position| state.sent.contains(position)))
    }

    /// How many requests have ended, have failed, and are unknown, by the ledger.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn counts(&self) -> Result<(u64, u64, u64), RunError> {
        if let Some(parts) = self.parts() {
            return parts?.counts();
        }
        let state = self.state()?;
        Ok((state.ended.len(), state.failed.len(), state.sent.len()))
    }

    /// How many requests have failed of which kind: the name of an error, or a status that is no success.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn failures(&self) -> Result<BTreeMap<String, u64>, RunError> {
        if let Some(parts) = self.parts() {
            return parts?.failures();
        }
        self.failures_but(&RoaringTreemap::new())
    }

    /// The same without those at some positions.
    pub(crate) fn failures_but(&self, left_out: &RoaringTreemap) -> Result<BTreeMap<String, u64>, RunError> {
        let mut kinds: BTreeMap<u64, Box<str>> = BTreeMap::new();
        recovery::read_ledger(&*self.disk, &self.path, |entry| match entry {
            Entry::Ended { position, ended, .. } if !ended.is_ok && !left_out.contains(position) => {
                kinds.insert(position, ended.kind.into());
            }
            Entry::Ended { position, .. } | Entry::Again { position } => {
                kinds.remove(&position);
            }
            _ => {}
        })?;
        let mut failures = BTreeMap::new();
        for kind in kinds.into_values() {
            *failures.entry(kind.into()).or_default() += 1;
        }
        Ok(failures)
    }

    /// The report of the run as it is now, as a page of HTML.
    ///
    /// # Errors
    /// What the disk refuses.
    pub fn report(&self) -> Result<String, RunError> {
        let summary = self.summary()?.unwrap_or_default();
        Ok(report::report(&summary, &self.timeline()?))
    }

    pub(crate) fn state(&self) -> Result<State, RunError> {
        let mut state = State::without_keys();
        let written = read_summary(&*self.disk, &self.path)?;
        let evidence = Evidence::of(&*self.disk, &self.path, &written)?;
        let last = recovery::read_groups(&*self.disk, &self.path, |group| state.apply_group(group))?;
        evidence.check(&state, last.is_some_and(|last| last.is_begun))?;
        Ok(state)
    }
}

/// The files that have the rows that a ledger speaks of.
pub(crate) fn sources(folder: &Path, state: &State) -> Vec<Source> {
    let source = |number| {
        let part = state.parts.get(&number).filter(|part| part.sealed.is_none());
        Source::new(row_file(folder, state, number), part.map(|part| part.length))
    };
    state.live_parts().map(source).collect()
}

/// The file that has the rows of a part of the output.
pub(crate) fn row_file(folder: &Path, state: &State, part: u32) -> PathBuf {
    match state.parts.get(&part).and_then(|part| part.sealed.as_ref()) {
        Some(ending) => crate::journal::files::sealed(folder, WRITER, part, ending),
        None => crate::journal::files::live(folder, WRITER, part),
    }
}

/// The manifest of a folder that one process writes to.
fn read_of_one_writer(disk: &dyn Disk, path: &Path) -> Result<Manifest, RunError> {
    let manifest = Manifest::read(disk, path)?;
    match manifest.writers {
        Writers::One if manifest.sessions.is_empty() => Ok(manifest),
        _ => Err(RunError::NotARunFolder {
            path: path.to_owned(),
            why: "the workers of a cluster write to it, each into a part of its own; the job that began it goes on with it, \
                  when it is run again"
                .to_owned(),
        }),
    }
}

/// Whether a run was begun in a folder.
pub(crate) fn is_run(disk: &dyn Disk, path: &Path) -> Result<bool, RunError> {
    let manifest = path.join(NAME);
    disk::exists(disk, &manifest).map_err(RunError::io("reading", &manifest))
}

/// Makes the folder and those in it: those that one writer needs, or those that are named. One that has other things in it is
/// not taken.
pub(crate) fn make_folders(disk: &dyn Disk, path: &Path, besides: &[&str]) -> Result<(), RunError> {
    let refuse = |why: &str| RunError::NotARunFolder { path: path.to_owned(), why: why.to_owned() };
    match disk.names(path) {
        Ok(names) if !is_run(disk, path)? => {
            let ours = ["lock", LEDGER, LIVE, OUT, PARTS, "manifest.json.tmp"];
            if let Some(other) = names.iter().find(|name| !ours.contains(&name.as_str())) {
                return Err(refuse(&format!(
                    "there is {other:?} in it already; name a folder that is empty or not there"
                )));
            }
        }
        Err(cause) if cause.kind() == ErrorKind::NotADirectory => return Err(refuse("it is a file")),
        Err(cause) if cause.kind() != ErrorKind::NotFound => {
            return Err(RunError::io("reading", path)(cause));
        }
        _ => {}
    }
    // The names of folders that are made on the way have to last as well.
    let above = path.ancestors().skip(1).map(|above| match above.as_os_str().is_empty() {
        true => Path::new("."),
        false => above,
    });
    let mut changed = vec![path];
    for above in above {
        changed.push(above);
        if disk.names(above).is_ok() {
            break;
        }
    }
    let own = if besides.is_empty() { &[LEDGER, LIVE, OUT] } else { besides };
    for folder in std::iter::once(path.to_owned()).chain(own.iter().map(|name| path.join(name))) {
        disk.create_folder(&folder).map_err(RunError::io("making", &folder))?;
    }
    for folder in changed {
        disk.sync_folder(folder).map_err(RunError::io("syncing", folder))?;
    }
    Ok(())
}

/// Begins to write where earlier processes have stopped.
pub(crate) fn record(
    disk: Arc<dyn Disk>,
    path: &Path,
    lock: Lock,
    manifest: Manifest,
    options: RecordOptions,
    recovered: Recovered,
    others: Others,
) -> Result<Recording, RunError> {
    let Recovered { state, ledger_file, mut statistics, found } = recovered;
    statistics.set_process(u32::try_from(state.processes).unwrap_or(u32::MAX).saturating_add(1));
    let place = Place {
        disk: disk.clone(),
        folder: path.to_owned(),
        writer: WRITER,
        output: manifest.output.clone(),
    };
    let journal = Arc::new(Journal::start(place, state.next_part(), ledger_file)?);
    journal.note(&Entry::Begin { boot: &disk.boot() })?;
    {
        let mut staged = journal.stage()?;
        staged.set_found_length(found.length);
        for line in finish::lines(&*disk, &path.join(UNKNOWN))? {
            if let Some(position) = finish::position(&line).filter(|position| state.sent.contains(*position))
            {
                staged.keep_unknown(position, [&line[..], b"\n"].concat());
            }
        }
    }
    let counts = Arc::new(Counts::default());
    let run: Arc<str> = Arc::from(manifest.run.as_str());
    let input = state.input.clone();
    let parts = recorder::Parts {
        journal: journal.clone(),
        counts: counts.clone(),
        disk: disk.clone(),
        folder: path.to_owned(),
        manifest: manifest.clone(),
        statistics,
        prior_unknown: state.sent.len(),
        prior_rows: state.rows,
        has_again: state.has_again,
        first_ledger_file: ledger_file,
        other_rows: others.rows(),
        lock,
    };
    let prior = found::Prior { state: &state, file: found };
    let found = FoundRequests::new(
        disk,
        journal.clone(),
        counts.clone(),
        path.to_owned(),
        Arc::clone(&run),
        options.clone(),
        &prior,
    );
    let gate = Gate::new(journal, counts, path.to_owned(), run, options, state, others);
    Ok(Recording { gate, found, recorder: Recorder::new(parts), input, manifest })
}

/// What happened, where that was ever written.
pub(crate) fn read_timeline(disk: &dyn Disk, folder: &Path) -> Result<Timeline, RunError> {
    let path = folder.join(TIMELINE);
    match disk.open(&path) {
        Ok(file) => Timeline::read(BufReader::new(file)).map_err(RunError::io("reading", &path)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Timeline::default()),
        Err(cause) => Err(RunError::io("reading", &path)(cause)),
    }
}

/// What there is of a summary.
pub(crate) enum Written {
    Summary(Box<Summary>),
    Nothing,
    Unreadable,
}

impl Written {
    /// How many rows of the ledger it counts.
    pub(crate) fn ledger_rows(&self) -> u64 {
        match self {
            Self::Summary(summary) => summary.ledger_rows,
            Self::Nothing | Self::Unreadable => 0,
        }
    }

    /// The run in sum. It follows from the ledger and the rows: one that cannot be read is made anew of these.
    pub(crate) fn or_rebuilt(
        self,
        disk: &Arc<dyn Disk>,
        folder: &Path,
        manifest: &Manifest,
    ) -> Result<Option<Summary>, RunError> {
        match self {
            Self::Summary(summary) => Ok(Some(*summary)),
            Self::Nothing => Ok(None),
            Self::Unreadable => rebuilt::rebuilt(disk, folder, manifest).map(Some),
        }
    }
}

pub(crate) fn read_summary(disk: &dyn Disk, folder: &Path) -> Result<Written, RunError> {
    let path = folder.join(SUMMARY);
    match disk::read(disk, &path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).map_or(Written::Unreadable, Written::Summary)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Written::Nothing),
        Err(cause) => Err(RunError::io("reading", &path)(cause)),
    }
}

/// A number that no other run has: hashers are seeded from what the system has that is random.
pub(crate) fn random_number() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// The lines of a reader, without their breaks; a last one that has none was cut off, and is left out.
pub(crate) fn whole_lines(mut reader: impl BufRead) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(lines);
        }
        lines.push(line);
    }
}
