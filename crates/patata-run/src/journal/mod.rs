//! What is written while a run is under way: staged by whoever knows it, and committed in groups by a thread.

pub(crate) mod committer;
pub(crate) mod files;
pub(crate) mod sealer;
pub(crate) mod staged;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::error::RunError;
use crate::journal::committer::Committer;
use crate::journal::staged::Staged;
use crate::ledger::entry::Entry;
use crate::manifest::OutputOptions;
use crate::storage::disk::Disk;
use crate::ticket::Ticket;

/// So much is staged at most, before whoever stages more has to wait for the disk.
const STAGED_BYTES: usize = 64 << 20;

/// Where and how a journal writes.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    /// By which the files of this writer begin.
    pub(crate) writer: &'static str,
    pub(crate) output: OutputOptions,
}

/// What is staged for the disk, and who waits for it.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    threads: Mutex<Option<JoinHandle<()>>>,
    folder: PathBuf,
    /// A forked child has the value and not the threads: what is done there must not wait for them.
    process: u32,
}

/// What those who stage, and the threads that write, have in common.
pub(crate) struct Shared {
    staged: Mutex<Staged>,
    /// Wakes the committer.
    work: Condvar,
    /// Wakes those who wait for what was committed.
    news: Condvar,
    /// Tells somebody else of news.
    listener: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn staged(&self) -> MutexGuard<'_, Staged> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the committer look, which may have to work sooner now.
    pub(crate) fn ring(&self) {
        self.work.notify_one();
    }

    /// Tells of what was committed, or of a failure.
    pub(crate) fn tell(&self) {
        self.news.notify_all();
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            listener();
        }
    }

    /// Ends all: from now on nothing is written, and everybody who waits is told why.
    pub(crate) fn fail(&self, error: RunError) {
        self.staged().fail(error);
        self.ring();
        self.tell();
    }

    /// Waits for work, until then at most.
    pub(crate) fn wait_for_work<'a>(
        &'a self,
        staged: MutexGuard<'a, Staged>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, Staged> {
        match until {
            None => self.work.wait(staged).unwrap_or_else(PoisonError::into_inner),
            Some(due) => {
                let limit = due.saturating_duration_since(Instant::now());
                self.work.wait_timeout(staged, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl Journal {
    /// Begins to write, with this part, and the file of the ledger that has this number.
    pub(crate) fn start(place: Place, part: u32, ledger_file: u32) -> Result<Self, RunError> {
        let shared = Arc::new(Shared {
            staged: Mutex::new(Staged::new(part, place.output.part_rows)),
            work: Condvar::new(),
            news: Condvar::new(),
            listener: Mutex::new(None),
        });
        let folder = place.folder.clone();
        let committer = Committer::new(place, shared.clone(), ledger_file)?;
        let thread = std::thread::Builder::new().name("patata-journal".to_owned());
        let thread = thread
            .spawn(move || committer.run())
            .map_err(RunError::io("starting the journal of", &folder))?;
        let process = std::process::id();
        Ok(Self { shared, threads: Mutex::new(Some(thread)), folder, process })
    }

    /// What is staged, to add to it.
    ///
    /// # Errors
    /// What the disk has refused.
    pub(crate) fn stage(&self) -> Result<MutexGuard<'_, Staged>, RunError> {
        let mut staged = self.shared.staged();
        while staged.failure().is_none() && staged.bytes() > STAGED_BYTES {
            self.shared.ring();
            staged = self.shared.news.wait(staged).unwrap_or_else(PoisonError::into_inner);
        }
        match staged.failure() {
            Some(error) => Err(error.clone()),
            // Nobody would commit it.
            None if staged.is_closing() => Err(self.has_ended()),
            None => Ok(staged),
        }
    }

    /// Stages what is known besides. The committer hears of it: it may be the first that waits, which those that follow
    /// do not ring for.
    ///
    /// # Errors
    /// What the disk has refused.
    pub(crate) fn note(&self, entry: &Entry<'_>) -> Result<(), RunError> {
        self.stage()?.note(entry);
        self.ring();
        Ok(())
    }

    fn has_ended(&self) -> RunError {
        RunError::NotARunFolder { path: self.folder.clone(), why: "its run has ended".to_owned() }
    }

    /// Has the committer look at what was just staged, where it was idle.
    pub(crate) fn ring(&self) {
        self.shared.ring();
    }

    /// Stages that a request is about to be sent. Ready once that is written, or cannot be.
    pub(crate) fn stage_sent(&self, ticket: &Arc<Ticket>) -> oneshot::Receiver<Result<(), RunError>> {
        let (sender, receiver) = oneshot::channel();
        let mut staged = self.shared.staged();
        match staged.failure() {
            // Nobody minds if the request was given up meanwhile.
            Some(error) => drop(sender.send(Err(error.clone()))),
            None if staged.is_closing() => drop(sender.send(Err(self.has_ended()))),
            None => {
                let is_first = staged.sent(ticket, sender);
                drop(staged);
                if is_first {
                    self.shared.ring();
                }
            }
        }
        receiver
    }

    /// How many rows are safe, of those that were staged.
    ///
    /// # Errors
    /// What the disk has refused, once all that is safe was told.
    pub(crate) fn acknowledged(&self) -> Result<u64, (u64, RunError)> {
        let staged = self.shared.staged();
        match staged.failure() {
            Some(error) => Err((staged.acknowledged(), error.clone())),
            None => Ok(staged.acknowledged()),
        }
    }

    /// So much of the file of what was found is safe.
    pub(crate) fn found_safe(&self) -> u64 {
        self.shared.staged().found_safe()
    }

    /// Has all that is staged committed now: nobody has anything to add meanwhile.
    pub(crate) fn hurry(&self) {
        self.shared.staged().hurry();
        self.shared.ring();
    }

    /// Waits until more than so many rows are safe, something has failed, or for so long.
    pub(crate) fn wait(&self, acknowledged: u64, limit: Duration) {
        let staged = self.shared.staged();
        let is_quiet =
            |staged: &mut Staged| staged.failure().is_none() && staged.acknowledged() <= acknowledged;
        drop(self.shared.news.wait_timeout_while(staged, limit, is_quiet));
    }

    /// How many requests were sent and have not ended.
    pub(crate) fn under_way(&self) -> u64 {
        self.shared.staged().under_way()
    }

    /// Calls this whenever something was committed, or failed.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + Sync + 'static) {
        *self.shared.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
    }

    /// All requests of which nobody knows whether they were done, as lines of an input.
    pub(crate) fn unknown_lines(&self) -> Vec<u8> {
        self.shared.staged().unknown_lines()
    }

    /// Commits and seals all that there is, and ends.
    ///
    /// # Errors
    /// What the disk has refused.
    pub(crate) fn close(&self) -> Result<(), RunError> {
        if self.process != std::process::id() {
            return Err(self.has_ended());
        }
        self.shared.staged().close();
        self.shared.ring();
        let thread = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has no panics of its own; a test's disk may.
            let _ = thread.join();
        }
        let staged = self.shared.staged();
        staged.failure().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
