//! What requests cost, as functions of the user's say: before they are sent, and by what came.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::address::target::Target;
use crate::cost::Costs;
use crate::cost::unit::Unit;
use crate::error::Error;
use crate::response::Response;

type Estimate = dyn Fn(&PricedRequest<'_>) -> Result<Costs, Error> + Send + Sync;
type Settle = dyn Fn(&Response) -> Costs + Send + Sync;

/// A request that is about to be sent, for [`Builder::cost`](crate::Builder::cost) to say what it costs.
#[derive(Debug)]
#[non_exhaustive]
pub struct PricedRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The body, where it is in memory.
    pub body: Option<&'a [u8]>,
    pub(crate) target: &'a Target,
}

impl PricedRequest<'_> {
    /// The URL, without credentials and fragment: written anew each time.
    pub fn url(&self) -> String {
        self.target.to_string()
    }
}

/// Says what a request costs before it is sent.
#[derive(Clone)]
pub(crate) struct EstimateCost(Arc<Estimate>);

impl EstimateCost {
    pub(crate) fn new<F, U, I, E>(function: F) -> Self
    where
        F: Fn(&PricedRequest<'_>) -> Result<I, E> + Send + Sync + 'static,
        I: IntoIterator<Item = (U, f64)>,
        U: AsRef<str>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(Arc::new(move |request| {
            let amounts = function(request)
                .map_err(|cause| Error::invalid("The cost function failed").with_source(cause))?;
            Costs::new(amounts).map_err(Error::invalid)
        }))
    }

    /// What a request costs.
    ///
    /// # Errors
    /// What the function fails with, and what is no amount.
    pub(crate) fn of(&self, request: &PricedRequest<'_>) -> Result<Costs, Error> {
        (self.0)(request)
    }
}

impl fmt::Debug for EstimateCost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EstimateCost")
    }
}

/// Says what a request did cost, by its response.
#[derive(Clone)]
pub(crate) struct SettleCost(Arc<Settle>);

impl SettleCost {
    pub(crate) fn new<F, U, I>(function: F) -> Self
    where
        F: Fn(&Response) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = (U, f64)>,
        U: AsRef<str>,
    {
        Self(Arc::new(move |response| {
            let mut costs = Costs::default();
            for (unit, amount) in function(response) {
                // What is no amount leaves its unit as it was estimated, as the function's docs say.
                let _ = costs.set(Unit::new(unit.as_ref()), amount);
            }
            costs
        }))
    }

    /// What it says, as far as that is amounts: of anything else the estimate stands.
    pub(crate) fn of(&self, response: &Response) -> Costs {
        (self.0)(response)
    }
}

impl fmt::Debug for SettleCost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SettleCost")
    }
}
