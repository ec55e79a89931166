//! From what users give as a body to the engine's: JSON, forms, bytes, files, iterators.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use patata::{Body, FilePart, Multipart};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyIterator, PyList, PyMapping, PyMemoryView, PyString, PyTuple,
};

use crate::json;
use crate::readers::Reader;
use crate::values;

/// How much is read from a file object at once.
const PIECE: usize = 128 << 10;

/// What a request or a run says of its body. At most one of them is given, but for `form` with `files`.
#[derive(Default)]
pub(crate) struct Given<'py> {
    pub(crate) data: Option<Bound<'py, PyAny>>,
    pub(crate) json: Option<Bound<'py, PyAny>>,
    pub(crate) form: Option<Bound<'py, PyAny>>,
    pub(crate) content: Option<Bound<'py, PyAny>>,
    pub(crate) files: Option<Bound<'py, PyAny>>,
}

impl Given<'_> {
    /// Refuses what cannot be sent together.
    ///
    /// # Errors
    /// Names both.
    pub(crate) fn check(&self) -> PyResult<()> {
        let given: Vec<_> = [
            ("data", self.data.is_some()),
            ("json", self.json.is_some()),
            ("form", self.form.is_some()),
            ("content", self.content.is_some()),
            ("files", self.files.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect();
        match given.as_slice() {
            [] | [_] | ["form", "files"] => Ok(()),
            [one, other, ..] => Err(PyValueError::new_err(format!(
                "{one} and {other} cannot be sent together; give one of them (form and files go together)"
            ))),
        }
    }

    /// The body that is sent, where there is one.
    ///
    /// # Errors
    /// Says what cannot be sent.
    pub(crate) fn body(&self) -> PyResult<Option<Body>> {
        self.check()?;
        for (name, given) in [("data", &self.data), ("json", &self.json)] {
            if let Some(value) = given {
                let body = json::encode(name, value)?;
                return Ok(Some(Body::from(body).with_media_type("application/json")));
            }
        }
        if let Some(files) = &self.files {
            return multipart(self.form.as_ref(), files).map(Some);
        }
        if let Some(form) = &self.form {
            return Ok(Some(Body::form(values::texts("form", form)?)));
        }
        self.content.as_ref().map(content).transpose()
    }
}

/// Bytes, a str, the path of a file, a file object, or an iterable of bytes.
fn content(given: &Bound<'_, PyAny>) -> PyResult<Body> {
    if let Some(bytes) = in_memory(given)? {
        return Ok(bytes.into());
    }
    if let Some(path) = path(given)? {
        return Ok(Body::file(path));
    }
    let (source, length) = pieces("content", given)?;
    Ok(match (source.into_rewindable(), length) {
        (Ok(again), length) => Body::rewindable(again, length),
        (Err(once), Some(length)) => Body::sized_pieces(once, length),
        (Err(once), None) => Body::pieces(once),
    })
}

fn in_memory(given: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(Some(Bytes::copy_from_slice(bytes.as_bytes())));
    }
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Some(Bytes::copy_from_slice(text.to_str()?.as_bytes())));
    }
    if given.is_instance_of::<PyByteArray>() || given.is_instance_of::<PyMemoryView>() {
        let bytes = given.py().get_type::<PyBytes>().call1((given,))?;
        return Ok(Some(Bytes::copy_from_slice(bytes.cast::<PyBytes>()?.as_bytes())));
    }
    Ok(None)
}

/// The path that a `pathlib.Path` or the like stands for; a str is no path here.
fn path(given: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if given.hasattr("__fspath__")? { given.extract().map(Some) } else { Ok(None) }
}

