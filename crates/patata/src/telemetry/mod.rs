//! What may be watched of a client: each exchange with a server, told to an observer, and the trace that it belongs to.

pub(crate) mod exchange;
pub(crate) mod header;
pub(crate) mod trace_parent;
pub(crate) mod url;

use std::fmt;
use std::sync::Arc;

use crate::telemetry::exchange::{Exchange, ExchangeStart};
use crate::telemetry::trace_parent::TraceParent;

/// Is told of each exchange with a server: see [`Builder::observer`](crate::Builder::observer).
///
/// An exchange is one sending of a request, from the moment at which a connection is chosen for it until its response is
/// there, or its failure. A retry and a redirect are exchanges of their own; what a cache answers is none.
///
/// It is called by the threads that send requests, which do nothing else meanwhile: it must not wait.
pub trait ExchangeObserver: fmt::Debug + Send + Sync {
    /// An exchange begins whose span is recorded (see [`TraceParent::recorded`]). What it returns becomes the span's id, by
    /// which the server is told of it too. `None`, which is the default, for one that the engine makes up.
    fn span_id(&self, start: &ExchangeStart<'_>) -> Option<u64> {
        let _ = start;
        None
    }

    /// An exchange has ended.
    fn ended(&self, exchange: &Exchange<'_>);
}

/// Who watches the exchanges of a client or a call, and the trace that they belong to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telemetry {
    pub(crate) observer: Option<Arc<dyn ExchangeObserver>>,
    pub(crate) parent: Option<Arc<TraceParent>>,
}

impl Telemetry {
    /// Whether anything is to be done for it.
    pub(crate) fn is_on(&self) -> bool {
        self.observer.is_some() || self.parent.is_some()
    }
}
