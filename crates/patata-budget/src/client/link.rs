//! What all ways to a budget have in common.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::client::ClientOptions;
use crate::client::lessee::Lessee;
use crate::error::BudgetError;
use crate::handle::Handle;
use crate::units::sharer::SharerId;

/// How often the lessee is asked for its needs while it has some, and how often while it has none.
const BUSY: Duration = Duration::from_millis(25);
const IDLE: Duration = Duration::from_millis(500);
/// How long is waited after one look before the next, however often one is asked for.
const REST: Duration = Duration::from_millis(2);

/// One who shares a budget, whatever connections it has had.
pub(crate) struct Session {
    pub(crate) id: SharerId,
    pub(crate) handle: Handle,
    pub(crate) options: ClientOptions,
    pub(crate) lessee: Arc<dyn Lessee>,
    /// Told when the needs have changed.
    pub(crate) look: Arc<Notify>,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// How a connection has ended.
pub(crate) enum Ended {
    /// It was stopped, and has said goodbye.
    Stopped,
    /// There is no hope.
    Failed(BudgetError),
    /// It is to be tried again.
    Lost {
        cause: String,
        /// When something was heard, if anything was.
        last_heard: Option<Instant>,
    },
}

/// What outlives a connection to a holder: it may be another one that is found there.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Until when each unit is used up, as far as we were told.
    pub(crate) busy: Vec<Instant>,
}

impl Memory {
    pub(crate) fn note(&mut self, unit: usize, until: Instant) {
        while self.busy.len() <= unit {
            self.busy.push(until);
        }
        self.busy[unit] = until;
    }

    pub(crate) fn busy_us(&self, now: Instant) -> Vec<u64> {
        let left = |until: &Instant| until.saturating_duration_since(now).as_micros();
        self.busy.iter().map(|until| u64::try_from(left(until)).unwrap_or(u64::MAX)).collect()
    }
}

/// Waits until it is time to ask for the needs.
pub(crate) async fn time_to_look(look: &Notify, looked: Instant, is_busy: bool) {
    let next = looked + if is_busy { BUSY } else { IDLE };
    tokio::select! {
        () = look.notified() => tokio::time::sleep_until((looked + REST).into()).await,
        () = tokio::time::sleep_until(next.into()) => {}
    }
}
