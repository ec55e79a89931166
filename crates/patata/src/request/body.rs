//! A request's body as a value: bytes, or parts that are read from files and iterators while they are sent.

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::Serialize;

use crate::error::is_shortage;
use crate::request::multipart::Multipart;

/// How much of a file is read at once.
pub(crate) const PIECE: usize = 128 << 10;

/// ChunkedBuffer that can be had once.
pub(crate) type ChunkedBuffer = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

/// What a request sends, and of what media type it is.
///
/// Bytes are kept in memory, and shared by all who clone the body. Files and readers are read while they are
/// sent, a piece at a time and no faster than the server takes them, on a thread that may wait.
///
/// ```
/// use patata::{Body, Request};
///
/// let json = Body::json(&serde_json::json!({"name": "potato"}));
/// let form = Body::form([("name", "potato"), ("colour", "yellow")]);
/// let pieces = ["pot", "ato"].map(|piece| Ok(piece.into()));
/// let streamed = Body::pieces(pieces);
/// for body in [Body::from("potato"), json, form, streamed] {
///     let _ = Request::post((), "http://localhost:12345/echo-body").body(body);
/// }
/// ```
#[derive(Clone, Default)]
pub struct Body {
    pub(crate) content: Content,
    /// Said in `Content-Type` where the headers do not say it.
    pub(crate) media_type: Option<Cow<'static, str>>,
}

#[derive(Clone, Default)]
pub(crate) enum Content {
    /// No body: not the same as an empty one where there are defaults.
    #[default]
    None,
    Bytes(Bytes),
    Streamed(Arc<Streamed>),
    /// What was given cannot be sent; known before any I/O.
    Unusable(Arc<str>),
}

/// A body that is read while it is sent.
pub(crate) struct Streamed {
    pub(crate) parts: Vec<Part>,
    /// Of all parts together; `None` where one of them does not say.
    pub(crate) length: Option<u64>,
    /// Whether a sending has begun to read it.
    has_begun: AtomicBool,
}

impl Streamed {
    /// States that it is read from now on. What can be had once is then no longer whole, even before a thread
    /// has come to read it.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    fn is_repeatable(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Once { .. }))
    }
}

/// Begins pieces anew.
type Begin = Box<dyn Fn() -> io::Result<ChunkedBuffer> + Send + Sync>;

pub(crate) enum Part {
    Bytes(Bytes),
    /// Begun anew for each sending.
    Again {
        begin: Begin,
        length: Option<u64>,
    },
    File {
        path: PathBuf,
        /// `None` where only its end tells.
        length: Option<u64>,
    },
    /// Gone once it has begun to be sent.
    Once {
        pieces: Mutex<Option<ChunkedBuffer>>,
        length: Option<u64>,
    },
}

impl Part {
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let about = path.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if can_be_read_once(&about) {
            // Opening a pipe may wait for the other side, and takes it away from those who wait for it.
            return Ok(Self::once(Box::new(Unopened::At(path.to_owned())), None));
        }
        // Opened now, so that an unreadable file is found before any I/O; opened again when it is sent, as
        // many requests may wait.
        match File::open(path) {
            // Whether it can be read shows later, when there is room.
            Err(cause) if is_shortage(&cause) => {}
            opened => drop(opened?),
        }
        // Files that are made while they are read, as those of /proc are, say that they are empty.
        let length = Some(about.len()).filter(|length| about.is_file() && *length > 0);
        Ok(Self::File { path: path.to_owned(), length })
    }

    pub(crate) fn once(pieces: ChunkedBuffer, length: Option<u64>) -> Self {
        Self::Once { pieces: Mutex::new(Some(pieces)), length }
    }

    pub(crate) fn again<F, I>(begin: F, length: Option<u64>) -> Self
    where
        F: Fn() -> io::Result<I> + Send + Sync + 'static,
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::Again { begin: Box::new(move || Ok(Box::new(begin()?.into_iter()))), length }
    }

    fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
            Self::File { length, .. } | Self::Once { length, .. } | Self::Again { length, .. } => *length,
        }
    }
}

