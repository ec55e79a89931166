//! Writes a response's body to a file as it comes: through a temporary name, on threads that may wait.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::error::{Error, Kind, Phase, is_shortage};
use crate::report::parts::Parts;
use crate::response::decoding::{Abandoned, Codings, FileFault, SizeLimits};
use crate::response::headers::Headers;
use crate::transport::blocking;
use crate::transport::part_file::Part;

/// How many bytes are gathered for one writing.
const BATCH: usize = 256 << 10;

/// Where the body of a response will go, should it be a good one. The file is there before the request is sent: where
/// none can be opened, nothing has been asked for that could not be kept.
#[derive(Debug)]
pub(crate) struct Destination {
    path: Arc<Path>,
    part: Part,
}

impl Destination {
    /// For a response that is to be at `path`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) async fn new(path: Arc<Path>, parts: &Parts) -> Result<Self, Error> {
        let (target, parts) = (path.clone(), parts.clone());
        let created = blocking::run(move || Part::create(&target, &parts)).await.and_then(|done| done);
        let part = created.map_err(|cause| unwritable(&path, cause).unsent())?;
        Ok(Self { path, part })
    }
}

/// A body on its way to a file. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Saving {
    path: Arc<Path>,
    codings: Codings,
    limits: SizeLimits,
    /// Away while a writing is under way.
    part: Option<Part>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    writing: Option<Writing>,
    end: Arc<End>,
}

/// Gives the file back until it has its name.
type Writing = JoinHandle<Result<Option<Part>, Error>>;

/// What the thread that writes and the one that waits have in common.
#[derive(Debug, Default)]
struct End {
    abandoned: Abandoned,
    stage: Mutex<Stage>,
}

#[derive(Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Begun,
    /// The rest is being written.
    Ending,
    /// The file has its name.
    Named,
    /// Somebody knows that it has.
    Told,
}

impl End {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Saving {
    /// For a response with these headers.
    pub(crate) fn new(
        destination: Destination,
        headers: &Headers,
        limits: SizeLimits,
    ) -> Result<Self, Error> {
        Ok(Self {
            path: destination.path,
            codings: Codings::of(headers)?,
            limits,
            part: Some(destination.part),
            gathered: Vec::new(),
            gathered_bytes: 0,
            writing: None,
            end: Arc::default(),
        })
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Whether another piece may come. While one batch is written the next one is gathered, and no more:
    /// memory stays flat where the network is faster than the disk.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.poll_written(context)?.is_ready() && self.gathered_bytes >= BATCH {
            self.begin_writing(|part, _, _| Ok(Some(part)))?;
            // Asked once, so that its end wakes this task.
            let _ = self.poll_written(context)?;
        }
        if self.gathered_bytes < BATCH { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    pub(crate) fn add(&mut self, data: Bytes) {
        self.gathered_bytes += data.len();
        self.gathered.push(data);
    }

    /// Writes the rest, undoes the content-encodings, and gives the file its name.
    pub(crate) fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_written(context))?;
        let begun = std::mem::replace(&mut *self.end.stage(), Stage::Ending);
        match begun {
            Stage::Begun => {
                let (codings, limits) = (self.codings.clone(), self.limits);
                self.begin_writing(move |part, path, end| {
                    let whole =
                        if codings.is_empty() { part } else { decoded(part, &codings, path, limits, end)? };
                    name(whole, path, end)?;
                    Ok(None)
                })?;
            }
            stage => *self.end.stage() = stage,
        }
        ready!(self.poll_written(context))?;
        *self.end.stage() = Stage::Told;
        Poll::Ready(Ok(()))
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(writing) = &mut self.writing {
            let written = ready!(Pin::new(writing).poll(context));
            self.writing = None;
            self.part = written.map_err(|cause| unwritable(&self.path, io::Error::other(cause)))??;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what has been gathered, and does `then`.
    fn begin_writing(
        &mut self,
        then: impl FnOnce(Part, &Path, &End) -> Result<Option<Part>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        let (path, end) = (self.path.clone(), self.end.clone());
        let pieces = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let writing = blocking::spawn(move || {
            let written = pieces.iter().try_for_each(|piece| part.file.write_all(piece));
            written.map_err(|cause| unwritable(&path, cause))?;
            then(part, &path, &end)
        });
        self.writing = Some(writing.map_err(|cause| unwritable(&self.path, cause))?);
        Ok(())
    }
}

impl Drop for Saving {
    /// Nobody waits for it: no file may come of what is still being written, nor stay of what was written just now.
    fn drop(&mut self) {
        self.end.abandoned.set();
        if *self.end.stage() == Stage::Named {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Gives a file its name, unless nobody waits for it any more.
fn name(part: Part, path: &Path, end: &End) -> Result<(), Error> {
    let mut stage = end.stage();
    if end.abandoned.is_set() {
        return Err(unwritable(path, io::Error::other("nobody waits for it any more")));
    }
    part.persist(path).map_err(|cause| unwritable(path, cause))?;
    *stage = Stage::Named;
    Ok(())
}

/// The file without its content-encodings: by way of a second file, so that neither is ever in memory.
fn decoded(
    mut encoded: Part,
    codings: &Codings,
    path: &Path,
    limits: SizeLimits,
    end: &End,
) -> Result<Part, Error> {
    let explain = |fault| match fault {
        FileFault::Body(error) => error,
        FileFault::File(cause) => unwritable(path, cause),
    };
    let unwritable = |cause| unwritable(path, cause);
    let size = encoded.file.stream_position().map_err(unwritable)?;
    match encoded.another(path) {
        Ok(mut plain) => {
            encoded.file.rewind().map_err(unwritable)?;
            let undone = codings.undo_file(&mut encoded.file, size, &mut plain.file, limits, &end.abandoned);
            undone.map_err(explain)?;
            Ok(plain)
        }
        // Others may wait for a second file too, and hold their first: so one is made do with.
        Err(cause) if is_shortage(&cause) => {
            let mut reader = At { file: &encoded.file, position: 0, end: size };
            let mut writer = At { file: &encoded.file, position: size, end: u64::MAX };
            codings.undo_file(&mut reader, size, &mut writer, limits, &end.abandoned).map_err(explain)?;
            let length = writer.position - size;
            let mut from = At { file: &encoded.file, position: size, end: size + length };
            let mut to = At { file: &encoded.file, position: 0, end: u64::MAX };
            io::copy(&mut from, &mut to).map_err(unwritable)?;
            encoded.file.set_len(length).map_err(unwritable)?;
            Ok(encoded)
        }
        Err(cause) => Err(unwritable(cause)),
    }
}

/// A place in a file, which another is read or written beside.
struct At<'f> {
    file: &'f File,
    position: u64,
    end: u64,
}

impl At<'_> {
    fn file(&self) -> io::Result<&File> {
        let mut file = self.file;
        file.seek(io::SeekFrom::Start(self.position))?;
        Ok(file)
    }
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file()?.take(self.end - self.position).read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for At<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file()?.write(buffer)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a body is not in its file.
pub(crate) fn unwritable(path: &Path, cause: io::Error) -> Error {
    let message = format!("The body could not be saved to {path:?} (stream_to)");
    Error::new(Kind::Save, Phase::Body, message).with_source(cause)
}
