//! Content-encodings undone between a connection and the main loop: small bodies at once, others on threads that may take
//! their time, so that an event loop goes on with everything else.

use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::error::{Error, Kind, Phase};
use crate::response::decoding;
use crate::response::decoding::{Abandoned, Codings, SizeLimits};
use crate::transport::blocking;
use crate::transport::collect::Stored;
use crate::transport::connection::Received;
use crate::transport::timer::within;

/// Whether there is anything to decode in a response.
pub(crate) fn is_coded(received: &Received) -> bool {
    decoding::is_coded(&received.head.headers)
}

/// Large bodies of one event loop that are decoded at once: more would share the same cores.
const AT_ONCE: usize = 4;

/// The decoding of an event loop's bodies.
#[derive(Debug)]
pub(crate) struct Decoding {
    permits: Semaphore,
}

impl Default for Decoding {
    fn default() -> Self {
        Self { permits: Semaphore::new(AT_ONCE) }
    }
}

impl Decoding {
    /// Decodes the body of a response, which counts against its attempt's time. Whether it can be decoded matters only
    /// where the response stands, so this is no error here.
    ///
    /// # Errors
    /// The time-out.
    pub(crate) async fn decode(
        &self,
        mut received: Received,
        limits: SizeLimits,
        deadline: Instant,
    ) -> Result<Received, Error> {
        let Stored::Memory(body) = &mut received.body else { return Ok(received) };
        if body.is_empty() {
            // Which is let pass whatever codings it is said to have.
            return Ok(received);
        }
        let body = std::mem::take(body);
        let decoded = match Codings::of(&received.head.headers) {
            Err(error) => Err(error),
            Ok(codings) => match codings.undo_small(&body, limits) {
                Some(decoded) => decoded,
                None => {
                    let elsewhere = self.elsewhere(codings, body, limits);
                    within(deadline, elsewhere).await.ok_or_else(timed_out)?
                }
            },
        };
        received.body = match decoded {
            Ok(body) => Stored::Memory(body),
            Err(error) => Stored::Undecodable(error),
        };
        Ok(received)
    }

    async fn elsewhere(&self, codings: Codings, body: Bytes, limits: SizeLimits) -> Result<Bytes, Error> {
        let broke_down = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(Kind::Decode, Phase::Answer, "The body could not be decoded").with_source(cause)
        };
        let _permit = self.permits.acquire().await.map_err(|cause| broke_down(cause.into()))?;
        let waiting = Waiting(Abandoned::default());
        let abandoned = waiting.0.clone();
        let decoded = blocking::run(move || codings.undo(body, limits, &abandoned));
        decoded.await.map_err(|cause| broke_down(cause.into()))?
    }
}

/// Somebody who waits for a body. Dropped, it ends the decoding.
struct Waiting(Abandoned);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.set();
    }
}

fn timed_out() -> Error {
    Error::new(Kind::Timeout, Phase::Answer, "The attempt timed out while its response's body was decoded")
}
