//! What a response holds: as it came, and what was made of that or assigned since.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use patata::{CacheStatus, Charge, Outcome};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::fault::Fault;
use crate::folder::Pending;
use crate::received::Received;
use crate::tag::Tag;

#[derive(Debug)]
pub(crate) struct Fields {
    pub(crate) id_: Py<PyAny>,
    /// The item of the input that it answers, as it came, or the `Request` that has been made of it.
    pub(super) request: Option<Py<PyAny>>,
    pub(super) status: Status,
    pub(crate) body: Bytes,
    /// What has been made of the body or the failure, or assigned.
    pub(super) data: Option<Py<PyAny>>,
    pub(super) error: Failure,
    pub(crate) received: Received,
    pub(crate) attempts: u32,
    /// How many responses have led to its request.
    pub(crate) depth: u32,
    pub(super) retry_denied: bool,
    /// How far it has come from a cache.
    pub(crate) cached: CacheStatus,
    /// In nanoseconds, which take less room than a `Duration`.
    pub(crate) elapsed: u64,
    /// The budget that it has waited for, where it has.
    pub(super) waited: Option<Box<Waited>>,
    /// Where it is to be written down once callbacks have had it: what is wanted for that.
    pub(crate) pending: Option<Box<Pending>>,
}

/// A budget that a request has waited for, and for how long.
#[derive(Debug)]
pub(super) struct Waited {
    pub(super) budget: String,
    pub(super) time: Duration,
}

impl Waited {
    /// That which it has waited for the longest.
    fn of(charge: &Charge) -> Option<Box<Self>> {
        let (budget, time) = charge.waits().max_by_key(|(_, time)| *time)?;
        Some(Box::new(Self { budget: budget.to_string(), time }))
    }
}

#[derive(Debug)]
pub(super) enum Status {
    Code(u16),
    /// What the user has assigned.
    Assigned(Py<PyAny>),
}

#[derive(Debug)]
pub(crate) enum Failure {
    None,
    Fault(Box<Fault>),
    /// What has been made of a fault, or assigned.
    Exception(Py<PyAny>),
}

impl Failure {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::None => Self::None,
            Self::Fault(fault) => Self::Fault(fault.clone()),
            Self::Exception(exception) => Self::Exception(exception.clone_ref(py)),
        }
    }
}

/// What a fault's status code is, as it was in the older package.
pub(super) const FAULT_STATUS: u16 = 500;

/// 64 bits of nanoseconds are 584 years.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Fields {
    /// Those of a response of which nothing is known but its id.
    pub(super) fn empty(id_: Py<PyAny>, status: Status) -> Self {
        Self {
            id_,
            request: None,
            status,
            body: Bytes::new(),
            data: None,
            error: Failure::None,
            received: Received::None,
            attempts: 0,
            depth: 0,
            retry_denied: false,
            cached: CacheStatus::Sent,
            elapsed: 0,
            waited: None,
            pending: None,
        }
    }

    pub(super) fn of_outcome(outcome: Outcome<Tag>) -> Self {
        let Outcome {
            tag: Tag { id_, item, depth, .. },
            attempts,
            retry_denied,
            elapsed,
            charge,
            result,
            ..
        } = outcome;
        let waited = charge.as_deref().and_then(Waited::of);
        match result {
            Ok(response) => {
                Self { retry_denied, waited, depth, ..Self::answered(id_, item, response, attempts, elapsed) }
            }
            Err(error) => Self {
                id_,
                request: Some(item),
                status: Status::Code(FAULT_STATUS),
                body: Bytes::new(),
                data: None,
                received: Received::from(&error),
                error: Failure::Fault(Box::new(error.into())),
                attempts,
                depth,
                retry_denied,
                cached: CacheStatus::Sent,
                elapsed: nanoseconds(elapsed),
                waited,
                pending: None,
            },
        }
    }

    pub(super) fn answered(
        id_: Py<PyAny>,
        item: Py<PyAny>,
        response: patata::Response,
        attempts: u32,
        elapsed: Duration,
    ) -> Self {
        let cached = response.cached;
        Self {
            id_,
            request: Some(item),
            status: Status::Code(response.status.as_u16()),
            body: response.body.clone(),
            data: None,
            error: Failure::None,
            received: Received::from(response),
            attempts,
            depth: 0,
            retry_denied: false,
            cached,
            elapsed: nanoseconds(elapsed),
            waited: None,
            pending: None,
        }
    }

    /// The media type that the server has told, with its parameters.
    pub(super) fn content_type(&self) -> Option<Vec<u8>> {
        self.received.header("content-type").map(Cow::into_owned)
    }

    /// Shows what it holds for Python to the garbage collector.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.id_)?;
        if let Some(request) = &self.request {
            visit.call(request)?;
        }
        if let Status::Assigned(status) = &self.status {
            visit.call(status)?;
        }
        if let Failure::Exception(error) = &self.error {
            visit.call(error)?;
        }
        if let Some(found) = self.pending.as_ref().and_then(|pending| pending.found.as_ref()) {
            found.items.iter().try_for_each(|item| visit.call(item))?;
        }
        self.data.iter().try_for_each(|data| visit.call(data))
    }
}