/// What is read while it is sent, and its length where that is known.
fn pieces(option: &str, given: &Bound<'_, PyAny>) -> PyResult<(Pieces, Option<u64>)> {
    if given.hasattr("read")? {
        let text = given.py().import("io")?.getattr("TextIOBase")?;
        if given.is_instance(&text)? {
            let message = format!("{option}: a file must be opened in binary mode (\"rb\"), got {given:?}");
            return Err(PyValueError::new_err(message));
        }
        let file = given.clone().unbind();
        let source = match start(given) {
            Some(start) => Source::Seekable(Arc::new(Seekable { file, start, turn: Mutex::new(()) }), start),
            None => Source::File(file),
        };
        return Ok((Pieces { source }, length_left(given)));
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        return Ok((Pieces { source: Source::Sequence(given.clone().unbind()) }, None));
    }
    let is_mapping = given.cast::<PyMapping>().is_ok();
    match given.try_iter() {
        Ok(iterator) if !is_mapping => Ok((Pieces { source: Source::Iterator(iterator.unbind()) }, None)),
        _ => Err(PyValueError::new_err(format!(
            "{option} must be bytes, a str, a path (pathlib.Path), a binary file or an iterable of bytes, got {}",
            given.get_type()
        ))),
    }
}

/// How much of a file object is left to read; `None` for what cannot tell, as a pipe, and for what says that it is
/// empty and may not be, as the files of `/proc`.
fn length_left(file: &Bound<'_, PyAny>) -> Option<u64> {
    let position: u64 = file.call_method0("tell").ok()?.extract().ok()?;
    let end: u64 = file.call_method1("seek", (0, 2)).ok()?.extract().ok()?;
    file.call_method1("seek", (position,)).ok()?;
    if end == 0 && file.hasattr("fileno").ok()? && file.call_method0("fileno").is_ok() {
        return None;
    }
    Some(end.saturating_sub(position))
}

/// Where a file object stands that can be set back there.
fn start(file: &Bound<'_, PyAny>) -> Option<u64> {
    let is_seekable: bool = file.call_method0("seekable").ok()?.extract().ok()?;
    let position = file.call_method0("tell").ok()?.extract().ok()?;
    is_seekable.then_some(position)
}

/// A file object that each sending reads from its beginning, with a position of its own.
struct Seekable {
    file: Py<PyAny>,
    start: u64,
    /// Held from setting its position to having read: an earlier sending may not be over. Waited for without the GIL,
    /// which reading may let go.
    turn: Mutex<()>,
}

/// Reads a file object or an iterator of the user's, on a thread of the engine's that may wait.
struct Pieces {
    source: Source,
}

enum Source {
    File(Py<PyAny>),
    Iterator(Py<PyIterator>),
    /// With the position of what is read next.
    Seekable(Arc<Seekable>, u64),
    /// A list or tuple of pieces, of which an iterator is made when it is begun.
    Sequence(Py<PyAny>),
}

impl Pieces {
    /// What begins them anew, as often as is wanted, where they can be.
    fn into_rewindable(self) -> Result<impl Fn() -> io::Result<Self> + Send + Sync, Self> {
        match self.source {
            Source::Seekable(..) | Source::Sequence(_) => Ok(move || self.begin()),
            Source::File(_) | Source::Iterator(_) => Err(self),
        }
    }

    fn begin(&self) -> io::Result<Self> {
        let source = match &self.source {
            Source::Seekable(file, _) => Source::Seekable(file.clone(), file.start),
            Source::Sequence(sequence) => {
                let ending = || io::Error::other(ENDING);
                let _reader = Reader::enter().ok_or_else(ending)?;
                let iterator = Python::try_attach(|py| sequence.bind(py).try_iter().map(Bound::unbind));
                Source::Iterator(
                    iterator.ok_or_else(ending)?.map_err(|error| io::Error::other(error.to_string()))?,
                )
            }
            Source::File(_) | Source::Iterator(_) => {
                return Err(io::Error::other("it can be sent only once"));
            }
        };
        Ok(Self { source })
    }
}

