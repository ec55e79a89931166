//! The test server as the Python class behind `patata.testing.Server`.

use std::net::Ipv4Addr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

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
    #[pyo3(signature = (threads = 1, port = 0))]
    fn new(threads: usize, port: u16) -> PyResult<Self> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let server = patata_testserver::Server::builder().address(address).threads(threads).start()?;
        let url = server.url().to_owned();
        Ok(Self { server: Some(server), url })
    }

    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    #[getter]
    fn requests(&self) -> PyResult<u64> {
        Ok(self.running()?.requests())
    }

    #[getter]
    fn connections(&self) -> PyResult<u64> {
        Ok(self.running()?.connections())
    }

    fn stop(&mut self, py: Python<'_>) {
        if let Some(server) = self.server.take() {
            py.detach(|| server.stop());
        }
    }
}

impl Server {
    fn running(&self) -> PyResult<&patata_testserver::Server> {
        self.server.as_ref().ok_or_else(|| PyRuntimeError::new_err("the server has been stopped"))
    }
}
