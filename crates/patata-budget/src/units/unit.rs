//! One unit of a budget: its rates, and whose turn it is.

use crate::units::pace::{Pace, Run};
use crate::units::quota::Quota;
use crate::units::rate::Rate;
use crate::units::sharer::{Sharer, SharerId};
use crate::units::terms::UnitTerms;
use crate::units::{Amount, HORIZON, MILLISECOND, Nanos, nanos};
use std::time::Duration;

/// How much time's worth must be free before it is shared out: so that who waits gets a handful with one message.
const SHARED_OUT: Nanos = 20 * MILLISECOND;

/// Slots for one who shares the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) to: SharerId,
    pub(crate) run: Run,
    /// What each slot is good for.
    pub(crate) piece: Amount,
}

#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) terms: UnitTerms,
    /// Of the rates with the shortest window: each is spread evenly.
    paces: Vec<Pace>,
    /// Of the others.
    quotas: Vec<Quota>,
    /// What the last one who was served had been served: who comes anew begins here.
    clock: f64,
    /// The most that a request could ever cost, under the terms of now and of before.
    most_ever: Amount,
    pub(crate) granted: Amount,
    pub(crate) returned: Amount,
}

impl Unit {
    /// One that grants nothing before a moment.
    pub(crate) fn new(terms: UnitTerms, opens: Nanos) -> Self {
        let shortest = terms.rates.iter().map(|rate| rate.window()).min().unwrap_or_default();
        let (even, longer): (Vec<Rate>, Vec<Rate>) =
            terms.rates.iter().partition(|rate| rate.window() == shortest);
        Self {
            paces: even.into_iter().map(|rate| Pace::new(rate, opens)).collect(),
            quotas: longer.into_iter().map(|rate| Quota::new(rate.amount(), rate.window())).collect(),
            most_ever: terms.most(),
            terms,
            clock: 0.0,
            granted: 0,
            returned: 0,
        }
    }

    /// Goes on with other rates, of which nothing is granted before a moment. What was used counts on: what of it has not come
    /// back does so at the new rate where that is faster, and the new windows have what is in the longest of the old ones.
    pub(crate) fn change(&mut self, terms: UnitTerms, opens: Nanos) {
        let used = self.paces.iter().map(|pace| pace.used(opens)).max().unwrap_or_default();
        let before = self.paces.iter().map(Pace::next).max().unwrap_or_default();
        let longest = self.quotas.iter().max_by_key(|quota| quota.window());
        let fresh = Self::new(terms, 0);
        let again = |mut quota: Quota| {
            let parts = longest.into_iter().flat_map(Quota::parts);
            parts.for_each(|part| quota.count(part.began, part.last, part.amount));
            quota
        };
        self.quotas = fresh.quotas.into_iter().map(again).collect();
        let shortest = fresh.terms.rates.iter().map(|rate| rate.window()).min();
        let even = fresh.terms.rates.iter().filter(|rate| Some(rate.window()) == shortest);
        self.paces = even.map(|rate| Pace::used_up(*rate, used, opens, before)).collect();
        self.most_ever = self.most_ever.max(fresh.most_ever);
        self.terms = fresh.terms;
    }

    /// Whether so much at a time could be wanted by one who has not heard of a change yet.
    pub(crate) fn has_held(&self, piece: Amount) -> bool {
        piece <= self.most_ever
    }

    /// One who wants something again is owed nothing for the time in which it wanted nothing.
    pub(crate) fn welcome(&self, served: &mut f64) {
        *served = served.max(self.clock);
    }

    /// Shares out what is free now.
    pub(crate) fn share_out(
        &mut self,
        at: usize,
        sharers: &mut [Sharer],
        now: Nanos,
        granted: &mut Vec<Granted>,
    ) {
        if self.due(at, sharers).is_none_or(|due| due > now) {
            return;
        }
        let waiting = || sharers.iter().filter(|sharer| sharer.claims[at].pieces() > 0);
        let weights: f64 = waiting().map(|sharer| sharer.weight).sum();
        let room = (now + HORIZON).saturating_sub(self.opens().max(now)) as f64;
        while let Some(next) = turn(sharers, at) {
            let next = &mut sharers[next];
            let share = (room * next.weight / weights) as Nanos;
            let Some(run) = self.grant(at, next, now, share) else { return };
            granted.push(Granted { to: next.id, run, piece: next.claims[at].piece });
        }
    }

