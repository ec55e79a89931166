//! The program `patata`, out of the extension: so that a wheel that brings it has no second copy of the engine.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Does what the arguments say, of which the first is the program's name. Gives what the process should end with.
#[pyfunction]
pub(crate) fn program(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| patata_cli::main(arguments))
}
