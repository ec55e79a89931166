//! One who shares a budget: a thread with one connection, which leases ahead of what is wanted and tells what it got.

mod clock;
mod demand;
pub(crate) mod holder;
pub(crate) mod lessee;
pub(crate) mod link;
pub(crate) mod purse;
mod redis;
mod status;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::client::lessee::Lessee;
use crate::client::link::{Ended, Session};
use crate::error::BudgetError;
use crate::handle::{Handle, Place};
use crate::units::sharer::SharerId;
use crate::wire::proof;

pub use status::status;

/// How long is waited between two tries, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long one try may take.
pub(crate) const TRY: Duration = Duration::from_secs(3);

/// What one who shares a budget may say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientOptions {
    /// How long nothing may be heard of the budget before all ends with an error. A minute.
    pub budget_timeout: Duration,
    /// As what it is shown to who asks for the status: program and process, unless something else is said.
    pub name: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        let program = std::env::args_os().next().map(std::path::PathBuf::from);
        let program = program.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
        let name = format!("{} {}", program.as_deref().unwrap_or("patata"), std::process::id());
        Self { budget_timeout: Duration::from_secs(60), name }
    }
}

/// A lease of a budget, kept up by a thread of its own until it is dropped. One is enough for a process.
///
/// A forked child has no such thread: it starts a lease of its own. Dropped there, the parent's does nothing.
#[derive(Debug)]
pub struct Client {
    look: Arc<Notify>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    process: u32,
}

impl Client {
    /// Begins to lease for somebody, who is told what comes of it. Returns at once: that the holder is not there, or does not
    /// know the secret, is told to [`Lessee::failed`].
    ///
    /// # Errors
    /// The system has no thread, or no random bytes, to begin with.
    pub fn start(
        handle: Handle,
        options: ClientOptions,
        lessee: Arc<dyn Lessee>,
    ) -> Result<Self, BudgetError> {
        let failed = |cause: std::io::Error| BudgetError::Unreachable {
            address: handle.address(),
            waited: Duration::ZERO,
            cause: cause.to_string(),
        };
        let id = SharerId::from_str_radix(&proof::nonce()?, 16).unwrap_or_default();
        let look = Arc::new(Notify::new());
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let session = Session { id, handle: handle.clone(), options, lessee, look: look.clone(), stopped };
        let thread = std::thread::Builder::new().name("patata-budget".to_owned());
        let thread = thread.spawn(move || runtime.block_on(keep_up(session))).map_err(failed)?;
        Ok(Self { look, stop, thread: Some(thread), process: std::process::id() })
    }

    /// Says that what the lessee needs has changed: it is asked for it within 2 ms. Cheap, and may be called from any thread.
    pub fn look(&self) {
        self.look.notify_one();
    }

    /// Whether it is of this process, and not of that which this one was forked from.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            return;
        }
        // Nobody listens where it has failed.
        let _ = self.stop.send(true);
        // The last one to let go may be the thread itself, by its lessee.
        if let Some(thread) =
            self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id())
        {
            let _ = thread.join();
        }
    }
}

/// Connects, again and again, until it is stopped or there is no hope.
async fn keep_up(mut session: Session) {
    let mut wait = FIRST_WAIT;
    let mut heard = Instant::now();
    let mut memory = link::Memory::default();
    loop {
        let ended = match session.handle.place.clone() {
            Place::Redis(place) => redis::lease(&mut session, place).await,
            _ => holder::lease(&mut session, &mut memory).await,
        };
        let cause = match ended {
            Ended::Stopped => return,
            Ended::Failed(error) => return session.lessee.failed(&error),
            Ended::Lost { cause, last_heard } => {
                if let Some(last_heard) = last_heard {
                    (heard, wait) = (last_heard, FIRST_WAIT);
                }
                cause
            }
        };
        // What is in flight goes on; nothing more begins until somebody answers.
        session.lessee.permits(0);
        session.lessee.lost();
        let waited = heard.elapsed();
        if waited >= session.options.budget_timeout {
            let address = session.handle.address();
            return session.lessee.failed(&BudgetError::Unreachable { address, waited, cause });
        }
        tokio::select! {
            () = tokio::time::sleep(wait.min(session.options.budget_timeout - waited)) => {}
            _ = session.stopped.changed() => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
