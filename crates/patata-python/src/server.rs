//! The test servers, as the Python classes behind those of `patata.testing`.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::borrowing::exclusive;
use crate::interpreter::detached;

/// A small HTTP server on a port of this machine.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct Server {
    server: Option<patata_testserver::Server>,
    url: String,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (threads = 1, port = 0, tls = false))]
    fn new(threads: usize, port: u16, tls: bool) -> PyResult<Self> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let builder = patata_testserver::Server::builder().address(address).threads(threads);
        let server = if tls { builder.tls() } else { builder }.start()?;
        let url = server.url().to_owned();
        Ok(Self { server: Some(server), url })
    }

    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    #[staticmethod]
    fn authority_pem() -> &'static str {
        patata_testserver::Server::authority_pem()
    }

    #[getter]
    fn requests(&self) -> PyResult<u64> {
        Ok(self.running()?.requests())
    }

    #[getter]
    fn connections(&self) -> PyResult<u64> {
        Ok(self.running()?.connections())
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let server = exclusive(slf)?.server.take();
        detached(slf.py(), || drop(server));
        Ok(())
    }
}

impl Server {
    fn running(&self) -> PyResult<&patata_testserver::Server> {
        self.server.as_ref().ok_or_else(|| PyRuntimeError::new_err("the server has been stopped"))
    }
}

/// A language model's API, OpenAI's and Anthropic's, on a port of this machine.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct LlmServer(Server);

#[pymethods]
impl LlmServer {
    #[new]
    #[pyo3(signature = (
        requests_per_minute, tokens_per_minute, input_tokens_per_minute = None, output_tokens_per_minute = None,
        latency = 0.0, port = 0,
    ))]
    fn new(
        requests_per_minute: u32,
        tokens_per_minute: u64,
        input_tokens_per_minute: Option<u64>,
        output_tokens_per_minute: Option<u64>,
        latency: f64,
        port: u16,
    ) -> PyResult<Self> {
        let limits = patata_testserver::LlmLimits {
            requests_per_minute,
            tokens_per_minute,
            input_tokens_per_minute,
            output_tokens_per_minute,
        };
        let latency = Duration::try_from_secs_f64(latency).map_err(|_| {
            PyValueError::new_err(format!("latency must be a number of seconds, got {latency}"))
        })?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let server = patata_testserver::Server::builder().address(address).llm(limits, latency).start()?;
        let url = server.url().to_owned();
        Ok(Self(Server { server: Some(server), url }))
    }

    #[getter]
    fn url(&self) -> &str {
        &self.0.url
    }

    /// Requests, those of them that were refused, and the tokens of the others.
    fn counts(&self) -> PyResult<(u64, u64, u64)> {
        let counts = self.0.running()?.llm_counts().unwrap_or_default();
        Ok((counts.requests, counts.refused, counts.tokens))
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let server = exclusive(slf)?.0.server.take();
        detached(slf.py(), || drop(server));
        Ok(())
    }
}

/// A server that does all that servers should not.
#[pyclass(module = "patata._patata")]
#[derive(Debug)]
pub(crate) struct FaultServer(Option<patata_testserver::FaultServer>);

#[pymethods]
impl FaultServer {
    #[new]
    #[pyo3(signature = (seed = 0))]
    fn new(seed: u64) -> PyResult<Self> {
        Ok(Self(Some(patata_testserver::FaultServer::with_seed(seed)?)))
    }

    /// What each fault is, by name.
    #[staticmethod]
    fn faults(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let faults = PyDict::new(py);
        for fault in patata_testserver::FaultServer::faults() {
            faults.set_item(fault.name(), fault.what())?;
        }
        Ok(faults)
    }

    #[getter]
    fn url(&self) -> PyResult<&str> {
        Ok(self.running()?.url())
    }

    fn url_of(&self, fault: &str) -> PyResult<String> {
        self.running()?.url_of(fault).map_err(unknown)
    }

    fn tls_url_of(&self, fault: &str) -> PyResult<String> {
        self.running()?.tls_url_of(fault).map_err(unknown)
    }

    #[getter]
    fn authority_pem(&self) -> PyResult<&str> {
        Ok(self.running()?.authority_pem())
    }

    #[getter]
    fn requests(&self) -> PyResult<u64> {
        Ok(self.running()?.requests())
    }

    #[getter]
    fn connections(&self) -> PyResult<u64> {
        Ok(self.running()?.connections())
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let server = exclusive(slf)?.0.take();
        detached(slf.py(), || drop(server));
        Ok(())
    }
}

impl FaultServer {
    fn running(&self) -> PyResult<&patata_testserver::FaultServer> {
        self.0.as_ref().ok_or_else(|| PyRuntimeError::new_err("the server has been stopped"))
    }
}

/// A name that is none is a mistake in the call, and no failure of the system.
fn unknown(error: io::Error) -> PyErr {
    match error.kind() {
        io::ErrorKind::NotFound => PyValueError::new_err(error.to_string()),
        _ => error.into(),
    }
}
