//! What the jobs of a call wait for, as progress tells it: only when somebody asks.

use std::time::Instant;

use crate::cost::awaited::BindingBudget;
use crate::job::Job;
use crate::job::call::Call;
use crate::report::progress::Bottleneck;
use crate::schedule::Schedule;
use crate::schedule::budgets::refusal;
use crate::schedule::host::{Host, Standing};
use crate::schedule::ready::{Block, Queue};
use crate::schedule::timed::Timed;

impl Schedule {
    /// What most of the jobs of a call wait for, and for which budget where it is one; `None` where there are none in here.
    pub(crate) fn hindrance(&self, call: &Call, now: Instant) -> Option<(Bottleneck, Option<BindingBudget>)> {
        let is_paced = self.pace.closed_until(now).is_some() || self.calls.is_paced(call, now);
        let in_all = if is_paced { Bottleneck::Rate } else { Bottleneck::Concurrency };
        let of_queue = |host: &Host, queue: &Queue| match (host.place, queue.block) {
            (Standing::Waiting | Standing::Full, Block::None) if host.is_shy(now) => Bottleneck::Server,
            (_, Block::InAll) | (Standing::InLine(_) | Standing::Away, _) => in_all,
            (Standing::Waiting, _) => Bottleneck::Rate,
            (Standing::Full, Block::None) if host.is_adaptive() => Bottleneck::Server,
            (Standing::Full, _) => Bottleneck::Concurrency,
        };
        let budgets = self.budgets.as_deref();
        let of_budget = |host: &Host, queue: &Queue| {
            let may_be = matches!(queue.block, Block::Budget | Block::AtHost);
            let found = may_be.then(|| refusal(budgets, &self.calls, host, queue, now)).flatten();
            let allotted = self.allotted.as_ref().filter(|_| queue.block == Block::Budget);
            let awaited = match (found, allotted) {
                (Some(refusal), _) => refusal.awaited(),
                (None, allotted) => allotted?.lacking(queue, now)?,
            };
            Some(BindingBudget::from(&awaited))
        };
        let waits = self.hosts.values().filter_map(|host| {
            let queue = host.ready.queues().find(|queue| queue.call == call.number)?;
            let budget = of_budget(host, queue);
            let kind = if budget.is_some() { Bottleneck::Budget } else { of_queue(host, queue) };
            Some((kind, budget, queue.len()))
        });
        let is_delayed = |delayed: &&Timed<Box<Job>>| delayed.what.call.number == call.number;
        let delayed = (Bottleneck::Server, None, self.delayed.iter().filter(is_delayed).count());
        let kinds = [Bottleneck::Rate, Bottleneck::Concurrency, Bottleneck::Server, Bottleneck::Budget];
        let mut counts = kinds.map(|kind| (kind, None, 0));
        for (kind, budget, jobs) in waits.chain([delayed]) {
            if let Some(count) = counts.iter_mut().find(|count| count.0 == kind) {
                count.1 = count.1.take().or(budget);
                count.2 += jobs;
            }
        }
        let most = counts.into_iter().filter(|(.., jobs)| *jobs > 0).max_by_key(|(.., jobs)| *jobs);
        most.map(|(kind, budget, _)| (kind, budget))
    }

    /// The limit of a host's own that holds back the requests of a call, where most of them wait for that.
    pub(crate) fn binding_limit(&self, call: &Call, now: Instant) -> Option<String> {
        let waits = self.hosts.iter().filter(|(_, host)| host.place == Standing::Waiting);
        let mine = waits.filter_map(|(origin, host)| {
            let queue = host.ready.queues().find(|queue| queue.call == call.number)?;
            Some((queue.len(), format!("{} of {origin}", host.binding_limit(now)?)))
        });
        mine.max_by_key(|(jobs, _)| *jobs).map(|(_, limit)| limit)
    }
}