/// What a body ends with that is read while the interpreter ends.
const ENDING: &str = "the interpreter is ending";

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let ending = || Some(Err(io::Error::other(ENDING)));
        let turn = match &self.source {
            Source::Seekable(file, _) => Some(file.clone()),
            _ => None,
        };
        let _turn = turn.as_ref().map(|file| file.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(_reader) = Reader::enter() else { return ending() };
        let read = Python::try_attach(|py| {
            let piece = match &self.source {
                Source::File(file) => file.bind(py).call_method1("read", (PIECE,)),
                Source::Iterator(iterator) => iterator.bind(py).clone().next()?,
                Source::Seekable(file, position) => {
                    let file = file.file.bind(py);
                    file.call_method1("seek", (*position,)).and_then(|_| file.call_method1("read", (PIECE,)))
                }
                Source::Sequence(_) => return None,
            };
            let bytes = piece.and_then(|piece| match in_memory(&piece)? {
                Some(bytes) => Ok(bytes),
                None => {
                    let message = format!("a piece must be bytes, got {}", piece.get_type());
                    Err(PyValueError::new_err(message))
                }
            });
            if let (Ok(bytes), Source::Seekable(_, position)) = (&bytes, &mut self.source) {
                *position += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            }
            match (bytes, &self.source) {
                (Ok(bytes), Source::File(_) | Source::Seekable(..)) if bytes.is_empty() => None,
                (Ok(bytes), _) => Some(Ok(bytes)),
                (Err(error), _) => Some(Err(io::Error::other(error.to_string()))),
            }
        });
        read.unwrap_or_else(ending)
    }
}

fn multipart(form: Option<&Bound<'_, PyAny>>, files: &Bound<'_, PyAny>) -> PyResult<Body> {
    let mut multipart = Multipart::new();
    if let Some(form) = form {
        for (name, value) in values::texts("form", form)? {
            multipart = multipart.text(name, value);
        }
    }
    for (name, given) in values::pairs("files", files)? {
        let part = file_part(&name, &given)?;
        multipart = multipart.file(name, part);
    }
    Ok(Body::multipart(multipart))
}

/// A path, bytes, a file object, or `(file name, one of these)`, or these two and a media type.
fn file_part(field: &str, given: &Bound<'_, PyAny>) -> PyResult<FilePart> {
    let Ok(tuple) = given.cast::<PyTuple>() else { return part(field, given) };
    let unusable = || {
        PyValueError::new_err(format!(
            "files: {field:?} must be a file, or (file name, file), or (file name, file, media type)"
        ))
    };
    if !matches!(tuple.len(), 2 | 3) {
        return Err(unusable());
    }
    let name: Option<String> = tuple.get_item(0)?.extract().map_err(|_| unusable())?;
    let mut file = part(field, &tuple.get_item(1)?)?.file_name(name);
    if tuple.len() == 3 {
        let media_type: Option<String> = tuple.get_item(2)?.extract().map_err(|_| unusable())?;
        if let Some(media_type) = media_type {
            file = file.media_type(media_type);
        }
    }
    Ok(file)
}

fn part(field: &str, given: &Bound<'_, PyAny>) -> PyResult<FilePart> {
    if let Some(bytes) = in_memory(given)? {
        return Ok(FilePart::bytes(field, bytes));
    }
    if let Some(path) = path(given)? {
        return Ok(FilePart::path(path));
    }
    let (source, length) = pieces("files", given)?;
    let name = given.getattr_opt("name")?.and_then(|name| name.extract::<PathBuf>().ok());
    let name = name.and_then(|name| Some(name.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_else(|| field.to_owned());
    Ok(match source.into_rewindable() {
        Ok(again) => FilePart::rewindable(name, again, length),
        Err(once) => FilePart::pieces(name, once, length),
    })
}

/// The part of a dict of options that is about the body.
pub(crate) fn of_options<'py>(options: &Bound<'py, PyDict>) -> PyResult<Given<'py>> {
    Ok(Given {
        data: None,
        json: options.get_item("json")?,
        form: options.get_item("form")?,
        content: options.get_item("content")?,
        files: options.get_item("files")?,
    })
}