/// Whether what is read from a file is gone then: from a pipe, a terminal, a socket.
fn can_be_read_once(about: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = about.file_type();
        kind.is_fifo() || kind.is_char_device() || kind.is_socket()
    }
    #[cfg(not(unix))]
    {
        let _ = about;
        false
    }
}

/// A file that is opened, which may wait, when its first piece is asked for.
enum Unopened {
    At(PathBuf),
    Open(File),
}

impl Iterator for Unopened {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Self::At(path) = self {
            match open(path) {
                Ok(file) => *self = Self::Open(file),
                Err(cause) => return Some(Err(cause)),
            }
        }
        let Self::Open(file) = self else { return None };
        let mut piece = vec![0; PIECE];
        // A pipe gives what there is, and more when there is more.
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some(Ok(piece.into()))
            }
            Err(cause) => Some(Err(cause)),
        }
    }
}

/// A file for reading, named in the error.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|cause| match is_shortage(&cause) {
        true => cause,
        false => io::Error::new(cause.kind(), format!("{}: {cause}", path.display())),
    })
}

impl Body {
    /// A value as JSON, with `Content-Type: application/json`.
    ///
    /// A value that JSON has no form for (a map with keys that are no texts, say) ends its request as
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest).
    pub fn json<V: Serialize + ?Sized>(value: &V) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => Self::from(text).with_media_type("application/json"),
            Err(cause) => Self::unusable(format!("json cannot be sent: {cause}")),
        }
    }

    /// Names and values as an HTML form sends them, with
    /// `Content-Type: application/x-www-form-urlencoded`.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::from(text).with_media_type("application/x-www-form-urlencoded")
    }

    /// A form with files, as `multipart/form-data`.
    pub fn multipart(multipart: Multipart) -> Self {
        multipart.into_body()
    }

    /// The content of a file, read from disk while it is sent. It may be sent again, in a retry.
    ///
    /// Its length is said in `Content-Length`, unless the file says 0, as those of `/proc` do, or is no regular
    /// one: then its end tells, and a pipe or a terminal (`/dev/stdin`) can be sent only once.
    ///
    /// A file that cannot be read ends its request as
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest), before any I/O.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = format!("{}/echo-body", server.url());
    /// use patata::{Body, Client, Request};
    ///
    /// let upload = Request::post("the manifest", url).body(Body::file("Cargo.toml"));
    /// let outcome = Client::builder().build()?.run([upload]).next().unwrap();
    /// assert_eq!(outcome.result.unwrap().body, std::fs::read("Cargo.toml").unwrap());
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match Part::file(path) {
            Ok(part) => Self::streamed(vec![part]),
            Err(cause) => Self::unusable(format!("the file {path:?} cannot be read: {cause}")),
        }
    }

    /// ChunkedBuffer, taken while they are sent, on a thread that may wait. They can be had once, so a request that
    /// has begun to send them is not tried again.
    pub fn pieces<I>(pieces: I) -> Self
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::streamed(vec![Part::once(Box::new(pieces.into_iter()), None)])
    }

    /// The same for pieces of which the length in all is known: it is said in `Content-Length`. A body that
    /// turns out to be longer or shorter is a fault.
    pub fn sized_pieces<I>(pieces: I, length: u64) -> Self
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::streamed(vec![Part::once(Box::new(pieces.into_iter()), Some(length))])
    }

    /// ChunkedBuffer that can be had any number of times: `begin` is called on a thread that may wait, at the beginning of each
    /// sending, so that a request can be tried again, and follow a redirect that wants its body. `length` in all is
    /// said in `Content-Length`, where it is known.
    ///
    /// ```
    /// # let server = patata_testserver::Server::start().unwrap();
    /// # let url = format!("{}/echo-body", server.url());
    /// use patata::{Body, Client, Request};
    ///
    /// let body = Body::rewindable(|| Ok(["pot", "ato"].map(|piece| Ok(piece.into()))), Some(6));
    /// let outcome = Client::builder().retries(3).build()?.run([Request::put(1, url).body(body)]).next().unwrap();
    /// assert_eq!(outcome.result.unwrap().body, "potato");
    /// # Ok::<(), patata::ConfigError>(())
    /// ```
    pub fn rewindable<F, I>(begin: F, length: Option<u64>) -> Self
    where
        F: Fn() -> io::Result<I> + Send + Sync + 'static,
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::streamed(vec![Part::again(begin, length)])
    }

    /// Its bytes, where they are in memory.
    ///
    /// ```
    /// let form = patata::Body::form([("a", "1 2")]);
    /// assert_eq!(form.bytes().unwrap(), "a=1+2");
    /// assert_eq!(form.media_type(), Some("application/x-www-form-urlencoded"));
    /// ```
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What it says that it is.
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Says of what media type it is, unless the request's headers do.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<Cow<'static, str>>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    pub(crate) fn streamed(parts: Vec<Part>) -> Self {
        let length = parts.iter().map(Part::length).try_fold(0, |sum, length| Some(sum + length?));
        let streamed = Streamed { parts, length, has_begun: AtomicBool::new(false) };
        Self { content: Content::Streamed(Arc::new(streamed)), media_type: None }
    }

    pub(crate) fn unusable(message: String) -> Self {
        Self { content: Content::Unusable(message.into()), media_type: None }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.content {
            Content::None | Content::Unusable(_) => true,
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Streamed(streamed) => streamed.length == Some(0),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.content, Content::None)
    }

    /// Whether all of it can be sent, as before the first sending.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.content {
            Content::Streamed(streamed) => {
                streamed.is_repeatable() || !streamed.has_begun.load(Ordering::Relaxed)
            }
            _ => true,
        }
    }

    /// Whether it can be sent any number of times.
    pub(crate) fn is_repeatable(&self) -> bool {
        match &self.content {
            Content::Streamed(streamed) => streamed.is_repeatable(),
            _ => true,
        }
    }

    /// The bytes of a body that is in memory.
    pub(crate) fn as_bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Debug for Body {
    /// Without the content, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Body").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { content: Content::Bytes(bytes), media_type: None }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<Multipart> for Body {
    fn from(multipart: Multipart) -> Self {
        multipart.into_body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_browsers_encode_it() {
        let body = Body::form([("a b", "1&2"), ("ü", "=+")]);
        assert_eq!(body.as_bytes().unwrap(), "a+b=1%262&%C3%BC=%3D%2B");
        assert_eq!(body.media_type.as_deref(), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn what_json_has_no_form_for_is_unusable() {
        let body = Body::json(&std::collections::BTreeMap::from([((1, 2), 3)]));
        assert!(
            matches!(body.content, Content::Unusable(message) if message.contains("key must be a string"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_unusable_and_named() {
        for path in ["/no/such/file", "/"] {
            let body = Body::file(path);
            assert!(matches!(body.content, Content::Unusable(message) if message.contains(path)));
        }
    }

    #[test]
    fn a_length_is_known_where_every_part_has_one() {
        let pieces = || Part::once(Box::new(std::iter::empty()), Some(5));
        let length = |parts| match Body::streamed(parts).content {
            Content::Streamed(streamed) => streamed.length,
            _ => None,
        };
        assert_eq!(length(vec![Part::Bytes("abc".into()), pieces()]), Some(8));
        assert_eq!(length(vec![pieces(), Part::once(Box::new(std::iter::empty()), None)]), None);
    }

    #[test]
    fn a_content_is_not_shown() {
        assert!(!format!("{:?}", Body::from("secret")).contains("secret"));
    }
}
