//! Looks at a request as a run would, without a run.

use std::hash::RandomState;

use crate::error::Error;
use crate::job::planner::Planner;
use crate::request::Request;
use crate::response::Url;

/// Where a request leads, or what is wrong with it.
pub(crate) fn check<T>(request: &Request<T>) -> Result<Url, Error> {
    Planner::new(RandomState::new()).check(request).map(Url)
}
