//! The bodies of answers: whole ones, and generated ones that use no memory to speak of.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

const ALPHABET: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// How much a generated body hands over at a time: a whole number of
/// alphabets, so that every chunk begins with an `a`, and just under 64 KiB.
const CHUNK_LENGTH: usize = 2520 * ALPHABET.len();

static CHUNK: [u8; CHUNK_LENGTH] = {
    let mut chunk = [0; CHUNK_LENGTH];
    let mut position = 0;
    while position < CHUNK_LENGTH {
        chunk[position] = ALPHABET[position % ALPHABET.len()];
        position += 1;
    }
    chunk
};

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes that are at hand; empty once they are handed over.
    Whole(Bytes),
    /// So many letters yet to come, their number announced as the content length.
    Sized(u64),
    /// So many letters yet to come, their number not announced, which makes
    /// hyper use the chunked transfer coding.
    Chunked(u64),
}

impl Body {
    pub(crate) const EMPTY: Body = Body::Whole(Bytes::new());
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.get_mut() {
            Body::Whole(bytes) => std::mem::take(bytes),
            Body::Sized(remaining) | Body::Chunked(remaining) => take_letters(remaining),
        };
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_empty(),
            Body::Sized(remaining) => *remaining == 0,
            // Not even at nought: hyper would announce a length of 0 for a
            // body that has ended before it began.
            Body::Chunked(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Sized(remaining) => SizeHint::with_exact(*remaining),
            Body::Chunked(_) => SizeHint::default(),
        }
    }
}

fn take_letters(remaining: &mut u64) -> Bytes {
    let length = (CHUNK_LENGTH as u64).min(*remaining);
    *remaining -= length;
    // No more than CHUNK_LENGTH, so nothing is cut off.
    Bytes::from_static(&CHUNK[..length as usize])
}
