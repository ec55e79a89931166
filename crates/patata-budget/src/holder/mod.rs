//! The holder: a small server on a thread of its own, which has the budget and hands it out.

mod connection;
pub(crate) mod core;
mod listen;
mod state;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};

use crate::error::BudgetError;
use crate::handle::Handle;
use crate::holder::connection::{Context, talk};
use crate::holder::core::Shared;
use crate::holder::listen::{Listener, Where};
use crate::units::terms::Terms;
use crate::wire::{Status, proof};

/// The most that are connected at once.
const MOST_CONNECTIONS: usize = 4096;
/// The shortest wait before the budget is shared out again, so that a mistake in the sums is no endless loop.
const SHORTEST_WAIT: Duration = Duration::from_micros(500);
/// How often what is kept on the disk is written.
const SAVED: Duration = Duration::from_secs(1);

/// What a holder is to be like. It listens on this machine only, on any port that is free, unless it is told otherwise.
///
/// ```
/// use patata_budget::{HolderBuilder, Terms};
///
/// let holder = HolderBuilder::new(Terms::new().rate("requests", "100/s")?).serve()?;
/// assert!(holder.handle().reveal().starts_with("budget://127.0.0.1:"));
/// holder.stop();
/// # Ok::<(), patata_budget::BudgetError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HolderBuilder {
    terms: Terms,
    place: Where,
    secret: Option<String>,
    state: Option<PathBuf>,
}

impl HolderBuilder {
    /// A holder of a budget that allows this.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms, place: Where::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))), secret: None, state: None }
    }

    /// Listens on this address; port 0 is any that is free. What is said on the way is not encrypted: beyond this machine,
    /// only networks whose members are trusted are a place for it.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.place = Where::Tcp(address);
        self
    }

    /// Listens on a socket in a folder, which only the same user can open. It needs no secret.
    #[must_use]
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Where::Unix(path.into());
        self
    }

    /// Opens to those who know this secret. Without it, over TCP there is one made up.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Keeps in this file how much is used up, and goes on from there when started again. Without it, the longer windows of
    /// several rates begin anew with each start, and so does what one large request has used up, as far as nobody who
    /// shares the budget is left to tell.
    #[must_use]
    pub fn state(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(path.into());
        self
    }

    /// Starts it. Slots begin after 0.13 s and permits after 2 s, so that those of a holder that has just died are over, or
    /// told of. With a secret that is made up, permits begin at once: nobody can have known it before.
    ///
    /// # Errors
    /// A budget of nothing, an address in use, a file of which the state cannot be read, or to which it cannot be written.
    pub fn serve(self) -> Result<Holder, BudgetError> {
        if self.terms.is_empty() {
            let why =
                "a budget that limits nothing is none; give it a rate, as requests 100/s, or a concurrency";
            return Err(BudgetError::Terms(why.to_owned()));
        }
        let is_new = self.secret.is_none() && matches!(self.place, Where::Tcp(_));
        let secret = match (self.secret, &self.place) {
            (Some(secret), Where::Tcp(address)) if secret.is_empty() => {
                let why = "its secret is empty; give it one, or leave it out to have one made up".to_owned();
                return Err(BudgetError::CannotServe { address: address.to_string(), why });
            }
            (Some(secret), _) => secret,
            (None, Where::Unix(_)) => String::new(),
            (None, Where::Tcp(_)) => proof::nonce()?,
        };
        let (listener, handle) = Listener::bind(&self.place, &secret)?;
        let shared = Arc::new(Shared::new(self.terms));
        if is_new {
            shared.lock().budget.open();
        }
        if let Some(path) = &self.state {
            state::load(path, &shared)?;
            // What can never be written is told before anybody relies on it.
            state::save(path, &shared).map_err(|cause| BudgetError::CannotServe {
                address: handle.address(),
                why: state::unsaved(path, &cause),
            })?;
        }
        let (stop, stopped) = watch::channel(false);
        let changed = Arc::new(Notify::new());
        let context = Context { shared: shared.clone(), secret: secret.into(), changed: changed.clone() };
        let thread = start(listener, context, self.state, stopped, &handle)?;
        Ok(Holder { handle, shared, changed, stop, thread: Some(thread) })
    }
}

