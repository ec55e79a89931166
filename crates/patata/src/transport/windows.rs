//! How far a server widens the windows of HTTP/2 streams on which all has been sent: h2 looks at the others only.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::connect::stream::Stream;

/// The largest window there may be (RFC 9113, 6.9.1).
const LARGEST: u64 = (1 << 31) - 1;

const HEAD: usize = 9;
const WINDOW_UPDATE: u8 = 8;
/// The length of a whole `WINDOW_UPDATE`, its head included.
const UPDATE: usize = 13;

/// The windows of a connection's streams that are watched.
#[derive(Default)]
pub(crate) struct Windows {
    by_stream: RefCell<HashMap<u32, Window>>,
    /// Whether any has been widened beyond its bound.
    is_any_beyond: Cell<bool>,
}

struct Window {
    /// By how much it has been widened since all was sent. It was no less than 0 then.
    widened: u64,
    /// Of whoever waits for the response.
    waker: Waker,
}

impl Windows {
    /// Watches a stream on which all has been sent, and wakes this task once its window is beyond the bound.
    pub(crate) fn watch(self: &Rc<Self>, stream: u32, waker: &Waker) -> Watch {
        self.by_stream.borrow_mut().insert(stream, Window { widened: 0, waker: waker.clone() });
        Watch { windows: self.clone(), stream }
    }

    fn widen(&self, stream: u32, by: u32) {
        if let Some(window) = self.by_stream.borrow_mut().get_mut(&stream) {
            window.widened += u64::from(by);
            if window.widened > LARGEST {
                self.is_any_beyond.set(true);
                window.waker.wake_by_ref();
            }
        }
    }
}

/// Ends when it is dropped.
pub(crate) struct Watch {
    windows: Rc<Windows>,
    stream: u32,
}

impl Watch {
    /// Whether the stream's window has been widened beyond its bound.
    pub(crate) fn is_beyond(&self) -> bool {
        let is_beyond = |window: &Window| window.widened > LARGEST;
        self.windows.is_any_beyond.get()
            && self.windows.by_stream.borrow().get(&self.stream).is_some_and(is_beyond)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.windows.by_stream.borrow_mut().remove(&self.stream);
    }
}

/// A stream of HTTP/2 frames, which are looked at as they come.
pub(crate) struct Watched {
    stream: Box<dyn Stream>,
    frames: Frames,
    windows: Rc<Windows>,
}

impl Watched {
    pub(crate) fn new(stream: Box<dyn Stream>, windows: Rc<Windows>) -> Self {
        Self { stream, frames: Frames::default(), windows }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let begin = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let Self { frames, windows, .. } = &mut *self;
        frames.take(&buffer.filled()[begin..], |stream, by| windows.widen(stream, by));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Finds window updates among the frames of a connection.
#[derive(Default)]
struct Frames {
    /// What has come of a frame, as far as it is of interest.
    begin: [u8; UPDATE],
    have: usize,
    /// Bytes to come of a frame that is of none.
    skip: usize,
}

impl Frames {
    /// Takes what has come; `found` is told of each update: the stream, and by how much its window is widened.
    fn take(&mut self, mut bytes: &[u8], mut found: impl FnMut(u32, u32)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let wanted = if self.have < HEAD { HEAD } else { UPDATE };
            let count = (wanted - self.have).min(bytes.len());
            self.begin[self.have..self.have + count].copy_from_slice(&bytes[..count]);
            self.have += count;
            bytes = &bytes[count..];
            let [a, b, c, kind, _, s, t, r, e, rest @ ..] = self.begin;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let is_update = kind == WINDOW_UPDATE && length == UPDATE - HEAD;
            if self.have == HEAD && !is_update {
                (self.have, self.skip) = (0, length);
            } else if self.have == UPDATE {
                self.have = 0;
                // The first bit of each means nothing.
                let number = |bytes| u32::from_be_bytes(bytes) & (u32::MAX >> 1);
                found(number([s, t, r, e]), number(rest));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
    }

    proptest! {
        #[test]
        fn updates_are_found_among_other_frames_wherever_these_are_cut(
            frames in prop::collection::vec((0_u8..12, 0_u32..1 << 31, prop::collection::vec(any::<u8>(), 0..30)), 0..20),
            updates in prop::collection::vec((0_u32..1 << 31, 0_u32..1 << 31), 0..20),
            step in 1_usize..40,
        ) {
            let mut sent = Vec::new();
            let mut expected = Vec::new();
            for (number, (kind, stream, payload)) in frames.into_iter().enumerate() {
                if kind != WINDOW_UPDATE {
                    sent.extend(frame(kind, stream, &payload));
                }
                if let Some((stream, by)) = updates.get(number) {
                    // With the bit that means nothing.
                    sent.extend(frame(WINDOW_UPDATE, stream | 1 << 31, &(by | 1 << 31).to_be_bytes()));
                    expected.push((*stream, *by));
                }
            }
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in sent.chunks(step) {
                frames.take(piece, |stream, by| found.push((stream, by)));
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_window_is_beyond_its_bound_once_it_has_been_widened_by_more_than_fits() {
        let windows = Rc::new(Windows::default());
        let (one, other) = (windows.watch(1, Waker::noop()), windows.watch(3, Waker::noop()));
        windows.widen(1, (1 << 31) - 1);
        assert!(!one.is_beyond());
        windows.widen(1, 1);
        windows.widen(5, 1);
        assert!(one.is_beyond() && !other.is_beyond());
        drop((one, other));
        assert!(windows.by_stream.borrow().is_empty());
    }
}
