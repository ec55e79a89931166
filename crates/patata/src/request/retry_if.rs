//! Whether a response is worth another attempt, as a function of the user's says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Kind, Phase};
use crate::response::Response;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Function = dyn Fn(&Attempt<'_>) -> Result<bool, BoxError> + Send + Sync;

/// A response that may not be the last one: what [`Builder::retry_if`](crate::Builder::retry_if) is asked about.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// What the server has answered.
    pub response: &'a Response,
    /// Attempts begun so far.
    pub attempts: u32,
    /// From the start of the first attempt to this answer.
    pub elapsed: Duration,
}

/// The user's function.
#[derive(Clone)]
pub(crate) struct RetryIf(Arc<Function>);

impl RetryIf {
    pub(crate) fn new<F, E>(function: F) -> Self
    where
        F: Fn(&Attempt<'_>) -> Result<bool, E> + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move |attempt| function(attempt).map_err(Into::into)))
    }

    /// What the function says to an answer.
    pub(crate) fn asks_for_another(
        &self,
        response: &Response,
        attempts: u32,
        elapsed: Duration,
    ) -> Result<bool, Error> {
        (self.0)(&Attempt { response, attempts, elapsed }).map_err(|cause| {
            Error::new(Kind::RetryIf, Phase::Answer, "The retry_if function failed").with_source(cause)
        })
    }
}

impl fmt::Debug for RetryIf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RetryIf")
    }
}