fn start(
    listener: Listener,
    context: Context,
    state: Option<PathBuf>,
    stopped: watch::Receiver<bool>,
    handle: &Handle,
) -> Result<JoinHandle<()>, BudgetError> {
    let failed = |cause: std::io::Error| BudgetError::CannotServe {
        address: handle.address(),
        why: cause.to_string(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let thread = std::thread::Builder::new().name("patata-budget-holder".to_owned());
    thread.spawn(move || runtime.block_on(serve(listener, context, state, stopped))).map_err(failed)
}

/// A holder at work. It ends when it is dropped.
#[derive(Debug)]
pub struct Holder {
    handle: Handle,
    shared: Arc<Shared>,
    changed: Arc<Notify>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Holder {
    /// What opens the budget, for all who are to share it.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Who is using how much, and what is waiting.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.lock().status(Instant::now())
    }

    /// Why its state is not in the file in which it should be kept, where that is so: no room on the disk, say.
    #[must_use]
    pub fn unsaved(&self) -> Option<String> {
        self.shared.lock().unsaved.clone()
    }

    /// Allows something else from now on, of the same units: all who share the budget are told. What they have used counts on,
    /// what they were granted already (100 ms at most) is theirs, and permits that are too many now are called back as
    /// requests end. With [`state`](HolderBuilder::state), the next holder has its own terms again.
    ///
    /// # Errors
    /// Units that are not those that it was started with, in their order; a concurrency where there was none, or none where
    /// there was one.
    ///
    /// ```
    /// use patata_budget::{HolderBuilder, Terms};
    ///
    /// let holder = HolderBuilder::new(Terms::new().rate("requests", "100/s")?).serve()?;
    /// holder.set(Terms::new().rate("requests", "200/s")?)?;
    /// assert_eq!(holder.status().terms, "requests 200/s");
    /// assert!(holder.set(Terms::new().rate("tokens", "200/s")?).is_err());
    /// # Ok::<(), patata_budget::BudgetError>(())
    /// ```
    pub fn set(&self, terms: Terms) -> Result<(), BudgetError> {
        self.shared.lock().change(terms, Instant::now())?;
        self.changed.notify_one();
        Ok(())
    }

    /// Ends it. Those who share the budget wait for another one at the same place, and end after their `budget_timeout`.
    pub fn stop(self) {}
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Nobody listens any more where the thread has ended.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: Listener,
    context: Context,
    state: Option<PathBuf>,
    mut stopped: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut saved = tokio::time::interval(SAVED);
    loop {
        let due = context.shared.lock().pump(Instant::now());
        let wait = due.map_or(SAVED, |due| due.saturating_duration_since(Instant::now()).max(SHORTEST_WAIT));
        tokio::select! {
            _ = stopped.changed() => break,
            // What cannot be accepted now, as there are too many files open, perhaps can be later.
            accepted = listener.accept() => match (accepted, room.clone().try_acquire_owned()) {
                (Ok((reader, writer)), Ok(permit)) => {
                    let context = context.clone();
                    tokio::spawn(async move {
                        talk(reader, writer, context).await;
                        drop(permit);
                    });
                }
                (Ok(_), Err(_)) => {}
                (Err(_), _) => tokio::time::sleep(SHORTEST_WAIT * 20).await,
            },
            () = context.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = saved.tick(), if state.is_some() => save(state.as_ref(), &context),
        }
    }
    save(state.as_ref(), &context);
}

/// A state that cannot be written is no reason to stop those who work: it is tried again a second later, and who asks is told.
fn save(path: Option<&PathBuf>, context: &Context) {
    if let Some(path) = path {
        let saved = state::save(path, &context.shared);
        context.shared.lock().unsaved = saved.err().map(|cause| state::unsaved(path, &cause));
    }
}
