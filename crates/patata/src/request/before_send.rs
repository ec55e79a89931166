//! What is waited for before a request is sent: a function of the user's, which may take its time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, Kind, Phase};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Waited = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// The user's function.
#[derive(Clone)]
pub(crate) struct BeforeSend(Arc<dyn Fn() -> Waited + Send + Sync>);

impl BeforeSend {
    pub(crate) fn new<F, R, E>(function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move || {
            let waited = function();
            Box::pin(async move { waited.await.map_err(Into::into) })
        }))
    }

    /// Waits until the request may be sent. If it may not be, that is its end: another attempt would have no leave
    /// either.
    pub(crate) async fn wait(&self) -> Result<(), Error> {
        (self.0)().await.map_err(|cause| {
            Error::new(Kind::Cancelled, Phase::Schedule, "The request was not sent")
                .with_source(cause)
                .lasting()
        })
    }
}

impl fmt::Debug for BeforeSend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BeforeSend")
    }
}
