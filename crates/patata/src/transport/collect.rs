//! Where a response's body goes while it is received.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Kind, Phase};

/// What is to become of a response's body.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// The most bytes it may have, as it comes.
    pub(crate) max_body: usize,
}

/// Takes a body piece by piece.
#[derive(Debug)]
pub(crate) struct Collector {
    max_body: usize,
    collected: Collected,
}

impl Collector {
    /// For a response of which the head is known; `least` is the least size that its body will have.
    pub(crate) fn new(_head: &http::response::Parts, least: u64, expected: &Expected) -> Result<Self, Error> {
        let max_body = expected.max_body;
        if least > u64::try_from(max_body).unwrap_or(u64::MAX) {
            return Err(too_large(max_body));
        }
        Ok(Self { max_body, collected: Collected::Nothing })
    }

    /// Whether it can take another piece.
    pub(crate) fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Takes a piece, once it is ready for one.
    pub(crate) fn add(&mut self, data: Bytes) -> Result<(), Error> {
        self.collected.add(data);
        if self.collected.len() > self.max_body { Err(too_large(self.max_body)) } else { Ok(()) }
    }

    /// The whole body, once nothing more comes. Asked until it is ready.
    pub(crate) fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        Poll::Ready(Ok(std::mem::replace(&mut self.collected, Collected::Nothing).into_bytes()))
    }
}

/// Nearly all bodies come in one piece, which is then copied once, to its size: hyper's piece is a
/// window into a buffer of many kilobytes, and would keep all of it.
#[derive(Debug)]
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Collected {
    fn add(&mut self, data: Bytes) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(Bytes::copy_from_slice(&data)),
            Self::One(first) => {
                let mut all = BytesMut::from(&first[..]);
                all.extend_from_slice(&data);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&data);
                Self::Many(all)
            }
        };
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(data) => data.len(),
            Self::Many(data) => data.len(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(data) => data,
            // Growing by doubling leaves up to half unused; a body may be kept for long.
            Self::Many(data) if data.capacity() > data.len() + data.len() / 4 => {
                Bytes::copy_from_slice(&data)
            }
            Self::Many(data) => data.freeze(),
        }
    }
}

fn too_large(max_body: usize) -> Error {
    let message = format!("The body is larger than max_response_size ({max_body} bytes)");
    Error::new(Kind::TooLarge, Phase::Body, message)
}
