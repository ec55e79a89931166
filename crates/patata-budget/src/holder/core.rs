//! The budget, and who is to be told what of it; behind a lock that is held for a moment.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::error::BudgetError;
use crate::units::budget::{Budget, Telling};
use crate::units::sharer::SharerId;
use crate::units::terms::Terms;
use crate::units::{Amount, MILLISECOND, Nanos, SECOND, nanos};
use crate::wire::{FromHolder, SharerStatus, Status, ToHolder, UnitStatus, line};

/// For how long after the start those who come back are asked how much is used up.
const ASKED: Nanos = 10 * SECOND;
/// The most that one can say it has in flight: so that sums of such do not overflow.
const MOST_HELD: u32 = 100_000;
/// The moment at which a holder begins: late enough that what another one has left, in windows of up to a year, was after zero.
const BEGIN: Nanos = 800 * 24 * 60 * 60 * SECOND;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<Core>);

impl Shared {
    pub(crate) fn new(terms: Terms) -> Self {
        Self(Mutex::new(Core::new(terms, Instant::now())))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who comes to share the budget, or comes back.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) id: SharerId,
    pub(crate) name: String,
    pub(crate) weight: f64,
    /// Permits that it has requests in flight with.
    pub(crate) holds: u32,
    /// For how long each unit is used up, as far as it knows.
    pub(crate) busy_us: Vec<u64>,
}

/// A connection that has joined, by which it knows whether it is still the one of its sharer.
pub(crate) type Connection = u64;

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) budget: Budget,
    began: Instant,
    peers: HashMap<SharerId, (Connection, mpsc::Sender<Vec<u8>>)>,
    connections: Connection,
    /// What was granted lately: when, of what, how much.
    recent: VecDeque<(Nanos, usize, Amount)>,
    /// Why its state is not on the disk, where it should be.
    pub(crate) unsaved: Option<String>,
}

impl Core {
    fn new(terms: Terms, now: Instant) -> Self {
        Self {
            budget: Budget::new(terms, BEGIN),
            began: now,
            peers: HashMap::new(),
            connections: 0,
            recent: VecDeque::new(),
            unsaved: None,
        }
    }

    /// A moment as the budget counts it.
    pub(crate) fn moment(&self, now: Instant) -> Nanos {
        BEGIN + nanos(now.saturating_duration_since(self.began))
    }

    /// One who shares the budget has come, or come back on another connection.
    pub(crate) fn join(
        &mut self,
        joining: Joining,
        outgoing: mpsc::Sender<Vec<u8>>,
        now: Instant,
    ) -> Connection {
        let Joining { id, name, weight, holds, busy_us } = joining;
        let moment = self.moment(now);
        if moment < BEGIN + ASKED {
            for (unit, busy) in self.budget.units_mut().iter_mut().zip(busy_us) {
                unit.resume(moment, Duration::from_micros(busy), &[]);
            }
        }
        self.budget.join(id, name, weight, holds.min(MOST_HELD));
        for (host, until) in self.budget.pauses(moment) {
            let ms = until.saturating_sub(moment).div_ceil(MILLISECOND);
            // There is room for it, or it goes by the first line that finds none.
            let _ = outgoing.try_send(line(&FromHolder::LeaveAlone { host: host.map(str::to_owned), ms }));
        }
        self.connections += 1;
        self.peers.insert(id, (self.connections, outgoing));
        self.connections
    }

    /// A connection has ended, in order or not.
    pub(crate) fn end(&mut self, id: SharerId, connection: Connection, is_in_order: bool, now: Instant) {
        if self.peers.get(&id).is_none_or(|(latest, _)| *latest != connection) {
            return;
        }
        self.peers.remove(&id);
        if is_in_order {
            self.budget.leave(id);
        } else {
            self.budget.lose(id, self.moment(now));
        }
    }

    /// One who shares the budget says something. Nothing of this has an answer of its own.
    pub(crate) fn hear(&mut self, id: SharerId, said: ToHolder, now: Instant) -> Result<(), BudgetError> {
        let moment = self.moment(now);
        match said {
            ToHolder::Want { units } => {
                for (unit, (target, piece)) in units.into_iter().enumerate() {
                    self.budget.want(id, unit, target, piece)?;
                }
            }
            ToHolder::WantPermits { wants, holds, seen } => self.budget.want_permits(id, wants, holds, seen),
            ToHolder::GiveBack { unit, amount } => self.budget.give_back(id, unit, amount),
            ToHolder::Owe { unit, amount } => self.budget.owe(id, unit, amount, moment),
            ToHolder::LeaveAlone { host, ms } => self.leave_alone(id, host, ms, moment),
            _ => {}
        }
        Ok(())
    }

