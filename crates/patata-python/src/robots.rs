//! What `robots.txt` allows, as an object of Python's says: the engine asks it on the caller's thread.

use std::sync::Arc;
use std::time::Duration;

use patata::{RobotsRules, RobotsVerdict};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::options::unusable;
use crate::raised::Raised;

/// `patata._crawl.robots.Robots`, in one call.
#[derive(Debug)]
struct Rules {
    object: Py<PyAny>,
    /// For what is no failure of a request: Ctrl-C.
    raised: Arc<Raised>,
}

/// What a call with these options is run by, where it obeys `robots.txt`.
///
/// # Errors
/// Those of a client that cannot be.
pub(crate) fn obeying(
    engine: &patata::Client,
    options: &Bound<'_, PyDict>,
    raised: &Arc<Raised>,
) -> PyResult<Option<patata::Client>> {
    let Some(given) = options.get_item("robots")? else { return Ok(None) };
    let rules = Rules { object: given.unbind(), raised: raised.clone() };
    let rules: Arc<dyn RobotsRules> = Arc::new(rules);
    engine.to_builder().robots(rules).build().map(Some).map_err(unusable)
}

impl Rules {
    /// Notes what has come up besides.
    fn note(&self, py: Python<'_>, error: &PyErr) {
        if error.is_instance_of::<PyException>(py) {
            error.clone_ref(py).write_unraisable(py, Some(self.object.bind(py)));
        } else {
            self.raised.set(error.clone_ref(py));
        }
    }
}

impl RobotsRules for Rules {
    fn verdict(&self, url: &str) -> Result<RobotsVerdict, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Python::attach(|py| verdict(self.object.bind(py), url).inspect_err(|error| self.note(py, error)))?)
    }

    fn learn(&self, url: &str, came: Result<&patata::Response, &patata::Error>) {
        Python::attach(|py| {
            let rules = self.object.bind(py);
            let learnt = match came {
                Ok(response) => {
                    let body = PyBytes::new(py, &response.body);
                    rules.call_method1("learn", (url, response.status.as_u16(), body))
                }
                Err(error) => {
                    rules.call_method1("learn_failure", (url, error.kind().name(), error.to_string()))
                }
            };
            if let Err(error) = learnt {
                // It has no verdict then, which is what the requests that wait for it end with.
                self.note(py, &error);
            }
        });
    }
}

fn verdict(rules: &Bound<'_, PyAny>, url: &str) -> PyResult<RobotsVerdict> {
    let said = rules.call_method1("verdict", (url,))?;
    if said.is_none() {
        return Ok(RobotsVerdict::Unknown);
    }
    if let Ok(reason) = said.cast::<PyString>() {
        return Ok(RobotsVerdict::Forbidden(reason.to_str()?.to_owned()));
    }
    let delay = Duration::try_from_secs_f64(said.extract()?).unwrap_or_default();
    Ok(RobotsVerdict::Allowed { delay: Some(delay).filter(|delay| !delay.is_zero()) })
}
