//! The accounts of a call: the engine's, and the ids of what it ended without.

use std::sync::Arc;

use patata::{ErrorKind, Outcome, Receipt, Unfinished};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pyo3::{PyTraverseError, PyVisit};

use crate::fault;
use crate::folder::Passed;
use crate::tag::Tag;

/// So many ids of each kind are kept, as the engine keeps tags.
const KEPT: usize = 1_000;

/// What is known of a call beside its run, and all of it once the run is gone.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    receipt: Receipt,
    /// The ids of what the deadline ended, which were handed out, and of what was cancelled.
    unsent: Vec<Py<PyAny>>,
    unknown: Vec<Py<PyAny>>,
    /// What an earlier process has dealt with, where there is a run folder.
    passed: Option<Arc<Passed>>,
}

impl Accounts {
    /// Those of a call that is written down.
    pub(crate) fn of_recorded(passed: Arc<Passed>) -> Self {
        Self { passed: Some(passed), ..Self::default() }
    }

    /// Looks at an outcome before it is handed out: one that the deadline ended has its id kept.
    pub(crate) fn note(&mut self, py: Python<'_>, outcome: &Outcome<Tag>) {
        if let Err(error) = &outcome.result
            && error.is_run_deadline()
        {
            let ids = if error.request_sent() { &mut self.unknown } else { &mut self.unsent };
            if ids.len() < KEPT {
                ids.push(outcome.tag.id_.clone_ref(py));
            }
        }
    }

    /// The receipt of a run that is about to end, for who asks meanwhile.
    pub(crate) fn open(&mut self, receipt: &Receipt) {
        self.receipt = receipt.clone();
    }

    /// Takes over the accounts of a run that has ended.
    pub(crate) fn close(&mut self, py: Python<'_>, receipt: &Receipt, unfinished: &Unfinished<Tag>) {
        self.receipt = receipt.clone();
        for (ids, more) in [(&mut self.unsent, &unfinished.unsent), (&mut self.unknown, &unfinished.unknown)]
        {
            let room = KEPT - ids.len();
            ids.extend(more.iter().take(room).map(|tag| tag.id_.clone_ref(py)));
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.unsent.iter().chain(&self.unknown).try_for_each(|id| visit.call(id))?;
        self.passed.as_ref().map_or(Ok(()), |passed| passed.traverse(visit))
    }

    /// A copy of them, with the receipt of the run where that is not gone. No code of Python's runs meanwhile, in which
    /// somebody else might ask for what they are a part of.
    pub(crate) fn copy(&self, py: Python<'_>, running: Option<&Receipt>) -> Self {
        let copies = |ids: &[Py<PyAny>]| ids.iter().map(|id| id.clone_ref(py)).collect();
        Self {
            receipt: running.unwrap_or(&self.receipt).clone(),
            unsent: copies(&self.unsent),
            unknown: copies(&self.unknown),
            passed: self.passed.clone(),
        }
    }

    /// As a dict.
    pub(crate) fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let receipt = &self.receipt;
        let passed = self.passed.as_deref();
        let (skipped, kept) = passed.map_or((0, 0), |passed| (passed.skipped(), passed.unknown()));
        let dict = PyDict::new(py);
        dict.set_item("submitted", receipt.submitted + skipped + kept)?;
        dict.set_item("ok", receipt.ok)?;
        dict.set_item("failed", receipt.failed)?;
        dict.set_item("cancelled", receipt.cancelled + kept)?;
        dict.set_item("skipped", skipped)?;
        dict.set_item("unsent", receipt.unsent)?;
        dict.set_item("unknown", receipt.unknown + kept)?;
        dict.set_item("unsent_ids", PyList::new(py, &self.unsent)?)?;
        let unknown_ids = PyList::new(py, &self.unknown)?;
        for id_ in passed.map_or_else(Vec::new, |passed| passed.unknown_ids(py)) {
            unknown_ids.append(id_)?;
        }
        dict.set_item("unknown_ids", unknown_ids)?;
        dict.set_item("outstanding", receipt.outstanding)?;
        dict.set_item("followed", receipt.followed)?;
        dict.set_item("cache_hits", receipt.cache_hits)?;
        dict.set_item("cache_revalidated", receipt.cache_revalidated)?;
        dict.set_item("cache_misses", receipt.cache_misses)?;
        dict.set_item("shared", receipt.shared)?;
        dict.set_item("cache_trouble", receipt.cache_trouble.clone())?;
        dict.set_item("attempts", receipt.attempts)?;
        dict.set_item("retries_denied", receipt.retries_denied)?;
        dict.set_item("bytes", receipt.body_bytes)?;
        dict.set_item("errors", errors(py, receipt)?)?;
        dict.set_item("not_resent", receipt.not_resent)?;
        dict.set_item("removed_parts", receipt.removed_parts)?;
        dict.set_item("removed_parts_in", receipt.removed_parts_in.clone())?;
        dict.set_item("unavailable_hosts", receipt.unavailable_hosts.clone())?;
        dict.set_item("failed_statuses", receipt.failed_statuses.clone())?;
        let costs = PyDict::new(py);
        for (unit, spent) in &receipt.costs {
            costs.set_item(unit, (spent.estimated, spent.settled))?;
        }
        dict.set_item("costs", costs)?;
        let waits = PyDict::new(py);
        for (budget, time) in &receipt.budget_waits {
            waits.set_item(budget, time.as_secs_f64())?;
        }
        dict.set_item("budget_waits", waits)?;
        let latency = &receipt.latency;
        let seconds = |percentage| latency.percentile(percentage).as_secs_f64();
        dict.set_item("latency", (seconds(50.0), seconds(90.0), seconds(99.0), latency.max().as_secs_f64()))?;
        Ok(dict)
    }
}

/// How many requests were taken, are done, and have failed; what an earlier process has done is among them.
pub(crate) fn counts(receipt: &Receipt, passed: Option<&Passed>) -> (u64, u64, u64) {
    let (skipped, kept) = passed.map_or((0, 0), |passed| (passed.skipped(), passed.unknown()));
    (receipt.submitted + skipped + kept, receipt.ok + receipt.failed + skipped, receipt.failed)
}

/// How many requests ended in which class of error. Time-outs in connecting have one of their own, so that it is
/// seen whether a server is slow or cannot be reached.
fn errors<'py>(py: Python<'py>, receipt: &Receipt) -> PyResult<Bound<'py, PyDict>> {
    let errors = PyDict::new(py);
    for (kind, count) in &receipt.errors {
        let connecting = if *kind == ErrorKind::Timeout { receipt.connect_timeouts } else { 0 };
        let classes =
            [(fault::class_of_kind(*kind), count - connecting), (fault::CONNECT_TIMEOUT, connecting)];
        for (class, count) in classes.into_iter().filter(|(_, count)| *count > 0) {
            errors.set_item(class, count)?;
        }
    }
    Ok(errors)
}
