//! What requests did cost: the user's `settle` function, which is asked for each response before it is handed out.

use patata::{Charge, Outcome, PushedRun, Run};
use pyo3::prelude::*;

use crate::raised::Raised;
use crate::response::Response;
use crate::tag::Tag;

/// A run that is told what a request did cost.
pub(crate) trait Settled {
    fn settle(&mut self, charge: Box<Charge>, actual: Vec<(String, f64)>) -> Result<(), patata::Error>;
}

impl<T, I: Iterator<Item = patata::Request<T>>> Settled for Run<T, I> {
    fn settle(&mut self, charge: Box<Charge>, actual: Vec<(String, f64)>) -> Result<(), patata::Error> {
        Run::settle(self, charge, actual)
    }
}

impl Settled for PushedRun<Tag> {
    fn settle(&mut self, charge: Box<Charge>, actual: Vec<(String, f64)>) -> Result<(), patata::Error> {
        PushedRun::settle(self, charge, actual)
    }
}

/// Asks the function what the request of a response did cost. What it fails with was logged by Python, and costs this
/// response its settlement; Ctrl-C in it is kept for who can raise it.
pub(crate) fn settle<T>(
    py: Python<'_>,
    function: &Py<PyAny>,
    run: &mut impl Settled,
    outcome: &mut Outcome<T>,
    tag_of: impl FnOnce(&T) -> Tag,
    raised: &Raised,
) -> PyResult<()> {
    let Ok(response) = &outcome.result else { return Ok(()) };
    let tag = tag_of(&outcome.tag);
    let response = Response::of_answer(tag, response.clone(), outcome.attempts, outcome.elapsed);
    let said = function.call1(py, (Bound::new(py, response)?,));
    match said.and_then(|said| said.extract::<Vec<(String, f64)>>(py)) {
        Ok(actual) if actual.is_empty() => {}
        Ok(actual) => {
            // What it has waited for is told by the response.
            let waited = outcome.charge.as_ref().filter(|charge| charge.waits().next().is_some()).cloned();
            let charge = std::mem::replace(&mut outcome.charge, waited).unwrap_or_default();
            // Python has looked at the amounts.
            run.settle(charge, actual)
                .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        }
        Err(error) => raised.set(error),
    }
    Ok(())
}
