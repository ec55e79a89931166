//! One sending of a body: what hyper and h2 poll. Files and iterators are read on threads that may wait.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::error::{Error, Kind, Phase, is_shortage};
use crate::request::body::{Body, ChunkedBuffer, Content, PIECE, Part, Streamed, open};
use crate::transport::blocking;

/// How often, and after what time, a file is tried again while as many are open as may be.
const SHORTAGES: u32 = 200;
const SHORTAGE: Duration = Duration::from_millis(25);

/// The body of one sending.
#[derive(Debug)]
pub(crate) struct Outgoing(Source);

#[derive(Debug)]
enum Source {
    Bytes(Bytes),
    Streamed(Streaming),
}

impl From<&Body> for Outgoing {
    fn from(body: &Body) -> Self {
        Self(match &body.content {
            Content::Bytes(bytes) => Source::Bytes(bytes.clone()),
            Content::Streamed(streamed) => Source::Streamed(Streaming {
                left: streamed.length,
                state: State::Resting(Reader {
                    streamed: streamed.clone(),
                    next_part: 0,
                    current: None,
                    opened: None,
                }),
            }),
            Content::None | Content::Unusable(_) => Source::Bytes(Bytes::new()),
        })
    }
}

impl Outgoing {
    /// Opens the first of its files, so that one that cannot be opened is found before anything is sent.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) async fn open_file(&mut self) -> Result<(), Error> {
        let Source::Streamed(Streaming { state: State::Resting(reader), .. }) = &mut self.0 else {
            return Ok(());
        };
        let streamed = reader.streamed.clone();
        let Some(number) = streamed.parts.iter().position(|part| matches!(part, Part::File { .. })) else {
            return Ok(());
        };
        let opened = blocking::run(move || match &streamed.parts[number] {
            Part::File { path, .. } => open(path).map(Some),
            _ => Ok(None),
        });
        let opened = opened.await.and_then(|done| done);
        reader.opened = opened.map_err(|cause| unreadable(cause).unsent())?.map(|file| (number, file));
        Ok(())
    }

    /// Whether all of it is there at once.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.0, Source::Bytes(_))
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = match &mut self.0 {
            Source::Bytes(bytes) if bytes.is_empty() => None,
            Source::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
            Source::Streamed(streaming) => ready!(streaming.poll_piece(context)),
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Streamed(streaming) => streaming.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Bytes(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Source::Streamed(streaming) => {
                streaming.left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}

/// A body that is read piece by piece, each only when the one before it has been taken: that is the
/// back-pressure.
#[derive(Debug)]
struct Streaming {
    /// How many bytes are to come, where that is known.
    left: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    Resting(Reader),
    /// A thread that may wait is at it.
    Reading(JoinHandle<(Reader, Option<io::Result<Bytes>>)>),
    Ended,
}

impl Streaming {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Resting(_) => {
                    if let State::Resting(mut reader) = std::mem::replace(&mut self.state, State::Ended) {
                        reader.streamed.begin();
                        let reading = blocking::spawn(move || {
                            let piece = reader.next();
                            (reader, piece)
                        });
                        match reading {
                            Ok(reading) => self.state = State::Reading(reading),
                            Err(cause) => return Poll::Ready(Some(Err(unreadable(cause)))),
                        }
                    }
                }
                State::Reading(reading) => {
                    let read = ready!(Pin::new(reading).poll(context));
                    return Poll::Ready(self.taken(read.map_err(io::Error::other)));
                }
            }
        }
    }

    /// Looks at what was read: the declared length binds both sides.
    fn taken(
        &mut self,
        read: io::Result<(Reader, Option<io::Result<Bytes>>)>,
    ) -> Option<Result<Bytes, Error>> {
        self.state = State::Ended;
        let (reader, piece) = match read {
            Ok((reader, piece)) => (reader, piece.transpose()),
            Err(cause) => return Some(Err(unreadable(cause))),
        };
        let length = |piece: &Bytes| u64::try_from(piece.len()).unwrap_or(u64::MAX);
        match (piece, &mut self.left) {
            (Err(cause), _) => Some(Err(unreadable(cause))),
            (Ok(None), Some(left)) if *left > 0 => {
                Some(Err(unreadable(format!("it ended {left} bytes early"))))
            }
            (Ok(None), _) => None,
            (Ok(Some(piece)), Some(left)) if length(&piece) > *left => {
                Some(Err(unreadable("it is longer than its length says")))
            }
            (Ok(Some(piece)), left) => {
                if let Some(left) = left {
                    *left -= length(&piece);
                }
                self.state = State::Resting(reader);
                Some(Ok(piece))
            }
        }
    }
}

fn unreadable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::InvalidRequest, Phase::Head, "The request's body could not be read").with_source(cause)
}

/// Reads the parts of a body one after another. It may wait.
struct Reader {
    streamed: Arc<Streamed>,
    next_part: usize,
    current: Option<Current>,
    /// A file that has been opened ahead, and which part it is.
    opened: Option<(usize, File)>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("next_part", &self.next_part).finish_non_exhaustive()
    }
}

