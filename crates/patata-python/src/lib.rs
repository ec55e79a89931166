//! The extension module `patata._patata`: conversion, the stream, signals. Policy is the engine's, and
//! whatever may be slow is Python's.

/// What one thread allocates, another one frees: jobs and responses cross threads. This allocator is made for
/// that: with the system's, a GET takes 5 % more instructions, those of Python included.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod accounts;
mod beginning;
#[cfg(feature = "benching")]
pub mod benching;
mod borrowing;
mod budget;
mod caching;
mod connections;
mod control;
mod convert;
mod fault;
mod folder;
mod follow;
mod fork;
mod frames;
mod input;
mod interpreter;
mod json;
mod limits;
mod once;
mod options;
mod program;
mod proxy;
mod push;
mod raised;
mod readers;
mod received;
mod request;
mod response;
mod robots;
mod server;
mod settling;
mod shown;
mod stopped;
mod stream;
mod tag;
mod telemetry;
mod upload;
mod values;
mod wakeup;

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use convert::{Conversion, Units};

/// It needs no lock of Python's: a free-threaded interpreter stays one that imports it.
#[pymodule(gil_used = false)]
mod _patata {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::budget::{BudgetHolder, budget_handle, budget_status, budget_terms};
    #[pymodule_export]
    use super::caching::Cache;
    #[pymodule_export]
    use super::control::Control;
    #[pymodule_export]
    use super::convert::is_request;
    #[pymodule_export]
    use super::folder::{FolderReader, FolderRows, FolderTable, OpenedFolder};
    #[pymodule_export]
    use super::follow::CallFollowUps;
    #[pymodule_export]
    use super::fork::forked;
    #[pymodule_export]
    use super::frames::{Table, TableStream, TableWriter, plan_table};
    #[pymodule_export]
    use super::options::Client;
    #[pymodule_export]
    use super::program::program;
    #[pymodule_export]
    use super::proxy::{AsyncGeneratorProxy, GeneratorProxy};
    #[pymodule_export]
    use super::push::PushStream;
    #[pymodule_export]
    use super::readers::await_readers;
    #[pymodule_export]
    use super::request::Request;
    #[pymodule_export]
    use super::response::Response;
    #[pymodule_export]
    use super::server::{FaultServer, LlmServer, Server};
    #[pymodule_export]
    use super::shown::shown;
    #[pymodule_export]
    use super::stream::Stream;
    #[pymodule_export]
    use super::telemetry::{Durations, PyRecorder};
    #[pymodule_export]
    use super::wakeup::{Ringer, Wakeup};
    #[pymodule_export]
    use super::{check_options, default_num_workers};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::interpreter::claim(module.py())?;
        module.add("MAX_RESPONSE_HEADERS", patata::MAX_RESPONSE_HEADERS)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// The cores this process may use.
#[pyfunction]
fn default_num_workers() -> usize {
    patata::default_num_workers()
}

/// Finds what is wrong with a dict of options, before there is a run.
#[pyfunction]
fn check_options(options: &Bound<'_, PyDict>) -> PyResult<()> {
    Conversion::new("GET", options, Arc::default(), Units::default())?;
    options::check(options)
}
