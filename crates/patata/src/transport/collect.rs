//! Where a response's body goes while it is received.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::{Error, Kind, Phase};
use crate::response::chunked_buffer::ChunkedBuffer;
use crate::response::decoding::SizeLimits;
use crate::response::headers::Headers;
use crate::transport::download::{Destination, Saving};

/// What is to become of a response's body.
#[derive(Debug)]
pub(crate) struct Expected {
    /// How large it may be: as it comes, and in a file once it is decoded.
    pub(crate) limits: SizeLimits,
    /// The file it goes to, should the response be a good one; `None` for memory.
    pub(crate) file: RefCell<Option<Destination>>,
    /// Whether redirects are followed, so that nobody reads their bodies.
    pub(crate) follows_redirects: bool,
}

impl Expected {
    /// A body that stays in memory, and is not looked into where the response is a redirect.
    pub(crate) fn in_memory(most: usize) -> Self {
        let limits = SizeLimits { most, ratio: None };
        Self { limits, file: RefCell::default(), follows_redirects: true }
    }
}

/// Where a whole body is.
#[derive(Debug)]
pub(crate) enum Stored {
    /// Content-encodings still on it, until it is decoded.
    Memory(Bytes),
    /// In memory, and not to be had under its content-encodings.
    Undecodable(Error),
    /// Without any content-encoding.
    File(Arc<Path>),
}

/// Takes a body piece by piece.
#[derive(Debug)]
pub(crate) struct Collector {
    max_body: usize,
    received: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(ChunkedBuffer),
    File(Box<Saving>),
}

impl Collector {
    /// For a response of which the head is known; `least` is the least size that its body will have.
    pub(crate) fn new(
        status: StatusCode,
        headers: &Headers,
        least: u64,
        expected: &Expected,
    ) -> Result<Self, Error> {
        let max_body = expected.limits.most;
        if least > u64::try_from(max_body).unwrap_or(u64::MAX) {
            return Err(too_large(max_body));
        }
        let place = match expected.file.borrow_mut().take() {
            Some(destination) if status.is_success() => {
                Place::File(Box::new(Saving::new(destination, headers, expected.limits)?))
            }
            _ => {
                let claimed = ChunkedBuffer::claimed(usize::try_from(least).unwrap_or(usize::MAX));
                Place::Memory(claimed.map_err(out_of_memory)?)
            }
        };
        Ok(Self { max_body, received: 0, place })
    }

    /// Whether it can take another piece.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.place {
            Place::Memory(_) => Poll::Ready(Ok(())),
            Place::File(saving) => saving.poll_ready(context),
        }
    }

    /// Takes a piece, once it is ready for one.
    pub(crate) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        self.received += data.len();
        if self.received > self.max_body {
            return Err(too_large(self.max_body));
        }
        match &mut self.place {
            Place::Memory(pieces) => return pieces.add(data).map_err(out_of_memory),
            Place::File(saving) => saving.add(Bytes::copy_from_slice(data)),
        }
        Ok(())
    }

    /// Reads at most `most` bytes straight into the memory where they stay: their number, which is 0 where the stream
    /// has ended. `None` where the body goes elsewhere.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin + ?Sized),
        most: usize,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let most = most.min(self.max_body - self.received);
        let Place::Memory(pieces) = &mut self.place else { return None };
        let mut room = match pieces.room(most) {
            Ok(room) => room,
            Err(cause) => return Some(Poll::Ready(Err(cause))),
        };
        let read = pin!(stream.read_buf(&mut room)).poll(context);
        if let Poll::Ready(Ok(count)) = read {
            self.received += count;
        }
        Some(read)
    }

    /// The whole body, once nothing more comes. Asked until it is ready.
    pub(crate) fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<Stored, Error>> {
        Poll::Ready(Ok(match &mut self.place {
            Place::Memory(pieces) => {
                Stored::Memory(std::mem::take(pieces).whole().map_err(out_of_memory)?.into())
            }
            Place::File(saving) => {
                ready!(saving.poll_finish(context))?;
                Stored::File(saving.path().clone())
            }
        }))
    }
}

fn out_of_memory(cause: io::Error) -> Error {
    Error::out_of_memory(Phase::Body, cause)
}

fn too_large(max_body: usize) -> Error {
    let message = format!("The body is larger than max_response_size ({max_body} bytes)");
    Error::new(Kind::TooLarge, Phase::Body, message)
}