enum Current {
    Bytes(Bytes),
    File(File),
    ChunkedBuffer(ChunkedBuffer),
}

impl Reader {
    /// The next piece, which is never empty.
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let piece = match &mut self.current {
                None => match self.open_next_part()? {
                    Ok(part) => {
                        self.current = Some(part);
                        continue;
                    }
                    Err(cause) => return Some(Err(cause)),
                },
                Some(Current::Bytes(bytes)) => Ok(std::mem::take(bytes)),
                Some(Current::File(file)) => read_piece(file),
                Some(Current::ChunkedBuffer(pieces)) => match pieces.next() {
                    // An empty piece is not the end here.
                    Some(Ok(piece)) if piece.is_empty() => continue,
                    piece => piece.unwrap_or_else(|| Ok(Bytes::new())),
                },
            };
            match piece {
                Ok(piece) if piece.is_empty() => self.current = None,
                piece => return Some(piece),
            }
        }
    }

    fn open_next_part(&mut self) -> Option<io::Result<Current>> {
        let part = self.streamed.parts.get(self.next_part)?;
        self.next_part += 1;
        Some(match part {
            Part::Bytes(bytes) => Ok(Current::Bytes(bytes.clone())),
            Part::File { path, .. } => {
                let ahead = self.opened.take_if(|(number, _)| *number + 1 == self.next_part);
                ahead.map_or_else(|| open_patiently(path), |(_, file)| Ok(file)).map(Current::File)
            }
            Part::Again { begin, .. } => begin().map(Current::ChunkedBuffer),
            Part::Once { pieces, .. } => {
                let pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
                pieces.map(Current::ChunkedBuffer).ok_or_else(|| io::Error::other("it can be sent only once"))
            }
        })
    }
}

/// Opens a file, for which room may have to come: what was sent before it cannot be taken back.
fn open_patiently(path: &Path) -> io::Result<File> {
    for _ in 0..SHORTAGES {
        match open(path) {
            Err(cause) if is_shortage(&cause) => std::thread::sleep(SHORTAGE),
            opened => return opened,
        }
    }
    open(path)
}

fn read_piece(file: &mut File) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(PIECE);
    file.take(u64::try_from(PIECE).unwrap_or(u64::MAX)).read_to_end(&mut piece)?;
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn sent(body: &Body) -> Result<Bytes, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let collected = Outgoing::from(body).collect().await;
            collected.map(|whole| whole.to_bytes()).map_err(|error| error.to_string())
        })
    }

    fn pieces(pieces: &'static [&str]) -> impl Iterator<Item = io::Result<Bytes>> + Send {
        pieces.iter().map(|piece| Ok(Bytes::from(*piece)))
    }

    #[test]
    fn parts_are_sent_one_after_another() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; 300_000]).unwrap();
        let body = Body::streamed(vec![
            Part::Bytes("begin ".into()),
            Part::file(file.path()).unwrap(),
            Part::once(Box::new(pieces(&["", " end", ""])), None),
        ]);
        let whole = sent(&body).unwrap();
        assert!(whole.starts_with(b"begin xxx") && whole.ends_with(b"xxx end"));
        assert_eq!(whole.len(), 300_010);
    }

    #[test]
    fn pieces_can_be_sent_once_and_a_file_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "potato").unwrap();
        let again = Body::file(file.path());
        let once = Body::pieces(pieces(&["potato"]));
        assert!(again.is_whole() && once.is_whole());
        for body in [&again, &once, &again] {
            assert_eq!(sent(body).unwrap(), "potato");
        }
        assert!(again.is_whole() && !once.is_whole());
        assert!(sent(&once).unwrap_err().ends_with("it can be sent only once"));
    }

    #[test]
    fn what_can_be_begun_anew_is_whole_each_time() {
        let body = Body::rewindable(|| Ok(pieces(&["pot", "ato"])), Some(6));
        for _ in 0..3 {
            assert_eq!(sent(&body).unwrap(), "potato");
            assert!(body.is_whole() && body.is_repeatable());
        }
        let broken: fn() -> io::Result<Vec<io::Result<Bytes>>> = || Err(io::Error::other("it is closed"));
        assert!(sent(&Body::rewindable(broken, None)).unwrap_err().ends_with("it is closed"));
    }

    #[test]
    fn a_length_that_is_wrong_is_a_fault() {
        let long = Body::sized_pieces(pieces(&["pot", "ato"]), 5);
        assert!(sent(&long).unwrap_err().ends_with("it is longer than its length says"));
        let short = Body::sized_pieces(pieces(&["pot", "ato"]), 8);
        assert!(sent(&short).unwrap_err().ends_with("it ended 2 bytes early"));
    }

    #[test]
    fn what_a_piece_fails_with_is_told() {
        let broken = Body::pieces([Ok("pot".into()), Err(io::Error::other("no potatoes left"))]);
        assert_eq!(sent(&broken).unwrap_err(), "The request's body could not be read: no potatoes left");
    }
}
