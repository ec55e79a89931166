//! The whole of a budget: units, permits, pauses, and those who share them. It is told moments and asked what follows.

use crate::error::BudgetError;
use crate::units::pauses::Pauses;
use crate::units::permits::{Allowed, Permits};
use crate::units::sharer::{Claim, Sharer, SharerId};
use crate::units::terms::Terms;
use crate::units::unit::{Granted, Unit};
use crate::units::{Amount, HORIZON, LATENESS, Nanos, SECOND};

/// For how long what somebody holds is kept for it after its connection has ended without a word.
pub(crate) const GRACE: Nanos = 2 * SECOND;
/// Weights are brought into these bounds.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// What is to be told to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Slots { unit: usize, granted: Granted },
    Permits(Allowed),
}

/// A budget, and all who share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    terms: Terms,
    units: Vec<Unit>,
    permits: Option<Permits>,
    /// When permits begin to be handed out.
    opens: Nanos,
    pauses: Pauses,
    sharers: Vec<Sharer>,
}

impl Budget {
    /// One that has just been started, perhaps in the place of one that has died: so it grants nothing until no slot of
    /// that one can be used any more, and no permit until those who hold some have had time to say so.
    pub(crate) fn new(terms: Terms, now: Nanos) -> Self {
        let quiet = now + HORIZON + LATENESS;
        Self {
            units: terms.units().iter().map(|unit| Unit::new(unit.clone(), quiet)).collect(),
            permits: terms.most_in_flight().map(Permits::new),
            opens: now + GRACE,
            pauses: Pauses::default(),
            sharers: Vec::new(),
            terms,
        }
    }

