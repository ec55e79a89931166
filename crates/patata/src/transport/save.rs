//! Writes a response's body to a file as it comes: through a temporary name, on threads that may wait.

use std::io::{self, Seek, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

use crate::decode::Codings;
use crate::error::{Error, Kind, Phase};
use crate::headers::Headers;

/// How many bytes are gathered for one writing.
const BATCH: usize = 256 << 10;

/// A body on its way to a file. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Saving {
    path: Arc<Path>,
    codings: Codings,
    /// The most bytes that the file may have.
    limit: usize,
    /// Made by the first writing; away while one is under way.
    file: Option<NamedTempFile>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    writing: Option<Writing>,
    is_ending: bool,
}

/// Gives the file back until it has its name.
type Writing = JoinHandle<Result<Option<NamedTempFile>, Error>>;

impl Saving {
    /// For a response with these headers.
    pub(crate) fn new(path: Arc<Path>, headers: &Headers, limit: usize) -> Result<Self, Error> {
        Ok(Self {
            path,
            codings: Codings::of(headers)?,
            limit,
            file: None,
            gathered: Vec::new(),
            gathered_bytes: 0,
            writing: None,
            is_ending: false,
        })
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Whether another piece may come. While one batch is written the next one is gathered, and no more:
    /// memory stays flat where the network is faster than the disk.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.poll_written(context)?.is_ready() && self.gathered_bytes >= BATCH {
            self.begin_writing(|file, _| Ok(Some(file)));
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
        if !std::mem::replace(&mut self.is_ending, true) {
            let (codings, limit) = (self.codings.clone(), self.limit);
            self.begin_writing(move |file, path| {
                let whole = if codings.is_empty() { file } else { decoded(file, &codings, path, limit)? };
                whole.persist(path).map_err(|cause| unwritable(path, cause.error))?;
                Ok(None)
            });
        }
        self.poll_written(context)
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(writing) = &mut self.writing {
            let written = ready!(Pin::new(writing).poll(context));
            self.writing = None;
            self.file = written.map_err(|cause| unwritable(&self.path, io::Error::other(cause)))??;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what has been gathered, and does `then`.
    fn begin_writing(
        &mut self,
        then: impl FnOnce(NamedTempFile, &Path) -> Result<Option<NamedTempFile>, Error> + Send + 'static,
    ) {
        let (path, file) = (self.path.clone(), self.file.take());
        let pieces = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let written = file.map_or_else(|| temporary(&path), Ok).and_then(|mut file| {
                pieces.iter().try_for_each(|piece| file.write_all(piece))?;
                Ok(file)
            });
            then(written.map_err(|cause| unwritable(&path, cause))?, &path)
        }));
    }
}

/// A new file in the folder of `path`, where a rename is cheap and whole.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".patata-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other new file: what the umask leaves of this.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The file without its content-encodings: by way of a second file, so that neither is ever in memory.
fn decoded(
    mut encoded: NamedTempFile,
    codings: &Codings,
    path: &Path,
    limit: usize,
) -> Result<NamedTempFile, Error> {
    let mut plain = temporary(path).map_err(|cause| unwritable(path, cause))?;
    let size = encoded.stream_position().map_err(|cause| unwritable(path, cause))?;
    encoded.rewind().map_err(|cause| unwritable(path, cause))?;
    codings.undo_file(encoded.as_file_mut(), size, plain.as_file_mut(), limit)?;
    Ok(plain)
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    let message = format!("The body could not be saved to {path:?} (stream_to)");
    Error::new(Kind::Save, Phase::Body, message).with_source(cause)
}
