//! What the kinds of runs have in common for Python: the handle for other threads, and the method.

use std::sync::Arc;

use patata::Progress;
use pyo3::prelude::*;

use crate::fault;
use crate::folder::Passed;
use crate::fork::Process;
use crate::options::unusable;

/// Wakes or ends a run from another thread.
#[pyclass(module = "patata._patata", frozen)]
#[derive(Debug)]
pub(crate) struct Control {
    engine: patata::Control,
    /// In the child of a fork, locks of the engine may be held for ever.
    process: Process,
    /// What an earlier process has dealt with, where there is a run folder.
    passed: Option<Arc<Passed>>,
}

/// What Python makes a `Progress` of.
type Told = (u64, u64, u64, usize, String, Vec<String>, Option<String>, Option<String>);

impl Control {
    pub(crate) fn new(engine: patata::Control, process: Process, passed: Option<Arc<Passed>>) -> Self {
        Self { engine, process, passed }
    }
}

#[pymethods]
impl Control {
    /// Ends a wait that is under way.
    fn wake(&self) {
        if !self.process.is_gone() {
            self.engine.wake();
        }
    }

    /// How far the run has come: taken, done, failed, in flight, what limits it, hosts that do not answer, the server's own
    /// limit where that holds it back, and the budget that limits it, where it is one.
    ///
    /// Raises `ForkedError` in the child of a fork.
    fn progress(&self, py: Python<'_>) -> PyResult<Told> {
        self.process.check(py)?;
        let Progress {
            submitted,
            done,
            failed,
            in_flight,
            bottleneck,
            server_limit,
            budget,
            troubled_hosts,
            ..
        } = py.detach(|| self.engine.progress());
        let passed = self.passed.as_deref();
        let (skipped, kept) = passed.map_or((0, 0), |passed| (passed.skipped(), passed.unknown()));
        let (submitted, done) = (submitted + skipped + kept, done + skipped);
        let (bottleneck, budget) = (bottleneck.to_string(), budget.map(|budget| budget.to_string()));
        Ok((submitted, done, failed, in_flight, bottleneck, troubled_hosts, server_limit, budget))
    }

    /// Gives the run other limits of its own: `concurrency` in requests (0 for none), `rates` in texts, `budgets` in pairs
    /// of a unit and a rate, each `None` where it stays as it is. Raises `ValueError` for one that cannot be used, and
    /// once the run has ended.
    #[pyo3(signature = (concurrency=None, rates=None, budgets=None))]
    fn set(
        &self,
        py: Python<'_>,
        concurrency: Option<usize>,
        rates: Option<Vec<String>>,
        budgets: Option<Vec<(String, String)>>,
    ) -> PyResult<()> {
        self.process.check(py)?;
        // Python has looked at them: only a run that has ended refuses them, and then all.
        if let Some(budgets) = budgets {
            self.engine.set_budgets(budgets).map_err(unusable)?;
        }
        if let Some(rates) = rates {
            self.engine.set_rates(rates).map_err(unusable)?;
        }
        if let Some(count) = concurrency {
            self.engine.set_concurrency(Some(count).filter(|count| *count > 0)).map_err(unusable)?;
        }
        Ok(())
    }

    /// Ends the run from any thread.
    fn cancel(&self) {
        if !self.process.is_gone() {
            self.engine.cancel();
        }
    }
}

/// What is raised where a run was ended from another thread.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    fault::raise(py, "ClientClosedError", "the client was closed during this run".to_owned())
}

/// A method by its name, in any case.
pub(crate) fn method(py: Python<'_>, name: &str) -> PyResult<patata::Method> {
    patata::Method::from_bytes(name.to_ascii_uppercase().as_bytes())
        .map_err(|_| fault::raise(py, "InvalidMethodError", format!("method {name:?} is not a valid token")))
}