    /// Nobody can hold a permit of an earlier one: they begin at once.
    pub(crate) fn open(&mut self) {
        self.opens = 0;
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Goes on with other terms: what was used and granted counts on. Those who want more at a time than there ever is now
    /// want nothing until they have heard of it.
    ///
    /// # Errors
    /// Other units, or permits where there were none, or none where there were some.
    pub(crate) fn change(&mut self, terms: Terms, now: Nanos) -> Result<(), BudgetError> {
        if let Some(why) = self.terms.misfit(&terms) {
            return Err(BudgetError::Terms(why));
        }
        let opens = now.max(self.pauses.whole());
        for (at, (unit, terms)) in self.units.iter_mut().zip(terms.units()).enumerate() {
            if unit.terms == *terms {
                continue;
            }
            unit.change(terms.clone(), opens);
            let claims = self.sharers.iter_mut().map(|sharer| &mut sharer.claims[at]);
            for claim in claims.filter(|claim| claim.piece > terms.most()) {
                (claim.target, claim.piece) = (claim.granted, 1);
            }
        }
        if let (Some(permits), Some(most)) = (&mut self.permits, terms.most_in_flight()) {
            permits.change(most);
        }
        self.terms = terms;
        Ok(())
    }

    /// Takes in one who has come, or come back.
    pub(crate) fn join(&mut self, id: SharerId, name: String, weight: f64, holds: u32) {
        let weight = if weight.is_finite() { weight.clamp(*WEIGHTS.start(), *WEIGHTS.end()) } else { 1.0 };
        self.leave(id);
        if let Some(permits) = &mut self.permits {
            permits.join(id, weight, holds);
        }
        let claims = vec![Claim { piece: 1, ..Claim::default() }; self.units.len()];
        self.sharers.push(Sharer { id, name, weight, claims, leaves: None });
    }

    /// One goes and holds nothing more.
    pub(crate) fn leave(&mut self, id: SharerId) {
        self.sharers.retain(|sharer| sharer.id != id);
        if let Some(permits) = &mut self.permits {
            permits.leave(id);
        }
    }

    /// One's connection has ended without a word. It wants nothing, and may come back.
    pub(crate) fn lose(&mut self, id: SharerId, now: Nanos) {
        let holds = self.permits.as_ref().map_or(0, |permits| permits.holds(id));
        if holds == 0 {
            return self.leave(id);
        }
        if let Some(sharer) = self.sharers.iter_mut().find(|sharer| sharer.id == id) {
            sharer.leaves = Some(now + GRACE);
            sharer.claims.iter_mut().for_each(|claim| claim.target = claim.granted);
        }
        if let Some(permits) = &mut self.permits {
            permits.want(id, 0, holds, u64::MAX);
        }
    }

    /// One wants to be granted up to such a sum of a unit, so much at a time.
    ///
    /// # Errors
    /// What it wants at a time is more than the budget ever holds.
    pub(crate) fn want(
        &mut self,
        id: SharerId,
        unit: usize,
        target: Amount,
        piece: Amount,
    ) -> Result<(), BudgetError> {
        let (Some(known), Some(sharer)) =
            (self.units.get(unit), self.sharers.iter_mut().find(|sharer| sharer.id == id))
        else {
            return Ok(());
        };
        let (piece, most) = (piece.max(1), known.terms.most());
        if piece > most && known.has_held(piece) {
            // It has not heard yet that there is less now.
            return Ok(());
        }
        if piece > most {
            let unit = known.terms.name.clone();
            return Err(BudgetError::TooDear { unit, cost: piece, most });
        }
        let claim = &mut sharer.claims[unit];
        if claim.pieces() == 0 {
            known.welcome(&mut claim.served);
        }
        // What is further off than any rate goes is as good as without end, and cannot overflow.
        claim.target = target.min(claim.granted.saturating_add(1 << 50));
        claim.piece = piece;
        Ok(())
    }

    /// How many permits one could use, and how many it holds.
    pub(crate) fn want_permits(&mut self, id: SharerId, wants: u32, holds: u32, seen: u64) {
        if let Some(permits) = &mut self.permits {
            permits.want(id, wants, holds, seen);
        }
    }

    /// Takes back what one has not used; no more than it was granted.
    pub(crate) fn give_back(&mut self, id: SharerId, unit: usize, amount: Amount) {
        let Some(claim) = claim(&mut self.sharers, id, unit) else { return };
        let amount = amount.min(claim.granted - claim.returned);
        claim.returned += amount;
        self.units[unit].give_back(amount);
    }

    /// Counts what one has used beyond what it was granted.
    pub(crate) fn owe(&mut self, id: SharerId, unit: usize, amount: Amount, now: Nanos) {
        if claim(&mut self.sharers, id, unit).is_some() {
            // A second one follows soon enough, if that was true.
            let amount = amount.min(self.units[unit].terms.most());
            self.units[unit].owe(now, amount);
        }
    }

    /// Leaves a host alone, or all of them. Whether that is news.
    pub(crate) fn pause(&mut self, host: Option<&str>, time: Nanos, now: Nanos) -> bool {
        let until = self.pauses.pause(host, now, time);
        if let (None, Some(until)) = (host, until) {
            self.units.iter_mut().for_each(|unit| unit.close_until(until));
        }
        until.is_some()
    }

    pub(crate) fn pauses(&self, now: Nanos) -> impl Iterator<Item = (Option<&str>, Nanos)> {
        self.pauses.all(now)
    }

    /// Hands out what there is.
    pub(crate) fn share_out(&mut self, now: Nanos) -> Vec<Telling> {
        let gone = self.sharers.iter().filter(|sharer| sharer.leaves.is_some_and(|leaves| leaves <= now));
        for id in gone.map(|sharer| sharer.id).collect::<Vec<_>>() {
            self.leave(id);
        }
        let mut tellings = Vec::new();
        let mut granted = Vec::new();
        for (at, unit) in self.units.iter_mut().enumerate() {
            unit.share_out(at, &mut self.sharers, now, &mut granted);
            tellings.extend(granted.drain(..).map(|granted| Telling::Slots { unit: at, granted }));
        }
        if let Some(permits) = &mut self.permits {
            if self.opens <= now {
                permits.open();
            }
            tellings.extend(permits.share_out().into_iter().map(Telling::Permits));
        }
        tellings
    }

    /// When to hand out again, if nobody says anything before.
    pub(crate) fn due(&self, now: Nanos) -> Option<Nanos> {
        let units = self.units.iter().enumerate().filter_map(|(at, unit)| unit.due(at, &self.sharers));
        let leaves = self.sharers.iter().filter_map(|sharer| sharer.leaves);
        let opens = self.permits.is_some() && self.opens > now;
        units.chain(leaves).chain(opens.then_some(self.opens)).min()
    }

    pub(crate) fn units(&self) -> &[Unit] {
        &self.units
    }

    pub(crate) fn units_mut(&mut self) -> &mut [Unit] {
        &mut self.units
    }

    pub(crate) fn sharers(&self) -> &[Sharer] {
        &self.sharers
    }

    /// How many permits one holds, and could use.
    pub(crate) fn permits_of(&self, id: SharerId) -> (u32, u32) {
        self.permits.as_ref().map_or((0, 0), |permits| (permits.holds(id), permits.wants(id)))
    }

    /// Until when nothing at all is granted, by somebody's word.
    pub(crate) fn paused_until(&self) -> Nanos {
        self.pauses.whole()
    }
}

fn claim(sharers: &mut [Sharer], id: SharerId, unit: usize) -> Option<&mut Claim> {
    sharers.iter_mut().find(|sharer| sharer.id == id)?.claims.get_mut(unit)
}