    /// Grants to one, for about as much time as it has a share of.
    fn grant(&mut self, at: usize, sharer: &mut Sharer, now: Nanos, share: Nanos) -> Option<Run> {
        let claim = &mut sharer.claims[at];
        let time = self.paces.iter().map(|pace| pace.time_of(claim.piece)).max()?.max(1);
        // A longer window may open within what is handed out ahead.
        let from = self.quotas.iter().map(|quota| quota.opens(claim.piece)).fold(now, Nanos::max);
        let from = from.max(self.opens());
        if from > now + HORIZON {
            return None;
        }
        let rooms = self.quotas.iter_mut().map(|quota| quota.room(from) / claim.piece);
        let most = claim.pieces().min(share / time + 1).min(rooms.min().unwrap_or(u64::MAX));
        // The strictest decides, and the others only count what it lets through.
        let strictest = (0..self.paces.len())
            .max_by_key(|index| (self.paces[*index].opens(), self.paces[*index].time_of(claim.piece)))?;
        let run = self.paces[strictest].run(from, claim.piece, most, now + HORIZON)?;
        let amount = run.pieces * claim.piece;
        for (index, pace) in self.paces.iter_mut().enumerate() {
            if index != strictest {
                pace.owe(from, amount);
            }
        }
        for quota in &mut self.quotas {
            quota.count(run.at, run.last(), amount);
        }
        self.clock = claim.served;
        claim.served += (time * run.pieces) as f64 / sharer.weight;
        claim.granted += amount;
        self.granted += amount;
        Some(run)
    }

    fn opens(&self) -> Nanos {
        self.paces.iter().map(Pace::opens).max().unwrap_or_default()
    }

    /// When something is to be shared out; `None` while nobody wants anything.
    pub(crate) fn due(&self, at: usize, sharers: &[Sharer]) -> Option<Nanos> {
        let piece = sharers.get(turn(sharers, at)?)?.claims[at].piece;
        let opens = self.quotas.iter().map(|quota| quota.opens(piece)).max().unwrap_or_default();
        Some(self.opens().saturating_sub(HORIZON - SHARED_OUT).max(opens.saturating_sub(HORIZON)))
    }

    /// Takes back what was granted and is not used.
    pub(crate) fn give_back(&mut self, amount: Amount) {
        self.returned += amount;
        self.paces.iter_mut().for_each(|pace| pace.give_back(amount));
        self.quotas.iter_mut().for_each(|quota| quota.uncount(amount));
    }

    /// Counts what was used beyond what was granted.
    pub(crate) fn owe(&mut self, now: Nanos, amount: Amount) {
        self.granted += amount;
        self.paces.iter_mut().for_each(|pace| pace.owe(now, amount));
        self.quotas.iter_mut().for_each(|quota| quota.count(now, now, amount));
    }

    /// Grants nothing before a moment.
    pub(crate) fn close_until(&mut self, moment: Nanos) {
        self.paces.iter_mut().for_each(|pace| pace.close_until(moment));
    }

    /// For how long it is used up, as another holder needs to know it.
    pub(crate) fn busy(&self, now: Nanos) -> Duration {
        let next = self.paces.iter().map(Pace::next).max().unwrap_or_default();
        Duration::from_nanos(next.saturating_sub(now))
    }

    /// What is in its longer windows: how long ago, for how long, how much.
    pub(crate) fn used(&self, now: Nanos) -> Vec<Vec<(i64, i64, Amount)>> {
        let ago = |moment: Nanos| now as i64 - moment as i64;
        let parts = |quota: &Quota| {
            let kept = quota.parts().filter(|part| part.last + quota.window() > now);
            kept.map(|part| (ago(part.began), ago(part.last), part.amount)).collect()
        };
        self.quotas.iter().map(parts).collect()
    }

    /// Goes on from what another holder has left, so long ago.
    pub(crate) fn resume(&mut self, now: Nanos, busy: Duration, used: &[Vec<(i64, i64, Amount)>]) {
        self.paces.iter_mut().for_each(|pace| pace.resume(now.saturating_add(nanos(busy))));
        for (quota, parts) in self.quotas.iter_mut().zip(used) {
            for (began, last, amount) in parts {
                let moment = |ago: i64| u64::try_from(now as i64 - ago).unwrap_or_default();
                quota.count(moment(*began), moment(*last), *amount);
            }
        }
    }
}

/// Whose turn it is: of those who wait, the one who was served the least.
fn turn(sharers: &[Sharer], at: usize) -> Option<usize> {
    let waiting = sharers.iter().enumerate().filter(|(_, sharer)| sharer.claims[at].pieces() > 0);
    let next = waiting.min_by(|(_, a), (_, b)| a.claims[at].served.total_cmp(&b.claims[at].served));
    next.map(|(index, _)| index)
}
