//! From what users give as a body to the engine's: JSON, forms, bytes, files, iterators.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use patata::{Body, FilePart, Multipart};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyIterator, PyMapping, PyMemoryView, PyString, PyTuple};

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
    let (pieces, length) = pieces("content", given)?;
    Ok(match length {
        Some(length) => Body::sized_pieces(pieces, length),
        None => Body::pieces(pieces),
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
        return Ok((Pieces { source: Source::File(given.clone().unbind()) }, length_left(given)));
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

/// Reads a file object or an iterator of the user's, on a thread of the engine's that may wait.
struct Pieces {
    source: Source,
}

enum Source {
    File(Py<PyAny>),
    Iterator(Py<PyIterator>),
}

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let ending = || Some(Err(io::Error::other("the interpreter is ending")));
        let Some(_reader) = Reader::enter() else { return ending() };
        let read = Python::try_attach(|py| {
            let piece = match &self.source {
                Source::File(file) => file.bind(py).call_method1("read", (PIECE,)),
                Source::Iterator(iterator) => iterator.bind(py).clone().next()?,
            };
            let bytes = piece.and_then(|piece| match in_memory(&piece)? {
                Some(bytes) => Ok(bytes),
                None => {
                    let message = format!("a piece must be bytes, got {}", piece.get_type());
                    Err(PyValueError::new_err(message))
                }
            });
            match (bytes, &self.source) {
                (Ok(bytes), Source::File(_)) if bytes.is_empty() => None,
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
    let (pieces, length) = pieces("files", given)?;
    let name = given.getattr_opt("name")?.and_then(|name| name.extract::<PathBuf>().ok());
    let name = name.and_then(|name| Some(name.file_name()?.to_string_lossy().into_owned()));
    Ok(FilePart::pieces(name.unwrap_or_else(|| field.to_owned()), pieces, length))
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
