//! What a call begins with, however its requests come: its run folder, and what it asks about each of them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::caching;
use crate::convert::Conversion;
use crate::folder::{Admittance, OpenedFolder, Recording};
use crate::input::Joined;
use crate::options::Client;
use crate::raised::Raised;
use crate::robots;
use crate::telemetry;

/// A call that may begin.
pub(crate) struct Begun {
    /// Where there is a run folder: says what is sent.
    pub(crate) admittance: Option<Admittance>,
    pub(crate) recording: Option<Recording>,
    /// The engine with what is this call's alone, where there is any.
    apart: Option<patata::Client>,
}

impl Begun {
    /// Begins the run of a folder, or goes on with it, where there is one. `conversion` makes another one of the call's.
    ///
    /// # Errors
    /// What is wrong with the folder, or with what the options name.
    pub(crate) fn new(
        client: &Client,
        options: &Bound<'_, PyDict>,
        folder: Option<&OpenedFolder>,
        joined: Option<&mut Joined>,
        raised: &Arc<Raised>,
        conversion: impl FnOnce() -> PyResult<Conversion>,
    ) -> PyResult<Self> {
        let begun =
            folder.map(|folder| folder.begin(client.engine().clone(), joined, conversion)).transpose()?;
        let (admittance, recording) = begun.unzip();
        let obeying = robots::obeying(client.engine(), options, raised)?;
        let distinct = caching::distinct(obeying.as_ref().unwrap_or(client.engine()), options)?;
        let apart = distinct.or(obeying);
        let traced = telemetry::traced(apart.as_ref().unwrap_or(client.engine()), options)?;
        Ok(Self { admittance, recording, apart: traced.or(apart) })
    }

    /// What the call is begun with.
    pub(crate) fn engine<'c>(&'c self, client: &'c Client) -> &'c patata::Client {
        self.apart.as_ref().unwrap_or(client.engine())
    }
}