    /// All others hear of it at once.
    fn leave_alone(&mut self, id: SharerId, host: Option<String>, ms: u64, moment: Nanos) {
        if !self.budget.pause(host.as_deref(), ms.saturating_mul(MILLISECOND), moment) {
            return;
        }
        let told = line(&FromHolder::LeaveAlone { host, ms });
        let others: Vec<_> = self.peers.keys().filter(|other| **other != id).copied().collect();
        for other in others {
            self.tell(other, told.clone());
        }
    }

    /// The budget allows something else from now on: all who share it hear of it.
    ///
    /// # Errors
    /// As of [`Budget::change`].
    pub(crate) fn change(&mut self, terms: Terms, now: Instant) -> Result<(), BudgetError> {
        let moment = self.moment(now);
        self.budget.change(terms.clone(), moment)?;
        let told = line(&FromHolder::Terms(terms));
        let all: Vec<_> = self.peers.keys().copied().collect();
        for id in all {
            self.tell(id, told.clone());
        }
        Ok(())
    }

    /// Hands out what there is, and says when to look again.
    pub(crate) fn pump(&mut self, now: Instant) -> Option<Instant> {
        let moment = self.moment(now);
        for telling in self.budget.share_out(moment) {
            match telling {
                Telling::Slots { unit, granted } => {
                    self.recent.push_back((moment, unit, granted.run.pieces * granted.piece));
                    let said = FromHolder::Slots {
                        unit,
                        sent_us: (moment - BEGIN) / 1000,
                        at_us: (granted.run.at.saturating_sub(moment)) / 1000,
                        every_ns: granted.run.every,
                        pieces: granted.run.pieces,
                        piece: granted.piece,
                        busy_us: micros(self.budget.units()[unit].busy(moment)),
                    };
                    self.tell(granted.to, line(&said));
                }
                Telling::Permits(allowed) => {
                    let said = FromHolder::Permits { count: allowed.count, serial: allowed.serial };
                    self.tell(allowed.to, line(&said));
                }
            }
        }
        while self.recent.front().is_some_and(|(at, ..)| at + SECOND <= moment) {
            self.recent.pop_front();
        }
        self.budget.due(moment).map(|due| self.began + Duration::from_nanos(due.saturating_sub(BEGIN)))
    }

    /// One that does not read what it is told has its connection closed, by dropping the way to it.
    fn tell(&mut self, id: SharerId, told: Vec<u8>) {
        if self.peers.get(&id).is_some_and(|(_, outgoing)| outgoing.try_send(told).is_err()) {
            self.peers.remove(&id);
            self.budget.leave(id);
        }
    }

    pub(crate) fn status(&self, now: Instant) -> Status {
        let moment = self.moment(now);
        let seconds = |time: Nanos| Duration::from_nanos(time).as_secs_f64();
        let left_alone = self
            .budget
            .pauses(moment)
            .filter_map(|(host, until)| host.map(|host| (host.to_owned(), seconds(until - moment))));
        Status {
            terms: self.budget.terms().to_string(),
            running_s: seconds(moment - BEGIN),
            paused_s: seconds(self.budget.paused_until().saturating_sub(moment)),
            left_alone: left_alone.collect(),
            units: (0..self.budget.units().len()).map(|at| self.unit_status(at, moment)).collect(),
            concurrency: self.budget.terms().most_in_flight(),
            sharers: self.sharers(),
            unsaved: self.unsaved.clone(),
        }
    }

    fn unit_status(&self, at: usize, moment: Nanos) -> UnitStatus {
        let unit = &self.budget.units()[at];
        let recent = self.recent.iter().filter(|(when, of, _)| *of == at && when + SECOND > moment);
        let waiting = self.budget.sharers().iter().map(|sharer| &sharer.claims[at]);
        UnitStatus {
            unit: unit.terms.name.clone(),
            rates: unit.terms.rates.iter().map(ToString::to_string).collect(),
            used: unit.granted.saturating_sub(unit.returned),
            last_second: recent.map(|(.., amount)| amount).sum(),
            waiting: waiting.map(|claim| claim.target.saturating_sub(claim.granted)).sum(),
        }
    }

    fn sharers(&self) -> Vec<SharerStatus> {
        let status = |sharer: &crate::units::sharer::Sharer| {
            let (holds, wants) = self.budget.permits_of(sharer.id);
            let of_unit = |claim: &crate::units::sharer::Claim| {
                (claim.granted - claim.returned, claim.target.saturating_sub(claim.granted))
            };
            SharerStatus {
                name: sharer.name.clone(),
                weight: sharer.weight,
                connected: sharer.leaves.is_none(),
                units: sharer.claims.iter().map(of_unit).collect(),
                holds,
                wants,
            }
        };
        self.budget.sharers().iter().map(status).collect()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
