//! By what the engine's outcome is known to the user: the id, and the item of the input that it answers.

use std::sync::Arc;

use patata_run::Ticket;
use pyo3::prelude::*;

/// What a request carries through the engine. The id is the one that its item had when it was taken: an object of
/// the user's may be used again.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) id_: Py<PyAny>,
    /// As it came: what it says is looked at only if somebody asks for the response's request.
    pub(crate) item: Py<PyAny>,
    /// By which its run folder knows it, where it has one.
    pub(crate) ticket: Option<Arc<Ticket>>,
    /// How many responses have led to it.
    pub(crate) depth: u32,
}

impl Tag {
    /// That of what is no request.
    pub(crate) fn none(py: Python<'_>) -> Self {
        Self { id_: py.None(), item: py.None(), ticket: None, depth: 0 }
    }

    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            id_: self.id_.clone_ref(py),
            item: self.item.clone_ref(py),
            ticket: self.ticket.clone(),
            depth: self.depth,
        }
    }
}
